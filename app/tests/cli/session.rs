//! A whole session on ready patches: new, import, info, label, train, score, compare, export, and
//! what was exported comes in again.

use std::path::Path;

use crate::support::{
    columns, curve, json, labels, ok, project, quick_config, refused, text, train, write_set, write_unknown,
};

/// Patch size and counts of the session: positive, unlabeled, negative.
const SIZE: usize = 16;
const COUNTS: [usize; 3] = [48, 96, 12];

#[test]
fn a_session_from_import_to_export() {
    let dir = tempfile::tempdir().unwrap();
    let project = text(dir.path().join("apo"));
    let set = text(dir.path().join("set.npz"));
    write_set(Path::new(&set), SIZE, COUNTS);

    assert!(ok(&["new", &project]).contains("next: vitrine import"));
    let said = ok(&["import", &project, &set, "--dry-run"]);
    assert!(said.contains("would import 48 positive, 96 unlabeled, 12 negative"), "{said}");
    assert_eq!(labels(&project), [0, 0, 0]);
    let said = ok(&["import", &project, &set]);
    assert!(said.contains("imported 48 positive, 96 unlabeled, 12 negative"), "{said}");
    assert_eq!(labels(&project), [48, 96, 12]);
    let info = json(&["info", &project]);
    assert_eq!((info["size"].as_u64(), info["patches"].as_u64()), (Some(16), Some(156)));
    assert_eq!(info["micrographs"], 4);
    assert_eq!(info["sources"][0]["pixel_size"], 1.5);

    label_and_take_back(&project, dir.path());

    let said = ok(&["train", &project, "--baseline", "--epochs", "2", "--device", "cpu"]);
    assert!(
        said.contains("supervised_baseline-1: 2 epochs") && said.contains("recommended-1: 4 epochs"),
        "{said}"
    );
    let info = json(&["info", &project]);
    assert_eq!(info["runs"].as_array().unwrap().len(), 2);
    assert_eq!(info["splits"].as_array().unwrap().len(), 1, "both runs share the split");
    assert_eq!(info["runs"][1]["status"], "finished");

    score(&project, dir.path());
    compare(&project, dir.path());
    export_every_format(&project, dir.path());
    export_the_model(&project, dir.path());
}

