//! The threshold of one micrograph, and shifts of scores between micrographs.

use vitrine::gui::command::PickCommand;
use vitrine_core::project::PickRules;

use super::*;

#[test]
fn a_micrograph_has_a_threshold_of_its_own_that_is_kept_and_taken_back_in_one_click() {
    let dir = tempfile::tempdir().unwrap();
    let folder = found(dir.path());
    let mut window = shown(&folder);
    counted(&mut window);
    window.get_by_label("hole_0, 1 positive, 4 unlabeled, 1 negative, untouched, 3 picks · threshold 0.50");
    window.get_by_label("hole_2, 0 positive, 0 unlabeled, 0 negative, untouched, not scored by the run");
    window.get_by_label("Own threshold here").click_accesskit();
    window.run_steps(3);
    let id = MicrographId(1);
    window.state_mut().apply(Command::Pick(PickCommand::OwnThreshold(id, Some(0.25))));
    window.run_steps(3);
    // Here by its own, elsewhere by the common one.
    window.get_by_label("4 picks here, 3 not judged");
    window.get_by_label("5 picks on 2 scored micrographs");
    window
        .get_by_label("hole_0, 1 positive, 4 unlabeled, 1 negative, untouched, 4 picks · own threshold 0.25");
    let draft = window.state().model.drafts.pick.clone();
    window.state_mut().apply(Command::Draft(DraftCommand::Pick(PickDraft { threshold: 0.65, ..draft })));
    window.run_steps(3);
    window.get_by_label("4 picks here, 3 not judged");
    window.get_by_label("4 picks on 2 scored micrographs");
    close(window);

    let project = Project::open(&folder).unwrap();
    let run = project.run("slide-1").unwrap().id;
    let kept = project.pick_rules(run).unwrap();
    assert_eq!(kept, PickRules { own: [(id, 0.25)].into(), without_shifts: false });
    drop(project);
    let mut window = shown(&folder);
    counted(&mut window);
    window.get_by_label("4 picks here, 3 not judged");
    window.get_by_label("Own threshold here").click_accesskit();
    window.run_steps(3);
    window.get_by_label("3 picks here, 2 not judged");
    close(window);
    assert!(Project::open(&folder).unwrap().pick_rules(run).unwrap().is_plain());
}

#[test]
fn the_slider_of_one_micrograph_moves_picks_at_once_and_is_kept_when_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let folder = found(dir.path());
    let mut window = shown(&folder);
    counted(&mut window);
    window.get_by_label("Own threshold here").click_accesskit();
    window.run_steps(3);
    let rect = window
        .get_all_by_role(eframe::egui::accesskit::Role::Slider)
        .map(|slider| slider.rect())
        .max_by(|a, b| a.top().total_cmp(&b.top()))
        .unwrap();
    let y = rect.center().y;
    let from = Pos2::new(rect.center().x, y);
    window.hover_at(from);
    window.step();
    let button = |pos: Pos2, pressed: bool| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    window.event(button(from, true));
    window.step();
    let to = Pos2::new(rect.left() + 1.0, y);
    window.event(Event::PointerMoved(to));
    window.run_steps(2);
    // Still in the hand: seen, but not written.
    window.get_by_label("4 picks here, 3 not judged");
    let own = |window: &Window| {
        let open = window.state().model.project.as_ref().unwrap();
        open.pick_rules.values().next().unwrap().own[&MicrographId(1)]
    };
    assert_eq!(own(&window), 0.5);
    window.event(button(to, false));
    window.run_steps(3);
    assert!(own(&window) < 0.1, "{}", own(&window));
    assert_eq!(window.state().model.drafts.pick.threshold, 0.5, "the common one stays");
    close(window);
}

#[test]
fn shifts_are_said_and_taken_out_and_thresholds_act_on_what_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let folder = picked(dir.path());
    // The same scores on three micrographs, those of the second a logit lower.
    let scored = |lower: f32| -> Vec<Candidate> {
        let all = (0..25).map(|at| place(60.0 + 20.0 * f64::from(at), 300.0, 0.02 + 0.038 * f64::from(at)));
        all.map(|place| Candidate { logit: place.logit - lower, ..place }).collect()
    };
    run_with(&folder, "slide-1", None, vec![scored(0.0), scored(1.0), scored(0.0)]);
    let mut window = shown(&folder);
    counted(&mut window);
    window.get_by_label("Scores here lie as high as on the other micrographs.");
    let common = window.state().model.picks.survey.last().unwrap().1.each[&MicrographId(1)].counts.above(0.5);
    window.get_by_label_contains("hole_1, ").click();
    counted(&mut window);
    window.get_by_label("Scores here lie 1.0 logits below those of the other micrographs.");
    let here = |window: &Window| {
        let (draft, model) = (&window.state().model.drafts.pick, &window.state().model);
        model.picks.places(model.project.as_ref().unwrap(), MicrographId(2), draft).len()
    };
    assert!(here(&window) < common as usize);
    window.get_by_label("Take out shifts of scores").click_accesskit();
    window.run_steps(3);
    counted(&mut window);
    window.get_by_label("Thresholds act on corrected scores.");
    wait(&mut window, "the shifted counts", |app| {
        app.model.picks.survey.last().is_some_and(|(key, _)| key.without_shifts)
    });
    assert_eq!(here(&window), common as usize);
    window.get_by_label_contains("No precision. Scores are counted without the shifts");
    window.state_mut().apply(Command::Micrograph(MicrographCommand::Sort(MicrographSort::Shift)));
    window.run_steps(3);
    let top = |name: &str| window.get_by_label_contains(name).rect().top();
    assert!(top("hole_1, ") < top("hole_0, ") && top("hole_1, ") < top("hole_2, "));
    close(window);
    let project = Project::open(&folder).unwrap();
    let run = project.run("slide-1").unwrap().id;
    assert!(project.pick_rules(run).unwrap().without_shifts);
}
