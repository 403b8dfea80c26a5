//! Round after round: which micrograph to look at next, training on the corrections, and what the last round has changed.

use eframe::egui;
use egui::Ui;
use vitrine_core::picking::worth::Worth;
use vitrine_core::project::MicrographId;
use vitrine_core::workflow::round::{PicksChanged, Round};

use crate::gui::command::{Command, TrainCommand};
use crate::gui::command_table::Needs;
use crate::gui::drafts::PickDraft;
use crate::gui::model::{Model, OpenProject};
use crate::gui::values::{Load, RoundKey};
use crate::gui::views::round::{ask_round, counted, learned, line, weak};
use crate::gui::widgets::form::section;
use crate::gui::widgets::{command_button, unreadable};
use crate::words;

/// Scores that are spread so differently are worth a word.
const UNLIKE: f64 = 0.2;

/// The button to the micrograph that is worth a look, and why the one that is shown was offered.
pub fn next(ui: &mut Ui, model: &Model, micrograph: MicrographId, out: &mut Vec<Command>) {
    command_button(ui, model, "micrograph.worth", out);
    if let Some((_, worth)) = model.picks.offered.filter(|(offered, _)| *offered == micrograph) {
        weak(ui, &why(&worth));
    }
}

/// The reason, as a sentence.
fn why(worth: &Worth) -> String {
    let uncertain = match worth.uncertain {
        0 => None,
        1 => Some("1 place scores near the threshold".to_owned()),
        many => Some(format!("{} places score near the threshold", words::count(u64::from(many)))),
    };
    let unlike = worth.unlike.is_some_and(|unlike| unlike >= UNLIKE);
    let unlike = unlike
        .then(|| "its scores are distributed unlike those of any micrograph you have corrected".to_owned());
    let reasons: Vec<String> = uncertain.into_iter().chain(unlike).collect();
    match reasons.is_empty() {
        true => "Offered because nobody has corrected it. Its picks are clear.".to_owned(),
        false => format!("Offered because {}.", reasons.join(", and ")),
    }
}

/// Learning from the corrections, and the gain of the round that led to this run.
pub fn ui(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    draft: &PickDraft,
    run: &str,
    out: &mut Vec<Command>,
) {
    section(ui, "Learn from the corrections");
    let allowed = model.allows(Needs::Writable);
    let on = ui.add_enabled(allowed.is_ok(), egui::Button::new("Continue from this run"));
    if on.clicked() {
        out.push(Command::Train(TrainCommand::TakeFrom(run.to_owned())));
    }
    on.on_hover_text(
        "Copies the settings of this run into the Train form, for a new run that begins with its weights \
         and learns from the current labels, including the picks that you have confirmed and rejected.",
    )
    .on_disabled_hover_text(allowed.err().unwrap_or_default());
    let began = open.runs.iter().find(|known| known.name == run).and_then(|known| known.began_with());
    if began.is_none() {
        return;
    }
    ask_round(ui, model, open, draft, run, out);
    let round = model.picks.round.last().filter(|(key, _)| key.run == run);
    match (round, model.picks.round.newest()) {
        (Some((key, Some(round))), _) => gain(ui, round, key),
        (None, Load::Failed(failure)) => unreadable(ui, &failure),
        (None, _) => weak(ui, "Comparing with the run before…"),
        (Some((_, None)), _) => {}
    }
}

fn gain(ui: &mut Ui, round: &Round, key: &RoundKey) {
    learned(ui, round);
    match &round.picks {
        Some(PicksChanged { micrographs, kept, added, removed }) => {
            let text = format!(
                "Picks at {:.2} on {}: {} new, {} gone, {} as before.",
                key.threshold,
                counted(*micrographs as u64, "micrograph", "micrographs"),
                words::count(*added),
                words::count(*removed),
                words::count(*kept)
            );
            line(ui, &text).on_hover_text(
                "Picks of both runs at the common threshold, on micrographs that both have scored.",
            );
        }
        None => weak(ui, "Picks: no micrograph has been scored by both runs."),
    }
}
