//! Runs that are stopped or killed go on as if nothing had happened, and two processes do not write
//! one project.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{
    Ended, copy_folder, curve, json, ok, project, quick_config, refused, run, sentence, text, train, vitrine,
};

/// Epochs of the interrupted run: enough that the signal comes in the middle.
const EPOCHS: usize = 8;

/// A command under way, and what it says on standard error.
#[allow(clippy::zombie_processes)]
fn start(arguments: &[&str]) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = vitrine().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(child.stderr.take().unwrap());
    (child, said)
}

/// Begins training and waits until an epoch is complete.
// Where this panics the test ends, and the process with its pipes; everywhere else the caller waits.
#[allow(clippy::zombie_processes)]
fn begin(project: &str, config: &str, epoch: usize) -> (Child, BufReader<std::process::ChildStderr>) {
    let (child, mut said) = start(&["train", project, "--config", config, "--name", "a", "--device", "cpu"]);
    let mut line = String::new();
    loop {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "the run ended before epoch {epoch}");
        if line.starts_with(&format!("epoch {epoch:>3} ")) {
            return (child, said);
        }
    }
}

fn end(child: &mut Child, said: &mut BufReader<std::process::ChildStderr>) -> Ended {
    let (mut err, mut out) = (String::new(), String::new());
    said.read_to_string(&mut err).unwrap();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(!err.contains("panicked"), "{err}");
    Ended { code: child.wait().unwrap().code(), out, err }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// A project with an uninterrupted run `a`, and copies of it from before that run.
fn prepared(dir: &Path) -> (String, String, String, Vec<String>) {
    let whole = project(dir, "whole", 24, [48, 120, 16]);
    let (stopped, killed) = (text(dir.join("stopped")), text(dir.join("killed")));
    copy_folder(&whole, &stopped);
    copy_folder(&whole, &killed);
    let config = quick_config(dir, EPOCHS);
    train(&whole, &config, "a");
    let expected = curve(&whole, "a");
    assert_eq!(expected.len(), EPOCHS);
    (config, stopped, killed, expected)
}

#[test]
fn a_run_goes_on_after_ctrl_c_and_after_a_kill_as_if_nothing_had_happened() {
    let dir = tempfile::tempdir().unwrap();
    let (config, stopped, killed, expected) = prepared(dir.path());

    // Ctrl-C: status 130, the best epoch so far is kept and can score.
    let (mut child, mut said) = begin(&stopped, &config, 2);
    signal(&child, "-INT");
    let ended = end(&mut child, &mut said);
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(sentence(&ended).contains("--resume a"), "{ended:?}");
    let run = json(&["info", &stopped])["runs"][0].clone();
    assert_eq!(
        (run["status"].as_str(), run["best_epoch"].as_u64().is_some()),
        (Some("stopped"), true),
        "{run}"
    );
    let before = curve(&stopped, "a");
    assert!(before.len() >= 2 && before.len() < EPOCHS && before == expected[..before.len()], "{before:?}");
    let said = ok(&["score", &stopped, "--run", "a", "--device", "cpu"]);
    assert!(said.contains("184 patches scored"), "{said}");
    ok(&["train", &stopped, "--resume", "a", "--device", "cpu"]);
    assert_eq!(curve(&stopped, "a"), expected);
    assert_eq!(json(&["info", &stopped])["runs"][0]["status"], "finished");
    let said = refused(&["train", &stopped, "--resume", "a", "--device", "cpu"]);
    assert!(said.contains(&format!("all of its {EPOCHS} epochs")), "{said}");

    // While it trains a second process may read, and is told why it may not write.
    let (mut child, mut said) = begin(&killed, &config, 2);
    assert_eq!(json(&["info", &killed])["runs"][0]["status"], "running");
    let why = refused(&["label", &killed, "negative", "--ids", "0"]);
    assert!(why.contains("another process") && why.contains(&format!("process {}", child.id())), "{why}");
    // Killed: nothing can be said, nothing is lost.
    signal(&child, "-KILL");
    let ended = end(&mut child, &mut said);
    assert_eq!(ended.code, None, "{ended:?}");
    let before = curve(&killed, "a");
    assert!(before.len() >= 2 && before.len() < EPOCHS, "{before:?}");
    ok(&["label", &killed, "--json", "unlabeled", "--ids", "0", "--only", "negative"]);
    assert_eq!(json(&["info", &killed])["runs"][0]["status"], "interrupted");
    ok(&["train", &killed, "--resume", "a", "--device", "cpu"]);
    assert_eq!(curve(&killed, "a"), expected);
}

#[test]
fn ctrl_c_before_the_first_epoch_leaves_no_half_run() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path(), "early", 24, [48, 120, 0]);
    // With the prior estimated first, there is time before the first epoch.
    let (mut child, mut said) = start(&["train", &project, "--name", "a", "--device", "cpu"]);
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.starts_with("training a on "), "{line}");
    // The run is in the project as soon as the prior is being estimated.
    while json(&["info", &project])["runs"].as_array().unwrap().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    signal(&child, "-INT");
    let ended = end(&mut child, &mut said);
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(sentence(&ended).starts_with("stopped"), "{ended:?}");
    let run = json(&["info", &project])["runs"][0].clone();
    assert_eq!(run["status"], "stopped", "{run}");
    let why = refused(&["score", &project, "--run", "a", "--device", "cpu"]);
    assert!(why.contains("no model yet"), "{why}");
    let why = refused(&["train", &project, "--resume", "a", "--device", "cpu"]);
    assert!(why.contains("'a'") || why.contains("/a/"), "{why}");
}

