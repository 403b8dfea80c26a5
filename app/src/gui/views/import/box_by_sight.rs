//! The box size by sight: a micrograph with its picks, and a square on it that a person drags to size before anything
//! is cut.

use std::sync::Arc;

use eframe::egui;
use egui::{
    Color32, ColorImage, CursorIcon, Painter, Pos2, Rect, Response, Sense, Stroke, StrokeKind, TextureHandle,
    TextureOptions, Ui, Vec2,
};
use vitrine_core::Label;
use vitrine_core::grayscale::to_grayscale;
use vitrine_core::ingest::{IngestRequest, MicrographSight, diameter_for_box, sight_request};

use super::page::Page;
use super::rest::Rest;
use crate::gui::command::{Command, ImportCommand};
use crate::gui::drafts::ImportDraft;
use crate::gui::theme;
use crate::gui::values::Load;
use crate::gui::widgets::form::complaint;
use crate::gui::widgets::{Fold, HALO, busy};
use crate::words::{self, number};

/// Most height of the whole micrograph, points.
const MAX_HEIGHT: f32 = 320.0;
/// Boxes that the close view is wide.
const CLOSE_BOXES: f32 = 2.5;
/// Of the longer side of a micrograph, while nobody has said a box.
const SHARE_AT_FIRST: f32 = 0.05;
/// Smallest box that a drag gives, px of the micrograph.
const SMALLEST: f32 = 8.0;

/// What this part remembers.
#[derive(Default)]
pub struct State {
    /// Which micrograph.
    at: usize,
    /// The picture on the graphics device.
    texture: Option<(Arc<MicrographSight>, TextureHandle)>,
    /// Middle of the square where a person put it, px of the micrograph.
    centre: Option<[f32; 2]>,
    /// Side of the region in the close view, px; it stays while the square is dragged.
    region: f32,
    /// A question that was changed is asked a moment later.
    changed: Rest<(IngestRequest, usize)>,
    /// From the pointer to the edge of the square at the start of a drag, px; `None` where the drag moves the square.
    grip: Option<f32>,
}

impl State {
    /// The sight in use, brought onto the graphics device.
    fn take(&mut self, ui: &Ui, sight: &Arc<MicrographSight>) -> TextureHandle {
        if let Some((known, texture)) = &self.texture
            && Arc::ptr_eq(known, sight)
        {
            return texture.clone();
        }
        let size = [sight.picture.width, sight.picture.height];
        let image = ColorImage::from_gray(size, &to_grayscale(&sight.picture.data));
        let texture = ui.ctx().load_texture("micrograph to import", image, TextureOptions::LINEAR);
        if self.texture.as_ref().is_none_or(|(known, _)| known.name != sight.name) {
            self.centre = None;
        }
        self.texture = Some((Arc::clone(sight), texture.clone()));
        texture
    }

    /// Middle of the square: where a person put it, else the pick nearest to the middle of the micrograph.
    fn centre(&self, sight: &MicrographSight) -> [f32; 2] {
        self.centre.unwrap_or_else(|| {
            let middle = [sight.size.0 as f64 / 2.0, sight.size.1 as f64 / 2.0];
            nearest(sight, middle).map_or(middle, |(xy, _)| xy).map(|v| v as f32)
        })
    }
}

/// Draws the part where there are micrographs.
pub fn ui(ui: &mut Ui, page: &Page<'_>, state: &mut State, draft: &mut ImportDraft, out: &mut Vec<Command>) {
    let import = page.import;
    if !import.found().iter().any(|found| found.micrographs > 0) {
        return;
    }
    if let (Ok(wanted), true) = (&page.wanted, import.is_recognised()) {
        let question = (sight_request(&wanted.request), state.at);
        // Another micrograph is shown at once, another box when the hand rests.
        let at_once = import.sight.last().is_none_or(|((_, at), _)| *at != state.at);
        if !import.sight.of(&question).is_not_asked() {
            state.changed.clear();
        } else if state.changed.is_over(ui, &question, at_once) {
            out.push(Command::Import(ImportCommand::See { request: Box::new(question.0), at: question.1 }));
        }
    }
    ui.add_space(8.0);
    let fold = Fold::new("import.box", "Box size by sight").open_at_first(true).unindented();
    fold.show(ui, page.model, out, |ui, _| {
        // What hinders the whole import is said above.
        let said = matches!(page.look(), Load::Failed(_));
        if let (Load::Failed(failure), false) = (import.sight.newest(), said) {
            complaint(ui, &failure.why);
        }
        match import.sight.last() {
            Some((_, Some(sight))) => both(ui, sight, state, draft),
            Some((_, None)) => {
                ui.weak("No micrograph can be shown.");
            }
            None if import.sight.pending().is_some() => {
                busy(ui);
            }
            None => {}
        }
    });
    ui.add_space(6.0);
}

