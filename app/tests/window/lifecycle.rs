//! The life of jobs, projects and runs: what fails is said once, what is cancelled leaves nothing waiting,
//! and what comes late reaches no other project.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use vitrine::gui::App;
use vitrine::gui::app::dialog::FileAnswer;
use vitrine::gui::command::{
    Command, ExportCommand, ImportCommand, LabelCommand, ProjectCommand, SelectCommand, SettingsCommand,
    TrainCommand, ViewCommand, WindowCommand,
};
use vitrine::gui::jobs::{GatePlace, JobId, JobKind};
use vitrine::gui::model::{LivePhase, NoticeKind};
use vitrine::gui::values::{Load, Overlay, Tab};
use vitrine_core::Label;
use vitrine_core::device::DeviceChoice;
use vitrine_core::learning::train::events::RunPhase;

use crate::support::{Window, analysed, nine, opened, said, small, wait, window};
use crate::training::start;

fn give(window: &mut Window, command: Command) {
    window.state_mut().apply(command);
}

fn job(window: &Window, kind: JobKind) -> JobId {
    window.state().model.jobs.iter().find(|job| job.kind == kind).expect("the job").id
}

/// Gives a command and cancels the job of this kind that it starts, before the job has done anything.
fn cancelled_at_once(window: &mut Window, kind: JobKind, command: Command) {
    let gate = window.state_mut().hold_job(kind, GatePlace::BeforeWork);
    give(window, command);
    wait(window, "the job", |app| app.model.jobs.iter().any(|job| job.kind == kind));
    assert!(gate.is_reached());
    let id = job(window, kind);
    assert!(window.state().model.jobs.iter().any(|job| job.id == id && job.can_cancel));
    give(window, Command::Window(WindowCommand::Cancel(id)));
    gate.open();
    wait(window, "the end of it", |app| app.model.jobs.iter().all(|job| job.id != id));
}

fn dismiss_all(window: &mut Window) {
    let ids: Vec<u64> = window.state().model.notices.shown().iter().map(|notice| notice.id).collect();
    for id in ids {
        give(window, Command::Window(WindowCommand::Dismiss(id)));
    }
    window.run_steps(2);
}

fn ended(window: &mut Window) {
    wait(window, "the end of the run", |app| app.model.live.as_ref().is_some_and(|live| !live.is_running()));
}

#[test]
#[cfg(unix)]
fn what_a_view_asks_for_of_a_folder_that_is_gone_is_said_once() {
    let dir = tempfile::tempdir().unwrap();
    let folder = analysed(dir.path());
    let mut window = opened(&folder);
    let aside = dir.path().join("aside");
    std::fs::rename(&folder, &aside).unwrap();

    give(&mut window, Command::View(ViewCommand::Tab(Tab::Compare)));
    wait(&mut window, "the reason", |app| matches!(app.model.analysis.comparison.newest(), Load::Failed(_)));
    assert!(said(&window).contains("project is no longer in"), "{}", said(&window));
    window.get_by_role_and_label(Role::Button, "Close the project");
    dismiss_all(&mut window);
    window.run_steps(20);
    assert_eq!(said(&window), "", "it came back");
    window.get_by_label("Measure the runs");

    // The export view says it where the counts would stand; the side panel of the gallery too.
    give(&mut window, Command::View(ViewCommand::Tab(Tab::Export)));
    wait(&mut window, "the counts", |app| matches!(app.model.export.preview.newest(), Load::Failed(_)));
    give(&mut window, Command::View(ViewCommand::Tab(Tab::Gallery)));
    give(&mut window, Command::Select(SelectCommand::Place(4)));
    wait(&mut window, "the side panel", |app| {
        let detail = &app.model.project.as_ref().unwrap().detail;
        detail.question().is_some_and(|key| key.patch == 4) && matches!(detail.newest(), Load::Failed(_))
    });
    window.run_steps(20);
    assert_eq!(said(&window), "");
    window.get_by_label_contains("It could not be read: ");

    // Back again, all is measured: coming to a view asks anew.
    std::fs::rename(&aside, &folder).unwrap();
    give(&mut window, Command::View(ViewCommand::Tab(Tab::Compare)));
    wait(&mut window, "the comparison", |app| app.model.analysis.comparison.last().is_some());
}

#[test]
fn a_comparison_that_is_cancelled_can_be_asked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&analysed(dir.path()));
    cancelled_at_once(&mut window, JobKind::Compare, Command::View(ViewCommand::Tab(Tab::Compare)));
    let comparison = &window.state().model.analysis.comparison;
    assert!(matches!(comparison.newest(), Load::Failed(_)) && comparison.last().is_none());
    window.get_by_label_contains("Measuring the runs was cancelled");
    window.get_by_label("Measure the runs").click();
    wait(&mut window, "the comparison", |app| app.model.analysis.comparison.last().is_some());
}

