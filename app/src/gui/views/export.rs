//! Export: hand labels and scores to other programs. The dialog is still to come.

use eframe::egui::Ui;

use crate::gui::command::Command;
use crate::gui::model::Model;
use crate::gui::widgets::empty;

/// What the view remembers.
#[derive(Default)]
pub struct State {}

/// Draws the view.
pub fn ui(ui: &mut Ui, _model: &Model, _state: &mut State, _out: &mut Vec<Command>) {
    empty(ui, "Export", "Not in this window yet. On the command line: vitrine export --help");
}
