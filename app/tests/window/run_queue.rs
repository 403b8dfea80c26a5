//! Runs that wait until the one that trains has ended.

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vitrine::gui::command::{Command, ProjectCommand, TrainCommand};
use vitrine::gui::jobs::{Gate, GatePlace, JobKind};
use vitrine::gui::values::Overlay;
use vitrine_core::learning::config::{PretrainKind, yaml};
use vitrine_core::project::{Project, RunStatus};

use crate::support::{Window, ask_to_close, said, wait};
use crate::train::{press_train, ready};

/// The Train view with a run that does not begin before its gate opens.
fn held(dir: &std::path::Path) -> (Window, std::path::PathBuf, Gate) {
    let (mut window, folder) = ready(dir, 2);
    let gate = window.state_mut().hold_job(JobKind::Train, GatePlace::BeforeWork);
    press_train(&window);
    wait(&mut window, "the run", |app| app.model.live.is_some());
    (window, folder, gate)
}

/// Adds what stands in the form, under this name and with so many epochs.
fn queue(window: &mut Window, name: &str, epochs: usize) {
    let draft = &mut window.state_mut().model.drafts.train;
    name.clone_into(&mut draft.name);
    draft.config.schedule.epochs = epochs;
    window.run_steps(3);
    window.get_by_label("Add to queue").click();
    window.run_steps(3);
}

fn waiting(window: &Window) -> Vec<String> {
    window.state().model.analysis.queue.runs().iter().map(|run| run.name().to_owned()).collect()
}

#[test]
fn queued_runs_are_put_in_order_and_start_by_themselves_as_they_were_set() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, folder, gate) = held(dir.path());
    for (name, epochs) in [("a", 3), ("b", 1), ("c", 4)] {
        queue(&mut window, name, epochs);
    }
    window.get_by_label("Queued: 3");
    window.get_by_label("2. b");
    window.get_by_label("4 epochs");
    assert!(window.get_by_label("Start earlier: 1. a").accesskit_node().is_disabled());
    window.get_by_label("Start earlier: 2. b").click();
    window.run_steps(3);
    window.get_by_label("Remove from the queue: 3. c").click();
    window.run_steps(3);
    assert_eq!(waiting(&window), ["b", "a"]);
    // A name waits once.
    queue(&mut window, "B", 1);
    assert!(said(&window).contains("A run called B waits in the queue already"), "{}", said(&window));
    // What the form holds later is not what waits.
    let draft = &mut window.state_mut().model.drafts.train;
    draft.config.schedule.epochs = 77;
    draft.name.clear();
    gate.open();
    wait(&mut window, "the end of all", |app| {
        app.model.analysis.queue.is_empty()
            && app.model.live.as_ref().is_some_and(|live| live.name == "a" && !live.is_running())
    });
    assert!(said(&window).contains("The run a of the queue has started"), "{}", said(&window));
    drop(window);
    let runs = Project::open_read_only(&folder).unwrap().runs().unwrap();
    assert_eq!(runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), ["short-1", "b", "a"]);
    assert!(runs.iter().all(|run| run.status == RunStatus::Finished));
    let epochs: Vec<usize> =
        runs.iter().map(|run| yaml::parse(&run.config, &run.name).unwrap().schedule.epochs).collect();
    assert_eq!(epochs, [2, 1, 3]);
}

#[test]
fn the_queue_goes_on_after_a_run_that_failed_or_was_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, folder, gate) = held(dir.path());
    let pretrain = window.state().model.drafts.train.config.pretrain.clone();
    let draft = &mut window.state_mut().model.drafts.train;
    draft.config.pretrain.kind = PretrainKind::Weights;
    draft.config.pretrain.weights = dir.path().join("missing.safetensors").display().to_string();
    queue(&mut window, "broken", 2);
    window.state_mut().model.drafts.train.config.pretrain = pretrain;
    queue(&mut window, "sound", 2);
    window.state_mut().apply(Command::Train(TrainCommand::Stop));
    gate.open();
    wait(&mut window, "the last run", |app| {
        app.model.live.as_ref().is_some_and(|live| live.name == "sound" && !live.is_running())
    });
    assert!(said(&window).contains("Training broken: "), "{}", said(&window));
    assert!(said(&window).contains("The run sound of the queue has started"), "{}", said(&window));
    drop(window);
    let project = Project::open_read_only(&folder).unwrap();
    assert_eq!(project.run("sound").unwrap().status, RunStatus::Finished);
}

#[test]
fn a_queue_is_kept_with_its_project_and_offered_when_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, folder, gate) = held(dir.path());
    queue(&mut window, "a", 1);
    queue(&mut window, "b", 1);
    // The project stays open with its runs.
    window.state_mut().apply(Command::Project(ProjectCommand::Close));
    assert!(window.state().model.project.is_some());
    ask_to_close(&mut window);
    window.run_steps(3);
    assert_eq!(window.state().model.overlay, Some(Overlay::ConfirmClose));
    window.get_by_label_contains("2 runs wait in the queue: a, b. The queue is kept");
    window.get_by_label("Keep open").click();
    window.run_steps(3);
    window.get_by_label("Empty the queue").click();
    window.run_steps(3);
    assert_eq!(waiting(&window), Vec::<String>::new());
    assert!(window.query_by_label_contains("Queued: ").is_none());
    // Who closes all the same begins none of them.
    queue(&mut window, "c", 1);
    queue(&mut window, "d", 1);
    window.state_mut().apply(Command::Window(vitrine::gui::command::WindowCommand::CloseAnyway));
    gate.open();
    wait(&mut window, "the end", |app| app.model.live.as_ref().is_some_and(|live| !live.is_running()));
    window.run_steps(5);
    assert!(window.state().model.live.as_ref().is_some_and(|live| live.name == "short-1"));
    // Opened again, they wait for a word.
    window.state_mut().apply(Command::Project(ProjectCommand::Close));
    window.state_mut().apply(Command::Project(ProjectCommand::Open(folder.clone())));
    wait(&mut window, "the project", |app| app.model.project.is_some());
    window.run_steps(5);
    assert_eq!(waiting(&window), ["c", "d"]);
    assert!(said(&window).contains("2 runs waited in the queue"), "{}", said(&window));
    window.state_mut().apply(Command::Train(TrainCommand::GoOnQueue));
    wait(&mut window, "the last run", |app| {
        app.model.live.as_ref().is_some_and(|live| live.name == "d" && !live.is_running())
    });
    drop(window);
    let project = Project::open_read_only(&folder).unwrap();
    assert_eq!(project.run("c").unwrap().status, RunStatus::Finished);
}
