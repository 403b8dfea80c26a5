//! A recent project as a card of the first screen: some of its patches, its name, counts, state and date. If the project is
//! missing or broken, the card says so.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use eframe::egui;
use egui::{
    Color32, ColorImage, CornerRadius, Rect, Sense, Stroke, StrokeKind, TextureHandle, TextureOptions, Ui,
    Vec2, pos2, vec2,
};
use vitrine_core::workflow::overview::Overview;

use crate::gui::command::{Command, ProjectCommand};
use crate::gui::model::Model;
use crate::gui::theme;
use crate::gui::values::Load;
use crate::words;

/// Height of a card, points.
const HEIGHT: f32 = 92.0;
/// A card is at least so wide, points.
const MIN_WIDTH: f32 = 300.0;
/// Space between cards, points.
const GAP: f32 = 10.0;

/// Pictures of cards on the graphics device, by the folder of the project.
#[derive(Default)]
pub struct CardPictures(HashMap<PathBuf, Vec<TextureHandle>>);

/// Draws the cards of all recent projects.
pub fn ui(ui: &mut Ui, model: &Model, pictures: &mut CardPictures, out: &mut Vec<Command>) {
    let whole = ui.available_width();
    let columns = ((whole + GAP) / (MIN_WIDTH + GAP)).floor().max(1.0);
    let width = ((whole + GAP) / columns - GAP).floor();
    ui.spacing_mut().item_spacing = Vec2::splat(GAP);
    for row in model.settings.recent.chunks(columns as usize) {
        ui.horizontal(|ui| {
            for dir in row {
                card(ui, model, dir, width, pictures, out);
            }
        });
    }
}

fn card(
    ui: &mut Ui,
    model: &Model,
    dir: &Path,
    width: f32,
    pictures: &mut CardPictures,
    out: &mut Vec<Command>,
) {
    let known = model.recents.of(dir);
    if known.is_not_asked() {
        out.push(Command::Project(ProjectCommand::ReadRecent(dir.to_owned())));
    }
    let name = words::project_name(dir);
    let (rect, response) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::click());
    let hovered = response.hovered() || response.has_focus();
    let round = CornerRadius::same(6);
    let visuals = ui.visuals();
    let edge = match hovered {
        true => Stroke::new(1.5, theme::accent(visuals.dark_mode)),
        false => visuals.widgets.noninteractive.bg_stroke,
    };
    ui.painter().rect_filled(rect, round, visuals.faint_bg_color);
    ui.painter().rect_stroke(rect, round, edge, StrokeKind::Inside);
    let picture = Rect::from_min_size(rect.min + Vec2::splat(8.0), Vec2::splat(HEIGHT - 16.0));
    let (line, state, is_wrong) = sentences(&known);
    match known.ready() {
        Some(overview) => tiles(ui, dir, overview, picture, pictures),
        None => {
            ui.painter().rect_filled(picture, 3.0, ui.visuals().extreme_bg_color);
        }
    }
    let left = picture.right() + 10.0;
    let right = rect.right() - 30.0;
    let state_colour = if is_wrong { ui.visuals().warn_fg_color } else { ui.visuals().weak_text_color() };
    let strong = ui.visuals().strong_text_color();
    let weak = ui.visuals().weak_text_color();
    let mut top = rect.top() + 8.0;
    let shown_dir = dir.display().to_string();
    let state_rows = if is_wrong { 2 } else { 1 };
    for (text, style, colour, rows) in [
        (name.as_str(), egui::TextStyle::Button, strong, 1),
        (line.as_str(), egui::TextStyle::Small, ui.visuals().text_color(), 1),
        (state.as_str(), egui::TextStyle::Small, state_colour, state_rows),
        (shown_dir.as_str(), egui::TextStyle::Small, weak, 1),
    ] {
        if text.is_empty() {
            continue;
        }
        let format = egui::TextFormat::simple(style.resolve(ui.style()), colour);
        let mut job = egui::text::LayoutJob::single_section(text.to_owned(), format);
        job.wrap = egui::text::TextWrapping::truncate_at_width(right - left);
        job.wrap.max_rows = rows;
        job.wrap.break_anywhere = rows == 1;
        let galley = ui.painter().layout_job(job);
        let height = galley.size().y;
        ui.painter().galley(pos2(left, top), galley, Color32::PLACEHOLDER);
        top += height + 3.0;
    }
    let told =
        format!("Open {name}: {}", [line.as_str(), state.as_str()].join(", ").trim_matches([',', ' ']));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &told));
    if response.clicked() {
        out.push(Command::Project(ProjectCommand::Open(dir.to_owned())));
    }
    response.on_hover_text(format!("Open this project.\n{shown_dir}"));
    remove(ui, dir, &name, rect, out);
}

