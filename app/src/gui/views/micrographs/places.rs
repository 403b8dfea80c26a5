//! The places that a run has found on a micrograph, coloured by score.

use std::collections::HashMap;

use eframe::egui;
use egui::{Mesh, Painter, Pos2, Stroke};
use vitrine_core::Label;
use vitrine_core::picking::census::score_of;
use vitrine_core::project::MicrographId;

use super::geometry::Geometry;
use super::marks::{self, Chosen, Mark};
use super::page::Page;
use crate::gpu::colour_map::ColourMap;
use crate::gui::model::{OpenProject, distance_of};
use crate::gui::theme;
use crate::gui::widgets::HALO;

/// A place that a run takes for a particle and nobody has judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Centre, px of the micrograph.
    pub xy: [f64; 2],
    /// Score that the run gave it, 0 to 1.
    pub score: f32,
}

/// The picks of the run at the threshold of the panel, without those at labelled patches.
pub fn unjudged(page: Page<'_>) -> Vec<Place> {
    let Page { model, open, micrograph } = page;
    let draft = &model.drafts.pick;
    let places = model.picks.places(open, micrograph, draft);
    if places.is_empty() {
        return Vec::new();
    }
    let near = (distance_of(open, draft) * 0.5).max(1.0);
    let cell = |[x, y]: [f32; 2]| ((x / near).floor() as i32, (y / near).floor() as i32);
    let mut judged: HashMap<(i32, i32), Vec<[f32; 2]>> = HashMap::new();
    for &patch in open.on_micrographs.patches(micrograph) {
        let label = open.columns.labels.get(patch as usize).copied().unwrap_or(Label::Unlabeled);
        if let Some(xy) = open.columns.xy_of(patch).filter(|_| label != Label::Unlabeled) {
            judged.entry(cell(xy)).or_default().push(xy);
        }
    }
    let coming = model.micrographs.marking.iter().filter(|m| m.mark.micrograph == micrograph);
    for &[x, y] in coming.flat_map(|marking| &marking.mark.places) {
        let xy = [x as f32, y as f32];
        judged.entry(cell(xy)).or_default().push(xy);
    }
    let is_judged = |[x, y]: [f32; 2]| {
        let (column, row) = cell([x, y]);
        (-1..=1)
            .flat_map(|dx| (-1..=1).map(move |dy| (column + dx, row + dy)))
            .any(|at| judged.get(&at).into_iter().flatten().any(|[a, b]| (a - x).hypot(b - y) <= near))
    };
    places
        .into_iter()
        .filter(|place| !is_judged([place.x as f32, place.y as f32]))
        .map(|place| Place { xy: [place.x, place.y], score: score_of(f64::from(place.logit)) as f32 })
        .collect()
}

/// The place under a point of the screen.
pub fn place_at(open: &OpenProject, geometry: &Geometry, places: &[Place], at: Pos2) -> Option<usize> {
    let reach = marks::radius(open, geometry).max(9.0);
    let distance = |place: &Place| (geometry.to_screen(place.xy.map(|v| v as f32)) - at).length();
    places
        .iter()
        .enumerate()
        .map(|(index, place)| (index, distance(place)))
        .filter(|(_, distance)| *distance <= reach)
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(index, _)| index)
}

/// Draws them: a thin ring of the score's colour, bright for high scores.
pub fn draw(
    painter: &Painter,
    open: &OpenProject,
    geometry: &Geometry,
    (micrograph, places): (MicrographId, &[Place]),
    chosen: &Chosen,
) {
    let radius = marks::radius(open, geometry) * 0.9;
    let sight = geometry.rect.expand(radius + 4.0);
    let on_screen = |place: &Place| geometry.to_screen(place.xy.map(|v| v as f32));
    let seen: Vec<(usize, &Place, Pos2)> = places
        .iter()
        .enumerate()
        .map(|(index, place)| (index, place, on_screen(place)))
        .filter(|(.., at)| sight.contains(*at))
        .collect();
    let plain = seen.len() > marks::MAX_FINE;
    let mut mesh = Mesh::default();
    for (index, place, at) in seen {
        let painted =
            chosen.painted.as_ref().filter(|(_, marks)| marks.contains(&Mark::place(micrograph, place.xy)));
        let colour = match painted {
            Some((label, _)) => theme::label(*label, true),
            None => ColourMap::Viridis.colour(0.35 + 0.65 * place.score),
        };
        let width = if chosen.place == Some(index) || painted.is_some() { 3.0 } else { 1.6 };
        if plain {
            marks::ring(&mut mesh, at, radius, 0.5 * width, colour);
        } else {
            painter.circle_stroke(at, radius, Stroke::new(width + 1.6, HALO));
            painter.circle_stroke(at, radius, Stroke::new(width, colour));
        }
    }
    if plain {
        painter.add(mesh);
    }
}
