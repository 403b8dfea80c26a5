//! What a new user has stumbled over, each as a kind: proposals, promises, dialogs that keep their size, notices, phases,
//! targets, refusals before the start, and small and large windows.

use std::path::Path;

use eframe::egui::accesskit::Role;
use eframe::egui::{self, Color32, Key, Modifiers, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vitrine::gui::command::{
    Command, ImportCommand, LabelCommand, ProjectCommand, TrainCommand, ViewCommand,
};
use vitrine::gui::jobs::{GatePlace, JobKind};
use vitrine::gui::model::{LivePhase, NoticeKind};
use vitrine::gui::values::{Overlay, Start, Tab, Theme};
use vitrine_core::Label;
use vitrine_core::export::ExportFormat;
use vitrine_core::learning::train::events::{RunPhase, TrainEvent};

use crate::import::{add, look, sample, seen};
use crate::support::{Window, analysed, drag, drawn, nine, opened, said, small, wait, window_with};
use crate::train::{press_train, ready};

fn give(window: &mut Window, command: Command) {
    window.state_mut().apply(command);
    window.run_steps(3);
}

fn tab(window: &mut Window, tab: Tab) {
    give(window, Command::View(ViewCommand::Tab(tab)));
}

// 1: what an export proposes is never the project itself.
#[test]
fn no_format_proposes_the_folder_of_the_project() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let mut window = opened(&folder);
    tab(&mut window, Tab::Export);
    for format in ExportFormat::ALL {
        let draft = &mut window.state_mut().model.drafts.export;
        draft.format = format;
        let out = draft.with_ending(Path::new(&draft.out));
        assert!(!out.starts_with(&folder) && !folder.starts_with(&out), "{format:?}: {}", out.display());
        assert_eq!(out.parent(), folder.parent(), "beside the project");
    }
    // Where y counts from is a choice of formats that have one.
    window.state_mut().model.drafts.export.format = ExportFormat::Box;
    window.run_steps(3);
    window.get_by_label("y counts");
}

// 2: nothing is promised of a run that keeps nothing.
#[test]
fn closing_before_the_first_epoch_says_that_nothing_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, _) = ready(dir.path(), 3);
    let gate = window.state_mut().hold_job(JobKind::Train, GatePlace::BeforeWork);
    press_train(&window);
    wait(&mut window, "the run", |app| app.model.live.is_some());
    give(&mut window, Command::View(ViewCommand::Overlay(Some(Overlay::ConfirmClose))));
    window.get_by_label("Training is running");
    window.get_by_label_contains("no complete epoch yet. If you close now, nothing of it is kept");
    assert!(window.query_by_label_contains("can be resumed").is_none());
    // With an epoch behind it, it can be.
    window.state_mut().model.live.as_mut().unwrap().best_epoch = Some(2);
    window.run_steps(2);
    window.get_by_label_contains("keeps epoch 2 and can be resumed later");
    give(&mut window, Command::View(ViewCommand::Overlay(None)));
    give(&mut window, Command::Train(TrainCommand::Stop));
    gate.open();
    wait(&mut window, "its end", |app| app.model.live.as_ref().is_some_and(|live| !live.is_running()));
}

// 2: what was set in the Train form, and the threshold and distance of picks, are there when the project is opened again.
#[test]
fn the_train_form_keeps_its_changes_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (project, other) = (small(dir.path()), nine(dir.path()));
    let open = |project: &Path| {
        let start = Start {
            project: Some(project.to_owned()),
            settings: Some(dir.path().join("settings.json")),
            ..Start::default()
        };
        let mut window = window_with(start);
        wait(&mut window, "the project", |app| app.model.project.is_some());
        window
    };
    let mut window = open(&project);
    window.state_mut().model.drafts.train.config.schedule.epochs = 17;
    let picks = &mut window.state_mut().model.drafts.pick;
    (picks.threshold, picks.distance, picks.run) = (0.75, Some(40.0), Some("deleted since".to_owned()));
    window.run_steps(3);
    drop(window);
    let window = open(&other);
    assert_ne!(window.state().model.drafts.train.config.schedule.epochs, 17, "another project");
    assert_eq!(window.state().model.drafts.pick.threshold, 0.5, "another project");
    drop(window);
    let window = open(&project);
    let draft = &window.state().model.drafts.train;
    assert_eq!((draft.config.schedule.epochs, draft.base_name.as_str()), (17, "recommended"));
    assert!(draft.is_changed());
    let picks = &window.state().model.drafts.pick;
    assert_eq!((picks.threshold, picks.distance, picks.run.as_ref()), (0.75, Some(40.0), None));
}

