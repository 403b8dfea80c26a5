//! The jobs on clusters: the state and progress of each, and the buttons for what can be done with it.

use eframe::egui;
use egui::{Button, Color32, ProgressBar, RichText, ScrollArea, Ui, WidgetInfo};
use vitrine_core::cluster::{Answer, TaskState};
use vitrine_core::workflow::follow_jobs::{JobView, Results};

use crate::gui::command::{ClusterCommand, Command};
use crate::gui::model::{Model, OpenProject};
use crate::gui::values::{JobText, JobTextKind};
use crate::gui::widgets::{Fold, busy};

/// Tasks of an array that are listed at most; the terminal lists all.
const MAX_LISTED: usize = 200;

/// Draws the jobs; nothing where there are none.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    let state = &model.cluster_jobs;
    if state.jobs.is_empty() && state.trouble.is_none() {
        return;
    }
    let title = format!("Jobs on clusters ({})", state.jobs.len());
    Fold::new("train.jobs", title).open_at_first(state.is_any_open()).show(ui, model, out, |ui, out| {
        if let Some(why) = &state.trouble {
            let words = format!("The state of the jobs could not be read. {why} The window tries again.");
            ui.colored_label(ui.visuals().error_fg_color, words);
        }
        if state.jobs.iter().any(|view| view.state.scheduler == Answer::Missing) {
            ui.weak(
                "The scheduler cannot be reached from this machine. The states shown here come from the \
                 jobs' files alone.",
            );
        }
        ScrollArea::vertical().id_salt("jobs on clusters").auto_shrink([false, true]).max_height(260.0).show(
            ui,
            |ui| {
                for view in &state.jobs {
                    job(ui, model, open, view, out);
                }
            },
        );
    });
    ui.separator();
}

fn job(ui: &mut Ui, model: &Model, open: &OpenProject, view: &JobView, out: &mut Vec<Command>) {
    let name = &view.job.file.name;
    ui.horizontal_wrapped(|ui| {
        let made = view.job.file.created.replace('T', " ");
        let made = made.get(..16).unwrap_or(&made);
        ui.label(RichText::new(name).strong())
            .on_hover_text(format!("Made {made} UTC: {}", view.job.file.arguments.join(" ")));
        ui.weak(format!("on {}", view.job.file.cluster));
        if view.state.tasks.iter().any(|task| matches!(task, TaskState::Running { .. })) {
            busy(ui);
        }
        ui.label(RichText::new(view.state.to_string()).color(colour(ui, &view.state.tasks)));
        if model.cluster_jobs.busy.contains(name) {
            ui.weak("(under way)");
        }
    });
    if let Some(share) = share(&view.state.tasks) {
        let bar = ProgressBar::new(share).desired_width(ui.available_width().min(420.0)).desired_height(6.0);
        let bar = ui.add(bar);
        let told = format!("{name}: {:.0} % done", 100.0 * share);
        bar.widget_info(|| WidgetInfo::labeled(egui::Role::ProgressIndicator, true, &told));
    }
    ui.horizontal_wrapped(|ui| buttons(ui, model, open, view, out));
    if let Some(note) = note(open, view) {
        ui.add(egui::Label::new(RichText::new(note).small().color(ui.visuals().warn_fg_color)).wrap());
    }
    if view.state.tasks.len() > 1 {
        tasks(ui, view, out);
    }
    ui.add_space(6.0);
}

/// The colour of what needs a person, and of what goes well.
fn colour(ui: &Ui, tasks: &[TaskState]) -> Color32 {
    let bad = |task: &TaskState| matches!(task, TaskState::Failed { .. } | TaskState::Lost { .. });
    if tasks.iter().any(bad) {
        ui.visuals().error_fg_color
    } else if tasks.iter().any(TaskState::is_open) {
        ui.visuals().hyperlink_color
    } else {
        ui.visuals().text_color()
    }
}

/// How far the tasks are that have begun; `None` where none runs.
fn share(tasks: &[TaskState]) -> Option<f32> {
    let of = |task: &TaskState| match task {
        TaskState::Done => 1.0,
        TaskState::Running { progress: Some((_, done, total)) } => {
            (*done as f32 / (*total).max(1) as f32).clamp(0.0, 1.0)
        }
        _ => 0.0,
    };
    let runs = tasks.iter().any(|task| matches!(task, TaskState::Running { .. }));
    runs.then(|| tasks.iter().map(of).sum::<f32>() / tasks.len().max(1) as f32)
}

