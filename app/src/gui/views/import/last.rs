//! The last import of the open project, and the way to take it back.

use eframe::egui::Ui;

use crate::gui::command::Command;
use crate::gui::model::Model;
use crate::gui::widgets::command_button_as;
use crate::gui::widgets::form::section;
use crate::words;

/// Draws it, where there is one.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let Some(import) = model.project.as_ref().and_then(|open| open.last_import.as_ref()) else { return };
    section(ui, "Last import");
    ui.weak(words::capitalised(&words::import_named(import)));
    command_button_as(ui, model, "project.take_back", "Take it back", out);
}
