//! Ruling out bad regions.

use vitrine::gui::command::LabelCommand;
use vitrine::gui::values::LabelSource;

use super::*;

#[test]
fn bad_regions_are_drawn_kept_and_hold_no_picks() {
    let dir = tempfile::tempdir().unwrap();
    let folder = found(dir.path());
    let mut window = shown(&folder);
    let ready =
        |app: &App| app.model.picks.found.pending().is_none() && app.model.picks.survey.pending().is_none();
    wait(&mut window, "the picks", |app| app.model.picks.found.last().is_some() && ready(app));
    window.get_by_label("3 picks here, 2 not judged");
    // A polygon around the pick at 300, 300, closed on its first corner.
    window.get_by_label("Polygon").click_accesskit();
    window.run_steps(2);
    for (x, y) in [(270.0, 270.0), (330.0, 270.0), (330.0, 330.0), (270.0, 330.0), (270.0, 270.0)] {
        click(&mut window, x, y);
    }
    wait(&mut window, "the mask", |app| ready(app) && !app.model.project.as_ref().unwrap().masks.is_empty());
    wait(&mut window, "the picks again", |app| {
        ready(app)
            && app.model.picks.found.last().is_some_and(|(key, _)| key.revision == app.model.picks.revision)
    });
    window.get_by_label("2 picks here, 1 not judged");
    assert_eq!(counts(&window).total(), 8, "nothing was marked meanwhile");
    // The brush over the other one.
    window.get_by_label("Brush").click_accesskit();
    window.run_steps(2);
    let (from, to) = (at(&window, 200.0, 121.0), at(&window, 245.0, 121.0));
    drag(&mut window, from, to, Modifiers::NONE);
    wait(&mut window, "the picks again", |app| {
        ready(app)
            && app.model.picks.found.last().is_some_and(|(key, _)| key.revision == app.model.picks.revision)
    });
    window.get_by_label("1 pick here, 0 not judged");
    window.get_by_label("2 regions");
    // Undo takes back what was done last, a region or a label, also after a redo.
    let labels = |window: &Window| counts(window).positive;
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    window.get_by_label("1 region");
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.run_steps(3);
    window.get_by_label("2 regions");
    let before = labels(&window);
    let patch = window.state().model.project.as_ref().unwrap().shown.ids[0];
    let label =
        |label| LabelCommand::SetPatches { patches: vec![patch], label, source: LabelSource::Current };
    window.state_mut().apply(Command::Label(label(Label::Negative)));
    assert_eq!(labels(&window), before - 1);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    assert_eq!(labels(&window), before, "the label came last");
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.run_steps(3);
    assert_eq!(labels(&window), before - 1);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    assert_eq!(labels(&window), before, "and is still the last");
    window.get_by_label("2 regions");
    window.get_by_label("Remove last").click_accesskit();
    window.run_steps(3);
    window.get_by_label("1 region");
    window.get_by_label("Exclude this micrograph").click_accesskit();
    window.run_steps(3);
    window.get_by_label("hole_0, 1 positive, 4 unlabeled, 1 negative, excluded");
    close(window);

    // Undo reaches over a restart.
    let excluded = "hole_0, 1 positive, 4 unlabeled, 1 negative, excluded";
    let mut window = shown(&folder);
    window.get_by_label(excluded);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    assert!(window.query_by_label(excluded).is_none());
    assert!(said(&window).contains("Undone: bad regions of hole_0."), "{}", said(&window));
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    window.get_by_label("2 regions");
    for _ in 0..2 {
        window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
        window.run_steps(3);
    }
    window.get_by_label(excluded);
    close(window);

    let mut project = Project::open(&folder).unwrap();
    let mask = project.masks().unwrap().remove(&MicrographId(1)).unwrap();
    assert!(mask.excluded && mask.regions.len() == 1);
    // Another import draws no unlabeled patches from there.
    let request = vitrine_core::ingest::IngestRequest {
        micrographs: vec![dir.path().join("mics")],
        box_size: Some(BOX.0),
        bin: BOX.1,
        pool: Some(vitrine_core::ingest::PoolRequest {
            count: Some(vitrine_core::ingest::PoolCount::PerMicrograph(20)),
            ..vitrine_core::ingest::PoolRequest::new(vitrine_core::ingest::PoolFrom::Random)
        }),
        ..Default::default()
    };
    let drawn_from = |project: &mut Project, id: i64| {
        let before = project.len();
        vitrine_core::ingest::ingest(project, &request, &mut |_| true).unwrap();
        let new = project.places().unwrap().split_off(before);
        let on = new.into_iter().filter(|place| place.micrograph == Some(MicrographId(id)));
        on.filter_map(|place| place.xy).collect::<Vec<_>>()
    };
    assert!(drawn_from(&mut project, 1).is_empty());
    let half = vec![[-1.0, -1.0], [300.0, -1.0], [300.0, 401.0], [-1.0, 401.0]];
    let regions = vec![vitrine_core::imaging::Region::Polygon(half)];
    let mask = vitrine_core::imaging::Mask { excluded: false, regions };
    project.set_mask(MicrographId(3), &mask, &vitrine_core::project::Actor::Person("ada".into())).unwrap();
    let places = drawn_from(&mut project, 3);
    assert!(places.len() > 5 && places.iter().all(|(x, _)| *x >= 299.0), "{places:?}");
}
