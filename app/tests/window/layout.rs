//! Where things stand in the window, and that they stand there again after a restart: panels, parts that
//! fold, the window itself, and how each project was looked at.

use std::path::Path;

use eframe::egui::{self, Modifiers, Pos2, ViewportId, pos2, vec2};
use egui_kittest::kittest::Queryable as _;
use vitrine::gui::command::{Command, ImportCommand, SettingsCommand, ViewCommand};
use vitrine::gui::settings::Settings;
use vitrine::gui::values::{Edge, Filter, Order, SidePanel, SortKey, Start, Tab};
use vitrine_core::Label;

use crate::support::{Window, analysed, drag, nine, wait, window_with};

/// The window with settings that are kept beside the project.
fn kept(dir: &Path, project: &Path) -> Window {
    let settings = Some(dir.join("settings.json"));
    let project = Some(project.to_owned());
    let mut window = window_with(Start { project, settings, ..Start::default() });
    wait(&mut window, "the project", |app| app.model.project.is_some());
    window
}

fn settings(window: &Window) -> &Settings {
    &window.state().model.settings
}

fn middle(window: &Window, label: &str) -> Pos2 {
    window.get_by_label(label).rect().center()
}

#[test]
fn a_panel_is_dragged_to_an_edge_and_is_there_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let project = nine(dir.path());
    let mut window = kept(dir.path(), &project);
    let gallery = window.state().states.gallery.geometry.rect_of(4).center();
    assert!(middle(&window, "Review queues").x < gallery.x && middle(&window, "Current patch").x > gallery.x);

    // To the lower edge: below the patches, and as wide as there is room.
    let from = middle(&window, "Current patch");
    drag(&mut window, from, pos2(640.0, 760.0), Modifiers::NONE);
    assert_eq!(settings(&window).edge_of(SidePanel::Patch), Edge::Bottom);
    assert!(middle(&window, "Current patch").y > 400.0);
    // Its parts stand beside each other there.
    let (scores, history) = (middle(&window, "Scores"), middle(&window, "History of the label"));
    assert!(history.x > scores.x + 200.0, "{scores:?} {history:?}");

    // Let go in the middle, nothing changes.
    let from = middle(&window, "Review queues");
    drag(&mut window, from, pos2(640.0, 300.0), Modifiers::NONE);
    assert_eq!(settings(&window).edge_of(SidePanel::Queues), Edge::Left);
    drag(&mut window, from, pos2(1260.0, 300.0), Modifiers::NONE);
    assert_eq!(settings(&window).edge_of(SidePanel::Queues), Edge::Right);
    drop(window);

    let window = kept(dir.path(), &project);
    assert_eq!(settings(&window).edge_of(SidePanel::Patch), Edge::Bottom);
    assert!(middle(&window, "Current patch").y > 400.0);
    assert!(middle(&window, "Review queues").x > 640.0);
}

#[test]
fn panels_are_moved_from_their_menu_and_by_commands() {
    let dir = tempfile::tempdir().unwrap();
    let project = nine(dir.path());
    let mut window = kept(dir.path(), &project);
    window.get_by_label("Move the panel: Review queues").click();
    window.run_steps(3);
    window.get_by_label("To the bottom").click();
    window.run_steps(3);
    assert_eq!(settings(&window).edge_of(SidePanel::Queues), Edge::Bottom);
    // A hidden panel that is sent somewhere is shown there.
    window.state_mut().apply(Command::Settings(SettingsCommand::TogglePanel(SidePanel::Patch)));
    window.run_steps(2);
    assert!(window.query_by_label("Current patch").is_none());
    let row = vitrine::gui::command_table::info("view.patch.bottom").unwrap();
    window.state_mut().apply((row.command)());
    window.run_steps(3);
    let (queues, patch) = (middle(&window, "Review queues"), middle(&window, "Current patch"));
    assert!(
        (queues.y - patch.y).abs() < 4.0 && queues.x < patch.x,
        "beside each other: {queues:?} {patch:?}"
    );
    // Sides are changed, what is at the bottom stays.
    window
        .state_mut()
        .apply(Command::Settings(SettingsCommand::Dock { panel: SidePanel::Queues, edge: Edge::Left }));
    window.state_mut().apply(Command::Settings(SettingsCommand::SwapPanels));
    assert_eq!(
        (settings(&window).edge_of(SidePanel::Queues), settings(&window).edge_of(SidePanel::Patch)),
        (Edge::Right, Edge::Bottom)
    );
}

