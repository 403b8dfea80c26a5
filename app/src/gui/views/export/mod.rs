//! Export: hand labels, scores and networks to other programs. The same requests as on the command
//! line; what would be written is counted before anything is.

mod form;
mod written;

use std::path::{Path, PathBuf};

use eframe::egui;
use egui::{RichText, Ui};
use vitrine_core::Label;
use vitrine_core::export::Preview;

pub use form::{Form, What};

use crate::gui::command::{Command, ExportCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::{Model, OpenProject, Previewed};
use crate::gui::remedy;
use crate::gui::widgets::form::{section, typed_path, warning};
use crate::gui::widgets::label_count;
use crate::words;

/// What the view remembers.
#[derive(Default)]
pub struct State {
    /// The request as chosen.
    pub form: Form,
    /// Number of the proposal taken up last.
    proposed: u64,
}

impl State {
    /// A path was chosen in a dialog.
    pub fn chosen(&mut self, out: PathBuf) {
        self.form.out = self.form.with_ending(&out).display().to_string();
    }
}

/// Draws the view.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    if open.is_empty() {
        crate::gui::widgets::empty(
            ui,
            "Nothing to export yet",
            "Import patches, or micrographs with picks, first.",
        );
        return;
    }
    state.form.begin(open);
    if let Some((number, proposal)) = &model.export.proposed
        && *number != state.proposed
    {
        state.form.take(proposal);
        state.proposed = *number;
    }
    let request = state.form.request();
    // Counted again when the request or the labels have changed.
    if let (Some(request), None) = (&request, &model.export.counting) {
        let current = |p: &Previewed| p.request == *request && p.journal == open.journal;
        if !model.export.preview.as_ref().is_some_and(current) {
            out.push(Command::Export(ExportCommand::Preview(Box::new(request.clone()))));
        }
    }
    let why_not = why_not(model, open, state);
    // Always on the screen, as in Import: what would be written, and the button.
    let panel = egui::Panel::bottom("write the export").frame(egui::Frame::NONE);
    panel.show(ui, |ui| write(ui, model, open, state, why_not, out));
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let wide = ui.available_width() > 900.0;
        if wide {
            ui.columns(2, |columns| {
                if let [left, right] = columns {
                    choices(left, open, state, out);
                    what_comes(right, model, open, state, out);
                }
            });
        } else {
            choices(ui, open, state, out);
            what_comes(ui, model, open, state, out);
        }
    });
}

/// The preview of what stands in the form now.
fn counted<'a>(model: &'a Model, open: &OpenProject, state: &State) -> Option<&'a Result<Preview, String>> {
    let request = state.form.request()?;
    let preview = model.export.preview.as_ref();
    preview.filter(|p| p.request == request && p.journal == open.journal).map(|p| &p.result)
}

/// The files of a network: weights and card, and those of them that exist.
fn network_files(form: &Form) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let file = typed_path(&form.out);
    let targets = vec![file.clone(), file.with_extension("json")];
    let existing = targets.iter().filter(|path| path.exists()).cloned().collect();
    (targets, existing)
}

/// Why nothing can be written now.
fn why_not(model: &Model, open: &OpenProject, state: &State) -> Option<String> {
    let form = &state.form;
    let existing = if model.jobs.iter().any(|job| job.kind == JobKind::Export) {
        return Some("An export is being written.".to_owned());
    } else if form.what == What::Network {
        if form.run.is_none() {
            return Some("Choose a run.".to_owned());
        }
        !network_files(form).1.is_empty()
    } else {
        if form.request().is_none() {
            return Some("Something is missing in what was chosen.".to_owned());
        }
        match counted(model, open, state) {
            None => return Some("Being counted.".to_owned()),
            Some(Err(_)) => return Some("See above why.".to_owned()),
            Some(Ok(preview)) if preview.total == 0 => {
                return Some("No patch has these labels and scores.".to_owned());
            }
            Some(Ok(preview)) => !preview.existing.is_empty(),
        }
    };
    (existing && !form.replace).then(|| "Allow replacing, or choose another name.".to_owned())
}