fn label_and_take_back(project: &str, dir: &Path) {
    // The set's order is positive 0 to 47, unlabeled 48 to 143, negative 144 to 155.
    ok(&["label", project, "negative", "--ids", "48-50,60", "--reason", "carbon edge"]);
    assert_eq!(labels(project), [48, 92, 16]);
    ok(&["label", project, "--undo"]);
    assert_eq!(labels(project), [48, 96, 12]);
    ok(&["label", project, "--redo"]);
    assert_eq!(labels(project), [48, 92, 16]);
    let list = dir.join("checked.txt");
    std::fs::write(&list, "48\n\n49-50\r\n60\n").unwrap();
    let done = json(&["label", project, "unlabeled", "--ids-from", &text(&list)]);
    assert_eq!((done["changed"].as_u64(), done["labels"]["unlabeled"].as_u64()), (Some(4), Some(96)));
    let said = ok(&["label", project, "unlabeled", "--ids", "48"]);
    assert!(said.contains("nothing to change"), "{said}");
    let history = json(&["info", project, "--history", "48"]);
    let steps = history["history"].as_array().unwrap();
    let kinds: Vec<&str> = steps.iter().map(|step| step["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["edit", "undo", "redo", "edit"], "{history}");
    assert_eq!(steps[0]["reason"], "carbon edge");
    assert!(steps[0]["by"].as_str().unwrap().contains("tester"), "{history}");

    let said = refused(&["label", project, "negative", "--ids", "3-4000000000"]);
    assert!(said.contains("4000000000") && said.contains("155"), "{said}");
    assert!(refused(&["label", project, "negative", "--ids", "9-3"]).contains("3-9"));
    assert!(refused(&["label", project, "negative", "--ids", "x"]).contains("'x'"));
    std::fs::write(&list, "48\nfifty\n").unwrap();
    let said = refused(&["label", project, "negative", "--ids-from", &text(&list)]);
    assert!(said.contains("checked.txt, line 2") && said.contains("fifty"), "{said}");
    assert_eq!(labels(project), [48, 96, 12], "a refused call changes nothing");
}

fn score(project: &str, dir: &Path) {
    let table = dir.join("scores.csv");
    let said = ok(&["score", project, "--run", "recommended-1", "--out", &text(&table), "--device", "cpu"]);
    assert!(said.contains("156 patches scored"), "{said}");
    let head = std::fs::read_to_string(&table).unwrap();
    assert!(head.starts_with("id,micrograph,x,y,label,score\n"), "{head}");
    let rows = columns(&table, &["id", "micrograph", "x", "y", "label", "score"]);
    assert_eq!(rows.len(), 156);
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(row[0], at.to_string());
        let score: f64 = row[5].parse().unwrap();
        assert!((0.0..=1.0).contains(&score), "{row:?}");
        let expected = ["positive", "unlabeled", "negative"][usize::from(at >= 48) + usize::from(at >= 144)];
        assert_eq!(row[4], expected, "{row:?}");
    }
    assert_eq!(rows[0][1..4], ["mic_0.mrc", "100", "200"]);
    assert_eq!(rows[53][1..4], ["mic_1.mrc", "170", "700"]);

    // The same patches from the file have the same scores: one normaliser for everything.
    let again = dir.join("again.csv");
    let set = text(dir.join("set.npz"));
    ok(&[
        "score",
        project,
        "--run",
        "recommended-1",
        "--input",
        &set,
        "--out",
        &text(&again),
        "--device",
        "cpu",
    ]);
    assert_eq!(std::fs::read_to_string(&again).unwrap(), std::fs::read_to_string(&table).unwrap());

    let unknown = dir.join("unknown.npz");
    write_unknown(&unknown, SIZE, 40);
    let fresh = dir.join("fresh.csv");
    let done = json(&[
        "score",
        project,
        "--run",
        "recommended-1",
        "--input",
        &text(&unknown),
        "--out",
        &text(&fresh),
        "--device",
        "cpu",
    ]);
    assert_eq!(done["scored"], 40);
    let rows = columns(&fresh, &["id", "micrograph", "x", "y", "label", "score"]);
    assert!(
        rows.iter()
            .enumerate()
            .all(|(at, row)| row[0] == at.to_string() && row[1..5].iter().all(String::is_empty))
    );
    let mean = |odd: usize| {
        let of: Vec<f64> = rows.iter().skip(odd).step_by(2).map(|row| row[5].parse().unwrap()).collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    assert!(mean(0) > mean(1), "particles stand at even places: {} {}", mean(0), mean(1));

    // Labels by score: at most the chosen label changes, and it is one step.
    let done =
        json(&["label", project, "positive", "--run", "recommended-1", "--above", "0", "--only", "negative"]);
    assert_eq!((done["changed"].as_u64(), done["labels"]["negative"].as_u64()), (Some(12), Some(0)));
    ok(&["label", project, "--undo"]);
    assert_eq!(labels(project), [48, 96, 12]);

    let said = refused(&["score", project, "--run", "recomended-1", "--device", "cpu"]);
    assert!(said.contains("recomended-1"), "{said}");
    let small = dir.join("small.npz");
    write_unknown(&small, 20, 4);
    let said =
        refused(&["score", project, "--run", "recommended-1", "--input", &text(&small), "--device", "cpu"]);
    assert!(said.contains("small.npz") && said.contains("20 px") && said.contains("16 px"), "{said}");
}

fn compare(project: &str, dir: &Path) {
    let report = dir.join("report.html");
    let said = ok(&["compare", project, "--report", &text(&report)]);
    assert!(said.contains("supervised_baseline-1") && said.contains("recommended-1"), "{said}");
    let html = std::fs::read_to_string(&report).unwrap();
    assert!(html.contains("supervised_baseline-1") && html.contains("recommended-1"));
    assert!(html.contains("<svg") && html.contains("data:image/png;base64,"), "pictures are inside the file");
    for outside in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!html.contains(outside), "the report needs nothing but itself: {outside}");
    }
    let runs = json(&["compare", project, "recommended-1"]);
    assert_eq!(runs.as_array().unwrap().len(), 1);
    assert!(runs[0]["metrics"]["validation_auc_pu"].as_f64().is_some(), "{runs}");
    assert!(refused(&["compare", project, "nobody"]).contains("nobody"));
}

/// Micrograph, coordinates and label of every patch, in an order of their own.
fn places(project: &str, dir: &Path, name: &str) -> Vec<Vec<String>> {
    let table = dir.join(format!("{name}.csv"));
    ok(&["export", project, "--format", "csv", "--labels", "all", "--out", &text(&table)]);
    let mut rows = columns(&table, &["micrograph", "x", "y", "label"]);
    for row in &mut rows {
        for at in [1, 2] {
            row[at] = row[at].parse::<f64>().unwrap().to_string();
        }
    }
    rows.sort();
    rows
}

