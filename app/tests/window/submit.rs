//! Submitting the run of the Train form to a cluster: shown before it goes, trained in a branch while the project stays
//! open, and brought in.

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vitrine::gui::command::{Command, LabelCommand, ViewCommand};
use vitrine::gui::values::{Overlay, Tab};
use vitrine_core::Label;
use vitrine_core::cluster::{Job, job_dir};
use vitrine_core::device::DeviceChoice;
use vitrine_core::learning::config::{PriorConfig, yaml};
use vitrine_core::project::{Project, RunStatus, ScoreKind};

use crate::site::{Site, do_task};
use crate::support::{Window, said, small, wait};

/// The Train view on a small project, with a short configuration in the form and a cluster to choose.
fn ready(dir: &std::path::Path) -> (Site, std::path::PathBuf, Window) {
    let (site, folder) = (Site::new(dir), small(dir));
    let mut window = site.window(&folder);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    wait(&mut window, "devices and clusters", |app| {
        app.model.devices.ready().is_some() && app.model.cluster_jobs.clusters.ready().is_some()
    });
    let mut config = yaml::load("pu_only").unwrap();
    (config.schedule.epochs, config.schedule.warm_up_epochs) = (2, 0);
    config.prior = PriorConfig::Given(0.2);
    let draft = &mut window.state_mut().model.drafts.train;
    draft.take("short", config);
    draft.device = DeviceChoice::Cpu;
    window.run_steps(3);
    (site, folder, window)
}

/// Chooses the cluster.
fn choose_lab(window: &mut Window) {
    window.get_by_role_and_label(Role::ComboBox, "Train on").click();
    window.run_steps(4);
    window.get_by_label("lab").click();
    window.run_steps(4);
    assert_eq!(window.state().model.drafts.submit.cluster.as_deref(), Some("lab"));
}

/// Shows the script and waits for it.
fn show_script(window: &mut Window) -> String {
    window.get_by_label("Show the script…").click_accesskit();
    wait(window, "the script", |app| app.model.cluster_jobs.prepared.newest().is_settled());
    let script = window.get_by_role_and_label(Role::MultilineTextInput, "Script of the job");
    script.value().unwrap()
}

fn job(folder: &std::path::Path, name: &str) -> Job {
    Job::open(&job_dir(folder, name).unwrap()).unwrap()
}

#[test]
fn a_run_is_shown_submitted_trained_elsewhere_and_brought_in() {
    let dir = tempfile::tempdir().unwrap();
    let (site, folder, mut window) = ready(dir.path());
    choose_lab(&mut window);
    assert!(window.query_by_label("Train with supervised baseline").is_none());
    window.get_by_role_and_label(Role::SpinButton, "Threads").set_value_accesskit(2.0);
    window.run_steps(3);
    let script = show_script(&mut window);
    assert!(script.contains("# train-1, 2 threads") && script.contains("jobs/train-1"), "{script}");
    window.get_by_label_contains("trains the run short-train-1, on lab");
    window.get_by_label("Do not submit").click_accesskit();
    window.run_steps(3);
    assert!(!folder.join("jobs").exists() && site.submitted().is_empty(), "nothing goes before it is said");

    show_script(&mut window);
    window.get_by_label("Submit").click_accesskit();
    wait(&mut window, "the job", |app| app.model.cluster_jobs.jobs.len() == 1);
    assert!(said(&window).contains("Submitted train-1 as 1."), "{}", said(&window));
    assert_eq!(site.submitted().len(), 1);
    window.get_by_label("queued");
    // The person goes on labelling; the job learns from the labels of then, in a copy.
    let relabel = LabelCommand::SetPatches {
        patches: vec![1],
        label: Label::Negative,
        source: vitrine::gui::values::LabelSource::Brush,
    };
    window.state_mut().apply(Command::Label(relabel));
    do_task(&job(&folder, "train-1"), 0);
    wait(&mut window, "the end of the job", |app| {
        app.model.cluster_jobs.named("train-1").is_some_and(|view| view.can_merge())
    });
    assert!(
        window.state().model.cluster_jobs.curves["short-train-1"].epochs.len() == 2,
        "its curves are here"
    );
    assert!(window.state().model.project.as_ref().unwrap().runs.is_empty());
    window.get_by_label("Bring results in: train-1").click_accesskit();
    wait(&mut window, "the run and its scores", |app| {
        let open = app.model.project.as_ref().unwrap();
        open.runs.len() == 1 && open.scores.is_some()
    });
    assert!(said(&window).contains("train-1: 1 run came into the project."), "{}", said(&window));
    let open = window.state().model.project.as_ref().unwrap();
    assert_eq!(open.scores.as_ref().unwrap().name, "short-train-1");
    assert!(open.split.is_some());
    wait(&mut window, "what is said of it", |app| {
        !app.model.cluster_jobs.named("train-1").unwrap().can_merge()
    });
    window.get_by_label("Its runs are in the project.");
    drop(window);
    let project = Project::open(&folder).unwrap();
    let run = project.run("short-train-1").unwrap();
    assert_eq!(run.status, RunStatus::Finished);
    assert!(project.scores(run.id, ScoreKind::Teacher).unwrap().is_some());
    assert_eq!(project.labels().unwrap()[1], Label::Negative);
}

