//! The grid of patches. A frame only touches the patches on the screen.

use std::sync::Arc;

use eframe::egui;
use eframe::egui_wgpu::Callback;
use egui::{Color32, Rect, Sense, Ui, Vec2};
use vitrine_core::Label;
use vitrine_core::project::PatchId;

use super::geometry::Geometry;
use super::pointer;
use super::state::State;
use crate::gpu::cell::{Preparation, Scales};
use crate::gpu::colour_map::ColourMap;
use crate::gpu::grid::{CURRENT, GridLook, Instance, MEASURED, MISSING, SELECTED, rgba};
use crate::gpu::look::Look;
use crate::gpu::pages::{Found, PageSource, Pages, bin_for};
use crate::gui::command::{Command, SettingsCommand, ViewCommand};
use crate::gui::model::{Model, OpenProject};
use crate::gui::theme;
use crate::gui::widgets::common_contrast_ends;
use crate::words;

/// Width of the scroll bar, points.
const SCROLL_BAR_WIDTH: f32 = 14.0;

/// Draws the grid and takes what the pointer does on it.
pub fn ui(ui: &mut Ui, model: &Model, open: &OpenProject, state: &mut State, out: &mut Vec<Command>) {
    let area = ui.available_rect_before_wrap();
    let rect = Rect::from_min_max(area.min, egui::pos2(area.right() - SCROLL_BAR_WIDTH, area.bottom()));
    // Clicks and drags, but no keyboard focus: arrows and Space belong to the patches.
    let response = ui.allocate_rect(area, Sense::CLICK | Sense::DRAG);
    if rect.width() < 24.0 || rect.height() < 24.0 {
        return;
    }
    let scale = ui.ctx().pixels_per_point();
    let shown = &open.shown;
    let mut geometry = Geometry::new(rect, model.settings.patch_side, shown.ids.len(), scale);
    keep_in_view(state, &geometry, open);
    wheel(ui, model, &response, state, out);
    scroll_bar(ui, area, &geometry, state);
    state.scroll = state.scroll.clamp(0.0, geometry.furthest());
    geometry.scroll = (state.scroll * f64::from(scale)).round() / f64::from(scale);
    let (columns, rows) = (geometry.columns, geometry.rows_shown());
    if (columns, rows) != (model.gallery.columns, model.gallery.rows) {
        out.push(Command::View(ViewCommand::Grid { columns, rows }));
    }
    state.geometry = geometry;
    let flags = pointer::ui(ui, model, open, state, &response, out);
    state.scroll = state.scroll.clamp(0.0, geometry.furthest());
    draw(ui, model, open, state, &flags);
    pointer::draw_band(ui, state, &geometry);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Grid, true, spoken(open)));
}

/// What a screen reader says of the grid.
fn spoken(open: &OpenProject) -> String {
    let shown = &open.shown;
    let Some(patch) = shown.current() else { return "Patches".to_owned() };
    let label = open.columns.labels.get(patch as usize).copied().unwrap_or(Label::Unlabeled);
    let score = open.score(patch).map_or_else(String::new, |score| format!(", score {score:.2}"));
    format!(
        "Patch {} of {}, number {patch}, {label}{score}",
        words::count(shown.cursor as u64 + 1),
        words::count(shown.ids.len() as u64)
    )
}

/// Follows the current patch when it moved, and keeps what is looked at when the grid changed.
fn keep_in_view(state: &mut State, geometry: &Geometry, open: &OpenProject) {
    let last = &mut state.last;
    let same_ids = last.ids.as_ref().is_some_and(|ids| Arc::ptr_eq(ids, &open.shown.ids));
    let cursor = open.shown.cursor;
    let mut now = Geometry { scroll: state.scroll, ..*geometry };
    if !same_ids {
        state.scroll = 0.0;
        now.scroll = 0.0;
        state.scroll = now.scroll_to(cursor / now.columns);
    } else {
        if (last.columns, last.pitch) != (now.columns, now.pitch) && last.columns > 0 && last.pitch > 0.0 {
            // The current patch stays where it is on the screen, or the first one shown does.
            let pitch = f64::from(last.pitch);
            let height = f64::from(now.rect.height());
            let on_screen = (cursor / last.columns) as f64 * pitch - state.scroll;
            let (anchor, offset) = if (0.0..height).contains(&on_screen) {
                (cursor, on_screen)
            } else {
                ((state.scroll / pitch).floor() as usize * last.columns, 0.0)
            };
            state.scroll = ((anchor / now.columns) as f64 * f64::from(now.pitch) - offset).max(0.0);
            now.scroll = state.scroll;
        }
        if cursor != last.cursor {
            state.scroll = now.scroll_to(cursor / now.columns);
        }
    }
    last.ids = Some(Arc::clone(&open.shown.ids));
    last.cursor = cursor;
    last.columns = now.columns;
    last.pitch = now.pitch;
}

