//! Export: hand labels, scores and networks to other programs. The same requests as on the command
//! line; what would be written is counted before anything is.

mod form;
mod written;

use std::path::Path;

use eframe::egui;
use egui::{RichText, Ui};
use vitrine_core::Label;
use vitrine_core::export::Preview;

pub use form::{Form, What};

use crate::gui::command::{Command, ExportCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::{Model, OpenProject, Previewed};
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
    pub fn chosen(&mut self, out: std::path::PathBuf) {
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

fn choices(ui: &mut Ui, open: &OpenProject, state: &mut State, out: &mut Vec<Command>) {
    ui.heading("Export");
    state.form.ui(ui, open, out);
}

fn what_comes(ui: &mut Ui, model: &Model, open: &OpenProject, state: &mut State, out: &mut Vec<Command>) {
    section(ui, "What would be written");
    let busy = model.jobs.iter().any(|job| job.kind == JobKind::Export);
    let mut why_not: Option<String> = busy.then(|| "An export is being written.".to_owned());
    match state.form.request() {
        Some(request) => {
            let preview =
                model.export.preview.as_ref().filter(|p| p.request == request && p.journal == open.journal);
            match preview.map(|p| &p.result) {
                None => {
                    ui.spinner();
                    why_not.get_or_insert("Being counted.".to_owned());
                }
                Some(Err(why)) => {
                    let text = RichText::new(format!("{}.", words::capitalised(why)))
                        .color(ui.visuals().error_fg_color);
                    ui.add(egui::Label::new(text).wrap());
                    why_not.get_or_insert(String::new());
                }
                Some(Ok(preview)) => {
                    counts(ui, preview);
                    if preview.total == 0 {
                        why_not.get_or_insert("No patch has these labels and scores.".to_owned());
                    }
                    files(ui, &preview.targets, &preview.existing, &mut state.form);
                    if !preview.existing.is_empty() && !state.form.replace {
                        why_not.get_or_insert("Allow replacing, or choose another name.".to_owned());
                    }
                }
            }
        }
        None if state.form.what == What::Network => {
            ui.add(
                egui::Label::new(
                    "The weights of the run's best epoch as safetensors, and a card (JSON) with the network, its input, \
                     the normaliser, π and checksums.",
                )
                .wrap(),
            );
            let file = typed_path(&state.form.out);
            let targets = [file.clone(), file.with_extension("json")];
            let existing: Vec<_> = targets.iter().filter(|path| path.exists()).cloned().collect();
            files(ui, &targets, &existing, &mut state.form);
            if state.form.run.is_none() {
                why_not.get_or_insert("Choose a run.".to_owned());
            }
            if !existing.is_empty() && !state.form.replace {
                why_not.get_or_insert("Allow replacing, or choose another name.".to_owned());
            }
        }
        None => {
            why_not.get_or_insert("Something is missing at the left.".to_owned());
        }
    }
    ui.add_space(8.0);
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
    if let Some(written) = &model.export.written {
        written::ui(ui, written, out);
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
    if preview.outside_threshold > 0 {
        ui.weak(format!(
            "{} with these labels have a score outside the bounds",
            words::patches(preview.outside_threshold)
        ));
    }
    for text in &preview.warnings {
        warning(ui, &format!("{}.", words::in_window(text).trim_end_matches('.')));
    }
}

/// The files that would be made, and the question about those that are there.
fn files(ui: &mut Ui, targets: &[std::path::PathBuf], existing: &[std::path::PathBuf], form: &mut Form) {
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
