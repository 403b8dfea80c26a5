//! The patches of a micrograph as circles of the particle's size, with the box around those that are selected.

use std::collections::HashSet;
use std::f32::consts::TAU;

use eframe::egui;
use egui::{Color32, Mesh, Painter, Pos2, Rect, Stroke, StrokeKind, Vec2};
use vitrine_core::Label;
use vitrine_core::project::{MicrographId, PatchId};

use super::geometry::Geometry;
use crate::gui::model::{MicrographsState, OpenProject};
use crate::gui::theme;
use crate::gui::widgets::HALO;

/// Maximum number on the screen that are drawn finely; more are drawn plainly, as one mesh.
pub const MAX_FINE: usize = 600;
/// With more unlabeled patches than these a micrograph does not show them: as a pool they lie everywhere.
const MAX_UNLABELED: usize = 150;
/// Smallest radius of a circle, points.
const MIN_RADIUS: f32 = 3.5;

/// Something on a micrograph that can be painted over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// A patch.
    Patch(PatchId),
    /// A place that a run has found on a micrograph: its centre in tenths of a px, as it is kept.
    Place(MicrographId, [i64; 2]),
}

impl Mark {
    /// The place of a run at a centre, px.
    pub fn place(micrograph: MicrographId, xy: [f64; 2]) -> Self {
        Self::Place(micrograph, xy.map(|v| (v * 10.0).round() as i64))
    }
}

/// What of the patches is chosen in this frame.
#[derive(Default)]
pub struct Chosen {
    /// Under the pointer.
    pub hovered: Option<PatchId>,
    /// The place of a run under the pointer.
    pub place: Option<usize>,
    /// The label that is being painted, and what it is painted over.
    pub painted: Option<(Label, HashSet<Mark>)>,
    /// Inside a band, px of the micrograph.
    pub band: Option<([f32; 2], [f32; 2])>,
}

/// Radius of a particle on the screen, points.
pub fn radius(open: &OpenProject, geometry: &Geometry) -> f32 {
    (diameter(open) as f32 * 0.5 * geometry.zoom).max(MIN_RADIUS)
}

/// Diameter of a particle, px: as somebody has said, else 0.6 of the box.
pub fn diameter(open: &OpenProject) -> f64 {
    open.diameter.unwrap_or_else(|| 0.6 * box_side(open).unwrap_or(100.0))
}

/// Side of the box, px.
fn box_side(open: &OpenProject) -> Option<f64> {
    open.cut.as_ref().ok().and_then(|cut| cut.effective_box().ok()).map(|side| side as f64)
}

/// The number of unlabeled patches of a micrograph, if these would hide the particles.
pub fn many_unlabeled(open: &OpenProject, micrograph: MicrographId) -> Option<u64> {
    let all = open.on_micrographs.patches(micrograph);
    let unlabeled = all.iter().filter(|&&patch| is_unlabeled(open, patch)).count();
    (unlabeled > MAX_UNLABELED).then_some(unlabeled as u64)
}

fn is_unlabeled(open: &OpenProject, patch: PatchId) -> bool {
    open.columns.labels.get(patch as usize) == Some(&Label::Unlabeled)
}

/// The patches that are shown: without the unlabeled ones where they are many, unless `all` are wanted.
fn shown(open: &OpenProject, micrograph: MicrographId, all: bool) -> impl Iterator<Item = PatchId> {
    let hides = !all && many_unlabeled(open, micrograph).is_some();
    let patches = open.on_micrographs.patches(micrograph).iter().copied();
    patches.filter(move |&patch| !hides || !is_unlabeled(open, patch) || open.selection.contains(patch))
}

/// The patch nearest to a point of the screen, if it is near enough to be meant.
pub fn patch_at(
    open: &OpenProject,
    micrograph: MicrographId,
    geometry: &Geometry,
    all: bool,
    at: Pos2,
) -> Option<PatchId> {
    let reach = radius(open, geometry).max(9.0);
    let place = geometry.to_micrograph(at);
    let far = |[x, y]: [f32; 2]| (x - place[0]).hypot(y - place[1]);
    let near = reach / geometry.zoom;
    shown(open, micrograph, all)
        .filter_map(|patch| open.columns.xy_of(patch).map(|xy| (patch, far(xy))))
        .filter(|(_, distance)| *distance <= near)
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(patch, _)| patch)
}

/// The patches whose centres lie in a band, px of the micrograph.
pub fn patches_in(
    open: &OpenProject,
    micrograph: MicrographId,
    all: bool,
    (a, b): ([f32; 2], [f32; 2]),
) -> Vec<PatchId> {
    let within = |v: f32, a: f32, b: f32| v >= a.min(b) && v <= a.max(b);
    let inside = |[x, y]: [f32; 2]| within(x, a[0], b[0]) && within(y, a[1], b[1]);
    shown(open, micrograph, all).filter(|&patch| open.columns.xy_of(patch).is_some_and(inside)).collect()
}

/// Whether a place on its way into the project is under a point of the screen.
pub fn is_coming(state: &MicrographsState, open: &OpenProject, geometry: &Geometry, at: Pos2) -> bool {
    let place = geometry.to_micrograph(at);
    let near = (radius(open, geometry).max(9.0) / geometry.zoom) as f64;
    let here = |[x, y]: [f64; 2]| (x - f64::from(place[0])).hypot(y - f64::from(place[1])) <= near;
    let coming = state.marking.iter().filter(|m| Some(m.mark.micrograph) == state.current);
    coming.flat_map(|marking| &marking.mark.places).any(|&xy| here(xy))
}

