//! The place of a patch on its micrograph, among the other patches and their labels.

use std::collections::HashSet;
use std::sync::Arc;

use eframe::egui;
use egui::{
    Color32, ColorImage, Mesh, Pos2, Rect, Sense, Stroke, StrokeKind, TextureHandle, TextureOptions, Ui, Vec2,
};
use vitrine_core::Label;
use vitrine_core::grayscale::to_grayscale;
use vitrine_core::project::{EntryId, MicrographId, PatchId};

use crate::gui::command::{Command, SelectCommand};
use crate::gui::model::{MicrographView, OpenProject};
use crate::gui::theme;
use crate::gui::values::Load;
use crate::gui::widgets::{HALO, paint_label_on_picture, unreadable};
use crate::words;

/// What the section remembers.
#[derive(Default)]
pub struct State {
    texture: Option<(u64, MicrographId, TextureHandle)>,
    /// Many marks as one mesh, and what it was made for.
    marks: Option<(MarksOf, Arc<Mesh>)>,
}

/// What a mesh of marks depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct MarksOf {
    opening: u64,
    micrograph: MicrographId,
    patches: usize,
    /// Labels change with the journal.
    journal: EntryId,
    rect: Rect,
}

/// Maximum number of marks that are each drawn by itself, as large and fine as elsewhere.
const MAX_SINGLE_MARKS: usize = 400;
/// Of more than that each is so large, points; several of one label in one place are one mark.
const MARK_SIDE: f32 = 4.0;
/// Width of the dark rim around small marks, points.
const RIM_WIDTH: f32 = 0.8;

/// Draws the micrograph.
pub fn ui(ui: &mut Ui, open: &OpenProject, patch: PatchId, state: &mut State, out: &mut Vec<Command>) {
    let (Some(id), Some(here)) = (open.columns.micrograph_of(patch), open.columns.xy_of(patch)) else {
        ui.weak("The sources do not say where this patch is on a micrograph.");
        return;
    };
    let view = match open.micrograph.of(&id) {
        Load::Ready(view) => view,
        Load::Failed(failure) => return unreadable(ui, &failure),
        Load::NotAsked | Load::Loading => {
            ui.weak("Reading the micrograph…");
            return;
        }
    };
    let [width, height] = view.dimensions.map(|side| side.max(1.0));
    let across = ui.available_width().min(420.0);
    let size = Vec2::new(across, across * (height / width).clamp(0.2, 3.0));
    let (rect, response) = ui.allocate_exact_size(size, Sense::CLICK);
    ui.painter().rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    if let Some(texture) = texture(ui, (open.opening, id), view, state) {
        let uv = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
        ui.painter().image(texture, rect, uv, Color32::WHITE);
    }
    let scale = Vec2::new(rect.width() / width, rect.height() / height);
    let at = |[x, y]: [f32; 2]| rect.min + Vec2::new(x * scale.x, y * scale.y);
    let painter = ui.painter_at(rect);
    if view.patches.len() > MAX_SINGLE_MARKS {
        painter.add(many(open, id, view, rect, &at, state));
    } else {
        for &(other, xy) in &view.patches {
            let (label, colour) = label_of(open, other);
            paint_label_on_picture(&painter, at(xy), 8.0, label, colour);
        }
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
    response.on_hover_text("Click a mark to go to that patch");
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

fn label_of(open: &OpenProject, patch: PatchId) -> (Label, Color32) {
    let label = open.columns.labels.get(patch as usize).copied().unwrap_or(Label::Unlabeled);
    (label, theme::label(label, true))
}

/// Thousands of marks, made once and drawn as they are until a label or the panel changes. Their number
/// is bounded by the places there are on the screen.
fn many(
    open: &OpenProject,
    micrograph: MicrographId,
    view: &MicrographView,
    rect: Rect,
    at: &dyn Fn([f32; 2]) -> Pos2,
    state: &mut State,
) -> Arc<Mesh> {
    let of = MarksOf {
        opening: open.opening,
        micrograph,
        patches: view.patches.len(),
        journal: open.journal,
        rect,
    };
    if let Some((known, mesh)) = &state.marks
        && *known == of
    {
        return Arc::clone(mesh);
    }
    let mut marks = Vec::new();
    let mut taken = HashSet::new();
    for &(patch, xy) in &view.patches {
        let (label, colour) = label_of(open, patch);
        let centre = at(xy);
        let cell = ((centre - rect.min) / MARK_SIDE).floor();
        if rect.contains(centre) && taken.insert((cell.x as i32, cell.y as i32, label as u8)) {
            marks.push((centre, label, colour));
        }
    }
    let mut mesh = Mesh::default();
    // All rims first, so that none covers the mark beside it.
    for &(centre, label, _) in &marks {
        small_mark(&mut mesh, centre, label, HALO, RIM_WIDTH);
    }
    for (centre, label, colour) in marks {
        small_mark(&mut mesh, centre, label, colour, 0.0);
    }
    let mesh = Arc::new(mesh);
    state.marks = Some((of, Arc::clone(&mesh)));
    mesh
}

/// The mark of a label in four points: a full square, a cross, an open square; `wider` points wider at each
/// side of its lines.
fn small_mark(mesh: &mut Mesh, centre: Pos2, label: Label, colour: Color32, wider: f32) {
    let half = MARK_SIDE * 0.5;
    match label {
        Label::Positive => {
            let square = Rect::from_center_size(centre, Vec2::splat(MARK_SIDE)).expand(wider);
            mesh.add_colored_rect(square, colour);
        }
        Label::Unlabeled => {
            for side in [-half, half] {
                let flat =
                    Rect::from_center_size(centre + Vec2::new(0.0, side), Vec2::new(MARK_SIDE + 1.0, 1.0));
                mesh.add_colored_rect(flat.expand(wider), colour);
                let tall =
                    Rect::from_center_size(centre + Vec2::new(side, 0.0), Vec2::new(1.0, MARK_SIDE - 1.0));
                mesh.add_colored_rect(tall.expand2(Vec2::new(wider, -wider)), colour);
            }
        }
        Label::Negative => {
            for turn in [Vec2::new(1.0, 1.0), Vec2::new(1.0, -1.0)] {
                let (along, across) = (turn * (half + wider * 0.7), turn.rot90() * (0.5 + wider * 0.7));
                let first = mesh.vertices.len() as u32;
                for corner in [along + across, along - across, -along - across, -along + across] {
                    mesh.colored_vertex(centre + corner, colour);
                }
                mesh.add_triangle(first, first + 1, first + 2);
                mesh.add_triangle(first, first + 2, first + 3);
            }
        }
    }
}

/// Side of the box a patch was cut with, px of the micrograph.
fn box_side(open: &OpenProject, patch: PatchId) -> Option<f32> {
    let source = open.columns.source_of(patch)?;
    let info = &open.sources.iter().find(|s| s.id == source)?.info;
    info.box_size.map(|side| side as f32)
}

fn texture(
    ui: &Ui,
    of: (u64, MicrographId),
    view: &MicrographView,
    state: &mut State,
) -> Option<egui::TextureId> {
    let (image, _) = view.picture.as_ref().ok()?;
    let known = state.texture.as_ref().is_some_and(|(g, id, _)| (*g, *id) == of);
    if !known {
        let picture = ColorImage::from_gray([image.width, image.height], &to_grayscale(&image.data));
        let handle = ui.ctx().load_texture("micrograph", picture, TextureOptions::LINEAR);
        state.texture = Some((of.0, of.1, handle));
    }
    state.texture.as_ref().map(|(_, _, handle)| handle.id())
}
