//! A run that ended within its first epoch, after the person had asked for a checkpoint, goes on from there.
#![allow(clippy::unwrap_used)]

use vitrine_core::device::ComputeDevice;
use vitrine_core::learning::config::yaml::parse;
use vitrine_core::learning::train::events::{TrainControl, TrainEvent};
use vitrine_core::project::{NewPatch, PixelType, Project, RunStatus, ScoreKind, SourceInfo};
use vitrine_core::workflow::train::{TrainRequest, can_resume, resume_run, train_run};
use vitrine_core::{Error, Label};

const SIZE: usize = 16;

/// 1200 patches of stripes, every fourth a positive: an epoch is long enough to be stopped in it.
fn project(dir: &std::path::Path) -> Project {
    let mut project = Project::create(dir, Some(SIZE), PixelType::F32).unwrap();
    let mut import = project.import(SIZE).unwrap();
    import.source(&SourceInfo::new("some.mrcs", "particle stack")).unwrap();
    for i in 0..1200 {
        let pixels: Vec<f32> = (0..SIZE * SIZE).map(|p| ((p * (i + 3)) % 97) as f32).collect();
        let label = if i % 4 == 0 { Label::Positive } else { Label::Unlabeled };
        import.push(&NewPatch { label, ..NewPatch::default() }, &pixels).unwrap();
    }
    import.commit().unwrap();
    project
}

fn request() -> TrainRequest {
    let text =
        "risk:\n  kind: naive\nprior: 0.3\nbatch:\n  size: 16\nschedule:\n  epochs: 2\n  warm_up_epochs: 0\n";
    TrainRequest {
        name: Some("short".to_owned()),
        base_name: "short".to_owned(),
        config: parse(text, "test").unwrap(),
        device: ComputeDevice::cpu(),
        truth: None,
        known_prior: None,
    }
}

#[test]
fn a_run_without_a_complete_epoch_goes_on_from_its_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let mut whole = project(&dir.path().join("whole"));
    train_run(&mut whole, request(), &mut |_, _| {}, &mut |_| true).unwrap();
    let scores = |project: &Project| {
        let run = project.run("short").unwrap();
        project.scores(run.id, ScoreKind::Teacher).unwrap().unwrap()
    };

    let mut stopped = project(&dir.path().join("stopped"));
    let mut asked = false;
    let mut listen = |event: &TrainEvent, orders: &std::sync::mpsc::Sender<TrainControl>| {
        // The trainer takes it up at its first batch.
        if !std::mem::replace(&mut asked, true) {
            orders.send(TrainControl::Checkpoint).unwrap();
        }
        if let TrainEvent::Checkpoint { epoch: 1, within: Some(_) } = event {
            orders.send(TrainControl::Stop).unwrap();
        }
    };
    let ended = train_run(&mut stopped, request(), &mut listen, &mut |_| true);
    let run = stopped.run("short").unwrap();
    assert!(matches!(ended, Err(Error::Cancelled)), "it was stopped too late to show anything");
    assert_eq!((run.status, run.best_epoch), (RunStatus::Stopped, None));
    assert!(run.message.as_deref().unwrap().contains("after a checkpoint; it can be resumed"));
    assert!(can_resume(&stopped, &run));

    resume_run(&mut stopped, "short", ComputeDevice::cpu(), None, &mut |_, _| {}, &mut |_| true).unwrap();
    let run = stopped.run("short").unwrap();
    assert_eq!(run.status, RunStatus::Finished);
    assert_eq!(stopped.metrics(run.id).unwrap().len(), 2);
    assert!(!can_resume(&stopped, &run));
    assert_eq!(scores(&stopped), scores(&whole), "as if it had never stopped");
}
