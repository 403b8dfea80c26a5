//! Rows of a form: a name that screen readers connect with the field, the field, and what is wrong with it.

use eframe::egui;
use egui::{Response, RichText, TextEdit, Ui};

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