#[test]
fn what_is_at_the_bottom_leaves_the_gallery_room_and_has_its_own_height() {
    let dir = tempfile::tempdir().unwrap();
    let project = nine(dir.path());
    let mut window = kept(dir.path(), &project);
    let dock = |panel, edge| Command::Settings(SettingsCommand::Dock { panel, edge });
    window.state_mut().apply(dock(SidePanel::Patch, Edge::Bottom));
    window.run_steps(3);
    let top = |window: &Window, heading: &str| window.get_by_label(heading).rect().top();
    let first = top(&window, "Current patch");
    // Enlarged by hand, as far as half of what there is.
    let border = first - 8.0;
    drag(&mut window, pos2(640.0, border), pos2(640.0, border - 100.0), Modifiers::NONE);
    let (high, set) = (top(&window, "Current patch"), settings(&window).panels["docked.patch"]);
    assert!(high < first - 60.0 && set > 310.0, "{first} {high} {set}");
    drag(&mut window, pos2(640.0, high - 8.0), pos2(640.0, 100.0), Modifiers::NONE);
    let (high, set) = (top(&window, "Current patch"), settings(&window).panels["docked.patch"]);
    assert!((340.0..480.0).contains(&high) && set > 330.0, "{high} {set}");

    // In a small window it gives way, and in the large one it is as it was set.
    window.set_size(vec2(1280.0, 460.0));
    window.run_steps(4);
    let small = top(&window, "Current patch");
    assert!((200.0..300.0).contains(&small), "{small}");
    assert_eq!(settings(&window).panels["docked.patch"], set);
    window.set_size(vec2(1280.0, 820.0));
    window.run_steps(4);
    assert!((top(&window, "Current patch") - high).abs() < 3.0);
    assert_eq!(settings(&window).panels["docked.patch"], set);

    // Other panels there have a height of their own.
    window.state_mut().apply(dock(SidePanel::Patch, Edge::Right));
    window.state_mut().apply(dock(SidePanel::Queues, Edge::Bottom));
    window.run_steps(4);
    assert!(top(&window, "Review queues") > first + 40.0);
    window.state_mut().apply(dock(SidePanel::Queues, Edge::Left));
    window.state_mut().apply(dock(SidePanel::Patch, Edge::Bottom));
    window.run_steps(4);
    assert!((top(&window, "Current patch") - high).abs() < 3.0);
}

#[test]
fn what_was_folded_stays_folded() {
    let dir = tempfile::tempdir().unwrap();
    let project = nine(dir.path());
    let mut window = kept(dir.path(), &project);
    let inside = "No run has scored this project yet.";
    window.run_steps(2);
    window.get_by_label(inside);
    window.get_by_label("Scores").click();
    window.run_steps(20);
    assert!(window.query_by_label(inside).is_none());
    assert_eq!(settings(&window).folds.get("patch.Scores"), Some(&false));
    drop(window);

    let mut window = kept(dir.path(), &project);
    window.run_steps(2);
    assert!(window.query_by_label(inside).is_none(), "it is open again");
    window.get_by_label("Scores").click();
    window.run_steps(20);
    window.get_by_label(inside);
}

