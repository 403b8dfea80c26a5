//! The window's own file browser, where the desktop has no file dialog.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vitrine::gui::app::dialog::FileAnswer;
use vitrine::gui::command::{
    Command, ImportCommand, ProjectCommand, SaveCommand, SettingsCommand, ViewCommand,
};
use vitrine::gui::values::{Overlay, PathPurpose, PathQuestion};
use vitrine_core::learning::config::yaml;

use crate::support::{Window, nine, opened, said, wait, window};

/// Folders `apo` (a project), `micrographs`, `.hidden` and files of three kinds.
fn files(dir: &Path) -> PathBuf {
    let folder = dir.join("files");
    for name in ["micrographs", ".hidden"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    std::fs::rename(nine(&folder), folder.join("apo")).unwrap();
    for name in
        ["one.yaml", "only.yml", "picks.star", "notes.odt", "micrographs/m1.mrc", "micrographs/m2.mrc"]
    {
        std::fs::write(folder.join(name), "schedule:\n  epochs: 7\n").unwrap();
    }
    folder
}

/// A window on a desktop without file dialogs; questions begin in this folder.
fn without_dialogs(mut window: Window, folder: &Path) -> Window {
    window.state_mut().dialogs_with(Arc::new(|_| FileAnswer::NoDialog));
    window.state_mut().model.settings.recent_folders = vec![folder.to_owned()];
    window
}

fn listed(window: &mut Window) {
    wait(window, "the folder", |app| app.model.listing.newest().ready().is_some());
    window.run_steps(2);
}

fn path(window: &Window) -> PathBuf {
    window.state().model.ask_path.as_ref().unwrap().path.clone()
}

fn type_text(window: &mut Window, text: &str) {
    window.event(Event::Text(text.to_owned()));
    window.run_steps(3);
}

fn press(window: &mut Window, key: Key) {
    window.key_press(key);
    window.run_steps(3);
}

fn ask_config(window: &mut Window, folder: &Path) {
    let ask = PathQuestion::new("Open a configuration", folder.join(""), PathPurpose::OpenConfig);
    window.state_mut().apply(Command::Save(SaveCommand::Ask(Box::new(ask))));
    listed(window);
}

#[test]
fn a_project_is_opened_where_the_desktop_has_no_dialog() {
    let dir = tempfile::tempdir().unwrap();
    let folder = files(dir.path());
    let mut window = without_dialogs(window(None), &folder);
    window.state_mut().apply(Command::Project(ProjectCommand::OpenDialog));
    wait(&mut window, "the browser", |app| app.model.ask_path.is_some());
    listed(&mut window);
    // Folders alone, and none that is hidden.
    window.get_by_label("micrographs");
    assert!(window.query_by_label("picks.star").is_none() && window.query_by_label(".hidden").is_none());
    window.get_by_label("apo").click();
    window.run_steps(3);
    assert_eq!(path(&window), folder.join("apo"));
    window.get_by_label("Choose this folder").click();
    wait(&mut window, "the project", |app| app.model.project.is_some());
    assert!(window.state().model.ask_path.is_none());
    assert_eq!(said(&window), "");
    // The desktop is not asked again.
    window.state_mut().apply(Command::Project(ProjectCommand::OpenDialog));
    assert!(window.state().model.ask_path.is_some());
    window.run_steps(3);
    // The dialog keeps its size while the folder is read.
    window.get_by_label("Cancel").click();
    window.run_steps(3);
    assert!(window.state().model.ask_path.is_none());
}

#[test]
fn a_name_is_completed_and_chosen_by_keys_alone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = files(dir.path());
    let mut window = opened(&folder.join("apo"));
    ask_config(&mut window, &folder);
    // Only files of the kind wanted, until the person asks for all.
    assert!(window.query_by_label("notes.odt").is_none());
    window.get_by_label("Show all files, not only configurations").click();
    window.run_steps(3);
    window.get_by_label("notes.odt");
    window.get_by_label("Show all files, not only configurations").click();
    window.run_steps(3);
    window.get_by_role_and_label(Role::TextInput, "File").focus();
    window.run_steps(3);
    type_text(&mut window, "o");
    press(&mut window, Key::Tab);
    assert_eq!(path(&window), folder.join("on"), "as far as all agree");
    type_text(&mut window, "e");
    press(&mut window, Key::Tab);
    assert_eq!(path(&window), folder.join("one.yaml"));
    press(&mut window, Key::Enter);
    wait(&mut window, "the configuration", |app| app.model.drafts.train.config.schedule.epochs == 7);
    assert_eq!(window.state().model.settings.recent_folders, std::slice::from_ref(&folder));

    // Arrow keys go through the list: apo, micrographs, one.yaml, only.yml.
    std::fs::write(folder.join("only.yml"), "schedule:\n  epochs: 9\n").unwrap();
    ask_config(&mut window, &folder);
    for _ in 0..2 {
        press(&mut window, Key::ArrowDown);
    }
    press(&mut window, Key::Enter);
    assert_eq!(path(&window), folder.join("micrographs"), "a folder is entered");
    listed(&mut window);
    window.get_by_label("Folder above").click();
    window.run_steps(3);
    listed(&mut window);
    window.get_by_role_and_label(Role::TextInput, "File").focus();
    window.run_steps(3);
    for _ in 0..9 {
        press(&mut window, Key::ArrowDown);
    }
    press(&mut window, Key::Enter);
    wait(&mut window, "the other", |app| app.model.drafts.train.config.schedule.epochs == 9);
}

