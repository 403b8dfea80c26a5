//! The gallery: patches drawn, chosen by pointer and key, painted, looked at large.

use eframe::egui::{self, Event, Key, Modifiers, PointerButton, Pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use vitrine::gui::App;
use vitrine::gui::command::{Command, LabelCommand, SelectCommand, SettingsCommand, ViewCommand};
use vitrine::gui::values::{Start, Tab};
use vitrine_core::project::EntryKind;
use vitrine_core::{Label, LabelCounts};

use crate::support::{Window, drag, nine, opened, said, save_plot, small, wait};

fn shown_cursor(window: &Window) -> usize {
    window.state().model.project.as_ref().unwrap().shown.cursor
}

fn selected(window: &Window) -> Vec<u32> {
    window.state().model.project.as_ref().unwrap().selection.iter().collect()
}

fn counts(window: &Window) -> LabelCounts {
    window.state().model.project.as_ref().unwrap().counts
}

fn centre(window: &Window, place: usize) -> Pos2 {
    window.state().states.gallery.geometry.rect_of(place).center()
}

fn click(window: &mut Window, at: Pos2, modifiers: Modifiers) {
    window.hover_at(at);
    window.step();
    for pressed in [true, false] {
        window.event_modifiers(
            Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers },
            modifiers,
        );
        window.step();
    }
    // Else the next click soon after would be a double click.
    window.run_steps(2);
}

#[test]
fn clicks_choose_ranges_and_bands() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&small(dir.path()));
    window.run_steps(3);
    let columns = window.state().model.gallery.columns;
    assert!(columns > 3, "{columns}");
    let at = centre(&window, 2);
    click(&mut window, at, Modifiers::NONE);
    assert_eq!((shown_cursor(&window), selected(&window)), (2, vec![]));
    let at = centre(&window, 5);
    click(&mut window, at, Modifiers::SHIFT);
    assert_eq!((shown_cursor(&window), selected(&window)), (5, vec![2, 3, 4, 5]));
    let at = centre(&window, 3);
    click(&mut window, at, Modifiers::COMMAND);
    assert_eq!(selected(&window), [2, 4, 5]);
    // A band over two by two patches replaces the selection; with Ctrl it adds.
    let (from, to) = (centre(&window, 0), centre(&window, columns + 1));
    drag(&mut window, from, to, Modifiers::NONE);
    let band = [0, 1, columns as u32, columns as u32 + 1];
    assert_eq!(selected(&window), band);
    let (from, to) = (centre(&window, 3), centre(&window, 3) + egui::vec2(8.0, 8.0));
    drag(&mut window, from, to, Modifiers::COMMAND);
    assert_eq!(selected(&window), [0, 1, 3, columns as u32, columns as u32 + 1]);
    // All of them at once, and back at once.
    let before = counts(&window);
    window.key_press(Key::N);
    window.run_steps(2);
    assert_eq!(counts(&window).negative, 5);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    assert_eq!(counts(&window), before);
}

#[test]
fn painting_with_a_held_key_is_one_step() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let mut window = opened(&folder);
    window.run_steps(3);
    let before = counts(&window);
    let (from, to) = (centre(&window, 3), centre(&window, 6));
    window.hover_at(from);
    window.step();
    window.key_down(Key::Num2);
    window.run_steps(2);
    // One quick move: what lies between is painted too.
    window.hover_at(to);
    window.run_steps(2);
    assert_eq!(counts(&window), before, "nothing is set before the key is let go");
    window.key_up(Key::Num2);
    window.run_steps(3);
    assert_eq!(counts(&window).negative, before.negative + 4, "{}", said(&window));
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    assert_eq!(counts(&window), before);
    drop(window);
    let project = vitrine_core::project::Project::open_read_only(&folder).unwrap();
    let history = project.patch_history(4).unwrap();
    let kinds: Vec<EntryKind> = history.iter().map(|(entry, _)| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::Edit, EntryKind::Undo]);
    assert_eq!(history[0].0.reason, "window: painted over");
}

#[test]
fn keys_move_by_rows_and_screens_and_the_grid_follows() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&small(dir.path()));
    window.state_mut().apply(Command::Settings(SettingsCommand::PatchSide(240.0)));
    window.run_steps(3);
    let gallery = window.state().model.gallery;
    let (columns, rows) = (gallery.columns, gallery.rows);
    window.key_press(Key::ArrowDown);
    window.run_steps(2);
    assert_eq!(shown_cursor(&window), columns);
    window.key_press(Key::PageDown);
    window.run_steps(2);
    assert_eq!(shown_cursor(&window), columns + columns * rows);
    window.key_press(Key::End);
    window.run_steps(3);
    assert_eq!(shown_cursor(&window), 119);
    let geometry = window.state().states.gallery.geometry;
    assert!(geometry.rect.contains_rect(geometry.rect_of(119)), "the last patch is on the screen");
    // The wheel moves the view and leaves the current patch alone.
    let scrolled = geometry.scroll;
    window.hover_at(geometry.rect.center());
    window.step();
    window.event(Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        source: egui::MouseWheelSource::Wheel,
        delta: egui::vec2(0.0, 300.0),
        phase: egui::TouchPhase::Move,
        modifiers: Modifiers::NONE,
    });
    for _ in 0..60 {
        window.step();
    }
    assert!(window.state().states.gallery.geometry.scroll < scrolled - 100.0);
    assert_eq!(shown_cursor(&window), 119);
}

