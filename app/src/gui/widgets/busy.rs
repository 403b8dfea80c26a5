//! The sign that something is under way.

use eframe::egui;
use egui::{Role, Sense, Ui, WidgetInfo};

use crate::gpu::pace;

/// Dots of the sign, and steps until it looks the same again.
const DOTS: usize = 8;

/// Says that something is under way whose share is not known. egui's own sign asks for as many frames as the display
/// shows; where the processor draws them they would take most of its time from the work.
pub fn busy(ui: &mut Ui) {
    let size = ui.spacing().interact_size.y;
    let (rect, response) = ui.allocate_exact_size(egui::vec2(size, size), Sense::hover());
    response.widget_info(|| WidgetInfo::new(Role::ProgressIndicator));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let every = pace::get(ui.ctx());
    ui.ctx().request_repaint_after(every);
    let step = (ui.input(|input| input.time) / every.as_secs_f64()) as usize;
    let colour = ui.visuals().strong_text_color();
    for dot in 0..DOTS {
        let angle = dot as f32 / DOTS as f32 * std::f32::consts::TAU;
        let place = rect.center() + egui::Vec2::angled(angle) * (size * 0.34);
        // The newest dot is the clearest.
        let age = (step + DOTS - dot) % DOTS;
        let share = 1.0 - age as f32 / DOTS as f32;
        ui.painter().circle_filled(place, size * 0.08, colour.gamma_multiply(0.15 + 0.85 * share));
    }
}
