//! Training from the form, with the baseline, on from a run, and on after an interruption.

use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vitrine::gui::command::{Command, LabelCommand, SaveCommand, ViewCommand};
use vitrine::gui::model::LivePhase;
use vitrine::gui::values::{PathPurpose, PathQuestion, Tab};
use vitrine_core::Label;
use vitrine_core::device::DeviceChoice;
use vitrine_core::learning::config::PretrainKind;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::pretrain::weights_file::pretrained_path;
use vitrine_core::project::{Project, RunStatus};

use crate::support::{Window, analysed, opened, said, small, wait};

/// The Train view on a small project, with a short configuration in the form.
pub fn ready(dir: &std::path::Path, epochs: usize) -> (Window, std::path::PathBuf) {
    let folder = small(dir);
    let mut window = opened(&folder);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    // When the devices are known a line about them appears, and buttons move under the pointer.
    wait(&mut window, "the devices", |app| app.model.devices.ready().is_some());
    let mut config = yaml::load("pu_only").unwrap();
    config.schedule.epochs = epochs;
    config.schedule.warm_up_epochs = 0;
    config.prior = vitrine_core::learning::config::PriorConfig::Given(0.2);
    let state = &mut window.state_mut().model.drafts.train;
    state.take("short", config);
    state.device = DeviceChoice::Cpu;
    window.run_steps(3);
    (window, folder)
}

/// The button, not the view of the same name above it.
pub fn press_train(window: &Window) {
    window.get_all_by_role_and_label(Role::Button, "Train").last().unwrap().click_accesskit();
}

/// Waits until nothing trains and nothing is to follow, and scores are there.
pub fn ended(window: &mut Window) {
    wait(window, "the end of all runs", |app| {
        app.model.analysis.planned.is_none()
            && app.model.live.as_ref().is_some_and(|live| !live.is_running())
            && app.model.project.as_ref().is_some_and(|open| open.scores.is_some())
    });
}

#[test]
fn a_field_is_explained_and_a_wrong_value_cannot_be_started() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, _) = ready(dir.path(), 3);
    window.get_by_label_contains("Number of passes over the unlabeled patches");
    assert!(!window.get_by_label("Train with supervised baseline").accesskit_node().is_disabled());
    window.get_by_role_and_label(Role::SpinButton, "Epochs").set_value_accesskit(0.0);
    window.run_steps(3);
    assert_eq!(window.state().model.drafts.train.config.schedule.epochs, 0);
    // The sentence stands at the field and above the buttons, and both buttons are off.
    let sentences = window.get_all_by_label_contains("schedule.epochs is 0, outside 1 to 10000").count();
    assert_eq!(sentences, 2);
    assert!(window.get_by_label("Train with supervised baseline").accesskit_node().is_disabled());
    window.get_by_role_and_label(Role::SpinButton, "Epochs").set_value_accesskit(2.0);
    window.run_steps(3);
    assert!(!window.get_by_label("Train with supervised baseline").accesskit_node().is_disabled());
    // What is allowed but not usual is said, not refused.
    window.get_by_label_contains("Usually 20 to 200; 1 to 10000 possible.");
    window.get_by_label("2 is less than usual (20 to 200).");
    window.get_by_role_and_label(Role::SpinButton, "Epochs").set_value_accesskit(30.0);
    window.run_steps(3);
    assert!(window.query_by_label_contains("than usual (20 to 200)").is_none());
}

#[test]
fn a_name_that_no_run_can_have_is_refused_before_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&analysed(dir.path()));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    for (name, sentence) in [
        ("two words", "'two words' cannot be the name of a run"),
        ("Recommended-1", "There is a run 'Recommended-1' already"),
    ] {
        window.state_mut().model.drafts.train.name = name.to_owned();
        window.run_steps(3);
        window.get_by_label_contains(sentence);
        assert!(window.get_by_label("Train with supervised baseline").accesskit_node().is_disabled());
    }
    window.state_mut().model.drafts.train.name = "recommended-2".to_owned();
    window.run_steps(3);
    assert!(!window.get_by_label("Train with supervised baseline").accesskit_node().is_disabled());
}

