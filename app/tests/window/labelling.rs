//! Labels by key: on the screen, in the counts, in the store, and back.

use egui_kittest::kittest::Queryable as _;
use vitrine::gui::App;
use vitrine::gui::command::{Command, LabelCommand, SelectCommand, ViewCommand, WindowCommand};
use vitrine::gui::jobs::{GatePlace, JobKind};
use vitrine::gui::values::{Filter, Order, Tab};
use vitrine_core::project::{EntryKind, Project};
use vitrine_core::{Label, LabelCounts};

use crate::support::{analysed, nine, opened, said, wait, window};
use eframe::egui::{Event, Key, Modifiers};

fn counts(app: &App) -> LabelCounts {
    app.model.project.as_ref().unwrap().counts
}

fn current(app: &App) -> Option<u32> {
    app.model.project.as_ref().unwrap().shown.current()
}

#[test]
fn the_sample_is_labelled_by_keys_and_undone() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = window(None);
    let folder = dir.path().join("sample");
    window.state_mut().model.drafts.sample = folder.display().to_string();
    window.run_steps(2);
    // The run that begins by itself holds the project: it ends before it computes anything.
    let gate = window.state_mut().hold_job(JobKind::Train, GatePlace::BeforeWork);
    window.get_by_label("Open the sample").click();
    wait(&mut window, "the sample", |app| app.model.project.is_some());
    let job = window.state().model.live.as_ref().unwrap().job;
    window.state_mut().apply(Command::Window(WindowCommand::Cancel(job)));
    gate.open();
    assert!(gate.is_passed());
    window.run_steps(3);

    let before = counts(window.state());
    assert!(before.positive > 100 && before.unlabeled > 100 && before.negative == 0, "{before:?}");
    // All three states are on the screen, the unlabeled by their own name.
    window.get_by_label(&format!("{} positive", vitrine::words::count(before.positive)));
    window.get_by_label("0 negative");
    window.get_by_label(&format!("{} unlabeled", vitrine::words::count(before.unlabeled)));

    // The first patches are picks; the last is from the unlabeled pool.
    window.key_press(Key::End);
    window.run_steps(2);
    let patch = current(window.state()).unwrap();
    window.key_press(Key::P);
    window.run_steps(2);
    let after = counts(window.state());
    assert_eq!((after.positive, after.unlabeled), (before.positive + 1, before.unlabeled - 1));
    window.get_by_label(&format!("{} positive", vitrine::words::count(after.positive)));

    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    assert_eq!(counts(window.state()), before);
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.run_steps(2);
    assert_eq!(counts(window.state()), after);
    drop(window);

    // On the disk: the label and its whole history.
    let project = Project::open(&folder.join("project")).unwrap();
    assert_eq!(project.label_counts().unwrap(), after);
    let kinds: Vec<EntryKind> =
        project.patch_history(patch).unwrap().iter().map(|(entry, _)| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::Edit, EntryKind::Undo, EntryKind::Redo]);
}

#[test]
fn keys_label_and_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    assert_eq!(counts(window.state()), LabelCounts { positive: 2, negative: 1, unlabeled: 6 });
    for key in [Key::N, Key::U, Key::P] {
        window.key_press(key);
        window.run_steps(2);
    }
    assert_eq!(current(window.state()), Some(3), "each label goes on to the next patch");
    assert_eq!(counts(window.state()), LabelCounts { positive: 1, negative: 1, unlabeled: 7 });
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    assert_eq!(current(window.state()), Some(2), "undo shows the patch it changed");
    let labels = &window.state().model.project.as_ref().unwrap().columns.labels;
    assert_eq!(labels[..3], [Label::Negative, Label::Unlabeled, Label::Negative]);
}

#[test]
fn a_selection_is_one_step() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(2);
    window.get_by_label("9 selected");
    window.key_press(Key::N);
    window.run_steps(2);
    assert_eq!(counts(window.state()).negative, 9);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    assert_eq!(counts(window.state()), LabelCounts { positive: 2, negative: 1, unlabeled: 6 });
}

