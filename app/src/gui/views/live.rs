//! The run that is training: its phase, pace and buttons. Its curves are drawn by [`live_curves`].

use std::time::Duration;

use eframe::egui;
use egui::{ProgressBar, RichText, Ui};
use vitrine_core::device::ComputeDevice;
use vitrine_core::learning::prior::PriorUsed;
use vitrine_core::learning::prior::overlay_trial::OverlayChoice;
use vitrine_core::learning::train::events::RunPhase;
use vitrine_core::report::charts::CHARTS;

use super::live_curves;
use crate::gui::command::{Command, TrainCommand, ViewCommand};
use crate::gui::command_table::Needs;
use crate::gui::model::{LivePhase, LiveRun, Model, OpenProject};
use crate::gui::remedy;
use crate::gui::training::RunMemory;
use crate::gui::widgets::{busy, command_button, empty};

/// "about 3 min", for a time that is guessed.
fn about(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) if seconds < 10 => "a few seconds".to_owned(),
        (0, 0) => format!("{} s", seconds.div_ceil(10) * 10),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

/// Draws the run.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut live_curves::State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    if let Some(live) = &model.live {
        head(ui, model, open, live, out);
    } else if open.runs.is_empty() && model.cluster_jobs.curves.is_empty() {
        empty(
            ui,
            "No run yet",
            "A run learns from the positive and unlabeled patches, then scores every patch. Choose a preset on the left and \
             press Train. The curves appear here.",
        );
        return;
    }
    live_curves::ui(ui, model, open, state, out);
}

fn head(ui: &mut Ui, model: &Model, open: &OpenProject, live: &LiveRun, out: &mut Vec<Command>) {
    ui.horizontal_wrapped(|ui| {
        ui.heading(&live.name);
        match &live.phase {
            LivePhase::Running(phase) => {
                busy(ui);
                let words = ui.label(phase.to_string());
                if *phase == RunPhase::CompilingKernels {
                    words.on_hover_text(
                        "The GPU programs are compiled at the first batch. Later batches are much faster.",
                    );
                }
            }
            LivePhase::Paused => {
                ui.label("Paused after the current batch");
            }
            LivePhase::Stopping => {
                busy(ui);
                let kept = match live.best_epoch {
                    Some(epoch) => format!("keeps epoch {epoch}"),
                    None => "there is no complete epoch to keep".to_owned(),
                };
                ui.label(format!("Stopping after this batch: {kept}"));
            }
            LivePhase::Ended(None) => {
                ui.label("Finished");
            }
            LivePhase::Ended(Some(why)) => {
                ui.label(format!("Ended early: {why}"));
            }
            LivePhase::Failed(_) => {
                ui.colored_label(ui.visuals().error_fg_color, "Failed");
            }
        }
        if let Some(planned) = &model.analysis.planned {
            ui.weak(format!("then {}", planned.start.base_name));
        }
    });
    if let LivePhase::Failed(sentence) = &live.phase {
        failed(ui, model, open, live, sentence, out);
    }
    if let (true, Some((epoch, epochs, batch, batches))) = (live.is_running(), live.progress) {
        let done = epoch.saturating_sub(1) as f32 + batch as f32 / batches.max(1) as f32;
        let text = if epoch == 0 {
            format!("step {batch} of {batches}, before the first epoch")
        } else {
            format!("epoch {epoch} of {epochs}, batch {batch} of {batches}")
        };
        let share =
            if epoch == 0 { batch as f32 / batches.max(1) as f32 } else { done / epochs.max(1) as f32 };
        ui.add(ProgressBar::new(share).desired_width(ui.available_width().min(560.0)).text(text));
    }
    if live.is_running() {
        ui.horizontal_wrapped(|ui| {
            let id = if live.phase == LivePhase::Paused { "train.resume" } else { "train.pause" };
            for id in [id, "train.checkpoint", "train.stop"] {
                command_button(ui, model, id, out);
            }
        });
    }
    facts(ui, open, live);
    epoch_in_use(ui, live);
    for warning in &live.warnings {
        ui.colored_label(ui.visuals().warn_fg_color, remedy::warning(warning));
    }
    ui.add_space(2.0);
}

/// Why a run failed and the ways on.
fn failed(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    live: &LiveRun,
    sentence: &str,
    out: &mut Vec<Command>,
) {
    egui::Frame::group(ui.style()).stroke((1.0, ui.visuals().error_fg_color)).show(ui, |ui| {
        ui.add(egui::Label::new(sentence).wrap());
        ui.horizontal(|ui| {
            let kept = open.runs.iter().any(|run| run.name == live.name && run.best_epoch.is_some());
            let allowed = model.allows(Needs::NoTraining).is_ok();
            if kept && ui.add_enabled(allowed, egui::Button::new("Resume from the last good epoch")).clicked()
            {
                let device = vitrine_core::device::DeviceChoice::Auto;
                out.push(Command::Train(TrainCommand::Continue { run: live.name.clone(), device }));
            }
            let on_gpu = open
                .runs
                .iter()
                .any(|run| run.name == live.name && ComputeDevice::described_a_gpu(&run.device));
            if kept && on_gpu {
                // The best device is the GPU that has just failed.
                let button = egui::Button::new("Resume on the CPU");
                let why = "From the last good epoch, without the GPU. Slower, but reliable.";
                if ui.add_enabled(allowed, button).on_hover_text(why).clicked() {
                    let device = vitrine_core::device::DeviceChoice::Cpu;
                    out.push(Command::Train(TrainCommand::Continue { run: live.name.clone(), device }));
                }
            }
            if ui.button("See the diagnosis").clicked() {
                out.push(Command::View(ViewCommand::Examine(live.name.clone())));
            }
        });
    });
}

