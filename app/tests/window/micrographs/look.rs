//! Seeing whole micrographs: the list, zoom, going to a patch and back, files that are not there.

use vitrine::gui::app::dialog::FileAnswer;
use vitrine::gui::jobs::{GatePlace, JobKind};

use super::*;

#[test]
fn micrographs_are_listed_with_counts_and_state_and_sorted() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&picked(dir.path()));
    window.key_press_modifiers(Modifiers::COMMAND, Key::Num6);
    wait(&mut window, "the micrograph", drawn);
    window.get_by_label("3 micrographs");
    window.get_by_label("hole_0, 1 positive, 4 unlabeled, 1 negative, untouched");
    window.get_by_label("Micrograph hole_0 with 6 patches");
    wait(&mut window, "the small pictures", |app| {
        (1..=3).all(|id| app.model.micrographs.thumbnail(MicrographId(id)).is_some_and(|p| p.is_some()))
    });
    let top = |window: &Window, name: &str| window.get_by_label_contains(name).rect().top();
    window.state_mut().apply(Command::Micrograph(MicrographCommand::Sort(MicrographSort::Positives)));
    window.run_steps(3);
    assert!(
        top(&window, "hole_1, ") < top(&window, "hole_0, ")
            && top(&window, "hole_0, ") < top(&window, "hole_2, ")
    );
    window.get_by_label("descending").click();
    window.run_steps(3);
    assert!(
        top(&window, "hole_2, ") < top(&window, "hole_0, ")
            && top(&window, "hole_0, ") < top(&window, "hole_1, ")
    );
    // The next one of the list as it is sorted, by its row and by keys; its neighbours are read ahead.
    window.get_by_label_contains("hole_2, ").click();
    wait(&mut window, "the third", |app| {
        app.model.micrographs.current == Some(MicrographId(3)) && drawn(app)
    });
    window.get_by_label("Micrograph hole_2 with 0 patches");
    window.key_press(Key::Period);
    window.run_steps(3);
    assert_eq!(window.state().model.micrographs.current, Some(MicrographId(1)));
    window.key_press(Key::Comma);
    window.run_steps(3);
    window.key_press(Key::Comma);
    window.run_steps(3);
    assert_eq!(
        window.state().model.micrographs.current,
        Some(MicrographId(3)),
        "it is the first of the list"
    );
}

#[test]
fn a_large_micrograph_is_seen_roughly_before_all_of_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let side = 5_800;
    let path = dir.path().join("large.mrc");
    let mut writer = Writer::create(&path, side, side, Some(1.5), WriterMode::Float16).unwrap();
    let pixels: Vec<f32> = (0..side * side).map(|at| (at % side / 500) as f32).collect();
    writer.push(&pixels).unwrap();
    writer.finish().unwrap();
    let folder = dir.path().join("project");
    let mut project = Project::create(&folder, None, PixelType::F32).unwrap();
    let large = NewMicrograph {
        path: Some(path),
        dimensions: Some((side, side)),
        ..NewMicrograph::named("large".to_owned())
    };
    project.add_micrographs(&[large]).unwrap();
    drop(project);
    let mut window = opened(&folder);
    let rough = window.state_mut().hold_job(JobKind::Picture, GatePlace::AfterWork);
    let whole = window.state_mut().hold_job(JobKind::Picture, GatePlace::BeforeWork);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Micrographs)));
    window.run_steps(3);
    assert!(rough.is_reached());
    rough.open();
    wait(&mut window, "the rough picture", drawn);
    let picture =
        |window: &Window| Arc::clone(window.state().model.micrographs.any_picture(MicrographId(1)).unwrap());
    let seen = picture(&window);
    assert!(seen.is_rough && seen.size == (side, side) && seen.bin == 4, "{:?}", seen.size);
    assert_eq!(seen.pyramid.size(), (side / 4, side / 4));
    let place = window.state().states.micrographs.geometry.whole();
    whole.open();
    wait(&mut window, "all of it", |app| {
        app.model.micrographs.any_picture(MicrographId(1)).is_some_and(|picture| !picture.is_rough)
    });
    assert_eq!(picture(&window).pyramid.size(), (side, side));
    // It does not move when the rest comes.
    assert_eq!(window.state().states.micrographs.geometry.whole(), place);
}