#[test]
fn an_edited_preset_says_so_and_edits_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&small(dir.path()));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    window.run_steps(3);
    assert_eq!(window.state().model.drafts.train.run_base(), "recommended");
    assert!(window.query_by_label("Reset").is_none());
    window.get_by_role_and_label(Role::SpinButton, "Epochs").set_value_accesskit(20.0);
    window.run_steps(3);
    assert_eq!(window.state().model.drafts.train.run_base(), "recommended_changed");
    window.get_by_value("recommended, changed");
    // A contradiction that breaks no rule is said before the run, not after it.
    window.get_by_label_contains("Self-training would begin in epoch 25, but the run ends after epoch 20");
    assert!(!window.get_by_label("Train with supervised baseline").accesskit_node().is_disabled());
    window.get_by_label("Reset").click();
    window.run_steps(3);
    assert!(!window.state().model.drafts.train.is_changed());
    window.get_by_label("Bring them back").click();
    window.run_steps(3);
    assert_eq!(window.state().model.drafts.train.config.schedule.epochs, 20);
    assert_eq!(window.state().model.drafts.train.run_base(), "recommended_changed");
    // Another preset puts edits aside too.
    let other = yaml::load("pu_only").unwrap();
    window.state_mut().model.drafts.train.take("pu_only", other.clone());
    window.run_steps(3);
    assert_eq!(window.state().model.drafts.train.config, other);
    window.get_by_label("Your changes to recommended were put aside.");
    window.get_by_label("Bring them back").click();
    window.run_steps(3);
    assert_eq!(window.state().model.drafts.train.config.schedule.epochs, 20);
    assert!(window.query_by_label("Bring them back").is_none(), "pu_only was not edited");
}

#[test]
fn yaml_is_edited_saved_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, _) = ready(dir.path(), 3);
    window.get_by_label("YAML").click();
    window.run_steps(3);
    assert!(window.state().model.drafts.train.yaml.as_ref().unwrap().text.contains("epochs: 3"));
    let text = "schedule:\n  epochz: 4\n";
    window.get_by_label("Configuration as YAML").focus();
    window.run_steps(2);
    window.get_by_label("Configuration as YAML").set_text_value_accesskit(text);
    window.run_steps(3);
    if window.state().model.drafts.train.problem().is_none() {
        // The field takes typed text only: give it the text and a key that changes nothing.
        window.state_mut().model.drafts.train.yaml.as_mut().unwrap().text = text.to_owned();
        window.get_by_label("Configuration as YAML").type_text(" ");
        window.run_steps(3);
    }
    let problem = window.state().model.drafts.train.problem().unwrap();
    assert!(problem.contains("did you mean `epochs`"), "{problem}");
    assert!(window.get_by_label("Train with supervised baseline").accesskit_node().is_disabled());

    // Back to the form: what was valid last is still there, and is saved. The text waits for its author.
    window.get_by_label("Form").click();
    window.run_steps(3);
    assert!(window.state().model.drafts.train.problem().is_none());
    window.get_by_label("YAML").click();
    window.run_steps(3);
    assert!(window.state().model.drafts.train.yaml.as_ref().unwrap().text.contains("epochz"));
    assert_eq!(window.state().model.drafts.train.problem().as_ref(), Some(&problem));
    window.get_by_label("Form").click();
    window.run_steps(3);
    window.get_by_label("Drop the text").click();
    window.run_steps(3);
    window.get_by_label("File").click();
    window.run_steps(3);
    window.get_by_label("Save as YAML…").click();
    window.run_steps(3);
    let path = dir.path().join("saved/mine.yaml");
    window.state_mut().model.ask_path.as_mut().unwrap().path = path.clone();
    window.run_steps(2);
    window.get_by_label("Save").click();
    wait(&mut window, "the file", |_| path.is_file());
    let saved = yaml::load(path.to_str().unwrap()).unwrap();
    assert_eq!(saved, window.state().model.drafts.train.config);
    assert_eq!(saved.schedule.epochs, 3);
}

