//! Closing while work is under way.

use eframe::egui::Ui;

use crate::gui::command::{Command, ViewCommand, WindowCommand};
use crate::gui::model::Model;

/// Draws the question.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    super::overlay(ui, "confirm close", "Work is under way", out, |ui, out| {
        ui.set_width(420.0);
        for job in model.jobs.iter().filter(|job| job.kind.asks_before_closing()) {
            ui.label(&job.title);
        }
        ui.weak("A run stops after its batch, keeps its best epoch, and can be continued later. Imports and exports that are not complete leave nothing behind.");
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            if ui.button("Stay").clicked() {
                out.push(Command::View(ViewCommand::Overlay(None)));
            }
            if ui.button("Stop and close").clicked() {
                out.push(Command::Window(WindowCommand::CloseAnyway));
            }
        });
    });
}