/// A button with a word on it and a name that says of which job.
fn button(ui: &mut Ui, words: &str, name: &str, enabled: bool) -> egui::Response {
    let button = ui.add_enabled(enabled, Button::new(words).small());
    button.widget_info(|| WidgetInfo::labeled(egui::Role::Button, enabled, name));
    button
}

fn buttons(ui: &mut Ui, model: &Model, open: &OpenProject, view: &JobView, out: &mut Vec<Command>) {
    let name = &view.job.file.name;
    let free = !model.cluster_jobs.busy.contains(name);
    let mut push = |command| out.push(Command::Cluster(command));
    if view.state.tasks.len() == 1 && button(ui, "Log", &format!("Log of {name}"), true).clicked() {
        push(ClusterCommand::Show(JobText { job: name.clone(), what: JobTextKind::Log { task: 0 } }));
    }
    if button(ui, "Script", &format!("Script of {name}"), true).clicked() {
        push(ClusterCommand::Show(JobText { job: name.clone(), what: JobTextKind::Script }));
    }
    if view.state.is_open() {
        let cancel = button(ui, "Cancel…", &format!("Cancel {name}"), free);
        if cancel.on_hover_text("End the job on the cluster. What is complete is kept.").clicked() {
            push(ClusterCommand::AskCancel(name.clone()));
        }
    }
    let missing = view.state.those(TaskState::is_missing);
    if !missing.is_empty() {
        let never = view.state.tasks.iter().all(|task| *task == TaskState::NotSubmitted);
        let words = if never { "Submit" } else { "Run again" };
        let again = button(ui, words, &format!("{words}: {name}"), free);
        let what = match (never, missing.len(), view.state.tasks.len()) {
            (true, ..) => "Submit the job.".to_owned(),
            (false, _, 1) => "Submit the job again. It continues from what it has kept.".to_owned(),
            (false, 1, all) => format!("Submit again the 1 of {all} tasks that has not ended well."),
            (false, some, all) => format!("Submit again the {some} of {all} tasks that have not ended well."),
        };
        if again.on_hover_text(what).clicked() {
            push(ClusterCommand::RunAgain(name.clone()));
        }
    }
    if matches!(view.results, Results::Runs(_) | Results::Places) {
        let writable = open.read_only.is_none() || view.results == Results::Places;
        let bring = button(
            ui,
            "Bring results in",
            &format!("Bring results in: {name}"),
            free && view.can_merge() && writable,
        );
        let words = match view.results {
            Results::Places => {
                "Write the picks that the job was asked for. Every micrograph is scored, so this takes a moment."
            }
            _ => "Take the trained runs into this project, with their metrics, scores and checkpoints.",
        };
        let why = match (view.can_merge(), writable) {
            (false, _) => "Some tasks are not done yet. Wait for them, or run again those that failed.",
            (true, false) => "The project is read-only here.",
            (true, true) => "Something is being done with this job already.",
        };
        if bring.on_hover_text(words).on_disabled_hover_text(why).clicked() {
            push(ClusterCommand::BringIn(name.clone()));
        }
    }
}

/// What a person should know of a job, where there is something.
fn note(open: &OpenProject, view: &JobView) -> Option<String> {
    match view.results {
        // What another process wants to write, this window must not hold.
        Results::WritesProject if view.state.is_open() && open.read_only.is_none() => Some(
            "This job writes the project, which is open here. Close the project before the job begins, or the job fails."
                .to_owned(),
        ),
        Results::NoRuns if view.state.is_done() => Some("Its runs are in the project.".to_owned()),
        _ => None,
    }
}

/// The tasks of an array, each with its log.
fn tasks(ui: &mut Ui, view: &JobView, out: &mut Vec<Command>) {
    let name = &view.job.file.name;
    egui::CollapsingHeader::new(RichText::new(format!("Tasks of {name}")).small())
        .id_salt(("tasks of", name))
        .show(ui, |ui| {
            egui::Grid::new(("tasks", name)).num_columns(3).striped(true).show(ui, |ui| {
                for (number, state) in view.state.tasks.iter().enumerate().take(MAX_LISTED) {
                    ui.weak(number.to_string());
                    ui.label(RichText::new(state.to_string()).color(colour(ui, std::slice::from_ref(state))));
                    if button(ui, "Log", &format!("Log of {name}, task {number}"), true).clicked() {
                        let what = JobTextKind::Log { task: number };
                        out.push(Command::Cluster(ClusterCommand::Show(JobText { job: name.clone(), what })));
                    }
                    ui.end_row();
                }
            });
            if view.state.tasks.len() > MAX_LISTED {
                ui.weak(format!("The first {MAX_LISTED} of {} tasks.", view.state.tasks.len()));
            }
        });
}
