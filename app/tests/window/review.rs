//! Review queues and similar patches, on a run trained in the test.

use eframe::egui::Key;
use egui_kittest::kittest::Queryable as _;
use vitrine::gui::command::{Command, QueueCommand, SelectCommand, TrainCommand, ViewCommand};
use vitrine::gui::model::LivePhase;
use vitrine::gui::values::{Tab, TrainStart};
use vitrine_core::Label;
use vitrine_core::device::DeviceChoice;
use vitrine_core::learning::config::yaml;
use vitrine_core::project::Side;
use vitrine_core::review::QueueKind;

use crate::support::{Window, analysed, analysed_and, opened, small, wait};

fn trained(folder: &std::path::Path) -> Window {
    let mut window = opened(folder);
    let mut config = yaml::load("supervised_baseline").unwrap();
    config.schedule.epochs = 2;
    window.state_mut().apply(Command::Train(TrainCommand::Start(Box::new(TrainStart {
        name: None,
        base_name: "short".to_owned(),
        config,
        device: DeviceChoice::Cpu,
    }))));
    wait(&mut window, "the end and the scores", |app| {
        app.model.live.as_ref().is_some_and(|live| live.phase == LivePhase::Ended(None))
            && app.model.project.as_ref().unwrap().scores.is_some()
    });
    window
}

fn enter(window: &mut Window, kind: QueueKind) {
    window.state_mut().apply(Command::View(ViewCommand::Queue(QueueCommand::Enter(kind))));
    wait(window, "the queue", |app| {
        app.model.project.as_ref().unwrap().queue.as_ref().is_some_and(|queue| queue.queue.kind == kind)
    });
}

#[test]
fn a_queue_remembers_its_place_and_its_patches() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = trained(&small(dir.path()));
    window.get_by_label("Most uncertain").click();
    wait(&mut window, "the queue", |app| app.model.project.as_ref().unwrap().queue.is_some());
    let first = window.state().model.project.as_ref().unwrap().shown.ids.clone();
    let open = window.state().model.project.as_ref().unwrap();
    assert!(first.iter().all(|&p| open.columns.labels[p as usize] == Label::Unlabeled));
    let far = |p: u32| (open.score(p).unwrap() - 0.5).abs();
    assert!(first.windows(2).all(|pair| far(pair[0]) <= far(pair[1])));
    for key in [Key::N, Key::P, Key::ArrowRight] {
        window.key_press(key);
        window.run_steps(2);
    }
    window.get_by_label("2 labelled");
    window.get_by_label("Back to all patches").click();
    wait(&mut window, "all patches", |app| app.model.project.as_ref().unwrap().shown.ids.len() == 120);
    window.get_by_label(&format!("4 / {} reviewed", first.len()));
    enter(&mut window, QueueKind::MostUncertain);
    let open = window.state().model.project.as_ref().unwrap();
    assert_eq!((&open.shown.ids, open.shown.cursor), (&first, 3), "the same patches, at the same place");
    // Begun anew, what is labelled is gone.
    window
        .state_mut()
        .apply(Command::View(ViewCommand::Queue(QueueCommand::Restart(QueueKind::MostUncertain))));
    let fewer = first.len() - 2;
    wait(&mut window, "the new queue", |app| app.model.project.as_ref().unwrap().shown.ids.len() == fewer);
    assert_eq!(window.state().model.project.as_ref().unwrap().shown.cursor, 0);
}

