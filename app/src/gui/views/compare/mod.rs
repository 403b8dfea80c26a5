//! Compare: runs side by side. Numbers with the baseline marked, what differs in their configurations,
//! curves, scores at a threshold, and the patches two runs disagree on.

mod curves;
mod disagreement;
mod parts;
mod scores;
mod tables;

use std::collections::BTreeSet;

use eframe::egui;
use egui::{RichText, ScrollArea, Ui};
use vitrine_core::Warning;
use vitrine_core::project::Run;
use vitrine_core::report::RunSummary;
use vitrine_core::report::verdict::verdict;
use vitrine_core::workflow::comparison::Comparison;

use parts::{heading, swatch};
pub use tables::numbers;

use crate::gui::command::{Command, CompareCommand, SaveCommand};
use crate::gui::model::{Compared, Model, OpenProject};
use crate::gui::remedy;
use crate::gui::theme;
use crate::gui::values::{Failure, Load, PathPurpose, PathQuestion};
use crate::gui::widgets::thumbnail::Thumbnails;
use crate::gui::widgets::{busy, command_button_as, empty};

/// What the view remembers.
#[derive(Default)]
pub struct State {
    /// Runs left out; all others with a complete epoch are compared.
    pub left_out: BTreeSet<String>,
    /// Whether the AUC is drawn on a logarithmic scale.
    log: bool,
    /// Scores and threshold.
    pub scores: scores::State,
    /// The two runs whose disagreement is shown.
    pub pair: Option<[String; 2]>,
    thumbnails: Thumbnails,
}

impl State {
    /// Drops what lies on the graphics device.
    pub fn forget_drawn(&mut self) {
        self.thumbnails.forget_drawn();
    }
}

/// Draws the view.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    let trained: Vec<String> =
        open.runs.iter().filter(|run| is_measured(run)).map(|run| run.name.clone()).collect();
    if trained.is_empty() {
        return nothing_to_compare(ui, model, out);
    }
    choice(ui, open, &trained, state, out);
    let wanted: Vec<String> = trained.into_iter().filter(|name| !state.left_out.contains(name)).collect();
    if wanted.is_empty() {
        ui.add_space(20.0);
        ui.weak("Tick a run above.");
        return;
    }
    let comparison = &model.analysis.comparison;
    if comparison.of(&wanted).is_not_asked() {
        out.push(Command::Compare(CompareCommand::Read(wanted.clone())));
    }
    ui.separator();
    let Some((measured, compared)) = comparison.last() else {
        match comparison.of(&wanted) {
            Load::Failed(failure) => not_compared(ui, &failure, &wanted, out),
            _ => measuring(ui, "Measuring the runs"),
        }
        return;
    };
    how_far(ui, model, open, &wanted, (measured, compared), out);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        if *measured != wanted {
            ui.set_opacity(0.45);
        }
        results(ui, model, open, (measured, compared), state, out);
    });
}

/// No run has a complete epoch yet.
fn nothing_to_compare(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let now = model.live.as_ref().filter(|live| live.is_running());
    let (words, button) = match now {
        Some(live) => (
            format!("{} is training; it is measured here when it has ended.", live.name),
            "Go to the training",
        ),
        None => (
            "Train one first; best with its baseline. Runs on the same split are measured on the same patches."
                .to_owned(),
            "Train a run",
        ),
    };
    empty(ui, "No run to compare", &words);
    ui.add_space(8.0);
    ui.vertical_centered(|ui| command_button_as(ui, model, "view.train", button, out));
}

/// Whether there is anything to measure: a run without a split, such as one of the general model, has no validation
/// side.
fn is_measured(run: &Run) -> bool {
    run.best_epoch.is_some() && run.split.is_some()
}

/// What the comparison comes to, in one sentence.
fn verdict_line(ui: &mut Ui, comparison: &Comparison) {
    let verdict = verdict(&comparison.runs, &comparison.rows);
    let mut text = RichText::new(verdict.sentence).size(15.5).strong();
    if verdict.winner.is_some() {
        text = text.color(theme::label(vitrine_core::Label::Positive, ui.visuals().dark_mode));
    }
    ui.add_space(4.0);
    ui.add(egui::Label::new(text).wrap());
}

