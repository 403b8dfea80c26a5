//! Says why something could not be read.

use eframe::egui;

use crate::gui::values::Failure;

/// Says why something is not there.
pub fn unreadable(ui: &mut egui::Ui, failure: &Failure) {
    let text = format!("It could not be read: {}.", failure.why.trim_end_matches('.'));
    ui.add(egui::Label::new(egui::RichText::new(text).weak()).wrap());
}