/// Draws them.
pub fn draw(
    painter: &Painter,
    open: &OpenProject,
    micrographs: &MicrographsState,
    micrograph: MicrographId,
    geometry: &Geometry,
    all: bool,
    chosen: &Chosen,
) {
    let radius = radius(open, geometry);
    let sight = geometry.rect.expand(radius + 4.0);
    let seen: Vec<(PatchId, Pos2, Label)> = shown(open, micrograph, all)
        .filter_map(|patch| {
            let at = geometry.to_screen(open.columns.xy_of(patch)?);
            let label = open.columns.labels.get(patch as usize).copied()?;
            let painted = chosen.painted.as_ref().filter(|(_, marks)| marks.contains(&Mark::Patch(patch)));
            sight.contains(at).then(|| (patch, at, painted.map_or(label, |(label, _)| *label)))
        })
        .collect();
    if seen.len() > MAX_FINE {
        let mut mesh = Mesh::default();
        for (_, at, label) in &seen {
            let half = if *label == Label::Unlabeled { 0.6 } else { 1.0 };
            ring(&mut mesh, *at, radius, half, theme::label(*label, true));
        }
        painter.add(mesh);
    } else {
        for (_, at, label) in &seen {
            fine(painter, *at, radius, *label, theme::label(*label, true));
        }
    }
    let side = box_side(open).map(|side| side as f32 * geometry.zoom);
    let banded = |patch: PatchId| {
        let Some((a, b)) = chosen.band else { return false };
        let Some([x, y]) = open.columns.xy_of(patch) else { return false };
        (x - a[0]) * (x - b[0]) <= 0.0 && (y - a[1]) * (y - b[1]) <= 0.0
    };
    for (patch, at, _) in seen {
        let selected = open.selection.contains(patch) || banded(patch);
        if selected {
            frame(painter, at, radius, side, 2.2);
        } else if chosen.hovered == Some(patch) {
            frame(painter, at, radius, side, 1.0);
        }
    }
    // On their way into the project: where the person clicked, at once.
    let coming = micrographs.marking.iter().filter(|m| m.mark.micrograph == micrograph);
    for (marking, &[x, y]) in coming.flat_map(|m| m.mark.places.iter().map(move |xy| (m, xy))) {
        let colour = theme::label(marking.mark.label, true).gamma_multiply(0.6);
        fine(painter, geometry.to_screen([x as f32, y as f32]), radius, marking.mark.label, colour);
    }
}

/// A circle with a dark rim; a negative is crossed out, an unlabeled one is thin.
fn fine(painter: &Painter, at: Pos2, radius: f32, label: Label, colour: Color32) {
    let width = if label == Label::Unlabeled { 1.2 } else { 2.0 };
    painter.circle_stroke(at, radius, Stroke::new(width + 2.0, HALO));
    painter.circle_stroke(at, radius, Stroke::new(width, colour));
    if label == Label::Negative {
        let arm = (radius * 0.45).clamp(2.5, 9.0);
        for (stroke, colour) in [(width + 2.0, HALO), (width, colour)] {
            for turn in [Vec2::new(arm, arm), Vec2::new(arm, -arm)] {
                painter.line_segment([at - turn, at + turn], Stroke::new(stroke, colour));
            }
        }
    }
}

/// The box of a patch, to scale, and a bright circle.
fn frame(painter: &Painter, at: Pos2, radius: f32, side: Option<f32>, width: f32) {
    let colour = theme::accent(true);
    let side = side.unwrap_or(radius * 3.0).max(10.0);
    let rect = Rect::from_center_size(at, Vec2::splat(side));
    for (width, colour) in [(width + 2.0, HALO), (width, colour)] {
        painter.rect_stroke(rect, 0.0, Stroke::new(width, colour), StrokeKind::Middle);
    }
}

/// A circle of few corners without smoothing, `half` of its line on either side: thousands are drawn in a moment.
pub fn ring(mesh: &mut Mesh, at: Pos2, radius: f32, half: f32, colour: Color32) {
    if radius < 4.5 {
        mesh.add_colored_rect(Rect::from_center_size(at, Vec2::splat(radius * 1.6 + 2.0)), HALO);
        mesh.add_colored_rect(Rect::from_center_size(at, Vec2::splat(radius * 1.6)), colour);
        return;
    }
    let corners = if radius < 14.0 { 12 } else { 24 };
    for (from, to, colour) in
        [(radius - half - 1.0, radius + half + 1.0, HALO), (radius - half, radius + half, colour)]
    {
        let first = mesh.vertices.len() as u32;
        for corner in 0..corners {
            let turn = Vec2::angled(corner as f32 / corners as f32 * TAU);
            mesh.colored_vertex(at + turn * from, colour);
            mesh.colored_vertex(at + turn * to, colour);
        }
        for corner in 0..corners {
            let (a, b) = (first + 2 * corner, first + 2 * ((corner + 1) % corners));
            mesh.add_triangle(a, a + 1, b);
            mesh.add_triangle(a + 1, b + 1, b);
        }
    }
}
