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
