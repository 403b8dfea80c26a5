//! The command palette: type some letters, press Enter.

use eframe::egui;
use egui::{Key, Ui};

use crate::gui::command::{Command, Info, TABLE, ViewCommand};
use crate::gui::model::Model;

/// What the palette remembers while it is open.
#[derive(Default)]
pub struct State {
    /// What was typed.
    pub text: String,
    /// Which of the commands found is chosen.
    pub chosen: usize,
}

/// Draws the palette.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    super::overlay(ui, "palette", "Commands", out, |ui, out| {
        ui.set_width(480.0);
        let (up, down, enter) = ui.input_mut(|input| {
            let none = egui::Modifiers::NONE;
            (
                input.consume_key(none, Key::ArrowUp),
                input.consume_key(none, Key::ArrowDown),
                input.key_pressed(Key::Enter),
            )
        });
        let name = ui.label("Type a part of a name");
        let edit = ui
            .add(egui::TextEdit::singleline(&mut state.text).desired_width(f32::INFINITY))
            .labelled_by(name.id);
        edit.request_focus();
        if edit.changed() {
            state.chosen = 0;
        }
        let mut found: Vec<&Info> = TABLE.iter().filter(|info| matches(info, &state.text)).collect();
        // What can be done now stands first.
        found.sort_by_key(|info| model.allows(info.needs).is_err());
        let last = found.len().saturating_sub(1);
        state.chosen = (state.chosen + usize::from(down)).min(last) - usize::from(up && state.chosen > 0);
        egui::ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
            for (place, info) in found.iter().enumerate() {
                let allowed = model.allows(info.needs);
                let key = model.keys.text_of(info.id).unwrap_or_default();
                let button = egui::Button::selectable(place == state.chosen, info.name).shortcut_text(key);
                let row =
                    ui.add_enabled(allowed.is_ok(), button.min_size(egui::vec2(ui.available_width(), 0.0)));
                if place == state.chosen && (up || down) {
                    row.scroll_to_me(None);
                }
                if allowed.is_ok() && (row.clicked() || (enter && place == state.chosen)) {
                    // Closed first: the command may open something else.
                    out.push(Command::View(ViewCommand::Overlay(None)));
                    out.push((info.command)());
                }
                match allowed {
                    Ok(()) => row.on_hover_text(info.tooltip),
                    Err(why) => row.on_disabled_hover_text(why),
                };
            }
            if found.is_empty() {
                ui.weak("No command has these words.");
            }
        });
    });
}

/// Whether every word typed is in the name or the sentence.
fn matches(info: &Info, text: &str) -> bool {
    let words = format!("{} {} {}", info.area.as_str(), info.name, info.tooltip).to_lowercase();
    text.to_lowercase().split_whitespace().all(|part| words.contains(part))
}