/// Pace, time, memory, device, prior: one line.
fn facts(ui: &mut Ui, open: &OpenProject, live: &LiveRun) {
    let mut facts: Vec<(String, &str)> = Vec::new();
    if let Some(left) = live.time_left() {
        facts.push((
            format!("{} left", about(left)),
            "At the pace of the last epochs. Scoring the patches comes after that.",
        ));
    }
    if let Some(e) = live.pretrained {
        facts.push((
            format!("pretraining {} of {}: loss {:.3}, spread {:.2}", e.epoch, e.epochs, e.loss, e.spread),
            e.explanation,
        ));
    }
    if let Some(pace) = live.pace() {
        facts.push((format!("{pace:.0} patches/s"), "Patches per second in the last epoch."));
    }
    if let Some(prior) = live.prior {
        facts.push(prior_fact(prior));
    }
    let tried = live.overlay.as_ref().map(OverlayChoice::sentence);
    if let (Some(choice), Some(tried)) = (&live.overlay, &tried) {
        facts.push((format!("overlay {}", choice.chosen), tried));
    }
    match live.memory.filter(|_| live.is_running()) {
        Some(RunMemory::Computer(bytes)) => facts.push((
            format!("{:.1} GB in use", bytes as f64 / 1e9),
            "Memory that this program uses. A run on the CPU keeps everything there.",
        )),
        Some(RunMemory::Device(bytes)) => facts.push((
            format!("{:.2} GB on the GPU", bytes as f64 / 1e9),
            "Memory that the run uses on its GPU, including what it keeps for reuse.",
        )),
        None => {}
    }
    // A run that stops takes no further step after which one would be written.
    if live.checkpoint_asked && live.is_running() && live.phase != LivePhase::Stopping {
        // What comes before the first epoch has no weights that are worth keeping.
        let words = match (&live.phase, live.progress) {
            (LivePhase::Paused, _) => "checkpoint will be saved when the run resumes",
            (_, Some((epoch, ..))) if epoch > 0 => "checkpoint will be saved after this step",
            _ => "checkpoint will be saved after the first step",
        };
        facts.push((words.to_owned(), "The run can resume from it exactly as if it had never stopped."));
    }
    if let Some((epoch, within)) = live.checkpoint {
        let words = match within {
            Some((batch, batches)) => format!("checkpoint in epoch {epoch}, batch {batch} of {batches}"),
            None => format!("checkpoint of epoch {epoch}"),
        };
        facts.push((words, "The run can resume from here after a crash."));
    }
    let device = open.runs.iter().find(|run| run.name == live.name).map_or(&live.device, |run| &run.device);
    facts.push((format!("on {device}"), "The device it runs on."));
    ui.horizontal_wrapped(|ui| {
        for (i, (words, meaning)) in facts.into_iter().enumerate() {
            if i > 0 {
                ui.weak("·");
            }
            ui.label(RichText::new(words).weak()).on_hover_text(meaning);
        }
    });
}

/// The class prior, and what it means.
fn prior_fact(prior: PriorUsed) -> (String, &'static str) {
    let PriorUsed { value, low, high, estimated } = prior;
    if !prior.is_told() {
        (
            format!("π cannot be estimated from these labels ({low:.2} to {high:.2})"),
            "Class prior: fraction of particles among the unlabeled. The interval is too wide to build on: label the \
             queue Random sample, or set π in the Train form if you know it.",
        )
    } else if estimated {
        (
            format!("π {value:.2} ({low:.2} to {high:.2})"),
            "Class prior: fraction of particles among the unlabeled, with the interval of the estimate.",
        )
    } else {
        (format!("π {value:.2} (given)"), "Class prior: fraction of particles among the unlabeled.")
    }
}

/// The epoch in use: its AUC, and the ceiling that π sets.
fn epoch_in_use(ui: &mut Ui, live: &LiveRun) {
    if let Some(best) = live.best_epoch
        && let Some(metrics) = live.curves.epochs.iter().find(|m| m.epoch == best)
        && metrics.validation_auc_pu.is_finite()
    {
        let auc = metrics.validation_auc_pu;
        let (lowest, highest) =
            live.prior.map_or((metrics.validation_auc_ceiling, metrics.validation_auc_ceiling), |prior| {
                prior.auc_ceiling()
            });
        let ceiling = if highest - lowest < 0.005 {
            format!("ceiling {highest:.3}")
        } else {
            format!("ceiling {lowest:.2} to {highest:.2}")
        };
        let words = format!("Using epoch {best}, validation AUC against unlabeled {auc:.3} ({ceiling})");
        ui.label(words).on_hover_text(CHARTS.first().map_or("", |chart| chart.note));
        if auc > highest {
            ui.colored_label(
                ui.visuals().warn_fg_color,
                "This is above the ceiling: fewer of the unlabeled are particles than π says, or the picks are easier than the \
                 other particles.",
            );
        }
    }
}
