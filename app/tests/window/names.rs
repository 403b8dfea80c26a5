//! Everything that can be pressed, chosen or typed into has a name that a screen reader can say.

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vitrine::gui::command::{
    Command, ImportCommand, QueueCommand, SaveCommand, SelectCommand, SettingsCommand, ViewCommand,
};
use vitrine::gui::values::{Overlay, PathPurpose, PathQuestion, Tab};
use vitrine_core::diagnosis::Depth;
use vitrine_core::review::QueueKind;

use crate::support::{Window, analysed, opened, wait, window};
use crate::train::{press_train, ready};

/// Roles that are nothing without a name.
const NAMED: [Role; 13] = [
    Role::Button,
    Role::CheckBox,
    Role::RadioButton,
    Role::ComboBox,
    Role::Slider,
    Role::SpinButton,
    Role::TextInput,
    Role::MultilineTextInput,
    Role::Link,
    Role::Image,
    Role::Grid,
    Role::ColorWell,
    Role::MenuItem,
];

/// Fails when something in the window has no name.
fn check(window: &mut Window, place: &str) {
    window.run_steps(4);
    let mut seen = 0;
    let root = window.root();
    let mut left = vec![root];
    let mut nameless = Vec::new();
    while let Some(node) = left.pop() {
        let access = node.accesskit_node();
        if NAMED.contains(&access.role()) && !access.is_hidden() {
            seen += 1;
            if access.label().is_none_or(|name| name.trim().is_empty()) {
                nameless.push(format!(
                    "{:?} at {:?}, value {:?}",
                    access.role(),
                    node.rect(),
                    access.value()
                ));
            }
        }
        left.extend(node.children());
    }
    assert!(seen >= 3, "{place}: only {seen} things were found");
    assert!(nameless.is_empty(), "{place}: {nameless:#?}");
}

#[test]
fn everything_has_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = window(None);
    check(&mut first, "first screen");
    first.state_mut().apply(Command::Import(ImportCommand::Add(vec![dir.path().join("nothing.mrcs")])));
    check(&mut first, "import");

    let mut window = opened(&analysed(dir.path()));
    // Tall, so that nothing is left out for want of room.
    window.set_size(eframe::egui::vec2(1500.0, 3000.0));
    check(&mut window, "gallery");
    let mut look = window.state().model.settings.look;
    look.band = true;
    look.contrast = vitrine::gpu::look::Contrast::Manual;
    window.state_mut().apply(Command::Settings(SettingsCommand::Look(look)));
    check(&mut window, "gallery with every field of the look");
    window.get_by_label("Filter").click();
    check(&mut window, "filter");
    window.state_mut().apply(Command::View(ViewCommand::Order(Box::default())));
    window.state_mut().apply(Command::View(ViewCommand::Large));
    check(&mut window, "large view");
    for tab in [Tab::Train, Tab::Compare, Tab::Export] {
        window.state_mut().apply(Command::View(ViewCommand::Tab(tab)));
        window.run_steps(4);
        wait(&mut window, "the view", |app| app.model.jobs.is_empty());
        check(&mut window, tab.as_str());
        // A plot says which it is and its last value.
        let plots: &[&str] = match tab {
            Tab::Train => &["Validation AUC: recommended-1: positives against unlabeled 0."],
            Tab::Compare => &[
                "Validation AUC: ",
                "ROC, against unlabeled: ",
                "Scores of recommended-1, validation patches: ",
            ],
            _ => &[],
        };
        for plot in plots {
            let is_plot = |name: &String| name.starts_with(plot);
            let images = window.get_all_by_role(Role::Image);
            let mut names = images.filter_map(|node| node.accesskit_node().label());
            assert!(names.any(|name| is_plot(&name)), "{}: no plot {plot}", tab.as_str());
        }
    }
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Diagnosis)));
    window.state_mut().model.drafts.diagnosis.depth = Depth::Quick;
    window.state_mut().model.drafts.diagnosis.run = Some("recommended-1".to_owned());
    window.run_steps(3);
    window.get_by_label("Examine now").click();
    wait(&mut window, "the report", |app| app.model.analysis.report.is_some());
    for closed in window.get_all_by_role(Role::DisclosureTriangle) {
        closed.click_accesskit();
    }
    window.run_steps(12);
    check(&mut window, "a diagnosis");
    for overlay in [Overlay::Palette, Overlay::Keys, Overlay::Settings, Overlay::About, Overlay::ConfirmClose]
    {
        window.state_mut().apply(Command::View(ViewCommand::Overlay(Some(overlay))));
        check(&mut window, &format!("{overlay:?}"));
        window.state_mut().apply(Command::View(ViewCommand::Overlay(None)));
        window.run_steps(2);
    }
    // A key that is waited for, and one that is typed.
    window.state_mut().apply(Command::View(ViewCommand::Overlay(Some(Overlay::Settings))));
    window.state_mut().states.settings.waiting = Some("view.large");
    check(&mut window, "a key to be pressed");
    window.state_mut().states.settings.waiting = None;
    window.state_mut().states.settings.typing = Some(("view.large", "Space".to_owned()));
    check(&mut window, "a key to be typed");
    window.state_mut().apply(Command::View(ViewCommand::Overlay(None)));
    window.run_steps(2);
    for purpose in [PathPurpose::Text("some".to_owned()), PathPurpose::OpenConfig] {
        let ask = PathQuestion::new("A file", dir.path().join("some.yaml"), purpose);
        window.state_mut().apply(Command::Save(SaveCommand::Ask(Box::new(ask))));
        check(&mut window, "a file to be named");
        window.state_mut().apply(Command::Save(SaveCommand::Answer(None)));
        window.run_steps(2);
    }
    // Queues, each at its last patch, where the next step is offered.
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Gallery)));
    for kind in QueueKind::ALL {
        window.state_mut().apply(Command::View(ViewCommand::Queue(QueueCommand::Enter(kind))));
        wait(&mut window, "the queue", |app| {
            app.model
                .project
                .as_ref()
                .is_some_and(|open| open.queue.as_ref().is_some_and(|queue| queue.queue.kind == kind))
        });
        window.state_mut().apply(Command::Select(SelectCommand::Place(usize::MAX)));
        check(&mut window, &format!("{kind:?}"));
    }
}

#[test]
fn a_run_that_trains_has_a_name_for_everything() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, _) = ready(dir.path(), 500);
    window.set_size(eframe::egui::vec2(1500.0, 3000.0));
    press_train(&window);
    wait(&mut window, "two epochs", |app| app.model.live.as_ref().is_some_and(|live| live.epochs.len() >= 2));
    check(&mut window, "a run that trains");
    let mut plots = window.get_all_by_role(Role::Image).filter_map(|node| node.accesskit_node().label());
    assert!(plots.any(|name| name.starts_with("Loss terms: short-1: total ")));
    drop(plots);
    window.get_by_label("Stop training").click();
    wait(&mut window, "the end", |app| app.model.live.as_ref().is_some_and(|live| !live.is_running()));
}
