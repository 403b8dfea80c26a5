//! Picking on whole micrographs: places found, kept, chosen again without a second run, and named when unreadable.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use vitrine_core::Label;
use vitrine_core::project::{PickRules, Project};

use crate::support::{
    columns, finish, json, ok, quick_config, refused, run, text, train, vitrine, write_micrograph,
};

const SIDE: usize = 420;

/// Twenty-five centres of a micrograph, at least 60 px apart.
fn centres(number: usize) -> Vec<(f64, f64)> {
    (0..25)
        .map(|at| {
            let wobble = ((at * 7 + number * 5) % 13) as f64;
            (60.0 + 70.0 * (at % 5) as f64 + wobble, 55.0 + 72.0 * (at / 5) as f64 - wobble)
        })
        .collect()
}

/// A folder with micrographs of these numbers.
fn micrographs(dir: &Path, numbers: std::ops::Range<usize>) -> String {
    fs::create_dir_all(dir).unwrap();
    for number in numbers {
        write_micrograph(&dir.join(format!("hole_{number}.mrc")), SIDE, &centres(number), number as u64 + 1);
    }
    text(dir)
}

/// Centres of micrographs as a table.
fn table(path: &Path, numbers: std::ops::Range<usize>) -> String {
    let mut rows = "micrograph,x,y\n".to_owned();
    for number in numbers {
        for (x, y) in centres(number) {
            writeln!(rows, "hole_{number},{x},{y}").unwrap();
        }
    }
    fs::write(path, rows).unwrap();
    text(path)
}

/// A project of three picked micrographs with a run `slide` whose network can pick and a run `patches` whose cannot.
fn project(dir: &Path) -> (String, String) {
    let mics = micrographs(&dir.join("mics"), 0..3);
    let picks = table(&dir.join("picks.csv"), 0..3);
    let project = text(dir.join("p"));
    ok(&["new", &project]);
    // Named from the folder where it is called; the project lies elsewhere.
    let call = ["import", &project, "--micrographs", "mics", "--picks", &picks, "--box", "64"];
    let imported =
        finish(vitrine().current_dir(dir).args(call).args(["--pool", "random", "--pool-count", "240"]));
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let config = quick_config(dir, 1);
    train(&project, &config, "patches");
    let sliding = dir.join("sliding.yaml");
    let yaml = fs::read_to_string(quick_config(dir, 8)).unwrap();
    fs::write(&sliding, format!("{yaml}backbone: sliding_cnn\n")).unwrap();
    train(&project, &text(sliding), "slide");
    (project, mics)
}

/// Recall and precision within 8 px of the centres.
fn judged(picks: &str, truth: &str) -> (f64, f64) {
    let answer = json(&["evaluate", picks, "--truth", truth, "--diameter", "16"]);
    let point = &answer["evaluation"]["sets"][0]["within"][0]["given"];
    let value = |key: &str| point[key]["value"].as_f64().unwrap();
    (value("recall"), value("precision"))
}

fn count(summary: &Value, key: &str) -> u64 {
    summary["summary"][key].as_u64().unwrap()
}

#[test]
fn whole_micrographs_are_picked() {
    let dir = tempfile::tempdir().unwrap();
    let (project, mics) = project(dir.path());
    particles_are_picked_kept_and_chosen_again(dir.path(), &project);
    what_cannot_pick_says_why(dir.path(), &project, &mics);
    a_threshold_of_one_micrograph_holds_there(dir.path(), &project);
    a_session_is_followed(dir.path(), &project);
    a_killed_run_goes_on(dir.path(), &project);
    picks_leave_in_every_format(dir.path(), &project);
    what_a_person_has_judged_counts(dir.path(), &project, &mics);
}

