//! Whole micrographs: the list at the left, the micrograph with its patches in the middle.

mod bar;
mod geometry;
mod list;
mod marks;
mod mask;
mod page;
mod pick_audit;
mod pick_panel;
mod pick_round;
mod pick_threshold;
mod places;
mod pointer;
mod score_layer;
mod state;
mod tiles;

use std::sync::Arc;

use eframe::egui;
use egui::{CentralPanel, Frame, RichText, Sense, Ui};
use vitrine_core::project::Micrograph;

use crate::gui::command::{Command, MicrographCommand};
use crate::gui::model::{MicrographPicture, Model, OpenProject};
use crate::gui::values::{Edge, Failure, Go, Load, PictureKey, Tab};
use crate::gui::widgets::{ResizablePanel, empty, scale_bar};
use crate::words;

pub use geometry::Geometry;
use page::Page;
pub use state::State;

/// A particle that is gone to takes at least this share of the canvas.
const SHARE: f32 = 0.12;

/// Another view is shown: what the pointer was in the middle of here ends.
pub fn leave(model: &Model, state: &mut State, out: &mut Vec<Command>) {
    if model.tab != Tab::Micrographs && !state.pointer.brush.is_empty() {
        pointer::end_brush(model, state, out);
    }
}

/// Draws the view.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    if open.micrographs.is_empty() {
        CentralPanel::default().show(ui, |ui| {
            empty(
                ui,
                "No micrographs yet",
                "The patches of this project came ready cut, and no table says from which micrographs. Import \
                 micrographs with picks to see them here.",
            );
        });
        return;
    }
    ResizablePanel::new(Edge::Left, "micrographs", 230.0)
        .show(ui, model, out, |ui, out| list::ui(ui, model, open, state, out));
    if let Some(micrograph) = model.micrographs.current {
        ResizablePanel::new(Edge::Right, "picking", 250.0).show(ui, model, out, |ui, out| {
            egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                let page = Page { model, open, micrograph };
                pick_panel::ui(ui, page, out);
                mask::panel(ui, page, state, out);
            });
        });
    }
    CentralPanel::default().show(ui, |ui| {
        let current = model.micrographs.current;
        match open.micrographs.iter().find(|mic| Some(mic.id) == current) {
            Some(mic) => {
                bar::ui(ui, model, open, mic, state, out);
                canvas(ui, model, open, mic, state, out);
            }
            None => empty(ui, "No micrograph is shown", "Choose one in the list."),
        }
    });
}

/// The band in px of a micrograph, where one is shown.
fn key_of(model: &Model, open: &OpenProject, mic: &Micrograph) -> PictureKey {
    let look = &model.settings.look;
    let known = || open.sources.iter().find_map(|source| source.info.micrograph_pixel_size);
    let px = match mic.pixel_size.or_else(known) {
        Some(size) if open.is_in_angstrom() => 1.0 / size as f32,
        // Periods count in px of the patches.
        _ => open.cut.as_ref().map_or(1.0, |cut| cut.bin as f32),
    };
    let band = look.band.then(|| look.periods.map(|period| period * px));
    PictureKey { micrograph: mic.id, band }
}

fn canvas(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    mic: &Micrograph,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    let key = key_of(model, open, mic);
    ask(model, open, key, out);
    let load = model.micrographs.picture(&key);
    let failure = match &load {
        Load::Failed(failure) => Some(failure.clone()),
        _ => None,
    };
    if let Some(failure) = &failure {
        missing(ui, model, mic, failure, out);
    }
    let picture = load.ready().copied().or_else(|| model.micrographs.any_picture(mic.id)).cloned();
    let size = ui.available_rect_before_wrap().intersect(ui.clip_rect()).size();
    let (rect, response) = ui.allocate_exact_size(size.max(egui::Vec2::splat(16.0)), Sense::click_and_drag());
    let marks = open.on_micrographs.patches(mic.id).len() as u64;
    response.widget_info(|| {
        let text = format!("Micrograph {} with {}", mic.name, words::patches(marks));
        egui::WidgetInfo::labeled(egui::Role::Image, true, text)
    });
    state.geometry.place(rect, size_of(open, mic, picture.as_ref()));
    move_view(model, open, state, ui.ctx().pixels_per_point());
    let page = Page { model, open, micrograph: mic.id };
    // While a person is asked about one place, what the run says of it and of others would lead their eye.
    let asked = model.picks.audit.asked_on(mic.id);
    let places = match asked {
        Some(asked) => vec![places::Place { xy: asked.xy, score: asked.score }],
        None => places::unjudged(page),
    };
    let chosen = pointer::ui(ui, page, &places, state, &response, out);
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    match &picture {
        Some(picture) => {
            state.tiles.draw(ui, &state.geometry, picture, &model.settings.look, state.least_level);
        }
        None => {
            painter.rect_filled(state.geometry.whole(), 0.0, egui::Color32::from_gray(0x30));
            // Until it is read, the small picture of the list is better than none.
            if let Some(small) = state.thumbnails.get(&mic.id).filter(|_| failure.is_none()) {
                let all = egui::Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
                painter.image(small.id(), state.geometry.whole(), all, egui::Color32::WHITE);
            }
        }
    }
    let legend = match asked {
        Some(_) => None,
        None => score_layer::draw(ui, page, &state.geometry, &mut state.layer, out),
    };
    mask::draw(ui, &painter, open, mic.id, state);
    if asked.is_none() {
        places::draw(&painter, open, &state.geometry, (mic.id, &places), &chosen);
    }
    marks::draw(&painter, open, &model.micrographs, mic.id, &state.geometry, state.show_unlabeled, &chosen);
    if let Some(asked) = asked {
        pick_audit::draw(&painter, model, open, &state.geometry, asked);
    }
    if let Some(text) = legend {
        score_layer::legend(&painter, &state.geometry, model.picks.maps.colours, text);
    }
    pointer::draw_band(ui, state);
    pointer::draw_measured(ui, state);
    if failure.is_none() && load.ready().is_none() {
        let filters = picture.as_ref().is_some_and(|picture| !picture.is_rough);
        let text = if filters { "Filtering…" } else { "Reading the micrograph…" };
        let font = egui::FontId::proportional(14.0);
        let galley = painter.layout_no_wrap(text.to_owned(), font, egui::Color32::WHITE);
        let place = rect.left_top() + egui::vec2(12.0, 10.0);
        let ground = egui::Rect::from_min_size(place, galley.size()).expand(5.0);
        painter.rect_filled(ground, 4.0, egui::Color32::from_black_alpha(170));
        painter.galley(place, galley, egui::Color32::WHITE);
    }
    let across = (rect.width() / state.geometry.zoom).round().max(1.0) as usize;
    scale_bar(ui, rect, across, pixel_size(open, mic, picture.as_ref()));
}

