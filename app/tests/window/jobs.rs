//! Jobs on clusters: told apart, followed while they run, read, cancelled, run again, and their results brought in.

use std::fs;

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vitrine::gui::App;
use vitrine::gui::command::{Command, ViewCommand};
use vitrine::gui::values::{Overlay, Tab};
use vitrine_core::cluster::{Event, Job, TaskState};
use vitrine_core::learning::train::metrics::epoch_metrics::EpochMetrics;
use vitrine_core::workflow::follow_jobs::epoch_event;

use crate::site::Site;
use crate::support::{Window, analysed, said, small, wait};

/// The jobs under Train.
fn show_jobs(window: &mut Window, number: usize) {
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    wait(window, "the jobs", |app| app.model.cluster_jobs.jobs.len() == number);
}

fn epoch(number: usize) -> Event {
    let metrics = EpochMetrics {
        epoch: number,
        loss: 1.0 / number as f64,
        validation_auc_pu: 0.5 + 0.1 * number as f64,
        ..EpochMetrics::default()
    };
    epoch_event("far-1", &metrics, true)
}

/// The tasks of a job as the window has seen them last.
fn tasks(app: &App, job: &Job) -> Vec<TaskState> {
    app.model.cluster_jobs.named(&job.file.name).map_or_else(Vec::new, |view| view.state.tasks.clone())
}

#[test]
fn jobs_are_told_apart_and_followed_while_they_run() {
    let dir = tempfile::tempdir().unwrap();
    let (site, folder) = (Site::new(dir.path()), small(dir.path()));
    site.says("");
    let [waits, runs, ends, fails] =
        ["score", "train", "score", "score"].map(|kind| site.submitted_job(&folder, kind, None));
    let lost = site.submitted_job(&folder, "score", None);
    site.job(&folder, "score", None, &["score"]);
    // What the scheduler says is kept with each job, and holds for a quarter of a minute.
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let word = serde_json::json!({ "asked": now + 600, "states": [[0, "PENDING"]], "answered": true });
    fs::write(waits.dir().join("scheduler.json"), word.to_string()).unwrap();
    let attempt = runs.task(0).begin("node1", Some("2".into())).unwrap();
    runs.task(0).append(Event::Progress { phase: "Training".into(), done: 30, total: 60 }).unwrap();
    runs.task(0).append(epoch(1)).unwrap();
    for (job, code) in [(&ends, 0), (&fails, 1)] {
        let attempt = job.task(0).begin("node1", None).unwrap();
        job.task(0).end(code, attempt).unwrap();
    }

    let mut window = site.window(&folder);
    show_jobs(&mut window, 6);
    for words in ["queued", "running: Training, 30 of 60", "done", "failed with status 1", "not submitted"] {
        window.get_by_label(words);
    }
    assert_eq!(tasks(window.state(), &lost), [TaskState::Lost { silent: None }]);
    window.get_by_label_contains("train-1: 50 % done");
    let warned = window.get_all_by_label_contains("This job writes the project, which is open here.");
    assert_eq!(warned.count(), 2, "the one that waits and the one that runs");
    // The curves of what trains on another machine, drawn without being asked for.
    assert!(window.state().model.analysis.drawn.contains("far-1"));
    window.get_by_role_and_label(Role::CheckBox, "far-1");
    let auc = |window: &Window, wanted: &str| {
        let plots = window.get_all_by_role(Role::Image);
        let mut names = plots.filter_map(|node| node.accesskit_node().label());
        names.any(|name| name.starts_with("Validation AUC: far-1") && name.contains(wanted))
    };
    assert!(auc(&window, " in epoch 1"), "no plot of far-1");

    runs.task(0).append(epoch(2)).unwrap();
    runs.task(0).append(Event::Progress { phase: "Training".into(), done: 45, total: 60 }).unwrap();
    wait(&mut window, "the second epoch", |app| {
        app.model.cluster_jobs.curves.get("far-1").is_some_and(|curves| curves.epochs.len() == 2)
    });
    assert!(auc(&window, " in epoch 2"), "the curve does not grow");
    window.get_by_label("running: Training, 45 of 60");
    runs.task(0).end(0, attempt).unwrap();
    wait(&mut window, "the end", |app| tasks(app, &runs) == [TaskState::Done]);
    assert!(said(&window).contains("The job train-1 on lab has ended: done."), "{}", said(&window));
    // However often the window looks, the scheduler is asked for a job once in a quarter of a minute.
    let asked = site.asked();
    for id in ["2", "5"] {
        let times = asked.iter().filter(|asked| *asked == id).count();
        assert!(times <= 2, "{id} was asked for {times} times in a few seconds: {asked:?}");
    }
    assert!(!asked.contains(&"1".to_owned()), "its answer was known");
}