#[test]
fn a_look_at_files_that_is_cancelled_does_not_wait_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("patches.npy");
    let out = std::fs::File::create(&file).unwrap();
    let even = |_, patch: &mut [f32]| {
        patch.fill(0.5);
        Ok(())
    };
    vitrine_core::formats::npy::write_npy(out, &file, 16, 40, even).unwrap();
    let mut window = window(None);
    cancelled_at_once(&mut window, JobKind::Look, Command::Import(ImportCommand::Add(vec![file])));
    let look = |app: &App| app.model.import.as_ref().unwrap().look.newest().ready().is_some();
    assert!(!look(window.state()));
    window.get_by_label_contains("Reading the files was cancelled");
    // Nothing but the person stands in the way, and while there is another look nothing does.
    assert!(window.query_by_label_contains("Fix the problem").is_none());
    window.get_by_label("Re-read").click();
    window.run_steps(3);
    assert!(window.query_by_label_contains("was cancelled").is_none());
    wait(&mut window, "the second look", look);
}

#[test]
fn recognising_files_is_cancelled_and_done_again() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("many");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("1.log"), "a line of a log").unwrap();
    let picks = dir.path().join("m1.box");
    std::fs::write(&picks, "10 20 64 64\n").unwrap();
    let mut window = window(None);
    let add = Command::Import(ImportCommand::Add(vec![folder, picks]));
    cancelled_at_once(&mut window, JobKind::Recognise, add);
    let import = window.state().model.import.as_ref().unwrap();
    assert!(import.proposal().is_none() && import.look.last().is_none());
    assert_eq!(window.get_all_by_label("reading the files was cancelled").count(), 2);
    window.get_by_label("Recognise again").click();
    wait(&mut window, "what they are", |app| app.model.import.as_ref().unwrap().proposal().is_some());
    window.get_by_label("EMAN box file");
    assert!(window.query_by_label("Recognise again").is_none());
}

#[test]
fn the_export_of_a_network_can_be_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&small(dir.path()));
    give(&mut window, start(1));
    ended(&mut window);
    let out = dir.path().join("net.safetensors");
    let write = ExportCommand::WriteModel { run: "short-1".to_owned(), out: out.clone(), force: false };
    cancelled_at_once(&mut window, JobKind::Export, Command::Export(write.clone()));
    let card = out.with_extension("json");
    assert!(!out.exists() && !card.exists());
    assert!(said(&window).contains("Cancelled: Exporting to"), "{}", said(&window));
    give(&mut window, Command::Export(write));
    wait(&mut window, "the export", |app| app.model.export.written.is_some());
    assert!(out.exists() && card.exists());
}

#[test]
fn cancelling_a_paused_run_ends_it_and_its_scores_are_offered() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&small(dir.path()));
    give(&mut window, start(500));
    wait(&mut window, "an epoch", |app| app.model.live.as_ref().is_some_and(|live| !live.epochs.is_empty()));
    // A run takes orders one after another: it is paused when it reads of the end.
    give(&mut window, Command::Train(TrainCommand::Pause));
    let id = job(&window, JobKind::Train);
    give(&mut window, Command::Window(WindowCommand::Cancel(id)));
    ended(&mut window);
    window.run_steps(10);
    let model = &window.state().model;
    assert!(matches!(model.live.as_ref().unwrap().phase, LivePhase::Ended(Some(_))));
    // No error about scores that nobody has computed, but the next step.
    assert!(model.notices.shown().iter().all(|notice| notice.kind != NoticeKind::Error), "{}", said(&window));
    assert!(said(&window).contains("have no scores yet"), "{}", said(&window));
    window.get_by_role_and_label(Role::Button, "Score the patches").click();
    wait(&mut window, "the scores", |app| app.model.project.as_ref().unwrap().scores.is_some());
}

/// Why the run of this window ended early.
fn why_it_ended(window: &Window) -> String {
    let LivePhase::Ended(Some(why)) = window.state().model.live.as_ref().unwrap().phase.clone() else {
        panic!("the run should have ended")
    };
    why
}

#[test]
fn a_run_that_is_cancelled_before_it_begins_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&small(dir.path()));
    cancelled_at_once(&mut window, JobKind::Train, start(500));
    ended(&mut window);
    assert_eq!(why_it_ended(&window), "stopped before it started; nothing of it is kept");
    assert!(window.state().model.project.as_ref().unwrap().runs.is_empty());
}

