//! A short run from the window, on the processor.

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vitrine::gui::command::{Command, LabelCommand, TrainCommand, ViewCommand};
use vitrine::gui::jobs::JobId;
use vitrine::gui::model::{LivePhase, LiveRun};
use vitrine::gui::values::{Tab, TrainStart};
use vitrine_core::Label;
use vitrine_core::device::DeviceChoice;
use vitrine_core::learning::config::yaml;
use vitrine_core::project::{Project, RunStatus};

use crate::support::{opened, said, small, wait};

/// A short run of the plain classifier on the processor.
pub fn start(epochs: usize) -> Command {
    let mut config = yaml::load("supervised_baseline").unwrap();
    config.schedule.epochs = epochs;
    Command::Train(TrainCommand::Start(Box::new(TrainStart {
        name: None,
        base_name: "short".to_owned(),
        config,
        device: DeviceChoice::Cpu,
    })))
}

#[test]
fn a_run_ends_its_scores_are_there_and_labels_were_set_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let folder = small(dir.path());
    let mut window = opened(&folder);
    let before = window.state().model.project.as_ref().unwrap().counts;
    window.state_mut().apply(start(3));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    wait(&mut window, "the first batch", |app| {
        app.model.live.as_ref().is_some_and(|live| live.progress.is_some())
    });
    assert!(window.get_all_by_label("short-1").count() > 0);
    // One run at a time, said as a sentence.
    window.state_mut().apply(start(3));
    assert!(said(&window).contains("The run short-1 is already training"), "{}", said(&window));
    let relabel = LabelCommand::SetPatches {
        patches: vec![0],
        label: Label::Negative,
        source: vitrine::gui::values::LabelSource::Brush,
    };
    window.state_mut().apply(Command::Label(relabel));
    assert_eq!(window.state().model.project.as_ref().unwrap().counts.negative, before.negative + 1);
    wait(&mut window, "the end and the scores", |app| {
        app.model.live.as_ref().is_some_and(|live| live.phase == LivePhase::Ended(None))
            && app.model.project.as_ref().unwrap().scores.is_some()
    });
    let open = window.state().model.project.as_ref().unwrap();
    assert_eq!(open.scores.as_ref().unwrap().name, "short-1");
    assert!(open.score(0).is_some_and(|score| (0.0..=1.0).contains(&score)));
    assert!(open.split.is_some());
    assert_eq!(window.state().model.live.as_ref().map(|live| live.epochs.len()), Some(3));
    drop(window);
    let project = Project::open(&folder).unwrap();
    assert_eq!(project.run("short-1").unwrap().status, RunStatus::Finished);
    assert_eq!(project.label_counts().unwrap().negative, before.negative + 1);
}

#[test]
fn a_run_that_stops_before_its_first_epoch_promises_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&small(dir.path()));
    // One of which nothing is heard, as in the middle of a long step.
    let mut live = LiveRun::new(JobId(u64::MAX), "short-1".to_owned(), DeviceChoice::Cpu);
    (live.phase, live.checkpoint_asked) = (LivePhase::Stopping, true);
    window.state_mut().model.live = Some(live);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    window.run_steps(3);
    window.get_by_label("Stopping after this batch: there is no complete epoch to keep");
    assert!(window.query_by_label_contains("checkpoint will be saved").is_none());
    for order in ["Pause training", "Save checkpoint", "Stop training"] {
        assert!(window.get_by_label(order).accesskit_node().is_disabled(), "{order}");
    }
    window.state_mut().model.live.as_mut().unwrap().best_epoch = Some(2);
    window.run_steps(2);
    window.get_by_label("Stopping after this batch: keeps epoch 2");
}

#[test]
fn a_run_pauses_and_stops_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let folder = small(dir.path());
    let mut window = opened(&folder);
    window.state_mut().apply(start(500));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    wait(&mut window, "the first epoch", |app| {
        app.model.live.as_ref().is_some_and(|live| !live.epochs.is_empty())
    });
    window.get_by_label("Pause training").click();
    window.run_steps(2);
    // What is asked for is acknowledged at once, not when it is done.
    window.get_by_label("Save checkpoint").click();
    window.run_steps(2);
    window.get_by_label_contains("checkpoint will be saved when the run resumes");
    window.get_by_label("Resume training").click();
    wait(&mut window, "the checkpoint", |app| {
        app.model.live.as_ref().is_some_and(|l| l.checkpoint.is_some() && !l.checkpoint_asked)
    });
    window.get_by_label("Stop training").click();
    wait(&mut window, "the end", |app| app.model.live.as_ref().is_some_and(|live| !live.is_running()));
    let live = window.state().model.live.clone().unwrap();
    assert!(matches!(live.phase, LivePhase::Ended(Some(_))), "{:?}", live.phase);
    assert!(live.epochs.len() < 500);
    drop(window);
    assert_eq!(Project::open(&folder).unwrap().run("short-1").unwrap().status, RunStatus::Stopped);
}