/// Which runs are compared, and the report on them.
fn choice(ui: &mut Ui, open: &OpenProject, trained: &[String], state: &mut State, out: &mut Vec<Command>) {
    ui.horizontal_wrapped(|ui| {
        ui.weak("Compare");
        for name in trained {
            let mut on = !state.left_out.contains(name);
            ui.scope(|ui| {
                ui.spacing_mut().item_spacing.x = 3.0;
                swatch(ui, open, name);
                if ui.checkbox(&mut on, name).changed() {
                    if on {
                        state.left_out.remove(name)
                    } else {
                        state.left_out.insert(name.clone())
                    };
                }
            });
        }
        let chosen: Vec<String> =
            trained.iter().filter(|name| !state.left_out.contains(*name)).cloned().collect();
        let report = ui.add_enabled(!chosen.is_empty(), egui::Button::new("Save report…"));
        if report
            .on_hover_text("Write numbers, curves and patches of these runs into one HTML file.")
            .clicked()
        {
            let path = open.dir.with_file_name(format!("{}_report.html", open.name));
            let ask = PathQuestion::new("Save the report", path, PathPurpose::Report(chosen));
            out.push(Command::Save(SaveCommand::Ask(Box::new(ask))));
        }
    });
}

/// How far the comparison of the wanted runs is, above what was measured last.
fn how_far(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    wanted: &[String],
    (measured, compared): (&[String], &Compared),
    out: &mut Vec<Command>,
) {
    match model.analysis.comparison.of(&wanted.to_vec()) {
        Load::Failed(failure) => not_compared(ui, &failure, wanted, out),
        _ if measured != wanted => measuring(
            ui,
            &format!("Measuring {}. The results below are for {}.", wanted.join(", "), measured.join(", ")),
        ),
        Load::Loading => measuring(ui, "Measuring the runs again"),
        _ if compared.journal != open.journal => {
            ui.horizontal(|ui| {
                ui.colored_label(ui.visuals().warn_fg_color, "Labels have changed since this was measured.");
                if ui.button("Measure again").clicked() {
                    out.push(Command::Compare(CompareCommand::Read(wanted.to_vec())));
                }
            });
        }
        _ => {}
    }
}

fn measuring(ui: &mut Ui, words: &str) {
    ui.horizontal(|ui| {
        busy(ui);
        ui.add(egui::Label::new(words).wrap());
    });
}

/// What was measured, part by part.
fn results(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    (measured, compared): (&[String], &Compared),
    state: &mut State,
    out: &mut Vec<Command>,
) {
    let comparison = &compared.comparison;
    verdict_line(ui, comparison);
    warnings(ui, &comparison.runs);
    tables::gains(ui, &comparison.gains);
    if ui.available_width() > 1100.0 && comparison.runs.len() == 2 {
        ui.horizontal_top(|ui| {
            let half = ui.available_width() / 2.0 - 12.0;
            ui.vertical(|ui| {
                ui.set_width(half);
                numbers(ui, open, comparison, "Numbers");
            });
            ui.vertical(|ui| {
                ui.set_width(half);
                tables::configs(ui, open, comparison);
            });
        });
    } else {
        numbers(ui, open, comparison, "Numbers");
        tables::configs(ui, open, comparison);
    }
    curves::ui(ui, model, open, measured, comparison, &mut state.log, out);
    heading(ui, "Scores at a threshold");
    scores::ui(ui, open, comparison, &mut state.scores, &mut state.thumbnails, out);
    disagreement::ui(ui, model, open, comparison, &mut state.pair, &mut state.thumbnails, out);
    ui.add_space(16.0);
}

/// Why runs could not be put side by side, and a way to try again.
pub fn not_compared(ui: &mut Ui, failure: &Failure, names: &[String], out: &mut Vec<Command>) {
    let text = format!("{}.", crate::words::capitalised(&failure.why).trim_end_matches('.'));
    ui.add(egui::Label::new(RichText::new(text).color(ui.visuals().warn_fg_color)).wrap());
    if ui.button("Measure the runs").clicked() {
        out.push(Command::Compare(CompareCommand::Read(names.to_vec())));
    }
}

/// What is to be said of runs: each sentence once, behind the runs it is about.
fn warnings(ui: &mut Ui, runs: &[RunSummary]) {
    let mut said: Vec<(&Warning, Vec<&str>)> = Vec::new();
    for run in runs {
        for warning in &run.warnings {
            match said.iter_mut().find(|(known, _)| *known == warning) {
                Some((_, names)) => names.push(&run.name),
                None => said.push((warning, vec![&run.name])),
            }
        }
    }
    for (warning, names) in said {
        let text = RichText::new(format!("{}: {}", names.join(", "), remedy::warning(warning)));
        ui.add(egui::Label::new(text.color(ui.visuals().warn_fg_color)).wrap());
    }
}
