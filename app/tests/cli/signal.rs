//! What a task of a job does when the scheduler tells it to end. No scheduler is needed: the task is begun as the script
//! of the job begins it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{copy_folder, curve, ok, project, text, train, vitrine, weights};

/// Begins the task of a job.
fn begin(job: &Path) -> Child {
    let mut command = vitrine();
    for name in ["SLURM_JOB_ID", "SLURM_CPUS_PER_TASK"] {
        command.env_remove(name);
    }
    command.arg("task").arg(job).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until the events of the task hold these words.
fn wait_for(job: &Path, words: &str) {
    let events = job.join("tasks/0/events.jsonl");
    let started = Instant::now();
    while !fs::read_to_string(&events).is_ok_and(|text| text.contains(words)) {
        assert!(started.elapsed() < Duration::from_secs(120), "the task has not said {words}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn exit_code(job: &Path) -> i64 {
    let text = fs::read(job.join("tasks/0/exit.json")).unwrap();
    serde_json::from_slice::<serde_json::Value>(&text).unwrap()["code"].as_i64().unwrap()
}

#[test]
fn the_signal_saves_within_the_epoch_and_the_next_attempt_goes_on_there() {
    let dir = tempfile::tempdir().unwrap();
    // An epoch of some hundred batches, so that the signal comes within the first.
    let there = project(dir.path(), "p", 24, [200, 1200, 0]);
    let direct = text(dir.path().join("direct"));
    copy_folder(&there, &direct);
    let config = text(dir.path().join("small_batches.yaml"));
    let yaml = "prior: 0.3\nbatch:\n  size: 8\nteacher:\n  enabled: true\nschedule:\n  epochs: 2\n  warm_up_epochs: 0\n";
    fs::write(&config, yaml).unwrap();
    train(&direct, &config, "a");

    let settings = dir.path().join("settings");
    let call = |args: &[&str]| {
        let mut command = vitrine();
        let ended = command.env("VITRINE_CONFIG_DIR", &settings).args(args).output().unwrap();
        assert!(ended.status.success(), "{args:?}: {ended:?}");
    };
    call(&["cluster", "add", "lab"]);
    let submit = ["submit", "train", &there, "--config", &config, "--name", "a", "--device", "cpu"];
    call(&[&submit[..], &["--cluster", "lab", "--dry-run"]].concat());
    let job = Path::new(&there).join("jobs/train-1");
    let mut task = begin(&job);
    wait_for(&job, "\"phase\":\"Training\"");
    let sent = Command::new("kill").args(["-TERM", &task.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(task.wait().unwrap().code(), Some(130));
    assert_eq!(exit_code(&job), 130);
    let log = fs::read_to_string(job.join("tasks/0/log")).unwrap();
    assert!(log.contains("checkpoint in epoch 1 after batch"), "{log}");
    assert!(!log.contains("epoch   1 "), "the signal came too late to show anything: {log}");

    // As a requeued task begins.
    assert_eq!(begin(&job).wait().unwrap().code(), Some(0));
    assert_eq!(exit_code(&job), 0);
    assert_eq!(curve(&there, "a"), curve(&direct, "a"), "as if it had never stopped");
    assert!(weights(&there, "a") == weights(&direct, "a"), "the weights differ");
    // Those who look on have the epochs too.
    let events = fs::read_to_string(job.join("tasks/0/events.jsonl")).unwrap();
    assert_eq!(events.matches("\"event\":\"epoch\"").count(), 2, "{events}");
    assert!(ok(&["jobs", &there]).contains("train-1 on lab: done"));
}

/// Stopped before there is anything to go on from, it begins anew and does not fail.
#[test]
fn a_task_that_was_stopped_before_its_first_step_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let there = project(dir.path(), "p", 24, [48, 120, 0]);
    let settings = dir.path().join("settings");
    let call = |args: &[&str]| {
        let ended = vitrine().env("VITRINE_CONFIG_DIR", &settings).args(args).output().unwrap();
        assert!(ended.status.success(), "{args:?}: {ended:?}");
    };
    call(&["cluster", "add", "lab"]);
    // The prior is estimated first, which takes a moment.
    let config = text(dir.path().join("short.yaml"));
    fs::write(&config, "prior: estimate\nschedule:\n  epochs: 1\n  warm_up_epochs: 0\n").unwrap();
    let submit = ["submit", "train", &there, "--config", &config, "--name", "a", "--device", "cpu"];
    call(&[&submit[..], &["--cluster", "lab", "--dry-run"]].concat());
    let job = Path::new(&there).join("jobs/train-1");
    let mut task = begin(&job);
    wait_for(&job, "\"phase\":\"Estimating");
    let sent = Command::new("kill").args(["-TERM", &task.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(task.wait().unwrap().code(), Some(130));
    assert_eq!(begin(&job).wait().unwrap().code(), Some(0));
    assert_eq!(curve(&there, "a").len(), 1);
}
