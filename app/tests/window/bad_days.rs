//! Things that go wrong outside: each is a sentence, what was stored stays, and the window goes on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use vitrine::gui::command::{Command, ProjectCommand, SelectCommand, TrainCommand, ViewCommand};
use vitrine::gui::model::LivePhase;
use vitrine::gui::values::Tab;
use vitrine_core::device::DeviceChoice;
use vitrine_core::learning::config::RiskKind;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::train::checkpoint::resume_path;
use vitrine_core::project::Project;

#[cfg(target_os = "linux")]
use crate::needs::{Need, missing};
use crate::support::{ask_to_close, drawn, nine, opened, said, small, wait, window};
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
    // And a second where the label before was not on the disk yet.
    assert!(window.get_all_by_label("Problem").count() >= 1);
    // Other views still open, and so does another project.
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Export)));
    window.run_steps(3);
    window.state_mut().apply(Command::Project(ProjectCommand::Open(other.clone())));
    wait(&mut window, "the other project", |app| {
        app.model.project.as_ref().is_some_and(|open| open.dir == other)
    });
    drop(window);
    // The label set before is safe where the folder is now.
    assert_eq!(Project::open_read_only(&aside).unwrap().label_counts().unwrap(), before);
}

/// A disk that takes what is written and fails when it is to keep it: the sentence comes later.
#[test]
fn a_disk_that_fails_after_the_label_is_a_sentence_and_closing_asks() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let full = Arc::new(AtomicBool::new(false));
    let its = Arc::clone(&full);
    let mut window = window(None);
    window.state_mut().flush_with(Arc::new(move |file| match its.load(Ordering::SeqCst) {
        true => Err(std::io::ErrorKind::StorageFull.into()),
        false => file.sync_data(),
    }));
    window.state_mut().apply(Command::Project(ProjectCommand::Open(folder.clone())));
    wait(&mut window, "the project", |app| app.model.project.is_some());
    full.store(true, Ordering::SeqCst);
    window.key_press(Key::N);
    wait(&mut window, "the sentence", |app| app.model.disk.failed.is_some());
    assert!(
        said(&window).contains("the disk is full") && said(&window).contains("the last change"),
        "{}",
        said(&window)
    );
    window.get_by_label("Problem");
    window.get_by_label("labels not saved yet");
    // The label is on the screen and in the project, and is not claimed to be safe.
    assert_eq!(counts(&window).negative, 2);
    assert_eq!(Project::open_read_only(&folder).unwrap().label_counts().unwrap(), counts(&window));
    // Neither an export nor a run begins with labels that are not on the disk.
    let start = vitrine::gui::values::TrainStart {
        name: Some("early".to_owned()),
        base_name: "early".to_owned(),
        config: yaml::load("supervised_baseline").unwrap(),
        device: DeviceChoice::Cpu,
    };
    window.state_mut().apply(Command::Train(TrainCommand::Start(Box::new(start))));
    wait(&mut window, "the refusal", |app| {
        app.model
            .live
            .as_ref()
            .is_some_and(|live| matches!(&live.phase, LivePhase::Failed(why) if why.contains("disk is full")))
    });
    assert!(Project::open_read_only(&folder).unwrap().runs().unwrap().is_empty());
    // Closing asks.
    ask_to_close(&mut window);
    wait(&mut window, "the question", |app| app.model.overlay.is_some());
    window.get_by_label("Labels are not saved yet");
    window.get_by_label("Keep open").click();
    window.run_steps(2);
    // With room again everything is brought onto the disk by itself.
    full.store(false, Ordering::SeqCst);
    wait(&mut window, "the labels", |app| app.model.disk.failed.is_none());
    assert!(said(&window).contains("All labels are saved"), "{}", said(&window));
    window.key_press(Key::N);
    window.run_steps(2);
    let shown = counts(&window);
    drop(window);
    assert_eq!(Project::open_read_only(&folder).unwrap().label_counts().unwrap(), shown);
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
    let mut config = yaml::load("supervised_baseline").unwrap();
    config.schedule.epochs = 400;
    let start = vitrine::gui::values::TrainStart {
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
    let mut window = drawn(Some(&folder), vitrine::gui::values::Theme::Dark);
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
    assert_eq!(Project::open_read_only(&folder).unwrap().label_counts().unwrap().negative, 2);
}

