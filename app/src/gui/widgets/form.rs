//! Rows of a form: a name that screen readers connect with the field, the field, and what is wrong with it.

use eframe::egui;
use egui::{Response, RichText, Slider, TextEdit, Ui};

use crate::gui::theme;

/// A text field named `name`, `width` points wide, with an example and an explanation on hovering.
pub fn text_field(
    ui: &mut Ui,
    name: &str,
    text: &mut String,
    width: f32,
    example: &str,
    why: &str,
) -> Response {
    let label = ui.label(name).on_hover_text(why);
    ui.add(TextEdit::singleline(text).desired_width(width).hint_text(example))
        .labelled_by(label.id)
        .on_hover_text(why)
}

/// A slider below its name, as wide as there is room.
pub fn wide_slider(ui: &mut Ui, name: impl Into<RichText>, slider: Slider<'_>) -> Response {
    let name = ui.label(name.into());
    ui.spacing_mut().slider_width = (ui.available_width() - 70.0).max(60.0);
    theme::slider(ui, slider).labelled_by(name.id)
}

/// What is wrong with a field, beside it.
pub fn complaint(ui: &mut Ui, what: &str) {
    ui.label(RichText::new(what).color(ui.visuals().error_fg_color));
}

/// A sentence to heed, with a sign that does not depend on colour.
pub fn warning(ui: &mut Ui, text: &str) {
    ui.horizontal_top(|ui| {
        ui.colored_label(ui.visuals().warn_fg_color, egui::RichText::new("Note").strong());
        ui.add(egui::Label::new(text).wrap());
    });
}

/// A heading within a page.
pub fn section(ui: &mut Ui, words: &str) {
    ui.add_space(10.0);
    ui.label(RichText::new(words).strong().size(15.5));
    ui.add_space(2.0);
}