/// The exported places are those of the table, and patches are what an import cuts there.
fn picks_leave_in_every_format(dir: &Path, project: &str) {
    let (table, out) = (text(dir.join("picks.csv")), dir.join("exported"));
    let pick = ["pick", project, "--run", "slide", "--device", "cpu", "--threshold", "0.5"];
    let picks = count(&json(&[&pick[..], &["--table", &table]].concat()), "picks");
    let export = |name: &str, format: &str, more: &[&str]| {
        let path = text(out.join(name));
        let answer = json(&[&pick[..], &["--export", &path, "--format", format], more].concat());
        (path, answer["summary"]["exported"].clone())
    };
    let before = Project::open(Path::new(project)).unwrap().len();
    let csv = export("a.csv", "csv", &[]);
    let places = |file: &str, names: &[&str]| {
        let row = |row: Vec<String>| {
            (row[0].clone(), [1, 2].map(|at| row[at].parse::<f64>().unwrap().round() as i64))
        };
        let mut rows: Vec<_> = columns(file, names).into_iter().map(row).collect();
        rows.sort();
        rows
    };
    let written = places(&csv.0, &["micrograph", "x", "y"]);
    assert_eq!(written, places(&table, &["image_name", "x_coord", "y_coord"]));
    for (name, format) in
        [("b.star", "relion-star"), ("c.star", "cryosparc-star"), ("d.npz", "npz"), ("e.mrcs", "mrcs")]
    {
        let (_, manifest) = export(name, format, &[]);
        assert_eq!(manifest["total"], picks, "{format}: {manifest}");
        assert_eq!(manifest["selection"]["run"], "slide");
        assert!(
            manifest["project"]["path"].as_str().is_some_and(|path| path.ends_with(project)),
            "{manifest}"
        );
    }
    for (name, format) in [("f", "relion-coordinates"), ("g", "png"), ("h", "box")] {
        assert_eq!(export(name, format, &[]).1["total"], picks, "{format}");
    }
    // A stack holds the same pixels as patches that were imported at these places.
    let (stack, _) = export("i.star", "relion-star", &["--what", "both"]);
    let pixels = fs::read(Path::new(&stack).with_extension("mrcs")).unwrap();
    assert_eq!(pixels.len(), 1024 + picks as usize * 64 * 64 * 4);
    let cut = text(dir.join("cut"));
    ok(&["new", &cut]);
    let mics = text(dir.join("mics"));
    ok(&["import", &cut, "--micrographs", &mics, "--picks", &csv.0, "--box", "64"]);
    let again = Project::open(Path::new(&cut)).unwrap();
    let mut first = vec![0.0; 64 * 64];
    again.pixels().get(0, &mut first).unwrap();
    let bytes: Vec<u8> = first.iter().flat_map(|value| value.to_le_bytes()).collect();
    assert!(pixels[1024..].chunks_exact(64 * 64 * 4).any(|patch| patch == bytes));
    // Nothing is left, and the project is as before.
    let hidden = fs::read_dir(&out)
        .unwrap()
        .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!(hidden.count(), 0);
    assert_eq!(Project::open(Path::new(project)).unwrap().len(), before);
    let path = text(out.join("j.star"));
    let why = refused(&[&pick[..], &["--export", &path, "--format", "relion-subset"]].concat());
    assert!(why.contains("relion-star"), "{why}");
    let why = refused(&[&pick[..], &["--export", &csv.0, "--format", "csv"]].concat());
    assert!(why.contains("--force"), "{why}");
    let ended = run(&[&pick[..], &["--invert"]].concat());
    assert!(ended.code == Some(2) && ended.err.contains("--export"), "{ended:?}");
}

/// Nearly every place of the run becomes a positive patch: precision and recall follow from that.
fn what_a_person_has_judged_counts(dir: &Path, project: &str, mics: &str) {
    let places = text(dir.join("places.csv"));
    let pick = ["pick", project, "--run", "slide", "--device", "cpu", "--one-threshold"];
    let all = json(&[&pick[..], &["--threshold", "0", "--table", &places]].concat());
    assert!(all["summary"]["expected"].is_null(), "{all}");
    assert!(all["summary"]["why_not_expected"].as_str().is_some_and(|why| why.contains("clearer")), "{all}");
    // All but the last: the random order ends at the place of which nothing is known.
    let rows = fs::read_to_string(&places).unwrap();
    let known = rows.trim_end().rsplit_once('\n').unwrap().0;
    fs::write(&places, format!("{known}\n")).unwrap();
    ok(&["import", project, "--micrographs", mics, "--picks", &places, "--box", "64"]);
    let judged = json(&[&pick[..], &["--precision", "0.9"]].concat());
    let expected = &judged["summary"]["expected"];
    // A place may also lie on an unlabeled patch, whose label an import leaves.
    let number = expected["judged"].as_u64().unwrap();
    assert!(number >= 30 && number < count(&all, "places"), "{judged}");
    let value = |key: &str| expected[key].as_f64().unwrap();
    assert!(value("low") > 0.9 && value("recall_low") > 0.9 && value("precision") < 1.0, "{judged}");
    assert_eq!(count(&judged, "picks"), count(&all, "picks"));
    let words = ok(&pick);
    assert!(words.contains(&format!("expected by {number} places judged at random: precision ")), "{words}");
    labels_correct_the_picks(dir, project, &pick);
}