#[test]
fn a_configuration_is_opened_by_keys_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, _) = ready(dir.path(), 2);
    let file = dir.path().join("mine.yaml");
    std::fs::write(&file, "risk:\n  kind: naive\nprior: 0.4\nschedule:\n  epochs: 7\n").unwrap();
    window.key_press_modifiers(Modifiers::COMMAND, Key::P);
    window.run_steps(3);
    window.event(Event::Text("open a configuration".to_owned()));
    window.run_steps(2);
    window.key_press(Key::Enter);
    // Nobody knows yet what it is called: only the folder stands there.
    let asked = |window: &Window| window.state().model.ask_path.clone();
    window.run_steps(2);
    assert!(asked(&window).unwrap().path.is_dir());
    // Who types at once loses no letter.
    let type_over = |window: &mut Window, path: &std::path::Path| {
        window.key_press_modifiers(Modifiers::COMMAND, Key::A);
        window.step();
        window.event(Event::Text(path.display().to_string()));
        window.step();
        window.key_press(Key::Enter);
        window.run_steps(3);
    };
    // What cannot be read is said in the dialog, and what was typed stays.
    let missing = dir.path().join("mime.yaml");
    type_over(&mut window, &missing);
    let ask = asked(&window).unwrap();
    assert_eq!(ask.path, missing);
    assert!(ask.wrong.as_ref().is_some_and(|wrong| wrong.contains("mime.yaml")), "{ask:?}");
    assert!(crate::support::said(&window).is_empty());
    window.get_by_label(&vitrine::words::capitalised(&ask.wrong.unwrap()));
    type_over(&mut window, &file);
    wait(&mut window, "the configuration", |app| app.model.drafts.train.config.schedule.epochs == 7);
    assert!(asked(&window).is_none());
    assert_eq!(window.state().model.tab, Tab::Train);
    // The next time it begins there.
    window.state_mut().apply(Command::Save(SaveCommand::AskConfig));
    assert_eq!(asked(&window).unwrap().path, file);
}

#[test]
fn the_baseline_trains_first_on_the_same_split() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, folder) = ready(dir.path(), 2);
    window.get_by_label("Train with supervised baseline").click();
    wait(&mut window, "the baseline", |app| {
        app.model.live.as_ref().is_some_and(|live| live.name == "supervised_baseline-1")
    });
    window.get_by_label("then short");
    wait(&mut window, "the second run", |app| {
        app.model.live.as_ref().is_some_and(|live| live.name == "short-1")
    });
    ended(&mut window);
    // The curves of the first stay in the picture.
    assert!(window.state().model.analysis.drawn.contains("supervised_baseline-1"));
    window.get_by_label("Validation AUC");
    drop(window);
    let project = Project::open_read_only(&folder).unwrap();
    let (baseline, run) = (project.run("supervised_baseline-1").unwrap(), project.run("short-1").unwrap());
    assert_eq!((baseline.status, run.status), (RunStatus::Finished, RunStatus::Finished));
    assert_eq!((baseline.split, baseline.seed), (run.split, run.seed));
    let config = yaml::parse(&baseline.config, "baseline").unwrap();
    assert_eq!((config.schedule.epochs, config.seed), (2, run.seed));
}

#[test]
fn an_interrupted_run_goes_on_from_the_list() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, folder) = ready(dir.path(), 500);
    press_train(&window);
    wait(&mut window, "two epochs", |app| app.model.live.as_ref().is_some_and(|live| live.epochs.len() >= 2));
    window.get_by_label("Stop training").click();
    ended(&mut window);
    drop(window);
    // As a process leaves it that dies while it trains.
    let epochs = {
        let mut project = Project::open(&folder).unwrap();
        let run = project.run("short-1").unwrap();
        let epochs = u32::try_from(project.metrics(run.id).unwrap().len()).unwrap();
        project.resume_run("short-1", epochs, run.best_epoch).unwrap();
        epochs as usize
    };
    let mut window = opened(&folder);
    assert!(said(&window).contains("The run short-1 was interrupted"), "{}", said(&window));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    window.state_mut().model.drafts.train.device = DeviceChoice::Cpu;
    window.run_steps(3);
    window.get_by_label("interrupted");
    window.get_by_label("Resume").click();
    wait(&mut window, "an epoch more", |app| {
        app.model.live.as_ref().is_some_and(|live| !live.epochs.is_empty())
    });
    // The curves hold what was before the interruption too.
    let live = window.state().model.live.clone().unwrap();
    assert_eq!(live.curves.epochs.len(), epochs + live.epochs.len());
    assert_eq!(live.epochs[0].epoch, epochs + 1);
    window.get_by_label("Stop training").click();
    wait(&mut window, "the end", |app| matches!(app.model.live.as_ref().unwrap().phase, LivePhase::Ended(_)));
}

