//! Review queues: which patches to label next, the progress in each queue, and the estimate of an audit.

use eframe::egui;
use egui::{ProgressBar, Ui};
use vitrine_core::Label;
use vitrine_core::device::DeviceChoice;
use vitrine_core::project::Run;
use vitrine_core::review::{QueueKind, QueuePlace, audit_result};

use super::retrain;
use crate::gui::command::{Command, QueueCommand, TrainCommand, ViewCommand};
use crate::gui::command_table::Needs;
use crate::gui::jobs::JobKind;
use crate::gui::model::{Batch, Model, OpenProject, OpenQueue};
use crate::gui::widgets::{command_button_as, is_horizontal};
use crate::words;

/// What the panel remembers.
#[derive(Default)]
pub struct State {
    /// The person is asked whether the sample of the audit may go.
    asking: bool,
}

const fn what(kind: QueueKind) -> &'static str {
    match kind {
        QueueKind::MostUncertain => {
            "Unlabeled patches, scores closest to 0.5 first. Labels here help the next run most."
        }
        QueueKind::LikelyParticles => {
            "Unlabeled patches, highest scores first: particles that were not picked."
        }
        QueueKind::SuspiciousPositives => {
            "Positives with the lowest scores first. Out-of-sample scores only: positives that the run was trained on \
             are left out."
        }
        QueueKind::Audit => {
            "A random sample of the unlabeled patches with scores of 0.5 or more. Label each one: the fraction of particles \
             among them estimates the precision of the run."
        }
        QueueKind::RandomSample => {
            "A random sample of all unlabeled patches. Label each one: the fraction of particles among them \
             estimates π, and with it precision and recall at every threshold. The next run uses the \
             estimate."
        }
    }
}

/// Draws the panel.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    // Asked of the audit that is open, and forgotten with it.
    state.asking &= open.queue.as_ref().is_some_and(|queue| queue.queue.kind.is_sample());
    let Some(scores) = &open.scores else {
        ui.weak("Queues need the scores of a run.");
        ui.add_space(4.0);
        score_with(ui, model, open, out);
        command_button_as(ui, model, "view.train", "Train a run", out);
        return;
    };
    ui.add(egui::Label::new(egui::RichText::new(format!("Scores: {}", scores.name)).weak()).truncate());
    retrain::gain(ui, model, open, &scores.name, out);
    ui.add_space(6.0);
    let horizontal = is_horizontal(ui);
    egui::ScrollArea::vertical().auto_shrink([false, true]).show(ui, |ui| {
        // At the bottom there is room for all of them side by side.
        if horizontal {
            ui.columns(QueueKind::ALL.len(), |columns| {
                for (ui, kind) in columns.iter_mut().zip(QueueKind::ALL) {
                    // Columns stretch the words of what wraps.
                    ui.with_layout(egui::Layout::top_down(egui::Align::LEFT), |ui| {
                        queue(ui, model, open, kind, state, out);
                    });
                }
            });
            return;
        }
        for kind in QueueKind::ALL {
            queue(ui, model, open, kind, state, out);
            ui.add_space(10.0);
        }
    });
}

/// A run that was trained and never scored the patches, because the window was closed or scoring cancelled,
/// need not be trained again.
fn score_with(ui: &mut Ui, model: &Model, open: &OpenProject, out: &mut Vec<Command>) {
    let live = model.live.as_ref().filter(|live| live.is_running()).map(|live| live.name.as_str());
    let trained = |run: &&Run| run.best_epoch.is_some() && live != Some(run.name.as_str());
    let Some(run) = open.runs.iter().rev().find(trained) else { return };
    let busy = model.jobs.iter().any(|job| job.kind == JobKind::Score);
    let allowed = match model.allows(Needs::Writable) {
        Ok(()) if busy => Err("Patches are being scored already."),
        allowed => allowed,
    };
    let button = egui::Button::new(format!("Score all patches with {}", run.name)).wrap();
    let button = ui.add_enabled(allowed.is_ok(), button);
    if button.clicked() {
        let (run, device) = (run.name.clone(), DeviceChoice::Auto);
        out.push(Command::Train(TrainCommand::Score { run, device }));
    }
    button
        .on_hover_text("The run is trained, but has not scored the patches.")
        .on_disabled_hover_text(allowed.err().unwrap_or_default());
}