// 3: two numeric columns are x and y.
#[test]
fn a_folder_of_tables_without_a_header_holds_picks() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    let picks = dir.path().join("plain");
    std::fs::create_dir(&picks).unwrap();
    for entry in std::fs::read_dir(&files.micrographs).unwrap() {
        let name = entry.unwrap().path().with_extension("csv");
        std::fs::write(picks.join(name.file_name().unwrap()), "132.306,201.5\n300.25,310.0\n").unwrap();
    }
    let mut window = crate::support::window(None);
    add(&mut window, &[&files.micrographs, &picks]);
    // Plain coordinates say no box.
    window.state_mut().model.import.as_mut().unwrap().draft.box_size = "48".to_owned();
    look(&mut window);
    assert!(window.state().model.import.as_ref().unwrap().found().iter().any(|found| found.picks));
    assert_eq!(seen(window.state()).labels.positive, 6, "two picks on each of three micrographs");
}

// 4 and 5: a dialog has its size at once and keeps it.
#[test]
fn the_palette_has_its_height_again_after_a_search_without_a_match() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    give(&mut window, Command::View(ViewCommand::Overlay(Some(Overlay::Palette))));
    let place = |window: &Window| window.get_by_label("Type part of a name").rect();
    window.run_steps(10);
    let before = place(&window);
    window.get_by_role_and_label(Role::TextInput, "Type part of a name").type_text("zzzz");
    window.run_steps(10);
    window.get_by_label("No matching command.");
    for _ in 0..4 {
        window.key_press(Key::Backspace);
        window.run_steps(2);
    }
    window.run_steps(10);
    assert!(window.query_by_label("No matching command.").is_none());
    assert_eq!(place(&window), before);
    // Opened again too.
    give(&mut window, Command::View(ViewCommand::Overlay(None)));
    give(&mut window, Command::View(ViewCommand::Overlay(Some(Overlay::Palette))));
    window.run_steps(10);
    assert_eq!(place(&window), before);
}

#[test]
fn the_settings_do_not_grow_under_the_pointer() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.state_mut().apply(Command::View(ViewCommand::Overlay(Some(Overlay::Settings))));
    // The first frame measures and shows nothing.
    window.run_steps(2);
    let first: Vec<_> =
        ["Close", "Smaller", "Larger"].map(|label| window.get_by_label(label).rect()).to_vec();
    window.run_steps(20);
    let later: Vec<_> =
        ["Close", "Smaller", "Larger"].map(|label| window.get_by_label(label).rect()).to_vec();
    assert_eq!(first, later);
}

/// Relative luminance of a colour (WCAG 2.1).
fn luminance(colour: Color32) -> f64 {
    let linear = |value: u8| {
        let share = f64::from(value) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
}

fn contrast(a: Color32, b: Color32) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

// 6: an empty box has an edge that is seen, and a placeholder stands where text would.
#[test]
fn an_unticked_box_is_seen_in_both_themes() {
    let window = drawn(None, Theme::Light);
    for theme in [egui::Theme::Light, egui::Theme::Dark] {
        let style = window.ctx.style_of(theme);
        let visuals = &style.visuals;
        for ground in [visuals.panel_fill, visuals.window_fill] {
            let edge = contrast(visuals.widgets.inactive.bg_stroke.color, ground);
            assert!(edge >= 3.0, "{theme:?}: {edge:.2}");
        }
        assert!(visuals.widgets.inactive.bg_stroke.width >= 1.0);
    }
}

// 7: notices end with their project, and none goes under the pointer.
#[test]
fn what_was_said_of_a_project_goes_when_it_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = analysed(dir.path());
    let mut window = opened(&folder);
    let resume = TrainCommand::Continue {
        run: "recommended-1".to_owned(),
        device: vitrine_core::device::DeviceChoice::Cpu,
    };
    let notices = &mut window.state_mut().model.notices;
    let offer = Some(("Resume it".to_owned(), Command::Train(resume)));
    notices.push(NoticeKind::Warning, "The run recommended-1 was interrupted.".to_owned(), offer);
    notices.error("Exporting: the disk is full.");
    window.run_steps(2);
    window.get_by_label("Resume it");
    give(&mut window, Command::Project(ProjectCommand::Close));
    assert!(window.query_by_label("Resume it").is_none());
    assert!(!said(&window).contains("disk is full"), "{}", said(&window));
}

