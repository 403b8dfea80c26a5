//! The pointer on a micrograph: wheel, drag, click, band, and painting while a key is held.

use std::collections::BTreeMap;

use eframe::egui;
use egui::{CursorIcon, Key, Modifiers, PointerButton, Response, Stroke, StrokeKind, Ui};
use vitrine_core::Label;
use vitrine_core::project::{MicrographId, PatchId};

use super::geometry::Geometry;
use super::marks::{self, Chosen, Mark};
use super::mask;
use super::page::Page;
use super::places::{self, Place};
use super::state::State;
use crate::gui::command::{
    AuditCommand, Command, LabelCommand, MarkPlaces, MicrographCommand, PickCommand, SelectCommand,
};
use crate::gui::model::Model;
use crate::gui::theme;
use crate::gui::values::LabelSource;

/// Takes what the pointer does; what is chosen, for drawing.
pub fn ui(
    ui: &Ui,
    page: Page<'_>,
    places: &[Place],
    state: &mut State,
    response: &Response,
    out: &mut Vec<Command>,
) -> Chosen {
    let Page { model, open, micrograph } = page;
    if response.clicked() || response.drag_started() {
        // A field that still has the focus would keep keys for itself.
        ui.memory_mut(|memory| {
            if let Some(id) = memory.focused() {
                memory.surrender_focus(id);
            }
        });
    }
    zoom(ui, response, &mut state.geometry);
    if mask::pointer(ui, open, micrograph, state, response, out) {
        return Chosen::default();
    }
    let clear = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
    if clear && !open.selection.is_empty() {
        out.push(Command::Select(SelectCommand::Clear));
    } else if clear && model.picks.audit.running {
        out.push(Command::Pick(PickCommand::Audit(AuditCommand::End)));
    }
    if let Some(label) = model.gallery.brush {
        return brush(ui, page, places, state, label, out);
    }
    let modifiers = ui.input(|input| input.modifiers);
    let space = ui.input(|input| input.key_down(Key::Space));
    let mut chosen = Chosen::default();
    if state.measuring && measure(ui, state, response, out) {
        return chosen;
    }
    if response.drag_started_by(PointerButton::Primary) && modifiers.shift {
        let from = ui.input(|input| input.pointer.press_origin());
        state.pointer.band = from.map(|from| {
            let from = state.geometry.to_micrograph(from);
            (from, from)
        });
    }
    if !response.dragged() && !response.drag_stopped() {
        state.pointer.band = None;
    }
    if let Some((from, to)) = state.pointer.band {
        let to = response.interact_pointer_pos().map_or(to, |at| state.geometry.to_micrograph(at));
        state.pointer.band = Some((from, to));
        if response.drag_stopped() {
            state.pointer.band = None;
            let patches = marks::patches_in(open, micrograph, state.show_unlabeled, (from, to));
            out.push(Command::Select(match modifiers.command {
                true => SelectCommand::Add(patches),
                false => SelectCommand::Only(patches),
            }));
        } else {
            chosen.band = Some((from, to));
        }
        return chosen;
    }
    if response.dragged_by(PointerButton::Primary) || response.dragged_by(PointerButton::Middle) {
        state.geometry.pan(response.drag_delta());
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        return chosen;
    }
    let Some(at) = response.hover_pos() else { return chosen };
    let place = places::place_at(open, &state.geometry, places, at);
    // A click on the place that a person is asked about is an answer, whatever lies there.
    if place.is_none() || model.picks.audit.asked_on(micrograph).is_none() {
        chosen.hovered = marks::patch_at(open, micrograph, &state.geometry, state.show_unlabeled, at);
    }
    if chosen.hovered.is_none() {
        chosen.place = place;
    }
    if space {
        ui.ctx().set_cursor_icon(CursorIcon::Grab);
        return chosen;
    }
    if chosen.hovered.is_some() || chosen.place.is_some() {
        ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
    } else if !state.no_marking {
        ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
    }
    if let Some(place) = chosen.place.and_then(|index| places.get(index)) {
        let judged = match (response.clicked(), response.secondary_clicked()) {
            (true, _) => Some(Label::Positive),
            (_, true) => Some(Label::Negative),
            _ => None,
        };
        if let Some(label) = judged {
            let places = vec![place.xy];
            out.push(Command::Pick(PickCommand::Judge { micrograph, places, label }));
        }
        return chosen;
    }
    if response.clicked() {
        click(page, state, at, chosen.hovered, modifiers, out);
    } else if response.secondary_clicked()
        && let Some(patch) = chosen.hovered
    {
        let (patches, label, source) = (vec![patch], Label::Negative, LabelSource::MicrographReject);
        out.push(Command::Label(LabelCommand::SetPatches { patches, label, source }));
    }
    chosen
}

/// A drag from the centre of a particle to its edge gives its diameter. Whether the pointer is taken.
fn measure(ui: &Ui, state: &mut State, response: &Response, out: &mut Vec<Command>) -> bool {
    ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
    if response.drag_started_by(PointerButton::Primary) {
        let from = ui.input(|input| input.pointer.press_origin());
        state.pointer.measured = from.map(|from| state.geometry.to_micrograph(from));
    }
    let Some(centre) = state.pointer.measured else { return response.clicked() };
    if response.drag_stopped()
        && let Some(at) = response.interact_pointer_pos()
    {
        let [x, y] = state.geometry.to_micrograph(at);
        let diameter = f64::from(2.0 * (x - centre[0]).hypot(y - centre[1])).round();
        (state.pointer.measured, state.measuring) = (None, false);
        // A slip of the hand measures nothing.
        if diameter >= 4.0 {
            out.push(Command::Micrograph(MicrographCommand::Diameter(diameter)));
        }
    } else if !response.dragged() {
        state.pointer.measured = None;
    }
    true
}

