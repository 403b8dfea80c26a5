//! Renaming and deleting runs: from the list of runs and from the palette's commands.

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vitrine::gui::command::{Command, TrainCommand, ViewCommand};
use vitrine::gui::values::{Overlay, Tab};
use vitrine_core::project::Project;

use crate::support::{analysed, opened, said, wait};

const BASELINE: &str = "supervised_baseline-1";
const RUN: &str = "recommended-1";

#[test]
fn a_run_gets_another_name_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let folder = analysed(dir.path());
    let mut window = opened(&folder);
    assert_eq!(window.state().model.project.as_ref().unwrap().scores.as_ref().unwrap().name, RUN);
    window.state_mut().model.drafts.train.from = Some(RUN.to_owned());
    // As the palette gives it: for the run whose scores are in use.
    window.state_mut().apply(Command::Train(TrainCommand::AskRename(None)));
    window.run_steps(3);
    let field = || window.get_by_role_and_label(Role::TextInput, "New name");
    assert_eq!(field().value().as_deref(), Some(RUN));
    assert!(window.get_by_label("Rename").accesskit_node().is_disabled(), "it has that name already");
    // A name that is taken is refused where it is typed.
    window.state_mut().model.drafts.run.name = BASELINE.to_owned();
    window.run_steps(3);
    window.get_by_label_contains("There is a run 'supervised_baseline-1' already");
    assert!(window.get_by_label("Rename").accesskit_node().is_disabled());
    window.state_mut().model.drafts.run.name = " apo-best ".to_owned();
    window.run_steps(3);
    window.get_by_label("Rename").click_accesskit();
    window.run_steps(3);
    assert!(said(&window).contains("The run recommended-1 is called apo-best now."), "{}", said(&window));
    let model = &window.state().model;
    assert_eq!(model.overlay, None);
    let open = model.project.as_ref().unwrap();
    assert_eq!(open.scores.as_ref().unwrap().name, "apo-best");
    assert_eq!(open.runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), [BASELINE, "apo-best"]);
    assert_eq!(model.drafts.train.from.as_deref(), Some("apo-best"));
    assert!(model.analysis.drawn.contains("apo-best") && !model.analysis.drawn.contains(RUN));
    drop(window);
    assert!(Project::open_read_only(&folder).unwrap().run("apo-best").is_ok());
}

#[test]
fn deleting_a_run_asks_says_its_size_and_leaves_its_scores() {
    let dir = tempfile::tempdir().unwrap();
    let folder = analysed(dir.path());
    std::fs::write(folder.join("runs").join(RUN).join("best.safetensors"), vec![0; 1_340_000]).unwrap();
    let mut window = opened(&folder);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    window.run_steps(3);
    window.state_mut().apply(Command::Train(TrainCommand::AskDelete(Some(RUN.to_owned()))));
    window.run_steps(3);
    window.get_by_label_contains("1.3 MB on the disk");
    window.get_by_label_contains("12 epochs and the scores of all patches");
    window.get_by_label("Cancel").click_accesskit();
    window.run_steps(3);
    assert_eq!(window.state().model.overlay, None);
    assert_eq!(window.state().model.project.as_ref().unwrap().runs.len(), 2, "nothing was deleted");

    window.state_mut().apply(Command::Train(TrainCommand::AskDelete(None)));
    assert_eq!(window.state().model.overlay, Some(Overlay::DeleteRun));
    window.run_steps(3);
    window.get_by_label("Delete recommended-1").click_accesskit();
    window.run_steps(3);
    assert!(said(&window).contains("was deleted: 1.3 MB of disk space given back"), "{}", said(&window));
    assert!(!folder.join("runs").join(RUN).exists());
    // The scores of the other run come into use.
    wait(&mut window, "other scores", |app| {
        let open = app.model.project.as_ref().unwrap();
        open.scores.as_ref().is_some_and(|scores| scores.name == BASELINE)
    });
    let model = &window.state().model;
    assert_eq!(model.project.as_ref().unwrap().runs.len(), 1);
    assert!(!model.analysis.drawn.contains(RUN) && model.deleting.is_none());
    // The last one goes too; then there is none to ask about.
    window.state_mut().apply(Command::Train(TrainCommand::Delete(BASELINE.to_owned())));
    wait(&mut window, "no scores", |app| {
        let open = app.model.project.as_ref().unwrap();
        open.scores.is_none() && open.runs.is_empty() && app.model.jobs.is_empty()
    });
    window.state_mut().apply(Command::Train(TrainCommand::AskDelete(None)));
    assert!(said(&window).contains("no runs yet"), "{}", said(&window));
}

/// The tops of the rows of these runs in the table.
fn tops(window: &crate::support::Window, runs: [&str; 2]) -> [f32; 2] {
    runs.map(|run| window.get_by_label_contains(&format!("Note on {run}: ")).rect().top())
}

