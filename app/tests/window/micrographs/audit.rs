//! The audit of picks: places at random, judged by key or click, and what follows from the answers.

use std::collections::HashSet;

use vitrine::gui::command::{AuditCommand, PickCommand};

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
    let (_, surveyed) = window.state().model.picks.survey.last().unwrap();
    surveyed.survey.at(0.5).unwrap().expected.unwrap()
}

#[test]
fn thirty_answers_give_precision_and_recall() {
    let dir = tempfile::tempdir().unwrap();
    let folder = many(dir.path());
    let mut window = shown(&folder);
    counted(&mut window);
    window.get_by_label_contains("No precision: ");
    window.get_by_label("Judge picks at random").click_accesskit();
    window.run_steps(3);
    window.get_by_label("Is the marked place a particle? P: yes, N: no. Decide about each one.");
    // Two picks, then a place below the threshold; both micrographs come up.
    let (mut places, mut micrographs, mut picks) = (HashSet::new(), HashSet::new(), 0);
    for answer in 0..30 {
        let here = asked(&window);
        let score = window.state().model.picks.audit.asked.unwrap().score;
        assert_eq!(score >= 0.5, answer % 3 != 2, "{answer}: {score}");
        assert_eq!(window.state().model.micrographs.current, Some(here.0), "it is shown");
        assert!(places.insert(here), "asked twice: {here:?}");
        micrographs.insert(here.0);
        wait(&mut window, "the micrograph", drawn);
        // Every fifth pick is none, and every fifth place below is a particle.
        let is_pick = score >= 0.5;
        picks += usize::from(is_pick);
        let particle = if is_pick { picks % 5 != 0 } else { answer == 14 || answer == 29 };
        let before = counts(&window);
        if answer == 3 {
            // By hand, at the place itself.
            let xy = window.state().model.picks.audit.asked.unwrap().xy;
            click(&mut window, xy[0] as f32, xy[1] as f32);
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
    window.get_by_label_contains("No precision: ");
    window.get_by_label_contains("; from 20 and 10 on they count.");
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
    // It counts in the terminal and when the project is opened again.
    let mut window = shown(&folder);
    counted(&mut window);
    assert_eq!(expected(&window).judged, 30);
}

#[test]
fn two_keys_in_one_frame_answer_for_two_places_and_nothing_else_is_labelled() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = shown(&many(dir.path()));
    counted(&mut window);
    let before = counts(&window);
    window.state_mut().apply(Command::Pick(PickCommand::Audit(AuditCommand::Next)));
    window.run_steps(2);
    for key in [Key::P, Key::N] {
        window.event(Event::Key {
            key,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: Modifiers::NONE,
        });
    }
    window.run_steps(3);
    settled(&mut window);
    window.run_steps(3);
    let after = counts(&window);
    assert_eq!((after.positive, after.negative), (before.positive + 1, before.negative + 1));
    // U is no answer, and says why.
    window.key_press(Key::U);
    window.run_steps(3);
    assert!(told(window.state(), "who leaves out the doubtful ones has no random sample"));
    assert_eq!(counts(&window), after);
    // On another micrograph a key is not an answer.
    let other = if asked(&window).0 == MicrographId(1) { MicrographId(2) } else { MicrographId(1) };
    window.state_mut().apply(Command::Micrograph(MicrographCommand::Open(other)));
    window.run_steps(2);
    window.key_press(Key::P);
    window.run_steps(3);
    assert_eq!(counts(&window), after);
    window.get_by_label("Show the place").click_accesskit();
    window.run_steps(3);
    assert_eq!(window.state().model.micrographs.current, Some(asked(&window).0));
}