fn queue(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    kind: QueueKind,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    let current = open.queue.as_ref().filter(|queue| queue.queue.kind == kind);
    let button = egui::Button::selectable(current.is_some(), kind.title())
        .min_size(egui::vec2(ui.available_width(), 0.0));
    if ui.add(button).on_hover_text(what(kind)).clicked() {
        let command = if current.is_some() { QueueCommand::Leave } else { QueueCommand::Enter(kind) };
        out.push(Command::View(ViewCommand::Queue(command)));
    }
    match current {
        Some(queue) => progress(ui, model, open, queue, state, out),
        None => {
            // Under the scores of another run it is another queue.
            let run = open.scores.as_ref().map(|now| now.run);
            if let Some(words) = open.places.get(kind).filter(|s| run == Some(s.start.run)).and_then(stopped)
            {
                ui.weak(words);
            }
        }
    }
}

/// How far a queue is that is not open; `None` where it was hardly begun.
fn stopped(at: QueuePlace) -> Option<String> {
    let place = words::count(at.place as u64 + 1);
    match at.of {
        0 => (at.place > 0).then(|| format!("{place} reviewed")),
        of if at.place + 1 >= of => Some(format!("all {} reviewed", words::count(of as u64))),
        of => Some(format!("{place} / {} reviewed", words::count(of as u64))),
    }
}

fn progress(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    queue: &OpenQueue,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    let kind = queue.queue.kind;
    let patches = &queue.queue.patches;
    let label = |patch: u32| open.columns.labels.get(patch as usize).copied();
    ui.add(egui::Label::new(egui::RichText::new(what(kind)).weak()).wrap());
    // A queue holds at most some thousand patches.
    let judged = match kind {
        QueueKind::SuspiciousPositives => {
            patches.iter().filter(|&&p| label(p) != Some(Label::Positive)).count()
        }
        _ => patches.iter().filter(|&&p| label(p) != Some(Label::Unlabeled)).count(),
    };
    let place = open.shown.cursor + 1;
    let batch = Batch::at(open.shown.cursor, &queue.queue);
    let whole = format!("{} of {}", words::count(place as u64), words::count(patches.len() as u64));
    let (share, text) = match batch {
        Some(batch) => (
            (batch.place + 1) as f32 / batch.patches as f32,
            format!("{} of {}, batch {} of {}", batch.place + 1, batch.patches, batch.number, batch.of),
        ),
        None => (place as f32 / patches.len().max(1) as f32, whole.clone()),
    };
    let bar = ui.add(ProgressBar::new(share).desired_width(ui.available_width()).text(text));
    bar.on_hover_text(format!("Your place in the queue: {whole}. It is remembered."));
    retrain::newer(ui, open, queue, out);
    if let Some(batch) = batch {
        retrain::batch_end(ui, model, open, queue, batch, out);
    }
    ui.label(match kind {
        QueueKind::SuspiciousPositives => format!("{} no longer positive", words::count(judged as u64)),
        _ => format!("{} labelled", words::count(judged as u64)),
    });
    if queue.queue.chosen_from > patches.len() {
        ui.weak(format!("chosen from {}", words::patches(queue.queue.chosen_from as u64)));
    }
    if kind == QueueKind::SuspiciousPositives && queue.queue.left_out > 0 {
        ui.weak(format!(
            "{} left out: the run was trained on them, or has not scored them",
            words::patches(queue.queue.left_out as u64)
        ));
    }
    if kind.is_sample() {
        audit(ui, open, queue);
    }
    if place >= patches.len() {
        at_the_end(ui, model, open, queue, patches.len() - judged.min(patches.len()), out);
    }
    begin_anew(ui, queue, judged, state, out);
}

