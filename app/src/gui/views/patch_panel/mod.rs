//! The panel of the current patch: picture, facts, scores, power spectrum, its place on the micrograph, and
//! the history of its label.

mod place;
mod spectrum;

use std::time::{Duration, Instant};

use eframe::egui;
use egui::{Rect, Sense, Ui, Vec2};
use vitrine_core::Label;
use vitrine_core::project::{Actor, Change, EntryKind, JournalEntry, PatchId};

use crate::gui::command::{Command, ViewCommand};
use crate::gui::model::{Model, OpenProject, PatchDetail};
use crate::gui::theme;
use crate::gui::values::Load;
use crate::gui::widgets::{Fold, PatchPicture, is_horizontal, label_mark, scale_bar, unreadable};

/// What the panel remembers.
#[derive(Default)]
pub struct State {
    /// Ends of the contrast window for all patches; the gallery measures them.
    pub window: Option<(f32, f32)>,
    picture: PatchPicture,
    place: place::State,
    /// The current patch and since when it is.
    since: Option<(PatchId, Instant)>,
    /// The patch whose whole history is shown.
    all_of: Option<PatchId>,
}

impl State {
    /// Drops what lies on the graphics device.
    pub fn forget_drawn(&mut self) {
        self.picture = PatchPicture::default();
        self.place = place::State::default();
    }
}

/// How long a patch is current before its history is read: not for those one only passes.
const READ_DELAY: Duration = Duration::from_millis(150);

/// Draws the panel.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    ui.add_space(4.0);
    let Some(patch) = open.shown.current() else {
        ui.weak("No current patch");
        return;
    };
    ask(ui, open, patch, state, out);
    let current = Current { model, open, patch };
    // At the bottom there is width in plenty and little height: parts stand side by side, each with its own
    // scroll bar.
    if is_horizontal(ui) {
        let most = ui.available_height() - 40.0;
        ui.columns(PARTS.len(), |columns| {
            for (ui, part) in columns.iter_mut().zip(PARTS) {
                egui::ScrollArea::vertical().id_salt(part).auto_shrink([false, false]).show(ui, |ui| {
                    self::part(ui, part, &current, most, state, out);
                });
            }
        });
        return;
    }
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        for part in PARTS {
            self::part(ui, part, &current, f32::INFINITY, state, out);
        }
    });
}

/// What the panel is made of, in the order in which it is drawn.
const PARTS: [Part; 4] = [Part::Picture, Part::Numbers, Part::Place, Part::History];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    /// The patch itself.
    Picture,
    /// What is known of it, and its scores.
    Numbers,
    /// Its place on the micrograph.
    Place,
    /// Its spectrum and the history of its label.
    History,
}

/// What the parts are about.
struct Current<'a> {
    model: &'a Model,
    open: &'a OpenProject,
    patch: PatchId,
}

/// Draws one part; the picture takes at most `height` points.
fn part(
    ui: &mut Ui,
    part: Part,
    current: &Current<'_>,
    height: f32,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    let Current { model, open, patch } = *current;
    // What was read before its label changed still says what there is to say of the patch itself.
    let detail = open.detail.last().filter(|(key, _)| key.patch == patch).map(|(_, detail)| detail);
    match part {
        Part::Picture => {
            let label = open.columns.labels.get(patch as usize).copied().unwrap_or(Label::Unlabeled);
            ui.horizontal(|ui| {
                ui.heading(format!("Patch {patch}"));
                ui.add_space(6.0);
                label_mark(ui, label);
                ui.label(label.as_str());
            });
            picture(ui, current, label, height, state);
        }
        Part::Numbers => {
            facts(ui, open, patch);
            section(ui, model, "Scores", out, |ui, _| scores(ui, open, patch, detail));
        }
        Part::Place => {
            section(ui, model, "On the micrograph", out, |ui, out| {
                place::ui(ui, open, patch, &mut state.place, out);
            });
        }
        Part::History => {
            section(ui, model, "Power spectrum", out, |ui, out| {
                spectrum::ui(ui, open, patch, detail, out);
            });
            section(ui, model, "History of the label", out, |ui, _| {
                history(ui, open, patch, &mut state.all_of);
            });
        }
    }
}

