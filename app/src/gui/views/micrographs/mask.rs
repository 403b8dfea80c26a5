//! Bad regions of a micrograph: drawn as a polygon or with a brush, or the whole micrograph excluded.

use eframe::egui;
use egui::{Color32, CursorIcon, Key, Modifiers, Painter, PointerButton, Response, Slider, Stroke, Ui, pos2};
use vitrine_core::imaging::{Mask, Region};
use vitrine_core::project::MicrographId;

use super::geometry::Geometry;
use super::page::Page;
use super::state::{State, Tool};
use crate::gui::command::{Command, MicrographCommand};
use crate::gui::model::OpenProject;
use crate::gui::theme;
use crate::gui::widgets::form::{section, wide_slider};

/// A click so near the first corner, or once more on the last one, closes a polygon, points.
const CLOSES: f32 = 10.0;
/// Distance of the lines that fill a region, points.
const HATCH: f32 = 7.0;
/// Radius of the brush before anybody has changed it, points.
const BRUSH: f32 = 24.0;
/// What is ruled out, on any picture.
const COLOUR: Color32 = theme::VERMILION;

/// Radius of the brush, points.
fn brush(state: &State) -> f32 {
    if state.brush > 0.0 { state.brush } else { BRUSH }
}

/// The tools, and what is ruled out on this micrograph.
pub fn panel(ui: &mut Ui, page: Page<'_>, state: &mut State, out: &mut Vec<Command>) {
    let Page { model, open, micrograph } = page;
    section(ui, "Bad regions");
    let mask = open.mask(micrograph);
    let may = model.open_takes_import();
    let set = |mask: Mask| Command::Micrograph(MicrographCommand::SetMask(micrograph, mask));
    ui.add_enabled_ui(may, |ui| {
        ui.horizontal_wrapped(|ui| {
            for (tool, words, help) in [
                (
                    Tool::Polygon,
                    "Polygon",
                    "Click corners around a region; a double click or a click on the first closes it.",
                ),
                (Tool::Brush, "Brush", "Drag over a region."),
            ] {
                let button =
                    ui.add(egui::Button::new(words).selected(state.tool == tool)).on_hover_text(help);
                if button.clicked() {
                    state.tool = if state.tool == tool { Tool::Particles } else { tool };
                    state.pointer.drawing.clear();
                }
            }
            let last = ui.add_enabled(!mask.regions.is_empty(), egui::Button::new("Remove last"));
            if last.on_hover_text("Remove the region that was drawn last.").clicked() {
                let mut less = mask.clone();
                less.regions.pop();
                out.push(set(less));
            }
        });
        if state.tool == Tool::Brush {
            let mut radius = brush(state);
            if wide_slider(ui, "Radius of the brush", Slider::new(&mut radius, 4.0..=120.0)).changed() {
                state.brush = radius;
            }
        }
        let mut excluded = mask.excluded;
        let check = ui.checkbox(&mut excluded, "Exclude this micrograph");
        if check
            .on_hover_text(
                "Nothing is picked on it, and no unlabeled patch is drawn from it. Existing \
                            patches stay.",
            )
            .changed()
        {
            out.push(set(Mask { excluded, ..mask.clone() }));
        }
    });
    let text = match mask.regions.len() {
        0 => "Nothing is picked in a region drawn here, and no unlabeled patch is drawn from it.".to_owned(),
        1 => "1 region".to_owned(),
        many => format!("{many} regions"),
    };
    ui.add(egui::Label::new(egui::RichText::new(text).weak()).wrap());
}

/// Draws a region with the pointer. Whether the pointer is taken by it.
pub fn pointer(
    ui: &Ui,
    open: &OpenProject,
    micrograph: MicrographId,
    state: &mut State,
    response: &Response,
    out: &mut Vec<Command>,
) -> bool {
    let strokes = state.tool == Tool::Brush && !state.pointer.drawing.is_empty();
    if state.tool == Tool::Particles || (ui.input(|input| input.key_down(Key::Space)) && !strokes) {
        return false;
    }
    if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
        if state.pointer.drawing.is_empty() {
            state.tool = Tool::Particles;
        }
        state.pointer.drawing.clear();
        return true;
    }
    if response.hovered() {
        ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
    }
    let geometry = state.geometry;
    let region = match state.tool {
        Tool::Particles => None,
        Tool::Polygon => polygon(ui, &geometry, response, &mut state.pointer.drawing),
        Tool::Brush => {
            let radius = brush(state) / geometry.zoom;
            stroke(ui, &geometry, response, &mut state.pointer.drawing)
                .map(|line| Region::Stroke { radius, line })
        }
    };
    if let Some(region) = region {
        let mut mask = open.mask(micrograph);
        mask.regions.push(region);
        out.push(Command::Micrograph(MicrographCommand::SetMask(micrograph, mask)));
    }
    // The middle button moves the micrograph all the same.
    !response.dragged_by(PointerButton::Middle)
}