#[test]
fn letters_typed_into_a_field_label_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.key_press_modifiers(Modifiers::COMMAND, Key::P);
    window.run_steps(3);
    window.key_press(Key::N);
    window.run_steps(2);
    assert_eq!(counts(window.state()).negative, 1);
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.state().model.overlay.is_none());
    window.key_press(Key::N);
    window.run_steps(2);
    assert_eq!(counts(window.state()).negative, 2);
}

/// A key that goes down or up; several of them in one frame are what a slow frame finds.
fn key(key: Key, pressed: bool, modifiers: Modifiers) -> Event {
    // Whether it is a repeat egui finds out by itself: the key is down already.
    Event::Key { key, physical_key: None, pressed, repeat: false, modifiers }
}

#[test]
fn keys_of_one_slow_frame_are_all_taken_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.run_steps(2);
    // Three keys hit and one held, all before the next frame.
    let hit = [Key::N, Key::N, Key::P].into_iter().flat_map(|hit| [(hit, true), (hit, false)]);
    let held = [(Key::ArrowRight, true), (Key::ArrowRight, true), (Key::ArrowRight, true)];
    let keys = hit.chain(held).map(|(which, down)| key(which, down, Modifiers::NONE));
    window.input_mut().events.extend(keys);
    window.run_steps(2);
    let open = window.state().model.project.as_ref().unwrap();
    use Label::{Negative, Positive, Unlabeled};
    assert_eq!(open.columns.labels[..5], [Negative, Negative, Positive, Unlabeled, Unlabeled]);
    assert_eq!(open.shown.cursor, 4, "a held key moves once a frame");
    // What follows the key of the palette is typed into it and labels nothing.
    let before = counts(window.state());
    let palette = [key(Key::P, true, Modifiers::COMMAND), key(Key::N, true, Modifiers::NONE)];
    window.input_mut().events.extend(palette);
    window.run_steps(2);
    assert!(window.state().model.overlay.is_some());
    assert_eq!(counts(window.state()), before);
}

#[test]
fn a_label_back_as_it_was_has_not_changed_since_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&analysed(dir.path()));
    let since = window.state().model.project.as_ref().unwrap().runs[0].journal_position;
    window.run_steps(2);
    // Patch 0 goes there and back, 1 stays changed.
    for key in [Key::N, Key::N] {
        window.key_press(key);
        window.run_steps(2);
    }
    window.key_press(Key::Home);
    window.run_steps(2);
    window.key_press(Key::P);
    window.run_steps(2);
    let filter = Filter { changed_since: Some(since), ..Filter::default() };
    let order = Order { filter, ..Order::default() };
    window.state_mut().apply(Command::View(ViewCommand::Order(Box::new(order))));
    wait(&mut window, "the filter", |app| app.model.project.as_ref().unwrap().shown.ids.len() < 120);
    assert_eq!(*window.state().model.project.as_ref().unwrap().shown.ids, [1]);
}

#[test]
fn selected_patches_that_are_not_shown_are_counted_and_can_be_shown() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.state_mut().apply(Command::Select(SelectCommand::Only(vec![0, 1, 4])));
    window.run_steps(2);
    assert!(window.query_by_label_contains("not shown").is_none());
    let filter = Filter { labels: vec![Label::Positive], ..Filter::default() };
    let order = Order { filter, ..Order::default() };
    window.state_mut().apply(Command::View(ViewCommand::Order(Box::new(order))));
    wait(&mut window, "the filter", |app| app.model.project.as_ref().unwrap().shown.ids.len() == 2);
    window.get_by_label("3 selected");
    window.get_by_label("1 of them not shown");
    window.key_press(Key::V);
    wait(&mut window, "the selected", |app| app.model.project.as_ref().unwrap().shown.ids.len() == 3);
    assert_eq!(*window.state().model.project.as_ref().unwrap().shown.ids, [0, 1, 4]);
    assert!(window.query_by_label_contains("not shown").is_none());
    window.get_by_label("Remove filter: 3 patches that were selected").click();
    wait(&mut window, "all", |app| app.model.project.as_ref().unwrap().shown.ids.len() == 9);
}