fn wheel(ui: &Ui, model: &Model, response: &egui::Response, state: &mut State, out: &mut Vec<Command>) {
    if !response.contains_pointer() || model.overlay.is_some() {
        return;
    }
    let (delta, zoom) = ui.input_mut(|input| {
        let delta = input.smooth_scroll_delta.y;
        input.smooth_scroll_delta.y = 0.0;
        (delta, input.zoom_delta())
    });
    state.scroll -= f64::from(delta);
    if (zoom - 1.0).abs() > 1e-4 {
        out.push(Command::Settings(SettingsCommand::PatchSide(model.settings.patch_side * zoom)));
    }
}

/// A bar of its own: egui's keeps the offset in 32 bits, which two million large patches exceed.
fn scroll_bar(ui: &mut Ui, area: Rect, geometry: &Geometry, state: &mut State) {
    let track = Rect::from_min_max(egui::pos2(area.right() - SCROLL_BAR_WIDTH + 3.0, area.top()), area.max);
    let furthest = geometry.furthest();
    if furthest <= 0.0 {
        return;
    }
    let share = (f64::from(geometry.rect.height()) / geometry.height()) as f32;
    let height = (track.height() * share).max(28.0).min(track.height());
    let room = (track.height() - height).max(1.0);
    let response = ui.interact(track, ui.scope_id().with("scroll bar"), Sense::CLICK | Sense::DRAG);
    if let Some(at) = response.interact_pointer_pos().filter(|_| response.is_pointer_button_down_on()) {
        let to = f64::from((at.y - track.top() - height * 0.5) / room).clamp(0.0, 1.0);
        state.scroll = to * furthest;
    }
    let top = track.top() + room * (state.scroll / furthest).clamp(0.0, 1.0) as f32;
    let handle = Rect::from_min_size(egui::pos2(track.left(), top), Vec2::new(track.width(), height));
    let visuals = ui.visuals();
    let painter = ui.painter();
    painter.rect_filled(track.shrink2(Vec2::new(2.0, 0.0)), 4.0, visuals.extreme_bg_color);
    let strong = response.hovered() || response.dragged();
    let colour =
        if strong { visuals.weak_text_color() } else { visuals.weak_text_color().gamma_multiply(0.55) };
    painter.rect_filled(handle.shrink2(Vec2::new(2.0, 0.0)), 4.0, colour);
    if response.is_pointer_button_down_on() {
        let first = Geometry { scroll: state.scroll, ..*geometry }.visible().start;
        response.on_hover_text_at_pointer(format!(
            "{} of {}",
            words::count(first as u64 + 1),
            words::count(geometry.count as u64)
        ));
    }
}

/// Å per px of all patches, or 1 throughout where a source does not know.
fn scales(open: &OpenProject, state: &mut State) -> Arc<Scales> {
    match &state.last.scales {
        Some((opening, scales)) if *opening == open.opening && scales.0.len() == known_scales(open) => {
            Arc::clone(scales)
        }
        _ => {
            let all: Option<Vec<_>> =
                open.sources.iter().map(|s| s.info.pixel_size.map(|size| (s.first, size as f32))).collect();
            let scales = Arc::new(Scales(all.unwrap_or_default()));
            state.last.scales = Some((open.opening, Arc::clone(&scales)));
            scales
        }
    }
}

/// How many entries [`scales`] has for this project.
fn known_scales(open: &OpenProject) -> usize {
    if open.is_in_angstrom() { open.sources.len() } else { 0 }
}

/// Draws the patches on the screen.
fn draw(ui: &Ui, model: &Model, open: &OpenProject, state: &mut State, marks: &pointer::Marks) {
    let geometry = state.geometry;
    let Some(render_state) = &model.graphics.render_state else { return };
    if state.pages.is_none() && state.no_pages.is_none() {
        match Pages::new(render_state, ui.ctx()) {
            Ok(pages) => state.pages = Some(pages),
            Err(e) => {
                state.no_pages = Some(format!("Patches cannot be drawn: the system gives no thread ({e})."))
            }
        }
    }
    if let Some(why) = &state.no_pages {
        let font = egui::TextStyle::Body.resolve(ui.style());
        let colour = ui.visuals().error_fg_color;
        ui.painter().text(geometry.rect.center(), egui::Align2::CENTER_CENTER, why, font, colour);
        return;
    }
    let scales = scales(open, state);
    let Some(pages) = &mut state.pages else { return };
    let look = &model.settings.look;
    let scale = ui.ctx().pixels_per_point();
    let side = geometry.side * scale;
    pages.begin(PageSource {
        opening: open.opening,
        pixels: Arc::clone(&open.pixels),
        scales,
        how: Preparation {
            bin: bin_for(open.pixels.size(), side),
            band: look.band.then_some(look.periods),
            cut: look.cut,
        },
    });
    state.window = pages.window();
    let common = common_contrast_ends(look, state.window);
    let visible = instances(open, &geometry, marks, pages, common, scale);
    let missing = visible.wanted.len();
    let mut wanted = visible.wanted;
    let ahead = ahead(&geometry, state.scroll >= state.last.scroll);
    let ahead = open.shown.ids.get(ahead).unwrap_or_default();
    wanted.extend(ahead.iter().filter(|&&patch| !pages.holds(patch)));
    state.last.scroll = state.scroll;
    pages.want(wanted);
    state.coming = missing + visible.unfiltered.max(usize::from(pages.behind()));
    if pages.coming() > 0 || pages.behind() {
        ui.ctx().request_repaint();
    }
    let grid_look = grid_look(ui, look, &geometry, pages);
    if let Some(callback) = pages.callback(grid_look, visible.instances) {
        ui.painter_at(geometry.rect).add(Callback::new_paint_callback(geometry.rect, callback));
    }
}