#[test]
fn a_software_rasteriser_is_named() {
    let window = drawn(None, vitrine::gui::values::Theme::Dark);
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

/// A run that cannot learn: known negatives are wanted and there are none.
#[test]
fn a_failed_run_says_why_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, _) = crate::train::ready(dir.path(), 3);
    window.state_mut().model.drafts.train.config.risk.kind = RiskKind::Supervised;
    window.run_steps(2);
    window.get_all_by_role_and_label(Role::Button, "Train").last().unwrap().click_accesskit();
    wait(&mut window, "the failure", |app| {
        app.model.live.as_ref().is_some_and(|live| matches!(live.phase, LivePhase::Failed(_)))
    });
    window.get_by_label("Failed");
    // In the frame under the run's name and in the notice: the reason, and what can be done.
    let shown = window.get_all_by_label_contains("the supervised risk needs known negatives").count();
    assert_eq!(shown, 2, "{}", said(&window));
    assert!(said(&window).contains("label some negatives, or use risk.kind naive"), "{}", said(&window));
    window.get_by_label("See the diagnosis").click();
    window.run_steps(2);
    assert_eq!(window.state().model.tab, Tab::Diagnosis);
    // Another run can be started at once.
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    window.state_mut().model.drafts.train.config.risk.kind = RiskKind::Nnpu;
    window.run_steps(2);
    window.get_all_by_role_and_label(Role::Button, "Train").last().unwrap().click_accesskit();
    crate::train::ended(&mut window);
}

/// A process that holds the project, until it is dropped.
#[cfg(unix)]
struct Holder(std::process::Child);

