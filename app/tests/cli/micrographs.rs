//! Micrographs with picks: cut, counted, matched by name, mirrored where asked, scored.

use std::fmt::Write as _;
use std::path::Path;

use crate::support::{columns, json, labels, ok, quick_config, refused, run, text, train, write_micrograph};

const SIDE: usize = 256;

/// Centres of the particles of micrograph `number`: not symmetric top to bottom.
fn centres(number: usize) -> Vec<(f64, f64)> {
    (0..14)
        .map(|at| (30.0 + 50.0 * (at % 4) as f64 + 3.0 * number as f64, 24.0 + 33.0 * (at / 4) as f64))
        .collect()
}

/// Three micrographs, and picks by CSV: all particles, on the first micrograph two more at edges, and
/// three picks on a micrograph that is not there.
fn sample(dir: &Path, y_up: bool) -> (String, String) {
    let mics = dir.join("mics");
    let picks = dir.join(if y_up { "up.csv" } else { "down.csv" });
    std::fs::create_dir_all(&mics).unwrap();
    let mut table = "micrograph,x,y\n".to_owned();
    for number in 0..3 {
        let path = mics.join(format!("hole_{number}_aligned_mic_DW.mrc"));
        let centres = centres(number);
        if !path.exists() {
            write_micrograph(&path, SIDE, &centres, number as u64 + 1);
        }
        let edge = if number == 0 { vec![(3.0, 120.0), (120.0, 251.0)] } else { Vec::new() };
        for (x, y) in centres.into_iter().chain(edge) {
            let y = if y_up { SIDE as f64 - 1.0 - y } else { y };
            writeln!(table, "hole_{number},{x},{y}").unwrap();
        }
    }
    table.push_str("hole_77,50,50\nhole_77,80,80\nhole_77,99,99\n");
    std::fs::write(&picks, table).unwrap();
    (text(mics), text(picks))
}

#[test]
fn picks_are_cut_counted_and_scored() {
    let dir = tempfile::tempdir().unwrap();
    let (mics, picks) = sample(dir.path(), false);
    let project = text(dir.path().join("p"));
    ok(&["new", &project]);
    let call = [
        "import",
        &project,
        "--micrographs",
        &mics,
        "--picks",
        &picks,
        "--box",
        "32",
        "--bin",
        "2",
        "--pool",
        "random",
        "--pool-count",
        "20",
    ];
    let found = json(&[&call[..], &["--dry-run"]].concat());
    assert_eq!(
        (found["at_edge"].as_u64(), found["labels"]["positive"].as_u64()),
        (Some(2), Some(42)),
        "{found}"
    );
    assert_eq!(found["unmatched"][0]["name"], "hole_77");
    assert_eq!(found["unmatched"][0]["picks"], 3);
    assert_eq!(labels(&project), [0, 0, 0]);
    let said = ok(&call);
    assert!(said.contains("2 picks skipped, too close to the edge"), "{said}");
    assert!(said.contains("hole_0_aligned_mic_DW.mrc: 2"), "{said}");
    assert!(said.contains("no micrograph matches hole_77 (3 picks left out)"), "{said}");
    assert!(said.contains("16 × 16 px, 4.000 Å/px"), "{said}");
    let [positive, unlabeled, negative] = labels(&project);
    assert_eq!((positive, negative), (42, 0));
    assert!((30..=60).contains(&unlabeled), "{unlabeled}");

    let said = refused(&call[..10]);
    assert!(said.contains("nothing is left to import") && said.contains("42"), "{said}");

    train(&project, &quick_config(dir.path(), 2), "quick");
    let out = dir.path().join("picked.csv");
    let score = [
        "score",
        &project,
        "--run",
        "quick",
        "--input",
        &mics,
        "--picks",
        &picks,
        "--box",
        "32",
        "--bin",
        "2",
        "--out",
        &text(&out),
        "--device",
        "cpu",
    ]
    .map(str::to_owned);
    let said = ok(&score);
    assert!(
        said.contains("42 patches scored") && said.contains("2 picks skipped, too close to the edge"),
        "{said}"
    );
    let rows = columns(&out, &["id", "micrograph", "x", "y", "score"]);
    assert_eq!(rows.len(), 42);
    let ids: Vec<usize> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(ids, (0..42).collect::<Vec<_>>(), "a number a row");
    let expected: Vec<Vec<String>> = (0..3)
        .flat_map(|number| {
            let name = format!("hole_{number}_aligned_mic_DW.mrc");
            centres(number).into_iter().map(move |(x, y)| vec![name.clone(), x.to_string(), y.to_string()])
        })
        .collect();
    let order: Vec<Vec<String>> = rows.iter().map(|row| row[1..4].to_vec()).collect();
    assert_eq!(order, expected, "input order");
    // As an import: a torn micrograph is left out when asked, picks of a reduced image are scaled.
    scored_with_options(dir.path(), &project, &picks);
    let mut wrong = score.to_vec();
    wrong.retain(|arg| arg != "--bin" && arg != "2");
    let said = refused(&wrong);
    assert!(said.contains("32×32 px") && said.contains("16×16 px"), "{said}");

    let said = refused(&["score", &project, "--run", "quick", "--input", &mics, "--device", "cpu"]);
    assert!(said.contains("whole micrographs") && said.contains("--picks"), "{said}");

    // Boxes go out as EMAN files and come in again with their labels and places.
    let boxes = text(dir.path().join("boxes"));
    ok(&["export", &project, "--format", "box", "--labels", "positive", "--out", &boxes]);
    let back = text(dir.path().join("back"));
    ok(&["new", &back]);
    ok(&["import", &back, "--micrographs", &mics, "--picks", &boxes, "--box", "32", "--bin", "2"]);
    assert_eq!(labels(&back), [42, 0, 0]);
    assert_eq!(places(&back, dir.path(), "b", "source"), places(&project, dir.path(), "p", "source"));
}