#[test]
fn suspicious_positives_and_the_audit_say_what_they_rest_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = trained(&small(dir.path()));
    enter(&mut window, QueueKind::SuspiciousPositives);
    let open = window.state().model.project.as_ref().unwrap();
    let sides = &open.split.as_ref().unwrap().sides;
    assert!(!open.shown.ids.is_empty());
    assert!(open.shown.ids.iter().all(|&p| {
        sides[p as usize] != Side::Train && open.columns.labels[p as usize] == Label::Positive
    }));
    window.get_by_label_contains("Out-of-sample scores only");
    window.get_by_label_contains("left out: the run was trained on them");

    // A network after two epochs may take nothing for a particle: then a sentence says so.
    window.state_mut().apply(Command::View(ViewCommand::Queue(QueueCommand::Enter(QueueKind::Audit))));
    wait(&mut window, "the audit", |app| {
        app.model.project.as_ref().unwrap().queue.as_ref().is_some_and(|q| q.queue.kind == QueueKind::Audit)
            || app.model.notices.shown().iter().any(|n| n.text.contains("Nothing to audit"))
    });
    let open = window.state().model.project.as_ref().unwrap();
    let audit =
        open.queue.as_ref().filter(|q| q.queue.kind == QueueKind::Audit).map(|q| q.queue.patches.clone());
    let taken = (0..120_u32)
        .filter(|&p| open.columns.labels[p as usize] == Label::Unlabeled && open.score(p).unwrap() >= 0.5)
        .count();
    assert_eq!(audit.as_ref().map_or(0, Vec::len), taken);
    if taken >= 3 {
        for key in [Key::P, Key::N] {
            window.key_press(key);
            window.run_steps(2);
        }
        window.get_by_label("Precision 50 %");
        window.get_by_label("95 % interval 9 to 91 %");
    }
}

#[test]
fn similar_patches_are_found_and_features_kept() {
    let dir = tempfile::tempdir().unwrap();
    let folder = small(dir.path());
    let mut window = trained(&folder);
    window.state_mut().apply(Command::Select(SelectCommand::Patch(7)));
    window.key_press(Key::S);
    wait(&mut window, "similar patches", |app| app.model.project.as_ref().unwrap().selection.len() == 50);
    let open = window.state().model.project.as_ref().unwrap();
    assert!(!open.selection.contains(7), "the example itself is not asked about");
    assert_eq!(open.features.as_ref().unwrap().features.len(), 120);
    assert!(vitrine_core::review::features_path(&folder.join("runs/short-1")).exists());
}

#[test]
fn a_moved_project_keeps_its_places_in_the_queues() {
    let dir = tempfile::tempdir().unwrap();
    let folder = analysed(dir.path());
    let mut window = opened(&folder);
    enter(&mut window, QueueKind::MostUncertain);
    for _ in 0..3 {
        window.key_press(Key::ArrowRight);
        window.run_steps(2);
    }
    let patch = window.state().model.project.as_ref().unwrap().shown.current();
    drop(window);
    let moved = dir.path().join("moved");
    std::fs::rename(&folder, &moved).unwrap();
    let mut window = opened(&moved);
    window.run_steps(2);
    window.get_by_label_contains("4 / ");
    enter(&mut window, QueueKind::MostUncertain);
    let shown = &window.state().model.project.as_ref().unwrap().shown;
    assert_eq!((shown.cursor, shown.current()), (3, patch));
}

#[test]
fn the_end_of_a_queue_says_so_and_offers_what_comes_next() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&analysed(dir.path()));
    enter(&mut window, QueueKind::MostUncertain);
    assert!(window.query_by_label_contains("reviewed").is_none());
    window.key_press(Key::End);
    window.run_steps(2);
    window.key_press(Key::N);
    window.run_steps(2);
    let count = window.state().model.project.as_ref().unwrap().shown.ids.len();
    window.get_by_label(&format!("All {count} reviewed"));
    window.get_by_label(&format!("{} of them still unlabeled", count - 1));
    window.get_by_label("Next queue: Likely particles").click();
    wait(&mut window, "the next queue", |app| {
        let queue = app.model.project.as_ref().unwrap().queue.as_ref();
        queue.is_some_and(|queue| queue.queue.kind == QueueKind::LikelyParticles)
    });
    window.get_by_label(&format!("all {count} reviewed"));
    window.key_press(Key::End);
    window.run_steps(2);
    window.get_by_label("Continue from recommended-1").click();
    window.run_steps(3);
    assert_eq!(window.state().model.tab, Tab::Train);
    window.get_by_label_contains("Starts from the weights of recommended-1");
}

