//! The gallery: patches in the order shown. The grid itself is still to come; until then the current
//! patch is named and labelled here.

use eframe::egui;
use egui::Ui;

use crate::gui::command::Command;
use crate::gui::model::Model;
use crate::gui::widgets::{command_button, empty};
use crate::words;

/// What the gallery remembers.
pub struct State {
    /// Patches in a row, as drawn last; the keys for up and down go by it.
    pub columns: usize,
}

impl Default for State {
    fn default() -> Self {
        Self { columns: 1 }
    }
}

/// Draws the gallery.
pub fn ui(ui: &mut Ui, model: &Model, _state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    if open.is_empty() {
        empty(ui, "No patches yet", "Import patches, or micrographs with picks, to begin.");
        return;
    }
    ui.horizontal(|ui| {
        for id in ["label.positive", "label.negative", "label.unlabeled", "label.undo", "label.redo"] {
            command_button(ui, model, id, out);
        }
        if open.shown.stale {
            command_button(ui, model, "view.rearrange", out);
        }
    });
    match open.shown.current() {
        Some(_) => empty(
            ui,
            &format!(
                "Patch {} of {}",
                words::count(open.shown.cursor as u64 + 1),
                words::count(open.shown.ids.len() as u64)
            ),
            "The picture grid is not in this version yet. Arrows go through the patches; P, N and U label the \
             current one, which the panel at the right describes.",
        ),
        None => empty(ui, "No patch passes the filter", "Loosen the filter to see patches again."),
    }
}