#[test]
fn files_for_an_import_are_marked_and_a_recent_folder_is_a_click_away() {
    let dir = tempfile::tempdir().unwrap();
    let folder = files(dir.path());
    let mut window = without_dialogs(window(None), dir.path());
    window.state_mut().model.settings.recent_folders.push(folder.join("micrographs"));
    window.state_mut().apply(Command::Import(ImportCommand::Add(Vec::new())));
    window.state_mut().apply(Command::Import(ImportCommand::ChooseFiles));
    wait(&mut window, "the browser", |app| app.model.ask_path.is_some());
    listed(&mut window);
    window.get_by_label("Recent folders").click();
    window.run_steps(4);
    window.get_by_label(&folder.join("micrographs").display().to_string()).click();
    window.run_steps(3);
    listed(&mut window);
    assert!(window.get_by_label("Open").accesskit_node().is_disabled(), "nothing is named");
    window.get_by_label("Choose m1.mrc").click();
    window.run_steps(2);
    window.get_by_label("m2.mrc").click();
    window.run_steps(2);
    window.get_by_label("Open 2 files").click();
    wait(&mut window, "both files", |app| app.model.import.as_ref().is_some_and(|i| i.paths.len() == 2));
    let paths = window.state().model.import.as_ref().unwrap().paths.clone();
    assert_eq!(paths, ["m1.mrc", "m2.mrc"].map(|name| folder.join("micrographs").join(name)));
}

#[test]
fn a_new_name_is_given_in_another_folder_and_replacing_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let folder = files(dir.path());
    let mut window = opened(&folder.join("apo"));
    let text = yaml::to_yaml(&window.state().model.drafts.train.config).unwrap();
    let ask =
        PathQuestion::new("Save the configuration", folder.join("one.yaml"), PathPurpose::Text(text.clone()));
    window.state_mut().apply(Command::Save(SaveCommand::Ask(Box::new(ask))));
    listed(&mut window);
    window.get_by_label("This file exists and will be replaced.");
    window.get_by_label("micrographs").click();
    window.run_steps(3);
    listed(&mut window);
    assert_eq!(path(&window), folder.join("micrographs/one.yaml"), "the name stays");
    assert!(window.query_by_label("This file exists and will be replaced.").is_none());
    window.get_by_label("Save").click();
    let saved = folder.join("micrographs/one.yaml");
    wait(&mut window, "the file", |_| saved.is_file());
    assert_eq!(std::fs::read_to_string(saved).unwrap(), text);
    assert_eq!(std::fs::read_to_string(folder.join("one.yaml")).unwrap(), "schedule:\n  epochs: 7\n");
}

#[test]
fn a_folder_that_cannot_be_read_says_why_and_the_browser_can_be_preferred() {
    let dir = tempfile::tempdir().unwrap();
    let folder = files(dir.path());
    let mut window = without_dialogs(window(None), &folder);
    // Chosen in the settings, the desktop is not asked at all.
    window.state_mut().dialogs_with(Arc::new(|_| panic!("the desktop was asked")));
    window.state_mut().apply(Command::Settings(SettingsCommand::OwnBrowser(true)));
    window.state_mut().apply(Command::Project(ProjectCommand::OpenDialog));
    listed(&mut window);
    let missing = folder.join("missing");
    window.state_mut().apply(Command::Save(SaveCommand::Answer(Some(missing.join("")))));
    wait(&mut window, "the reason", |app| {
        app.model.listing.newest().is_settled() && app.model.listing.newest().ready().is_none()
    });
    window.get_by_label_contains("missing");
    assert!(window.query_by_label("micrographs").is_none());
    // A file is refused like any path that holds no project, in words.
    window.state_mut().apply(Command::Save(SaveCommand::Go(missing)));
    wait(&mut window, "the sentence", |app| !app.model.notices.shown().is_empty());
    assert!(said(&window).contains("missing"), "{}", said(&window));
}

/// Everything arrives before the window draws again, as on a machine that draws slowly.
fn in_one_frame(window: &mut Window, text: &str, then: Option<Key>) {
    let events = &mut window.input_mut().events;
    events.push(Event::Text(text.to_owned()));
    if let Some(key) = then {
        let modifiers = Modifiers::NONE;
        events.push(Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers });
    }
    window.run_steps(3);
}

#[test]
fn no_key_is_lost_on_a_machine_that_draws_slowly() {
    let dir = tempfile::tempdir().unwrap();
    let folder = files(dir.path());
    let mut window = without_dialogs(opened(&folder.join("apo")), &folder);
    // Typed before the dialog was drawn for the first time, with Enter.
    let ask = PathQuestion::new("Open a configuration", folder.join(""), PathPurpose::OpenConfig);
    window.state_mut().apply(Command::Save(SaveCommand::Ask(Box::new(ask))));
    in_one_frame(&mut window, "only.yml", Some(Key::Enter));
    assert!(window.state().model.ask_path.is_none(), "{:?}", window.state().model.ask_path);
    assert_eq!(window.state().model.drafts.train.opened, Some(folder.join("only.yml")));
    // A mistake stays with what was typed.
    ask_config(&mut window, &folder);
    in_one_frame(&mut window, "none.yaml", Some(Key::Enter));
    assert_eq!(path(&window), folder.join("none.yaml"));
    window.state_mut().apply(Command::Save(SaveCommand::Answer(None)));
    window.run_steps(3);
    // The palette.
    window.state_mut().apply(Command::View(ViewCommand::Overlay(Some(Overlay::Palette))));
    in_one_frame(&mut window, "open a configuration", Some(Key::Enter));
    assert!(window.state().model.ask_path.is_some());
}
