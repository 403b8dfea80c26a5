//! Where the run of the Train form goes: this machine, or a cluster, with what the job asks for there.

use std::ops::RangeInclusive;

use eframe::egui;
use egui::{Button, DragValue, RichText, TextEdit, Ui};

use crate::gui::command::{ClusterCommand, Command, DraftCommand};
use crate::gui::command_table::Needs;
use crate::gui::drafts::{MAX_SEEDS, SubmitDraft};
use crate::gui::model::Model;
use crate::gui::values::Load;
use crate::gui::widgets::edited;

/// The place that needs no cluster.
const HERE: &str = "This machine";

/// What a supervised baseline is for.
pub const BASELINE: &str = "First a plain classifier, then this run: same patches, seed, network and length. The difference \
                            is the gain of the method.";

/// How a cluster is added.
const HOW_TO_ADD: &str = "To add a cluster, type in a terminal: vitrine cluster add NAME --partition QUEUE";

/// Draws the rows that say where the run goes, within a grid of two columns.
pub fn rows(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let change = |draft| Command::Draft(DraftCommand::Submit(draft));
    edited(&model.drafts.submit, out, change, |draft, _| {
        place(ui, model, draft);
        if draft.cluster.is_some() {
            asked_for(ui, draft);
            if model.drafts.train.is_compared() {
                ui.label("Baseline").on_hover_text(BASELINE);
                ui.checkbox(&mut draft.baseline, "Supervised baseline first").on_hover_text(BASELINE);
                ui.end_row();
            }
        }
    });
}

fn place(ui: &mut Ui, model: &Model, draft: &mut SubmitDraft) {
    let label = ui.label("Train on");
    let clusters = &model.cluster_jobs.clusters;
    let chosen = draft.cluster.clone().unwrap_or_else(|| HERE.to_owned());
    egui::ComboBox::from_id_salt("train on")
        .selected_text(chosen)
        .width(ui.available_width() - 8.0)
        .truncate()
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut draft.cluster, None, HERE);
            for cluster in clusters.ready().into_iter().flatten() {
                let name = Some(cluster.name.clone());
                ui.selectable_value(&mut draft.cluster, name, &cluster.name)
                    .on_hover_text("A cluster that you have added. The run trains there, as a job.");
            }
            if clusters.ready().is_none_or(Vec::is_empty) {
                ui.weak(HOW_TO_ADD);
            }
            if let Load::Failed(failure) = clusters {
                ui.colored_label(ui.visuals().error_fg_color, &failure.why);
            }
        })
        .response
        .labelled_by(label.id)
        .on_hover_text(HOW_TO_ADD);
    ui.end_row();
}

/// What a job asks the cluster for.
fn asked_for(ui: &mut Ui, draft: &mut SubmitDraft) {
    let mut number = |name: &str, why: &str, value: &mut u32, range: RangeInclusive<u32>, unit: &str| {
        let label = ui.label(name).on_hover_text(why);
        let field = DragValue::new(value).range(range).suffix(unit);
        ui.add(field).labelled_by(label.id).on_hover_text(why);
        ui.end_row();
    };
    number("Threads", "Threads of each task.", &mut draft.threads, 1..=512, "");
    number(
        "GPUs",
        "GPUs of each task. With none the run uses the CPU, also where the machine has GPUs.",
        &mut draft.gpus,
        0..=16,
        "",
    );
    number("Memory", "Memory of each task.", &mut draft.memory_gb, 1..=4096, " GB");
    let mut text = |name: &str, why: &str, value: &mut String, hint: &str| {
        let label = ui.label(name).on_hover_text(why);
        let width = ui.available_width() - 4.0;
        let field = TextEdit::singleline(value).hint_text(hint).desired_width(width);
        ui.add(field).labelled_by(label.id).on_hover_text(why);
        ui.end_row();
    };
    text(
        "Time limit",
        "The longest time of each task, as the scheduler writes it. A run that needs longer saves its place \
         and continues in the next job.",
        &mut draft.time,
        "4:00:00; empty: the queue's own",
    );
    text("Queue", "Queue or partition.", &mut draft.queue, "empty: the cluster's own");
    let why = "Several runs of this configuration, with the seeds 1, 2, 3 and so on, a task for each. Compare shows \
               whether a difference is more than chance.";
    let label = ui.label("Runs").on_hover_text(why);
    ui.add(DragValue::new(&mut draft.runs).range(1..=MAX_SEEDS)).labelled_by(label.id).on_hover_text(why);
    ui.end_row();
}

/// Why the run of the form cannot go to a cluster, beside what is wrong with the form itself.
pub fn refusal(model: &Model) -> Option<&'static str> {
    let chosen = model.drafts.submit.cluster.as_ref()?;
    let clusters = model.cluster_jobs.clusters.ready()?;
    (!clusters.iter().any(|cluster| cluster.name == *chosen))
        .then_some("This cluster is not there any more. Choose another place under Train on.")
}

/// Draws the button that shows the script, in place of those that train here; `problem` says what is in the way.
pub fn button(ui: &mut Ui, model: &Model, problem: Option<&str>, out: &mut Vec<Command>) {
    let allowed = match (model.allows(Needs::Project), problem) {
        (Err(why), _) => Err(why),
        (Ok(()), Some(problem)) => Err(problem),
        (Ok(()), None) => Ok(()),
    };
    let button = Button::new(RichText::new("Show the script…").strong())
        .fill(ui.visuals().selection.bg_fill)
        .min_size(egui::vec2(90.0, 30.0));
    let button = ui.add_enabled(allowed.is_ok(), button);
    if button.clicked() {
        out.push(Command::Cluster(ClusterCommand::Prepare));
    }
    match allowed {
        Ok(()) => button.on_hover_text(
            "See the script of the job. Nothing is sent to the cluster until you press Submit.",
        ),
        Err(why) => button.on_disabled_hover_text(why),
    };
}
