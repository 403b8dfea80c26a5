//! Compare: runs side by side. So far the list of runs.

use eframe::egui;
use egui::Ui;

use crate::gui::command::{Command, ViewCommand};
use crate::gui::model::Model;
use crate::gui::widgets::empty;

/// What the view remembers.
#[derive(Default)]
pub struct State {}

/// Draws the view.
pub fn ui(ui: &mut Ui, model: &Model, _state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    if open.runs.is_empty() {
        empty(ui, "No run to compare", "Train one first. Runs on the same split can be put side by side.");
        return;
    }
    egui::Grid::new("runs").num_columns(4).striped(true).show(ui, |ui| {
        for heading in ["Run", "State", "Device", ""] {
            ui.strong(heading);
        }
        ui.end_row();
        for run in &open.runs {
            ui.label(&run.name);
            ui.label(run.status.as_str());
            ui.label(&run.device);
            let used = open.scores.as_ref().is_some_and(|scores| scores.run == run.id);
            if used {
                ui.weak("its scores are in use");
            } else if ui.button("Use its scores").clicked() {
                out.push(Command::View(ViewCommand::Scores(run.id)));
            }
            ui.end_row();
        }
    });
}
