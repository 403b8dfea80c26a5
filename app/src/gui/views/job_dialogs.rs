//! The dialogs of jobs on clusters: the script before it is submitted, log and script of a job, and whether one is to be
//! cancelled.

use eframe::egui;
use egui::{RichText, ScrollArea, TextEdit, Ui};
use vitrine_core::cluster::Tasks;

use crate::gui::command::{ClusterCommand, Command, ViewCommand, WindowCommand};
use crate::gui::model::Model;
use crate::gui::values::{JobTextKind, Load, PreparedJob};
use crate::gui::widgets::{busy, list_height, modal};

/// Draws the script of a job, before it goes.
pub fn submit(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let prepared = model.cluster_jobs.prepared.newest();
    modal(ui, "submit job", "Submit to a cluster", out, |ui, out| {
        ui.set_width(680.0);
        match prepared {
            Load::Ready(prepared) => describe(ui, prepared),
            Load::Failed(ref failure) => {
                let words = format!("The script could not be made: {}.", failure.why.trim_end_matches('.'));
                ui.colored_label(ui.visuals().error_fg_color, words);
            }
            Load::NotAsked | Load::Loading => {
                busy(ui);
            }
        }
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            if ui.button("Do not submit").clicked() {
                out.push(Command::View(ViewCommand::Overlay(None)));
            }
            let ready = prepared.ready().is_some();
            if ui.add_enabled(ready, egui::Button::new("Submit")).clicked() {
                out.push(Command::Cluster(ClusterCommand::Submit));
            }
        });
    });
}

fn describe(ui: &mut Ui, prepared: &PreparedJob) {
    let (name, cluster) = (&prepared.preview.name, &prepared.cluster.name);
    let runs = prepared.sweep.names();
    let trains = match runs.as_slice() {
        [one] => format!("the run {one}"),
        [first, second] if prepared.new.tasks == Tasks::One => format!("the run {first}, then {second}"),
        [first, .., last] => format!("{} runs, {first} to {last}", runs.len()),
        [] => "nothing".to_owned(),
    };
    let from = prepared.sweep.runs.iter().find_map(|run| run.from.as_deref());
    let from = from
        .map_or_else(String::new, |from| format!(" Training begins with the weights that {from} has now."));
    let words = format!(
        "The job {name} trains {trains}, on {cluster}.{from} It learns from the current labels, in a copy \
         of the project's database, so you can go on labelling here. When it is done, bring its results in."
    );
    ui.add(egui::Label::new(words).wrap());
    ui.add_space(4.0);
    text(ui, "Script of the job", &prepared.preview.script, false);
    ui.add(
        egui::Label::new(RichText::new(format!("Submitted by: {}", prepared.preview.submit)).weak()).wrap(),
    );
}

/// Draws the log or the script of a job.
pub fn read(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let state = &model.cluster_jobs.text;
    let Some(question) = state.question() else { return };
    let title = match question.what {
        JobTextKind::Script => format!("Script of {}", question.job),
        JobTextKind::Log { task } => {
            let many = model.cluster_jobs.named(&question.job).is_some_and(|view| view.state.tasks.len() > 1);
            if many {
                format!("Log of {}, task {task}", question.job)
            } else {
                format!("Log of {}", question.job)
            }
        }
    };
    // While the log is read again, what was read before stays.
    let known = state.last().filter(|(of, _)| *of == question).map(|(_, read)| read);
    modal(ui, "text of job", &title, out, |ui, out| {
        ui.set_width(760.0);
        match (known, state.newest()) {
            (Some(read), _) => {
                if read.is_cut {
                    ui.weak("The end of a long log.");
                }
                text(ui, &title, &read.text, matches!(question.what, JobTextKind::Log { .. }));
                ui.add(egui::Label::new(RichText::new(read.path.display().to_string()).weak()).wrap());
            }
            (None, Load::Failed(failure)) => {
                ui.colored_label(ui.visuals().error_fg_color, format!("{}.", failure.why));
            }
            (None, _) => {
                busy(ui);
            }
        }
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            if ui.button("Close").clicked() {
                out.push(Command::View(ViewCommand::Overlay(None)));
            }
            if let Some(read) = known {
                if ui.button("Copy").clicked() {
                    ui.ctx().copy_text(read.text.clone());
                }
                if ui.button("Show in folder").clicked() {
                    out.push(Command::Window(WindowCommand::Reveal(read.path.clone())));
                }
            }
        });
    });
}

/// A text that can be selected, not changed.
fn text(ui: &mut Ui, name: &str, text: &str, at_the_end: bool) {
    let height = list_height(ui, 420.0);
    ScrollArea::both()
        .id_salt(name)
        .max_height(height)
        .auto_shrink([false, true])
        .stick_to_bottom(at_the_end)
        .show(ui, |ui| {
            let mut shown = text;
            let edit =
                TextEdit::multiline(&mut shown).code_editor().desired_width(f32::INFINITY).desired_rows(4);
            let response = ui.add(edit);
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::MultilineTextInput, true, name));
        });
}

/// Draws the question whether a job is to be cancelled.
pub fn cancel(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let Some(name) = &model.cluster_jobs.cancelling else { return };
    modal(ui, "cancel job", &format!("Cancel the job {name}?"), out, |ui, out| {
        ui.set_width(420.0);
        ui.add(
            egui::Label::new(
                "The job is asked to end and has half a minute to save what is complete. Then the scheduler \
                 ends it. You can run it again later.",
            )
            .wrap(),
        );
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            if ui.button("Let it run").clicked() {
                out.push(Command::View(ViewCommand::Overlay(None)));
            }
            if ui.button("Cancel the job").clicked() {
                out.push(Command::Cluster(ClusterCommand::Cancel(name.clone())));
            }
        });
    });
}