#[test]
fn a_notice_stays_while_the_pointer_is_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    give(&mut window, Command::Window(vitrine::gui::command::WindowCommand::Dismiss(0)));
    window.state_mut().model.notices.done("Saved /data/plot.svg.");
    window.run_steps(4);
    let at = window.get_by_label("Saved /data/plot.svg.").rect().center();
    window.hover_at(at);
    window.run_steps(2);
    // A notice that only tells stays for six seconds.
    window.state_mut().model.notices.age(std::time::Duration::from_secs(7));
    window.hover_at(at + vec2(1.0, 0.0));
    window.run_steps(3);
    assert!(said(&window).contains("Saved /data/plot.svg."), "it went under the pointer");
    window.hover_at(egui::pos2(300.0, 300.0));
    window.run_steps(4);
    assert!(!said(&window).contains("Saved /data/plot.svg."), "its time is over");
}

// 8: a pause forgets no phase, and the bar of a run never starts again.
#[test]
fn a_run_goes_on_in_the_phase_in_which_it_was_paused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, _) = ready(dir.path(), 3);
    let gate = window.state_mut().hold_job(JobKind::Train, GatePlace::BeforeWork);
    press_train(&window);
    wait(&mut window, "the run", |app| app.model.live.is_some());
    let live = |window: &Window| window.state().model.live.clone().unwrap();
    let tell = |window: &mut Window, event| window.state_mut().model.live.as_mut().unwrap().take_event(event);
    tell(&mut window, TrainEvent::Phase(RunPhase::EstimatingPrior));
    tell(&mut window, TrainEvent::Progress { epoch: 0, epochs: 3, batch: 90, batches: 100 });
    assert_eq!(live(&window).share(), None, "nothing fills before the first epoch");
    give(&mut window, Command::Train(TrainCommand::Pause));
    assert_eq!(live(&window).phase, LivePhase::Paused);
    // What it says meanwhile is the phase it goes on in.
    tell(&mut window, TrainEvent::Phase(RunPhase::TryingOverlay));
    assert_eq!(live(&window).phase, LivePhase::Paused);
    give(&mut window, Command::Train(TrainCommand::Resume));
    assert_eq!(live(&window).phase, LivePhase::Running(RunPhase::TryingOverlay));
    let mut shares = Vec::new();
    for (epoch, batch) in [(1, 0), (1, 10), (2, 0), (2, 10), (3, 5)] {
        tell(&mut window, TrainEvent::Progress { epoch, epochs: 3, batch, batches: 10 });
        shares.push(live(&window).share().unwrap());
    }
    assert!(shares.is_sorted() && shares[4] < 1.0, "{shares:?}");
    give(&mut window, Command::Train(TrainCommand::Stop));
    gate.open();
    wait(&mut window, "its end", |app| app.model.live.as_ref().is_some_and(|live| !live.is_running()));
}

// 9: an import goes where the person has said, and its name follows the files.
#[test]
fn the_target_of_an_import_stays_and_its_name_follows_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    let other = dir.path().join("virus");
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(&files.picks, other.join("virus_picks.star")).unwrap();
    let mut window = opened(&nine(dir.path()));
    give(&mut window, Command::Import(ImportCommand::Add(Vec::new())));
    let draft = |window: &Window| window.state().model.import.as_ref().unwrap().draft.clone();
    assert!(draft(&window).into_open, "what is open comes first");
    window.get_by_label("into a new project").click();
    window.run_steps(3);
    add(&mut window, &[&files.micrographs]);
    assert!(!draft(&window).into_open, "the person has said so");
    let first = draft(&window).folder;
    give(&mut window, Command::Import(ImportCommand::Remove(files.micrographs.clone())));
    add(&mut window, &[&other]);
    let second = draft(&window).folder;
    assert!(second.contains("virus") && first != second, "{first} {second}");
    // A name that was typed stays.
    let mut typed = draft(&window);
    typed.folder = "/data/mine".to_owned();
    give(&mut window, Command::Draft(vitrine::gui::command::DraftCommand::Import(Box::new(typed))));
    add(&mut window, &[&files.picks]);
    assert_eq!(draft(&window).folder, "/data/mine");
}

// 10: what cannot work is said before the button is pressed.
#[test]
fn a_run_without_positives_is_refused_before_it_starts() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, _) = ready(dir.path(), 1);
    let positives: Vec<u32> = (0..120).step_by(4).collect();
    let clear = LabelCommand::SetPatches {
        patches: positives,
        label: Label::Unlabeled,
        source: vitrine::gui::values::LabelSource::Selection,
    };
    give(&mut window, Command::Label(clear));
    window.get_by_label_contains("Label some particles as positive first");
    let train = || window.get_all_by_role_and_label(Role::Button, "Train").last().unwrap();
    assert!(train().accesskit_node().is_disabled());
    give(&mut window, Command::Train(TrainCommand::StartShown { baseline: false }));
    assert!(said(&window).contains("Label some particles as positive first"), "{}", said(&window));
    assert!(window.state().model.live.is_none());
}