#[test]
fn without_a_scheduler_the_files_alone_tell() {
    let dir = tempfile::tempdir().unwrap();
    let (site, folder) = (Site::new(dir.path()), small(dir.path()));
    let job = site.submitted_job(&folder, "pick", Some(2));
    job.task(0).begin("node1", None).unwrap();
    site.loses_its_scheduler();
    let mut window = site.window(&folder);
    show_jobs(&mut window, 1);
    window.get_by_label_contains("The scheduler cannot be reached from this machine.");
    window.get_by_label("2 tasks: 1 running, 1 queued");
    // Results are offered, and not before they are there.
    assert!(window.get_by_label("Bring results in: pick-1").accesskit_node().is_disabled());
    window.get_by_label("Tasks of pick-1").click_accesskit();
    window.run_steps(8);
    window.get_by_label("Log of pick-1, task 1");
}

#[test]
fn log_and_script_are_one_click_away() {
    let dir = tempfile::tempdir().unwrap();
    let (site, folder) = (Site::new(dir.path()), small(dir.path()));
    let job = site.submitted_job(&folder, "train", None);
    let mut window = site.window(&folder);
    show_jobs(&mut window, 1);
    window.get_by_label("Script of train-1").click_accesskit();
    wait(&mut window, "the script", |app| app.model.cluster_jobs.text.newest().ready().is_some());
    let script = window.get_by_role_and_label(Role::MultilineTextInput, "Script of train-1");
    assert!(script.value().unwrap().contains("# train-1, 4 threads"), "{:?}", script.value());
    window.get_by_label("Close").click_accesskit();
    window.run_steps(3);
    assert_eq!(window.state().model.overlay, None);

    // Nothing is printed yet; then the log grows on the screen.
    window.get_by_label("Log of train-1").click_accesskit();
    wait(&mut window, "the log", |app| app.model.cluster_jobs.text.newest().ready().is_some());
    let log = |window: &Window| {
        window.get_by_role_and_label(Role::MultilineTextInput, "Log of train-1").value().unwrap_or_default()
    };
    assert_eq!(log(&window), "Task 0 has printed nothing yet.");
    job.task(0).begin("node1", None).unwrap();
    fs::write(job.task(0).log(), "epoch   1  loss 0.5\n").unwrap();
    wait(&mut window, "the grown log", |app| {
        app.model.cluster_jobs.text.last().is_some_and(|(_, read)| read.text.contains("epoch   1"))
    });
    assert!(log(&window).contains("loss 0.5"));
}

#[test]
fn cancelling_asks_and_really_ends_the_job() {
    let dir = tempfile::tempdir().unwrap();
    let (site, folder) = (Site::new(dir.path()), small(dir.path()));
    let job = site.submitted_job(&folder, "train", None);
    site.says("RUNNING");
    let attempt = job.task(0).begin("node1", None).unwrap();
    let mut window = site.window(&folder);
    show_jobs(&mut window, 1);
    window.get_by_label("Cancel train-1").click_accesskit();
    window.run_steps(3);
    assert_eq!(window.state().model.overlay, Some(Overlay::CancelJob));
    window.get_by_label("Let it run").click_accesskit();
    window.run_steps(3);
    assert!(!job.is_asked_to_stop() && window.state().model.overlay.is_none());

    window.get_by_label("Cancel train-1").click_accesskit();
    window.run_steps(3);
    window.get_by_label("Cancel the job").click_accesskit();
    // The task sees the stop file, keeps what it has, and ends; only then the scheduler takes it down.
    wait(&mut window, "the stop file", |_| job.is_asked_to_stop());
    assert!(site.cancelled().is_empty());
    job.task(0).end(130, attempt).unwrap();
    wait(&mut window, "the end", |app| {
        tasks(app, &job) == [TaskState::Stopped] && app.model.cluster_jobs.busy.is_empty()
    });
    assert_eq!(site.cancelled(), ["1"]);
    assert_eq!(
        said(&window).matches("The job train-1 on lab has ended: stopped").count(),
        1,
        "{}",
        said(&window)
    );
    assert!(window.query_by_label("Cancel train-1").is_none());
}