fn section(
    ui: &mut Ui,
    model: &Model,
    title: &str,
    out: &mut Vec<Command>,
    contents: impl FnOnce(&mut Ui, &mut Vec<Command>),
) {
    ui.add_space(4.0);
    let part = format!("patch.{title}");
    let fold = Fold::new(&part, egui::RichText::new(title).strong()).open_at_first(true).unindented();
    fold.show(ui, model, out, contents);
}

/// Asks for what is not read yet, once the patch has been current for a moment.
fn ask(ui: &Ui, open: &OpenProject, patch: PatchId, state: &mut State, out: &mut Vec<Command>) {
    let since = match state.since {
        Some((known, since)) if known == patch => since,
        _ => {
            let now = Instant::now();
            state.since = Some((patch, now));
            now
        }
    };
    let known = open.detail_key(patch).is_none_or(|key| !open.detail.of(&key).is_not_asked());
    let place_known =
        open.columns.micrograph_of(patch).is_none_or(|id| !open.micrograph.of(&id).is_not_asked());
    if known && place_known {
        return;
    }
    match READ_DELAY.checked_sub(since.elapsed()) {
        Some(wait) => ui.ctx().request_repaint_after(wait),
        None => {
            if !known {
                out.push(Command::View(ViewCommand::Detail(patch)));
            }
            if !place_known {
                out.push(Command::View(ViewCommand::Micrograph(patch)));
            }
        }
    }
}

fn picture(ui: &mut Ui, current: &Current<'_>, label: Label, height: f32, state: &mut State) {
    let Current { model, open, patch } = *current;
    let side = (ui.available_width() - 6.0).min(height).clamp(80.0, 420.0);
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(side + 6.0), Sense::hover());
    let rect = rect.shrink(3.0);
    if let Some(texture) = state.picture.of(ui, open, patch, &model.settings.look, state.window) {
        let uv = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
        ui.painter().image(texture.id(), rect, uv, egui::Color32::WHITE);
    }
    let colour = theme::label(label, ui.visuals().dark_mode);
    ui.painter().rect_stroke(rect, 0.0, egui::Stroke::new(3.0, colour), egui::StrokeKind::Outside);
    scale_bar(ui, rect, open.pixels.size(), open.pixel_size(patch));
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Image, true, format!("Picture of patch {patch}"))
    });
}

fn facts(ui: &mut Ui, open: &OpenProject, patch: PatchId) {
    let columns = &open.columns;
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let Some(id) = columns.micrograph_of(patch) {
        let found = open.micrographs.iter().find(|m| m.id == id);
        rows.push(("Micrograph", found.map_or_else(|| "not known".to_owned(), |m| m.name.clone())));
    }
    if let Some([x, y]) = columns.xy_of(patch) {
        rows.push(("Centre", format!("{x:.0}, {y:.0} px")));
    }
    if let Some(source) = columns.source_of(patch).and_then(|id| open.sources.iter().find(|s| s.id == id)) {
        let name = source.info.path.file_name().unwrap_or_default().to_string_lossy();
        rows.push(("Source", name.into_owned()));
    }
    let size = open.pixels.size();
    rows.push((
        "Size",
        match open.pixel_size(patch) {
            Some(scale) => format!("{size} px, {:.0} Å", size as f64 * scale),
            None => format!("{size} px, pixel size not known"),
        },
    ));
    if let Some(split) = &open.split
        && let Some(side) = split.sides.get(patch as usize)
    {
        rows.push(("Split", side.as_str().to_owned()));
    }
    pairs(ui, "facts", rows);
}

