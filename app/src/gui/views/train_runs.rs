//! The table of the project's runs: sorted by a click on a heading, filtered by typing; how each ended, and what can be
//! done with it.

use eframe::egui;
use egui::{RichText, ScrollArea, Ui};
use vitrine_core::project::{Run, RunFacts, RunStatus};

use super::charts::colour_of;
use crate::gui::command::{Command, TrainCommand, ViewCommand};
use crate::gui::command_table::Needs;
use crate::gui::model::{Model, OpenProject};
use crate::words;

/// What a run is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Column {
    /// Its name.
    Name,
    /// How it ended.
    Status,
    /// Validation AUC.
    Auc,
    /// Epochs.
    Epochs,
    /// When it began.
    #[default]
    Began,
    /// How long it took.
    Time,
    /// What a person noted.
    Note,
}

impl Column {
    const ALL: [Self; 7] =
        [Self::Name, Self::Status, Self::Auc, Self::Epochs, Self::Began, Self::Time, Self::Note];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "Run",
            Self::Status => "Status",
            Self::Auc => "AUC",
            Self::Epochs => "Epoch",
            Self::Began => "Began (UTC)",
            Self::Time => "Time",
            Self::Note => "Note",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Name => "The name of the run",
            Self::Status => "How it ended",
            Self::Auc => "Validation AUC of the epoch in use, positives against unlabeled",
            Self::Epochs => "The epoch in use, of those complete",
            Self::Began => "When it was started",
            Self::Time => "From its start to its end, all phases included",
            Self::Note => "What you have noted",
        }
    }

    /// Whether the largest are wanted first.
    const fn descends_first(self) -> bool {
        matches!(self, Self::Auc | Self::Epochs | Self::Began | Self::Time)
    }
}

/// What the table remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Sorted by.
    pub by: Column,
    /// Largest first.
    pub descending: bool,
    /// Only runs with these letters in name, status or note.
    pub find: String,
}

impl Default for State {
    fn default() -> Self {
        Self { by: Column::default(), descending: true, find: String::new() }
    }
}

/// With fewer runs a filter is not worth its row.
const MIN_RUNS_FOR_FILTER: usize = 6;

/// Draws the table.
pub fn ui(ui: &mut Ui, model: &Model, open: &OpenProject, state: &mut State, out: &mut Vec<Command>) {
    if open.runs.len() >= MIN_RUNS_FOR_FILTER || !state.find.is_empty() {
        ui.horizontal(|ui| {
            let name = ui.label("Find runs");
            ui.add(egui::TextEdit::singleline(&mut state.find).desired_width(180.0)).labelled_by(name.id);
        });
    }
    let shown = arrange(open, state);
    if shown.is_empty() {
        ui.weak("No run has this text in its name, status or note.");
    }
    ScrollArea::both().id_salt("runs").auto_shrink([false, true]).max_height(230.0).show(ui, |ui| {
        egui::Grid::new("runs").num_columns(9).striped(true).min_col_width(36.0).show(ui, |ui| {
            ui.label("");
            for column in Column::ALL {
                heading(ui, column, state);
            }
            ui.end_row();
            for (run, facts) in shown {
                row(ui, model, open, run, &facts, out);
                ui.end_row();
            }
        });
    });
}

/// The runs that pass the filter, in the order of the table.
fn arrange<'a>(open: &'a OpenProject, state: &State) -> Vec<(&'a Run, RunFacts)> {
    let wanted = state.find.to_lowercase();
    let mut rows: Vec<(&Run, RunFacts)> = open
        .runs
        .iter()
        .map(|run| (run, open.run_list.of(run.id)))
        .filter(|(run, facts)| {
            let text = format!("{} {} {}", run.name, run.status.as_str(), facts.note).to_lowercase();
            wanted.split_whitespace().all(|part| text.contains(part))
        })
        .collect();
    let number = |value: Option<f64>| value.unwrap_or(f64::NEG_INFINITY);
    rows.sort_by(|(a, of_a), (b, of_b)| match state.by {
        Column::Name => a.name.cmp(&b.name),
        Column::Status => a.status.as_str().cmp(b.status.as_str()),
        Column::Auc => number(of_a.auc).total_cmp(&number(of_b.auc)),
        Column::Epochs => of_a.epochs.cmp(&of_b.epochs),
        Column::Began => a.id.cmp(&b.id),
        Column::Time => number(of_a.seconds).total_cmp(&number(of_b.seconds)),
        Column::Note => of_a.note.cmp(&of_b.note),
    });
    if state.descending {
        rows.reverse();
    }
    rows
}

