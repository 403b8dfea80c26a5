//! The gallery: patches in the order shown, browsed and labelled by keyboard and mouse.

mod bar;
mod filter;
mod geometry;
mod grid;
mod large;
mod look_bar;
pub mod picture;
mod pointer;

use eframe::egui;
use egui::Ui;
use vitrine_core::Label;

use crate::gpu::pages::Pages;
use crate::gui::command::Command;
use crate::gui::model::Model;
use crate::gui::widgets::empty;

pub use geometry::Geometry;

/// What the gallery remembers.
pub struct State {
    /// Patches in a row, as drawn last; the keys for up and down go by it.
    pub columns: usize,
    /// Rows wholly on the screen, as drawn last; the keys for a screen go by it.
    pub rows: usize,
    /// Whether the current patch is shown as large as fits.
    pub large: bool,
    /// The label that is painted while its key is held.
    pub brush: Option<Label>,
    /// Ends of the contrast window for all patches, once measured.
    pub window: Option<(f32, f32)>,
    /// Where the grid is and where patches are in it, as drawn last.
    pub geometry: Geometry,
    /// How many patches on the screen still lack their pixels.
    pub coming: usize,
    /// Points scrolled from the top.
    scroll: f64,
    /// The patches on the graphics device.
    pages: Option<Pages>,
    /// Why there are none, once tried.
    no_pages: Option<String>,
    /// What the grid was drawn with last, to see what has changed.
    last: grid::Last,
    pointer: pointer::State,
    large_picture: picture::Picture,
    filter: filter::State,
}

impl Default for State {
    fn default() -> Self {
        Self {
            columns: 1,
            rows: 1,
            large: false,
            brush: None,
            window: None,
            geometry: Geometry::default(),
            coming: 0,
            scroll: 0.0,
            pages: None,
            no_pages: None,
            last: grid::Last::default(),
            pointer: pointer::State::default(),
            large_picture: picture::Picture::default(),
            filter: filter::State::default(),
        }
    }
}

impl State {
    /// Drops what lies on the graphics device.
    pub fn forget_drawn(&mut self) {
        self.pages = None;
        self.no_pages = None;
        self.large_picture = picture::Picture::default();
    }
}

/// Another view is shown: what the pointer was in the middle of here ends.
pub fn leave(state: &mut State, out: &mut Vec<Command>) {
    pointer::end_brush(state, out);
}

/// Draws the gallery.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    if open.is_empty() {
        empty(ui, "No patches yet", "Import patches, or micrographs with picks, to begin.");
        return;
    }
    bar::ui(ui, model, open, state, out);
    look_bar::ui(ui, model, open, state, out);
    ui.add_space(2.0);
    if open.shown.ids.is_empty() {
        empty(ui, "No patch passes the filter", "Loosen the filter to see patches again.");
    } else if state.large {
        large::ui(ui, model, open, state, out);
    } else {
        grid::ui(ui, model, open, state, out);
    }
}
