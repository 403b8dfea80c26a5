//! Pick files: EMAN, crYOLO, Topaz, CryoPPP, folders of them, and what is written.

use vitrine_core::Label;
use vitrine_core::formats::detect::{Kind, detect, open_picks};
use vitrine_core::formats::{PickTable, eman_box, pick_csv};

use crate::make;

fn places(table: &PickTable) -> Vec<(f64, f64)> {
    table.picks.iter().map(|p| (p.x, p.y)).collect()
}

#[test]
fn boxes_become_centres() {
    let folder = tempfile::tempdir().unwrap();
    let path = make::file(folder.path(), "m.box", "10 20 30 40\r\n-5\t7.5\t31\t31\tnegative\n1 2 4 4 -3\n");
    let table = open_picks(&path).unwrap();
    assert_eq!(table.kind.to_string(), "EMAN box file");
    assert_eq!(places(&table), [(25.0, 40.0), (10.5, 23.0), (3.0, 4.0)]);
    assert_eq!(table.picks[0].box_size, Some(40.0));
    assert_eq!(table.picks[1].label, Some(Label::Negative));
    assert_eq!(table.picks[2].label, None);
    assert_eq!(table.picks[2].columns["column5"], "-3");
    let mut out = Vec::new();
    eman_box::write(&mut out, &path, &table.picks, 31.0).unwrap();
    let again = open_picks(&make::file(folder.path(), "n.box", out)).unwrap();
    // Whole numbers, and the next even box: RELION's and EMAN's readers take integers.
    assert_eq!(places(&again), [(25.0, 40.0), (10.0, 23.0), (3.0, 4.0)]);
    assert_eq!(again.picks[1].box_size, Some(32.0));
    assert_eq!(again.picks[1].label, Some(Label::Negative));
}

#[test]
fn cryolo_boxes_of_both_generations() {
    let folder = tempfile::tempdir().unwrap();
    let text = "data_global\n\n_cbox_format_version 1.0\n\ndata_cryolo\n\nloop_\n_CoordinateX #1\n_CoordinateY #2\n\
                _CoordinateZ #3\n_Width #4\n_Height #5\n_Depth #6\n_EstWidth #7\n_EstHeight #8\n_Confidence #9\n\
                _NumBoxes #10\n_Angle #11\n100.0 200.0 <NA> 50 60 1 48 59 0.75 <NA> <NA>\n\n\
                data_cryolo_include\n\nloop_\n_slice_index #1\n";
    let table = open_picks(&make::file(folder.path(), "m.cbox", text)).unwrap();
    assert_eq!(table.kind.to_string(), "crYOLO cbox file");
    assert_eq!(places(&table), [(125.0, 230.0)]);
    let pick = &table.picks[0];
    assert_eq!((pick.score, pick.box_size), (Some(0.75), Some(60.0)));
    assert_eq!(pick.columns["EstWidth"], "48");
    assert!(!pick.columns.contains_key("Angle"));
    let old = open_picks(&make::file(folder.path(), "old.cbox", "100 200 50 60 0.75 48 59\n")).unwrap();
    assert_eq!(old.kind.to_string(), "crYOLO cbox file");
    assert_eq!((old.picks[0].score, places(&old)[0]), (Some(0.75), (125.0, 230.0)));
}

#[test]
fn tables_of_many_programs() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str, text: &str| open_picks(&make::file(folder.path(), name, text)).unwrap();
    let topaz = read("t.txt", "image_name\tx_coord\ty_coord\tscore\nmic 1\t5\t6\t-2.5\nmic2\t7\t8\t1e-3\n");
    assert_eq!(topaz.kind.to_string(), "Topaz table of picks");
    assert_eq!(topaz.picks[0].micrograph.as_deref(), Some("mic 1"));
    assert_eq!((topaz.picks[1].score, topaz.picks[1].x), (Some(1e-3), 7.0));
    let cryoppp = read("c.csv", "X-Coordinate,Y-Coordinate,Class,Diameter\n10,20,1,180\n");
    assert_eq!(cryoppp.kind.to_string(), "CryoPPP table of picks");
    assert_eq!((cryoppp.picks[0].micrograph.as_deref(), cryoppp.picks[0].box_size), (None, None));
    assert_eq!(cryoppp.picks[0].diameter, Some(180.0));
    assert_eq!(cryoppp.picks[0].columns["Class"], "1");
    let own = read("s.csv", "id,micrograph,x,y,label,score\n0,a.mrc,1.5,2,positive,\n1,a.mrc,3,4,u,0.5\n");
    assert_eq!(own.picks[0].label, Some(Label::Positive));
    assert_eq!(own.picks[0].score, None);
    assert_eq!(own.picks[1].label, Some(Label::Unlabeled));
    let plain = read("p.txt", "# by hand\ncenter_x center_y filename\n1 2 m.mrc\n");
    assert_eq!((places(&plain)[0], plain.picks[0].micrograph.as_deref()), ((1.0, 2.0), Some("m.mrc")));
    let semicolon = read("e.csv", "\u{feff}x;y\r\n1;2\r\n");
    assert_eq!(places(&semicolon), [(1.0, 2.0)]);
    let classes = read("k.csv", "x,y,label\n1,2,3\n4,5,7\n");
    assert_eq!(classes.picks[0].label, None);
    assert_eq!(classes.picks[1].columns["label"], "7");
    assert_eq!(classes.warnings.len(), 1);
}

#[test]
fn a_written_table_gives_the_same_picks() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "micrograph,x,y,label,score\n\"a, b.mrc\",0.1,1e10,negative,0.3333333333333333\nc.mrc,-3,4.25,,\n";
    let table = open_picks(&make::file(folder.path(), "a.csv", text)).unwrap();
    for separator in *b",\t" {
        let mut out = Vec::new();
        pick_csv::write(&mut out, &table.path, &table.picks, separator).unwrap();
        assert!(out.starts_with(b"image_name"));
        assert_eq!(open_picks(&make::file(folder.path(), "b.txt", out)).unwrap().picks, table.picks);
    }
}

#[test]
fn a_folder_of_pick_files_names_the_micrographs() {
    let folder = tempfile::tempdir().unwrap();
    make::file(folder.path(), "m1.box", "0 0 10 10\n");
    make::file(folder.path(), "m2.csv", "x,y\n1,2\n");
    make::file(folder.path(), "summary.csv", "run,count\n1,2\n");
    assert_eq!(detect(folder.path()).unwrap().kind, Kind::Picks);
    let table = open_picks(folder.path()).unwrap();
    let names: Vec<_> = table.picks.iter().map(|p| p.micrograph.as_deref().unwrap()).collect();
    assert_eq!(names, ["m1", "m2"]);
    assert!(table.left_out.iter().any(|l| l.path.ends_with("summary.csv")), "{:?}", table.left_out);
    make::file(folder.path(), "m1.cbox", "0 0 10 10 0.5\n");
    let error = open_picks(folder.path()).unwrap_err().to_string();
    assert!(error.contains("m1.box and m1.cbox"), "{error}");
}