#[test]
fn a_labelled_selection_is_dropped_by_moving_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    let selected = |app: &App| app.model.project.as_ref().unwrap().selection.len();
    window.state_mut().apply(Command::Select(SelectCommand::Only(vec![3, 4, 5, 0])));
    // Looking around before labelling keeps it.
    window.key_press(Key::ArrowRight);
    window.run_steps(2);
    assert_eq!(selected(window.state()), 4);
    window.key_press(Key::P);
    window.run_steps(2);
    window.get_by_label("Labelled 3 patches positive; 1 already was.");
    // Another mind at once: the same patches.
    window.key_press(Key::N);
    window.run_steps(2);
    assert_eq!(counts(window.state()), LabelCounts { positive: 1, negative: 5, unlabeled: 3 });
    window.get_by_label("Labelled 4 patches negative.");
    // One way back, that of the last step.
    assert_eq!(window.get_all_by_label("Undo").count(), 2, "in the bar and in the last notice");
    window.key_press(Key::ArrowRight);
    window.run_steps(2);
    assert_eq!(selected(window.state()), 0);
    window.key_press(Key::P);
    window.run_steps(2);
    let labels = &window.state().model.project.as_ref().unwrap().columns.labels;
    assert_eq!(labels.iter().filter(|l| **l == Label::Negative).count(), 4, "one patch, not the selection");
    // A selection whose labels were taken back stays, for another label.
    window.state_mut().apply(Command::Select(SelectCommand::Only(vec![6, 7])));
    for label in [Label::Positive, Label::Unlabeled] {
        window.state_mut().apply(Command::Label(LabelCommand::Set(label)));
    }
    window.state_mut().apply(Command::Label(LabelCommand::Undo));
    window.key_press(Key::ArrowLeft);
    window.run_steps(2);
    assert_eq!(selected(window.state()), 2);
}

#[test]
fn keys_of_the_gallery_do_nothing_where_it_is_not_seen() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&analysed(dir.path()));
    window.state_mut().apply(Command::Select(SelectCommand::Only(vec![3, 4])));
    window.state_mut().apply(Command::Label(LabelCommand::Set(Label::Negative)));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    wait(&mut window, "the view", |app| app.model.jobs.is_empty());
    let before = counts(window.state());
    let keys =
        [Key::S, Key::V, Key::Space, Key::ArrowRight, Key::End, Key::F5, Key::F6, Key::Escape, Key::Num1];
    for key in keys {
        window.key_press(key);
        window.run_steps(2);
    }
    for key in [Key::A, Key::I, Key::Z] {
        window.key_press_modifiers(Modifiers::COMMAND, key);
        window.run_steps(2);
    }
    let open = window.state().model.project.as_ref().unwrap();
    assert_eq!(open.selection.iter().collect::<Vec<_>>(), [3, 4]);
    assert_eq!((open.shown.cursor, open.shown.ids.len()), (0, 120));
    assert!(open.features.is_none() && !window.state().model.gallery.large);
    assert!(window.state().model.settings.hidden.is_empty());
    assert_eq!(counts(window.state()), before, "nothing is undone unseen");
    assert!(
        said(&window).contains("Patches are labelled in the gallery and on micrographs."),
        "{}",
        said(&window)
    );
}

#[test]
fn escape_closes_a_menu_before_it_drops_the_selection() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(2);
    window.get_by_label("Filter").click();
    window.run_steps(3);
    window.get_by_label("Show all patches");
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label("Show all patches").is_none());
    window.get_by_label("9 selected");
    window.key_press(Key::Escape);
    window.run_steps(2);
    assert!(window.query_by_label("9 selected").is_none());
}

#[test]
fn a_patch_that_is_hidden_is_shown_with_the_way_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    let filter = Filter { labels: vec![Label::Positive], ..Filter::default() };
    let order = Order { filter, ..Order::default() };
    window.state_mut().apply(Command::View(ViewCommand::Order(Box::new(order))));
    wait(&mut window, "the filter", |app| app.model.project.as_ref().unwrap().shown.ids.len() == 2);
    window.state_mut().apply(Command::Select(SelectCommand::Patch(5)));
    wait(&mut window, "the patch", |app| current(app) == Some(5));
    assert!(said(&window).contains("Patch 5 was hidden by the filter"), "{}", said(&window));
    window.get_by_label("Filter again").click();
    wait(&mut window, "the filter", |app| app.model.project.as_ref().unwrap().shown.ids.len() == 2);
}