/// Draws the particle that is being measured.
pub fn draw_measured(ui: &Ui, state: &State) {
    let Some(centre) = state.pointer.measured else { return };
    let Some(at) = ui.input(|input| input.pointer.hover_pos()) else { return };
    let centre = state.geometry.to_screen(centre);
    let painter = ui.painter_at(state.geometry.rect);
    for (width, colour) in [(4.0, crate::gui::widgets::HALO), (2.0, theme::accent(true))] {
        painter.circle_stroke(centre, (at - centre).length(), Stroke::new(width, colour));
    }
}

/// The wheel zooms about the pointer, and so do two fingers.
fn zoom(ui: &Ui, response: &Response, geometry: &mut Geometry) {
    let Some(at) = response.hover_pos() else { return };
    let (wheel, pinch) = ui.input(|input| (input.smooth_scroll_delta.y, input.zoom_delta()));
    let factor = (wheel / 240.0).exp2() * pinch;
    if factor != 1.0 {
        geometry.zoom_about(at, factor);
    }
}

fn click(
    page: Page<'_>,
    state: &State,
    at: egui::Pos2,
    hit: Option<PatchId>,
    modifiers: Modifiers,
    out: &mut Vec<Command>,
) {
    let Page { model, open, micrograph } = page;
    match hit {
        Some(patch) if modifiers.command => out.push(Command::Select(SelectCommand::Toggle(patch))),
        Some(patch) => out.push(Command::Select(SelectCommand::Only(vec![patch]))),
        None => {
            if !open.selection.is_empty() {
                out.push(Command::Select(SelectCommand::Clear));
            }
            let place = state.geometry.to_micrograph(at);
            // Clicked twice: the first click is on its way.
            let coming = marks::is_coming(&model.micrographs, open, &state.geometry, at);
            if state.no_marking || modifiers.any() || coming || !state.geometry.contains(place) {
                return;
            }
            out.push(Command::Micrograph(MicrographCommand::Mark(MarkPlaces {
                micrograph,
                places: vec![place.map(f64::from)],
                label: Label::Positive,
                run: None,
                reason: "picked by hand",
            })));
        }
    }
}

/// Paints while the key is held; one step when it is let go.
fn brush(
    ui: &Ui,
    page: Page<'_>,
    places: &[Place],
    state: &mut State,
    label: Label,
    out: &mut Vec<Command>,
) -> Chosen {
    let Page { model, open, micrograph } = page;
    let (geometry, all) = (state.geometry, state.show_unlabeled);
    let step = marks::radius(open, &geometry).max(4.0);
    let held = state.pointer.brush.paint(ui, model, label, step, |point| {
        if !geometry.rect.contains(point) {
            return None;
        }
        let place = || places::place_at(open, &geometry, places, point).and_then(|at| places.get(at));
        marks::patch_at(open, micrograph, &geometry, all, point)
            .map(Mark::Patch)
            // A place that nobody has judged has no label to be taken away.
            .or_else(|| {
                place().filter(|_| label != Label::Unlabeled).map(|place| Mark::place(micrograph, place.xy))
            })
    });
    if !held {
        end_brush(model, state, out);
        return Chosen::default();
    }
    Chosen { painted: Some((label, state.pointer.brush.covered().clone())), ..Chosen::default() }
}

/// Labels what was painted so far, if anything is being painted: patches in one step, and places of a run in one.
pub fn end_brush(model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let painted = state.pointer.brush.take();
    let Some(label) = model.gallery.brush else { return };
    let (mut patches, mut places) = (Vec::new(), BTreeMap::<MicrographId, Vec<[f64; 2]>>::new());
    for mark in painted {
        match mark {
            Mark::Patch(patch) => patches.push(patch),
            Mark::Place(micrograph, tenths) => {
                places.entry(micrograph).or_default().push(tenths.map(|v| v as f64 / 10.0));
            }
        }
    }
    if !patches.is_empty() {
        let source = LabelSource::MicrographBrush;
        out.push(Command::Label(LabelCommand::SetPatches { patches, label, source }));
    }
    for (micrograph, places) in places {
        out.push(Command::Pick(PickCommand::Judge { micrograph, places, label }));
    }
    out.push(Command::Label(LabelCommand::EndBrush));
}

/// Draws the band.
pub fn draw_band(ui: &Ui, state: &State) {
    let Some((from, to)) = state.pointer.band else { return };
    let geometry = &state.geometry;
    let rect = egui::Rect::from_two_pos(geometry.to_screen(from), geometry.to_screen(to));
    let accent = theme::accent(true);
    ui.painter_at(geometry.rect).rect(
        rect,
        2.0,
        accent.gamma_multiply(0.15),
        Stroke::new(1.5, accent),
        StrokeKind::Inside,
    );
}