/// `vitrine score` on a folder of which one micrograph is torn, with picks counted in halves of px.
fn scored_with_options(dir: &Path, project: &str, picks: &str) {
    let (mics, _) = sample(&dir.join("again"), false);
    let torn = Path::new(&mics).join("hole_1_aligned_mic_DW.mrc");
    let whole = std::fs::read(&torn).unwrap();
    std::fs::write(&torn, &whole[..whole.len() / 2]).unwrap();
    let halved: String = std::fs::read_to_string(picks)
        .unwrap()
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            match (cells[1].parse::<f64>(), cells[2].parse::<f64>()) {
                (Ok(x), Ok(y)) => format!("{},{},{}\n", cells[0], x / 2.0, y / 2.0),
                _ => format!("{line}\n"),
            }
        })
        .collect();
    let half = text(dir.join("half.csv"));
    std::fs::write(&half, halved).unwrap();
    let out = text(dir.join("half_scored.csv"));
    let call = [
        "score",
        project,
        "--run",
        "quick",
        "--input",
        &mics,
        "--picks",
        &half,
        "--box",
        "32",
        "--bin",
        "2",
        "--out",
        &out,
        "--device",
        "cpu",
        "--picks-scale",
        "2",
    ];
    let said = refused(&call);
    assert!(said.contains("hole_1_aligned_mic_DW.mrc") && said.contains("--skip-bad"), "{said}");
    let said = ok(&[&call[..], &["--skip-bad"]].concat());
    assert!(said.contains("28 patches scored"), "{said}");
    let xy: Vec<Vec<String>> = columns(&out, &["micrograph", "x", "y"]);
    let expected: Vec<Vec<String>> = [0, 2]
        .into_iter()
        .flat_map(|number| {
            let name = format!("hole_{number}_aligned_mic_DW.mrc");
            centres(number).into_iter().map(move |(x, y)| vec![name.clone(), x.to_string(), y.to_string()])
        })
        .collect();
    assert_eq!(xy, expected);
}

