//! The audit of picks: places at random, judged by key or click, and what follows from the answers.

use std::collections::HashSet;

use vitrine::gui::command::{AuditCommand, LabelCommand, PickCommand};

use super::*;

/// [`picked`] with forty picks on each of the first two micrographs and as many places below the threshold, 30 px apart.
fn many(dir: &Path) -> PathBuf {
    let folder = picked(dir);
    let on = |number: usize| {
        let spot = move |at: usize| {
            let (column, row) = (at % 16, at / 16);
            let score = if at.is_multiple_of(2) { 0.6 + at as f64 * 0.004 } else { 0.1 + at as f64 * 0.004 };
            place(40.0 + 32.0 * column as f64, 190.0 + 36.0 * row as f64 + number as f64, score)
        };
        (0..80).map(spot).collect()
    };
    run_with(&folder, "slide-1", None, vec![on(0), on(1)]);
    folder
}

/// The micrograph and the place that is asked about.
fn asked(window: &Window) -> (MicrographId, [i64; 2]) {
    let asked = window.state().model.picks.audit.asked.unwrap();
    (asked.micrograph, asked.xy.map(|v| v as i64))
}

fn expected(window: &Window) -> vitrine_core::picking::census::Expectation {
    window.state().model.picks.audit.expected.unwrap()
}

/// Waits until the place that is asked about was before a person's eyes.
fn seen(window: &mut Window) {
    wait(window, "the place", |app| app.model.picks.audit.was_seen());
}

fn begin(window: &mut Window) {
    counted(window);
    window.state_mut().apply(Command::Pick(PickCommand::Audit(AuditCommand::Next)));
    window.run_steps(2);
    seen(window);
}

#[test]
fn thirty_answers_give_precision_and_recall() {
    let dir = tempfile::tempdir().unwrap();
    let folder = many(dir.path());
    let mut window = shown(&folder);
    counted(&mut window);
    window.get_by_label_contains("No precision. ");
    window.get_by_label("Judge picks at random").click_accesskit();
    window.run_steps(3);
    window.get_by_label("Is the marked place a particle? P: yes, N: no. Decide about each one.");
    // Of three places one lies below the threshold; both micrographs come up.
    let (mut places, mut micrographs, mut picks, mut below) = (HashSet::new(), HashSet::new(), 0, 0);
    for answer in 0..30 {
        let here = asked(&window);
        let score = window.state().model.picks.audit.asked.unwrap().score;
        assert_eq!(window.state().model.micrographs.current, Some(here.0), "it is shown");
        assert!(places.insert(here), "asked twice: {here:?}");
        micrographs.insert(here.0);
        seen(&mut window);
        // Every fifth pick is none, and every fifth place below is a particle.
        let is_pick = score >= 0.5;
        *(if is_pick { &mut picks } else { &mut below }) += 1;
        let particle = if is_pick { picks % 5 != 0 } else { below % 5 == 0 };
        if answer % 3 == 2 {
            assert_eq!((picks, below), (2 * (answer + 1) / 3, (answer + 1) / 3));
        }
        let before = counts(&window);
        if answer == 3 {
            // By hand, at the place itself.
            let xy = window.state().model.picks.audit.asked.unwrap().xy;
            let pos = at(&window, xy[0] as f32, xy[1] as f32);
            let button = if particle { PointerButton::Primary } else { PointerButton::Secondary };
            press(&mut window, pos, button, Modifiers::NONE);
        } else {
            window.key_press(if particle { Key::P } else { Key::N });
        }
        window.run_steps(3);
        settled(&mut window);
        window.run_steps(2);
        let after = counts(&window);
        assert_eq!(after.total(), before.total() + 1, "{answer}");
        let more = (after.positive - before.positive, after.negative - before.negative);
        assert_eq!(more, if particle { (1, 0) } else { (0, 1) }, "{answer}");
    }
    assert_eq!(micrographs.len(), 2);
    window.get_by_label(
        "Judged at random: 20 picks, 10 places below the threshold. Each further one narrows the intervals.",
    );
    // 16 of 20 picks and 2 of 10 others: of 80 and 80 places.
    let by_answers = expected(&window);
    assert_eq!(by_answers.judged, 30);
    assert!((by_answers.precision - 0.79).abs() < 0.02, "{by_answers:?}");
    assert!((by_answers.recall - 0.79).abs() < 0.03, "{by_answers:?}");
    assert!(by_answers.low > 0.6 && by_answers.high < 0.92, "{by_answers:?}");
    window.get_by_label_contains("Expected precision ");
    // An answer taken back is asked for again.
    let next = asked(&window);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    settled(&mut window);
    window.run_steps(3);
    assert!(places.contains(&asked(&window)) && asked(&window) != next);
    window.get_by_label_contains("No precision. ");
    window.get_by_label_contains("; from 20 and 10 on they count.");
    seen(&mut window);
    window.key_press(Key::N);
    window.run_steps(3);
    settled(&mut window);
    window.run_steps(3);
    assert_eq!((asked(&window), expected(&window).judged), (next, 30));
    // Escape ends it; keys mean nothing there then.
    window.key_press(Key::Escape);
    window.run_steps(3);
    window.get_by_label("Judge picks at random");
    let before = counts(&window);
    window.key_press(Key::P);
    window.run_steps(3);
    assert_eq!(counts(&window), before);
    close(window);
    // It counts when the project is opened again.
    let mut window = shown(&folder);
    counted(&mut window);
    window.run_steps(2);
    assert_eq!(expected(&window).judged, 30);
}

