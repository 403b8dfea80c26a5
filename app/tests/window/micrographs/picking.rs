//! Picking with a run: picks at a threshold, judging them, and what stands in the way.

use egui_kittest::kittest::NodeT as _;
use vitrine::gui::command::PickCommand;
use vitrine::gui::jobs::{GatePlace, JobKind};
use vitrine_core::export::ExportFormat;

use super::*;

#[test]
fn picks_of_a_run_are_seen_at_a_threshold_and_judged() {
    let dir = tempfile::tempdir().unwrap();
    let folder = found(dir.path());
    let mut window = shown(&folder);
    wait(&mut window, "the picks", |app| {
        app.model.picks.survey.last().is_some() && app.model.picks.found.last().is_some()
    });
    // The positive is judged; of two near each other the better counts.
    window.get_by_label("3 picks here, 2 not judged");
    window.get_by_label("4 picks on 2 scored micrographs");
    window.get_by_label_contains("No precision. ");
    let draft = window.state().model.drafts.pick.clone();
    window
        .state_mut()
        .apply(Command::Draft(DraftCommand::Pick(PickDraft { threshold: 0.25, ..draft.clone() })));
    window.run_steps(3);
    window.get_by_label("4 picks here, 3 not judged");
    window.state_mut().apply(Command::Draft(DraftCommand::Pick(draft.clone())));
    window.run_steps(3);
    // Confirmed at a new place, a patch is cut; at an unlabeled patch, that one is labelled.
    click(&mut window, 300.0, 300.0);
    settled(&mut window);
    assert_eq!(counts(&window), LabelCounts { positive: 4, negative: 1, unlabeled: 4 });
    window.get_by_label("3 picks here, 1 not judged");
    window.get_by_label("Confirm all 1").click();
    window.run_steps(3);
    settled(&mut window);
    assert_eq!((label(&window, 2), counts(&window).total()), (Label::Positive, 9));
    // A poor one is rejected.
    window.state_mut().apply(Command::Draft(DraftCommand::Pick(PickDraft { threshold: 0.25, ..draft })));
    window.run_steps(3);
    let pos = at(&window, 500.0, 300.0);
    press(&mut window, pos, PointerButton::Secondary, Modifiers::NONE);
    settled(&mut window);
    assert_eq!(counts(&window), LabelCounts { positive: 5, negative: 2, unlabeled: 3 });
    for _ in 0..3 {
        window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        window.run_steps(2);
    }
    assert_eq!(counts(&window), LabelCounts { positive: 3, negative: 1, unlabeled: 6 });
    close(window);
    let project = Project::open(&folder).unwrap();
    let (entry, _) = &project.patch_history(8).unwrap()[0];
    assert_eq!((entry.run.map(|run| run.0), entry.reason.as_str()), (Some(1), "micrograph: picks of a run"));
}

#[test]
fn a_run_that_cannot_be_read_says_so_and_where_picks_would_go_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = shown(&found_but_damaged(dir.path()));
    window.get_by_label("Pick all").click();
    wait(&mut window, "the sentence", |app| {
        app.model.notices.shown().iter().any(|notice| notice.text.starts_with("Picking with slide-1: "))
    });
    window.run_steps(3);
    window.get_by_label("Pick this one");
    window.get_by_label("Export picks…").click_accesskit();
    window.run_steps(3);
    let asked = window.state().model.ask_path.as_ref().unwrap();
    assert!(asked.path.ends_with("picked-picks-slide-1"), "{}", asked.path.display());
}