fn polygon(ui: &Ui, geometry: &Geometry, response: &Response, drawing: &mut Vec<[f32; 2]>) -> Option<Region> {
    let entered = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
    let mut closes = entered;
    if let Some(at) = response.interact_pointer_pos().filter(|_| response.clicked()) {
        let near = |corner: Option<&[f32; 2]>| {
            corner.is_some_and(|corner| (geometry.to_screen(*corner) - at).length() <= CLOSES)
        };
        // Not by the time between clicks: a quick hand sets corners within that of a double click.
        let again = near(drawing.last());
        closes |= drawing.len() >= 3 && (again || near(drawing.first()));
        if !closes && !again {
            drawing.push(geometry.to_micrograph(at));
        }
    }
    (closes && drawing.len() >= 3).then(|| Region::Polygon(std::mem::take(drawing)))
}

/// The line that a drag has drawn, once the button is let go.
fn stroke(
    ui: &Ui,
    geometry: &Geometry,
    response: &Response,
    drawing: &mut Vec<[f32; 2]>,
) -> Option<Vec<[f32; 2]>> {
    if response.drag_started_by(PointerButton::Primary)
        && let Some(from) = ui.input(|input| input.pointer.press_origin())
    {
        drawing.push(geometry.to_micrograph(from));
    }
    if drawing.is_empty() {
        return None;
    }
    if let Some(at) = response.interact_pointer_pos() {
        let to = geometry.to_micrograph(at);
        // A px of the screen apart is near enough.
        if drawing.last().is_none_or(|last| (geometry.to_screen(*last) - at).length() >= 2.0) {
            drawing.push(to);
        }
    }
    response.drag_stopped().then(|| std::mem::take(drawing))
}

/// Draws what is ruled out, and what is being drawn.
pub fn draw(ui: &Ui, painter: &Painter, open: &OpenProject, micrograph: MicrographId, state: &State) {
    let geometry = &state.geometry;
    if let Some(mask) = open.masks.get(&micrograph) {
        if mask.excluded {
            painter.rect_filled(geometry.whole(), 0.0, Color32::from_black_alpha(150));
        }
        for region in &mask.regions {
            draw_region(painter, geometry, region);
        }
    }
    let drawing = &state.pointer.drawing;
    match state.tool {
        Tool::Particles => {}
        Tool::Polygon => {
            let mut line: Vec<_> = drawing.iter().map(|&at| geometry.to_screen(at)).collect();
            for corner in &line {
                painter.circle_filled(*corner, 3.5, COLOUR);
            }
            line.extend(ui.input(|input| input.pointer.hover_pos()).filter(|_| !drawing.is_empty()));
            painter.line(line, Stroke::new(2.0, COLOUR));
        }
        Tool::Brush => {
            let radius = brush(state);
            if let Some(at) =
                ui.input(|input| input.pointer.hover_pos()).filter(|at| geometry.rect.contains(*at))
            {
                painter.circle_stroke(at, radius, Stroke::new(1.5, COLOUR));
            }
            let region = Region::Stroke { radius: radius / geometry.zoom, line: drawing.clone() };
            draw_region(painter, geometry, &region);
        }
    }
}

fn draw_region(painter: &Painter, geometry: &Geometry, region: &Region) {
    match region {
        Region::Polygon(corners) => {
            let line: Vec<_> = corners.iter().map(|&at| geometry.to_screen(at)).collect();
            hatch(painter, geometry, &line);
            painter.add(egui::Shape::closed_line(line, Stroke::new(2.0, COLOUR)));
        }
        Region::Stroke { radius, line } => {
            let width = radius * geometry.zoom;
            let colour = COLOUR.gamma_multiply(0.35);
            let line: Vec<_> = line.iter().map(|&at| geometry.to_screen(at)).collect();
            if let (Some(first), Some(last)) = (line.first(), line.last()) {
                painter.circle_filled(*first, width, colour);
                if line.len() > 1 {
                    painter.circle_filled(*last, width, colour);
                }
            }
            painter.line(line, Stroke::new(2.0 * width, colour));
        }
    }
}

/// Lines across what a polygon surrounds, also where it is not convex.
fn hatch(painter: &Painter, geometry: &Geometry, corners: &[egui::Pos2]) {
    let mut y = (geometry.rect.top() / HATCH).ceil() * HATCH;
    while y < geometry.rect.bottom() {
        let ends = corners.iter().zip(corners.iter().cycle().skip(1));
        let mut crossings: Vec<f32> = ends
            .filter(|(a, b)| (a.y > y) != (b.y > y))
            .map(|(a, b)| (b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x)
            .collect();
        crossings.sort_by(f32::total_cmp);
        for pair in crossings.chunks_exact(2) {
            if let [from, to] = pair {
                let stroke = Stroke::new(1.2, COLOUR.gamma_multiply(0.7));
                painter.line_segment([pos2(*from, y), pos2(*to, y)], stroke);
            }
        }
        y += HATCH;
    }
}