#[test]
fn a_key_answers_only_for_a_place_that_was_seen() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = shown(&many(dir.path()));
    begin(&mut window);
    let before = counts(&window);
    // The second one comes at once, for a place that nobody has seen yet.
    for label in [Label::Positive, Label::Negative] {
        window.state_mut().apply(Command::Label(LabelCommand::Set(label)));
    }
    window.run_steps(3);
    settled(&mut window);
    seen(&mut window);
    let after = counts(&window);
    assert_eq!((after.positive, after.negative), (before.positive + 1, before.negative));
    // U is no answer, and says why.
    window.key_press(Key::U);
    window.run_steps(3);
    assert!(told(window.state(), "skipping doubtful places biases the sample"));
    assert_eq!(counts(&window), after);
    // On another micrograph a key is not an answer, and the view stays where the person looks.
    let here = asked(&window);
    let other = if here.0 == MicrographId(1) { MicrographId(2) } else { MicrographId(1) };
    window.state_mut().apply(Command::Micrograph(MicrographCommand::Open(other)));
    window.run_steps(2);
    window.key_press(Key::P);
    window.run_steps(3);
    assert_eq!(counts(&window), after);
    let draft = window.state().model.drafts.pick.clone();
    window.state_mut().apply(Command::Draft(DraftCommand::Pick(PickDraft { threshold: 0.8, ..draft })));
    window.run_steps(3);
    assert_eq!(window.state().model.micrographs.current, Some(other));
    window.get_by_label("Show the place").click_accesskit();
    window.run_steps(3);
    assert_eq!(window.state().model.micrographs.current, Some(asked(&window).0));
}

/// What was selected before is not what the keys are for, and a patch beside the place keeps its label.
#[test]
fn an_answer_is_for_the_place_alone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = many(dir.path());
    let mut window = shown(&folder);
    counted(&mut window);
    window.state_mut().apply(Command::Select(SelectCommand::Only(vec![0])));
    begin(&mut window);
    assert!(selected(&window).is_empty());
    let before = label(&window, 0);
    let patches = counts(&window).total();
    window.key_press(Key::N);
    window.run_steps(3);
    settled(&mut window);
    window.run_steps(2);
    assert_eq!((label(&window, 0), counts(&window).total()), (before, patches + 1));
    // In the gallery a key labels the current patch, and the view does not change.
    seen(&mut window);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Gallery)));
    window.run_steps(3);
    let (now, current) =
        (asked(&window), window.state().model.project.as_ref().unwrap().shown.current().unwrap());
    window.key_press(Key::N);
    window.run_steps(3);
    assert_eq!((label(&window, current), asked(&window)), (Label::Negative, now));
    assert_eq!(window.state().model.tab, Tab::Gallery);
}

#[test]
fn without_places_it_says_why_not() {
    let dir = tempfile::tempdir().unwrap();
    let folder = picked(dir.path());
    run_with(&folder, "slide-1", None, Vec::new());
    let mut window = shown(&folder);
    counted(&mut window);
    window.state_mut().apply(Command::Pick(PickCommand::Audit(AuditCommand::Next)));
    window.run_steps(3);
    let notices: Vec<_> =
        window.state().model.notices.shown().iter().map(|notice| notice.text.clone()).collect();
    assert!(told(window.state(), "The run has found no places yet"), "{notices:?}");
    assert!(!window.state().model.picks.audit.running);
}

#[test]
fn a_project_that_another_program_holds_is_not_asked_about() {
    let dir = tempfile::tempdir().unwrap();
    let folder = many(dir.path());
    let _held = Project::open(&folder).unwrap();
    let mut window = shown(&folder);
    assert!(window.state().model.project.as_ref().unwrap().read_only.is_some());
    counted(&mut window);
    window.state_mut().apply(Command::Pick(PickCommand::Audit(AuditCommand::Next)));
    window.run_steps(3);
    assert!(told(window.state(), "The project is read-only"));
    assert!(!window.state().model.picks.audit.running);
}
