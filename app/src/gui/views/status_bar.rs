//! The bar at the bottom: the counts of all three labels, the selection, and jobs with their progress.

use eframe::egui;
use egui::{Align, Layout, ProgressBar, Ui};
use vitrine_core::Label;

use crate::gui::command::{Command, WindowCommand};
use crate::gui::jobs::JobState;
use crate::gui::model::{LivePhase, LiveRun, Model};
use crate::gui::remedy;
use crate::gui::widgets::{busy, label_count};
use crate::words;

/// The counts in the order in which they are read out.
const COUNTS: [Label; 3] = [Label::Positive, Label::Negative, Label::Unlabeled];

/// Draws the bar.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        if let Some(open) = &model.project {
            for (i, label) in COUNTS.into_iter().enumerate() {
                if i > 0 {
                    ui.weak("·");
                }
                label_count(ui, label, &open.counts);
            }
            if !open.selection.is_empty() {
                ui.separator();
                let selected = ui.label(format!("{} selected", words::count(open.selection.len() as u64)));
                if open.is_labelled() {
                    selected.on_hover_text(
                        "They were just labelled. Another label applies to them too. The next step or click clears the \
                         selection.",
                    );
                }
                if open.hidden.count > 0 {
                    let hidden = format!("{} of them not shown", words::count(open.hidden.count as u64));
                    ui.colored_label(ui.visuals().warn_fg_color, hidden).on_hover_text(
                        "A label applies to all selected patches. V shows only these.",
                    );
                }
            }
            if let Some(why) = &model.disk.failed {
                ui.separator();
                ui.colored_label(ui.visuals().error_fg_color, "labels not saved yet")
                    .on_hover_text(remedy::warning(why));
            }
            if let Some(why) = &open.read_only {
                ui.separator();
                ui.colored_label(ui.visuals().warn_fg_color, "read only").on_hover_text(why);
            }
        } else {
            ui.weak("No project is open");
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let mut free = true;
            if model.closing {
                ui.colored_label(ui.visuals().warn_fg_color, "closing when this has stopped");
            }
            for job in model.jobs.iter().filter(|job| job.kind.is_shown()) {
                match model.live.as_ref().filter(|live| live.job == job.id && live.is_running()) {
                    Some(live) => training(ui, job, live, out),
                    None => self::job(ui, job, out),
                }
                free = false;
            }
            if free && model.project.is_some() && model.lacks_gpu() {
                ui.weak("No GPU: runs use the CPU").on_hover_text(super::train::NO_GPU);
            }
        });
    });
}

/// A run: one bar over all its epochs, which never starts again; before the first epoch its phase.
fn training(ui: &mut Ui, job: &JobState, live: &LiveRun, out: &mut Vec<Command>) {
    cancel(ui, job, out);
    let phase = match &live.phase {
        LivePhase::Running(phase) => phase.to_string(),
        LivePhase::Paused => "Paused".to_owned(),
        _ => "Stopping".to_owned(),
    };
    match live.share().filter(|_| !live.scoring) {
        Some(share) => {
            ui.add(ProgressBar::new(share).desired_width(120.0).show_percentage()).on_hover_text(&phase);
            ui.label(&job.title);
        }
        None => {
            busy(ui);
            ui.label(format!("{}: {phase}", job.title));
        }
    }
}

fn cancel(ui: &mut Ui, job: &JobState, out: &mut Vec<Command>) {
    if job.cancelled {
        ui.weak("cancelling");
    } else if job.can_cancel
        && ui.small_button("Cancel").on_hover_text(format!("Cancel: {}", job.title)).clicked()
    {
        out.push(Command::Window(WindowCommand::Cancel(job.id)));
    }
}

fn job(ui: &mut Ui, job: &JobState, out: &mut Vec<Command>) {
    cancel(ui, job, out);
    match &job.step {
        Some(step) if step.total > 0 => {
            let share = step.done as f32 / step.total as f32;
            ui.add(ProgressBar::new(share).desired_width(120.0).show_percentage()).on_hover_text(format!(
                "{}: {} of {}",
                step.phase,
                words::count(step.done),
                words::count(step.total)
            ));
        }
        _ => {
            busy(ui);
        }
    }
    match &job.step {
        // What it waits for, where that cannot be counted.
        Some(step) if step.total == 0 && !step.phase.is_empty() => {
            ui.label(format!("{}: {}", job.title, step.phase))
        }
        _ => ui.label(&job.title),
    };
}
