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
    window.get_by_label_contains("12 epochs, and the scores of all patches");
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
