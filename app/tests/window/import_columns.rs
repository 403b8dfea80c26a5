//! A table whose columns are not recognised: its first rows are shown, and a person says which columns hold x and y.

use std::path::{Path, PathBuf};

use egui_kittest::kittest::Queryable as _;
use vitrine_core::formats::detect::open_picks;
use vitrine_core::ingest::SampleFiles;

use crate::import::{add, look, sample, seen};
use crate::support::{Window, wait, window};

/// The picks of the sample with a header of strange words: which, where, across, down, sure.
fn strange(dir: &Path, files: &SampleFiles) -> PathBuf {
    let table = open_picks(&files.picks).unwrap();
    let rows = table.picks.iter().enumerate().map(|(at, pick)| {
        format!("{at};{};{};{};{}\n", pick.micrograph.as_deref().unwrap(), pick.x, pick.y, at % 4)
    });
    let path = dir.join("strange.csv");
    std::fs::write(&path, format!("which;where;across;down;sure\n{}", rows.collect::<String>())).unwrap();
    path
}

fn choose(window: &mut Window, list: &str, entry: &str) {
    window.get_by_label(list).click();
    window.run_steps(3);
    window.get_by_label(entry).click();
    window.run_steps(3);
}

#[test]
fn columns_are_chosen_under_the_first_rows_of_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    let picks = open_picks(&files.picks).unwrap().picks;
    let mut window = window(None);
    add(&mut window, &[&files.micrographs, &strange(dir.path(), &files)]);
    window.state_mut().model.import.as_mut().unwrap().draft.box_size = "64".to_owned();
    look(&mut window);
    window.get_by_label_contains("choose the columns of x and y under \"Columns\"");
    window.get_by_label("The columns of strange.csv were not recognised. Choose at least x and y.");
    // The header and the first rows.
    for cell in ["across", "sure", "sample_001.mrc"] {
        assert!(window.query_all_by_label_contains(cell).count() > 0, "{cell}");
    }
    choose(&mut window, "Column of x", "3: across");
    window.get_by_label_contains("choose the column of y too");
    choose(&mut window, "Column of y", "4: down");
    choose(&mut window, "Column of micrograph", "2: where");
    choose(&mut window, "Column of score", "5: sure");
    wait(&mut window, "the look by these columns", |app| {
        let look = app.model.import.as_ref().unwrap().look.last();
        look.is_some_and(|(looked, _)| looked.request.columns.is_some())
    });
    look(&mut window);
    let request = &window.state().model.import.as_ref().unwrap().look.last().unwrap().0.request;
    assert_eq!(request.columns, Some("x=3,y=4,micrograph=2,score=5".parse().unwrap()));
    let preview = seen(window.state());
    let (cut, left) = (preview.labels.positive as usize, preview.at_edge + preview.outside);
    assert_eq!(cut + left, picks.len());
    assert!(cut > picks.len() / 2);
    assert_eq!(preview.scores.as_ref().unwrap().highest, 3.0);
    let on: usize = preview.micrographs.iter().map(|mic| mic.picks).sum();
    assert_eq!((on, preview.unmatched.len()), (cut, 0));
    // Another table has columns of its own.
    let path = dir.path().join("strange.csv");
    let command = vitrine::gui::command::ImportCommand::Remove(path);
    window.state_mut().apply(vitrine::gui::command::Command::Import(command));
    add(&mut window, &[&files.picks]);
    look(&mut window);
    let request = &window.state().model.import.as_ref().unwrap().look.last().unwrap().0.request;
    assert_eq!(request.columns, None);
    assert!(window.query_by_label("Column of x").is_none());
}
