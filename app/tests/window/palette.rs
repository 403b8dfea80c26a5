//! The palette and the settings of keys: commands by name, recent projects, keys that are pressed.

use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use vitrine::gui::command::{Command, ProjectCommand, ViewCommand};
use vitrine::gui::values::{Overlay, SortKey, Tab};
use vitrine_core::Label;

use crate::support::{Window, analysed, nine, opened, said, wait};
use crate::train::{ended, ready};

/// Opens the palette, types `words` and presses Enter.
pub fn give(window: &mut Window, words: &str) {
    window.key_press_modifiers(Modifiers::COMMAND, Key::P);
    window.run_steps(3);
    window.get_by_label("Type part of a name").type_text(words);
    window.run_steps(3);
    window.key_press(Key::Enter);
    window.run_steps(3);
}

#[test]
fn sorting_and_filtering_are_in_the_palette() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&analysed(dir.path()));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Export)));
    let order = |window: &Window| window.state().model.project.as_ref().unwrap().shown.order.clone();
    give(&mut window, "sort by score");
    assert_eq!((order(&window).key, order(&window).descending), (SortKey::Score, true));
    assert_eq!(window.state().model.tab, Tab::Gallery, "what was sorted is shown");
    give(&mut window, "sort by score");
    assert_eq!((order(&window).key, order(&window).descending), (SortKey::Score, false));
    give(&mut window, "only unlabeled");
    assert_eq!(order(&window).filter.labels, [Label::Unlabeled]);
    wait(&mut window, "the filter", |app| app.model.project.as_ref().unwrap().shown.ids.len() == 90);
    give(&mut window, "filter show all");
    wait(&mut window, "all", |app| app.model.project.as_ref().unwrap().shown.ids.len() == 120);
}

#[test]
fn a_recent_project_is_opened_from_the_palette() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (nine(dir.path()), analysed(dir.path()));
    let mut window = opened(&first);
    window.state_mut().apply(Command::Project(ProjectCommand::Open(second)));
    wait(&mut window, "the second", |app| app.model.project.as_ref().is_some_and(|open| open.len() == 120));
    give(&mut window, "recent nine");
    wait(&mut window, "the first", |app| app.model.project.as_ref().is_some_and(|open| open.len() == 9));
}

#[test]
fn a_run_is_started_from_the_palette() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, _) = ready(dir.path(), 1);
    window.state_mut().model.drafts.train.config.schedule.epochs = 0;
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Gallery)));
    give(&mut window, "start training");
    assert!(said(&window).contains("schedule.epochs is 0"), "{}", said(&window));
    assert!(window.state().model.live.is_none());
    assert_eq!(window.state().model.tab, Tab::Train, "where it can be mended");
    window.state_mut().model.drafts.train.config.schedule.epochs = 1;
    give(&mut window, "start training");
    wait(&mut window, "the run", |app| app.model.live.as_ref().is_some_and(|live| live.name == "short-1"));
    ended(&mut window);
    // What the form refuses, the palette refuses: no run is made that could only fail.
    window.state_mut().model.drafts.train.name = "short-1".to_owned();
    give(&mut window, "start training");
    assert!(said(&window).contains("run 'short-1' already"), "{}", said(&window));
    assert_eq!(window.state().model.project.as_ref().unwrap().runs.len(), 1);
    assert_eq!(window.state().model.drafts.train.name, "short-1", "the form was emptied");
}

#[test]
fn a_key_is_changed_by_pressing_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.state_mut().apply(Command::View(ViewCommand::Overlay(Some(Overlay::Settings))));
    window.run_steps(3);
    window.get_by_label("Find").focus();
    window.run_steps(2);
    window.get_by_label("Find").type_text("large view");
    window.run_steps(3);
    window.get_by_label("Space").click();
    window.run_steps(3);
    window.get_by_label("Press a key…");
    // Escape leaves the key, and the dialog open.
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.state().model.overlay.is_some());
    window.get_by_label("Space").click();
    window.run_steps(3);
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    window.run_steps(3);
    window.get_by_label("Ctrl+Shift+L").click();
    window.run_steps(3);
    window.get_by_label("Type it").click();
    window.run_steps(3);
    window.get_by_label("Key of Large view");
    window.key_press(Key::Escape);
    window.run_steps(3);
    window.state_mut().apply(Command::View(ViewCommand::Overlay(None)));
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    window.run_steps(2);
    assert!(window.state().model.gallery.large);
}

#[test]
fn the_list_of_keys_tells_what_the_mouse_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.key_press(Key::Questionmark);
    window.run_steps(3);
    window.get_by_label("Mouse in the gallery");
    window.get_by_label("Hold 1/2/3");
    window.get_by_label("Ctrl+Wheel");
}
