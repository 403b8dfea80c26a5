//! The bar over the grid: label, select, sort, filter, and how many patches are shown.

use eframe::egui;
use egui::{ComboBox, Ui};
use vitrine_core::Label;

use super::state::State;
use super::{filter, look_bar};
use crate::gui::command::{Command, QueueCommand, SettingsCommand, ViewCommand};
use crate::gui::command_table::info;
use crate::gui::model::{Model, OpenProject};
use crate::gui::theme;
use crate::gui::values::{Order, SortKey};
use crate::gui::widgets::{command_button, command_button_as, paint_label, with_command};
use crate::words;

/// Draws the bar.
pub fn ui(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    state: &mut State,
    shows_look: bool,
    out: &mut Vec<Command>,
) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        for (id, label, words) in [
            ("label.positive", Label::Positive, "Positive"),
            ("label.negative", Label::Negative, "Negative"),
            ("label.unlabeled", Label::Unlabeled, "Unlabeled"),
        ] {
            label_button(ui, model, id, label, words, out);
        }
        command_button_as(ui, model, "label.undo", "Undo", out);
        command_button_as(ui, model, "label.redo", "Redo", out);
        ui.menu_button("Select", |ui| {
            for id in [
                "select.all",
                "select.above",
                "select.invert",
                "select.similar",
                "select.show",
                "select.none",
            ] {
                if command_button(ui, model, id, out).clicked() {
                    ui.close();
                }
            }
        });
        match &open.queue {
            Some(queue) => {
                ui.strong(queue.queue.kind.title()).on_hover_text(format!("By the scores of {}", queue.run));
                if ui.button("Back to all patches").clicked() {
                    out.push(Command::View(ViewCommand::Queue(QueueCommand::Leave)));
                }
            }
            None => {
                sort(ui, open, out);
                filter::ui(ui, open, &mut state.filter, out);
            }
        }
        let display = ui.selectable_label(shows_look, "Display");
        if display.on_hover_text("Show or hide size, contrast, colours and band-pass").clicked() {
            let part = look_bar::PART.to_owned();
            out.push(Command::Settings(SettingsCommand::Fold { part, open: !shows_look }));
        }
        let shown = open.shown.ids.len();
        if open.queue.is_none() && shown < open.len() {
            ui.weak(format!("{} of {} shown", words::count(shown as u64), words::count(open.len() as u64)));
        }
        if open.shown.stale {
            command_button(ui, model, "view.rearrange", out);
        }
    });
    filter::chips(ui, open, out);
}

/// A button with the label's mark in front of its word.
fn label_button(
    ui: &mut Ui,
    model: &Model,
    id: &'static str,
    label: Label,
    words: &str,
    out: &mut Vec<Command>,
) {
    let Some(info) = info(id) else { return };
    let allowed = model.allows(info.needs).is_ok();
    // Room for the mark is left in the text, so that the button has egui's own shape.
    let response = ui.add_enabled(allowed, egui::Button::new(format!("     {words}")));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, allowed, info.name));
    let colour = theme::label(label, ui.visuals().dark_mode);
    let colour = if allowed { colour } else { colour.gamma_multiply(0.4) };
    let centre = response.rect.left_center() + egui::vec2(15.0, 0.0);
    paint_label(ui.painter(), centre, 11.0, label, colour);
    with_command(response, model, info, out);
}

/// Words for the direction of a sort.
const fn direction(key: SortKey, descending: bool) -> &'static str {
    match (key, descending) {
        (SortKey::Score, true) => "highest first",
        (SortKey::Score, false) => "lowest first",
        (SortKey::Uncertainty | SortKey::Disagreement, true) => "most first",
        (SortKey::Uncertainty | SortKey::Disagreement, false) => "least first",
        (SortKey::LabelTime, true) => "newest first",
        (SortKey::LabelTime, false) => "oldest first",
        (SortKey::Import | SortKey::Micrograph | SortKey::Random, true) => "descending",
        (SortKey::Import | SortKey::Micrograph | SortKey::Random, false) => "ascending",
    }
}

fn sort(ui: &mut Ui, open: &OpenProject, out: &mut Vec<Command>) {
    let order = &open.shown.order;
    let mut chosen = order.key;
    let combo = ComboBox::from_id_salt("sort")
        .selected_text(format!("Sort: {}", order.key.as_str()))
        .show_ui(ui, |ui| {
            for key in SortKey::ALL {
                let possible = !key.needs_score() || open.scores.is_some();
                let row = egui::Button::selectable(chosen == key, key.as_str());
                let response = ui.add_enabled(possible, row);
                if response.clicked() {
                    chosen = key;
                }
                response.on_disabled_hover_text("No run has scored this project yet; train first.");
            }
        });
    combo.response.on_hover_text("What patches are sorted by");
    if chosen != order.key {
        out.push(Command::order(Order { key: chosen, descending: chosen.descends_first(), ..order.clone() }));
    }
    if order.key == SortKey::Random {
        if ui.button("Shuffle again").clicked() {
            out.push(Command::order(Order { seed: order.seed.wrapping_add(1), ..order.clone() }));
        }
    } else {
        let words = direction(order.key, order.descending);
        if ui.button(words).on_hover_text("Reverse the order").clicked() {
            out.push(Command::order(Order { descending: !order.descending, ..order.clone() }));
        }
    }
}
