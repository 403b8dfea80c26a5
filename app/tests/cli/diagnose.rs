//! `vitrine diagnose`: exit codes, JSON, and a corrected configuration that trains.

use std::path::Path;

use crate::support::{ok, project, run, text};

fn diagnose(args: &[&str]) -> (Option<i32>, String, String) {
    let mut all = vec!["diagnose"];
    all.extend(args);
    let ended = run(&all);
    (ended.code, ended.out, ended.err)
}

#[test]
fn exit_codes_say_healthy_findings_and_could_not_run() {
    let dir = tempfile::tempdir().unwrap();
    let healthy = project(dir.path(), "healthy", 24, [60, 160, 20]);
    let (code, out, err) = diagnose(&[&healthy, "--quick", "--verbose", "--device", "cpu"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("labelling rate P/(P+U) = 0.273") && out.contains("not examined"), "{out}");

    let before = std::fs::read_dir(&healthy).unwrap().count();
    let config = text(dir.path().join("rate.yaml"));
    std::fs::write(&config, "prior: 0.273\nrisk:\n  kind: nnpu\nschedule:\n  epochs: 2\n").unwrap();
    let fix = text(dir.path().join("mended.yaml"));
    let args = [healthy.as_str(), "--quick", "--device", "cpu", "--config", &config, "--fix", &fix, "--json"];
    let (code, out, err) = diagnose(&args);
    assert_eq!(code, Some(1), "{out}{err}");
    let said: serde_json::Value = serde_json::from_str(&out).unwrap();
    let first = &said["report"]["findings"][0];
    assert_eq!((&first["kind"], &first["severity"]), (&"labelling_rate_as_prior".into(), &"warning".into()));
    assert_eq!(said["report"]["healthy"], false);
    assert_eq!(first["changes"][0]["to"], "estimate");
    assert_eq!(std::fs::read_dir(&healthy).unwrap().count(), before, "the project is only read");

    let mended = std::fs::read_to_string(&fix).unwrap();
    assert!(mended.contains("# was 0.273.") && mended.contains("prior: estimate"), "{mended}");
    let (code, _, err) = diagnose(&[&healthy, "--quick", "--fix", &fix]);
    assert!(code == Some(2) && err.contains("--force"), "{err}");
    let trained = ok(&["train", &healthy, "--config", &fix, "--name", "mended", "--device", "cpu"]);
    assert!(trained.contains("mended: 2 epochs"), "{trained}");

    // The run that was just trained, with its own configuration.
    let (code, out, err) = diagnose(&[&healthy, "--quick", "--run", "mended", "-v", "--device", "cpu"]);
    assert!(matches!(code, Some(0 | 1)) && out.contains("Run mended, 2 epochs"), "{out}{err}");
}

#[test]
fn sweeps_a_run_and_truth_are_in_the_json() {
    let dir = tempfile::tempdir().unwrap();
    let folder = project(dir.path(), "swept", 24, [60, 160, 20]);
    let config = text(dir.path().join("short.yaml"));
    std::fs::write(&config, "prior: 0.9\nrisk:\n  kind: nnpu\n  loss: logistic\nschedule:\n  epochs: 6\n")
        .unwrap();
    ok(&["train", &folder, "--config", &config, "--name", "short", "--device", "cpu"]);
    let fix = text(dir.path().join("fixed.yaml"));
    let args = [folder.as_str(), "--run", "short", "--sweeps", "--fix", &fix, "--json", "--device", "cpu"];
    let (code, out, err) = diagnose(&args);
    assert_eq!(code, Some(1), "{out}{err}");
    let report = &serde_json::from_str::<serde_json::Value>(&out).unwrap()["report"];
    assert_eq!((&report["depth"], &report["run"]), (&"sweeps".into(), &"short".into()));
    assert_eq!(report["config"]["prior"], 0.9);
    let sections = report["sections"].as_array().unwrap();
    let series: Vec<&str> = sections
        .iter()
        .flat_map(|s| s["series"].as_array().unwrap())
        .map(|s| s["name"].as_str().unwrap())
        .collect();
    for wanted in ["prior_sweep", "prior_sweep_mean_p", "learning_rate_sweep", "learning_rate_range"] {
        assert!(series.contains(&wanted), "{wanted} in {series:?}");
    }
    // The effect of the wrong π on this data stands with the finding.
    let findings = report["findings"].as_array().unwrap();
    let wrong =
        findings.iter().find(|f| f["kind"] == "wrong_prior").unwrap_or_else(|| panic!("{findings:?}"));
    let evidence: Vec<&str> =
        wrong["evidence"].as_array().unwrap().iter().map(|e| e["what"].as_str().unwrap()).collect();
    assert!(evidence.contains(&"short run with π as configured (0.90)"), "{evidence:?}");
    let run = sections.iter().find(|s| s["examination"] == "run").unwrap();
    assert!(run["summary"][0].as_str().unwrap().contains("Run short, 6 epochs"), "{run}");
    // Progress says how far the whole is and how long it will take, from early on to the end.
    let (code, out, err) = diagnose(&[&folder, "--run", "short", "--device", "cpu"]);
    assert!(code == Some(1) && out.contains("WRONG"), "{out}");
    let shares: Vec<&str> = err.lines().filter(|line| line.contains("% of the whole")).collect();
    assert!(!shares.is_empty() && shares.iter().any(|line| line.contains("s to go")), "{err}");
    let trained = ok(&["train", &folder, "--config", &fix, "--name", "fixed", "--device", "cpu"]);
    assert!(trained.contains("fixed: 6 epochs"), "{trained}");
}

#[test]
fn what_cannot_be_examined_is_status_2() {
    let dir = tempfile::tempdir().unwrap();
    let empty = text(dir.path().join("empty"));
    ok(&["new", &empty]);
    for args in [
        vec![empty.as_str(), "--quick"],
        vec!["/nowhere", "--quick"],
        vec![empty.as_str(), "--config", "recomended"],
        vec![empty.as_str(), "--run", "nothing"],
    ] {
        let (code, out, err) = diagnose(&args);
        assert_eq!(code, Some(2), "{args:?}: {out}{err}");
        assert!(out.is_empty() && err.contains("vitrine: "), "{args:?}: {err}");
    }
    assert!(!Path::new("/nowhere").exists());
}