#[test]
fn the_table_is_sorted_by_headings_and_filtered_by_letters() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&analysed(dir.path()));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    window.run_steps(3);
    // The newest first, until a heading is pressed.
    let [baseline, run] = tops(&window, [BASELINE, RUN]);
    assert!(run < baseline);
    window.get_by_label("Sort runs by Run").click();
    window.run_steps(3);
    let [baseline, run] = tops(&window, [BASELINE, RUN]);
    assert!(run < baseline, "r before s");
    window.get_by_label("Sort runs by Run").click();
    window.run_steps(3);
    let [baseline, run] = tops(&window, [BASELINE, RUN]);
    assert!(baseline < run, "the other way round");
    window.get_by_label("Sort runs by AUC").click();
    window.run_steps(3);
    let [baseline, run] = tops(&window, [BASELINE, RUN]);
    assert!(run < baseline, "the higher AUC first");
    window.state_mut().states.runs.find = "baseline finished".to_owned();
    window.run_steps(3);
    assert!(window.query_by_label_contains(&format!("Note on {RUN}: ")).is_none());
    window.get_by_label_contains(&format!("Note on {BASELINE}: "));
    window.state_mut().states.runs.find = "no such run".to_owned();
    window.run_steps(3);
    window.get_by_label("No run has this text in its name, status or note.");
}

#[test]
fn a_note_is_written_found_again_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let folder = analysed(dir.path());
    let mut window = opened(&folder);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    window.run_steps(3);
    window.get_by_label_contains(&format!("Note on {BASELINE}: ")).click();
    window.run_steps(3);
    assert_eq!(window.state().model.overlay, Some(Overlay::NoteRun));
    window.get_by_role_and_label(Role::MultilineTextInput, "Note").focus();
    window.run_steps(2);
    window.get_by_role_and_label(Role::MultilineTextInput, "Note").type_text("only the clear picks");
    window.run_steps(3);
    window.get_by_label("Save note").click();
    window.run_steps(3);
    assert_eq!(window.state().model.overlay, None);
    window.get_by_label(&format!("Note on {BASELINE}: only the clear picks"));
    window.state_mut().states.runs.find = "clear".to_owned();
    window.run_steps(3);
    assert!(window.query_by_label_contains(&format!("Note on {RUN}: ")).is_none());
    drop(window);
    let project = Project::open_read_only(&folder).unwrap();
    let runs = project.runs().unwrap();
    assert_eq!(project.run_facts(&runs).unwrap()[&runs[0].id].note, "only the clear picks");
}

#[test]
fn pinned_scores_stay_in_use_when_the_project_is_opened_and_when_another_run_ends() {
    let dir = tempfile::tempdir().unwrap();
    let folder = analysed(dir.path());
    let mut window = opened(&folder);
    let used =
        |app: &vitrine::gui::App| app.model.project.as_ref().unwrap().scores.as_ref().unwrap().name.clone();
    assert_eq!(used(window.state()), RUN, "the newest");
    window.state_mut().apply(Command::Train(TrainCommand::Pin(Some(BASELINE.to_owned()))));
    wait(&mut window, "the pinned scores", |app| used(app) == BASELINE);
    drop(window);

    let mut window = opened(&folder);
    assert_eq!(used(window.state()), BASELINE, "also after a restart");
    let mut config = vitrine_core::learning::config::yaml::load("pu_only").unwrap();
    (config.schedule.epochs, config.schedule.warm_up_epochs) = (1, 0);
    config.prior = vitrine_core::learning::config::PriorConfig::Given(0.2);
    let draft = &mut window.state_mut().model.drafts.train;
    draft.take("short", config);
    draft.device = vitrine_core::device::DeviceChoice::Cpu;
    window.state_mut().apply(Command::Train(TrainCommand::StartShown { baseline: false }));
    wait(&mut window, "the end of the run", |app| {
        app.model.live.as_ref().is_some_and(|live| !live.is_running())
    });
    assert!(said(&window).contains("stay in use, because they are pinned"), "{}", said(&window));
    assert_eq!(used(window.state()), BASELINE);
    // Unpinned, the ones offered come into use by one press.
    window.get_by_label("Pin those of short-1 instead").click();
    wait(&mut window, "its scores", |app| used(app) == "short-1");
}

#[test]
fn a_comparison_begins_with_a_sentence_and_leaves_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let folder = analysed(dir.path());
    let mut window = opened(&folder);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Compare)));
    wait(&mut window, "the comparison", |app| app.model.analysis.comparison.last().is_some());
    // Two formulas of nearly the same AUC on a few dozen patches.
    window.get_by_label_contains("No clear winner: ");
    window.get_by_label("Save report…").click();
    window.run_steps(3);
    let path = dir.path().join("reports/first.html");
    window.state_mut().model.ask_path.as_mut().unwrap().path = path.clone();
    window.run_steps(3);
    window.get_by_label("Save").click();
    wait(&mut window, "the report", |app| {
        app.model.notices.shown().iter().any(|notice| notice.text.contains("first.html"))
    });
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(RUN) && text.contains(BASELINE) && text.contains("<svg"));
}