#[test]
fn seeds_are_an_array_whose_runs_come_as_they_are_done() {
    let dir = tempfile::tempdir().unwrap();
    let (site, folder, mut window) = ready(dir.path());
    choose_lab(&mut window);
    window.get_by_role_and_label(Role::SpinButton, "Runs").set_value_accesskit(2.0);
    window.run_steps(3);
    show_script(&mut window);
    window.get_by_label_contains("trains 2 runs, short-sweep-1-s1 to short-sweep-1-s2, on lab");
    window.get_by_label("Submit").click_accesskit();
    wait(&mut window, "the job", |app| app.model.cluster_jobs.jobs.len() == 1);
    assert!(site.submitted()[0].contains("--array=0-1 "), "{:?}", site.submitted());
    let job = job(&folder, "sweep-1");
    do_task(&job, 1);
    wait(&mut window, "the first run", |app| app.model.cluster_jobs.named("sweep-1").unwrap().can_merge());
    window.get_by_label("2 tasks: 1 done, 1 queued");
    window.get_by_label("Bring results in: sweep-1").click_accesskit();
    wait(&mut window, "the run", |app| app.model.project.as_ref().unwrap().runs.len() == 1);
    assert!(said(&window).contains("1 of its 2 runs are not here."), "{}", said(&window));
    do_task(&job, 0);
    wait(&mut window, "the second run", |app| app.model.cluster_jobs.named("sweep-1").unwrap().can_merge());
    window.get_by_label("Bring results in: sweep-1").click_accesskit();
    wait(&mut window, "both runs", |app| app.model.project.as_ref().unwrap().runs.len() == 2);
    let project = window.state().model.project.as_ref().unwrap();
    let mut names: Vec<&str> = project.runs.iter().map(|run| run.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["short-sweep-1-s1", "short-sweep-1-s2"]);
}

