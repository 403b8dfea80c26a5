//! What is chosen in the export view: which patches, as what, and where.

use std::path::{Path, PathBuf};

use eframe::egui;
use egui::{ComboBox, Slider, Ui};
use vitrine_core::Label;
use vitrine_core::export::{ExportFormat, ExportRequest, ExportWhat};

use crate::gui::command::{Command, ExportCommand};
use crate::gui::model::{ExportProposal, OpenProject};
use crate::gui::theme;
use crate::gui::widgets::form::{section, typed_path};
use crate::gui::widgets::label_mark;
use crate::words;

/// What is handed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum What {
    /// Patches by their labels.
    #[default]
    Labels,
    /// Patches by the score of a run.
    Scores,
    /// The network of a run.
    Network,
}

/// The request as chosen.
pub struct Form {
    /// What is handed on.
    pub what: What,
    /// Labels written, in the order positive, negative, unlabeled.
    pub labels: [bool; 3],
    /// The labels of the other choice: by score, what was found among the unlabeled is wanted too.
    other_labels: [bool; 3],
    /// The run.
    pub run: Option<String>,
    /// Least score.
    pub threshold: f32,
    /// The format.
    pub format: ExportFormat,
    /// What a STAR file names.
    pub star: ExportWhat,
    /// Where.
    pub out: String,
    /// Existing files may be replaced.
    pub replace: bool,
    begun: bool,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            what: What::Labels,
            labels: [true, false, false],
            other_labels: BY_SCORE,
            run: None,
            threshold: 0.5,
            format: ExportFormat::RelionStar,
            star: ExportWhat::Coordinates,
            out: String::new(),
            replace: false,
            begun: false,
        }
    }
}

/// Labels written by score, unless the person chooses others: particles found are unlabeled as yet.
const BY_SCORE: [bool; 3] = [true, false, true];

/// Labels in the order of [`Form::labels`].
const LABELS: [Label; 3] = [Label::Positive, Label::Negative, Label::Unlabeled];

const fn explained(format: ExportFormat) -> (&'static str, &'static str) {
    match format {
        ExportFormat::RelionStar => ("RELION STAR", "RELION 3.1 to 5, with the optics table"),
        ExportFormat::CryosparcStar => ("cryoSPARC STAR", "for Import Particle Stack"),
        ExportFormat::Csv => ("CSV table", "id, micrograph, x, y, label, score, source"),
        ExportFormat::Npz => ("NumPy archive", "arrays positive, unlabeled, negative"),
        ExportFormat::Mrcs => ("MRC stack", "with a table beside it"),
        ExportFormat::Png => ("Pictures", "a folder with one folder per label"),
        ExportFormat::Box => ("EMAN box files", "a folder with one file per micrograph"),
    }
}

impl Form {
    /// Fills in what depends on the project, once.
    pub(super) fn begin(&mut self, open: &OpenProject) {
        if self.begun {
            return;
        }
        self.begun = true;
        let folder = std::path::absolute(&open.dir).ok().and_then(|dir| dir.parent().map(Path::to_owned));
        // A project `X/project` is called X: its exports lie beside it, in X.
        let out = folder.unwrap_or_default().join(&open.name);
        if self.out.is_empty() {
            self.out = self.with_ending(&out).display().to_string();
        }
        if self.run.is_none() {
            self.run = open.scores.as_ref().map(|scores| scores.name.clone());
        }
        if open.counts.positive == 0 {
            self.labels = [true; 3];
        }
    }

    pub(super) fn take(&mut self, proposal: &ExportProposal) {
        self.choose(What::Scores);
        self.labels = BY_SCORE;
        self.run = Some(proposal.run.clone());
        self.threshold = proposal.threshold;
    }

    /// Chooses what is handed on. Labels for patches by label and for patches by score are two choices.
    fn choose(&mut self, what: What) {
        if (self.what == What::Scores) != (what == What::Scores) {
            std::mem::swap(&mut self.labels, &mut self.other_labels);
        }
        self.what = what;
    }

    /// The request; `None` for a network, or when something is missing.
    pub fn request(&self) -> Option<ExportRequest> {
        if self.what == What::Network || self.out.trim().is_empty() {
            return None;
        }
        let labels: Vec<Label> = LABELS
            .into_iter()
            .zip(self.labels)
            .filter(|(_, wanted)| *wanted)
            .map(|(label, _)| label)
            .collect();
        if labels.is_empty() {
            return None;
        }
        let by_score = self.what == What::Scores;
        if by_score && self.run.is_none() {
            return None;
        }
        Some(ExportRequest {
            labels,
            run: self.run.clone().filter(|_| by_score),
            threshold: by_score.then_some(self.threshold),
            what: self.star,
            force: self.replace,
            ..ExportRequest::new(self.format, typed_path(&self.out))
        })
    }

    /// The command that writes what is chosen; `None` when something is missing.
    pub fn shown(&self) -> Option<ExportCommand> {
        if self.what != What::Network {
            return Some(ExportCommand::Write(Box::new(self.request()?)));
        }
        let out = Some(self.out.trim()).filter(|out| !out.is_empty())?;
        Some(ExportCommand::WriteModel { run: self.run.clone()?, out: typed_path(out), force: self.replace })
    }

