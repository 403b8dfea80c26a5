//! Review queues: which patches to look at next, how far one is, and what an audit has found.

use eframe::egui;
use egui::{ProgressBar, Ui};
use vitrine_core::Label;
use vitrine_core::review::{QueueKind, audit_result};

use crate::gui::command::{Command, QueueCommand, ViewCommand};
use crate::gui::model::{Model, OpenProject, OpenQueue};
use crate::gui::widgets::command_button_as;
use crate::words;

/// What the panel remembers.
#[derive(Default)]
pub struct State {}

/// The name of a queue.
pub const fn title(kind: QueueKind) -> &'static str {
    match kind {
        QueueKind::MostUncertain => "Most uncertain",
        QueueKind::LikelyParticles => "Likely particles",
        QueueKind::SuspiciousPositives => "Suspicious positives",
        QueueKind::Audit => "Random audit",
    }
}

const fn what(kind: QueueKind) -> &'static str {
    match kind {
        QueueKind::MostUncertain => {
            "Unlabeled, score nearest to 0.5 first. A label here teaches the next run most."
        }
        QueueKind::LikelyParticles => "Unlabeled, highest score first: particles nobody has marked.",
        QueueKind::SuspiciousPositives => {
            "Positives with the lowest score first. Out-of-sample scores only: positives the run was trained on are \
             left out."
        }
        QueueKind::Audit => {
            "A random sample of the unlabeled with a score of 0.5 or more. Judge each one: the share of particles \
             among them is the precision of what the run finds."
        }
    }
}

/// Draws the panel.
pub fn ui(ui: &mut Ui, model: &Model, _state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    ui.add_space(4.0);
    ui.strong("Review queues");
    let Some(scores) = &open.scores else {
        ui.weak("They need the scores of a run: which patches are uncertain, which are likely particles.");
        ui.add_space(4.0);
        command_button_as(ui, model, "view.train", "Train a run", out);
        return;
    };
    ui.add(egui::Label::new(egui::RichText::new(format!("Scores: {}", scores.name)).weak()).truncate());
    ui.add_space(6.0);
    egui::ScrollArea::vertical().auto_shrink([false, true]).show(ui, |ui| {
        for kind in QueueKind::ALL {
            queue(ui, open, kind, out);
            ui.add_space(10.0);
        }
    });
}

fn queue(ui: &mut Ui, open: &OpenProject, kind: QueueKind, out: &mut Vec<Command>) {
    let current = open.queue.as_ref().filter(|queue| queue.queue.kind == kind);
    let button = egui::Button::selectable(current.is_some(), title(kind))
        .min_size(egui::vec2(ui.available_width(), 0.0));
    if ui.add(button).on_hover_text(what(kind)).clicked() {
        let command = if current.is_some() { QueueCommand::Leave } else { QueueCommand::Enter(kind) };
        out.push(Command::View(ViewCommand::Queue(command)));
    }
    match current {
        Some(queue) => progress(ui, open, queue, out),
        None => {
            let stopped = open.places.get(kind).filter(|stopped| stopped.place > 0);
            // Under the scores of another run it is another queue.
            let same = stopped.filter(|s| open.scores.as_ref().is_some_and(|now| now.run == s.start.run));
            if let Some(stopped) = same {
                ui.weak(format!("stopped at {}", words::count(stopped.place as u64 + 1)));
            }
        }
    }
}

fn progress(ui: &mut Ui, open: &OpenProject, queue: &OpenQueue, out: &mut Vec<Command>) {
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
    let share = place as f32 / patches.len().max(1) as f32;
    let text = format!("{} of {}", words::count(place as u64), words::count(patches.len() as u64));
    let bar = ui.add(ProgressBar::new(share).desired_width(ui.available_width()).text(text));
    bar.on_hover_text("Where you are in the queue; it is remembered");
    ui.label(match kind {
        QueueKind::SuspiciousPositives => format!("{} no longer positive", words::count(judged as u64)),
        _ => format!("{} labelled", words::count(judged as u64)),
    });
    if queue.queue.chosen_from > patches.len() {
        ui.weak(format!("chosen from {}", words::patches(queue.queue.chosen_from as u64)));
    }
    if kind == QueueKind::SuspiciousPositives && queue.queue.left_out > 0 {
        ui.weak(format!(
            "{} left out: the run was trained on them or has not scored them",
            words::patches(queue.queue.left_out as u64)
        ));
    }
    if kind == QueueKind::Audit {
        audit(ui, open, queue);
    }
    if ui.button("Begin anew").on_hover_text("Make the queue again from the labels of now").clicked() {
        out.push(Command::View(ViewCommand::Queue(QueueCommand::Restart(kind))));
    }
}

fn audit(ui: &mut Ui, open: &OpenProject, queue: &OpenQueue) {
    let found = audit_result(&queue.queue.patches, |p| open.columns.labels.get(p as usize).copied());
    match found.precision {
        Some(share) => {
            ui.strong(format!("Precision {:.0} %", share.value * 100.0));
            ui.label(format!("95 % interval {:.0} to {:.0} %", share.low * 100.0, share.high * 100.0));
            ui.weak(format!(
                "{} of {} judged are particles (Wilson)",
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
                        "{} skipped: judge them too, or the estimate leans",
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
