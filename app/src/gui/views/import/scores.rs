//! The histogram of a picker's scores, in which a person drags the lowest score of a particle; and the patches on
//! either side of it.

use eframe::egui;
use egui::{Color32, CursorIcon, Rect, Sense, Stroke, Ui, pos2, vec2};
use vitrine_core::ingest::PickScores;

use crate::words;

/// Height of the histogram, points.
const HEIGHT: f32 = 110.0;
/// Width of a bar, points.
const BAR: f32 = 6.0;

/// Draws the histogram; a drag or a click on it writes the lowest score into `typed`. What lies below is
/// drawn weak.
pub fn histogram(ui: &mut Ui, scores: &PickScores, typed: &mut String) {
    let least = typed.trim().parse::<f64>().ok().filter(|least| least.is_finite());
    let width = ui.available_width().clamp(120.0, 560.0);
    let (area, response) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::click_and_drag());
    let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
    let bins = ((width / BAR) as usize).max(8);
    let counts = scores.histogram(bins);
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f32;
    let visuals = ui.visuals();
    let (strong, weak) = (visuals.selection.bg_fill, visuals.weak_text_color().gamma_multiply(0.5));
    let span = scores.highest - scores.lowest;
    let painter = ui.painter_at(area);
    painter.rect_filled(area, 2.0, visuals.extreme_bg_color);
    for (bin, count) in counts.iter().enumerate() {
        let from = scores.lowest + span * bin as f64 / bins as f64;
        let to = scores.lowest + span * (bin + 1) as f64 / bins as f64;
        let left = area.left() + area.width() * bin as f32 / bins as f32;
        let right = area.left() + area.width() * (bin + 1) as f32 / bins as f32 - 1.0;
        // A single pick must show beside a thousand.
        let height = if *count > 0 { ((*count as f32 / most) * (HEIGHT - 8.0)).max(2.0) } else { 0.0 };
        let below = least.is_some_and(|least| (from + to) / 2.0 < least);
        let bar = Rect::from_min_max(pos2(left, area.bottom() - height), pos2(right, area.bottom()));
        painter.rect_filled(bar, 0.0, if below { weak } else { strong });
    }
    if let Some(least) = least {
        let share = if span > 0.0 { ((least - scores.lowest) / span).clamp(0.0, 1.0) } else { 0.0 };
        let x = area.left() + area.width() * share as f32;
        let colour = if visuals.dark_mode { Color32::WHITE } else { Color32::BLACK };
        painter.vline(x, area.y_range(), Stroke::new(2.0, colour));
        painter.circle_filled(pos2(x, area.top() + 6.0), 5.0, colour);
    }
    if let Some(at) = response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked()) {
        let share = f64::from(((at.x - area.left()) / area.width()).clamp(0.0, 1.0));
        *typed = shown(scores.lowest + span * share, span);
    }
    let name = format!(
        "Histogram of the scores of {} picks, from {} to {}",
        words::count(scores.count as u64),
        shown(scores.lowest, span),
        shown(scores.highest, span)
    );
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name.clone()));
    response.on_hover_text("Drag to set the lowest score of a particle.");
    ui.horizontal(|ui| {
        ui.weak(shown(scores.lowest, span));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.weak(shown(scores.highest, span));
        });
    });
    let taken = scores.from(least.unwrap_or(f64::NEG_INFINITY));
    ui.label(format!(
        "{} of {} picks are taken",
        words::count(taken as u64),
        words::count(scores.count as u64)
    ));
}

/// A score with as many digits as the span of all scores asks for.
fn shown(score: f64, span: f64) -> String {
    let digits = if span > 0.0 { (2.0 - span.log10().floor()).clamp(0.0, 8.0) as usize } else { 3 };
    format!("{score:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_score_is_shown_to_a_hundredth_of_the_span() {
        assert_eq!(shown(0.123_456, 1.0), "0.12");
        assert_eq!(shown(-5.678_9, 12.0), "-5.7");
        assert_eq!(shown(0.001_234_5, 0.002), "0.00123");
    }
}
