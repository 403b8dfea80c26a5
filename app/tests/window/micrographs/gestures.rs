//! Gestures of the pointer that the other tests do not make.

use super::*;

fn geometry(window: &Window) -> [f32; 3] {
    let geometry = window.state().states.micrographs.geometry;
    [geometry.centre[0], geometry.centre[1], geometry.zoom]
}

/// A drag with any button, with a key held or not.
fn drag_with(window: &mut Window, from: Pos2, to: Pos2, button: PointerButton, held: Option<Key>) {
    window.hover_at(from);
    window.step();
    if let Some(key) = held {
        window.key_down(key);
        window.step();
    }
    let event =
        |pos: Pos2, pressed: bool| Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE };
    window.event(event(from, true));
    window.step();
    for share in [0.4, 1.0] {
        window.event(Event::PointerMoved(from + (to - from) * share));
        window.step();
    }
    window.event(event(to, false));
    window.step();
    if let Some(key) = held {
        window.key_up(key);
    }
    window.run_steps(2);
}

#[test]
fn space_and_the_middle_button_pan_and_two_fingers_zoom() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = shown(&picked(dir.path()));
    let before = counts(&window);
    let (from, by) = (at(&window, 300.0, 300.0), Vec2::new(50.0, -20.0));
    for (button, held) in [(PointerButton::Primary, Some(Key::Space)), (PointerButton::Middle, None)] {
        window.key_press(Key::F);
        window.run_steps(2);
        let fitted = geometry(&window);
        drag_with(&mut window, from, from + by, button, held);
        let moved = geometry(&window);
        assert!((fitted[0] - moved[0] - by.x / moved[2]).abs() < 2.0, "{button:?}: {fitted:?} {moved:?}");
    }
    // Over a particle too, space only pans.
    window.key_press(Key::F);
    window.run_steps(2);
    let on_one = at(&window, 160.0, 120.0);
    drag_with(&mut window, on_one, on_one + by, PointerButton::Primary, Some(Key::Space));
    assert!(selected(&window).is_empty());
    assert_eq!(counts(&window), before);
    // With a tool for bad regions too.
    for tool in ["Polygon", "Brush"] {
        window.get_by_label(tool).click_accesskit();
        window.run_steps(2);
        let still = geometry(&window);
        drag_with(&mut window, from, from + by, PointerButton::Primary, Some(Key::Space));
        let moved = geometry(&window);
        assert!((still[0] - moved[0] - by.x / moved[2]).abs() < 2.0, "{tool}: {still:?} {moved:?}");
        assert!(window.state().model.project.as_ref().unwrap().masks.is_empty());
        window.key_press(Key::Escape);
        window.run_steps(2);
    }
    let zoom = geometry(&window)[2];
    window.hover_at(from);
    window.step();
    window.event(Event::Zoom(1.5));
    window.run_steps(2);
    assert!(geometry(&window)[2] > zoom * 1.4);
}

#[test]
fn ctrl_click_toggles_and_a_band_with_ctrl_adds() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = shown(&picked(dir.path()));
    click(&mut window, 80.0, 120.0);
    let other = at(&window, 160.0, 120.0);
    press(&mut window, other, PointerButton::Primary, Modifiers::COMMAND);
    assert_eq!(selected(&window), [0, 1]);
    press(&mut window, other, PointerButton::Primary, Modifiers::COMMAND);
    assert_eq!(selected(&window), [0]);
    let (from, to) = (at(&window, 300.0, 90.0), at(&window, 420.0, 150.0));
    drag(&mut window, from, to, Modifiers::SHIFT | Modifiers::COMMAND);
    assert_eq!(selected(&window), [0, 3, 4]);
    // A click on an empty place leaves the choice and marks a particle; with "Click adds" off it only leaves it.
    window.get_by_label("Click adds").click();
    window.run_steps(2);
    click(&mut window, 300.0, 330.0);
    assert!(selected(&window).is_empty());
    assert_eq!(counts(&window).total(), 8);
}

#[test]
fn the_brush_judges_picks_of_a_run_that_nobody_has_judged() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = shown(&found(dir.path()));
    counted(&mut window);
    window.get_by_label("3 picks here, 2 not judged");
    let (from, to) = (at(&window, 270.0, 300.0), at(&window, 330.0, 301.0));
    paint(&mut window, Key::Num2, from, to);
    settled(&mut window);
    assert_eq!(counts(&window), LabelCounts { positive: 3, negative: 2, unlabeled: 4 });
    window.get_by_label("3 picks here, 1 not judged");
    // Unlabeled takes no place in: nobody has said anything of it.
    let place = at(&window, 241.0, 121.0);
    paint(&mut window, Key::Num3, place + Vec2::new(0.0, 60.0), place);
    assert_eq!(counts(&window).total(), 9);
    close(window);
}

#[test]
fn contrast_inversion_and_binning_change_the_screen_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = shown(&picked(dir.path()));
    wait(&mut window, "all that is read", |app| {
        app.model.jobs.is_empty() && app.model.micrographs.thumbnail(MicrographId(3)).is_some()
    });
    window.key_press(Key::Num0);
    window.run_steps(2);
    assert_eq!(window.state().states.micrographs.tiles.level, 0);
    window.get_by_label("Invert").click();
    window.run_steps(2);
    assert!(window.state().model.settings.look.invert);
    window.get_by_label("Binning on the screen").click();
    window.run_steps(3);
    window.get_by_label("bin 4").click();
    window.run_steps(3);
    assert_eq!(window.state().states.micrographs.tiles.level, 2);
    assert!(window.state().model.jobs.is_empty(), "nothing is read again");
}

#[test]
fn polygons_close_by_key_or_double_click_and_escape_gives_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = shown(&picked(dir.path()));
    // A quick hand: each click comes within the time of a double click. A frame of a test takes a quarter of a second.
    window.ctx.options_mut(|options| options.input_options.max_double_click_delay = 1.5);
    let regions = |window: &Window| {
        let open = window.state().model.project.as_ref().unwrap();
        open.mask(MicrographId(1)).regions.len()
    };
    let corners = |window: &mut Window| {
        for (x, y) in [(200.0, 200.0), (300.0, 210.0), (250.0, 320.0)] {
            click(window, x, y);
        }
    };
    window.get_by_label("Polygon").click_accesskit();
    window.run_steps(2);
    corners(&mut window);
    window.key_press(Key::Escape);
    window.run_steps(2);
    assert_eq!((regions(&window), counts(&window).total()), (0, 8));
    corners(&mut window);
    window.key_press(Key::Enter);
    window.run_steps(2);
    assert_eq!(regions(&window), 1);
    corners(&mut window);
    for _ in 0..2 {
        click(&mut window, 180.0, 330.0);
    }
    assert_eq!(regions(&window), 2);
    // Escape without a line ends the tool: a click marks again.
    window.key_press(Key::Escape);
    window.run_steps(2);
    click(&mut window, 420.0, 300.0);
    settled(&mut window);
    assert_eq!(counts(&window).total(), 9);
    close(window);
}
