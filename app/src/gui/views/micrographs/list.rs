//! The list of micrographs: a small picture, name, counts by label, and how far the review of each has come.

use eframe::egui;
use egui::{
    Align2, Color32, ColorImage, ComboBox, FontId, Rect, ScrollArea, Sense, TextureOptions, Ui, Vec2, pos2,
};
use vitrine_core::project::{Micrograph, MicrographId};
use vitrine_core::{Label, LabelCounts};

use super::state::State;
use crate::gui::command::{Command, MicrographCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::{MicrographProgress, Model, OpenProject, rules_of, run_of, threshold_of};
use crate::gui::theme;
use crate::gui::values::MicrographSort;
use crate::gui::widgets::paint_label;
use crate::words;

/// Height of a row, points.
const ROW: f32 = 62.0;
/// Height of the line that says what a run has picked, points.
const PICKS: f32 = 16.0;
/// Side of a small picture, points.
const SMALL: f32 = 54.0;
/// Textures of small pictures kept.
const MAX_TEXTURES: usize = 300;

/// Draws the list.
pub fn ui(ui: &mut Ui, model: &Model, open: &OpenProject, state: &mut State, out: &mut Vec<Command>) {
    ui.add_space(4.0);
    let picker = run_of(open, &model.drafts.pick);
    let height = if picker.is_some() { ROW + PICKS } else { ROW };
    let (sort, descending) = model.micrographs.sort;
    ui.horizontal(|ui| {
        let count = open.micrographs.len() as u64;
        let noun = if count == 1 { "micrograph" } else { "micrographs" };
        ui.strong(format!("{} {noun}", words::count(count)));
        let chosen = model.micrographs.chosen.len();
        if chosen > 1 {
            ui.weak(format!("{} chosen", words::count(chosen as u64)));
        }
    });
    ui.horizontal(|ui| {
        let combo = ComboBox::from_id_salt("micrograph sort")
            .width((ui.available_width() - 112.0).clamp(60.0, 150.0))
            .selected_text(sort.as_str())
            .show_ui(ui, |ui| {
                for key in MicrographSort::ALL {
                    let known = match key {
                        MicrographSort::Score => open.scores.is_some(),
                        MicrographSort::Threshold | MicrographSort::Shift => picker.is_some(),
                        _ => true,
                    };
                    let entry = ui.add_enabled_ui(known, |ui| ui.selectable_label(sort == key, key.as_str()));
                    if entry.inner.clicked() && sort != key {
                        out.push(Command::Micrograph(MicrographCommand::Sort(key)));
                    }
                }
            });
        combo
            .response
            .widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "Sort the micrographs by"));
        combo.response.on_hover_text("Sort the list by this");
        let words = if descending { "descending" } else { "ascending" };
        let turn = ui.button(words).on_hover_text("Reverse the order of the list");
        if turn.clicked() {
            out.push(Command::Micrograph(MicrographCommand::Sort(sort)));
        }
    });
    ui.separator();
    let order = &model.micrographs.order;
    let spacing = ui.spacing().item_spacing.y;
    let mut area = ScrollArea::vertical().auto_shrink(false);
    // The one shown comes into sight when it changes.
    let place = model.micrographs.current.and_then(|id| model.micrographs.place(open, id).map(|at| (id, at)));
    if place != state.listed {
        state.listed = place;
        if let Some((_, at)) = place {
            let room = ui.available_height();
            area = area.vertical_scroll_offset((at as f32 * (height + spacing) - room * 0.4).max(0.0));
        }
    }
    let mut wanted = None;
    area.show_rows(ui, height, order.len(), |ui, rows| {
        for row in rows {
            let Some(mic) = order.get(row).and_then(|&at| open.micrographs.get(at)) else { continue };
            if model.micrographs.thumbnail(mic.id).is_none() {
                wanted = wanted.or(Some(mic.id));
            }
            self::row(
                ui,
                model,
                open,
                mic,
                (height, picked(model, open, mic.id).filter(|_| picker.is_some())),
                state,
                out,
            );
        }
    });
    // One after the other, and after what the canvas waits for.
    let reading = model.jobs.iter().any(|job| matches!(job.kind, JobKind::Thumbnail | JobKind::Picture))
        || model.micrographs.current.is_some_and(|shown| !model.micrographs.is_settled(shown));
    if let Some(id) = wanted.filter(|_| !reading) {
        out.push(Command::Micrograph(MicrographCommand::ReadThumbnail(id)));
    }
}