/// Names and values under each other; a long value is cut and shown whole under the pointer.
fn pairs(ui: &mut Ui, name: &str, rows: Vec<(&str, String)>) {
    egui::Grid::new(name).num_columns(2).spacing([10.0, 3.0]).show(ui, |ui| {
        for (name, value) in rows {
            ui.weak(name);
            ui.add(egui::Label::new(value).truncate());
            ui.end_row();
        }
    });
}

fn scores(ui: &mut Ui, open: &OpenProject, patch: PatchId, detail: Option<&PatchDetail>) {
    let Some(used) = &open.scores else {
        ui.weak("No run has scored this project yet.");
        return;
    };
    let number = |score: Option<f32>| score.map_or_else(|| "not scored".to_owned(), |s| format!("{s:.3}"));
    let mut rows = vec![(used.name.as_str(), number(open.score(patch)))];
    for (name, score) in detail.into_iter().flat_map(|detail| &detail.scores) {
        if *name != used.name {
            rows.push((name, number(*score)));
        }
    }
    pairs(ui, "scores", rows);
}

/// Changes of a label shown at first.
const SHOWN_AT_FIRST: usize = 12;

/// What happened to the label, newest first.
fn history(ui: &mut Ui, open: &OpenProject, patch: PatchId, all_of: &mut Option<PatchId>) {
    let detail = match open.detail_key(patch).map_or(Load::NotAsked, |key| open.detail.of(&key)) {
        Load::Ready(detail) => detail,
        Load::Failed(failure) => return unreadable(ui, &failure),
        Load::NotAsked | Load::Loading => {
            ui.weak("Reading…");
            return;
        }
    };
    if detail.history.is_empty() {
        ui.weak("Never labelled.");
    }
    let count = if *all_of == Some(patch) { detail.history.len() } else { SHOWN_AT_FIRST };
    for (entry, change) in detail.history.iter().rev().take(count) {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            label_mark(ui, change.after);
            ui.label(happened(entry, change));
        });
        ui.weak(format!("{}{}", when(&entry.at), because(open, entry)));
        ui.add_space(3.0);
    }
    let earlier = detail.history.len().saturating_sub(count);
    if earlier > 0 {
        let words = format!("and {} earlier", crate::words::count(earlier as u64));
        if ui.small_button(words).on_hover_text("Show all of the history").clicked() {
            *all_of = Some(patch);
        }
    }
}

fn happened(entry: &JournalEntry, change: &Change) -> String {
    let who = match &entry.actor {
        Actor::Person(name) => name.clone(),
        Actor::Run(name) => format!("run {name}"),
        Actor::Import(file) => {
            let name = std::path::Path::new(file).file_name();
            format!("import of {}", name.map_or(file.as_str().into(), |name| name.to_string_lossy()))
        }
    };
    let after = change.after;
    match entry.kind {
        EntryKind::Import => format!("{after}, by {who}"),
        EntryKind::Edit | EntryKind::Mask => format!("{} to {after}, by {who}", change.before),
        EntryKind::Undo => format!("back to {after}, undone by {who}"),
        EntryKind::Redo => format!("{after} again, redone by {who}"),
        EntryKind::TakeBack => format!("the import was taken back by {who}"),
    }
}

fn because(open: &OpenProject, entry: &JournalEntry) -> String {
    let mut text = String::new();
    if !entry.reason.is_empty() {
        text = format!(", {}", entry.reason);
    }
    if let Some(run) = entry.run.and_then(|id| open.runs.iter().find(|run| run.id == id)) {
        text.push_str(&format!(", seen with the scores of {}", run.name));
    }
    if entry.count > 1 {
        text.push_str(&format!(", with {} others", crate::words::count(entry.count - 1)));
    }
    text
}

/// "2026-03-01 14:05 UTC" from RFC 3339.
fn when(at: &str) -> String {
    match (at.get(..10), at.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => at.to_owned(),
    }
}
