//! The question before the window closes while work is running or labels are not saved.

use eframe::egui::{self, Ui};

use crate::gui::command::{Command, ViewCommand, WindowCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::{LiveRun, Model, QueuedRun};
use crate::gui::remedy;
use crate::gui::widgets::modal;

/// Draws the question.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let busy = model.is_busy();
    let trains = model.jobs.iter().any(|job| job.kind == JobKind::Train);
    let queued = model.analysis.queue.runs();
    let title = match (busy, trains) {
        (true, true) => "Training is running",
        (true, false) => "Work is running",
        (false, _) => "Labels are not saved yet",
    };
    modal(ui, "confirm close", title, out, |ui, out| {
        ui.set_width(420.0);
        for job in model.jobs.iter().filter(|job| job.kind.asks_before_closing()) {
            ui.label(&job.title);
        }
        if let Some(why) = &model.disk.failed {
            ui.colored_label(ui.visuals().warn_fg_color, remedy::warning(why));
        }
        if let Some(live) = model.live.as_ref().filter(|live| live.is_running()) {
            ui.add(egui::Label::new(what_is_kept(live)).wrap());
        }
        if !queued.is_empty() {
            ui.add(egui::Label::new(what_waits(queued)).wrap());
        }
        if busy && model.jobs.iter().any(|job| job.kind.asks_before_closing() && job.kind != JobKind::Train) {
            ui.weak("What is unfinished is discarded.");
        }
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            if ui.button("Keep open").clicked() {
                out.push(Command::View(ViewCommand::Overlay(None)));
            }
            if ui.button(if busy { "Stop and close" } else { "Close anyway" }).clicked() {
                out.push(Command::Window(WindowCommand::CloseAnyway));
            }
        });
    });
}

/// What becomes of the queue.
fn what_waits(queued: &[QueuedRun]) -> String {
    let names: Vec<&str> = queued.iter().map(QueuedRun::name).collect();
    let runs = match names.len() {
        1 => "1 run waits in the queue".to_owned(),
        number => format!("{number} runs wait in the queue"),
    };
    format!("{runs}: {}. The queue is kept and offered when the project is opened again.", names.join(", "))
}

/// What of a run outlives the window.
fn what_is_kept(live: &LiveRun) -> String {
    match (live.best_epoch, live.keeps_something()) {
        (Some(epoch), _) => {
            format!("{} stops after its batch, keeps epoch {epoch} and can be resumed later.", live.name)
        }
        (None, true) => {
            format!("{} stops after its batch. It can be resumed from its last checkpoint.", live.name)
        }
        (None, false) => {
            format!("{} has no complete epoch yet. If you close now, nothing of it is kept.", live.name)
        }
    }
}
