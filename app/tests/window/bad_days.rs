//! Things that go wrong outside: each is a sentence, what was stored stays, and the window goes on.

use std::path::Path;

use egui_kittest::kittest::Queryable as _;
use vitrine::gui::command::{Command, ProjectCommand, TrainCommand, ViewCommand};
use vitrine::gui::model::{LivePhase, Tab};
use vitrine_core::learning::checkpoint::resume_path;
use vitrine_core::learning::config_file;
use vitrine_core::learning::device::DeviceChoice;
use vitrine_core::project::Project;

use crate::support::{drawn, nine, opened, said, small, wait, window};
use eframe::egui::Key;

fn counts(window: &crate::support::Window) -> vitrine_core::LabelCounts {
    window.state().model.project.as_ref().unwrap().counts
}

#[test]
#[cfg(unix)]
fn a_project_deleted_while_open_takes_no_labels_and_the_window_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let other = small(dir.path());
    let mut window = opened(&folder);
    window.key_press(Key::N);
    window.run_steps(2);
    let before = counts(&window);
    let aside = dir.path().join("aside");
    std::fs::rename(&folder, &aside).unwrap();
    window.key_press(Key::N);
    window.run_steps(2);
    assert!(
        said(&window).contains("no longer in") && said(&window).contains("nothing was changed"),
        "{}",
        said(&window)
    );
    assert_eq!(counts(&window), before, "what is on the screen is what is on the disk");
    window.get_by_label("Problem");
    // Other views still open, and so does another project.
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Export)));
    window.run_steps(3);
    window.state_mut().apply(Command::Project(ProjectCommand::Open(other.clone())));
    wait(&mut window, "the other project", |app| {
        app.model.project.as_ref().is_some_and(|open| open.dir == other)
    });
    drop(window);
    // The label set before is safe where the folder is now.
    assert_eq!(Project::open(&aside).unwrap().label_counts().unwrap(), before);
}

/// Sets SQLite's number of the schema.
fn set_schema_version(database: &Path, version: u8) {
    // The user version is the big-endian number at byte 60 of the file.
    use std::io::{Seek as _, SeekFrom, Write as _};
    let mut file = std::fs::OpenOptions::new().write(true).open(database).unwrap();
    file.seek(SeekFrom::Start(60)).unwrap();
    file.write_all(&[0, 0, 0, version]).unwrap();
}

#[test]
fn a_project_of_a_newer_version_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    set_schema_version(&folder.join("project.sqlite"), 99);
    let before = std::fs::read(folder.join("project.sqlite")).unwrap();
    let mut window = window(Some(&folder));
    wait(&mut window, "the sentence", |app| !app.model.notices.shown().is_empty());
    assert!(said(&window).contains("this program knows up to"), "{}", said(&window));
    assert!(said(&window).contains("open it with a newer Vitrine"), "{}", said(&window));
    window.get_by_label("Open the sample");
    assert_eq!(std::fs::read(folder.join("project.sqlite")).unwrap(), before);
}

#[test]
fn a_checkpoint_of_a_newer_version_is_named_and_labelling_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let folder = small(dir.path());
    let mut window = opened(&folder);
    let mut config = config_file::load("supervised_baseline").unwrap();
    config.schedule.epochs = 400;
    let start = vitrine::gui::command::TrainStart {
        name: Some("long".to_owned()),
        base_name: "long".to_owned(),
        config,
        device: DeviceChoice::Cpu,
    };
    window.state_mut().apply(Command::Train(TrainCommand::Start(Box::new(start))));
    wait(&mut window, "an epoch", |app| app.model.live.as_ref().is_some_and(|live| !live.epochs.is_empty()));
    window.state_mut().apply(Command::Train(TrainCommand::Stop));
    wait(&mut window, "the end", |app| app.model.live.as_ref().is_some_and(|live| !live.is_running()));
    // The header says "format":N; a newer program would write a larger number.
    let path = resume_path(&folder.join("runs/long"));
    let bytes = std::fs::read(&path).unwrap();
    let at = find(&bytes, b"\\\"format\\\":1").expect("the format of the checkpoint");
    let mut newer = bytes.clone();
    newer[at + b"\\\"format\\\":".len()] = b'9';
    std::fs::write(&path, newer).unwrap();
    let go_on = TrainCommand::Continue { run: "long".to_owned(), device: DeviceChoice::Cpu };
    window.state_mut().apply(Command::Train(go_on));
    wait(&mut window, "the sentence", |app| {
        app.model.live.as_ref().is_some_and(|live| matches!(live.phase, LivePhase::Failed(_)))
    });
    assert!(said(&window).contains("newer") && said(&window).contains("update Vitrine"), "{}", said(&window));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Gallery)));
    window.run_steps(2);
    let before = counts(&window);
    window.key_press(Key::N);
    window.run_steps(2);
    assert_eq!(counts(&window).negative, before.negative + 1);
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|part| part == what)
}

#[test]
fn a_fault_of_the_graphics_device_is_a_sentence_and_labels_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let mut window = drawn(Some(&folder), vitrine::gui::settings::Theme::Dark);
    wait(&mut window, "the project", |app| app.model.project.is_some());
    let state = window.state().model.graphics.render_state.clone().expect("a device to draw with");
    // A buffer that is mapped both ways is refused by every device.
    use eframe::wgpu::{BufferDescriptor, BufferUsages};
    let _refused = state.device.create_buffer(&BufferDescriptor {
        label: None,
        size: 16,
        usage: BufferUsages::MAP_READ | BufferUsages::MAP_WRITE | BufferUsages::STORAGE,
        mapped_at_creation: false,
    });
    wait(&mut window, "the sentence", |app| {
        app.model.notices.shown().iter().any(|notice| notice.text.contains("graphics device refused"))
    });
    window.key_press(Key::N);
    window.run_steps(2);
    drop(window);
    assert_eq!(Project::open(&folder).unwrap().label_counts().unwrap().negative, 2);
}

#[test]
fn a_software_rasteriser_is_named() {
    let window = drawn(None, vitrine::gui::settings::Theme::Dark);
    let graphics = &window.state().model.graphics;
    assert_eq!(said(&window).contains("is drawn by the processor"), graphics.software, "{}", graphics.name);
}

#[test]
fn a_folder_that_cannot_be_made_is_a_sentence() {
    // A file where the folder should be: the system refuses, for root too.
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "in the way").unwrap();
    let mut window = window(None);
    window.state_mut().apply(Command::Project(ProjectCommand::Sample(dir.path().join("file/sample"))));
    wait(&mut window, "the sentence", |app| !app.model.notices.shown().is_empty());
    assert!(said(&window).contains("Making the sample project: could not create"), "{}", said(&window));
    window.get_by_label("Open the sample");
}
