//! Which micrograph comes next, and what a round of corrections has brought.

use vitrine::gui::command::PickCommand;

use super::*;

#[test]
fn the_next_micrograph_worth_a_look_is_offered_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = shown(&found(dir.path()));
    counted(&mut window);
    window.key_press(Key::W);
    wait(&mut window, "the offered one", |app| {
        app.model.micrographs.current == Some(MicrographId(2)) && drawn(app)
    });
    window.get_by_label("Offered because 1 place scores near the threshold.");
    // What was corrected is not offered again.
    counted(&mut window);
    let pos = at(&window, 100.0, 100.0);
    press(&mut window, pos, PointerButton::Secondary, Modifiers::NONE);
    window.state_mut().apply(Command::Micrograph(MicrographCommand::Open(MicrographId(1))));
    window.run_steps(3);
    window.get_by_label("Worth a look next").click_accesskit();
    window.run_steps(3);
    assert!(said(&window).contains("You have corrected every other micrograph"), "{}", said(&window));
    assert_eq!(window.state().model.micrographs.current, Some(MicrographId(1)));
    // Unlike what was seen is a reason too.
    window.state_mut().apply(Command::Micrograph(MicrographCommand::Open(MicrographId(2))));
    wait(&mut window, "the second", drawn);
    counted(&mut window);
    window.state_mut().apply(Command::Pick(PickCommand::Worth));
    window.run_steps(3);
    window.get_by_label_contains(
        "its scores are distributed unlike those of any micrograph you have \
                                  corrected",
    );
    close(window);
}

#[test]
fn without_scores_it_is_said_that_picking_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let folder = picked(dir.path());
    run_with(&folder, "slide-1", None, Vec::new());
    let mut window = shown(&folder);
    counted(&mut window);
    window.key_press(Key::W);
    window.run_steps(2);
    assert!(said(&window).contains("Pick on some micrographs first"), "{}", said(&window));
    close(window);
}

#[test]
fn a_round_says_what_it_learned_from_and_how_the_picks_have_changed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = found(dir.path());
    let mut window = shown(&folder);
    counted(&mut window);
    // A pick rejected, a particle added; then a run that began with the first.
    let pos = at(&window, 300.0, 300.0);
    press(&mut window, pos, PointerButton::Secondary, Modifiers::NONE);
    settled(&mut window);
    click(&mut window, 420.0, 250.0);
    settled(&mut window);
    let button = window.get_all_by_label("Continue from this run").next().unwrap();
    button.click_accesskit();
    window.run_steps(3);
    assert_eq!(window.state().model.tab, Tab::Train);
    assert_eq!(window.state().model.drafts.train.from.as_deref(), Some("slide-1"));
    close(window);
    // One of three stays, one is new.
    let places = vec![place(80.0, 120.0, 0.95), place(420.0, 250.0, 0.9), place(500.0, 300.0, 0.3)];
    run_with(&folder, "slide-2", Some("slide-1"), vec![places]);
    let mut window = shown(&folder);
    counted(&mut window);
    wait(&mut window, "the comparison", |app| app.model.picks.round.last().is_some());
    window.get_by_label("Continued from slide-1 with 1 positive, 1 negative.");
    window.get_by_label("Picks at 0.50 on 1 micrograph: 1 new, 2 gone, 1 as before.");
    window.get_by_label("AUC: too few patches from which neither run learned.");
    close(window);
}
