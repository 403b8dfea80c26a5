//! Columns that a person has named: which they are, what is read by them, and which files they hold for.

use std::path::Path;

use vitrine_core::formats::detect::open_picks_by;
use vitrine_core::formats::{Column, PickColumns, PickTable, TableStart, table_start};
use vitrine_core::{Remedy, Result};

fn by_columns(path: &Path, columns: &PickColumns) -> Result<PickTable> {
    open_picks_by(path, Some(columns))
}

fn file(dir: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn columns_are_written_as_they_are_read() {
    let read: PickColumns = " x = 3, y=PosY ,score=5,micrograph=1".parse().unwrap();
    let named = |name: &str| Column::Named(name.to_owned());
    let wanted = PickColumns {
        x: Column::Number(3),
        y: named("PosY"),
        micrograph: Some(Column::Number(1)),
        score: Some(Column::Number(5)),
    };
    assert_eq!(read, wanted);
    let json = serde_json::to_string(&read).unwrap();
    assert_eq!(json, r#"{"x":3,"y":"PosY","micrograph":1,"score":5}"#);
    assert_eq!(serde_json::from_str::<PickColumns>(&json).unwrap(), wanted);
    for (text, why) in [
        ("x=3", "which column holds y"),
        ("x=3,y", "'y' names no column"),
        ("x=0,y=1", "counted from 1"),
        ("x=3,y=3", "both to be in column 3"),
        ("x=3,y=4,x=5", "named twice"),
        ("x=3,y=4,box=5", "'box' is none of"),
        ("", "which column holds x"),
    ] {
        let told = text.parse::<PickColumns>().unwrap_err().to_string();
        assert!(told.contains(why) && told.contains("x=3,y=4"), "{text}: {told}");
    }
}

#[test]
fn picks_come_from_the_columns_that_were_named() {
    let dir = tempfile::tempdir().unwrap();
    // No header, five numbers: an id, a score, x and y, a class.
    let bare = file(dir.path(), "m1.txt", "# by hand\n7 0.9 132.25 44.5 3\n8 0.25 12 9 1\n");
    assert_eq!(
        table_start(&bare).unwrap(),
        TableStart {
            rows: vec![
                ["7", "0.9", "132.25", "44.5", "3"].map(str::to_owned).to_vec(),
                ["8", "0.25", "12", "9", "1"].map(str::to_owned).to_vec(),
            ],
            // As boxes, which it is not.
            understood: true,
        }
    );
    let table = by_columns(&bare, &"x=3,y=4,score=2".parse().unwrap()).unwrap();
    let read: Vec<_> = table.picks.iter().map(|p| (p.x, p.y, p.score, p.micrograph.clone())).collect();
    assert_eq!(read, [(132.25, 44.5, Some(0.9), None), (12.0, 9.0, Some(0.25), None)]);
    let rest: Vec<_> = table.picks[0].columns.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(rest, [("column1", "7"), ("column5", "3")]);

    // A header of words that mean nothing to anybody else; quoted names with commas.
    let text = "across;down;where;sure\n10;20;\"a; b.mrc\";0.5\n30,5;40;c.mrc;\n";
    let named = file(dir.path(), "all.csv", text);
    let columns: PickColumns = "x=Across,y=down,micrograph=where,score=sure".parse().unwrap();
    let told = by_columns(&named, &columns).unwrap_err().to_string();
    assert!(told.contains("line 3 has '30,5' in column 1, where a number is to be for x"), "{told}");
    std::fs::write(&named, text.replace("30,5", "30.5")).unwrap();
    let table = by_columns(&named, &columns).unwrap();
    let read: Vec<_> = table.picks.iter().map(|p| (p.x, p.y, p.score, p.micrograph.as_deref())).collect();
    assert_eq!(read, [(10.0, 20.0, Some(0.5), Some("a; b.mrc")), (30.5, 40.0, None, Some("c.mrc"))]);
    let by_number = by_columns(&named, &"x=1,y=2,micrograph=3,score=4".parse().unwrap()).unwrap();
    assert_eq!(by_number.picks, table.picks, "the first line is no row");
}

#[test]
fn what_is_missing_is_said_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.csv", "a,b,c\n1,2,m\n3,4\n");
    let told = |columns: &str| by_columns(&path, &columns.parse().unwrap()).unwrap_err();
    let error = told("x=a,y=e");
    assert_eq!(error.remedy(), Some(Remedy::NameColumns));
    assert!(error.problem().contains("has no column e; it has a, b, c"), "{error}");
    assert!(told("x=1,y=9").problem().contains("has no column 9"));
    assert!(told("x=1,y=2,micrograph=3").problem().contains("line 3 has 2 values, and column 3"));
    std::fs::write(&path, "a,b,c\n1,2,m\n3,4, \n").unwrap();
    assert!(told("x=1,y=2,micrograph=3").problem().contains("line 3 names no micrograph in column 3"));
    std::fs::write(&path, "1,inf\n").unwrap();
    assert_eq!(
        by_columns(&path, &"x=1,y=2".parse().unwrap()).unwrap().picks,
        [],
        "a header by its second cell"
    );
}

#[test]
fn columns_are_named_for_text_tables_alone() {
    let dir = tempfile::tempdir().unwrap();
    let here = |name: &str, text: &str| file(dir.path(), name, text);
    let known = here("known.csv", "x,y\n1,2\n");
    let four = "1 2 3 4\n5 6 7 8\n";
    for (path, wanted) in [
        (known, Some(true)),
        (here("two.txt", "1 2\n3 4\n"), Some(true)),
        (here("four.txt", four), Some(true)),
        (here("four.box", four), None),
        (here("odd.csv", "a,b\n1,2\n"), Some(false)),
        (here("a.star", "data_\n\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n1 2\n"), None),
        (here("note.txt", "no picture"), None),
        (dir.path().to_owned(), None),
    ] {
        let found = table_start(&path).map(|start| start.understood);
        assert_eq!(found, wanted, "{}", path.display());
    }
}
