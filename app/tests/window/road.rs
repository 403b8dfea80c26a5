//! The rail of steps: it follows the project, leads to the next thing to do, and is closed and opened again.

use eframe::egui::Key;
use egui_kittest::kittest::Queryable as _;
use vitrine::gui::command::{Command, ViewCommand};
use vitrine::gui::values::{Start, Tab};
use vitrine_core::review::QueueKind;

use crate::support::{Window, analysed, nine, opened, small, wait, window_with};

fn press(window: &mut Window, label: &str) {
    window.get_by_label(label).click();
    window.run_steps(4);
}

#[test]
fn labels_lead_to_a_run_and_scores_to_a_review() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.get_by_label("Import: 9 patches, done");
    window.get_by_label("Label: 2 positives, begun");
    window.get_by_label("Train: no run yet, to do");
    window.get_by_label_contains("A run learns little from fewer than 20.");
    press(&mut window, "Label particles");
    assert_eq!(window.state().model.tab, Tab::Gallery);
    drop(window);

    let mut window = opened(&small(dir.path()));
    window.get_by_label("Label: 30 positives, done");
    window.get_by_label("30 positives, no run yet.");
    press(&mut window, "Set up a run");
    assert_eq!(window.state().model.tab, Tab::Train);
    assert!(window.state().model.live.is_none(), "the person starts it");
    press(&mut window, "Review: needs a run, to do");
    assert_eq!(window.state().model.tab, Tab::Gallery);
}

#[test]
fn a_review_leads_to_retraining_and_then_to_an_export() {
    let dir = tempfile::tempdir().unwrap();
    let folder = analysed(dir.path());
    let mut window = opened(&folder);
    window.get_by_label_contains("Train: 2 runs, AUC 0.8");
    press(&mut window, "Review");
    wait(&mut window, "the queue", |app| app.model.project.as_ref().unwrap().queue.is_some());
    let queue = window.state().model.project.as_ref().unwrap().queue.clone().unwrap();
    assert_eq!(queue.queue.kind, QueueKind::MostUncertain);
    let of = queue.queue.patches.len();
    window.get_by_label(&format!("Review: {} left, begun", of - 1));
    window.key_press(Key::N);
    window.run_steps(3);
    window.get_by_label(&format!("Review: {} left, begun", of - 2));
    window.key_press(Key::End);
    window.run_steps(3);
    window.get_by_label(&format!("Review: {of} reviewed, done"));
    window.get_by_label("1 label set since recommended-1 began.");
    press(&mut window, "Retrain");
    assert_eq!(window.state().model.tab, Tab::Train);
    assert_eq!(window.state().model.drafts.train.from.as_deref(), Some("recommended-1"));
    // Taken back, there is nothing to learn from again: what is reviewed is exported.
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Gallery)));
    window.run_steps(2);
    press(&mut window, "Export: not exported, to do");
    assert_eq!(window.state().model.tab, Tab::Export);
    let out = dir.path().join("found.npz");
    window.get_by_label("NumPy archive").click();
    window.run_steps(3);
    window.state_mut().model.drafts.export.out = out.display().to_string();
    wait(&mut window, "the counts", |app| {
        app.model.export.preview.last().is_some_and(|((request, _), _)| request.out == out)
    });
    press(&mut window, "Write the export");
    wait(&mut window, "the export", |app| app.model.export.written.is_some());
    window.get_by_label("Export: found.npz, done");
    drop(window);
    // Who comes back sees that it was exported.
    let mut window = opened(&folder);
    window.run_steps(2);
    window.get_by_label("Export: found.npz, done");
}

#[test]
fn the_rail_is_closed_and_opened_again_and_stays_as_it_was_left() {
    let dir = tempfile::tempdir().unwrap();
    let project = nine(dir.path());
    let start = || Start {
        project: Some(project.clone()),
        settings: Some(dir.path().join("settings.json")),
        ..Start::default()
    };
    let mut window = window_with(start());
    wait(&mut window, "the project", |app| app.model.project.is_some());
    press(&mut window, "Hide the steps");
    assert!(window.query_by_label("Label particles").is_none());
    drop(window);
    let mut window = window_with(start());
    wait(&mut window, "the project", |app| app.model.project.is_some());
    assert!(window.query_by_label("Label particles").is_none(), "it was closed");
    window.key_press(Key::F9);
    window.run_steps(4);
    window.get_by_label("Label particles");
}
