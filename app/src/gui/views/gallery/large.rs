//! The current patch at full size, with its label. Keys work as in the grid.

use eframe::egui;
use egui::{Rect, Sense, Stroke, StrokeKind, Ui, Vec2};
use vitrine_core::Label;

use super::state::State;
use crate::gui::command::{Command, ViewCommand};
use crate::gui::model::{Model, OpenProject};
use crate::gui::theme;
use crate::gui::widgets::{command_button_as, paint_label, scale_bar};
use crate::words;

/// Draws the patch.
pub fn ui(ui: &mut Ui, model: &Model, open: &OpenProject, state: &mut State, out: &mut Vec<Command>) {
    let Some(patch) = open.shown.current() else { return };
    let label = open.columns.labels.get(patch as usize).copied().unwrap_or(Label::Unlabeled);
    ui.horizontal(|ui| {
        command_button_as(ui, model, "view.large", "Back to the grid", out);
        command_button_as(ui, model, "select.previous", "Previous", out);
        command_button_as(ui, model, "select.next", "Next", out);
        let score = open.score(patch).map_or_else(String::new, |score| format!(", score {score:.3}"));
        ui.label(format!(
            "{} of {}, patch number {patch}: {label}{score}",
            words::count(open.shown.cursor as u64 + 1),
            words::count(open.shown.ids.len() as u64)
        ));
    });
    let area = ui.available_rect_before_wrap();
    let response = ui.allocate_rect(area, Sense::CLICK);
    if response.double_clicked() {
        out.push(Command::View(ViewCommand::Large));
    }
    let side = (area.width().min(area.height()) - 12.0).max(24.0);
    let rect = Rect::from_center_size(area.center(), Vec2::splat(side));
    let window = state.window;
    if let Some(texture) = state.large_picture.of(ui, open, patch, &model.settings.look, window) {
        let uv = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
        ui.painter().image(texture.id(), rect, uv, egui::Color32::WHITE);
    }
    let colour = theme::label(label, true);
    ui.painter().rect_stroke(rect, 0.0, Stroke::new(4.0, colour), StrokeKind::Outside);
    let mark = rect.min + Vec2::splat(22.0);
    ui.painter().circle_filled(mark, 15.0, egui::Color32::from_black_alpha(190));
    paint_label(ui.painter(), mark, 18.0, label, colour);
    scale_bar(ui, rect, open.pixels.size(), open.pixel_size(patch));
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Image, true, format!("Patch {patch}, {label}"))
    });
}