fn export_every_format(project: &str, dir: &Path) {
    let before = places(project, dir, "before");
    assert_eq!(before.len(), 156);
    for (format, out, what) in [
        ("relion-star", "out/relion.star", Some("both")),
        ("cryosparc-star", "out/cryosparc.star", None),
        ("csv", "out/table.csv", None),
        ("npz", "out/arrays.npz", None),
        ("mrcs", "out/stack.mrcs", None),
        ("png", "out/pictures", None),
        ("box", "out/boxes", None),
    ] {
        std::fs::create_dir_all(dir.join("out")).unwrap();
        let target = dir.join(out);
        let target_text = text(&target);
        let mut call = vec!["export", project, "--format", format, "--labels", "all", "--out", &target_text];
        call.extend(what.iter().flat_map(|what| ["--what", what]));
        let dry: Vec<&str> = call.iter().copied().chain(["--dry-run"]).collect();
        let said = ok(&dry);
        assert!(said.contains("would write 48 positive, 96 unlabeled, 12 negative"), "{format}: {said}");
        assert!(!target.exists(), "{format}: a dry run writes nothing");

        let manifest = json(&call);
        assert!(target.exists(), "{format}");
        assert_eq!(manifest["total"], 156, "{format}: {manifest}");
        assert!(manifest["files"].as_array().is_some_and(|files| !files.is_empty()), "{format}: {manifest}");
        let beside = if target.is_dir() {
            target.join("manifest.json")
        } else {
            dir.join(format!("{out}.manifest.json"))
        };
        assert!(beside.exists(), "{format}: no {}", beside.display());

        let said = refused(&call);
        let stem = out.split('.').next().unwrap();
        assert!(said.contains("--force") && said.contains(stem), "{format}: {said}");
        let forced: Vec<&str> = call.iter().copied().chain(["--force"]).collect();
        ok(&forced);

        // What holds pixels, labels and coordinates comes in again as it was.
        if ["relion-star", "npz", "png"].contains(&format) {
            let back = text(dir.join(format!("back-{format}")));
            ok(&["new", &back]);
            ok(&["import", &back, &target_text]);
            assert_eq!(labels(&back), [48, 96, 12], "{format}");
            assert_eq!(places(&back, dir, &format!("back-{format}-places")), before, "{format}");
        }
        let left: Vec<String> = std::fs::read_dir(dir.join("out"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with('.'))
            .collect();
        assert!(left.is_empty(), "{format} left {left:?}");
    }
    let found = dir.join("found.csv");
    let manifest = json(&[
        "export",
        project,
        "--format",
        "csv",
        "--labels",
        "unlabeled",
        "--run",
        "recommended-1",
        "--threshold",
        "0.5",
        "--out",
        &text(&found),
    ]);
    // Without labels named, positives and what the run found.
    let both = text(dir.join("both.csv"));
    json(&[
        "export",
        project,
        "--format",
        "csv",
        "--run",
        "recommended-1",
        "--threshold",
        "0.5",
        "--out",
        &both,
    ]);
    let rows = columns(&both, &["label", "score"]);
    let [positives, ..] = labels(project);
    assert_eq!(rows.iter().filter(|row| row[0] == "positive").count() as u64, positives);
    assert!(rows.iter().any(|row| row[0] == "unlabeled") && rows.iter().all(|row| row[0] != "negative"));
    let rows = columns(&found, &["label", "score"]);
    assert_eq!(manifest["total"].as_u64(), Some(rows.len() as u64));
    assert!(
        rows.iter().all(|row| row[0] == "unlabeled" && row[1].parse::<f64>().unwrap() >= 0.5),
        "{rows:?}"
    );
}

fn export_the_model(project: &str, dir: &Path) {
    let out = dir.join("model.safetensors");
    let call = ["export", project, "--format", "model", "--run", "recommended-1", "--out", &text(&out)]
        .map(str::to_owned);
    let card = json(&call);
    assert_eq!((card["run"].as_str(), card["size"].as_u64()), (Some("recommended-1"), Some(16)));
    let stored: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(out.with_extension("json")).unwrap()).unwrap();
    assert_eq!(stored["sha256"], card["sha256"]);
    assert!(std::fs::metadata(&out).unwrap().len() > 10_000);
    assert!(refused(&call).contains("--force"));
    let wrong = text(dir.join("model.pth"));
    let said = refused(&["export", project, "--format", "model", "--run", "recommended-1", "--out", &wrong]);
    assert!(said.contains("model.pth") && said.contains(".safetensors"), "{said}");
}

#[test]
fn the_same_command_gives_the_same_curve() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path(), "same", SIZE, [40, 80, 0]);
    let config = quick_config(dir.path(), 3);
    train(&project, &config, "first");
    train(&project, &config, "second");
    let first = curve(&project, "first");
    assert_eq!(first.len(), 3);
    assert_eq!(first, curve(&project, "second"));
    let scores = |run: &str| {
        let out = text(dir.path().join(format!("{run}.csv")));
        ok(&["score", &project, "--run", run, "--out", &out, "--device", "cpu"]);
        std::fs::read_to_string(out).unwrap()
    };
    assert_eq!(scores("first"), scores("second"));
    ok(&["train", &project, "--config", &config, "--name", "other", "--seed", "8", "--device", "cpu"]);
    assert_ne!(first, curve(&project, "other"), "another seed, another curve");
}

/// Few labels are where everybody begins: π cannot be estimated, and the run says so and goes on.
#[test]
fn a_run_begins_with_six_positives() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path(), "few", 64, [6, 60, 0]);
    for preset in ["quick", "recommended"] {
        let said = ok(&["train", &project, "--config", preset, "--epochs", "2", "--device", "cpu"]);
        assert!(said.contains("the class prior cannot be estimated from these labels"), "{said}");
    }
    let runs = ok(&["runs", &project]);
    assert!(runs.contains("quick-1") && runs.contains("recommended-1"), "{runs}");
}
