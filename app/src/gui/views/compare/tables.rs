//! Tables of Compare: measures, gains and configurations of runs side by side.

use eframe::egui;
use egui::{RichText, ScrollArea, Ui};
use vitrine_core::report::margin::BEST_MEANS;
use vitrine_core::report::tables::{ComparisonRow, ConfigDifference, above_ceiling};
use vitrine_core::workflow::comparison::{Comparison, Gain};

use super::parts::{heading, swatch};
use crate::gui::model::OpenProject;
use crate::gui::theme;

/// A heading above a table that can be copied as text: tabs between columns, as notebooks and
/// spreadsheets take it.
fn heading_with_copy(ui: &mut Ui, title: &str, text: impl FnOnce() -> String) {
    ui.add_space(14.0);
    ui.horizontal(|ui| {
        ui.label(RichText::new(title).size(16.0).strong());
        let copy = ui.small_button("Copy").on_hover_text(format!("Copy the table as text: {title}"));
        copy.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Copy: {title}")));
        if copy.clicked() {
            ui.ctx().copy_text(text());
        }
    });
    ui.add_space(2.0);
}

/// A table as text: the names of the runs, then one line a row.
fn table_text(
    comparison: &Comparison,
    first: &str,
    rows: impl Iterator<Item = (String, Vec<String>)>,
) -> String {
    let names = comparison.runs.iter().map(|run| run.name.as_str());
    let mut text = std::iter::once(first).chain(names).collect::<Vec<_>>().join("\t") + "\n";
    for (name, values) in rows {
        text += &format!("{name}\t{}\n", values.join("\t"));
    }
    text
}

fn numbers_text(comparison: &Comparison) -> String {
    let runs = 0..comparison.runs.len();
    let rows = comparison.rows.iter();
    let row = |row: &ComparisonRow| (row.label.clone(), runs.clone().map(|run| row.shown(run)).collect());
    table_text(comparison, "Measured", rows.map(row))
}

fn configs_text(comparison: &Comparison) -> String {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
    let rows = comparison.config.iter();
    let row = |row: &ConfigDifference| (row.key.clone(), row.values.iter().map(shown).collect());
    table_text(comparison, "Setting", rows.map(row))
}

/// Names of the runs above the columns of a table.
fn names(ui: &mut Ui, open: &OpenProject, comparison: &Comparison, first: &str) {
    ui.strong(first);
    for run in &comparison.runs {
        ui.horizontal(|ui| {
            swatch(ui, open, &run.name);
            ui.strong(&run.name);
            if run.is_baseline {
                ui.weak("baseline").on_hover_text("A plain classifier. The other runs are compared with it.");
            }
        });
    }
    ui.end_row();
}

/// What relabelling has gained.
pub fn gains(ui: &mut Ui, gains: &[Gain]) {
    for gain in gains {
        heading(ui, &format!("Gain from relabelling: {} after {}", gain.after, gain.before));
        let counted = crate::words::patches(gain.relabelled);
        ui.weak(format!(
            "{counted} had changed labels when the second run started. Both runs are measured with the current labels, on \
             the same validation patches."
        ));
        if let Some(problem) = &gain.problem {
            ui.colored_label(ui.visuals().warn_fg_color, format!("Not measured: {problem}."));
            continue;
        }
        egui::Grid::new(("gain", &gain.after)).num_columns(4).striped(true).show(ui, |ui| {
            for word in ["", "before", "after", "gain"] {
                ui.strong(word);
            }
            ui.end_row();
            for (what, before, after) in &gain.rows {
                ui.label(*what);
                ui.label(format!("{before:.3}"));
                ui.label(format!("{after:.3}"));
                let difference = after - before;
                let text = format!("{difference:+.3}").replace('-', "−");
                // How much of it is chance is not known, so no colour says which is better.
                ui.label(text);
                ui.end_row();
            }
        });
    }
}

/// The measures of runs side by side.
pub fn numbers(ui: &mut Ui, open: &OpenProject, comparison: &Comparison, title: &str) {
    heading_with_copy(ui, title, || numbers_text(comparison));
    ScrollArea::horizontal().id_salt("numbers").show(ui, |ui| {
        egui::Grid::new("numbers").striped(true).spacing([22.0, 5.0]).show(ui, |ui| {
            names(ui, open, comparison, "Measured");
            for row in &comparison.rows {
                ui.label(&row.label).on_hover_text(&row.meaning);
                for run in 0..comparison.runs.len() {
                    ui.horizontal(|ui| {
                        let mut value = RichText::new(row.shown(run)).monospace();
                        if row.best.get(run).copied().unwrap_or(false) {
                            value = value
                                .strong()
                                .color(theme::label(vitrine_core::Label::Positive, ui.visuals().dark_mode));
                        }
                        let label = ui.label(value);
                        if let Some(why) = row.reasons.get(run).and_then(Option::as_deref) {
                            label.on_hover_text(format!("{}.", crate::words::capitalised(why)));
                        }
                        if let Some(difference) = row.shown_difference(run) {
                            ui.label(RichText::new(difference).monospace().weak().small());
                        }
                    });
                }
                ui.end_row();
            }
        });
    });
    if let Some(sentence) = above_ceiling(&comparison.runs) {
        let colour = ui.visuals().warn_fg_color;
        ui.add(egui::Label::new(RichText::new(sentence).color(colour)).wrap());
    }
    ui.add(egui::Label::new(
        RichText::new(format!(
            "Green: {BEST_MEANS}. Small: change from baseline. AUC against unlabeled patches has a ceiling. If the picks are not a \
             random sample, it also rewards separating picked from unpicked particles. Trust known negatives, or check the \
             patches below.",
        ))
        .small()
        .weak(),
    ).wrap());
}

/// What differs in the configurations of runs.
pub fn configs(ui: &mut Ui, open: &OpenProject, comparison: &Comparison) {
    if comparison.runs.len() < 2 {
        return;
    }
    if comparison.config.is_empty() {
        heading(ui, "Differences in configuration");
        ui.weak("None.");
        return;
    }
    heading_with_copy(ui, "Differences in configuration", || configs_text(comparison));
    ScrollArea::horizontal().id_salt("configs").show(ui, |ui| {
        egui::Grid::new("configs").striped(true).spacing([22.0, 5.0]).show(ui, |ui| {
            names(ui, open, comparison, "Setting");
            for difference in &comparison.config {
                let field =
                    vitrine_core::learning::config::fields::fields().find(|f| f.key == difference.key);
                ui.label(&difference.key).on_hover_text(field.map_or("", |field| field.sentence));
                for value in &difference.values {
                    ui.monospace(value.as_deref().unwrap_or("–"));
                }
                ui.end_row();
            }
        });
    });
}
