//! The first screen: recent projects as cards, those that are missing or broken, and the sample that trains by itself.

use std::path::PathBuf;

use egui_kittest::kittest::Queryable as _;
use vitrine::gui::command::{Command, ProjectCommand};
use vitrine::gui::jobs::{GatePlace, JobKind};
use vitrine::gui::settings::{Settings, SettingsFile};
use vitrine::gui::values::{Load, Tab};

use crate::support::{Window, analysed, nine, wait, window};

/// The first screen with these recent projects.
fn with_recent(recent: &[PathBuf]) -> Window {
    let settings = Settings { recent: recent.to_vec(), ..Settings::default() };
    let (file, _, _) = SettingsFile::load(None);
    let mut window = egui_kittest::Harness::builder()
        .with_size([1280.0, 820.0])
        .with_max_steps(64)
        .build_eframe(move |cc| vitrine::gui::App::with_settings(cc, None, file, settings, None));
    let dirs = recent.to_vec();
    wait(&mut window, "the cards", move |app| dirs.iter().all(|dir| app.model.recents.of(dir).is_settled()));
    window
}

#[test]
fn a_card_has_counts_state_and_pictures_of_its_project() {
    let dir = tempfile::tempdir().unwrap();
    let (trained, bare) = (analysed(dir.path()), nine(dir.path()));
    let window = with_recent(&[trained.clone(), bare.clone()]);
    window.get_by_label_contains("Open small: 120 patches, 30 positive, 2 runs, AUC 0.8");
    window.get_by_label_contains("Open nine: 9 patches, 2 positive, No run yet");
    let Load::Ready(seen) = window.state().model.recents.of(&bare) else { panic!("the card was not read") };
    assert_eq!((seen.patches.len(), seen.patches[0].side), (4, 16));
    assert!(seen.changed.is_some());
}

#[test]
fn a_missing_and_a_broken_project_say_so_and_are_removed_from_the_list() {
    let dir = tempfile::tempdir().unwrap();
    let (missing, broken) = (dir.path().join("gone"), dir.path().join("broken"));
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("project.sqlite"), "no database at all").unwrap();
    let mut window = with_recent(&[missing, broken.clone()]);
    window.get_by_label_contains("Open gone: The folder is missing.");
    window.get_by_label_contains("Open broken: ");
    let Load::Failed(why) = window.state().model.recents.of(&broken) else { panic!("it is broken") };
    assert!(!why.why.is_empty());
    window.get_by_label("Remove gone from list").click();
    window.run_steps(3);
    window.get_by_label("Remove broken from list").click();
    window.run_steps(3);
    assert!(window.state().model.settings.recent.is_empty());
    assert!(broken.join("project.sqlite").is_file(), "its files stay");
    // Without recent projects the picture comes first.
    window.get_by_label_contains("A micrograph with 4 picked particles");
}

#[test]
fn a_card_is_read_again_after_its_project_was_open() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let mut window = with_recent(std::slice::from_ref(&folder));
    window.state_mut().apply(Command::Project(ProjectCommand::Open(folder.clone())));
    wait(&mut window, "the project", |app| app.model.project.is_some());
    window.key_press(eframe::egui::Key::P);
    window.run_steps(2);
    window.key_press(eframe::egui::Key::ArrowRight);
    window.key_press(eframe::egui::Key::ArrowRight);
    window.key_press(eframe::egui::Key::P);
    window.run_steps(3);
    let positives = window.state().model.project.as_ref().unwrap().counts.positive;
    assert!(positives > 2);
    window.state_mut().apply(Command::Project(ProjectCommand::Close));
    wait(&mut window, "the card again", |app| {
        let card = app.model.recents.of(&folder);
        card.ready().is_some_and(|seen| seen.counts.positive == positives)
    });
}

#[test]
fn the_sample_opens_scored_and_trains_in_the_background() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = window(None);
    let clock = std::time::Instant::now();
    let gate = window.state_mut().hold_job(JobKind::Train, GatePlace::BeforeWork);
    window.state_mut().open_sample(dir.path().join("sample"));
    wait(&mut window, "the sample", |app| app.model.project.is_some());
    let opened = clock.elapsed();
    window.get_by_label("Stop the run");
    eprintln!("the sample was there, with scores, after {opened:.1?}");
    let open = window.state().model.project.as_ref().unwrap();
    assert!(open.counts.positive > 100);
    assert_eq!(open.scores.as_ref().unwrap().name, "general-1");
    window.get_by_label_contains("1 of 5");
    window.key_press(eframe::egui::Key::Escape);
    window.run_steps(2);
    assert_eq!(window.state().model.live.as_ref().unwrap().name, "quick-1");
    // Here it is stopped before it computes anything; how a run ends well other tests show.
    window.get_by_label("Stop the run").click();
    window.run_steps(3);
    gate.open();
    wait(&mut window, "its end", |app| app.model.live.as_ref().is_some_and(|live| !live.is_running()));
    assert!(window.query_by_label("Stop the run").is_none(), "nothing is left to stop");
    // Opened again it is there as it was left, and no other run begins.
    window.state_mut().apply(Command::Project(ProjectCommand::Close));
    window.state_mut().open_sample(dir.path().join("sample"));
    wait(&mut window, "the sample again", |app| app.model.project.is_some());
    window.run_steps(3);
    let model = &window.state().model;
    assert!(model.live.is_none() && model.project.as_ref().unwrap().scores.is_some());
}

#[test]
fn the_tour_goes_through_five_places_is_skipped_with_a_key_and_played_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = crate::support::opened(&analysed(dir.path()));
    window.get_by_label("Help").click();
    window.run_steps(3);
    window.get_by_label("Play the tour").click();
    window.run_steps(3);
    let mut tabs = Vec::new();
    for place in 1..=5 {
        window.get_by_label(&format!("{place} of 5"));
        tabs.push(window.state().model.tab);
        window.get_by_label(if place == 5 { "Done" } else { "Next" }).click();
        window.run_steps(3);
    }
    assert_eq!(tabs, [Tab::Gallery, Tab::Gallery, Tab::Train, Tab::Gallery, Tab::Export]);
    assert_eq!(window.state().model.tour, None);
    // What it points at is shown although it was hidden.
    let settings = &mut window.state_mut().model.settings;
    settings.hidden.extend(["road".to_owned(), "queues".to_owned()]);
    let play = vitrine::gui::command_table::info("window.tour").unwrap();
    window.state_mut().apply((play.command)());
    window.run_steps(3);
    window.get_by_label("Next").click();
    window.run_steps(3);
    window.get_by_label("Hide the steps");
    window.key_press(eframe::egui::Key::Escape);
    window.run_steps(3);
    assert_eq!(window.state().model.tour, None);
    assert!(window.query_by_label("Skip the tour").is_none());
}
