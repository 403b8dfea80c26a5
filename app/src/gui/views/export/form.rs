//! The export form: which patches, in which format, and where.

use eframe::egui;
use egui::{ComboBox, Slider, Ui};
use vitrine_core::export::{ExportFormat, ExportWhat, OpticsField};

use super::micrographs;
use crate::gui::command::{Command, ExportCommand, ViewCommand};
use crate::gui::drafts::{ExportDraft, ExportKind, LABELS, PickDraft};
use crate::gui::model::{OpenProject, distance_of, run_of};
use crate::gui::theme;
use crate::gui::values::Tab;
use crate::gui::widgets::form::{complaint, section};
use crate::gui::widgets::label_mark;
use crate::words::{self, typed_path};

const fn explained(format: ExportFormat) -> (&'static str, &'static str) {
    match format {
        ExportFormat::RelionStar => {
            ("RELION STAR", "particle table of RELION 3.1 to 5, with the optics table")
        }
        ExportFormat::RelionCoordinates => {
            ("RELION coordinates", "a folder for RELION's Extract job, one STAR file per micrograph")
        }
        ExportFormat::RelionSubset => {
            ("Rows of the RELION table", "the table the patches came from, without the other rows")
        }
        ExportFormat::CryosparcStar => ("cryoSPARC STAR", "for Import Particle Stack"),
        ExportFormat::CryosparcCs => {
            ("Records of the .cs file", "the file the patches came from, without the other particles")
        }
        ExportFormat::Csv => ("CSV table", "id, micrograph, x, y, label, score, source"),
        ExportFormat::Npz => ("NumPy archive", "arrays positive, unlabeled, negative"),
        ExportFormat::Mrcs => ("MRC stack", "with a table beside it"),
        ExportFormat::Png => ("Pictures", "a folder with one folder per label"),
        ExportFormat::Box => ("EMAN box files", "a folder with one file per micrograph"),
    }
}

/// Draws the form; `picking` says which places are picks, `missing` are the optics that the last preview found missing.
pub fn ui(
    ui: &mut Ui,
    draft: &mut ExportDraft,
    open: &OpenProject,
    picking: &PickDraft,
    missing: &[OpticsField],
    out: &mut Vec<Command>,
) {
    let ending = draft.ending();
    section(ui, "What");
    for (kind, words) in [
        (ExportKind::Labels, "Patches by label"),
        (ExportKind::Scores, "Patches by label and the score of a run"),
        (ExportKind::Picks, "Picks of a run on whole micrographs"),
        (ExportKind::Network, "The network of a run, for other programs"),
    ] {
        if ui.radio(draft.kind == kind, words).clicked() {
            draft.choose(kind);
        }
    }
    ui.add_space(4.0);
    if matches!(draft.kind, ExportKind::Labels | ExportKind::Scores) {
        for (label, wanted) in LABELS.into_iter().zip(&mut draft.labels) {
            ui.horizontal(|ui| {
                ui.checkbox(wanted, label.as_str());
                label_mark(ui, label);
                ui.weak(words::count(open.counts.get(label)));
            });
        }
        if draft.labels == [false; 3] {
            complaint(ui, "Choose at least one label.");
        }
    }
    match draft.kind {
        ExportKind::Labels => {}
        ExportKind::Picks => picks(ui, open, picking, out),
        ExportKind::Scores | ExportKind::Network => runs(ui, draft, open),
    }
    if draft.kind != ExportKind::Network {
        formats(ui, draft);
        micrographs::ui(ui, &mut draft.micrographs, draft.format, missing);
    }
    if draft.ending() != ending && !draft.out.trim().is_empty() {
        draft.out = draft.with_ending(&typed_path(&draft.out)).display().to_string();
        draft.replace = false;
    }
    section(ui, "Where");
    ui.horizontal(|ui| {
        let folder = draft.ending().is_none();
        let name = ui.label(if folder { "Folder" } else { "File" });
        let edit = egui::TextEdit::singleline(&mut draft.out)
            .desired_width((ui.available_width() - 110.0).clamp(120.0, 460.0));
        if ui.add(edit).labelled_by(name.id).changed() {
            draft.replace = false;
        }
        if ui.button("Choose…").clicked() {
            out.push(Command::Export(ExportCommand::ChooseOut { now: typed_path(&draft.out), folder }));
        }
    });
}