#[test]
// As in `begin`.
#[allow(clippy::zombie_processes)]
fn a_run_killed_in_pretraining_goes_on_and_its_weights_serve_another_project() {
    let dir = tempfile::tempdir().unwrap();
    let first = project(dir.path(), "first", 16, [24, 60, 0]);
    let config = dir.path().join("short.yaml");
    let text = "prior: 0.3\nrisk:\n  kind: naive\nschedule:\n  epochs: 2\npretrain:\n  epochs: 150\n  batch_size: 16\n";
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap().to_owned();
    let mut child = vitrine()
        .args(["train", &first, "--config", &config, "--name", "a", "--pretrain", "--device", "cpu"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut lines = 0;
    while lines < 2 {
        let mut line = String::new();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended before the second epoch of pretraining");
        lines += usize::from(line.trim_start().starts_with("pretraining "));
    }
    signal(&child, "-KILL");
    assert_eq!(end(&mut child, &mut said).code, None);
    let said = run(&["train", &first, "--resume", "a", "--device", "cpu"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("pretraining   3  loss"), "{said:?}");
    assert!(!said.err.contains("pretraining   1  loss"), "{said:?}");
    assert_eq!(json(&["info", &first])["runs"][0]["status"], "finished");
    let weights = format!("{first}/runs/a/pretrained.safetensors");

    let second = project(dir.path(), "second", 16, [30, 50, 0]);
    let train = ["--config", &config, "--pretrained", &weights, "--device", "cpu"];
    ok(&[&["train", &second, "--name", "b"], &train[..]].concat());
    assert_eq!(json(&["info", &second])["runs"][0]["status"], "finished");
    // Patches of another size: refused before there is a run, with both sizes.
    let third = project(dir.path(), "third", 24, [30, 50, 0]);
    let why = refused(&[&["train", &third], &train[..]].concat());
    assert!(why.contains("16 px") && why.contains("expects 24 px"), "{why}");
    assert!(json(&["info", &third])["runs"].as_array().unwrap().is_empty());
}

#[test]
fn a_run_begins_with_the_weights_of_another_and_says_what_comes_next() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path(), "p", 16, [120, 300, 0]);
    let config = quick_config(dir.path(), 3);
    let said = train(&project, &config, "a");
    // The threshold is one that the scores call for, with what is expected of it.
    let threshold = said.split("--threshold ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let threshold: f64 = threshold.parse().unwrap();
    assert!(threshold > 0.0 && threshold < 1.0, "{said}");
    assert!(said.contains(&format!("Of the unlabeled at {threshold} or more, ")), "{said}");

    ok(&["train", &project, "--from", "a", "--device", "cpu"]);
    let runs = json(&["runs", &project]);
    let on = runs.as_array().unwrap().iter().find(|run| run["name"] == "a-1").unwrap();
    assert_eq!((on["began_with"].as_str(), on["epochs"].as_u64()), (Some("a"), Some(3)));
    assert_ne!(curve(&project, "a-1"), curve(&project, "a"), "it begins elsewhere");
    let ended = run(&["train", &project, "--from", "a", "--baseline"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");

    // Too few patches to judge a threshold by: none is recommended.
    let few = crate::support::project(dir.path(), "few", 16, [24, 60, 0]);
    let said = train(&few, &config, "a");
    assert!(said.contains("No threshold can be recommended") && !said.contains("--threshold"), "{said}");
}