#[test]
fn a_baseline_goes_with_its_run_and_a_run_goes_on_from_another() {
    let dir = tempfile::tempdir().unwrap();
    let (_site, folder, mut window) = ready(dir.path());
    choose_lab(&mut window);
    window.get_by_label("Supervised baseline first").click_accesskit();
    window.run_steps(3);
    show_script(&mut window);
    window.get_by_label_contains("trains the run short-train-1-baseline, then short-train-1, on lab");
    window.get_by_label("Submit").click_accesskit();
    wait(&mut window, "the job", |app| app.model.cluster_jobs.jobs.len() == 1);
    do_task(&job(&folder, "train-1"), 0);
    wait(&mut window, "the end of the job", |app| {
        app.model.cluster_jobs.named("train-1").is_some_and(|view| view.can_merge())
    });
    let curves = &window.state().model.cluster_jobs.curves;
    assert!(["short-train-1-baseline", "short-train-1"].iter().all(|run| curves[*run].epochs.len() == 2));
    window.get_by_label("Bring results in: train-1").click_accesskit();
    wait(&mut window, "both runs", |app| app.model.project.as_ref().unwrap().runs.len() == 2);
    assert!(said(&window).contains("train-1: 2 runs came into the project."), "{}", said(&window));

    // A run that begins with the weights of another has no baseline beside it.
    window.state_mut().model.drafts.train.from = Some("short-train-1".to_owned());
    window.run_steps(3);
    assert!(window.query_by_label("Supervised baseline first").is_none());
    show_script(&mut window);
    window.get_by_label_contains(
        "trains the run short-train-2, on lab. Training begins with the weights that short-train-1",
    );
    window.get_by_label("Submit").click_accesskit();
    wait(&mut window, "the second job", |app| app.model.cluster_jobs.jobs.len() == 2);
    assert_eq!(window.state().model.drafts.train.from, None);
    do_task(&job(&folder, "train-2"), 0);
    wait(&mut window, "its end", |app| {
        app.model.cluster_jobs.named("train-2").is_some_and(|view| view.can_merge())
    });
    window.get_by_label("Bring results in: train-2").click_accesskit();
    wait(&mut window, "its run", |app| app.model.project.as_ref().unwrap().runs.len() == 3);
    let open = window.state().model.project.as_ref().unwrap();
    let run = open.runs.iter().find(|run| run.name == "short-train-2").unwrap();
    assert_eq!(run.began_with(), Some("short-train-1"));
}

#[test]
fn what_cannot_go_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let (site, folder, mut window) = ready(dir.path());
    choose_lab(&mut window);
    // A template that asks for what nobody knows: told in the dialog, and nothing is left.
    std::fs::write(dir.path().join("site/cluster_script.sh"), "{{ flux }}\n{{ run_cmd }}\n").unwrap();
    window.get_by_label("Show the script…").click_accesskit();
    wait(&mut window, "the answer", |app| app.model.cluster_jobs.prepared.newest().is_settled());
    window.get_by_label_contains("The script could not be made: ");
    assert!(window.get_by_label("Submit").accesskit_node().is_disabled());
    window.get_by_label("Do not submit").click_accesskit();
    window.run_steps(3);
    assert_eq!(window.state().model.overlay, None);
    assert!(!folder.join("jobs").exists());
    // A configuration that cannot be trained.
    window.state_mut().model.drafts.train.config.schedule.epochs = 0;
    window.run_steps(3);
    assert!(window.get_by_label("Show the script…").accesskit_node().is_disabled());
    window.state_mut().model.drafts.train.config.schedule.epochs = 2;
    // A cluster that refuses: the job is there, not submitted, and can be sent again.
    std::fs::write(dir.path().join("site/cluster_script.sh"), "{{ run_cmd }}\n").unwrap();
    let sbatch = dir.path().join("site/sbatch");
    let good = std::fs::read_to_string(&sbatch).unwrap();
    std::fs::write(&sbatch, "echo no such partition >&2\nexit 1\n").unwrap();
    window.run_steps(3);
    show_script(&mut window);
    window.get_by_label("Submit").click_accesskit();
    wait(&mut window, "the refusal", |app| {
        app.model.notices.shown().iter().any(|n| n.text.contains("no such partition"))
    });
    wait(&mut window, "the job", |app| app.model.cluster_jobs.jobs.len() == 1);
    std::fs::write(&sbatch, good).unwrap();
    window.get_by_label("Jobs on clusters (1)").click_accesskit();
    window.run_steps(8);
    window.get_by_label("Submit: train-1").click_accesskit();
    wait(&mut window, "the submission", |_| site.submitted().len() == 1);
    assert_eq!(window.state().model.overlay, None::<Overlay>);
}

#[test]
fn without_a_cluster_one_line_says_how_to_add_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = crate::support::opened(&small(dir.path()));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    wait(&mut window, "devices and clusters", |app| {
        app.model.devices.ready().is_some() && app.model.cluster_jobs.clusters.ready().is_some()
    });
    window.get_by_role_and_label(Role::ComboBox, "Train on").click();
    window.run_steps(4);
    window.get_by_label_contains("vitrine cluster add NAME --partition QUEUE");
}