    fn ending(&self) -> Option<&'static str> {
        if self.what == What::Network { Some("safetensors") } else { self.format.extension() }
    }

    /// A path with the ending of what is written; other endings of ours go.
    pub(super) fn with_ending(&self, path: &Path) -> PathBuf {
        let ours = |ending: &str| {
            ending == "safetensors"
                || ExportFormat::ALL.iter().any(|format| format.extension() == Some(ending))
        };
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let stem = match ending {
            Some(ending) if ours(&ending) => path.with_extension(""),
            _ => path.to_owned(),
        };
        match self.ending() {
            None => stem,
            Some(ending) => {
                let mut name = stem.into_os_string();
                name.push(".");
                name.push(ending);
                PathBuf::from(name)
            }
        }
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, open: &OpenProject, out: &mut Vec<Command>) {
        let ending = self.ending();
        section(ui, "What");
        for (what, words) in [
            (What::Labels, "Patches by label"),
            (What::Scores, "Patches by label and the score of a run"),
            (What::Network, "The network of a run, for other programs"),
        ] {
            if ui.radio(self.what == what, words).clicked() {
                self.choose(what);
            }
        }
        ui.add_space(4.0);
        if self.what != What::Network {
            for (label, wanted) in LABELS.into_iter().zip(&mut self.labels) {
                ui.horizontal(|ui| {
                    ui.checkbox(wanted, label.as_str());
                    label_mark(ui, label);
                    ui.weak(words::count(open.counts.get(label)));
                });
            }
            if self.labels == [false; 3] {
                crate::gui::widgets::form::complaint(ui, "Choose at least one label.");
            }
        }
        if self.what != What::Labels {
            self.runs(ui, open);
        }
        if self.what != What::Network {
            self.formats(ui);
        }
        if self.ending() != ending && !self.out.trim().is_empty() {
            self.out = self.with_ending(&typed_path(&self.out)).display().to_string();
            self.replace = false;
        }
        section(ui, "Where");
        ui.horizontal(|ui| {
            let folder = self.ending().is_none();
            let name = ui.label(if folder { "Folder" } else { "File" });
            let edit = egui::TextEdit::singleline(&mut self.out)
                .desired_width((ui.available_width() - 110.0).clamp(120.0, 460.0));
            if ui.add(edit).labelled_by(name.id).changed() {
                self.replace = false;
            }
            if ui.button("Choose…").clicked() {
                out.push(Command::Export(ExportCommand::ChooseOut { now: typed_path(&self.out), folder }));
            }
        });
    }

    fn runs(&mut self, ui: &mut Ui, open: &OpenProject) {
        if open.runs.is_empty() {
            ui.weak("No run yet: train one first.");
            return;
        }
        ui.horizontal(|ui| {
            ui.label("Run");
            let shown = self.run.clone().unwrap_or_else(|| "choose one".to_owned());
            let combo = ComboBox::from_id_salt("export run").selected_text(shown).width(240.0);
            let response = combo.show_ui(ui, |ui| {
                for run in open.runs.iter().rev() {
                    ui.selectable_value(&mut self.run, Some(run.name.clone()), &run.name);
                }
            });
            response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "Run"));
        });
        if self.what == What::Scores {
            ui.horizontal(|ui| {
                let name = ui.label("Score at least");
                let slider = Slider::new(&mut self.threshold, 0.0..=1.0).fixed_decimals(3);
                theme::slider(ui, slider).labelled_by(name.id);
            });
        }
    }

    fn formats(&mut self, ui: &mut Ui) {
        section(ui, "Format");
        egui::Grid::new("export formats").num_columns(2).show(ui, |ui| {
            for format in ExportFormat::ALL {
                let (name, why) = explained(format);
                ui.radio_value(&mut self.format, format, name);
                ui.weak(why);
                ui.end_row();
            }
        });
        if matches!(self.format, ExportFormat::RelionStar | ExportFormat::CryosparcStar) {
            ui.horizontal_wrapped(|ui| {
                ui.label("The table names");
                for (what, words, why) in [
                    (
                        ExportWhat::Coordinates,
                        "Positions",
                        "Where particles are on micrographs, to be extracted again.",
                    ),
                    (ExportWhat::Stack, "Stack", "The patches themselves, written beside the table."),
                    (ExportWhat::Both, "Both", "Positions and the patches."),
                ] {
                    ui.radio_value(&mut self.star, what, words).on_hover_text(why);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_follows_the_format() {
        let mut form = Form::default();
        let with = |form: &Form, path: &str| form.with_ending(Path::new(path)).display().to_string();
        assert_eq!(with(&form, "/d/apo"), "/d/apo.star");
        assert_eq!(with(&form, "/d/apo_v1.2"), "/d/apo_v1.2.star");
        form.format = ExportFormat::Npz;
        assert_eq!(with(&form, "/d/apo.star"), "/d/apo.npz");
        form.format = ExportFormat::Png;
        assert_eq!(with(&form, "/d/apo.npz"), "/d/apo");
        form.what = What::Network;
        assert_eq!(with(&form, "/d/apo"), "/d/apo.safetensors");
    }

    #[test]
    fn nothing_chosen_is_no_request() {
        let mut form = Form { out: "/d/a.star".to_owned(), ..Form::default() };
        assert!(
            form.request()
                .is_some_and(|request| request.labels == [Label::Positive] && request.run.is_none())
        );
        form.choose(What::Scores);
        assert!(form.request().is_none(), "no run");
        form.run = Some("r-1".to_owned());
        // Particles found by the score are unlabeled; by label alone, unlabeled ones are no particles.
        let labels = |form: &Form| form.request().map(|request| request.labels);
        assert_eq!(labels(&form), Some(vec![Label::Positive, Label::Unlabeled]));
        form.choose(What::Labels);
        assert_eq!(labels(&form), Some(vec![Label::Positive]));
        form.choose(What::Scores);
        assert_eq!(form.request().and_then(|request| request.threshold), Some(0.5));
        form.labels = [false; 3];
        assert!(form.request().is_none(), "no label");
    }
}
