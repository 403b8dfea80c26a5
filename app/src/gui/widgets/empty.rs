//! The empty state of a view.

use eframe::egui;

/// An empty state: what is not there yet, and what to do about it.
pub fn empty(ui: &mut egui::Ui, heading: &str, text: &str) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.28).max(24.0));
        ui.heading(heading);
        ui.add_space(4.0);
        ui.allocate_ui(egui::vec2(ui.available_width().min(520.0), 0.0), |ui| {
            ui.vertical_centered(|ui| ui.add(egui::Label::new(egui::RichText::new(text).weak()).wrap()));
        });
    });
}