/// A heading: a click sorts by it, another one the other way round.
fn heading(ui: &mut Ui, column: Column, state: &mut State) {
    // Room for the arrow is left in the text.
    let sorted = state.by == column;
    let room = if sorted { "    " } else { "" };
    let text = RichText::new(format!("{}{room}", column.as_str())).strong();
    let button = ui.add(egui::Button::new(text).frame(false));
    if sorted {
        arrow(ui, button.rect.right_center() - egui::vec2(6.0, 0.0), state.descending);
    }
    let name = format!("Sort runs by {}", column.as_str());
    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    if button.clicked() {
        state.descending = if state.by == column { !state.descending } else { column.descends_first() };
        state.by = column;
    }
    button.on_hover_text(format!("{}. A click sorts by it.", column.meaning()));
}

/// A small triangle that points down where the largest come first.
fn arrow(ui: &Ui, centre: egui::Pos2, down: bool) {
    let high = if down { 3.0 } else { -3.0 };
    let corners = [egui::vec2(-4.0, -high), egui::vec2(4.0, -high), egui::vec2(0.0, high)];
    let colour = ui.visuals().text_color();
    let corners = corners.map(|corner| centre + corner).to_vec();
    ui.painter().add(egui::Shape::convex_polygon(corners, colour, egui::Stroke::NONE));
}

fn row(ui: &mut Ui, model: &Model, open: &OpenProject, run: &Run, facts: &RunFacts, out: &mut Vec<Command>) {
    let live = model.live.as_ref().filter(|live| live.is_running() && live.name == run.name);
    let used = open.scores.as_ref().is_some_and(|scores| scores.run == run.id);
    let pinned = open.run_list.pinned == Some(run.id);
    let is_live = live.is_some();
    // First, so that a narrow table has it in sight.
    ui.menu_button("More", |ui| menu(ui, model, run, is_live, (used, pinned), out))
        .response
        .on_hover_text(format!("More for {}", run.name));
    name(ui, open, run, used, pinned);
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
    match facts.auc {
        Some(auc) => ui.monospace(format!("{auc:.3}")),
        None => ui.weak("–"),
    };
    // What is stored of a run is read again when it has ended.
    let best = live.and_then(|live| live.best_epoch).or(run.best_epoch.map(|epoch| epoch as usize));
    let epochs = live.map_or(facts.epochs as usize, |live| live.epochs.len().max(facts.epochs as usize));
    match best {
        Some(best) => ui.label(format!("{best} of {epochs}")).on_hover_text(format!("using epoch {best}")),
        None => ui.weak("none complete"),
    };
    let began = run.started_at.replace('T', " ");
    ui.weak(began.get(..16).unwrap_or(&began));
    match facts.seconds {
        Some(seconds) => ui.label(words::duration(seconds)),
        None => ui.weak("–"),
    };
    note(ui, model, run, facts, out);
    ui.horizontal(|ui| actions(ui, model, open, run, is_live, out));
}

/// Colour and name; below it the run it began with.
fn name(ui: &mut Ui, open: &OpenProject, run: &Run, used: bool, pinned: bool) {
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(egui::vec2(12.0, 12.0), egui::Sense::hover());
        ui.painter().rect_filled(
            rect.shrink2(egui::vec2(0.0, 3.0)),
            2.0,
            colour_of(open, &run.name, ui.visuals().dark_mode),
        );
        let began = match (run.began_with(), run.began_with_deleted()) {
            (Some(before), _) => format!("\nContinued from {before}"),
            (None, Some(before)) => format!("\nContinued from {before}, deleted since"),
            (None, None) => String::new(),
        };
        let name = ui.label(RichText::new(&run.name).strong());
        name.on_hover_text(format!("On {}{began}", run.device));
        match (used, pinned) {
            (_, true) => ui.weak("scores pinned").on_hover_text("They stay in use when other runs end."),
            (true, false) => ui.weak("scores in use"),
            (false, false) => return,
        };
    });
}

