//! The dialogs that rename, annotate and delete a run.

use eframe::egui::{self, Ui};
use vitrine_core::workflow::runs::DeletePlan;

use crate::gui::command::{Command, DraftCommand, TrainCommand, ViewCommand};
use crate::gui::command_table::Needs;
use crate::gui::drafts::RunDraft;
use crate::gui::model::Model;
use crate::gui::widgets::modal;
use crate::words;

/// Draws the dialog that asks for another name.
pub fn rename(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    let draft = &model.drafts.run;
    modal(ui, "rename run", "Rename a run", out, |ui, out| {
        ui.set_width(420.0);
        choice(ui, model, |run| TrainCommand::AskRename(Some(run)), out);
        let mut name = draft.name.clone();
        let label = ui.label("New name");
        let field =
            ui.add(egui::TextEdit::singleline(&mut name).desired_width(f32::INFINITY)).labelled_by(label.id);
        if field.changed() {
            out.push(Command::Draft(DraftCommand::Run(RunDraft { name: name.clone(), ..draft.clone() })));
        }
        let refusal = RunDraft { name: name.clone(), ..draft.clone() }.refusal(&open.runs);
        let refusal = refusal.as_deref().or(model.allows(Needs::Writable).err());
        let ready = refusal.is_none() && name.trim() != draft.run;
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        if end(ui, "Rename", refusal, ready, out) || (entered && ready) {
            let run = draft.run.clone();
            out.push(Command::Train(TrainCommand::Rename { run, name: name.trim().to_owned() }));
        }
    });
}

/// Draws the dialog that asks for a note.
pub fn note(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let draft = &model.drafts.run;
    modal(ui, "note on run", "Note on a run", out, |ui, out| {
        ui.set_width(420.0);
        choice(ui, model, |run| TrainCommand::AskNote(Some(run)), out);
        let mut note = draft.note.clone();
        let label = ui.label("Note");
        let field = egui::TextEdit::multiline(&mut note)
            .desired_width(f32::INFINITY)
            .desired_rows(4)
            .hint_text("What is special about this run");
        if ui.add(field).labelled_by(label.id).changed() {
            out.push(Command::Draft(DraftCommand::Run(RunDraft { note: note.clone(), ..draft.clone() })));
        }
        let refusal = model.allows(Needs::Writable).err();
        if end(ui, "Save note", refusal, refusal.is_none(), out) {
            out.push(Command::Train(TrainCommand::Note { run: draft.run.clone(), note }));
        }
    });
}

/// Draws the question whether a run is to be deleted.
pub fn delete(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let Some(plan) = &model.deleting else { return };
    modal(ui, "delete run", "Delete a run", out, |ui, out| {
        ui.set_width(460.0);
        choice(ui, model, |run| TrainCommand::AskDelete(Some(run)), out);
        for line in what_goes(plan) {
            ui.add(egui::Label::new(line).wrap());
        }
        ui.weak("Labels stay, also those set from its scores. This cannot be undone.");
        let refusal = model.allows(Needs::Writable).err();
        if end(ui, &format!("Delete {}", plan.name), refusal, refusal.is_none(), out) {
            out.push(Command::Train(TrainCommand::Delete(plan.name.clone())));
        }
    });
}

/// What deleting takes away, a sentence each.
fn what_goes(plan: &DeletePlan) -> Vec<String> {
    let epochs = match plan.epochs {
        1 => "1 epoch".to_owned(),
        epochs => format!("{epochs} epochs"),
    };
    let (comma, scores) = match plan.has_scores {
        true => (",", " and the scores of all patches"),
        false => (" and", ""),
    };
    let mut lines = vec![format!(
        "Deletes its checkpoints ({} on the disk){comma} the metrics of {epochs}{scores}.",
        words::bytes(plan.bytes)
    )];
    if !plan.successors.is_empty() {
        lines.push(format!(
            "{} began with its weights. What relabelling gained since then can no longer be measured.",
            plan.successors.join(", ")
        ));
    }
    if plan.queues > 0 {
        lines.push("Review queues sorted by its scores restart.".to_owned());
    }
    lines
}

/// Which run it is about.
fn choice(ui: &mut Ui, model: &Model, ask: impl Fn(String) -> TrainCommand, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    let chosen = &model.drafts.run.run;
    egui::ComboBox::from_label("Run").selected_text(chosen).show_ui(ui, |ui| {
        for run in open.runs.iter().rev() {
            if ui.selectable_label(run.name == *chosen, &run.name).clicked() {
                out.push(Command::Train(ask(run.name.clone())));
            }
        }
    });
}

/// The lower end of a dialog: why it cannot be done, Cancel, and the button that does it. Whether that was clicked.
fn end(ui: &mut Ui, action: &str, refusal: Option<&str>, ready: bool, out: &mut Vec<Command>) -> bool {
    if let Some(why) = refusal {
        ui.colored_label(ui.visuals().warn_fg_color, words::capitalised(why));
    }
    ui.add_space(8.0);
    ui.horizontal(|ui| {
        if ui.button("Cancel").clicked() {
            out.push(Command::View(ViewCommand::Overlay(None)));
        }
        ui.add_enabled(ready, egui::Button::new(action)).clicked()
    })
    .inner
}
