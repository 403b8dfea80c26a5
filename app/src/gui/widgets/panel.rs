//! Panels that the person can resize. The settings keep their sizes.

use eframe::egui;
use egui::{Panel, Ui};

use crate::gui::command::{Command, SettingsCommand};
use crate::gui::model::Model;

/// Whether a panel has so much more width than height that its parts stand better beside each other than
/// one below the other, as at the bottom.
pub fn is_horizontal(ui: &Ui) -> bool {
    ui.available_width() > (ui.available_height() * 1.6).max(420.0)
}

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

/// The most a panel at the bottom takes of the height there is: what is above it stays of use.
const MAX_HEIGHT_SHARE: f32 = 0.5;

/// A panel at the bottom; as [`left_panel`], with a height, which is at most half of what there is. In a
/// small window that is less than what is kept, and in a large one it is as high again as it was set.
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
    let most = if height { (ui.available_height() * MAX_HEIGHT_SHARE).round() } else { f32::INFINITY };
    let wanted = model.settings.panels.get(name).copied().unwrap_or(size).min(most);
    // The size of before is that of another window: back to what was set, as far as it fits.
    let place = egui::Id::unique(("most of a panel", name));
    let before = ui.data_mut(|data| data.get_temp::<f32>(place));
    ui.data_mut(|data| data.insert_temp(place, most));
    let panel = panel.resizable(true).default_size(wanted);
    let panel = match before {
        Some(before) if before != most => panel.size_range(wanted..=wanted),
        _ => panel.min_size(120.0).max_size(most),
    };
    let shown = panel.show(ui, |ui| {
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
    if resting && (now - wanted).abs() >= 2.0 {
        out.push(Command::Settings(SettingsCommand::Panel { name, size: now }));
    }
    shown.inner
}