/// The last patch: what comes next.
fn at_the_end(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    queue: &OpenQueue,
    left: usize,
    out: &mut Vec<Command>,
) {
    let kind = queue.queue.kind;
    ui.separator();
    ui.strong(format!("All {} reviewed", words::count(queue.queue.patches.len() as u64)));
    if left > 0 && kind != QueueKind::SuspiciousPositives {
        ui.weak(format!("{} of them still unlabeled", words::count(left as u64)));
    }
    retrain::now(ui, model, open, queue, out);
    let allowed = model.allows(Needs::Writable);
    let on = egui::Button::new(format!("Continue from {}", queue.run)).wrap();
    let on = ui.add_enabled(allowed.is_ok(), on);
    if on.clicked() {
        out.push(Command::Train(TrainCommand::TakeFrom(queue.run.clone())));
    }
    on.on_hover_text("Opens the Train form first, to change the settings.")
        .on_disabled_hover_text(allowed.err().unwrap_or_default());
    let at = QueueKind::ALL.iter().position(|known| *known == kind).unwrap_or(0);
    let next = QueueKind::ALL[(at + 1) % QueueKind::ALL.len()];
    let words = format!("Next queue: {}", next.title());
    if ui.add(egui::Button::new(words).wrap()).on_hover_text(what(next)).clicked() {
        out.push(Command::View(ViewCommand::Queue(QueueCommand::Enter(next))));
    }
    ui.separator();
}

/// The button that makes the queue again. A random sample is worth what was judged in it: then it asks.
fn begin_anew(ui: &mut Ui, queue: &OpenQueue, judged: usize, state: &mut State, out: &mut Vec<Command>) {
    let kind = queue.queue.kind;
    let precious = kind.is_sample() && judged > 0;
    let restart = Command::View(ViewCommand::Queue(QueueCommand::Restart(kind)));
    if !precious {
        if ui.button("Restart").on_hover_text("Build the queue again from the current labels").clicked() {
            out.push(restart);
        }
        return;
    }
    if !state.asking {
        state.asking = ui.button("Restart…").on_hover_text("Draw another sample").clicked();
        return;
    }
    let words = format!(
        "A new sample starts the estimate again. Judged in this one: {}. Their labels stay.",
        words::patches(judged as u64)
    );
    ui.add(egui::Label::new(egui::RichText::new(words).color(ui.visuals().warn_fg_color)).wrap());
    ui.horizontal_wrapped(|ui| {
        if ui.button("Draw another sample").clicked() {
            out.push(restart);
            state.asking = false;
        }
        if ui.button("Keep this one").clicked() {
            state.asking = false;
        }
    });
}

fn audit(ui: &mut Ui, open: &OpenProject, queue: &OpenQueue) {
    let found = audit_result(&queue.queue.patches, |p| open.columns.labels.get(p as usize).copied());
    match found.precision {
        Some(share) => {
            let what = if queue.queue.kind == QueueKind::Audit { "Precision" } else { "π" };
            ui.strong(format!("{what} {:.0} %", share.value * 100.0));
            ui.label(format!("95 % interval {:.0} to {:.0} %", share.low * 100.0, share.high * 100.0));
            ui.weak(format!(
                "{} of {} labelled are particles (Wilson interval)",
                words::count(found.positive),
                words::count(found.positive + found.negative)
            ));
            let skipped = queue
                .queue
                .patches
                .iter()
                .take(open.shown.cursor)
                .filter(|&&p| open.columns.labels.get(p as usize) == Some(&Label::Unlabeled))
                .count();
            if skipped > 0 {
                ui.colored_label(
                    ui.visuals().warn_fg_color,
                    format!(
                        "{} skipped: label them too, or the estimate is biased",
                        words::count(skipped as u64)
                    ),
                );
            }
        }
        None => {
            ui.weak("No estimate yet: label the first patch positive or negative.");
        }
    }
}
