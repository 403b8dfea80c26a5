//! The filter of the gallery: a menu to set it, and a removable tag for each condition.

use eframe::egui;
use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{DragValue, PopupCloseBehavior, ScrollArea, Ui};
use vitrine_core::Label;
use vitrine_core::project::{MicrographId, Side};

use crate::gui::command::Command;
use crate::gui::model::OpenProject;
use crate::gui::values::{Filter, Order};
use crate::words;

/// What the menu remembers.
#[derive(Default)]
pub struct State {
    /// Part of a micrograph's name.
    name: String,
}

/// Rows of micrographs listed; a part of the name finds the others.
const MAX_LISTED: usize = 200;
/// The sides a person can ask for.
const SIDES: [Side; 4] = [Side::Train, Side::Validation, Side::Test, Side::Unused];

const fn side_words(side: Side) -> &'static str {
    match side {
        Side::Train => "training",
        Side::Validation => "validation",
        Side::Test => "test",
        Side::Unused => "not in split",
    }
}

/// The button that opens the menu.
pub fn ui(ui: &mut Ui, open: &OpenProject, state: &mut State, out: &mut Vec<Command>) {
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    MenuButton::new("Filter").config(config).ui(ui, |ui| {
        ui.set_min_width(300.0);
        ui.set_max_height((ui.ctx().content_rect().height() * 0.75).max(200.0));
        let mut filter = open.shown.order.filter.clone();
        egui::Grid::new("filter").num_columns(2).spacing([14.0, 8.0]).show(ui, |ui| {
            ui.label("Label");
            labels(ui, &mut filter);
            ui.end_row();
            ui.label("Split");
            sides(ui, open, &mut filter);
            ui.end_row();
            ui.label("Score");
            score(ui, open, &mut filter);
            ui.end_row();
            ui.label("Changed");
            changed(ui, open, &mut filter);
            ui.end_row();
        });
        if open.sources.len() > 1 {
            ui.separator();
            ui.label("Source");
            ScrollArea::vertical().id_salt("sources").max_height(110.0).show(ui, |ui| {
                for source in &open.sources {
                    let name = source.info.path.file_name().unwrap_or_default().to_string_lossy();
                    let on = filter.source == Some(source.id);
                    if ui
                        .selectable_label(on, name)
                        .on_hover_text(source.info.path.display().to_string())
                        .clicked()
                    {
                        filter.source = (!on).then_some(source.id);
                    }
                }
            });
        }
        if !open.micrographs.is_empty() {
            ui.separator();
            micrographs(ui, open, state, &mut filter);
        }
        ui.separator();
        if ui.add_enabled(!filter.is_all(), egui::Button::new("Show all patches")).clicked() {
            filter = Filter::default();
        }
        if filter != open.shown.order.filter {
            out.push(Command::order(Order { filter, ..open.shown.order.clone() }));
        }
    });
}

fn labels(ui: &mut Ui, filter: &mut Filter) {
    ui.horizontal(|ui| {
        for label in [Label::Positive, Label::Negative, Label::Unlabeled] {
            let mut on = filter.labels.contains(&label);
            if ui.checkbox(&mut on, label.as_str()).changed() {
                filter.labels.retain(|&l| l != label);
                if on {
                    filter.labels.push(label);
                }
            }
        }
        if filter.labels.len() == 3 {
            filter.labels.clear();
        }
    });
}

fn sides(ui: &mut Ui, open: &OpenProject, filter: &mut Filter) {
    if open.split.is_none() {
        ui.weak("No split yet. The first run makes one.");
        return;
    }
    ui.horizontal(|ui| {
        for side in SIDES {
            let on = filter.side == Some(side);
            if ui.selectable_label(on, side_words(side)).clicked() {
                filter.side = (!on).then_some(side);
            }
        }
    });
}

fn score(ui: &mut Ui, open: &OpenProject, filter: &mut Filter) {
    if open.scores.is_none() {
        ui.weak("No run has scored this project yet.");
        return;
    }
    ui.horizontal(|ui| {
        let (mut low, mut high) = filter.score.unwrap_or((0.0, 1.0));
        let mut changed = false;
        let mut field = |ui: &mut Ui, value, name| {
            let response = ui.add(DragValue::new(value).range(0.0..=1.0).speed(0.005).fixed_decimals(2));
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::SpinButton, true, name));
            changed |= response.changed();
        };
        field(ui, &mut low, "Lowest score");
        ui.label("to");
        field(ui, &mut high, "Highest score");
        if changed {
            let all = low <= 0.0 && high >= 1.0;
            filter.score = (!all).then_some((low.min(high), high.max(low)));
        }
    });
}

