//! The question before the window closes while work is running or labels are not saved.

use eframe::egui::Ui;

use crate::gui::command::{Command, ViewCommand, WindowCommand};
use crate::gui::model::Model;
use crate::gui::remedy;
use crate::gui::widgets::modal;

/// Draws the question.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let busy = model.is_busy();
    let title = if busy { "Training is running" } else { "Labels are not saved yet" };
    modal(ui, "confirm close", title, out, |ui, out| {
        ui.set_width(420.0);
        for job in model.jobs.iter().filter(|job| job.kind.asks_before_closing()) {
            ui.label(&job.title);
        }
        if let Some(why) = &model.disk.failed {
            ui.colored_label(ui.visuals().warn_fg_color, remedy::warning(why));
        }
        if busy {
            ui.weak("A run stops after its batch, keeps its best epoch and can be resumed later. Incomplete imports and exports leave nothing behind.");
        }
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            if ui.button("Keep open").clicked() {
                out.push(Command::View(ViewCommand::Overlay(None)));
            }
            if ui.button(if busy { "Stop and close" } else { "Close anyway" }).clicked() {
                out.push(Command::Window(WindowCommand::CloseAnyway));
            }
        });
    });
}