#[test]
fn space_shows_a_patch_large_and_labels_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.run_steps(2);
    window.key_press(Key::Space);
    window.run_steps(2);
    window.get_by_label("Back to the grid");
    window.key_press(Key::N);
    window.run_steps(2);
    assert_eq!((shown_cursor(&window), counts(&window).negative), (1, 2));
    window.key_press(Key::Escape);
    window.run_steps(2);
    assert!(window.query_by_label("Back to the grid").is_none());
    assert!(window.get_by_label_contains("Patch 2 of 9, number 1, positive").rect().is_positive());
}

#[test]
fn the_panel_tells_who_set_a_label() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.key_press(Key::ArrowRight);
    window.key_press(Key::ArrowRight);
    window.run_steps(2);
    window.key_press(Key::P);
    window.run_steps(2);
    window.key_press(Key::ArrowLeft);
    wait(&mut window, "the history", |app| {
        let open = app.model.project.as_ref().unwrap();
        open.detail.last().is_some_and(|(key, d)| key.patch == 2 && d.history.len() == 2)
            && open.micrograph.last().is_some()
    });
    window.get_by_label_contains("negative to positive, by ");
    window.get_by_label_contains("negative, by import of some.mrcs");
    window.get_by_label_contains("only positions are drawn");
    let view = window.state().model.project.as_ref().unwrap().micrograph.last().unwrap().1;
    assert_eq!(view.patches.len(), 9);
}