/// What is drawn of the patches on the screen.
struct Visible {
    instances: Vec<Instance>,
    /// Patches whose pixels are not on the pages.
    wanted: Vec<PatchId>,
    /// How many patches are on the pages, but not filtered yet.
    unfiltered: usize,
}

/// The patches on the screen, the current one last, so that its frame lies over its neighbours' edges. `common` are
/// the ends of the contrast window where they are the same for all patches.
fn instances(
    open: &OpenProject,
    geometry: &Geometry,
    marks: &pointer::Marks,
    pages: &mut Pages,
    common: Option<(f32, f32)>,
    scale: f32,
) -> Visible {
    let on_screen = geometry.visible();
    let mut visible =
        Visible { instances: Vec::with_capacity(on_screen.len()), wanted: Vec::new(), unfiltered: 0 };
    let current = open.shown.cursor;
    let places = on_screen.clone().filter(|&place| place != current);
    for place in places.chain(on_screen.contains(&current).then_some(current)) {
        let Some(&patch) = open.shown.ids.get(place) else { continue };
        let at = (geometry.rect_of(place).min - geometry.rect.min) * scale;
        let label = marks
            .painted(patch)
            .or_else(|| open.columns.labels.get(patch as usize).copied())
            .unwrap_or(Label::Unlabeled);
        let mut flags = label as u32;
        if open.selection.contains(patch) || marks.in_band(place) {
            flags |= SELECTED;
        }
        if place == current {
            flags |= CURRENT;
        }
        let origin = [at.x.round(), at.y.round()];
        let mut instance = Instance { origin, place: [0.0; 3], window: [0.0, 1.0], slot: 0, flags };
        match pages.find(patch) {
            Found::There(spot) => {
                let own = (spot.range.low, spot.range.high);
                if common.is_none() && spot.measured {
                    instance.flags |= MEASURED;
                }
                let (low, high) = common.unwrap_or(own);
                instance.place = spot.place;
                instance.slot = spot.slot;
                instance.window = [spot.range.in_cell(low), spot.range.in_cell(high)];
            }
            Found::Unfiltered => {
                visible.unfiltered += 1;
                instance.flags |= MISSING;
            }
            Found::Missing => {
                visible.wanted.push(patch);
                instance.flags |= MISSING;
            }
        }
        visible.instances.push(instance);
    }
    visible
}

/// The places that come onto the screen next: one screen further in the direction of scrolling.
fn ahead(geometry: &Geometry, down: bool) -> std::ops::Range<usize> {
    let visible = geometry.visible();
    let screen = visible.len().max(1);
    if down {
        visible.end..(visible.end + screen).min(geometry.count)
    } else {
        visible.start.saturating_sub(screen)..visible.start
    }
}

/// How all patches are drawn.
fn grid_look(ui: &Ui, look: &Look, geometry: &Geometry, pages: &Pages) -> GridLook {
    let scale = ui.ctx().pixels_per_point();
    let side = geometry.side * scale;
    let (texels, page) = pages.sides();
    let dark = ui.visuals().dark_mode;
    GridLook {
        viewport: [geometry.rect.width() * scale, geometry.rect.height() * scale],
        side: side.round(),
        margin: (geometry.gap() * 0.5 * scale).floor(),
        texels,
        page,
        colour_row: (look.colours.row() as f32 + 0.5) / ColourMap::ALL.len() as f32,
        invert: f32::from(u8::from(look.invert)),
        scale,
        linear: f32::from(u8::from(pages.linear())),
        glyph: (side * 0.055).clamp(3.0 * scale, 7.0 * scale),
        border: (side * 0.025).clamp(1.5 * scale, 3.0 * scale).round(),
        colours: [
            theme::label(Label::Positive, true),
            theme::label(Label::Negative, true),
            theme::label(Label::Unlabeled, true).gamma_multiply(0.45),
            theme::accent(dark),
            if dark { Color32::WHITE } else { Color32::BLACK },
            ui.visuals().faint_bg_color,
        ]
        .map(rgba),
    }
}