#[test]
fn a_run_goes_on_from_another_with_the_labels_of_now() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, folder) = ready(dir.path(), 2);
    press_train(&window);
    ended(&mut window);
    let relabel = LabelCommand::SetPatches {
        patches: vec![1, 2, 3],
        label: Label::Negative,
        source: vitrine::gui::values::LabelSource::Brush,
    };
    window.state_mut().apply(Command::Label(relabel));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    window.run_steps(3);
    window.get_by_label("Runs of this project (1)").click();
    window.run_steps(12);
    window.get_by_label("Continue from this run").click();
    window.run_steps(3);
    window.get_by_label_contains("Starts from the weights of short-1");
    window.get_by_label("Fine-tune with current labels").click();
    wait(&mut window, "the second run", |app| {
        app.model.live.as_ref().is_some_and(|live| live.name == "short-2")
    });
    ended(&mut window);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Compare)));
    wait(&mut window, "the gain", |app| app.model.analysis.comparison.last().is_some());
    let comparison = window.state().model.analysis.comparison.last().unwrap().1.comparison.clone();
    let gain = &comparison.gains[0];
    assert_eq!((gain.before.as_str(), gain.after.as_str(), gain.relabelled), ("short-1", "short-2", 3));
    assert_eq!(gain.problem, None);
    assert!(gain.rows.iter().all(|(_, before, after)| before.is_finite() && after.is_finite()));
    window.get_by_label("Gain from relabelling: short-2 after short-1");
    drop(window);
    let project = Project::open_read_only(&folder).unwrap();
    assert_eq!(project.run("short-2").unwrap().began_with(), Some("short-1"));
}

#[test]
fn pretraining_is_chosen_shown_gone_on_with_and_its_weights_are_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, folder) = ready(dir.path(), 2);
    window.get_by_label("Pretraining").click_accesskit();
    window.run_steps(12);
    window.get_by_role_and_label(Role::ComboBox, "Begin with").click_accesskit();
    window.run_steps(5);
    window.get_by_label("simsiam: SimSiam on this project's patches, without labels").click_accesskit();
    window.run_steps(5);
    assert_eq!(window.state().model.drafts.train.config.pretrain.kind, PretrainKind::Simsiam);
    window.get_by_role_and_label(Role::SpinButton, "Epochs of pretraining").set_value_accesskit(300.0);
    window.run_steps(3);
    press_train(&window);
    wait(&mut window, "an epoch of pretraining", |app| {
        app.model.live.as_ref().is_some_and(|live| live.pretrained.is_some())
    });
    // Above the curves and in the status bar.
    assert_eq!(window.get_all_by_label_contains("Pretraining, epoch ").count(), 2);
    window.get_by_label_contains("of 300: loss ");
    window.get_by_label("Stop training").click();
    wait(&mut window, "the end", |app| app.model.live.as_ref().is_some_and(|live| !live.is_running()));
    drop(window);
    let stopped = Project::open_read_only(&folder).unwrap().run("short-1").unwrap();
    assert_eq!(stopped.best_epoch, None);
    assert!(stopped.message.unwrap().contains("stopped in pretraining"));

    // There is no epoch yet, but something to go on with.
    let mut window = opened(&folder);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    window.state_mut().model.drafts.train.device = DeviceChoice::Cpu;
    window.run_steps(3);
    window.get_by_label("Resume").click();
    wait(&mut window, "pretraining to go on", |app| {
        app.model.live.as_ref().is_some_and(|live| live.pretrained.is_some())
    });
    assert!(window.state().model.live.as_ref().unwrap().pretrained.unwrap().epoch > 1);
    window.get_by_label("Stop training").click();
    wait(&mut window, "the end", |app| app.model.live.as_ref().is_some_and(|live| !live.is_running()));
    drop(window);

    // A short one to its end; its weights in the form, and a run with them.
    let second = dir.path().join("second");
    std::fs::create_dir(&second).unwrap();
    let (mut window, folder) = ready(&second, 2);
    let pretrain = &mut window.state_mut().model.drafts.train.config.pretrain;
    (pretrain.kind, pretrain.epochs) = (PretrainKind::Simsiam, 2);
    press_train(&window);
    ended(&mut window);
    let weights = pretrained_path(&folder.join("runs/short-1"));
    let ask = PathQuestion::new("t", weights.clone(), PathPurpose::PretrainedWeights);
    window.state_mut().apply(Command::Save(SaveCommand::Ask(Box::new(ask))));
    window.state_mut().apply(Command::Save(SaveCommand::Go(weights.clone())));
    window.run_steps(3);
    let pretrain = &window.state().model.drafts.train.config.pretrain;
    assert_eq!(
        (pretrain.kind, pretrain.weights.as_str()),
        (PretrainKind::Weights, weights.to_str().unwrap())
    );
    press_train(&window);
    wait(&mut window, "the second run", |app| {
        app.model.live.as_ref().is_some_and(|live| live.name == "short-2")
    });
    ended(&mut window);
    drop(window);
    let project = Project::open_read_only(&folder).unwrap();
    assert_eq!(project.run("short-2").unwrap().status, RunStatus::Finished);
    assert!(pretrained_path(&folder.join("runs/short-2")).exists());
}