#[test]
fn the_power_spectrum_is_saved_as_other_plots_are() {
    let dir = tempfile::tempdir().unwrap();
    // With a device, since a picture is one of the forms.
    let mut window = drawn(&nine(dir.path()));
    window.state_mut().apply(Command::Select(SelectCommand::Patch(2)));
    wait(&mut window, "the spectrum", |app| {
        let detail = app.model.project.as_ref().unwrap().detail.last();
        detail.is_some_and(|(key, detail)| key.patch == 2 && detail.spectrum.len() > 2)
    });
    save_plot(&mut window, dir.path(), "power_spectrum_2");
    let read =
        |ending: &str| std::fs::read(dir.path().join(format!("plots/power_spectrum_2.{ending}"))).unwrap();
    let svg = String::from_utf8(read("svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("Power spectrum of patch 2"), "{}", &svg[..200]);
    // 16 px: rings 1 to 8, the last at half a cycle a px.
    let csv = String::from_utf8(read("csv")).unwrap();
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!((rows.len(), rows[0]), (9, "frequency; cycles per px,log10 of power"), "{csv}");
    assert!(rows[8].starts_with("0.5,"), "{csv}");
    assert_eq!(&read("png")[1..4], b"PNG");
}

/// The window with a graphics device, as large as the others.
pub fn drawn(project: &std::path::Path) -> Window {
    let project = Some(project.to_owned());
    let mut window = Harness::builder()
        .with_size([1280.0, 820.0])
        .with_max_steps(64)
        .wgpu()
        .build_eframe(move |cc| App::new(cc, Start { project, ..Start::default() }));
    wait(&mut window, "the project", |app| app.model.project.is_some());
    wait(&mut window, "the pixels", |app| {
        app.states.gallery.coming == 0 && app.states.gallery.window.is_some()
    });
    window
}

/// Mean and spread of the grey values of a patch on the screen, without its border and glyph.
fn statistics(image: &image::RgbaImage, window: &Window, place: usize) -> (f64, f64) {
    let rect = window.state().states.gallery.geometry.rect_of(place);
    // The lower right part is free of the glyph.
    let (from, to) = (rect.center(), rect.max - egui::vec2(8.0, 8.0));
    let mut values = Vec::new();
    for y in from.y as u32..to.y as u32 {
        for x in from.x as u32..to.x as u32 {
            let p = image.get_pixel(x, y).0;
            values.push((f64::from(p[0]) + f64::from(p[1]) + f64::from(p[2])) / 3.0);
        }
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
    (mean, spread)
}

#[test]
fn patches_really_appear_and_the_look_changes_them() {
    let dir = tempfile::tempdir().unwrap();
    // Patch i: a ramp from left (dark) to right (light), so that its lower right quarter is light.
    let folder = crate::support::ramps(dir.path());
    let mut window = drawn(&folder);
    let image = window.render().unwrap();
    let (mean, spread) = statistics(&image, &window, 4);
    assert!(mean > 150.0 && mean < 250.0 && spread > 10.0, "a bright ramp: mean {mean}, spread {spread}");
    let ground = image.get_pixel(
        window.state().states.gallery.geometry.rect.right() as u32 - 4,
        window.state().states.gallery.geometry.rect.bottom() as u32 - 4,
    );
    assert!(f64::from(ground.0[0]) < mean - 50.0 || f64::from(ground.0[0]) > 230.0, "{ground:?}");

    let look = vitrine::gpu::look::Look { invert: true, ..window.state().model.settings.look };
    window.state_mut().apply(Command::Settings(SettingsCommand::Look(look)));
    window.run_steps(3);
    let (inverted, _) = statistics(&window.render().unwrap(), &window, 4);
    assert!((inverted + mean - 255.0).abs() < 6.0, "{mean} inverted is {inverted}");

    // Alike for all: patch 0 spans a tenth of what patch 8 spans, so it is nearly flat.
    let look = vitrine::gpu::look::Look {
        contrast: vitrine::gpu::look::Contrast::All,
        invert: false,
        ..window.state().model.settings.look
    };
    window.state_mut().apply(Command::Settings(SettingsCommand::Look(look)));
    window.run_steps(3);
    let image = window.render().unwrap();
    let (flat, full) = (statistics(&image, &window, 0).1, statistics(&image, &window, 8).1);
    assert!(flat * 3.0 < full, "alike for all: {flat} against {full}");

    // A label changes border and glyph, and nothing in the middle.
    let corner = |window: &mut Window| {
        let at = window.state().states.gallery.geometry.rect_of(5).min;
        let image = window.render().unwrap();
        image.get_pixel(at.x as u32 + 1, at.y as u32 + 30).0
    };
    let unlabeled = corner(&mut window);
    let set = vitrine::gui::command::LabelCommand::SetPatches {
        patches: vec![5],
        label: Label::Negative,
        source: vitrine::gui::values::LabelSource::Brush,
    };
    window.state_mut().apply(Command::Label(set));
    window.run_steps(2);
    let negative = corner(&mut window);
    assert_ne!(unlabeled, negative);
    assert!(negative[0] > 180 && negative[2] < 120, "orange: {negative:?}");
}

#[test]
fn a_history_follows_a_label_that_is_changed_and_changed_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.state_mut().apply(Command::Settings(SettingsCommand::AutoAdvance(false)));
    let read = |window: &mut Window, changes: usize| {
        wait(window, "the history", |app| {
            let detail = app.model.project.as_ref().unwrap().detail.last();
            detail.is_some_and(|(key, detail)| key.patch == 0 && detail.history.len() == changes)
        });
    };
    read(&mut window, 1);
    // There and back before the panel looks again.
    for label in [Label::Negative, Label::Positive] {
        window.state_mut().apply(Command::Label(LabelCommand::Set(label)));
    }
    read(&mut window, 3);
    window.get_by_label_contains("negative to positive, by ");
    for label in [Label::Negative, Label::Positive].repeat(6) {
        window.state_mut().apply(Command::Label(LabelCommand::Set(label)));
    }
    read(&mut window, 15);
    assert!(window.query_by_label_contains("by import of").is_none(), "the oldest is not shown at first");
    // Below what is scrolled to.
    window.get_by_label("and 3 earlier").click_accesskit();
    window.run_steps(3);
    window.get_by_label_contains("positive, by import of some.mrcs");
}

#[test]
fn a_band_left_open_does_not_swallow_clicks() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&small(dir.path()));
    window.run_steps(3);
    let (from, to) = (centre(&window, 0), centre(&window, 2));
    let button = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    window.hover_at(from);
    window.step();
    window.event(button(from, true));
    window.step();
    window.event(Event::PointerMoved(to));
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Num2);
    window.run_steps(2);
    window.event(button(to, false));
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Num1);
    window.run_steps(2);
    let at = centre(&window, 4);
    click(&mut window, at, Modifiers::NONE);
    assert_eq!((shown_cursor(&window), selected(&window)), (4, vec![]));
}

#[test]
fn what_was_painted_when_the_view_changes_is_labelled_then() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.run_steps(3);
    let before = counts(&window);
    let at = centre(&window, 3);
    window.hover_at(at);
    window.step();
    window.key_down(Key::Num2);
    window.run_steps(2);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Export)));
    window.run_steps(2);
    assert_eq!(counts(&window).negative, before.negative + 1);
    window.key_up(Key::Num2);
    window.run_steps(2);
    assert!(window.state().model.gallery.brush.is_none());
}
