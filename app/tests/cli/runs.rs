//! `vitrine runs`: listing, renaming and deleting; and what an AUC above its ceiling looks like everywhere.

use std::path::Path;

use serde_json::{Map, Value, json as object};
use vitrine_core::project::{NewRun, Project, RunEnd};

use crate::support::{json, ok, project, refused, run, text};

/// A finished run without a network, as if trained elsewhere; `values` are those of its one epoch.
fn add_run(project: &str, name: &str, began_with: Option<&str>, values: Value) {
    let mut store = Project::open(Path::new(project)).unwrap();
    let new = NewRun {
        name: name.into(),
        config: String::new(),
        seed: 1,
        versions: object!({}),
        began_with: began_with.map(str::to_owned),
        device: "cpu".into(),
        normaliser: object!({}),
        split: None,
        columns: vec![],
    };
    let run = store.create_run(&new).unwrap();
    let values: Map<String, Value> = values.as_object().unwrap().clone();
    store.record_epoch(&run, 1, &values, true).unwrap();
    store.end_run(run.id, RunEnd::Finished, None).unwrap();
    std::fs::write(store.run_dir(name).join("last.part"), vec![0; 41_000]).unwrap();
}

#[test]
fn runs_are_listed_renamed_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let apo = project(dir.path(), "apo", 16, [8, 8, 2]);
    assert_eq!(ok(&["runs", &apo]).trim(), "the project has no runs yet");
    add_run(&apo, "first", None, object!({ "loss": 0.5 }));
    add_run(&apo, "second", Some("first"), object!({ "loss": 0.4 }));
    let said = ok(&["runs", &apo, "list"]);
    assert_eq!(said, ok(&["runs", &apo]));
    assert!(said.contains("second") && said.contains("finished") && said.contains("41 kB"), "{said}");

    let said = ok(&["runs", &apo, "rename", "first", "apo-best"]);
    assert_eq!(said.trim(), "the run first is called apo-best now");
    let listed = json(&["runs", &apo]);
    assert_eq!((&listed[0]["name"], &listed[1]["began_with"]), (&object!("apo-best"), &object!("apo-best")));
    assert!(refused(&["runs", &apo, "rename", "second", "APO-BEST"]).contains("already"));
    assert!(refused(&["runs", &apo, "delete", "first", "--yes"]).contains("renamed to 'apo-best'"));

    // Nobody is there to be asked.
    let ended = run(&["runs", &apo, "delete", "apo-best"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("--yes"), "{ended:?}");
    // One wrong name, and nothing is deleted.
    refused(&["runs", &apo, "delete", "second", "third", "--yes"]);
    assert_eq!(json(&["runs", &apo]).as_array().unwrap().len(), 2);
    let said = ok(&["runs", &apo, "delete", "apo-best", "--yes"]);
    assert!(said.contains("deleted apo-best: 41 kB of disk space given back"), "{said}");
    assert!(said.contains("second began with the weights of apo-best"), "{said}");
    assert!(!Path::new(&apo).join("runs/apo-best").exists());
    let listed = json(&["runs", &apo]);
    assert_eq!(listed[0]["began_with_deleted"], "apo-best");
    assert!(ok(&["runs", &apo]).contains("apo-best (deleted)"));
    let deleted = json(&["runs", &apo, "delete", "second", "--yes"]);
    assert!(deleted["bytes"].as_u64().unwrap() > 41_000, "{deleted}");

    // A run that trains holds the project.
    let held = Project::open(Path::new(&apo)).unwrap();
    assert!(refused(&["runs", &apo, "delete", "second", "--yes"]).contains("is open for writing in"));
    drop(held);
}

#[test]
fn an_auc_above_its_ceiling_is_never_corrected() {
    let dir = tempfile::tempdir().unwrap();
    let apo = project(dir.path(), "apo", 16, [8, 8, 2]);
    // As a run of an older version stored it: (0.943 − 0.367)/0.266.
    let values = object!({
        "validation_auc_pu": 0.943, "validation_auc_ceiling": 0.633, "validation_auc_corrected": 2.166,
    });
    add_run(&apo, "plain", None, values);
    let report = text(dir.path().join("report.html"));
    let said = ok(&["compare", &apo, "--report", &report]);
    let line = said.lines().find(|line| line.starts_with("Validation AUC, corrected")).unwrap();
    assert!(line.trim_end().ends_with('–'), "{said}");
    assert!(said.contains("above its ceiling 1 − π/2 (0.943 against 0.633)"), "{said}");
    let page = std::fs::read_to_string(&report).unwrap();
    assert!(page.contains("above its ceiling 1 − π/2 (0.943 against 0.633)"), "{page}");
    let compared = json(&["compare", &apo]);
    assert!(compared[0]["metrics"]["validation_auc_corrected"].is_null(), "{compared}");
    assert!(compared[0]["metrics"].as_object().unwrap().contains_key("validation_auc_corrected"));
    let why = |of: &Value| of["not_measured"]["validation_auc_corrected"].as_str().unwrap().to_owned();
    assert!(why(&compared[0]).contains("above its ceiling"), "{compared}");
    let info = json(&["info", &apo]);
    let best = &info["runs"][0]["best"];
    assert!(best["validation_auc_corrected"].is_null() && why(best).contains("0.633"), "{info}");
    for text in [said, page, compared.to_string(), info.to_string()] {
        assert!(!text.contains("2.166"), "{text}");
    }
}
