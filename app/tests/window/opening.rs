//! Opening projects: good ones, none, and those that another process holds.

use std::path::PathBuf;

use egui_kittest::kittest::Queryable as _;
use vitrine::gui::command::{Command, ProjectCommand, ViewCommand};
use vitrine::gui::values::{Filter, Order, SortKey, Start};
use vitrine_core::Label;
use vitrine_core::project::Project;

use crate::support::{nine, opened, said, wait, window, window_with};
use eframe::egui::Key;

#[test]
fn without_a_project_there_is_a_first_screen() {
    let mut window = window(None);
    window.run_steps(3);
    window.get_by_label("Open the sample");
    window.get_by_label("No project is open");
}

#[test]
fn a_folder_that_is_no_project_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = window(Some(dir.path()));
    wait(&mut window, "the sentence", |app| !app.model.notices.shown().is_empty());
    assert!(said(&window).contains("is no Vitrine project"), "{}", said(&window));
    window.get_by_label("Problem");
    assert!(window.state().model.project.is_none());
}

#[test]
fn a_locked_project_is_opened_to_look_at() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let holder = Project::open(&folder).unwrap();
    let mut window = opened(&folder);
    assert!(said(&window).contains("open for writing in another process"), "{}", said(&window));
    window.get_by_label("read only");
    window.key_press(Key::N);
    window.run_steps(2);
    assert!(said(&window).contains("The project is read-only."), "{}", said(&window));
    assert_eq!(holder.label_counts().unwrap().negative, 1);
}

#[test]
fn recent_projects_outlive_the_window() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let settings: Option<PathBuf> = Some(dir.path().join("config/settings.json"));
    let mut first =
        window_with(Start { project: Some(folder.clone()), settings: settings.clone(), ..Start::default() });
    wait(&mut first, "the project", |app| app.model.project.is_some());
    drop(first);
    let mut second = window_with(Start { settings, ..Start::default() });
    second.run_steps(3);
    wait(&mut second, "its card", |app| app.model.recents.of(&folder).ready().is_some());
    second.get_by_label_contains("Open nine: 9 patches, 2 positive").click();
    wait(&mut second, "the recent project", |app| app.model.project.is_some());
}

#[test]
fn the_gallery_is_filtered_and_sorted_by_a_job() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    let filter = Filter { labels: vec![Label::Unlabeled], ..Filter::default() };
    let order = Order { descending: true, filter, ..Order::default() };
    window.state_mut().apply(Command::View(ViewCommand::Order(Box::new(order))));
    wait(&mut window, "the order", |app| app.model.project.as_ref().unwrap().shown.ids.len() == 6);
    let shown = |app: &vitrine::gui::App| app.model.project.as_ref().unwrap().shown.clone();
    assert_eq!(*shown(window.state()).ids, [8, 7, 6, 5, 4, 3]);
    // A labelled patch stays where it is until the person asks.
    window.key_press(Key::P);
    window.run_steps(2);
    assert_eq!((shown(window.state()).ids.len(), shown(window.state()).stale), (6, true));
    window.get_by_label("Refresh").click();
    wait(&mut window, "the new order", |app| !app.model.project.as_ref().unwrap().shown.stale);
    assert_eq!(*shown(window.state()).ids, [7, 6, 5, 4, 3]);
    // Without a run there are no scores to sort by: a sentence, and the order stays.
    let by_score = Order { key: SortKey::Score, ..Order::default() };
    window.state_mut().apply(Command::View(ViewCommand::Order(Box::new(by_score))));
    window.run_steps(2);
    assert!(said(&window).contains("No run has scored this project yet"), "{}", said(&window));
    assert_eq!(shown(window.state()).ids.len(), 5);
}

#[test]
fn what_another_handle_wrote_comes_with_reload() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let mut holder = Project::open(&folder).unwrap();
    let mut window = opened(&folder);
    let ada = vitrine_core::project::Actor::Person("ada".into());
    holder.set_labels(&[(5, Label::Positive)], &ada, None, "").unwrap();
    window.state_mut().apply(Command::Project(ProjectCommand::Reload));
    wait(&mut window, "the reload", |app| app.model.project.as_ref().unwrap().counts.positive == 3);
}
