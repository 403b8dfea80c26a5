//! The runs that wait until the one that trains has ended.

use eframe::egui;
use egui::{RichText, Ui};

use crate::gui::command::{Command, TrainCommand};
use crate::gui::model::{Model, QueuedRun};
use crate::gui::widgets::{command_button_as, primary};

/// Draws them, the next one first; nothing where none waits.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let runs = model.analysis.queue.runs();
    if runs.is_empty() {
        return;
    }
    ui.horizontal(|ui| {
        ui.strong(format!("Queued: {}", runs.len())).on_hover_text(
            "Each run starts by itself when the one before it has ended, even if that one failed.",
        );
        if model.analysis.queue.is_held() {
            let go_on = ui.add(primary(ui, "Start the queue"));
            if go_on.on_hover_text("They waited when the project was closed.").clicked() {
                out.push(Command::Train(TrainCommand::GoOnQueue));
            }
        }
        command_button_as(ui, model, "train.clear_queue", "Empty the queue", out);
    });
    let height = ui.spacing().interact_size.y * 6.0;
    egui::ScrollArea::vertical().id_salt("queue of runs").max_height(height).auto_shrink(true).show(
        ui,
        |ui| {
            egui::Grid::new("queue of runs").num_columns(3).striped(true).show(ui, |ui| {
                for (place, run) in runs.iter().enumerate() {
                    row(ui, place, run, out);
                    ui.end_row();
                }
            });
        },
    );
    ui.separator();
}

fn row(ui: &mut Ui, place: usize, run: &QueuedRun, out: &mut Vec<Command>) {
    ui.label(format!("{}. {}", place + 1, run.name()));
    ui.label(RichText::new(run.what()).weak());
    ui.horizontal(|ui| {
        let mut button = |ui: &mut Ui, enabled: bool, words: &str, name: String, command: TrainCommand| {
            let response = ui.add_enabled(enabled, egui::Button::new(words).small());
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, enabled, &name));
            if response.on_hover_text(&name).clicked() {
                out.push(Command::Train(command));
            }
        };
        let (number, name) = (run.number, format!("{}. {}", place + 1, run.name()));
        button(
            ui,
            place > 0,
            "Earlier",
            format!("Start earlier: {name}"),
            TrainCommand::QueueEarlier(number),
        );
        button(ui, true, "Remove", format!("Remove from the queue: {name}"), TrainCommand::Unqueue(number));
    });
}
