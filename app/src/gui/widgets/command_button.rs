//! A button for a command of the table: its name, its tooltip with the key, and why it is disabled.

use eframe::egui;
use egui::{Response, Ui};

use crate::gui::command::Command;
use crate::gui::command_table::{Info, info};
use crate::gui::model::Model;

/// A button that is filled: what to press next.
pub fn primary<'a>(ui: &Ui, words: impl Into<egui::WidgetText>) -> egui::Button<'a> {
    egui::Button::new(words.into()).fill(ui.visuals().selection.bg_fill)
}

/// The button of command `id`, in its own words. An id that is not in the table shows itself, so that
/// a slip is seen.
pub fn command_button(ui: &mut Ui, model: &Model, id: &str, out: &mut Vec<Command>) -> Response {
    let words = info(id).map_or(id, |info| info.name);
    command_button_as(ui, model, id, words, out)
}

/// As [`command_button`], in other words.
pub fn command_button_as(
    ui: &mut Ui,
    model: &Model,
    id: &str,
    words: &str,
    out: &mut Vec<Command>,
) -> Response {
    let Some(info) = info(id) else { return ui.button(format!("{words} (no command {id})")) };
    let response = ui.add_enabled(model.allows(info.needs).is_ok(), egui::Button::new(words));
    with_command(response, model, info, out)
}

/// Gives a button a command of the table: a click pushes it, and the tooltip names its key and why it is disabled.
pub fn with_command(response: Response, model: &Model, info: &Info, out: &mut Vec<Command>) -> Response {
    if response.clicked() {
        out.push((info.command)());
    }
    let tooltip = model.keys.tooltip(info);
    match model.allows(info.needs) {
        Ok(()) => response.on_hover_text(tooltip),
        Err(why) => response.on_disabled_hover_text(format!("{tooltip}\n{why}")),
    }
}
