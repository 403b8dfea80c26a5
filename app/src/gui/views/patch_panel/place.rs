//! Where a patch lies on its micrograph, among its neighbours and their labels.

use eframe::egui;
use egui::{Color32, ColorImage, Rect, Sense, Stroke, StrokeKind, TextureHandle, TextureOptions, Ui, Vec2};
use vitrine_core::Label;
use vitrine_core::project::{MicrographId, PatchId};

use crate::gpu::cell::percentiles;
use crate::gui::command::{Command, SelectCommand};
use crate::gui::model::{MicrographView, OpenProject};
use crate::gui::theme;
use crate::gui::widgets::paint_label;
use crate::words;

/// What the section remembers.
#[derive(Default)]
pub struct State {
    texture: Option<(u64, MicrographId, TextureHandle)>,
}

/// Draws the micrograph.
pub fn ui(ui: &mut Ui, open: &OpenProject, patch: PatchId, state: &mut State, out: &mut Vec<Command>) {
    let (Some(id), Some(here)) = (open.columns.micrograph_of(patch), open.columns.xy_of(patch)) else {
        ui.weak("The sources do not say from which place on which micrograph this patch is.");
        return;
    };
    let Some(view) = open.micrograph.as_ref().filter(|view| view.id == id) else {
        ui.weak("Reading the micrograph…");
        return;
    };
    let [width, height] = view.dimensions.map(|side| side.max(1.0));
    let across = ui.available_width().min(420.0);
    let size = Vec2::new(across, across * (height / width).clamp(0.2, 3.0));
    let (rect, response) = ui.allocate_exact_size(size, Sense::CLICK);
    ui.painter().rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    if let Some(texture) = texture(ui, open.generation, view, state) {
        let uv = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
        ui.painter().image(texture, rect, uv, Color32::WHITE);
    }
    let scale = Vec2::new(rect.width() / width, rect.height() / height);
    let at = |[x, y]: [f32; 2]| rect.min + Vec2::new(x * scale.x, y * scale.y);
    let painter = ui.painter_at(rect);
    // Many marks would cover the picture; then they are small.
    let mark = if view.patches.len() > 400 { 4.0 } else { 7.0 };
    for &(other, xy) in &view.patches {
        let label = open.columns.labels.get(other as usize).copied().unwrap_or(Label::Unlabeled);
        let colour = theme::label(label, true);
        let colour = if label == Label::Unlabeled { colour.gamma_multiply(0.8) } else { colour };
        paint_label(&painter, at(xy), mark, label, colour);
    }
    let side = box_side(open, patch).unwrap_or(width * 0.04);
    let frame = Rect::from_center_size(at(here), scale * side).expand(1.0);
    let frame =
        if frame.width() < 12.0 { Rect::from_center_size(frame.center(), Vec2::splat(12.0)) } else { frame };
    painter.rect_stroke(frame, 0.0, Stroke::new(3.5, Color32::BLACK), StrokeKind::Middle);
    painter.rect_stroke(frame, 0.0, Stroke::new(1.8, theme::accent(true)), StrokeKind::Middle);
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Image, true, "Place on the micrograph, with neighbours")
    });
    if let Some(point) = response.interact_pointer_pos().filter(|_| response.clicked()) {
        let nearest = view
            .patches
            .iter()
            .min_by(|a, b| at(a.1).distance_sq(point).total_cmp(&at(b.1).distance_sq(point)));
        if let Some((other, _)) = nearest {
            out.push(Command::Select(SelectCommand::Patch(*other)));
        }
    }
    response.on_hover_text("Click a mark to go to that patch, if it is shown");
    if let Err(why) = &view.picture {
        ui.add(egui::Label::new(egui::RichText::new(why).weak()).wrap());
    }
    let counts = vitrine_core::LabelCounts::of(
        view.patches.iter().filter_map(|(p, _)| open.columns.labels.get(*p as usize).copied()),
    );
    ui.weak(format!(
        "{} positive · {} negative · {} unlabeled here",
        words::count(counts.positive),
        words::count(counts.negative),
        words::count(counts.unlabeled)
    ));
}

/// Side of the box a patch was cut with, px of the micrograph.
fn box_side(open: &OpenProject, patch: PatchId) -> Option<f32> {
    let source = open.columns.source_of(patch)?;
    let info = &open.sources.iter().find(|s| s.id == source)?.info;
    info.box_size.map(|side| side as f32)
}

fn texture(ui: &Ui, generation: u64, view: &MicrographView, state: &mut State) -> Option<egui::TextureId> {
    let (image, _) = view.picture.as_ref().ok()?;
    let known = state.texture.as_ref().is_some_and(|(g, id, _)| (*g, *id) == (generation, view.id));
    if !known {
        let (low, high) = percentiles(&image.data, 0.5);
        let spread = (high - low).max(f32::MIN_POSITIVE);
        let grey = |v: &f32| Color32::from_gray((((v - low) / spread).clamp(0.0, 1.0) * 255.0) as u8);
        let picture = ColorImage::new([image.width, image.height], image.data.iter().map(grey).collect());
        let handle = ui.ctx().load_texture("micrograph", picture, TextureOptions::LINEAR);
        state.texture = Some((generation, view.id, handle));
    }
    state.texture.as_ref().map(|(_, _, handle)| handle.id())
}
