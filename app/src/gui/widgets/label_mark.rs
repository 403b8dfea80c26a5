//! The mark of a label, by colour and shape: a filled disc is positive, a cross is negative, an open ring is
//! unlabeled, as in the icon.

use eframe::egui;
use egui::{Color32, Pos2, Response, Sense, Stroke, Ui, Vec2};
use vitrine_core::{Label, LabelCounts};

use crate::gui::theme;
use crate::words;

/// Paints the mark of `label` around `centre`, `size` points wide.
pub fn paint_label(painter: &egui::Painter, centre: Pos2, size: f32, label: Label, colour: Color32) {
    paint(painter, centre, size, label, colour, 0.0);
}

/// The colour beneath a mark on a picture, which may be as light or as grey as the mark.
pub const HALO: Color32 = Color32::from_black_alpha(210);

/// As [`paint_label`], on a picture: with a dark rim around it.
pub fn paint_label_on_picture(
    painter: &egui::Painter,
    centre: Pos2,
    size: f32,
    label: Label,
    colour: Color32,
) {
    paint(painter, centre, size, label, HALO, 1.3);
    paint_label(painter, centre, size, label, colour);
}

/// The mark, `wider` points wider at each side of its lines.
fn paint(painter: &egui::Painter, centre: Pos2, size: f32, label: Label, colour: Color32, wider: f32) {
    let radius = size * 0.5;
    match label {
        Label::Positive => {
            painter.circle_filled(centre, radius + wider, colour);
        }
        Label::Unlabeled => {
            let width = (size * 0.16).max(1.0);
            let stroke = Stroke::new(width + 2.0 * wider, colour);
            painter.circle_stroke(centre, radius - width * 0.5, stroke);
        }
        Label::Negative => {
            let stroke = Stroke::new((size * 0.22).max(1.4) + 2.0 * wider, colour);
            let arm = radius * 0.8 + wider * 0.7;
            for (from, to) in
                [(Vec2::new(-arm, -arm), Vec2::new(arm, arm)), (Vec2::new(-arm, arm), Vec2::new(arm, -arm))]
            {
                painter.line_segment([centre + from, centre + to], stroke);
            }
        }
    }
}

/// The mark as a widget, as high as a line of text.
pub fn label_mark(ui: &mut Ui, label: Label) -> Response {
    let size = 11.0;
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(size, ui.spacing().interact_size.y), Sense::hover());
    let colour = theme::label(label, ui.visuals().dark_mode);
    paint_label(ui.painter(), rect.center(), size, label, colour);
    response.on_hover_text(label.as_str())
}

/// The mark with its count and word: "● 343 positive".
pub fn label_count(ui: &mut Ui, label: Label, counts: &LabelCounts) -> Response {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        label_mark(ui, label);
        ui.label(format!("{} {label}", words::count(counts.get(label))));
    })
    .response
}
