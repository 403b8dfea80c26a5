//! Picking by hand: marking, choosing, rejecting, painting, and beginning without picks.

use super::*;

#[test]
fn picks_are_chosen_rejected_boxed_and_painted_and_all_of_it_is_undone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = picked(dir.path());
    let mut window = shown(&folder);
    click(&mut window, 162.0, 118.0);
    assert_eq!(selected(&window), [1]);
    window.key_press(Key::P);
    window.run_steps(2);
    assert_eq!(label(&window, 1), Label::Positive);
    window.key_press(Key::Delete);
    window.run_steps(2);
    assert_eq!(label(&window, 1), Label::Negative);
    // The other button says no at once.
    let pos = at(&window, 80.0, 120.0);
    press(&mut window, pos, PointerButton::Secondary, Modifiers::NONE);
    assert_eq!(label(&window, 0), Label::Negative);
    window.get_by_label("hole_0, 0 positive, 4 unlabeled, 2 negative, corrected");
    // A band chooses what lies in it.
    let (from, to) = (at(&window, 220.0, 80.0), at(&window, 420.0, 160.0));
    drag(&mut window, from, to, Modifiers::SHIFT);
    assert_eq!(selected(&window), [2, 3, 4]);
    window.key_press(Key::P);
    window.run_steps(2);
    assert_eq!(counts(&window), LabelCounts { positive: 5, negative: 2, unlabeled: 1 });
    // The brush, while its key is held.
    let (from, to) = (at(&window, 230.0, 120.0), at(&window, 410.0, 121.0));
    paint(&mut window, Key::Num2, from, to);
    assert_eq!([2, 3, 4].map(|patch| label(&window, patch)), [Label::Negative; 3]);
    for _ in 0..5 {
        window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        window.run_steps(2);
    }
    assert_eq!(counts(&window), LabelCounts { positive: 3, negative: 1, unlabeled: 4 });
    window.key_press(Key::Escape);
    window.run_steps(2);
    assert!(selected(&window).is_empty());
}

#[test]
fn a_click_marks_a_particle_that_is_cut_as_the_others_were() {
    let dir = tempfile::tempdir().unwrap();
    let folder = picked(dir.path());
    let mut window = shown(&folder);
    click(&mut window, 200.0, 300.0);
    settled(&mut window);
    assert_eq!(counts(&window), LabelCounts { positive: 4, negative: 1, unlabeled: 4 });
    window.get_by_label("Micrograph hole_0 with 7 patches");
    click(&mut window, 201.0, 299.0);
    assert_eq!((selected(&window), counts(&window).total()), (vec![8], 9), "a click on one chooses it");
    // Undo takes the label back, and the patch stays, unlabeled; redo gives it again.
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    assert_eq!(label(&window, 8), Label::Unlabeled);
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.run_steps(2);
    assert_eq!(label(&window, 8), Label::Positive);
    // Too near an edge is said.
    click(&mut window, 5.0, 300.0);
    settled(&mut window);
    assert!(said(&window).contains("too close to the edge"), "{}", said(&window));
    close(window);

    let project = Project::open(&folder).unwrap();
    assert_eq!((project.len(), project.sources().unwrap().len()), (9, 2));
    let row = project.patch(8).unwrap();
    let (x, y) = row.place.xy.unwrap();
    assert!((x - 200.0).abs() < 1.0 && (y - 300.0).abs() < 1.0, "{x} {y}");
    // The pixels are those of the file.
    let image = vitrine_core::formats::micrograph::open(&dir.path().join("mics/hole_0.mrc")).unwrap().image;
    let cut = vitrine_core::imaging::CutSettings { box_size: BOX.0, bin: BOX.1, margin: 0 };
    let (mut expected, mut stored) = (vec![0.0; 256], vec![0.0; 256]);
    assert!(vitrine_core::imaging::cut_patch(&image, (x, y), &cut, &mut expected).unwrap());
    project.pixels().get(8, &mut stored).unwrap();
    assert_eq!(stored, expected);
    let history = project.patch_history(8).unwrap();
    let kinds: Vec<EntryKind> = history.iter().map(|(entry, _)| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::Edit, EntryKind::Undo, EntryKind::Redo]);
    assert_eq!(history[0].0.reason, "picked by hand");
}