/// The note; a click changes it.
fn note(ui: &mut Ui, model: &Model, run: &Run, facts: &RunFacts, out: &mut Vec<Command>) {
    let may = model.allows(Needs::Writable).is_ok();
    let first = facts.note.lines().next().unwrap_or_default();
    let text = if first.is_empty() { RichText::new("Add…").weak() } else { RichText::new(first) };
    ui.scope(|ui| {
        ui.set_max_width(220.0);
        let button = ui.add_enabled(may, egui::Button::new(text).frame(false).truncate());
        let told = format!("Note on {}: {}", run.name, facts.note);
        button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, may, &told));
        if button.clicked() {
            out.push(Command::Train(TrainCommand::AskNote(Some(run.name.clone()))));
        }
        if !facts.note.is_empty() {
            button.on_hover_text(&facts.note);
        }
    });
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
        // The form may wait in the queue while another run trains.
        let allowed = model.allows(Needs::Writable);
        let on = ui.add_enabled(allowed.is_ok(), egui::Button::new("Continue from this run"));
        if on.clicked() {
            out.push(Command::Train(TrainCommand::TakeFrom(run.name.clone())));
        }
        on.on_hover_text(
            "Fine-tune with the current labels: copies its settings into the form for a new run that starts from its weights.",
        )
        .on_disabled_hover_text(allowed.err().unwrap_or_default());
    }
}

fn menu(
    ui: &mut Ui,
    model: &Model,
    run: &Run,
    is_live: bool,
    (used, pinned): (bool, bool),
    out: &mut Vec<Command>,
) {
    let writable = model.allows(Needs::Writable);
    let why = writable.err().unwrap_or_default();
    if !used && run.best_epoch.is_some() && ui.button("Use its scores").clicked() {
        out.push(Command::View(ViewCommand::Scores(run.id)));
        ui.close();
    }
    let words = if pinned { "Unpin its scores" } else { "Pin its scores" };
    let can_pin = writable.is_ok() && run.best_epoch.is_some() && !is_live;
    let pin = ui.add_enabled(can_pin, egui::Button::new(words));
    if pin.on_hover_text("Pinned scores stay in use when other runs end.").clicked() {
        out.push(Command::Train(TrainCommand::Pin((!pinned).then(|| run.name.clone()))));
        ui.close();
    }
    let score = ui.add_enabled(
        writable.is_ok() && run.best_epoch.is_some() && !is_live,
        egui::Button::new("Score all patches with it"),
    );
    if score.on_hover_text("Needed for patches imported since, or when scoring was cancelled.").clicked() {
        let device = model.drafts.train.device;
        out.push(Command::Train(TrainCommand::Score { run: run.name.clone(), device }));
        ui.close();
    }
    if ui.button("Copy settings").clicked() {
        out.push(Command::Train(TrainCommand::CopySettings(run.name.clone())));
        ui.close();
    }
    if ui.button("Show its curves").clicked() {
        out.push(Command::Train(TrainCommand::Draw { run: run.name.clone(), on: true }));
        ui.close();
    }
    ui.separator();
    if ui.add_enabled(writable.is_ok(), egui::Button::new("Note…")).on_disabled_hover_text(why).clicked() {
        out.push(Command::Train(TrainCommand::AskNote(Some(run.name.clone()))));
        ui.close();
    }
    let at_rest = writable.is_ok() && !is_live;
    if ui.add_enabled(at_rest, egui::Button::new("Rename…")).on_disabled_hover_text(why).clicked() {
        out.push(Command::Train(TrainCommand::AskRename(Some(run.name.clone()))));
        ui.close();
    }
    if ui.add_enabled(at_rest, egui::Button::new("Delete…")).on_disabled_hover_text(why).clicked() {
        out.push(Command::Train(TrainCommand::AskDelete(Some(run.name.clone()))));
        ui.close();
    }
}