#[test]
fn picking_pauses_goes_on_and_stops_and_picks_come_as_they_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let folder = general(dir.path());
    let mut window = shown(&folder);
    let gate = window.state_mut().hold_job(JobKind::Pick, GatePlace::BeforeWork);
    window.get_by_label("Pick all").click();
    window.run_steps(2);
    assert!(gate.is_reached());
    window.get_by_label("Pause").click();
    window.run_steps(2);
    assert!(window.state().model.picks.is_paused());
    gate.open();
    // It waits where it reports first, before any micrograph.
    let reported = |app: &App| {
        let job = app.model.jobs.iter().find(|job| job.kind == JobKind::Pick);
        job.and_then(|job| job.step.as_ref()).map(|step| step.done)
    };
    wait(&mut window, "its first report", |app| reported(app).is_some());
    window.run_steps(2);
    assert_eq!(reported(window.state()), Some(0));
    window.get_by_label("Go on").click();
    wait(&mut window, "the picks", |app| told(app, "on 2 micrographs at a score of"));
    counted(&mut window);
    window.get_by_label_contains("picks here, ");
    // Stopped at once, what was scored stays.
    let gate = window.state_mut().hold_job(JobKind::Pick, GatePlace::BeforeWork);
    window.get_by_label("Pick all").click();
    window.run_steps(2);
    assert!(gate.is_reached());
    window.get_by_label("Stop picking").click();
    window.run_steps(2);
    gate.open();
    wait(&mut window, "the end", |app| app.model.jobs.is_empty());
    window.get_by_label("Pick all");
    counted(&mut window);
    assert_eq!(window.state().model.picks.survey.last().unwrap().1.survey.micrographs, 2);
}

#[test]
fn micrographs_chosen_in_the_list_are_picked_together_and_picks_leave_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let folder = general(dir.path());
    let mut window = shown(&folder);
    let rows: Vec<String> = {
        let model = &window.state().model;
        let open = model.project.as_ref().unwrap();
        let names = model.micrographs.order.iter().map(|&at| open.micrographs[at].name.clone());
        names.collect()
    };
    let click_row = |window: &mut Window, name: &str, modifiers: Modifiers| {
        let place = window.get_by_label_contains(&format!("{name}, ")).rect().center();
        press(window, place, PointerButton::Primary, modifiers);
        window.run_steps(3);
    };
    window.get_by_label("Pick this one");
    click_row(&mut window, &rows[1], Modifiers::COMMAND);
    window.get_by_label("2 chosen");
    window.get_by_label("Pick these 2");
    // Once more takes it out; a click alone shows it and chooses nothing.
    click_row(&mut window, &rows[1], Modifiers::COMMAND);
    window.get_by_label("Pick this one");
    click_row(&mut window, &rows[0], Modifiers::NONE);
    assert!(window.state().model.micrographs.chosen.is_empty());
    click_row(&mut window, &rows[1], Modifiers::SHIFT);
    // Nothing is scored yet: an export would score first.
    window.state_mut().apply(Command::Pick(PickCommand::ShowExport));
    wait(&mut window, "the first count", |app| app.model.export.picks.last().is_some());
    window.run_steps(3);
    window.get_by_label("2 micrographs are not scored yet: scored first, and not counted here.");
    assert!(!window.get_by_label("Write the export").accesskit_node().is_disabled());
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Micrographs)));
    window.run_steps(3);
    window.get_by_label("Pick these 2").click();
    wait(&mut window, "the picks", |app| told(app, "on 2 micrographs at a score of"));
    counted(&mut window);
    window.get_by_label("Other formats…").click_accesskit();
    window.run_steps(3);
    assert_eq!(window.state().model.tab, Tab::Export);
    wait(&mut window, "the count", |app| {
        app.model.export.picks.newest().ready().is_some_and(|preview| preview.not_scored == 0)
    });
    let (picks, targets) = {
        let (_, preview) = window.state().model.export.picks.last().unwrap();
        (preview.summary.picks, preview.export.targets.clone())
    };
    assert_eq!(targets.len(), 2, "{targets:?}");
    window.run_steps(3);
    window.get_by_label(&format!("{picks} picks on 2 micrographs"));
    assert!(window.query_by_label("Rows of the RELION table").is_none(), "picks have no such rows");
    window.get_by_label("MRC stack").click();
    window.run_steps(3);
    wait(&mut window, "the next count", |app| {
        app.model.export.picks.last().is_some_and(|(key, _)| key.export.format == ExportFormat::Mrcs)
    });
    window.run_steps(3);
    window.get_by_label("Write the export").click();
    wait(&mut window, "the export", |app| app.model.export.written.is_some());
    let written = window.state().model.export.written.clone().unwrap();
    assert_eq!(written.manifest.as_ref().unwrap().total, picks);
    assert!(written.noted.is_some() && written.out.is_file());
    assert_eq!(written.manifest.unwrap().selection.run.as_deref(), Some("general-1"));
}
