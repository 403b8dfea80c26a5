//! Panels whose size the person sets and the settings keep.

use eframe::egui;
use egui::{Panel, Ui};

use crate::gui::command::{Command, SettingsCommand};
use crate::gui::model::Model;

/// A panel at the left that can be resized; `name` is its key in the settings, `size` its first width.
pub fn left_panel<R>(
    ui: &mut Ui,
    model: &Model,
    name: &'static str,
    size: f32,
    out: &mut Vec<Command>,
    contents: impl FnOnce(&mut Ui, &mut Vec<Command>) -> R,
) -> R {
    show(Panel::left(name), false, ui, model, name, size, out, contents)
}

/// A panel at the left, or else at the right; as [`left_panel`].
pub fn side_panel<R>(
    ui: &mut Ui,
    model: &Model,
    name: &'static str,
    left: bool,
    size: f32,
    out: &mut Vec<Command>,
    contents: impl FnOnce(&mut Ui, &mut Vec<Command>) -> R,
) -> R {
    let panel = if left { Panel::left(name) } else { Panel::right(name) };
    show(panel, false, ui, model, name, size, out, contents)
}

/// A panel at the bottom; as [`left_panel`], with a height.
pub fn bottom_panel<R>(
    ui: &mut Ui,
    model: &Model,
    name: &'static str,
    size: f32,
    out: &mut Vec<Command>,
    contents: impl FnOnce(&mut Ui, &mut Vec<Command>) -> R,
) -> R {
    show(Panel::bottom(name), true, ui, model, name, size, out, contents)
}

#[expect(clippy::too_many_arguments, reason = "private; the three above are what is called")]
fn show<R>(
    panel: Panel,
    height: bool,
    ui: &mut Ui,
    model: &Model,
    name: &'static str,
    size: f32,
    out: &mut Vec<Command>,
    contents: impl FnOnce(&mut Ui, &mut Vec<Command>) -> R,
) -> R {
    let kept = model.settings.panels.get(name).copied();
    let shown = panel.resizable(true).default_size(kept.unwrap_or(size)).min_size(120.0).show(ui, |ui| {
        // Without this a panel shrinks to its contents.
        if height {
            ui.take_available_height();
        } else {
            ui.take_available_width();
        }
        contents(ui, out)
    });
    let rect = shown.response.rect;
    let now = if height { rect.height() } else { rect.width() }.round();
    // Kept when the hand lets go, not at every step of the way.
    let resting = !ui.input(|input| input.pointer.any_down());
    if resting && (now - kept.unwrap_or(size)).abs() >= 2.0 {
        out.push(Command::Settings(SettingsCommand::Panel { name, size: now }));
    }
    shown.inner
}
