//! A table whose columns a person has named brings the same patches as one that is understood.

use super::*;

/// The picks of the sample as a table without a header: a number, the micrograph, x, y, a score.
fn table_without_header(folder: &Path, files: &SampleFiles) -> std::path::PathBuf {
    let table = vitrine_core::formats::detect::open_picks(&files.picks).unwrap();
    let row = |(at, pick): (usize, &vitrine_core::formats::Pick)| {
        format!("{at};{};{};{};{}\n", pick.micrograph.as_deref().unwrap(), pick.x, pick.y, at % 10)
    };
    let rows: String = table.picks.iter().enumerate().map(row).collect();
    let path = folder.join("centres.txt");
    std::fs::write(&path, rows).unwrap();
    path
}

#[test]
fn columns_named_by_hand_give_the_same_patches_as_a_table_that_is_understood() {
    let dir = tempfile::tempdir().unwrap();
    let (files, _) = sample(dir.path());
    let understood = IngestRequest { pool: None, ..sample_request(&files) };
    let path = table_without_header(dir.path(), &files);
    let bare = IngestRequest { picks: vec![path.clone()], ..understood.clone() };
    let error = look(&bare).unwrap_err();
    assert_eq!(error.remedy(), Some(Remedy::NameColumns));
    assert!(error.problem().contains("no column for x; it has 0, "), "{error}");
    let found = recognise(std::slice::from_ref(&path), &mut go_on).unwrap().remove(0);
    assert!(found.picks && found.kind.is_ok(), "{:?}", found.kind);
    let start = found.table.unwrap();
    assert_eq!((start.understood, start.rows.len(), start.rows[1][0].as_str()), (false, 6, "1"));

    let named = IngestRequest { columns: Some("micrograph=2,x=3,y=4,score=5".parse().unwrap()), ..bare };
    let scores = look(&named).unwrap().scores.unwrap();
    assert_eq!((scores.lowest, scores.highest, scores.count), (0.0, 9.0, files.picked));
    // As an input by itself, as the window names it, and in a folder.
    for request in [
        named.clone(),
        IngestRequest { inputs: vec![path.clone()], picks: Vec::new(), ..named.clone() },
        IngestRequest { picks: vec![folder_with(dir.path(), &path)], ..named.clone() },
    ] {
        let (wanted, got) = (places_of(&understood), places_of(&request));
        assert!(wanted.len() > 10);
        assert_eq!(got, wanted);
    }
}

/// A folder that holds this table.
fn folder_with(dir: &Path, table: &Path) -> std::path::PathBuf {
    let folder = dir.join("tables");
    let _ = std::fs::create_dir(&folder);
    std::fs::copy(table, folder.join("centres.txt")).unwrap();
    folder
}

/// Names of micrographs with the centres of their patches, in order.
fn places_of(request: &IngestRequest) -> Vec<(String, f64, f64)> {
    let dir = tempfile::tempdir().unwrap();
    let mut project = project(dir.path());
    bring(&mut project, request).unwrap();
    let names: std::collections::HashMap<_, _> =
        project.micrographs().unwrap().into_iter().map(|mic| (mic.id, mic.name)).collect();
    let mut places: Vec<_> = project
        .places()
        .unwrap()
        .iter()
        .map(|place| (names[&place.micrograph.unwrap()].clone(), place.xy.unwrap().0, place.xy.unwrap().1))
        .collect();
    places.sort_by(|a, b| a.partial_cmp(b).unwrap());
    places
}
