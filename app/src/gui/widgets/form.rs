//! Rows of a form: a name that screen readers connect with the field, the field, and what is wrong.

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

/// Reads a number typed into a field: `None` for nothing typed.
///
/// # Errors
/// The sentence that stands beside the field.
pub fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
    text: &str,
    least: T,
    most: T,
) -> Result<Option<T>, String> {
    let text = text.trim().replace(',', ".");
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<T>() {
        Ok(value) if value >= least && value <= most => Ok(Some(value)),
        _ => Err(format!("a number from {least} to {most}")),
    }
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

/// A typed path, `~` for the home folder.
pub fn typed_path(text: &str) -> std::path::PathBuf {
    let text = text.trim();
    match (text.strip_prefix('~'), crate::words::home()) {
        (Some(""), Some(home)) => home,
        (Some(rest), Some(home)) if rest.starts_with(['/', '\\']) => home.join(&rest[1..]),
        _ => std::path::PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_read_or_refused() {
        assert_eq!(number::<usize>(" 12 ", 1, 20), Ok(Some(12)));
        assert_eq!(number::<usize>("", 1, 20), Ok(None));
        assert!(number::<usize>("0", 1, 20).is_err() && number::<usize>("1.5", 1, 20).is_err());
        assert_eq!(number::<f64>("1,25", 0.1, 20.0), Ok(Some(1.25)));
        assert!(number::<f64>("NaN", 0.1, 20.0).is_err());
    }
}