/// One pick is rejected, and one particle marked where the run picks none.
fn labels_correct_the_picks(dir: &Path, project: &str, pick: &[&str]) {
    let (file, before) = (text(dir.join("corrected.csv")), json(pick));
    let picks = |more: &[&str]| {
        let answer = json(&[pick, &["--table", &file], more].concat());
        let rows = columns(&file, &["image_name", "x_coord", "y_coord"]);
        assert_eq!(count(&answer, "picks") as usize, rows.len(), "{answer}");
        let numbers =
            rows.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap(), row[2].parse().unwrap()));
        (answer, numbers.collect::<Vec<(String, f64, f64)>>())
    };
    let (_, found) = picks(&[]);
    let store = Project::open(Path::new(project)).unwrap();
    let names: Vec<String> = store.micrographs().unwrap().into_iter().map(|mic| mic.name).collect();
    let (labels, places) = (store.labels().unwrap(), store.places().unwrap());
    let nearest = |patch: usize| {
        let (on, (x, y)) = (places[patch].micrograph.unwrap().0 as usize - 1, places[patch].xy.unwrap());
        let here = found.iter().filter(|pick| pick.0 == names[on]);
        here.map(|pick| (pick.1 - x).hypot(pick.2 - y)).fold(f64::INFINITY, f64::min)
    };
    let id =
        |wanted: &dyn Fn(usize) -> bool| (0..labels.len()).find(|&patch| wanted(patch)).unwrap().to_string();
    let rejected = id(&|patch| labels[patch] == Label::Positive && nearest(patch) < 0.06);
    let marked = id(&|patch| labels[patch] == Label::Unlabeled && nearest(patch) > 25.0);
    let imported = id(&|patch| labels[patch] == Label::Positive && nearest(patch) > 25.0);
    drop(store);
    // A label that came with a file is not a person's because it was taken away and given back.
    ok(&["label", project, "unlabeled", "--ids", &imported]);
    ok(&["label", project, "--undo"]);
    assert_eq!(picks(&[]).1, found);
    ok(&["label", project, "negative", "--ids", &rejected]);
    let (one_less, left) = picks(&[]);
    assert_eq!((count(&one_less, "rejected"), count(&one_less, "added")), (1, 0), "{one_less}");
    assert_eq!(left.len(), found.len() - 1);
    ok(&["label", project, "positive", "--ids", &marked]);
    let (both, corrected) = picks(&[]);
    assert_eq!((count(&both, "rejected"), count(&both, "added")), (1, 1), "{both}");
    let (x, y) = places[marked.parse::<usize>().unwrap()].xy.unwrap();
    assert!(corrected.iter().any(|pick| (pick.1 - x).hypot(pick.2 - y) < 0.1), "{corrected:?}");
    let words = ok(pick);
    assert!(words.contains("corrected by your labels: 1 rejected, 1 marked and added"), "{words}");
    // Without labels it is what it was.
    let (as_scored, all) = picks(&["--as-scored"]);
    assert_eq!((count(&as_scored, "picks"), all), (count(&before, "picks"), found));
}

fn particles_are_picked_kept_and_chosen_again(dir: &Path, project: &str) {
    // Two micrographs that are in no project, a torn one, and one that is no picture at all.
    let new = micrographs(&dir.join("new"), 7..9);
    let whole = fs::read(Path::new(&new).join("hole_7.mrc")).unwrap();
    fs::write(Path::new(&new).join("torn.mrc"), &whole[..whole.len() / 2]).unwrap();
    let out = text(dir.join("out"));
    let table_of_all = text(dir.join("picked.csv"));
    let call = [
        "pick",
        project,
        "--run",
        "slide",
        "--micrographs",
        &new,
        "--device",
        "cpu",
        "--out",
        &out,
        "--table",
        &table_of_all,
    ];
    let first = json(&call);
    assert_eq!((count(&first, "micrographs"), count(&first, "scored_before")), (2, 0), "{first}");
    let left_out = first["summary"]["left_out"].as_array().unwrap();
    assert!(left_out.len() == 1 && left_out[0]["reason"].as_str().unwrap().contains("torn.mrc"), "{first}");
    let truth = table(&dir.join("truth.csv"), 7..9);
    // The table, and the same picks as STAR files.
    for picks in [&table_of_all, &out] {
        let (recall, precision) = judged(picks, &truth);
        assert!(recall > 0.8 && precision > 0.7, "{picks}: recall {recall}, precision {precision}");
    }
    // Again, with another choice: nothing is scored a second time.
    let number = json(&[&call[..], &["--expected", "10"]].concat());
    assert_eq!((count(&number, "scored_before"), count(&number, "micrographs")), (2, 2));
    assert!((18..=20).contains(&count(&number, "picks")), "{number}");
    let rows = fs::read_to_string(&table_of_all).unwrap().lines().count() as u64;
    assert_eq!(rows, count(&number, "picks") + 1);
    let all = json(&[&call[..], &["--threshold", "0"]].concat());
    assert_eq!(count(&all, "picks"), count(&all, "places"));
    let apart = json(&[&call[..], &["--threshold", "0", "--distance", "150"]].concat());
    assert!(count(&apart, "picks") < count(&all, "picks"));
    // A micrograph whose places are lost, or which has changed, is scored anew, and alone.
    let kept = Path::new(project).join("runs/slide/picks");
    let lost = fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(lost).unwrap();
    assert_eq!(count(&json(&call), "scored_before"), 1);
    assert_eq!(json(&call)["summary"]["picks"], first["summary"]["picks"]);
    // Without names the project's own micrographs are picked.
    let own = json(&["pick", project, "--run", "slide", "--device", "cpu"]);
    assert_eq!((count(&own, "micrographs"), own["summary"]["out"].is_null()), (3, true), "{own}");
}

