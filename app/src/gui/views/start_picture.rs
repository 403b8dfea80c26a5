//! The picture of the first screen: on the left a micrograph on which a person has picked a few particles, on the right
//! the same one with all of them found. It is drawn, not photographed.

use eframe::egui;
use egui::{
    Align2, Color32, ColorImage, CornerRadius, FontId, Pos2, Rect, Sense, Stroke, StrokeKind, TextureHandle,
    TextureOptions, Ui, pos2, vec2,
};
use vitrine_core::Label;

use crate::gui::theme;

/// Size of the drawn micrograph, px.
const SIZE: [usize; 2] = [300, 170];
/// Centres of particles, px.
const PARTICLES: [[f32; 2]; 17] = [
    [30.0, 28.0],
    [82.0, 22.0],
    [140.0, 34.0],
    [196.0, 20.0],
    [268.0, 30.0],
    [52.0, 70.0],
    [108.0, 74.0],
    [166.0, 80.0],
    [222.0, 62.0],
    [24.0, 112.0],
    [80.0, 124.0],
    [134.0, 120.0],
    [190.0, 132.0],
    [274.0, 86.0],
    [46.0, 148.0],
    [110.0, 152.0],
    [162.0, 150.0],
];
/// Of these a person has picked.
const PICKED: [usize; 4] = [1, 6, 8, 11];
/// A lump of ice, which is no particle: its centre and radius, px.
const ICE: ([f32; 2], f32) = ([245.0, 128.0], 24.0);
/// Radius of a particle, px.
const RADIUS: f32 = 11.0;

/// Draws the picture, at most `width` points wide.
pub fn show(ui: &mut Ui, texture: &mut Option<TextureHandle>, width: f32) {
    let gap = 64.0;
    let half = ((width - gap) * 0.5).min(448.0);
    let height = half * SIZE[1] as f32 / SIZE[0] as f32;
    let caption = 22.0;
    let (rect, response) = ui.allocate_exact_size(vec2(half * 2.0 + gap, height + caption), Sense::hover());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(
            egui::Role::Image,
            true,
            "A micrograph with 4 picked particles, and the same one with all 17 particles found",
        )
    });
    let handle = texture
        .get_or_insert_with(|| ui.ctx().load_texture("first screen", micrograph(), TextureOptions::LINEAR));
    let dark = ui.visuals().dark_mode;
    let left = Rect::from_min_size(rect.min, vec2(half, height));
    let right = Rect::from_min_size(pos2(rect.right() - half, rect.top()), vec2(half, height));
    let painter = ui.painter();
    let scale = half / SIZE[0] as f32;
    for area in [left, right] {
        let whole = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
        egui::Image::from_texture((handle.id(), area.size()))
            .uv(whole)
            .corner_radius(CornerRadius::same(6))
            .paint_at(ui, area);
        let edge = Stroke::new(1.0, ui.visuals().widgets.noninteractive.bg_stroke.color);
        painter.rect_stroke(area, CornerRadius::same(6), edge, StrokeKind::Inside);
    }
    // On a picture the colours of the dark theme are seen best, with a dark line below.
    let green = theme::label(Label::Positive, true);
    let sky = theme::accent(true);
    for (place, centre) in PARTICLES.iter().enumerate() {
        let picked = PICKED.contains(&place);
        let of = |area: Rect| area.min + vec2(centre[0], centre[1]) * scale;
        if picked {
            ring(painter, of(left), scale, green);
        }
        ring(painter, of(right), scale, if picked { green } else { sky });
    }
    arrow(ui, pos2(left.right() + 10.0, left.center().y), pos2(right.left() - 10.0, left.center().y));
    let font = FontId::proportional(12.5);
    let colour = if dark { Color32::from_gray(0xb8) } else { Color32::from_gray(0x4a) };
    for (area, words) in [(left, "You pick a few particles"), (right, "It finds the others, not the ice")] {
        let at = pos2(area.center().x, area.bottom() + 5.0);
        painter.text(at, Align2::CENTER_TOP, words, font.clone(), colour);
    }
}

fn ring(painter: &egui::Painter, centre: Pos2, scale: f32, colour: Color32) {
    let radius = (RADIUS + 3.5) * scale;
    painter.circle_stroke(centre, radius, Stroke::new(3.6, Color32::from_black_alpha(150)));
    painter.circle_stroke(centre, radius, Stroke::new(2.0, colour));
}

fn arrow(ui: &Ui, from: Pos2, to: Pos2) {
    let stroke = Stroke::new(2.5, theme::accent(ui.visuals().dark_mode));
    let painter = ui.painter();
    painter.line_segment([from, to], stroke);
    for side in [-6.0, 6.0] {
        painter.line_segment([to, to + vec2(-8.0, side)], stroke);
    }
}

/// Noise, darker particles with a lighter middle, and a lump of ice. The same every time.
fn micrograph() -> ColorImage {
    let mut grey = Vec::with_capacity(SIZE[0] * SIZE[1]);
    for y in 0..SIZE[1] {
        for x in 0..SIZE[0] {
            let at = [x as f32, y as f32];
            let far = |centre: [f32; 2]| (at[0] - centre[0]).hypot(at[1] - centre[1]);
            let mut value = 150.0 + 10.0 * (at[0] * 0.011).sin() + 8.0 * (at[1] * 0.017 + 1.0).cos();
            for centre in PARTICLES {
                let distance = far(centre) / RADIUS;
                if distance < 1.8 {
                    // A shell, dark at its rim, with a faint light fringe around it.
                    value -= 46.0 * (-((distance - 0.62) * 2.6).powi(2)).exp();
                    value += 9.0 * (-((distance - 1.45) * 5.0).powi(2)).exp();
                }
            }
            let ice = far(ICE.0) / ICE.1;
            value -= 78.0 / (1.0 + (ice * 6.0 - 5.6).exp());
            // Neighbours share some of the noise, as pixels of a micrograph do.
            let noise = 0.5 * hashed(x, y) + 0.3 * hashed(x / 2, y / 2) + 0.2 * hashed(x / 3 + 500, y / 3);
            value += 58.0 * noise;
            grey.push(value.clamp(0.0, 255.0) as u8);
        }
    }
    ColorImage::from_gray(SIZE, &grey)
}

/// A number from -1 to 1 that looks random and is the same for the same place.
fn hashed(x: usize, y: usize) -> f32 {
    let mut value = (x as u32).wrapping_mul(0x9e37_79b9) ^ (y as u32).wrapping_mul(0x85eb_ca6b);
    value = (value ^ (value >> 15)).wrapping_mul(0x2c1b_3c6d);
    value = (value ^ (value >> 12)).wrapping_mul(0x297a_2d39);
    value ^= value >> 15;
    value as f32 / u32::MAX as f32 * 2.0 - 1.0
}
