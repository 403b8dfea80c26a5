//! The gallery: browse patches and label them by keyboard and mouse.

mod bar;
mod filter;
mod geometry;
mod grid;
mod large;
mod look_bar;
mod pointer;
mod state;

use eframe::egui;
use egui::Ui;

use crate::gui::command::Command;
use crate::gui::model::Model;
use crate::gui::values::Tab;
use crate::gui::widgets::empty;

pub use geometry::Geometry;
pub use state::State;

/// Another view is shown: what the pointer was in the middle of here ends.
pub fn leave(model: &Model, state: &mut State, out: &mut Vec<Command>) {
    // On micrographs the same brush paints.
    let elsewhere = !matches!(model.tab, Tab::Gallery | Tab::Micrographs);
    if elsewhere || (model.tab == Tab::Micrographs && state.pointer.is_painting()) {
        pointer::end_brush(model, state, out);
    }
}

/// Draws the gallery.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    if open.is_empty() {
        empty(ui, "No patches yet", "Import patches, or micrographs with picks, to begin.");
        return;
    }
    let shows_look = look_bar::is_shown(model, ui.available_width());
    bar::ui(ui, model, open, state, shows_look, out);
    if shows_look {
        look_bar::ui(ui, model, open, state, out);
    }
    ui.add_space(2.0);
    if open.shown.ids.is_empty() {
        empty(ui, "No patch passes the filter", "Widen the filter to see patches.");
    } else if model.gallery.large {
        large::ui(ui, model, open, state, out);
    } else {
        grid::ui(ui, model, open, state, out);
    }
}