/// Asks for the micrograph that is shown, then for its neighbours in the list.
fn ask(model: &Model, open: &OpenProject, key: PictureKey, out: &mut Vec<Command>) {
    let read = |key| Command::Micrograph(MicrographCommand::Read(key));
    let now = model.micrographs.picture(&key);
    if now.is_not_asked() {
        out.push(read(key));
    } else if now.is_settled() {
        let beside = [1, -1].into_iter().filter_map(|by| model.micrographs.beside(open, by));
        let beside = model.picks.audit.then.into_iter().chain(beside);
        let mut unread = beside.map(|micrograph| PictureKey { micrograph, ..key });
        // One at a time: the person may ask for another one meanwhile.
        let reading = model.jobs.iter().any(|job| job.kind == crate::gui::jobs::JobKind::Picture);
        if let Some(next) = unread.find(|key| model.micrographs.picture(key).is_not_asked())
            && !reading
        {
            out.push(read(next));
        }
    }
}

/// Says why there is no picture, and what to do.
fn missing(ui: &mut Ui, model: &Model, mic: &Micrograph, failure: &Failure, out: &mut Vec<Command>) {
    Frame::group(ui.style()).show(ui, |ui| {
        let why = failure.why.trim_end_matches('.');
        let text = format!("Only positions are drawn: {why}.");
        ui.add(egui::Label::new(RichText::new(text).color(ui.visuals().warn_fg_color)).wrap());
        let may = model.open_takes_import();
        let button = ui.add_enabled(may, egui::Button::new("Locate…"));
        let button = button.on_hover_text(
            "Choose where the file of this micrograph is now. Others that are missing are looked for beside it.",
        );
        if button.on_disabled_hover_text("The project is read-only.").clicked() {
            out.push(Command::Micrograph(MicrographCommand::Locate(mic.id)));
        }
    });
}

/// Columns and rows of a micrograph: of its file, as the project knows it, or as far as its patches reach.
fn size_of(open: &OpenProject, mic: &Micrograph, picture: Option<&Arc<MicrographPicture>>) -> (usize, usize) {
    if let Some(size) = picture.map(|picture| picture.size).or(mic.dimensions) {
        return size;
    }
    let places = open.on_micrographs.patches(mic.id).iter().filter_map(|&patch| open.columns.xy_of(patch));
    let reach = places.fold([1.0_f32; 2], |[w, h], [x, y]| [w.max(x), h.max(y)]);
    let [width, height] = reach.map(|v| (v * 1.05).ceil() as usize + 1);
    (width, height)
}

/// Å per px of a micrograph, where known.
fn pixel_size(open: &OpenProject, mic: &Micrograph, picture: Option<&Arc<MicrographPicture>>) -> Option<f64> {
    let source = || open.sources.iter().find_map(|source| source.info.micrograph_pixel_size);
    mic.pixel_size.or_else(|| picture.and_then(|picture| picture.pixel_size)).or_else(source)
}

/// Carries out an order to move the view.
fn move_view(model: &Model, open: &OpenProject, state: &mut State, pixels_per_point: f32) {
    let (number, go) = model.micrographs.go;
    if state.gone == number {
        return;
    }
    state.gone = number;
    let geometry = &mut state.geometry;
    match go {
        Go::Fit => geometry.fit(),
        Go::Full => geometry.set_zoom(1.0 / pixels_per_point),
        Go::To(place) => {
            let side = geometry.rect.width().min(geometry.rect.height());
            let wanted = side * SHARE / marks::diameter(open).max(1.0) as f32;
            if geometry.fits || geometry.zoom < wanted {
                geometry.set_zoom(wanted);
            }
            geometry.go_to(place);
        }
    }
}