#[test]
fn a_run_that_is_cancelled_says_what_is_kept_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&small(dir.path()));
    give(&mut window, start(500));
    wait(&mut window, "an epoch", |app| app.model.live.as_ref().is_some_and(|live| !live.epochs.is_empty()));
    let id = job(&window, JobKind::Train);
    give(&mut window, Command::Window(WindowCommand::Cancel(id)));
    ended(&mut window);
    let runs = &window.state().model.project.as_ref().unwrap().runs;
    let stored = runs.iter().find(|run| run.name == "short-1").unwrap();
    assert_eq!(Some(why_it_ended(&window)), stored.message);
}

#[test]
fn a_run_tells_that_it_scores_and_takes_no_orders_then() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&small(dir.path()));
    give(&mut window, start(1));
    ended(&mut window);
    let live = window.state().model.live.as_ref().unwrap();
    assert!(live.scoring && !live.takes_orders());
    // As if it still scored.
    window.state_mut().model.live.as_mut().unwrap().phase = LivePhase::Running(RunPhase::Scoring);
    give(&mut window, Command::Train(TrainCommand::Pause));
    assert!(said(&window).contains("its patches are being scored"), "{}", said(&window));
    assert_eq!(window.state().model.live.as_ref().unwrap().time_left(), None);
}

#[test]
fn labels_set_while_the_project_is_read_again_stay_on_the_screen() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    let gate = window.state_mut().hold_job(JobKind::Reload, GatePlace::AfterWork);
    give(&mut window, Command::Project(ProjectCommand::Reload));
    // Everything is read, and no frame has taken it up.
    assert!(gate.is_reached());
    let set = LabelCommand::SetPatches {
        patches: vec![5],
        label: Label::Positive,
        source: vitrine::gui::values::LabelSource::Brush,
    };
    give(&mut window, Command::Label(set));
    gate.open();
    wait(&mut window, "the reload", |app| app.model.jobs.iter().all(|job| job.kind != JobKind::Reload));
    let open = window.state().model.project.as_ref().unwrap();
    assert_eq!((open.counts.positive, open.columns.labels[5]), (3, Label::Positive));
}

#[test]
fn scores_that_come_late_stay_with_their_project() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, other) = (small(&dir.path().join("a")), analysed(&dir.path().join("b")));
    let mut window = opened(&folder);
    give(&mut window, start(1));
    wait(&mut window, "the scores", |app| app.model.project.as_ref().unwrap().scores.is_some());
    let score = TrainCommand::Score { run: "short-1".to_owned(), device: DeviceChoice::Cpu };
    let gate = window.state_mut().hold_job(JobKind::Score, GatePlace::AfterWork);
    give(&mut window, Command::Train(score));
    assert!(gate.is_reached());
    give(&mut window, Command::Project(ProjectCommand::Close));
    give(&mut window, Command::Project(ProjectCommand::Open(other.clone())));
    // The outcome of scoring comes while the other project is open.
    wait(&mut window, "the other project", |app| {
        app.model.project.as_ref().is_some_and(|open| open.dir == other)
    });
    gate.open();
    wait(&mut window, "both", |app| {
        let busy = [JobKind::Score, JobKind::Open, JobKind::Scores];
        app.model.project.is_some() && app.model.jobs.iter().all(|job| !busy.contains(&job.kind))
    });
    window.run_steps(10);
    assert!(said(&window).contains("short-1 has scored every patch of its project"), "{}", said(&window));
    let scores = window.state().model.project.as_ref().unwrap().scores.as_ref().unwrap();
    assert_eq!(scores.name, "recommended-1");
}

#[test]
fn no_run_begins_while_another_project_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, other) = (small(&dir.path().join("a")), nine(&dir.path().join("b")));
    let mut window = opened(&folder);
    give(&mut window, Command::Project(ProjectCommand::Open(other.clone())));
    give(&mut window, start(500));
    assert!(said(&window).contains("Opening nine is running"), "{}", said(&window));
    assert!(window.state().model.live.is_none());
    wait(&mut window, "the other", |app| app.model.project.as_ref().is_some_and(|open| open.dir == other));
}

#[test]
fn opening_that_is_cancelled_opens_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let mut window = window(None);
    give(&mut window, Command::Project(ProjectCommand::Open(folder)));
    let id = job(&window, JobKind::Open);
    give(&mut window, Command::Window(WindowCommand::Cancel(id)));
    wait(&mut window, "the end", |app| app.model.jobs.is_empty());
    assert!(window.state().model.project.is_none());
}

