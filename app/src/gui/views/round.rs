//! A run beside the one it began with: what it learned from, and how both rank the same patches.

use eframe::egui;
use egui::{Label, RichText, Ui};
use vitrine_core::workflow::round::Round;

use crate::gui::command::{Command, PickCommand};
use crate::gui::drafts::PickDraft;
use crate::gui::model::{Model, OpenProject, distance_of};
use crate::gui::values::RoundKey;
use crate::words;

/// Compares a run with the one it began with, once the threshold of the picks rests.
pub fn ask_round(
    ui: &Ui,
    model: &Model,
    open: &OpenProject,
    draft: &PickDraft,
    run: &str,
    out: &mut Vec<Command>,
) {
    let key = RoundKey {
        run: run.to_owned(),
        threshold: draft.threshold,
        distance: distance_of(open, draft),
        revision: model.picks.revision,
    };
    let rests = !ui.input(|input| input.pointer.any_down());
    if rests && model.picks.round.pending().is_none() && model.picks.round.of(&key).is_not_asked() {
        out.push(Command::Pick(PickCommand::ReadRound(key)));
    }
}

/// From which labels a run has learned, and how it ranks patches beside the run before.
pub fn learned(ui: &mut Ui, round: &Round) {
    let corrected = &round.corrected;
    let mut parts = Vec::new();
    for (count, one, many) in [
        (corrected.positive, "positive", "positives"),
        (corrected.negative, "negative", "negatives"),
        (corrected.unlabeled, "label taken back", "labels taken back"),
    ] {
        if count > 0 {
            parts.push(counted(count, one, many));
        }
    }
    let labels = if parts.is_empty() { "no new label".to_owned() } else { parts.join(", ") };
    line(ui, &format!("Continued from {} with {labels}.", round.before));
    match &round.ranked {
        Some(ranked) => {
            line(
                ui,
                &format!("AUC of validation patches: {:.3} before, {:.3} now.", ranked.before, ranked.after),
            )
            .on_hover_text(format!(
                "{} positives against {} unlabeled patches, from which neither run learned.",
                words::count(ranked.positives as u64),
                words::count(ranked.unlabeled as u64)
            ));
        }
        None => weak(ui, "AUC: too few patches from which neither run learned."),
    }
}

/// "1 positive", "12 positives".
pub fn counted(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{} {many}", words::count(count)),
    }
}

/// A line that wraps.
pub fn line(ui: &mut Ui, text: &str) -> egui::Response {
    ui.add(Label::new(text).wrap())
}

/// The same, pale.
pub fn weak(ui: &mut Ui, text: &str) {
    ui.add(Label::new(RichText::new(text).weak()).wrap());
}