#[test]
fn quick_clicks_all_land_and_an_undo_waits_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let folder = picked(dir.path());
    let mut window = shown(&folder);
    for x in 0..10 {
        click(&mut window, 60.0 + 50.0 * x as f32, 250.0);
    }
    // Clicked twice in the same place: one particle.
    click(&mut window, 510.0, 250.0);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.step();
    settled(&mut window);
    assert_eq!(counts(&window), LabelCounts { positive: 3 + 9, negative: 1, unlabeled: 5 });
    assert_eq!(label(&window, 17), Label::Unlabeled, "the last one was taken back");
    // They are in the gallery, with the rest.
    let open = window.state().model.project.as_ref().unwrap();
    assert_eq!((open.shown.ids.len(), open.pixels.len()), (18, 18));
    close(window);
    assert_eq!(Project::open(&folder).unwrap().label_counts().unwrap().positive, 12);
}

#[test]
fn a_folder_of_micrographs_begins_a_project_whose_box_follows_a_measured_particle() {
    let dir = tempfile::tempdir().unwrap();
    let mics = dir.path().join("mics");
    std::fs::create_dir_all(&mics).unwrap();
    for number in 0..2 {
        write(&mics.join(format!("hole_{number}.mrc")), number);
    }
    let mut window = crate::support::window(None);
    window.state_mut().apply(Command::Import(ImportCommand::Add(vec![mics])));
    wait(&mut window, "the files", |app| {
        app.model.import.as_ref().is_some_and(|import| import.look.newest().is_settled())
    });
    let folder = dir.path().join("new");
    let draft = &mut window.state_mut().model.import.as_mut().unwrap().draft;
    assert_eq!(draft.pool, None, "of micrographs alone nothing is cut");
    draft.folder = folder.display().to_string();
    wait(&mut window, "the look", |app| {
        let import = app.model.import.as_ref().unwrap();
        import.look.last().is_some_and(|(asked, _)| asked.request.pool.is_none())
    });
    window.run_steps(3);
    window.get_by_label("Import").click();
    // What went well is said for some seconds only.
    wait(&mut window, "what was imported", |app| told(app, "Imported 2 micrographs"));
    assert_eq!(window.state().model.tab, Tab::Micrographs);
    wait(&mut window, "the micrograph", drawn);
    window.get_by_label("2 micrographs");
    // Before a particle was measured nothing can be cut.
    click(&mut window, 300.0, 200.0);
    assert!(said(&window).contains("box size"), "{}", said(&window));
    window.get_by_label("Measure a particle to begin");
    window.get_by_label("Measure").click();
    window.run_steps(2);
    let (from, to) = (at(&window, 300.0, 200.0), at(&window, 320.0, 200.0));
    drag(&mut window, from, to, Modifiers::NONE);
    // 40 px wide: a box that suits the general model.
    window.get_by_label("box 64 px");
    click(&mut window, 300.0, 200.0);
    settled(&mut window);
    assert_eq!(counts(&window), LabelCounts { positive: 1, negative: 0, unlabeled: 0 });
    // The next step: patches to tell the particle from, from its micrograph, cut as it was.
    window.get_by_label("Add unlabeled").click();
    wait(&mut window, "the look", |app| {
        app.model.import.as_ref().is_some_and(|import| import.look.newest().is_settled())
    });
    window.run_steps(3);
    window.get_by_label("Import").click();
    wait(&mut window, "the pool", |app| told(app, "unlabeled"));
    let now = counts(&window);
    assert!(now.positive == 1 && now.unlabeled > 20, "{now:?}");
    close(window);
    let project = Project::open(&folder).unwrap();
    assert_eq!((project.size(), project.micrographs().unwrap().len()), (Some(64), 2));
    let places = project.places().unwrap();
    assert!(places.iter().all(|place| place.micrograph == places[0].micrograph));
    let info = &project.sources().unwrap()[0].info;
    assert_eq!((info.micrograph_pixel_size, info.box_size), (Some(1.5), Some(64.0)));
}
