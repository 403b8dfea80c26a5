//! A scale bar in a picture of a patch.

use eframe::egui;
use egui::{Align2, Color32, FontId, Rect, Ui, Vec2};

/// Draws a bar of a round length into the lower right corner of `rect`, which shows `size` px of
/// `pixel_size` Å each; in px where that is not known.
pub fn scale_bar(ui: &Ui, rect: Rect, size: usize, pixel_size: Option<f64>) {
    let across = size as f64 * pixel_size.unwrap_or(1.0);
    let Some(length) = round_length(across) else { return };
    let width = (length / across) as f32 * rect.width();
    let text = match pixel_size {
        Some(_) if length >= 10_000.0 => format!("{} µm", length / 10_000.0),
        Some(_) if length >= 1000.0 => format!("{} nm", length / 10.0),
        Some(_) => format!("{length} Å"),
        None => format!("{length} px"),
    };
    let font = FontId::proportional(if rect.width() > 400.0 { 15.0 } else { 12.0 });
    let end = rect.max - Vec2::new(10.0, 10.0);
    let bar = Rect::from_min_max(end - Vec2::new(width, 4.0), end);
    let galley = ui.painter().layout_no_wrap(text, font, Color32::WHITE);
    let place = Align2::CENTER_BOTTOM.anchor_size(bar.center_top() - Vec2::new(0.0, 2.0), galley.size());
    // The text must not leave the picture when the bar is short.
    let shift = (place.right() - (rect.right() - 6.0)).max(0.0);
    let place = place.translate(Vec2::new(-shift, 0.0));
    ui.painter().rect_filled(place.union(bar).expand(4.0), 3.0, Color32::from_black_alpha(150));
    ui.painter().rect_filled(bar, 0.0, Color32::WHITE);
    ui.painter().galley(place.min, galley, Color32::WHITE);
}

/// 1, 2 or 5 times a power of ten, about a quarter of `across`.
fn round_length(across: f64) -> Option<f64> {
    let aim = across * 0.3;
    if !(aim.is_finite() && aim > 0.0) {
        return None;
    }
    let ten = 10_f64.powf(aim.log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|n| n * ten).find(|&length| length <= aim)
}

#[cfg(test)]
mod tests {
    use super::round_length;

    #[test]
    fn lengths_are_round_and_fit() {
        assert_eq!(round_length(200.0), Some(50.0));
        assert_eq!(round_length(64.0), Some(10.0));
        assert_eq!(round_length(1000.0), Some(200.0));
        assert_eq!(round_length(0.0), None);
        assert_eq!(round_length(f64::NAN), None);
    }
}
