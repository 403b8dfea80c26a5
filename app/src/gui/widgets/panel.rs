//! Panels that the person can resize. The settings keep their sizes.

use eframe::egui;
use egui::{Panel, Ui};

use crate::gui::command::{Command, SettingsCommand};
use crate::gui::model::Model;
use crate::gui::values::Edge;

/// Whether a panel has so much more width than height that its parts stand better beside each other than
/// one below the other, as at the bottom.
pub fn is_horizontal(ui: &Ui) -> bool {
    ui.available_width() > (ui.available_height() * 1.6).max(420.0)
}

/// The largest share of the height that a panel at the bottom takes, so that what is above it stays of use.
const MAX_HEIGHT_SHARE: f32 = 0.5;

/// A panel that a person can resize. The settings keep its size.
pub struct ResizablePanel {
    edge: Edge,
    name: &'static str,
    size: f32,
}

impl ResizablePanel {
    /// A panel at this edge. `name` is its key in the settings, `size` its width before a person has changed it, at
    /// the bottom its height, in points. A panel at the bottom takes at most half of the height there is: in a small
    /// window less than what is kept, and in a large one again as much as was set.
    pub const fn new(edge: Edge, name: &'static str, size: f32) -> Self {
        Self { edge, name, size }
    }

    /// Draws the panel with its contents.
    pub fn show<R>(
        self,
        ui: &mut Ui,
        model: &Model,
        out: &mut Vec<Command>,
        contents: impl FnOnce(&mut Ui, &mut Vec<Command>) -> R,
    ) -> R {
        let Self { edge, name, size } = self;
        let panel = match edge {
            Edge::Left => Panel::left(name),
            Edge::Right => Panel::right(name),
            Edge::Bottom => Panel::bottom(name),
        };
        let height = edge == Edge::Bottom;
        let most = if height { (ui.available_height() * MAX_HEIGHT_SHARE).round() } else { f32::INFINITY };
        let wanted = model.settings.panels.get(name).copied().unwrap_or(size).min(most);
        // The size of before is that of another window: back to what was set, or follows from this window.
        let place = egui::Id::unique(("size of a panel", name));
        let now = (most, wanted);
        let before = ui.data_mut(|data| data.get_temp::<(f32, f32)>(place));
        ui.data_mut(|data| data.insert_temp(place, now));
        let panel = panel.resizable(true).default_size(wanted);
        let panel = match before {
            Some(before) if before != now => panel.size_range(wanted..=wanted),
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
}
