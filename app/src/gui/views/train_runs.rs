//! The list of the project's runs: how each ended, and what can be done with it.

use eframe::egui;
use egui::{RichText, ScrollArea, Ui};
use vitrine_core::project::{Run, RunStatus};

use super::charts::colour_of;
use crate::gui::command::{Command, TrainCommand, ViewCommand};
use crate::gui::command_table::Needs;
use crate::gui::model::{Model, OpenProject};

/// Draws the list, newest first.
pub fn ui(ui: &mut Ui, model: &Model, open: &OpenProject, out: &mut Vec<Command>) {
    ScrollArea::both().id_salt("runs").auto_shrink([false, true]).max_height(230.0).show(ui, |ui| {
        egui::Grid::new("runs").num_columns(5).striped(true).min_col_width(40.0).show(ui, |ui| {
            for run in open.runs.iter().rev() {
                row(ui, model, open, run, out);
                ui.end_row();
            }
        });
    });
}

fn row(ui: &mut Ui, model: &Model, open: &OpenProject, run: &Run, out: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(egui::vec2(12.0, 12.0), egui::Sense::hover());
        ui.painter().rect_filled(
            rect.shrink2(egui::vec2(0.0, 3.0)),
            2.0,
            colour_of(open, &run.name, ui.visuals().dark_mode),
        );
        let name = ui.label(RichText::new(&run.name).strong());
        let began = run.started_at.replace('T', " ");
        name.on_hover_text(format!("Began {} UTC on {}", began.trim_end_matches('Z'), run.device));
    });
    let live_run = model.live.as_ref().filter(|live| live.is_running() && live.name == run.name);
    let is_live = live_run.is_some();
    let status = if is_live { "training" } else { run.status.as_str() };
    let words = match run.status {
        RunStatus::Failed | RunStatus::Interrupted if !is_live => {
            RichText::new(status).color(ui.visuals().warn_fg_color)
        }
        _ => RichText::new(status),
    };
    let status = ui.label(words);
    if let Some(message) = &run.message {
        status.on_hover_text(message);
    }
    // What is stored of a run is read again when it has ended.
    match live_run.and_then(|live| live.best_epoch).or(run.best_epoch.map(|epoch| epoch as usize)) {
        Some(best) => ui.weak(format!("using epoch {best}")),
        None => ui.weak("no complete epoch"),
    };
    let began = match (run.began_with(), run.began_with_deleted()) {
        (Some(before), _) => format!("continued from {before}"),
        (None, Some(before)) => format!("continued from {before}, deleted since"),
        (None, None) => String::new(),
    };
    ui.weak(began);
    ui.horizontal(|ui| actions(ui, model, open, run, is_live, out));
}

fn actions(ui: &mut Ui, model: &Model, open: &OpenProject, run: &Run, is_live: bool, out: &mut Vec<Command>) {
    let allowed = model.allows(Needs::NoTraining);
    let why = allowed.err().unwrap_or_default();
    if !is_live && open.resumable.contains(&run.id) {
        let resume = ui.add_enabled(allowed.is_ok(), egui::Button::new("Resume"));
        if resume.clicked() {
            let device = model.drafts.train.device;
            out.push(Command::Train(TrainCommand::Continue { run: run.name.clone(), device }));
        }
        resume
            .on_hover_text(
                "Resume this run from its last checkpoint, with the labels and the split it started with.",
            )
            .on_disabled_hover_text(why);
    }
    if run.best_epoch.is_some() && !is_live {
        let on = ui.add_enabled(allowed.is_ok(), egui::Button::new("Continue from this run"));
        if on.clicked() {
            out.push(Command::Train(TrainCommand::TakeFrom(run.name.clone())));
        }
        on.on_hover_text(
            "Fine-tune with the current labels: copies its settings into the form for a new run that starts from its weights.",
        )
        .on_disabled_hover_text(why);
    }
    let used = open.scores.as_ref().is_some_and(|scores| scores.run == run.id);
    ui.menu_button("More", |ui| {
        if !used && run.best_epoch.is_some() && ui.button("Use its scores").clicked() {
            out.push(Command::View(ViewCommand::Scores(run.id)));
            ui.close();
        }
        let writable = model.allows(Needs::Writable);
        let score = ui.add_enabled(
            writable.is_ok() && run.best_epoch.is_some() && !is_live,
            egui::Button::new("Score all patches with it"),
        );
        if score.on_hover_text("Needed for patches imported since, or when scoring was cancelled.").clicked()
        {
            let device = model.drafts.train.device;
            out.push(Command::Train(TrainCommand::Score { run: run.name.clone(), device }));
            ui.close();
        }
        if ui.button("Copy settings").clicked() {
            out.push(Command::Train(TrainCommand::CopySettings(run.name.clone())));
            ui.close();
        }
        ui.separator();
        let why = writable.err().unwrap_or_default();
        let at_rest = writable.is_ok() && !is_live;
        if ui.add_enabled(at_rest, egui::Button::new("Rename…")).on_disabled_hover_text(why).clicked() {
            out.push(Command::Train(TrainCommand::AskRename(Some(run.name.clone()))));
            ui.close();
        }
        if ui.add_enabled(at_rest, egui::Button::new("Delete…")).on_disabled_hover_text(why).clicked() {
            out.push(Command::Train(TrainCommand::AskDelete(Some(run.name.clone()))));
            ui.close();
        }
        ui.separator();
        if ui.button("Show its curves").clicked() {
            out.push(Command::Train(TrainCommand::Draw { run: run.name.clone(), on: true }));
            ui.close();
        }
    })
    .response
    .on_hover_text(format!("More for {}", run.name));
    if used {
        ui.weak("scores in use");
    }
}