fn changed(ui: &mut Ui, open: &OpenProject, filter: &mut Filter) {
    if open.runs.is_empty() {
        ui.weak("No run yet.");
        return;
    }
    // Newest first; all of them, for a person may ask what has changed since the very first.
    ScrollArea::vertical().id_salt("runs").max_height(120.0).show(ui, |ui| {
        ui.vertical(|ui| {
            for run in open.runs.iter().rev() {
                let on = filter.changed_since == Some(run.journal_position);
                if ui.selectable_label(on, format!("since {}", run.name)).clicked() {
                    filter.changed_since = (!on).then_some(run.journal_position);
                }
            }
        });
    });
}

fn micrographs(ui: &mut Ui, open: &OpenProject, state: &mut State, filter: &mut Filter) {
    ui.horizontal(|ui| {
        let name = ui.label("Micrograph");
        ui.add(
            egui::TextEdit::singleline(&mut state.name).hint_text("part of its name").desired_width(180.0),
        )
        .labelled_by(name.id);
    });
    let wanted = state.name.to_lowercase();
    ScrollArea::vertical().id_salt("micrographs").max_height(180.0).show(ui, |ui| {
        let found = open.micrographs.iter().filter(|m| m.name.to_lowercase().contains(&wanted));
        let mut listed = 0;
        for micrograph in found.take(MAX_LISTED) {
            listed += 1;
            let on = filter.micrograph == Some(micrograph.id);
            if ui.selectable_label(on, &micrograph.name).clicked() {
                filter.micrograph = (!on).then_some(micrograph.id);
            }
        }
        if listed == MAX_LISTED {
            ui.weak("Type a part of the name to see others.");
        }
    });
}

fn micrograph_name(open: &OpenProject, id: MicrographId) -> String {
    let found = open.micrographs.iter().find(|m| m.id == id);
    found.map_or_else(|| "a micrograph".to_owned(), |m| m.name.clone())
}

/// What is filtered by, each with a cross to take it away.
pub fn chips(ui: &mut Ui, open: &OpenProject, out: &mut Vec<Command>) {
    let filter = &open.shown.order.filter;
    if filter.is_all() || open.queue.is_some() {
        return;
    }
    let mut parts: Vec<(String, Filter)> = Vec::new();
    if !filter.labels.is_empty() {
        let words: Vec<&str> = filter.labels.iter().map(|l| l.as_str()).collect();
        parts.push((words.join(" or "), Filter { labels: Vec::new(), ..filter.clone() }));
    }
    if let Some(side) = filter.side {
        parts.push((format!("split: {}", side_words(side)), Filter { side: None, ..filter.clone() }));
    }
    if let Some((low, high)) = filter.score {
        parts.push((format!("score {low:.2} to {high:.2}"), Filter { score: None, ..filter.clone() }));
    }
    if let Some(since) = filter.changed_since {
        let run = open.runs.iter().rev().find(|run| run.journal_position == since);
        let words =
            run.map_or_else(|| "changed lately".to_owned(), |run| format!("changed since {}", run.name));
        parts.push((words, Filter { changed_since: None, ..filter.clone() }));
    }
    if let Some(only) = &filter.only {
        let words = format!("{} that were selected", words::patches(only.len() as u64));
        parts.push((words, Filter { only: None, ..filter.clone() }));
    }
    if let Some(id) = filter.micrograph {
        parts.push((micrograph_name(open, id), Filter { micrograph: None, ..filter.clone() }));
    }
    if let Some(id) = filter.source {
        let found = open.sources.iter().find(|source| source.id == id);
        let name = found.and_then(|s| s.info.path.file_name()).unwrap_or_default().to_string_lossy();
        parts.push((format!("from {name}"), Filter { source: None, ..filter.clone() }));
    }
    ui.horizontal_wrapped(|ui| {
        ui.weak("Only:");
        for (words, without) in parts {
            let response = ui.small_button(format!("{words}  ×"));
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Remove filter: {words}"))
            });
            if response.on_hover_text("Remove this filter").clicked() {
                out.push(Command::order(Order { filter: without, ..open.shown.order.clone() }));
            }
        }
    });
}
