//! Sweeps on this machine: every combination with every seed, gone on with, and compared by configuration.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{curve, json, ok, project, quick_config, refused, run, text};

fn runs(project: &str) -> Vec<(String, String)> {
    let info = json(&["info", project]);
    let runs = info["runs"].as_array().unwrap();
    let word = |run: &Value, key: &str| run[key].as_str().unwrap().to_owned();
    runs.iter().map(|run| (word(run, "name"), word(run, "status"))).collect()
}

#[test]
fn a_sweep_trains_goes_on_and_compares_by_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path(), "p", 16, [24, 60, 0]);
    let config = quick_config(dir.path(), 2);
    let call = |seeds: &str| -> Vec<String> {
        let words = [
            "sweep",
            &project,
            "--config",
            &config,
            "--set",
            "optimizer.learning_rate=0.0003,0.001",
            "--seeds",
            seeds,
            "--device",
            "cpu",
        ];
        words.map(str::to_owned).to_vec()
    };
    let listed = ok(&[&call("1,2")[..], &["--list".to_owned()]].concat());
    assert!(listed.ends_with("4 runs\n") && runs(&project).is_empty(), "{listed}");
    ok(&call("1"));
    let names = |project: &str| runs(project).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&project), ["quick-learning_rate-0.0003-s1", "quick-learning_rate-0.001-s1"]);
    // What the command itself gives for that configuration and seed.
    let yaml = fs::read_to_string(&config).unwrap();
    let alone = dir.path().join("alone.yaml");
    fs::write(&alone, format!("{yaml}optimizer:\n  learning_rate: 0.001\n")).unwrap();
    let train = ["train", &project, "--config", &text(&alone), "--seed", "1", "--device", "cpu"];
    ok(&[&train[..], &["--name", "alone"]].concat());
    assert_eq!(curve(&project, "quick-learning_rate-0.001-s1"), curve(&project, "alone"));

    // More seeds: those that are trained are left as they are.
    let metrics = Path::new(&project).join("runs/quick-learning_rate-0.001-s1/metrics.csv");
    let before = fs::metadata(&metrics).unwrap().modified().unwrap();
    let ended = run(&call("1,2"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.err.matches("trained before").count(), 2, "{ended:?}");
    assert_eq!(fs::metadata(&metrics).unwrap().modified().unwrap(), before);
    assert!(ended.out.contains("optimizer.learning_rate 0.0003     2"), "{}", ended.out);

    // The same by compare, with the numbers: mean and deviation are those of the two runs.
    let names = ["quick-learning_rate-0.001-s1", "quick-learning_rate-0.001-s2"];
    let of_one = json(&["compare", &project, names[0], names[1]]);
    let auc = |at: usize| of_one[at]["metrics"]["validation_auc_pu"].as_f64().unwrap();
    let all = json(&["compare", &project, names[0], names[1], "--by-config"]);
    assert_eq!(all.as_array().unwrap().len(), 1);
    let spread = &all[0]["measures"]["validation_auc_pu"];
    assert!((spread["mean"].as_f64().unwrap() - (auc(0) + auc(1)) / 2.0).abs() < 1e-12, "{spread}");
    let deviation = (auc(0) - auc(1)).abs() / 2f64.sqrt();
    assert!((spread["deviation"].as_f64().unwrap() - deviation).abs() < 1e-12, "{spread}");

    // Another configuration under the same names is not taken for the same sweep.
    fs::write(&config, yaml.replace("epochs: 2", "epochs: 3")).unwrap();
    let said = refused(&call("1"));
    assert!(said.contains("with another configuration") && said.contains("another name"), "{said}");
}

#[test]
fn what_cannot_be_swept_is_status_2_or_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path(), "p", 16, [4, 8, 0]);
    let ended = run(&["sweep", &project, "--set", "optimizer.learning_rte=1"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("did you mean optimizer.learning_rate?"), "{ended:?}");
    let said = refused(&["sweep", &project, "--config", "quick", "--set", "optimizer.learning_rate=7"]);
    assert!(said.contains("optimizer.learning_rate 7"), "{said}");
}