/// As the window keeps them with the project.
fn a_threshold_of_one_micrograph_holds_there(dir: &Path, project: &str) {
    let rules = |rules: PickRules| {
        let mut open = Project::open(Path::new(project)).unwrap();
        let run = open.run("slide").unwrap().id;
        open.set_pick_rules(run, &rules).unwrap();
    };
    let first = Project::open_read_only(Path::new(project)).unwrap().micrographs().unwrap()[0].clone();
    let table_of_all = text(dir.join("own.csv"));
    let call = ["pick", project, "--run", "slide", "--device", "cpu", "--table", &table_of_all];
    let on_first = || {
        let rows = fs::read_to_string(&table_of_all).unwrap();
        rows.lines().filter(|row| row.starts_with(&first.name)).count() as u64
    };
    let plain = json(&call);
    let common = on_first();
    assert!(common > 0 && count(&plain, "picks") > common);
    rules(PickRules { own: [(first.id, 1.0)].into(), ..PickRules::default() });
    let own = json(&call);
    assert_eq!((on_first(), count(&own, "own_thresholds")), (0, 1), "{own}");
    assert_eq!(count(&own, "picks"), count(&plain, "picks") - common);
    // With a number for the others, which are counted alone.
    let number = json(&[&call[..], &["--expected", "5"]].concat());
    assert!(on_first() == 0 && count(&number, "picks") <= 10, "{number}");
    let one = json(&[&call[..], &["--one-threshold"]].concat());
    assert_eq!((on_first(), count(&one, "own_thresholds")), (common, 0));
    assert_eq!(count(&one, "picks"), count(&plain, "picks"));
    assert!(ok(&call).contains("1 micrograph has a threshold of its own"));
    // Patches chosen by score follow it too.
    let exported = text(dir.join("exported.csv"));
    let export =
        ["export", project, "--run", "slide", "--threshold", "0", "--labels", "all", "--threshold-for-all"];
    let export = [&export[..], &["--format", "csv", "--out", &exported, "--force"]].concat();
    let rows = |more: &[&str]| {
        let said = ok(&[&export[..], more].concat());
        let text = fs::read_to_string(&exported).unwrap();
        (text.lines().filter(|row| row.contains(&first.name)).count(), said)
    };
    let (all, _) = rows(&["--one-threshold"]);
    let (kept, _) = rows(&[]);
    assert!(all > 0 && kept == 0, "{kept} of {all}");
    // Shifts out: the places of all micrographs are known before any is judged.
    rules(PickRules { without_shifts: true, ..PickRules::default() });
    let shifted = json(&call);
    assert_eq!(shifted["summary"]["without_shifts"], true);
    let rows = fs::read_to_string(&table_of_all).unwrap().lines().count() as u64;
    assert_eq!(rows, count(&shifted, "picks") + 1);
    assert!(refused(&[&call[..], &["--precision", "0.5"]].concat()).contains("shifts"));
    rules(PickRules::default());
}

