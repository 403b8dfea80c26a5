//! Retraining from a review queue: the queue is reviewed in batches, and a new run learns from the labels of each.

use eframe::egui;
use egui::{Button, Ui};
use vitrine_core::Label;
use vitrine_core::review::QueueKind;

use super::round::{ask_round, learned, weak};
use crate::gui::command::{Command, QueueCommand, TrainCommand, ViewCommand};
use crate::gui::command_table::Needs;
use crate::gui::model::{Batch, LiveRun, Model, OpenProject, OpenQueue};
use crate::gui::widgets::command_button_as;
use crate::words;

/// What the run in use has gained over the one it began with.
pub fn gain(ui: &mut Ui, model: &Model, open: &OpenProject, run: &str, out: &mut Vec<Command>) {
    let began = open.runs.iter().find(|known| known.name == run).and_then(|known| known.began_with());
    if began.is_none() {
        return;
    }
    ask_round(ui, model, open, &model.drafts.pick, run, out);
    let round = model.picks.round.last().filter(|(key, _)| key.run == run);
    if let Some((_, Some(round))) = round {
        learned(ui, round);
    }
}

/// Whether a patch is judged in a queue of this kind.
fn is_judged(open: &OpenProject, kind: QueueKind, patch: u32) -> bool {
    let label = open.columns.labels.get(patch as usize).copied();
    let before = if kind == QueueKind::SuspiciousPositives { Label::Positive } else { Label::Unlabeled };
    label != Some(before)
}

/// The end of a batch: what was labelled in it, and a run that learns from it.
pub fn batch_end(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    queue: &OpenQueue,
    batch: Batch,
    out: &mut Vec<Command>,
) {
    let Some(done) = batch.just_done() else { return };
    let (kind, patches) = (queue.queue.kind, &queue.queue.patches);
    let patches = patches.get(done.first..done.first + done.patches).unwrap_or_default();
    let judged = patches.iter().filter(|&&patch| is_judged(open, kind, patch)).count();
    ui.separator();
    ui.strong(format!("Batch {} of {} reviewed", done.number, done.of));
    weak(
        ui,
        &match kind {
            QueueKind::SuspiciousPositives => {
                format!(
                    "{} of {} no longer positive",
                    words::count(judged as u64),
                    words::count(done.patches as u64)
                )
            }
            _ => format!("{} of {} labelled", words::count(judged as u64), words::count(done.patches as u64)),
        },
    );
    now(ui, model, open, queue, out);
    weak(ui, &format!("Or go on with batch {}.", batch.number));
    ui.separator();
}

/// The button that trains a run on from the one that ordered the queue.
pub fn now(ui: &mut Ui, model: &Model, open: &OpenProject, queue: &OpenQueue, out: &mut Vec<Command>) {
    let run = open.runs.iter().find(|run| run.name == queue.run);
    if run.is_some_and(|run| run.split.is_none()) {
        // The general model has learned nothing of this project yet.
        command_button_as(ui, model, "view.train", "Train a run with these labels", out);
        return;
    }
    let trains = model.live.as_ref().is_some_and(LiveRun::is_running);
    let words = if trains { "Retrain after this run" } else { "Retrain now" };
    let allowed = model.allows(Needs::Writable);
    let button = ui.add_enabled(allowed.is_ok(), Button::new(words).wrap());
    if button.clicked() {
        out.push(Command::Train(TrainCommand::Retrain(queue.run.clone())));
    }
    button
        .on_hover_text(format!(
            "Trains a new run that begins with the weights of {} and learns from the current labels. You \
             can go on labelling meanwhile.",
            queue.run
        ))
        .on_disabled_hover_text(allowed.err().unwrap_or_default());
}

/// The open queue is of a run whose scores are no longer in use: the way to a new one.
pub fn newer(ui: &mut Ui, open: &OpenProject, queue: &OpenQueue, out: &mut Vec<Command>) {
    let Some(scores) = open.scores.as_ref().filter(|scores| scores.run != queue.queue.start.run) else {
        return;
    };
    weak(ui, &format!("This queue is from the scores of {}.", queue.run));
    if ui.add(Button::new(format!("New queue with {}", scores.name)).wrap()).clicked() {
        let restart = QueueCommand::Restart(queue.queue.kind);
        out.push(Command::View(ViewCommand::Queue(restart)));
    }
}
