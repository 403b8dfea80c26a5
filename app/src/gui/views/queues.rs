//! Review queues: which patches to look at next. Not in this version yet; the panel shows which order
//! the gallery is in.

use eframe::egui;
use egui::Ui;

use crate::gui::command::Command;
use crate::gui::model::Model;

/// What the panel remembers.
#[derive(Default)]
pub struct State {}

/// Draws the panel.
pub fn ui(ui: &mut Ui, model: &Model, _state: &mut State, _out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    ui.add_space(4.0);
    ui.strong("Shown");
    ui.label(format!("Sorted by {}", open.shown.order.key.as_str()));
    ui.add_space(12.0);
    ui.strong("Review queues");
    ui.weak("Not in this version yet.");
}