fn choices(ui: &mut Ui, open: &OpenProject, state: &mut State, out: &mut Vec<Command>) {
    ui.heading("Export");
    state.form.ui(ui, open, out);
}

/// The counts and the button.
fn write(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    state: &mut State,
    why_not: Option<String>,
    out: &mut Vec<Command>,
) {
    ui.add_space(6.0);
    if let Some(Ok(preview)) = counted(model, open, state) {
        counts(ui, preview);
        if state.form.what == What::Scores && preview.counts.unlabeled > 0 {
            ui.weak(format!(
                "{} of them unlabeled: the run takes them for particles, nobody has said so.",
                words::count(preview.counts.unlabeled)
            ));
        }
    }
    ui.horizontal(|ui| {
        let button =
            egui::Button::new(RichText::new("Write the export").strong()).min_size(egui::vec2(150.0, 30.0));
        let pressed = ui
            .add_enabled(why_not.is_none(), button)
            .on_hover_text("A file appears only when it is complete.");
        if let Some(why) = &why_not {
            ui.weak(why);
        }
        if pressed.clicked() {
            out.extend(state.form.shown().map(Command::Export));
            // Each replacing is asked for anew.
            state.form.replace = false;
        }
    });
    ui.add_space(4.0);
}

/// What is to be known before anything is written, and what was written last.
fn what_comes(ui: &mut Ui, model: &Model, open: &OpenProject, state: &mut State, out: &mut Vec<Command>) {
    section(ui, "What would be written");
    match counted(model, open, state) {
        _ if state.form.what == What::Network => {
            ui.add(
                egui::Label::new(
                    "The weights of the run's best epoch as safetensors, and a card (JSON) with the network, its input, \
                     the normaliser, π and checksums.",
                )
                .wrap(),
            );
            let (targets, existing) = network_files(&state.form);
            files(ui, &targets, &existing, &mut state.form);
        }
        None if state.form.request().is_none() => {
            ui.weak("Something is missing in what was chosen.");
        }
        None => {
            ui.spinner();
        }
        Some(Err(why)) => {
            let text =
                RichText::new(format!("{}.", words::capitalised(why))).color(ui.visuals().error_fg_color);
            ui.add(egui::Label::new(text).wrap());
        }
        Some(Ok(preview)) => {
            if preview.outside_threshold > 0 {
                ui.weak(format!(
                    "{} with these labels have a score outside the bounds",
                    words::patches(preview.outside_threshold)
                ));
            }
            for text in &preview.warnings {
                warning(ui, &remedy::warning(text));
            }
            files(ui, &preview.targets, &preview.existing, &mut state.form);
        }
    }
    if let Some(written) = &model.export.written {
        written::ui(ui, model, written, out);
    }
}

fn counts(ui: &mut Ui, preview: &Preview) {
    ui.horizontal_wrapped(|ui| {
        ui.strong(words::patches(preview.total));
        ui.add_space(8.0);
        for label in [Label::Positive, Label::Negative, Label::Unlabeled] {
            label_count(ui, label, &preview.counts);
            ui.add_space(6.0);
        }
    });
}

/// The files that would be made, and the question about those that are there.
fn files(ui: &mut Ui, targets: &[PathBuf], existing: &[PathBuf], form: &mut Form) {
    ui.add_space(6.0);
    for target in targets {
        ui.horizontal(|ui| {
            ui.label(file_name(target)).on_hover_text(target.display().to_string());
            if existing.contains(target) {
                ui.colored_label(ui.visuals().warn_fg_color, "exists already");
            }
        });
    }
    if !existing.is_empty() {
        let words = if existing.len() == 1 { "Replace it" } else { "Replace them" };
        ui.checkbox(&mut form.replace, words);
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