#[test]
fn the_sample_of_an_audit_goes_only_when_the_person_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&analysed(dir.path()));
    enter(&mut window, QueueKind::Audit);
    let sample = window.state().model.project.as_ref().unwrap().shown.ids.clone();
    // With nothing judged there is nothing to lose.
    window.get_by_label("Restart");
    window.key_press(Key::P);
    window.run_steps(2);
    window.get_by_label("Restart…").click();
    window.run_steps(2);
    window.get_by_label_contains("Judged in this one: 1 patch. Their labels stay.");
    window.get_by_label("Keep this one").click();
    window.run_steps(2);
    assert_eq!(window.state().model.project.as_ref().unwrap().shown.ids, sample);
    window.get_by_label("Restart…").click();
    window.run_steps(2);
    window.get_by_label("Draw another sample").click();
    wait(&mut window, "another sample", |app| app.model.project.as_ref().unwrap().shown.ids != sample);
}

#[test]
fn a_run_that_never_scored_the_patches_need_not_be_trained_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&analysed_and(dir.path(), false));
    window.run_steps(2);
    window.get_by_label("Train a run");
    window.get_by_label("Score all patches with recommended-1").click();
    window.run_steps(2);
    // Nobody trained this run, so there is no network to score with; that it was asked for is said.
    wait(&mut window, "the answer", |app| !app.model.notices.shown().is_empty());
    let said = crate::support::said(&window);
    assert!(said.contains("Scoring with recommended-1"), "{said}");
}

#[test]
fn a_queue_goes_in_batches_and_a_run_learns_from_each() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = trained(&small(dir.path()));
    window.state_mut().model.drafts.train.device = DeviceChoice::Cpu;
    enter(&mut window, QueueKind::MostUncertain);
    window.run_steps(2);
    window.get_by_label_contains("1 of 50, batch 1 of 2");
    for key in [Key::N, Key::P, Key::N] {
        window.key_press(key);
        window.run_steps(2);
    }
    assert!(window.query_by_label("Retrain now").is_none(), "in the middle of a batch");
    window.state_mut().apply(Command::Select(SelectCommand::Place(49)));
    window.run_steps(2);
    window.get_by_label_contains("50 of 50, batch 1 of 2");
    // Labelling goes on to the next patch, and so comes to the end of the batch.
    window.key_press(Key::N);
    window.run_steps(2);
    window.get_by_label("Batch 1 of 2 reviewed");
    window.get_by_label("4 of 50 labelled");
    window.get_by_label("Or go on with batch 2.");
    window.get_by_label("Retrain now").click();
    wait(&mut window, "the new run", |app| {
        app.model.live.as_ref().is_some_and(|live| live.name == "short-2")
    });
    assert_eq!(window.state().model.tab, Tab::Gallery, "labelling goes on");
    // Before and after, and a queue by the new scores.
    wait(&mut window, "its scores", |app| {
        app.model.project.as_ref().unwrap().scores.as_ref().is_some_and(|scores| scores.name == "short-2")
            && app.model.picks.round.newest().ready().is_some()
    });
    window.get_by_label("Continued from short-1 with 1 positive, 3 negatives.");
    assert!(window.query_all_by_label_contains("AUC").next().is_some());
    window.get_by_label("This queue is from the scores of short-1.");
    window.get_by_label("New queue with short-2").click();
    wait(&mut window, "the new queue", |app| {
        let queue = app.model.project.as_ref().unwrap().queue.as_ref();
        queue.is_some_and(|queue| queue.run == "short-2" && queue.queue.patches.len() == 86)
    });
    assert!(window.query_by_label_contains("This queue is from").is_none());
}