/// Which places are picks, as it is chosen in the view of micrographs.
fn picks(ui: &mut Ui, open: &OpenProject, picking: &PickDraft, out: &mut Vec<Command>) {
    let text = match run_of(open, picking) {
        None => "No run can pick yet. Train one first.".to_owned(),
        Some(run) => format!(
            "Places of {} with a score of {:.2} or more, at least {:.0} px apart, corrected by your labels.",
            run.name,
            picking.threshold,
            distance_of(open, picking)
        ),
    };
    ui.add(egui::Label::new(text).wrap());
    ui.horizontal(|ui| {
        let change =
            ui.button("Change in Micrographs").on_hover_text("Run, threshold and distance are chosen there");
        if change.clicked() {
            out.push(Command::View(ViewCommand::Tab(Tab::Micrographs)));
        }
    });
}

fn runs(ui: &mut Ui, draft: &mut ExportDraft, open: &OpenProject) {
    if open.runs.is_empty() {
        ui.weak("No run yet. Train one first.");
        return;
    }
    ui.horizontal(|ui| {
        ui.label("Run");
        let shown = draft.run.clone().unwrap_or_else(|| "choose one".to_owned());
        let combo = ComboBox::from_id_salt("export run").selected_text(shown).width(240.0);
        let response = combo.show_ui(ui, |ui| {
            for run in open.runs.iter().rev() {
                ui.selectable_value(&mut draft.run, Some(run.name.clone()), &run.name);
            }
        });
        response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "Run"));
    });
    if draft.kind == ExportKind::Scores {
        ui.horizontal(|ui| {
            let name = ui.label("Score at least");
            let slider = Slider::new(&mut draft.threshold, 0.0..=1.0).fixed_decimals(3);
            theme::slider(ui, slider).labelled_by(name.id);
        });
        ui.checkbox(&mut draft.keep_labelled, "Keep labelled patches whatever their score").on_hover_text(
            "Positives and negatives chosen above are written also below the threshold. Untick to apply the \
             threshold to them too.",
        );
    }
}

fn formats(ui: &mut Ui, draft: &mut ExportDraft) {
    section(ui, "Format");
    egui::Grid::new("export formats").num_columns(2).show(ui, |ui| {
        let picks = draft.kind == ExportKind::Picks;
        for format in ExportFormat::ALL.into_iter().filter(|format| !picks || !format.is_subset()) {
            let (name, why) = explained(format);
            ui.radio_value(&mut draft.format, format, name);
            ui.weak(why);
            ui.end_row();
        }
    });
    if matches!(draft.format, ExportFormat::RelionStar | ExportFormat::CryosparcStar) {
        ui.horizontal_wrapped(|ui| {
            ui.label("STAR contains");
            for (what, words, why) in [
                (
                    ExportWhat::Coordinates,
                    "Coordinates",
                    "Where particles are on the micrographs, to extract them again.",
                ),
                (ExportWhat::Stack, "Particle images", "The patches themselves, written beside the table."),
                (ExportWhat::Both, "Both", "Coordinates and particle images."),
            ] {
                ui.radio_value(&mut draft.star, what, words).on_hover_text(why);
            }
        });
    }
    if draft.writes_relion_stack() {
        ui.horizontal_wrapped(|ui| {
            ui.checkbox(&mut draft.normalise, "Normalise").on_hover_text(
                "Background of mean 0 and standard deviation 1, as RELION's refinement wants it.",
            );
            ui.checkbox(&mut draft.invert, "Invert")
                .on_hover_text("RELION wants particles lighter than the ice: invert dark ones.");
        });
    }
}