#[test]
fn a_baseline_is_not_offered_beside_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, _) = ready(dir.path(), 1);
    window.get_by_label("Train with supervised baseline");
    let config = vitrine_core::learning::config::yaml::load("supervised_baseline").unwrap();
    window.state_mut().model.drafts.train.take("supervised_baseline", config);
    window.run_steps(3);
    assert!(window.query_by_label("Train with supervised baseline").is_none());
    give(&mut window, Command::Train(TrainCommand::StartShown { baseline: true }));
    assert!(said(&window).contains("holds a supervised baseline itself"), "{}", said(&window));
    assert!(window.state().model.live.is_none());
}

#[test]
fn an_import_while_a_run_trains_is_refused_before_the_button() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    let (mut window, _) = ready(dir.path(), 3);
    let gate = window.state_mut().hold_job(JobKind::Train, GatePlace::BeforeWork);
    press_train(&window);
    wait(&mut window, "the run", |app| app.model.live.is_some());
    add(&mut window, &[&files.micrographs, &files.picks]);
    look(&mut window);
    window.get_by_label_contains("A run is training in the open project");
    assert!(window.get_by_role_and_label(Role::Button, "Import").accesskit_node().is_disabled());
    give(&mut window, Command::Train(TrainCommand::Stop));
    gate.open();
    wait(&mut window, "its end", |app| app.model.live.as_ref().is_some_and(|live| !live.is_running()));
}

#[test]
fn nothing_to_undo_is_a_note_that_says_what_is_not_undone() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    let notice = window.state().model.notices.shown().last().unwrap();
    assert_eq!(notice.kind, NoticeKind::Warning, "nothing was done");
    assert!(notice.text.contains("Imports are not undone"), "{}", notice.text);
}

#[test]
fn the_head_of_a_patch_tells_place_and_number_apart() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.key_press(Key::ArrowRight);
    window.key_press(Key::Space);
    window.run_steps(4);
    window.get_by_label("2 of 9, patch number 1: positive");
}

#[test]
fn the_edge_of_a_panel_is_taken_hold_of_without_aiming() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.run_steps(3);
    let width = |window: &Window| window.get_by_label("Move the panel: Review queues").rect().right();
    let before = width(&window);
    let edge = before + 8.0;
    // Several points beside the edge.
    let from = egui::pos2(edge + 5.0, 500.0);
    drag(&mut window, from, from + vec2(60.0, 0.0), Modifiers::NONE);
    assert!(width(&window) > before + 30.0, "{before} {}", width(&window));
}

#[test]
fn a_small_window_shows_its_buttons_and_leaves_room_for_patches() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&analysed(dir.path()));
    window.set_size(vec2(1024.0, 700.0));
    window.run_steps(6);
    for label in ["Commands", "More", "Panels", "Hide the steps"] {
        let rect = window.get_all_by_label(label).next().unwrap().rect();
        assert!(rect.right() <= 1024.0 && rect.left() >= 0.0 && rect.height() > 10.0, "{label}: {rect:?}");
    }
    let first = window.state().states.gallery.geometry.rect_of(0);
    assert!(first.top() < 210.0, "the patches begin at {}", first.top());
    // What was folded for want of room is a press away.
    assert!(window.query_by_label("Band-pass").is_none());
    window.get_by_label("Display").click();
    window.run_steps(4);
    window.get_by_label("Band-pass");
}

#[test]
fn a_large_window_has_wider_panels_until_a_person_sets_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&analysed(dir.path()));
    let width = |window: &Window| {
        let rect = window.get_by_label("Current patch").rect();
        window.ctx.content_rect().right() - rect.left()
    };
    window.run_steps(6);
    let usual = width(&window);
    window.set_size(vec2(2560.0, 1440.0));
    window.run_steps(6);
    let large = width(&window);
    assert!(large > usual + 100.0, "{usual} {large}");
    assert!(!window.state().model.settings.panels.contains_key("patch"), "nobody has set it");
    window.set_size(vec2(1280.0, 820.0));
    window.run_steps(6);
    assert!((width(&window) - usual).abs() < 3.0);
}

// 10: what the script makes in a checkout is not shown by git.
#[test]
fn the_script_that_runs_it_leaves_nothing_that_git_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let script = read("scripts/run.sh");
    let (_, folder) = script.split_once("dir=${1:-").unwrap();
    let (folder, _) = folder.split_once('}').unwrap();
    // A second demonstration gets a number.
    let line = format!("/{folder}*/");
    assert!(read(".gitignore").lines().any(|ignored| ignored == line), "{line} is missing in .gitignore");
}