/// The whole micrograph and the close view beside it.
fn both(ui: &mut Ui, sight: &Arc<MicrographSight>, state: &mut State, draft: &mut ImportDraft) {
    choice(ui, sight, state);
    let texture = state.take(ui, sight);
    let typed = number::<usize>(&draft.box_size, 2, 4096).ok().flatten();
    let longer = sight.size.0.max(sight.size.1) as f32;
    let side = typed.map_or((SHARE_AT_FIRST * longer).max(SMALLEST), |side| side as f32);
    let (width, height) = (sight.size.0.max(1) as f32, sight.size.1.max(1) as f32);
    // The close view is a square of the same height.
    let room = ui.available_width() - 12.0;
    let tall = (room / (1.0 + width / height)).clamp(60.0, MAX_HEIGHT);
    ui.horizontal_top(|ui| {
        whole(ui, sight, &texture, state, side, Vec2::new(tall * width / height, tall));
        close(ui, sight, &texture, state, draft, side, tall);
    });
    let diameter = diameter(draft, side);
    ui.weak(match typed {
        Some(side) => format!(
            "Box of {side} px (square), particle of {diameter:.0} px (circle); dots are unlabeled places. Drag in the close view from the edge of the \
             square to change the box, from its middle to move it. A click in the micrograph goes there."
        ),
        None => "In the close view drag the edge of the square until it is 1.5 to 2 times as wide as the particle: this is \
                 the box. A click in the micrograph goes there."
            .to_owned(),
    });
}

/// Which micrograph, with its name and the number of picks.
fn choice(ui: &mut Ui, sight: &MicrographSight, state: &mut State) {
    ui.horizontal(|ui| {
        let turn = |ui: &mut Ui, words: &str, name: &str| {
            let button = ui.add_enabled(sight.of > 1, egui::Button::new(words).small());
            button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, sight.of > 1, name));
            button.on_hover_text(name).clicked()
        };
        if turn(ui, "<", "Previous micrograph") {
            state.at = (sight.at + sight.of - 1) % sight.of;
        }
        if turn(ui, ">", "Next micrograph") {
            state.at = (sight.at + 1) % sight.of;
        }
        let picks = match sight.picks.len() {
            0 => "no picks".to_owned(),
            1 => "1 pick".to_owned(),
            many => format!("{} picks", words::count(many as u64)),
        };
        let pool = match sight.pool.len() {
            0 => String::new(),
            1 => ", 1 unlabeled place".to_owned(),
            many => format!(", {} unlabeled places", words::count(many as u64)),
        };
        ui.label(format!("{} ({} of {}), {picks}{pool}", sight.name, sight.at + 1, sight.of));
    });
}

/// Diameter of the particle, px: as typed, else what the pool takes for this box.
fn diameter(draft: &ImportDraft, side: f32) -> f32 {
    let typed = number::<f64>(&draft.diameter, 2.0, 4096.0).ok().flatten();
    typed.unwrap_or_else(|| diameter_for_box(side.round() as usize)) as f32
}

/// The pick nearest to a place, with its distance, px.
fn nearest(sight: &MicrographSight, [x, y]: [f64; 2]) -> Option<([f64; 2], f64)> {
    let distance = |pick: &(f64, f64)| (pick.0 - x).hypot(pick.1 - y);
    let pick = sight.picks.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    Some(([pick.0, pick.1], distance(pick)))
}

/// The whole micrograph with a square around each pick.
fn whole(
    ui: &mut Ui,
    sight: &MicrographSight,
    texture: &TextureHandle,
    state: &mut State,
    side: f32,
    size: Vec2,
) {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let painter = ui.painter_at(rect);
    let zoom = rect.width() / sight.size.0.max(1) as f32;
    painter.image(texture.id(), rect, Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0)), Color32::WHITE);
    let dark = ui.visuals().dark_mode;
    let picked = Stroke::new(1.0, theme::label(Label::Positive, dark).gamma_multiply(0.8));
    let square = |[x, y]: [f32; 2]| {
        let centre = rect.min + Vec2::new(x + 0.5, y + 0.5) * zoom;
        Rect::from_center_size(centre, Vec2::splat((side * zoom).max(3.0)))
    };
    for &(x, y) in &sight.picks {
        painter.rect_stroke(square([x as f32, y as f32]), 0.0, picked, StrokeKind::Middle);
    }
    for &(x, y) in &sight.pool {
        let at = square([x as f32, y as f32]).center();
        painter.circle(at, 2.5, theme::label(Label::Unlabeled, true), Stroke::new(1.0, HALO));
    }
    let centre = state.centre(sight);
    stroke_square(&painter, square(centre));
    if let Some(at) = response.interact_pointer_pos().filter(|_| response.clicked()) {
        let place = ((at - rect.min) / zoom - Vec2::splat(0.5)).max(Vec2::ZERO);
        let place = [f64::from(place.x), f64::from(place.y)];
        // A click on or beside a pick means the pick.
        let pick = nearest(sight, place).filter(|(_, distance)| *distance < f64::from(side));
        state.centre = Some(pick.map_or(place, |(xy, _)| xy).map(|v| v as f32));
    }
    named(&response, "Micrograph with its picks; a click moves the square");
}

