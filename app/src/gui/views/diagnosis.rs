//! Diagnosis: what is wrong with data, configuration or a run. Still to come.

use eframe::egui::Ui;

use crate::gui::command::Command;
use crate::gui::model::Model;
use crate::gui::widgets::empty;

/// What the view remembers.
#[derive(Default)]
pub struct State {}

/// Draws the view.
pub fn ui(ui: &mut Ui, _model: &Model, _state: &mut State, _out: &mut Vec<Command>) {
    empty(ui, "Diagnosis", "Not in this version yet.");
}