/// The cross that removes a project from the list.
fn remove(ui: &mut Ui, dir: &Path, name: &str, card: Rect, out: &mut Vec<Command>) {
    let rect = Rect::from_min_size(pos2(card.right() - 28.0, card.top() + 6.0), Vec2::splat(22.0));
    let response = ui.interact(rect, ui.scope_id().with(("remove from list", dir)), Sense::click());
    let colour = ui.style().interact(&response).text_color();
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, 4.0, ui.visuals().widgets.hovered.weak_bg_fill);
    }
    for (x, y) in [(4.0, 4.0), (4.0, -4.0)] {
        let ends = [rect.center() - vec2(x, y), rect.center() + vec2(x, y)];
        ui.painter().line_segment(ends, Stroke::new(1.4, colour));
    }
    if response.clicked() {
        out.push(Command::Project(ProjectCommand::Forget(dir.to_owned())));
    }
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Remove {name} from list"))
    });
    response.on_hover_text("Remove from list. Its files stay.");
}

/// The counts, the state, and whether something is wrong.
fn sentences(known: &Load<std::sync::Arc<Overview>>) -> (String, String, bool) {
    let overview = match known {
        Load::NotAsked | Load::Loading => return (String::new(), "Reading…".to_owned(), false),
        Load::Failed(failure) => {
            let why = words::capitalised(failure.why.trim_end_matches('.'));
            return (String::new(), format!("{why}."), true);
        }
        Load::Ready(overview) => overview,
    };
    let counts = match (overview.counts.total(), overview.micrographs) {
        (0, 0) => "No patches yet".to_owned(),
        (0, micrographs) => format!("{} micrographs, no patches yet", words::count(micrographs as u64)),
        (all, _) => format!("{}, {} positive", words::patches(all), words::count(overview.counts.positive)),
    };
    let runs = match overview.runs {
        0 => "no run yet".to_owned(),
        1 => "1 run".to_owned(),
        runs => format!("{runs} runs"),
    };
    let auc = overview.auc.map_or_else(String::new, |auc| format!(", AUC {auc:.2}"));
    let cut = if overview.interrupted { ", interrupted" } else { "" };
    let changed = overview.changed.as_ref().map_or_else(String::new, |day| format!(", {day}"));
    (counts, words::capitalised(&format!("{runs}{auc}{cut}{changed}")), false)
}

/// Up to four patches, two by two.
fn tiles(ui: &Ui, dir: &Path, overview: &Overview, area: Rect, pictures: &mut CardPictures) {
    ui.painter().rect_filled(area, 3.0, ui.visuals().extreme_bg_color);
    if pictures.0.get(dir).is_none_or(|known| known.len() != overview.patches.len()) {
        let load = |patch: &vitrine_core::workflow::overview::SmallPatch| {
            let image = ColorImage::from_gray([patch.side, patch.side], &patch.grey);
            ui.ctx().load_texture("recent project", image, TextureOptions::LINEAR)
        };
        pictures.0.insert(dir.to_owned(), overview.patches.iter().map(load).collect());
    }
    let half = (area.width() - 2.0) * 0.5;
    for (place, texture) in pictures.0.get(dir).into_iter().flatten().enumerate() {
        let corner = vec2((place % 2) as f32, (place / 2) as f32) * (half + 2.0);
        let whole = Rect::from_min_max(egui::Pos2::ZERO, pos2(1.0, 1.0));
        let at = Rect::from_min_size(area.min + corner, Vec2::splat(half));
        ui.painter().image(texture.id(), at, whole, Color32::WHITE);
    }
}
