//! The audit of picks: the button that begins it, the question, and the place that is asked about.

use eframe::egui;
use egui::{Align2, FontId, Painter, Stroke, Ui, pos2, vec2};
use vitrine_core::picking::audit::{ENOUGH_BELOW, ENOUGH_PICKS};

use super::geometry::Geometry;
use super::marks;
use crate::gui::command::{AuditCommand, Command, PickCommand};
use crate::gui::model::{AskedPlace, Model, OpenProject};
use crate::gui::theme;
use crate::gui::views::round::weak;
use crate::gui::widgets::{HALO, command_button, command_button_as};

/// Draws the part of the panel.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let audit = &model.picks.audit;
    if !audit.running {
        command_button(ui, model, "micrograph.audit", out);
        let done = audit.progress;
        if audit.judged.is_none() && done.picks + done.below > 0 {
            weak(ui, &progress(model));
        }
        return;
    }
    let [yes, no] = keys(model);
    let question = format!("Is the marked place a particle? {yes}: yes, {no}: no. Decide about each one.");
    ui.add(egui::Label::new(question).wrap());
    weak(ui, &progress(model));
    ui.horizontal_wrapped(|ui| {
        command_button_as(ui, model, "micrograph.audit", "Show the place", out);
        if ui.button("End").on_hover_text("Stop asking. What was judged counts.").clicked() {
            out.push(Command::Pick(PickCommand::Audit(AuditCommand::End)));
        }
    });
}

/// The keys that answer.
fn keys(model: &Model) -> [String; 2] {
    ["label.positive", "label.negative"]
        .map(|id| model.keys.text_of(id).unwrap_or_else(|| "no key".to_owned()))
}

/// How far the audit of this threshold is.
fn progress(model: &Model) -> String {
    let done = model.picks.audit.progress;
    let so_far = format!("Judged at random: {} picks, {} places below the threshold", done.picks, done.below);
    match model.picks.audit.judged.is_some() {
        true => format!("{so_far}. Each further one narrows the intervals."),
        false => format!("{so_far}; from {ENOUGH_PICKS} and {ENOUGH_BELOW} on they count."),
    }
}

/// Marks the place that is asked about: corners of a box around it, and the keys below.
pub fn draw(painter: &Painter, model: &Model, open: &OpenProject, geometry: &Geometry, asked: AskedPlace) {
    let at = geometry.to_screen(asked.xy.map(|v| v as f32));
    let half = marks::radius(open, geometry) * 1.35 + 4.0;
    let arm = half * 0.45;
    for (width, colour) in [(5.0, HALO), (2.5, theme::accent(true))] {
        let stroke = Stroke::new(width, colour);
        for (sx, sy) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
            let corner = at + vec2(sx * half, sy * half);
            painter.line_segment([corner, corner - vec2(sx * arm, 0.0)], stroke);
            painter.line_segment([corner, corner - vec2(0.0, sy * arm)], stroke);
        }
    }
    if !open.selection.is_empty() {
        // Keys are for what is selected.
        return;
    }
    let [yes, no] = keys(model);
    let words = format!("Particle?   {yes}  yes   {no}  no");
    let galley = painter.layout_no_wrap(words, FontId::proportional(14.0), egui::Color32::WHITE);
    let centre = pos2(at.x, at.y + half + 6.0);
    let place = Align2::CENTER_TOP.anchor_size(centre, galley.size()).min;
    painter.rect_filled(egui::Rect::from_min_size(place, galley.size()).expand(4.0), 4.0, HALO);
    painter.galley(place, galley, egui::Color32::WHITE);
}
