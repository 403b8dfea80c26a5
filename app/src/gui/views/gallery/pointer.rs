//! The pointer on the grid: click, Ctrl and Shift, rubber band, and painting while a key is held.

use std::collections::HashSet;

use eframe::egui;
use egui::{Response, StrokeKind, Ui};
use vitrine_core::Label;
use vitrine_core::project::PatchId;

use super::geometry::Geometry;
use super::state::State;
use crate::gui::command::{Command, LabelCommand, SelectCommand, ViewCommand};
use crate::gui::model::{Model, OpenProject};
use crate::gui::theme;
use crate::gui::values::LabelSource;

/// What the pointer has marked in this frame but not done yet.
#[derive(Default)]
pub struct Marks {
    band: HashSet<usize>,
    label: Option<Label>,
    painted: HashSet<PatchId>,
}

impl Marks {
    /// Whether a place is inside the band.
    pub fn in_band(&self, place: usize) -> bool {
        self.band.contains(&place)
    }

    /// The label that is being painted over a patch.
    pub fn painted(&self, patch: PatchId) -> Option<Label> {
        self.label.filter(|_| self.painted.contains(&patch))
    }
}

/// Takes what the pointer does; what is marked for drawing.
pub fn ui(
    ui: &Ui,
    model: &Model,
    open: &OpenProject,
    state: &mut State,
    response: &Response,
    out: &mut Vec<Command>,
) -> Marks {
    let geometry = state.geometry;
    if response.clicked() || response.drag_started() {
        // A combo box or field that still has the focus would keep arrows and Space for itself.
        ui.memory_mut(|memory| {
            if let Some(id) = memory.focused() {
                memory.surrender_focus(id);
            }
        });
    }
    if let Some(label) = model.gallery.brush {
        return brush(ui, model, open, state, label, out);
    }
    let modifiers = ui.input(|input| input.modifiers);
    let at = response.interact_pointer_pos();
    if response.drag_started_by(egui::PointerButton::Primary)
        && let Some(from) =
            ui.input(|input| input.pointer.press_origin()).filter(|p| geometry.rect.contains(*p))
    {
        let from = geometry.to_content(from);
        state.pointer.band = Some((from, from));
    }
    let mut marks = Marks::default();
    if !response.dragged() && !response.drag_stopped() {
        // Escape ends a drag, and so does letting go while another view is shown.
        state.pointer.band = None;
    }
    if let Some((from, _)) = state.pointer.band {
        if let Some(at) = at {
            scroll_at_edges(ui, &geometry, &mut state.scroll, at);
            let to = geometry.to_content(at);
            state.pointer.band = Some((from, to));
            marks.band = on_screen(&geometry, from, to);
        }
        if response.drag_stopped() {
            let (from, to) = state.pointer.band.take().unwrap_or((from, from));
            let places = geometry.between(from, to);
            let patches: Vec<PatchId> =
                places.iter().filter_map(|&place| open.shown.ids.get(place).copied()).collect();
            out.push(Command::Select(if modifiers.command || modifiers.shift {
                SelectCommand::Add(patches)
            } else {
                SelectCommand::Only(patches)
            }));
        }
        return marks;
    }
    if let Some(place) = at.filter(|_| response.clicked()).and_then(|at| geometry.place_at(at)) {
        let patch = open.shown.ids.get(place).copied();
        if modifiers.shift {
            out.push(Command::Select(SelectCommand::Range(state.pointer.anchor, place)));
        } else if let Some(patch) = patch.filter(|_| modifiers.command) {
            out.push(Command::Select(SelectCommand::Toggle(patch)));
            state.pointer.anchor = place;
        } else {
            if !open.selection.is_empty() {
                out.push(Command::Select(SelectCommand::Clear));
            }
            state.pointer.anchor = place;
        }
        out.push(Command::Select(SelectCommand::Place(place)));
        if response.double_clicked() && !modifiers.any() {
            out.push(Command::View(ViewCommand::Large));
        }
    }
    marks
}

/// The part of a band that is drawn; the rest is counted when it is let go.
fn on_screen(geometry: &Geometry, from: (f32, f64), to: (f32, f64)) -> HashSet<usize> {
    let (top, bottom) = (geometry.scroll, geometry.scroll + f64::from(geometry.rect.height()));
    geometry
        .between((from.0, from.1.clamp(top, bottom)), (to.0, to.1.clamp(top, bottom)))
        .into_iter()
        .collect()
}

/// A band held beyond the edge scrolls on.
fn scroll_at_edges(ui: &Ui, geometry: &Geometry, scroll: &mut f64, at: egui::Pos2) {
    let beyond = (at.y - geometry.rect.bottom()).max(0.0) - (geometry.rect.top() - at.y).max(0.0);
    if beyond != 0.0 {
        let seconds = ui.input(|input| input.stable_dt).min(0.1);
        *scroll += f64::from(beyond * 12.0 * seconds);
        ui.ctx().request_repaint();
    }
}

/// Paints while the key is held; one step when it is let go.
fn brush(
    ui: &Ui,
    model: &Model,
    open: &OpenProject,
    state: &mut State,
    label: Label,
    out: &mut Vec<Command>,
) -> Marks {
    let geometry = state.geometry;
    let held = state.pointer.brush.paint(ui, model, label, geometry.pitch * 0.5, |point| {
        geometry.place_at(point).and_then(|place| open.shown.ids.get(place).copied())
    });
    if !held {
        end_brush(model, state, out);
        return Marks::default();
    }
    Marks { label: Some(label), painted: state.pointer.brush.covered().clone(), ..Marks::default() }
}

/// Labels what was painted so far, if anything is being painted.
pub fn end_brush(model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let patches = state.pointer.brush.take();
    let Some(label) = model.gallery.brush else { return };
    if !patches.is_empty() {
        let source = LabelSource::Brush;
        out.push(Command::Label(LabelCommand::SetPatches { patches, label, source }));
    }
    out.push(Command::Label(LabelCommand::EndBrush));
}

/// Draws the band.
pub fn draw_band(ui: &Ui, state: &State, geometry: &Geometry) {
    let Some((from, to)) = state.pointer.band else { return };
    let point = |(x, y): (f32, f64)| {
        let y = (y - geometry.scroll).clamp(-10.0, f64::from(geometry.rect.height()) + 10.0) as f32;
        geometry.rect.min + egui::vec2(x, y)
    };
    let rect = egui::Rect::from_two_pos(point(from), point(to));
    let accent = theme::accent(ui.visuals().dark_mode);
    ui.painter_at(geometry.rect).rect(
        rect,
        2.0,
        accent.gamma_multiply(0.15),
        egui::Stroke::new(1.5, accent),
        StrokeKind::Inside,
    );
}
