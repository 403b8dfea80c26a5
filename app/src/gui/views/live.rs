//! The run that is training, while it trains: phase, progress, the numbers of the last epoch. Curves
//! are still to come.

use eframe::egui;
use egui::{ProgressBar, Ui};

use crate::gui::command::Command;
use crate::gui::model::{LivePhase, Model};
use crate::gui::widgets::{command_button, empty};

/// What the view remembers.
#[derive(Default)]
pub struct State {}

/// Draws the run.
pub fn ui(ui: &mut Ui, model: &Model, _state: &mut State, out: &mut Vec<Command>) {
    let Some(live) = &model.live else {
        empty(
            ui,
            "No run yet",
            "A run learns from the positives and the unlabeled, then scores every patch.",
        );
        return;
    };
    ui.heading(&live.name);
    match &live.phase {
        LivePhase::Running(words) => ui.label(words),
        LivePhase::Paused => ui.label("Paused"),
        LivePhase::Stopping => ui.label("Stopping after this batch; the best epoch is kept"),
        LivePhase::Ended(None) => ui.label("Finished"),
        LivePhase::Ended(Some(why)) => ui.label(format!("Ended early: {why}")),
        LivePhase::Failed(sentence) => ui.colored_label(ui.visuals().error_fg_color, sentence),
    };
    if let (true, Some((epoch, epochs, batch, batches))) = (live.is_running(), live.progress) {
        let share = batch as f32 / batches.max(1) as f32;
        let text = format!("epoch {epoch} of {epochs}, batch {batch} of {batches}");
        ui.add(ProgressBar::new(share).desired_width(420.0).text(text));
    }
    ui.horizontal(|ui| {
        if live.is_running() {
            let id = if live.phase == LivePhase::Paused { "train.resume" } else { "train.pause" };
            command_button(ui, model, id, out);
            command_button(ui, model, "train.stop", out);
        }
    });
    for warning in &live.warnings {
        ui.colored_label(ui.visuals().warn_fg_color, warning);
    }
    if let Some(last) = live.epochs.last() {
        ui.label(format!(
            "Epoch {}: validation AUC {:.3}, average precision {:.3}, pseudo-label rate {:.0} %",
            last.epoch,
            last.validation_auc_pu,
            last.validation_average_precision,
            last.pseudo_label_rate * 100.0
        ));
    }
}