#[test]
fn the_folder_around_a_project_opens_it() {
    let dir = tempfile::tempdir().unwrap();
    let sample = dir.path().join("vitrine-sample");
    std::fs::create_dir(&sample).unwrap();
    std::fs::rename(nine(dir.path()), sample.join("project")).unwrap();
    let mut first = window(None);
    give(&mut first, Command::Project(ProjectCommand::Open(sample.clone())));
    wait(&mut first, "the project", |app| app.model.project.is_some());
    drop(first);
    let mut second = window(None);
    give(&mut second, Command::Project(ProjectCommand::Dropped(vec![sample])));
    wait(&mut second, "the project", |app| app.model.project.is_some());
    assert!(second.state().model.import.is_none());
}

#[test]
fn a_folder_that_is_no_project_offers_to_import_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = window(Some(dir.path()));
    wait(&mut window, "the sentence", |app| !app.model.notices.shown().is_empty());
    window.get_by_role_and_label(Role::Button, "Import files…").click();
    window.run_steps(3);
    assert!(window.state().model.import.is_some());
}

#[test]
fn a_dialog_that_hangs_is_forgotten_and_opens_nothing_late() {
    let mut window = window(None);
    let (answer, answers) = channel();
    let answers = std::sync::Mutex::new(answers);
    window.state_mut().dialogs_with(Arc::new(move |_| answers.lock().unwrap().recv().unwrap()));
    give(&mut window, Command::Import(ImportCommand::Add(Vec::new())));
    let gate = window.state_mut().hold_job(JobKind::Dialog, GatePlace::AfterWork);
    give(&mut window, Command::Import(ImportCommand::ChooseFiles));
    window.run_steps(2);
    window.get_by_label("Choosing files");
    // Another one is not opened, and that is said.
    give(&mut window, Command::Import(ImportCommand::ChooseFolders));
    assert!(said(&window).contains("A file dialog is open already"), "{}", said(&window));
    give(&mut window, Command::Import(ImportCommand::Leave));
    let id = job(&window, JobKind::Dialog);
    give(&mut window, Command::Window(WindowCommand::Cancel(id)));
    assert!(window.state().model.jobs.is_empty());
    answer.send(FileAnswer::Chosen(vec![PathBuf::from("late.mrcs")])).unwrap();
    gate.open();
    assert!(gate.is_passed());
    window.run_steps(5);
    assert!(window.state().model.import.is_none(), "a dialog that was forgotten has opened the page");
    // One that is left without a choice does not bring the page back either.
    give(&mut window, Command::Import(ImportCommand::Add(Vec::new())));
    give(&mut window, Command::Import(ImportCommand::ChooseFiles));
    give(&mut window, Command::Import(ImportCommand::Leave));
    answer.send(FileAnswer::Nothing).unwrap();
    wait(&mut window, "the dialog", |app| app.model.jobs.is_empty());
    assert!(window.state().model.import.is_none());
    assert!(window.state().model.ask_path.is_none(), "the desktop has dialogs");
}

#[test]
fn a_conflict_of_keys_is_said_once_and_all_settings_come_back() {
    let mut window = window(None);
    let key = |id, key: &str| Command::Settings(SettingsCommand::Key { id, key: Some(key.to_owned()) });
    give(&mut window, key("label.positive", "N"));
    assert!(said(&window).contains("only the first works"), "{}", said(&window));
    dismiss_all(&mut window);
    give(&mut window, Command::Settings(SettingsCommand::PatchSide(50.0)));
    give(&mut window, key("label.undo", "Ctrl+U"));
    assert_eq!(said(&window), "");
    let before = window.state().model.settings.clone();
    give(&mut window, Command::Settings(SettingsCommand::Reset));
    assert!(window.state().model.settings.keys.is_empty());
    window.run_steps(2);
    window.get_by_role_and_label(Role::Button, "Undo").click();
    window.run_steps(3);
    assert_eq!(window.state().model.settings.keys, before.keys);
    assert_eq!(window.state().model.settings.patch_side, 50.0);
}

#[test]
fn the_size_of_everything_is_ours_to_change_and_is_kept() {
    let mut window = window(None);
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Equals);
    window.run_steps(3);
    assert!((window.state().model.settings.scale - 1.1).abs() < 1e-4);
    assert!((window.ctx.zoom_factor() - 1.1).abs() < 1e-4);
    // In a dialog too, and there as little by egui alone.
    give(&mut window, Command::View(ViewCommand::Overlay(Some(Overlay::Settings))));
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Minus);
    window.run_steps(3);
    let (scale, zoom) = (window.state().model.settings.scale, window.ctx.zoom_factor());
    assert!((scale - 1.0).abs() < 1e-4 && (zoom - scale).abs() < 1e-4, "{scale} {zoom}");
}