#[test]
fn tasks_that_failed_run_again_alone_and_picks_are_written_once_all_are_done() {
    let dir = tempfile::tempdir().unwrap();
    let (site, folder) = (Site::new(dir.path()), small(dir.path()));
    let out = dir.path().join("picks.txt");
    // In place of `vitrine pick`: what it is called with, and a line of its own.
    let picker = dir.path().join("picker");
    fs::write(
        &picker,
        format!("#!/bin/sh\necho \"$@\" >'{}'\necho '12 picks on 3 micrographs'\n", out.display()),
    )
    .unwrap();
    let mut mode = fs::metadata(&picker).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
    fs::set_permissions(&picker, mode).unwrap();
    let job = site.submitted_job(&folder, "pick", Some(3));
    site.says("");
    for (task, code) in [0, 1, 0].into_iter().enumerate() {
        let attempt = job.task(task).begin("node1", None).unwrap();
        job.task(task).end(code, attempt).unwrap();
    }
    let mut window = site.window(&folder);
    window.state_mut().submit_with(picker, site.clusters());
    show_jobs(&mut window, 1);
    // Nothing runs any more, so the list is folded at first.
    window.get_by_label("Jobs on clusters (1)").click_accesskit();
    window.run_steps(8);
    window.get_by_label("3 tasks: 2 done, 1 failed");
    assert!(window.get_by_label("Bring results in: pick-1").accesskit_node().is_disabled());
    site.says("PENDING");
    window.get_by_label("Run again: pick-1").click_accesskit();
    wait(&mut window, "the second submission", |_| site.submitted().len() == 2);
    wait(&mut window, "the notice", |app| {
        app.model.notices.shown().iter().any(|n| n.text == "Submitted pick-1 as 2, 1 of 3 tasks.")
    });
    assert!(site.submitted()[1].contains("--array=1 "), "{:?}", site.submitted());

    wait(&mut window, "the new state", |app| tasks(app, &job)[1] == TaskState::Queued);
    let before = window.state().model.picks.revision;
    let attempt = job.task(1).begin("node1", None).unwrap();
    job.task(1).end(0, attempt).unwrap();
    wait(&mut window, "the end", |app| app.model.cluster_jobs.named("pick-1").unwrap().can_merge());
    assert!(window.state().model.picks.revision > before, "places that have come are shown");
    window.get_by_label("Bring results in: pick-1").click_accesskit();
    wait(&mut window, "the picks", |app| {
        app.model.notices.shown().iter().any(|n| n.text.contains("12 picks on 3 micrographs"))
    });
    assert_eq!(fs::read_to_string(out).unwrap().trim(), "pick");
}

/// A job of another process writes the project that is open here for reading: its run is there when it has ended.
#[test]
fn a_run_that_another_process_has_trained_appears() {
    let dir = tempfile::tempdir().unwrap();
    let (site, folder) = (Site::new(dir.path()), analysed(dir.path()));
    let job = site.submitted_job(&folder, "train", None);
    site.says("RUNNING");
    let attempt = job.task(0).begin("node1", None).unwrap();
    let mut window = site.window(&folder);
    show_jobs(&mut window, 1);
    wait(&mut window, "the scores", |app| app.model.project.as_ref().unwrap().scores.is_some());
    assert_eq!(window.state().model.project.as_ref().unwrap().runs.len(), 2);
    // As if by another process: the window's own handles have not seen it.
    window.state_mut().model.project.as_mut().unwrap().runs.pop();
    job.task(0).end(0, attempt).unwrap();
    wait(&mut window, "the run", |app| app.model.project.as_ref().unwrap().runs.len() == 2);
}