/// The surroundings of the square, and the square to drag.
fn close(
    ui: &mut Ui,
    sight: &MicrographSight,
    texture: &TextureHandle,
    state: &mut State,
    draft: &mut ImportDraft,
    side: f32,
    tall: f32,
) {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(tall), Sense::drag());
    let painter = ui.painter_at(rect);
    let centre = state.centre(sight);
    // The scale stays under a dragging hand.
    if !response.dragged() || state.region <= 0.0 {
        state.region = CLOSE_BOXES * side;
    }
    let zoom = tall / state.region;
    let full = Vec2::new(sight.size.0.max(1) as f32, sight.size.1.max(1) as f32);
    painter.rect_filled(rect, 0.0, ui.visuals().extreme_bg_color);
    // Only what lies on the micrograph is drawn; outside of it the ground stays.
    let corner = Pos2::new(centre[0] + 0.5, centre[1] + 0.5) - Vec2::splat(state.region / 2.0);
    let region = Rect::from_min_size(corner, Vec2::splat(state.region));
    let seen = region.intersect(Rect::from_min_size(Pos2::ZERO, full));
    if seen.is_positive() {
        let shown = Rect::from_min_size(rect.min + (seen.min - corner) * zoom, seen.size() * zoom);
        let uv =
            Rect::from_min_max((seen.min.to_vec2() / full).to_pos2(), (seen.max.to_vec2() / full).to_pos2());
        painter.image(texture.id(), shown, uv, Color32::WHITE);
    }
    let square = Rect::from_center_size(rect.center(), Vec2::splat(side * zoom));
    stroke_square(&painter, square);
    let radius = 0.5 * diameter(draft, side) * zoom;
    for (width, colour) in [(3.0, HALO), (1.5, theme::label(Label::Positive, true))] {
        painter.circle_stroke(rect.center(), radius, Stroke::new(width, colour));
    }
    drag(ui, &response, &View { rect, zoom, side, centre }, state, draft);
    let [x, y] = centre;
    let name = format!(
        "Close view around {x:.0}, {y:.0}; drag the edge of the square to set the box, now {side:.0} px"
    );
    named(&response, &name);
}

/// The close view: where it is on the screen, points for a px, the box and its middle, px.
struct View {
    rect: Rect,
    zoom: f32,
    side: f32,
    centre: [f32; 2],
}

/// A drag from the outer half of the square sets its size, one from its middle moves it.
fn drag(ui: &Ui, response: &Response, view: &View, state: &mut State, draft: &mut ImportDraft) {
    let &View { rect, zoom, side, centre } = view;
    let half = side / 2.0;
    let reach = |at: Pos2| (at - rect.center()).abs().max_elem() / zoom;
    if let Some(at) = response.hover_pos() {
        let moves = reach(at) < half / 2.0;
        ui.ctx().set_cursor_icon(if moves { CursorIcon::Grab } else { CursorIcon::ResizeNwSe });
    }
    if response.drag_started() {
        let from = ui.input(|input| input.pointer.press_origin()).map(reach);
        state.grip = from.filter(|from| *from >= half / 2.0).map(|from| half - from);
    }
    if !response.dragged() {
        return;
    }
    let Some(at) = response.interact_pointer_pos() else { return };
    match state.grip {
        Some(grip) => {
            let wanted = 2.0 * (reach(at) + grip);
            // Even, so that the middle of the box is a px.
            let even = 2 * (wanted.max(SMALLEST) / 2.0).round() as usize;
            draft.set_box(even.min(4096));
        }
        None => {
            let moved = response.drag_delta() / zoom;
            // The picture follows the hand.
            state.centre = Some([centre[0] - moved.x, centre[1] - moved.y]);
        }
    }
}

fn stroke_square(painter: &Painter, square: Rect) {
    for (width, colour) in [(4.0, HALO), (2.0, theme::accent(true))] {
        painter.rect_stroke(square, 0.0, Stroke::new(width, colour), StrokeKind::Middle);
    }
}

fn named(response: &Response, name: &str) {
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name));
}