fn what_cannot_pick_says_why(dir: &Path, project: &str, mics: &str) {
    let said = refused(&["pick", project, "--run", "patches", "--micrographs", mics]);
    assert!(said.contains("single patches only") && said.contains("sliding_cnn"), "{said}");
    assert!(ok(&["score", project, "--run", "patches"]).contains("patches scored"), "it goes on scoring");
    let said = refused(&["pick", project, "--run", "slide", "--box", "128"]);
    assert!(said.contains("64 px"), "{said}");
    let said = refused(&["pick", project, "--run", "slide", "--threshold", "1.5"]);
    assert!(said.contains("between 0 and 1"), "{said}");
    let empty = dir.join("empty");
    fs::create_dir(&empty).unwrap();
    fs::write(empty.join("a.mrc"), b"no picture").unwrap();
    let said = refused(&["pick", project, "--run", "slide", "--micrographs", &text(empty.join("a.mrc"))]);
    assert!(said.contains("none of the micrographs"), "{said}");
    // Nobody has tested whether the 75 picks are a random sample, and a run without labels has none.
    let slide = ["pick", project, "--run", "slide", "--device", "cpu"];
    let table = text(dir.join("kept.csv"));
    fs::write(&table, "kept").unwrap();
    let said = refused(&[&slide[..], &["--precision", "0.9"]].concat());
    assert!(said.contains("clearer than the others") && said.contains("Judge picks at random"), "{said}");
    let said = ok(&slide);
    assert!(said.contains("no precision: the labelled particles look clearer"), "{said}");
    // Labels on the micrographs might be answers, so the places are scored first. The table from before stays.
    let said =
        refused(&[&slide[..], &["--micrographs", mics, "--precision", "0.9", "--table", &table]].concat());
    assert!(said.contains("clearer than the others"), "{said}");
    assert_eq!(fs::read_to_string(&table).unwrap(), "kept");
    // One place on each micrograph: a watch waits for more, and says at its end what was missing.
    let watch = ["--micrographs", mics, "--watch", "--idle", "1", "--precision", "0.9", "--distance", "400"];
    let said = refused(&[&slide[..], &watch, &["--table", &table]].concat());
    assert!(said.contains("clearer than the others"), "{said}");
    assert_eq!(fs::read_to_string(&table).unwrap(), "kept");
    let unlabeled = text(dir.join("unlabeled"));
    ok(&["new", &unlabeled]);
    ok(&["rank", &unlabeled, "--device", "cpu"]);
    let general = ["pick", &unlabeled, "--run", "general-1", "--micrographs", mics, "--device", "cpu"];
    let precision = ["--precision", "0.9", "--diameter", "24", "--table", &table];
    let said = refused(&[&general[..], &precision].concat());
    assert!(said.contains("there are 0"), "{said}");
    let submit = ["submit", "pick", &unlabeled, "--run", "general-1", "--micrographs", mics];
    let said = refused(&[&submit[..], &["--precision", "0.9", "--cluster", "any"]].concat());
    assert!(said.contains("there are 0"), "{said}");
    // It is said before anything is scored, and what was there stays.
    assert_eq!(fs::read_to_string(&table).unwrap(), "kept");
    assert_eq!(count(&json(&[&general[..], &precision[2..4]].concat()), "scored_before"), 0);
    let both = ["pick", project, "--run", "slide", "--threshold", "0.5", "--expected", "3"];
    assert_eq!(run(&both).code, Some(2));
}

/// Killed at once after its first micrograph, the same command goes on with the next.
fn a_killed_run_goes_on(dir: &Path, project: &str) {
    let mics = micrographs(&dir.join("many"), 20..32);
    let call = ["pick", project, "--run", "slide", "--device", "cpu", "--micrographs", &mics];
    let stored = || {
        let files = fs::read_dir(Path::new(project).join("runs/slide/picks")).into_iter().flatten().flatten();
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        names.filter(|name| (20..32).any(|number| name.starts_with(&format!("hole_{number}-")))).count()
    };
    let mut child = vitrine().args(call).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while stored() == 0 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = stored() as u64;
    let again = json(&call);
    assert_eq!((count(&again, "micrographs"), count(&again, "scored_before")), (12, before), "{again}");
    assert!(before > 0 && stored() == 12);
}

/// One micrograph is there, another comes while the program looks on.
fn a_session_is_followed(dir: &Path, project: &str) {
    let session = dir.join("session");
    micrographs(&session, 10..11);
    let out = dir.join("followed");
    let child = vitrine()
        .args(["pick", project, "--run", "slide", "--device", "cpu", "--watch", "--idle", "12", "--json"])
        .args(["--micrographs", &text(&session), "--out", &text(&out)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let appeared = |name: &str| {
        let patience = (0..1800).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            out.join(name).exists()
        });
        assert!(patience, "{name} was not picked");
    };
    appeared("hole_10_vitrine.star");
    micrographs(&session, 11..12);
    appeared("hole_11_vitrine.star");
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let summary: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(count(&summary, "micrographs"), 2, "{summary}");
}