#[test]
fn the_wheel_zooms_about_the_pointer_and_a_drag_pans() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = shown(&picked(dir.path()));
    let geometry = |window: &Window| window.state().states.micrographs.geometry;
    let fitted = geometry(&window);
    assert!(fitted.fits && fitted.rect.contains_rect(fitted.whole()), "{fitted:?}");
    let point = at(&window, 150.0, 100.0);
    window.hover_at(point);
    window.step();
    window.event(Event::MouseWheel {
        unit: MouseWheelUnit::Point,
        source: MouseWheelSource::Wheel,
        delta: Vec2::new(0.0, 400.0),
        phase: TouchPhase::Move,
        modifiers: Modifiers::NONE,
    });
    window.run_steps(20);
    let zoomed = geometry(&window);
    assert!(zoomed.zoom > fitted.zoom * 1.8, "{} {}", fitted.zoom, zoomed.zoom);
    assert!((at(&window, 150.0, 100.0) - point).length() < 0.5, "it stays under the pointer");
    drag(&mut window, point, point + Vec2::new(60.0, 30.0), Modifiers::NONE);
    assert!((at(&window, 150.0, 100.0) - point - Vec2::new(60.0, 30.0)).length() < 2.0);
    assert_eq!(counts(&window).positive, 3, "a drag marks nothing");
    window.key_press(Key::Num0);
    window.run_steps(3);
    assert_eq!(geometry(&window).zoom, 1.0);
    window.key_press(Key::F);
    window.run_steps(3);
    assert_eq!(geometry(&window).zoom, fitted.zoom);
    // With another band the picture is read again, and the old one stays until then.
    window.get_by_label("Band-pass").click();
    window.run_steps(2);
    window.get_by_label("Smallest structure kept");
    wait(&mut window, "the filtered picture", |app| {
        let jobs = &app.model.jobs;
        jobs.iter().all(|job| job.kind != vitrine::gui::jobs::JobKind::Picture) && drawn(app)
    });
    assert!(said(&window).is_empty(), "{}", said(&window));
}

#[test]
fn one_key_goes_from_a_pick_to_its_patch_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = shown(&picked(dir.path()));
    click(&mut window, 240.0, 120.0);
    window.key_press(Key::M);
    window.run_steps(3);
    let model = |window: &Window| {
        let model = &window.state().model;
        (model.tab, model.project.as_ref().unwrap().shown.current(), model.micrographs.current)
    };
    assert_eq!(model(&window), (Tab::Gallery, Some(2), Some(MicrographId(1))));
    window.state_mut().apply(Command::Select(SelectCommand::Place(7)));
    window.key_press(Key::M);
    wait(&mut window, "the other micrograph", drawn);
    assert_eq!((model(&window).0, model(&window).2), (Tab::Micrographs, Some(MicrographId(2))));
    assert_eq!(selected(&window), [7]);
    let geometry = window.state().states.micrographs.geometry;
    let place = at(&window, 300.0, 200.0);
    assert!((place - geometry.rect.center()).length() < 30.0, "it is in the middle: {place:?}");
}

#[test]
fn a_missing_file_is_said_and_found_again_with_those_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = picked(dir.path());
    std::fs::rename(dir.path().join("mics"), dir.path().join("moved")).unwrap();
    let mut window = opened(&folder);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Micrographs)));
    wait(&mut window, "the sentence", failed);
    window.get_by_label_contains("Only positions are drawn: ");
    // Positions can be chosen all the same; nothing can be cut.
    click(&mut window, 162.0, 118.0);
    assert_eq!(selected(&window), [1]);
    click(&mut window, 300.0, 300.0);
    settled(&mut window);
    assert!(said(&window).contains("hole_0.mrc"), "{}", said(&window));
    assert_eq!(counts(&window).total(), 8);
    // A file of another size is not taken for it.
    let other = dir.path().join("other.mrc");
    let mut writer = Writer::create(&other, 30, 20, None, WriterMode::Float32).unwrap();
    writer.push(&[0.0; 600]).unwrap();
    writer.finish().unwrap();
    let chosen = dir.path().join("moved/hole_0.mrc");
    let answers = Arc::new(std::sync::Mutex::new(vec![chosen, other]));
    window.state_mut().dialogs_with(Arc::new(move |_| {
        let path = answers.lock().unwrap().pop();
        path.map_or(FileAnswer::Nothing, |path| FileAnswer::Chosen(vec![path]))
    }));
    window.get_by_label("Locate…").click();
    wait(&mut window, "the refusal", |app| {
        app.model.notices.shown().iter().any(|n| n.text.contains("30 × 20 px"))
    });
    window.get_by_label("Locate…").click();
    wait(&mut window, "the new places", |app| told(app, "3 micrographs are read from their new place."));
    wait(&mut window, "the micrograph", drawn);
    close(window);
    let project = Project::open(&folder).unwrap();
    for mic in project.micrographs().unwrap() {
        assert!(mic.path.unwrap().starts_with(dir.path().join("moved")), "{}", mic.name);
    }
}

#[test]
fn patches_that_came_ready_cut_say_why_there_is_nothing_to_see_or_mark() {
    let dir = tempfile::tempdir().unwrap();
    // Nine patches on one micrograph of which only the name is known.
    let mut window = opened(&nine(dir.path()));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Micrographs)));
    wait(&mut window, "the sentence", failed);
    window.get_by_label_contains("the project does not say which file m1 is");
    let pos = window.state().states.micrographs.geometry.rect.center() + Vec2::new(0.0, 150.0);
    press(&mut window, pos, PointerButton::Primary, Modifiers::NONE);
    if window
        .state()
        .states
        .micrographs
        .geometry
        .contains(window.state().states.micrographs.geometry.to_micrograph(pos))
    {
        assert!(said(&window).contains("box size"), "{}", said(&window));
    }
    assert_eq!(counts(&window).total(), 9);
}
