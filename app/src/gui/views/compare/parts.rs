//! Pieces that the parts of Compare share.

use eframe::egui;
use egui::{RichText, Ui};

use crate::gui::model::OpenProject;
use crate::gui::views::charts::colour_of;

/// A heading of this view.
pub fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(14.0);
    ui.label(RichText::new(text).size(16.0).strong());
    ui.add_space(2.0);
}

/// The colour of a run.
pub fn swatch(ui: &mut Ui, open: &OpenProject, name: &str) {
    let (rect, _) = ui.allocate_exact_size(egui::vec2(12.0, 18.0), egui::Sense::hover());
    ui.painter().rect_filled(
        rect.shrink2(egui::vec2(0.0, 6.5)),
        2.0,
        colour_of(open, name, ui.visuals().dark_mode),
    );
}