/// The exported places, y counted from the top (`down`) or the way the picks came (`source`).
fn places(project: &str, dir: &Path, name: &str, y: &str) -> Vec<(String, i64, i64)> {
    let out = dir.join(format!("{name}.csv"));
    ok(&["export", project, "--format", "csv", "--y", y, "--out", &text(&out)]);
    let round = |cell: &str| cell.parse::<f64>().unwrap().round() as i64;
    let mut rows: Vec<_> = columns(&out, &["micrograph", "x", "y"])
        .into_iter()
        .map(|row| (row[0].clone(), round(&row[1]), round(&row[2])))
        .collect();
    rows.sort();
    rows
}

#[test]
fn coordinates_from_the_bottom_are_noticed_and_turned_over() {
    let dir = tempfile::tempdir().unwrap();
    let (mics, down) = sample(dir.path(), false);
    let (_, up) = sample(dir.path(), true);
    let import = |name: &str, picks: &str, more: &[&str]| {
        let project = text(dir.path().join(name));
        ok(&["new", &project]);
        let call =
            ["import", &project, "--micrographs", &mics, "--picks", picks, "--box", "32", "--bin", "2"];
        let said = ok(&[&call[..], more].concat());
        (project, said)
    };
    let (right, said) = import("right", &down, &[]);
    assert!(!said.contains("--y-up"), "{said}");
    let (turned, said) = import("turned", &up, &["--y-up"]);
    assert!(!said.contains("--y-up"), "{said}");
    let from_the_top = places(&right, dir.path(), "r", "source");
    assert_eq!(places(&turned, dir.path(), "t", "down"), from_the_top);
    // Without a choice y goes back the way it came.
    let mut back: Vec<_> =
        from_the_top.into_iter().map(|(name, x, y)| (name, x, SIDE as i64 - 1 - y)).collect();
    back.sort();
    assert_eq!(places(&turned, dir.path(), "s", "source"), back);
    let (_, said) = import("wrong", &up, &[]);
    assert!(said.contains("warning: ") && said.contains("use --y-up"), "{said}");
}

/// The picks of the sample without their header, a number before each.
fn without_header(dir: &Path, table: &str) -> String {
    let table = std::fs::read_to_string(table).unwrap();
    let rows = table.lines().skip(1).filter(|row| !row.starts_with("hole_77")).enumerate();
    let path = dir.join("centres.dat");
    std::fs::write(&path, rows.map(|(at, row)| format!("{at},{row}\n")).collect::<String>()).unwrap();
    text(path)
}

#[test]
fn columns_are_named_by_number_where_there_is_no_header() {
    let dir = tempfile::tempdir().unwrap();
    let (mics, picks) = sample(dir.path(), false);
    let bare = without_header(dir.path(), &picks);
    let apo = text(dir.path().join("apo"));
    ok(&["new", &apo]);
    let import = ["import", &apo, "--micrographs", &mics, "--picks", &bare, "--box", "32"];
    let told = refused(&import);
    assert!(told.contains("no column for x; it has 0, hole_0, 30, 24"), "{told}");
    assert!(told.contains("--columns x=2,y=3"), "{told}");
    let with = |columns: &'static str| [&import[..], &["--columns", columns]].concat();
    assert_eq!(run(&with("x=3")).code, Some(2), "the command line is wrong");
    assert!(refused(&with("x=3,y=9")).contains("has no column 9"));
    let done = json(&with("micrograph=2,x=3,y=4"));
    let header = text(dir.path().join("header"));
    ok(&["new", &header]);
    let known = json(&["import", &header, "--micrographs", &mics, "--picks", &picks, "--box", "32"]);
    assert_eq!(done["labels"], known["labels"], "{done}");
    let places =
        |project: &str| vitrine_core::project::Project::open_read_only(Path::new(project)).unwrap().places();
    assert_eq!(places(&apo).unwrap(), places(&header).unwrap());
    assert_eq!(places(&apo).unwrap()[0].xy, Some((30.0, 24.0)));
}
