//! The dialog that asks for a file: typed, or chosen in a dialog of the system where there is one.

use eframe::egui;
use egui::{Key, TextEdit, Ui};

use crate::gui::command::{Command, SaveCommand};
use crate::gui::values::{PathPurpose, PathQuestion};
use crate::gui::widgets::form::complaint;
use crate::gui::widgets::modal;
use crate::words;

/// Draws the question.
pub fn ui(ui: &mut Ui, ask: &PathQuestion, out: &mut Vec<Command>) {
    let mut closed = Vec::new();
    modal(ui, "ask path", &ask.title, &mut closed, |ui, _| {
        let mut text = ask.path.display().to_string();
        ui.horizontal(|ui| {
            let label = ui.label("File");
            let edit = ui.add(TextEdit::singleline(&mut text).desired_width(520.0)).labelled_by(label.id);
            let entered = edit.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            if !entered && ui.memory(|memory| memory.focused().is_none()) {
                edit.request_focus();
                ui.ctx().request_repaint();
            }
            if edit.changed() {
                out.push(Command::Save(SaveCommand::Answer(Some(text.clone().into()))));
            }
            if entered {
                out.push(Command::Save(SaveCommand::Go(text.clone().into())));
            }
        });
        if let Some(wrong) = &ask.wrong {
            ui.set_max_width(560.0);
            complaint(ui, &words::capitalised(wrong));
        }
        ui.add_space(6.0);
        ui.horizontal(|ui| {
            let reads = matches!(ask.purpose, PathPurpose::OpenConfig | PathPurpose::PretrainedWeights);
            let named = !text.trim().is_empty();
            if ui.add_enabled(named, egui::Button::new(if reads { "Open" } else { "Save" })).clicked() {
                out.push(Command::Save(SaveCommand::Go(text.clone().into())));
            }
            if ui.button("Choose…").on_hover_text("Choose the file in a file dialog").clicked() {
                out.push(Command::Save(SaveCommand::Choose));
            }
            if ui.button("Cancel").clicked() {
                out.push(Command::Save(SaveCommand::Answer(None)));
            }
            if !reads && ask.path.exists() {
                ui.colored_label(ui.visuals().warn_fg_color, "This file exists and will be replaced.");
            }
        });
    });
    if !closed.is_empty() {
        out.push(Command::Save(SaveCommand::Answer(None)));
    }
}