#[cfg(unix)]
impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[cfg(unix)]
fn a_project_in_which_another_process_trains_is_looked_at_and_taken_over_when_that_ends() {
    let dir = tempfile::tempdir().unwrap();
    let folder = small(dir.path());
    let runs = || Project::open_read_only(&folder).unwrap().runs().unwrap().len();
    let runs_before = runs();
    let log = std::fs::File::create(dir.path().join("log")).unwrap();
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .args(["train"])
        .arg(&folder)
        .args(["--config", "pu_only", "--epochs", "10000", "--prior", "0.2", "--device", "cpu"])
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let holder = Holder(run);
    let clock = std::time::Instant::now();
    // Looked at without taking the lock, which the process would then find taken.
    while runs() == runs_before {
        let said = std::fs::read_to_string(dir.path().join("log")).unwrap();
        assert!(clock.elapsed().as_secs() < 60, "nobody took the lock: {said}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut window = opened(&folder);
    assert!(said(&window).contains("open for writing in another process"), "{}", said(&window));
    window.get_by_label("read only");
    let before = counts(&window);
    window.key_press(Key::N);
    window.run_steps(2);
    assert_eq!(counts(&window), before);
    drop(holder);
    window.state_mut().apply(Command::Project(ProjectCommand::Close));
    window.state_mut().apply(Command::Project(ProjectCommand::Open(folder)));
    wait(&mut window, "the project", |app| {
        app.model.project.as_ref().is_some_and(|open| open.read_only.is_none())
    });
    window.key_press(Key::N);
    window.run_steps(2);
    assert_eq!(counts(&window).negative, before.negative + 1);
}

/// Names the test that runs again as a child, on a disk of its own; holds where that is.
#[cfg(target_os = "linux")]
const SMALL_DISK: &str = "VITRINE_SMALL_DISK";

#[test]
#[cfg(target_os = "linux")]
fn on_a_full_disk_nothing_is_lost_and_labelling_goes_on_when_there_is_room() {
    if let Some(disk) = std::env::var_os(SMALL_DISK) {
        return label_on_a_full_disk(Path::new(&disk));
    }
    let test = "bad_days::on_a_full_disk_nothing_is_lost_and_labelling_goes_on_when_there_is_room";
    let missing = |why: &str| missing(Need::Mount, test, why);
    // A file system in memory of 4 MB, seen by the child only.
    let dir = tempfile::tempdir().unwrap();
    let child = std::process::Command::new("unshare")
        .args(["-r", "-m", "sh", "-c"])
        .arg(format!(
            "mount -t tmpfs -o size=4m none \"${SMALL_DISK}\" || exit 77; exec \"$0\" --exact {test}"
        ))
        .arg(std::env::current_exe().unwrap())
        .env(SMALL_DISK, dir.path())
        .output();
    match child {
        Ok(child) if child.status.code() == Some(77) => {
            missing("needs a system that mounts a file system for a test");
        }
        Ok(child) => {
            let said = [child.stdout, child.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
            if said[1].contains("unshare failed") {
                missing(&format!("needs user namespaces: {}", said[1].trim()));
            } else {
                assert!(child.status.success() && said[0].contains("1 passed"), "{}", said.join("\n"));
            }
        }
        Err(e) => missing(&format!("needs unshare: {e}")),
    }
}

#[cfg(target_os = "linux")]
fn label_on_a_full_disk(disk: &Path) {
    let folder = small(disk);
    let mut window = opened(&folder);
    window.key_press(Key::N);
    window.run_steps(2);
    let before = counts(&window);
    assert_eq!(before.negative, 1);
    // Whatever is left is taken by something else.
    let filler = disk.join("filler");
    let mut size = 1 << 16;
    while size > 0 {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&filler).unwrap();
        if file.write_all(&vec![0; size]).is_err() {
            size /= 2;
        }
    }
    // Small changes may still fit into pages that SQLite has; a large one does not.
    window.state_mut().apply(Command::Select(SelectCommand::All));
    for key in [Key::P, Key::U, Key::N, Key::P, Key::U, Key::N, Key::P, Key::U] {
        window.key_press(key);
        window.run_steps(2);
        if said(&window).contains("disk is full") {
            break;
        }
    }
    assert!(said(&window).contains("the disk is full; nothing was changed"), "{}", said(&window));
    let on_screen = counts(&window);
    let on_disk = Project::open_read_only(&folder).unwrap().label_counts().unwrap();
    assert_eq!(on_screen, on_disk, "what is on the screen is what is on the disk");
    // An export there is a sentence too, and leaves nothing behind.
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Export)));
    window.run_steps(2);
    window.state_mut().model.drafts.export.out = disk.join("all.star").display().to_string();
    window.run_steps(2);
    wait(&mut window, "the counts", |app| app.model.export.preview.newest().ready().is_some());
    window.get_by_label("Write the export").click();
    wait(&mut window, "the sentence", |app| {
        app.model.notices.shown().iter().any(|notice| notice.text.contains("all.star"))
    });
    assert!(!disk.join("all.star").exists());
    // With room again all goes on.
    std::fs::remove_file(&filler).unwrap();
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Gallery)));
    window.run_steps(2);
    window.key_press(Key::N);
    window.run_steps(2);
    assert_eq!(counts(&window).negative, 120);
    drop(window);
    assert_eq!(Project::open_read_only(&folder).unwrap().label_counts().unwrap().negative, 120);
}

#[test]
fn a_lost_graphics_device_is_a_sentence_and_labels_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let mut window = drawn(Some(&folder), vitrine::gui::values::Theme::Dark);
    wait(&mut window, "the project", |app| app.model.project.is_some());
    let state = window.state().model.graphics.render_state.clone().expect("a device to draw with");
    state.device.destroy();
    let _ = state.device.poll(eframe::wgpu::PollType::Poll);
    wait(&mut window, "the sentence", |app| {
        app.model.notices.shown().iter().any(|notice| notice.text.contains("graphics device was lost"))
    });
    window.key_press(Key::N);
    window.run_steps(2);
    // Scrolling asks the lost device for pages that it can no longer hold.
    window.key_press(Key::End);
    window.run_steps(4);
    drop(window);
    assert_eq!(Project::open_read_only(&folder).unwrap().label_counts().unwrap().negative, 2);
}