fn row(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    mic: &Micrograph,
    (height, picked): (f32, Option<Picked>),
    state: &mut State,
    out: &mut Vec<Command>,
) {
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::click());
    let on = model.micrographs.current == Some(mic.id);
    let chosen = model.micrographs.chosen.contains(&mic.id);
    let counts = open.on_micrographs.counts(mic.id);
    let progress = open.progress(mic.id);
    let mean = open.on_micrographs.mean_score(mic.id);
    let picks = picked.as_ref().map_or_else(String::new, |picked| format!(", {}", picked.words));
    let said = format!("{}, {}, {}{picks}", mic.name, words::label_counts(&counts), progress.as_str());
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::Role::ListBoxOption, true, on || chosen, said.clone())
    });
    if response.clicked() {
        let modifiers = ui.input(|input| input.modifiers);
        out.push(Command::Micrograph(match (modifiers.command, modifiers.shift) {
            (true, _) => MicrographCommand::ChooseAlso(mic.id),
            (_, true) => MicrographCommand::ChooseThrough(mic.id),
            _ => MicrographCommand::Open(mic.id),
        }));
    }
    let visuals = ui.visuals();
    if on {
        ui.painter().rect_filled(rect, 4.0, visuals.selection.bg_fill);
    } else if chosen {
        ui.painter().rect_filled(rect, 4.0, visuals.selection.bg_fill.gamma_multiply(0.5));
    } else if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, 4.0, visuals.widgets.hovered.weak_bg_fill);
    }
    let picture = Rect::from_min_size(rect.min + Vec2::splat(4.0), Vec2::splat(SMALL));
    small(ui, model, mic.id, picture, state);
    let left = picture.right() + 8.0;
    let painter = ui.painter_at(rect.shrink2(Vec2::new(4.0, 0.0)));
    let (strong, weak) = (ui.visuals().strong_text_color(), ui.visuals().weak_text_color());
    let name = fitted(&painter, &mic.name, rect.right() - left - 6.0);
    painter.text(pos2(left, rect.top() + 6.0), Align2::LEFT_TOP, name, FontId::proportional(13.5), strong);
    self::counts(ui, &painter, pos2(left, rect.top() + 33.0), &counts);
    let shift = picked.as_ref().and_then(|picked| picked.shift);
    let number = match (model.micrographs.sort.0, shift, mean) {
        (MicrographSort::Shift, Some(shift), _) => format!(" · shift {shift:+.2}"),
        (_, _, Some(mean)) => format!(" · mean score {mean:.2}"),
        _ => String::new(),
    };
    let small = FontId::proportional(11.5);
    let line = format!("{}{number}", progress.as_str());
    painter.text(pos2(left, rect.top() + ROW - 5.0), Align2::LEFT_BOTTOM, line, small.clone(), weak);
    if let Some(picked) = picked {
        let colour = if picked.own { theme::accent(ui.visuals().dark_mode) } else { weak };
        painter.text(pos2(left, rect.bottom() - 5.0), Align2::LEFT_BOTTOM, picked.words, small, colour);
    }
    response.on_hover_text(said);
}

/// What the run that picks says of a micrograph.
struct Picked {
    words: String,
    /// The threshold is the micrograph's own.
    own: bool,
    shift: Option<f64>,
}

fn picked(model: &Model, open: &OpenProject, micrograph: MicrographId) -> Option<Picked> {
    // Nothing is picked on an excluded one.
    if open.progress(micrograph) == MicrographProgress::Excluded {
        return None;
    }
    let draft = &model.drafts.pick;
    let threshold = threshold_of(open, micrograph, draft);
    let own = rules_of(open, draft).is_some_and(|rules| rules.own.contains_key(&micrograph));
    let whose = if own { "own threshold" } else { "threshold" };
    let one = model.picks.surveyed(open, draft)?.each.get(&micrograph);
    let words = match one.map(|one| one.counts.above(threshold)) {
        None if own => format!("own threshold {threshold:.2}"),
        None => "not scored by the run".to_owned(),
        Some(1) => format!("1 pick · {whose} {threshold:.2}"),
        Some(many) => format!("{} picks · {whose} {threshold:.2}", words::count(u64::from(many))),
    };
    Some(Picked { words, own, shift: one.and_then(|one| one.shift) })
}

/// The counts with the marks of their labels.
fn counts(ui: &Ui, painter: &egui::Painter, at: egui::Pos2, counts: &LabelCounts) {
    let dark = ui.visuals().dark_mode;
    let mut x = at.x;
    for label in [Label::Positive, Label::Negative, Label::Unlabeled] {
        paint_label(painter, pos2(x + 5.0, at.y), 9.0, label, theme::label(label, dark));
        let text = words::count(counts.get(label));
        let font = FontId::proportional(12.5);
        let end =
            painter.text(pos2(x + 13.0, at.y), Align2::LEFT_CENTER, text, font, ui.visuals().text_color());
        x = end.right() + 9.0;
    }
}

/// The end of a name that is too long, which tells micrographs apart.
fn fitted(painter: &egui::Painter, name: &str, width: f32) -> String {
    let measure = |text: &str| {
        painter.layout_no_wrap(text.to_owned(), FontId::proportional(13.5), Color32::WHITE).size().x
    };
    if measure(name) <= width {
        return name.to_owned();
    }
    let mut rest = name;
    while let Some(next) = rest.char_indices().nth(1).map(|(at, _)| &rest[at..]) {
        rest = next;
        let text = format!("…{rest}");
        if measure(&text) <= width {
            return text;
        }
    }
    rest.to_owned()
}

/// The small picture, as large as fits.
fn small(ui: &Ui, model: &Model, id: MicrographId, rect: Rect, state: &mut State) {
    ui.painter().rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    let Some(Some(picture)) = model.micrographs.thumbnail(id) else {
        if model.micrographs.thumbnail(id).is_some() {
            let colour = ui.visuals().weak_text_color();
            ui.painter().text(rect.center(), Align2::CENTER_CENTER, "?", FontId::proportional(18.0), colour);
        }
        return;
    };
    if picture.size.contains(&0) {
        return;
    }
    if state.thumbnails.len() > MAX_TEXTURES {
        state.thumbnails.clear();
    }
    let texture = state.thumbnails.entry(id).or_insert_with(|| {
        let image = ColorImage::from_gray(picture.size, &picture.grey);
        ui.ctx().load_texture(format!("micrograph {}", id.0), image, TextureOptions::LINEAR)
    });
    let size = Vec2::new(picture.size[0] as f32, picture.size[1] as f32);
    let fitted = size * (rect.width() / size.x).min(rect.height() / size.y);
    let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    let place = Rect::from_center_size(rect.center(), fitted);
    ui.painter().image(texture.id(), place, all, Color32::WHITE);
}