#[test]
fn each_project_is_looked_at_as_it_was_left() {
    let dir = tempfile::tempdir().unwrap();
    let (project, other) = (analysed(dir.path()), nine(dir.path()));
    let order = Order {
        key: SortKey::Score,
        descending: true,
        filter: Filter { labels: vec![Label::Positive], ..Filter::default() },
        ..Order::default()
    };
    let shown = |window: &Window| window.state().model.project.as_ref().unwrap().shown.clone();
    let mut window = kept(dir.path(), &project);
    window.state_mut().apply(Command::View(ViewCommand::Order(Box::new(order.clone()))));
    wait(&mut window, "30 positives", |app| app.model.project.as_ref().unwrap().shown.ids.len() == 30);
    let ids = shown(&window).ids;
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Compare)));
    window.run_steps(3);
    drop(window);

    // Another project knows nothing of it.
    let mut window = kept(dir.path(), &other);
    assert_eq!((window.state().model.tab, shown(&window).order), (Tab::Gallery, Order::default()));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    window.run_steps(3);
    drop(window);

    let mut window = kept(dir.path(), &project);
    assert_eq!(window.state().model.tab, Tab::Compare);
    wait(&mut window, "the same patches", |app| app.model.project.as_ref().unwrap().shown.ids.len() == 30);
    assert_eq!((shown(&window).order, shown(&window).ids), (order, ids));
    // What was selected once does not come back in place of it.
    window.state_mut().apply(Command::Select(vitrine::gui::command::SelectCommand::Only(vec![0, 4])));
    window.state_mut().apply(Command::Select(vitrine::gui::command::SelectCommand::Show));
    wait(&mut window, "two patches", |app| app.model.project.as_ref().unwrap().shown.ids.len() == 2);
    drop(window);
    let mut window = kept(dir.path(), &project);
    wait(&mut window, "30 positives", |app| app.model.project.as_ref().unwrap().shown.ids.len() == 30);
    drop(window);

    // A project made anew in the same folder is another one.
    std::fs::remove_dir_all(&other).unwrap();
    nine(dir.path());
    let window = kept(dir.path(), &other);
    assert_eq!(window.state().model.tab, Tab::Gallery);
}

#[test]
fn the_form_of_an_import_is_as_wide_as_it_was_left() {
    let dir = tempfile::tempdir().unwrap();
    let project = nine(dir.path());
    let mut window = kept(dir.path(), &project);
    let edge = |window: &Window| middle(window, "No files yet").x;
    window.state_mut().apply(Command::Import(ImportCommand::Add(Vec::new())));
    window.run_steps(4);
    let before = edge(&window);
    drag(&mut window, pos2(430.0, 400.0), pos2(600.0, 400.0), Modifiers::NONE);
    assert!(edge(&window) > before + 60.0, "the panel was not dragged");
    let (width, wide) = (settings(&window).panels["import"], edge(&window));
    assert!(width > 560.0, "{width}");
    drop(window);
    let mut window = kept(dir.path(), &project);
    window.state_mut().apply(Command::Import(ImportCommand::Add(Vec::new())));
    window.run_steps(4);
    assert!((edge(&window) - wide).abs() < 4.0);
}

#[test]
fn a_window_that_fills_the_screen_does_so_again_and_keeps_its_smaller_size() {
    let dir = tempfile::tempdir().unwrap();
    let project = nine(dir.path());
    let mut window = kept(dir.path(), &project);
    let tell = |window: &mut Window, corner: Pos2, size: egui::Vec2, maximized: bool| {
        let rect = egui::Rect::from_min_size(corner, size);
        let info = window.input_mut().viewports.entry(ViewportId::ROOT).or_default();
        (info.inner_rect, info.outer_rect, info.maximized) = (Some(rect), Some(rect), Some(maximized));
        window.step();
    };
    tell(&mut window, pos2(120.0, 80.0), vec2(1000.0, 700.0), false);
    assert!(!settings(&window).maximised);
    tell(&mut window, pos2(0.0, 0.0), vec2(1920.0, 1080.0), true);
    drop(window);
    let window = kept(dir.path(), &project);
    let settings = settings(&window);
    assert!(settings.maximised);
    assert_eq!((settings.window, settings.position), (Some([1000.0, 700.0]), Some([120.0, 80.0])));
}
