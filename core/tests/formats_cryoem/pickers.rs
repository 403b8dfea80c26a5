//! What pickers write and what people have: files without picks, tables of many programs, folders of
//! everything. The expected values come from the conventions of these programs.

use std::path::Path;

use vitrine_core::Label;
use vitrine_core::formats::detect::{Kind, detect, open_picks};
use vitrine_core::formats::{PickTable, micrograph_table};

use crate::make;

fn read(folder: &Path, name: &str, text: &str) -> PickTable {
    open_picks(&make::file(folder, name, text)).unwrap()
}

fn places(table: &PickTable) -> Vec<(f64, f64)> {
    table.picks.iter().map(|p| (p.x, p.y)).collect()
}

#[test]
fn no_picks_is_an_answer_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let star = "data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n";
    let cbox = "data_cryolo\n\nloop_\n_CoordinateX\n_CoordinateY\n_Width\n_Height\n_Confidence\n";
    let via = "filename,region_count,region_shape_attributes,region_attributes\nm.png,0,{},{}\n";
    for (name, text) in [
        // RELION writes a zero-byte file for a micrograph on which nothing was picked.
        ("zero.star", ""),
        ("zero.box", ""),
        ("zero.cbox", ""),
        ("zero.txt", ""),
        ("zero.csv", ""),
        ("zero.coord", ""),
        ("zero.json", ""),
        ("blank.box", "\n\n"),
        ("comment.box", "# boxed by hand\n"),
        ("rows.star", star),
        ("rows.cbox", cbox),
        ("topaz.txt", "image_name\tx_coord\ty_coord\tscore\n"),
        ("header.csv", "x,y\n"),
        ("boxes.json", "{\"boxes\": []}"),
        ("via.csv", via),
    ] {
        let path = make::file(folder.path(), name, text);
        assert_eq!(detect(&path).unwrap().kind, Kind::Picks, "{name}");
        assert!(open_picks(&path).unwrap().picks.is_empty(), "{name}");
    }
}

#[test]
fn one_file_of_a_folder_does_not_keep_the_others_out() {
    let folder = tempfile::tempdir().unwrap();
    make::file(folder.path(), "a.box", "0 0 10 10\n");
    make::file(folder.path(), "b.box", "");
    make::file(folder.path(), "c.box", "0 0 10 10\nhello world x y\n");
    make::file(
        folder.path(),
        "d.star",
        "data_general\n\n_rlnImageSizeX 480\n_rlnMicrographMovieName Movies/d.tiff\n",
    );
    make::file(folder.path(), "deep/e.star", "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n7 8\n");
    let table = open_picks(folder.path()).unwrap();
    let names: Vec<_> = table.picks.iter().map(|p| p.micrograph.as_deref().unwrap()).collect();
    assert_eq!(names, ["a", "deep/e"]);
    assert_eq!(table.without_picks, ["b"]);
    let reasons: Vec<_> = table
        .left_out
        .iter()
        .map(|l| (l.path.file_name().unwrap().to_str().unwrap(), l.reason.as_str()))
        .collect();
    assert_eq!(reasons[0].0, "c.box");
    assert!(reasons[0].1.contains("line 2 has 'hello'"), "{reasons:?}");
    assert!(reasons[1] == ("d.star", "it describes a movie and holds no positions"), "{reasons:?}");
    // Only when every file fails the folder does.
    for good in ["a.box", "b.box", "deep/e.star"] {
        std::fs::remove_file(folder.path().join(good)).unwrap();
    }
    let error = open_picks(folder.path()).unwrap_err().to_string();
    assert!(error.contains("none of the 2 files") && error.contains("c.box: line 2"), "{error}");
}

#[test]
fn relions_index_lists_files_of_which_some_are_empty_broken_or_gone() {
    let folder = tempfile::tempdir().unwrap();
    let star = "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnAutopickFigureOfMerit\n5 6 0.25\n";
    make::file(folder.path(), "AutoPick/job005/Movies/a_autopick.star", star);
    make::file(folder.path(), "AutoPick/job005/Movies/b_autopick.star", "");
    make::file(
        folder.path(),
        "AutoPick/job005/Movies/c_autopick.star",
        "data_\nloop_\n_rlnCoordinateX\n1 2\n",
    );
    let rows: String = ["a", "b", "c", "d"]
        .map(|m| format!("MotionCorr/job002/Movies/{m}.mrc AutoPick/job005/Movies/{m}_autopick.star\n"))
        .concat();
    let index = format!(
        "data_coordinate_files\n\nloop_\n_rlnMicrographName #1\n_rlnMicrographCoordinates #2\n{rows}"
    );
    let index = make::file(folder.path(), "AutoPick/job005/autopick.star", index);
    // By the index, and by the folder it is in: the files it lists are read once.
    for input in [index.as_path(), index.parent().unwrap()] {
        let table = open_picks(input).unwrap();
        assert_eq!(places(&table), [(5.0, 6.0)], "{}", input.display());
        assert_eq!(table.picks[0].micrograph.as_deref(), Some("MotionCorr/job002/Movies/a.mrc"));
        assert_eq!(table.picks[0].score, Some(0.25));
        assert_eq!(table.without_picks, ["MotionCorr/job002/Movies/b.mrc"]);
        let reasons: Vec<&str> = table.left_out.iter().map(|l| l.reason.as_str()).collect();
        assert_eq!(reasons.len(), 2, "{reasons:?}");
        assert!(reasons[0].contains("line 4 has 2 values"), "{reasons:?}");
        assert!(reasons[1].contains("line 9 names it, and it is not there"), "{reasons:?}");
    }
}

/// `vitrine pick --out F --table F/picks.csv`, and Topaz or RELION with a joined table in the folder.
#[test]
fn a_table_beside_the_files_of_micrographs_does_not_double_the_picks() {
    let folder = tempfile::tempdir().unwrap();
    let star = "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n";
    make::file(folder.path(), "a_autopick.star", format!("{star}10.4 20.6\n30.5 40.5\n"));
    make::file(folder.path(), "b_autopick.star", format!("{star}50 60\n70 80\n90 100\n"));
    let csv = "image_name,x_coord,y_coord,score\na.mrc,10.4,20.6,0.9\na.mrc,30.5,40.5,0.8\nb.mrc,50,60,0.7\nb.mrc,70,80,0.6\n";
    make::file(folder.path(), "all.csv", csv);
    let table = open_picks(folder.path()).unwrap();
    assert_eq!(places(&table), [(10.4, 20.6), (30.5, 40.5), (50.0, 60.0), (70.0, 80.0), (90.0, 100.0)]);
    assert_eq!(table.picks[0].score, Some(0.9));
    let out: Vec<&str> = table.left_out.iter().map(|l| l.reason.as_str()).collect();
    assert_eq!(out, ["all of its 2 picks are in all.csv too"]);
    let warnings: Vec<&str> = table.warnings.iter().map(|w| w.text.as_str()).collect();
    assert_eq!(warnings, ["2 of the 3 picks of b_autopick.star are in all.csv too and count once"]);
}

#[test]
fn cryoppp_names_its_micrographs_and_its_diameter_is_no_box() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "Micrographs Filename,X-Coordinate,Y-Coordinate,Diameter,Class Number\nmic_01.mrc,120,90,108,2\n";
    let table = read(folder.path(), "c.csv", text);
    let pick = &table.picks[0];
    assert_eq!(pick.micrograph.as_deref(), Some("mic_01.mrc"));
    assert_eq!((pick.box_size, pick.diameter), (None, Some(108.0)));
    assert!(table.often_upside_down);
    assert!(!read(folder.path(), "t.csv", "image_name,x_coord,y_coord\nm,1,2\n").often_upside_down);
}

#[test]
fn regions_of_the_image_annotator() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        r#"m1.png,-1,{},2,0,"{""name"":""point"",""cx"":120,""cy"":90}","{""score"":""-0.5""}""#,
        r#"m1.png,-1,{},2,1,"{""name"":""circle"",""cx"":300,""cy"":200.5,""r"":40}","{""score"":2.25}""#,
        r#"m2.png,-1,{},1,0,"{""name"":""rect"",""x"":10,""y"":20,""width"":30,""height"":40}",{}"#,
        "m3.png,-1,{},0,0,{},{}",
    ];
    let header =
        "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes";
    let table = read(folder.path(), "via.csv", &format!("{header}\n{}\n", rows.join("\n")));
    assert_eq!(places(&table), [(120.0, 90.0), (300.0, 200.5), (25.0, 40.0)]);
    let scores: Vec<_> = table.picks.iter().map(|p| p.score).collect();
    assert_eq!(scores, [Some(-0.5), Some(2.25), None]);
    assert_eq!(table.picks[2].box_size, Some(40.0));
    assert_eq!(table.without_picks, ["m3.png"]);
    let broken = format!("{header}\nm1.png,-1,{{}},1,0,\"{{\"\"name\"\":\"\"point\"\"}}\",{{}}\n");
    let error = open_picks(&make::file(folder.path(), "bad.csv", broken)).unwrap_err().to_string();
    assert!(error.contains("line 2 has a region 'point' without a finite centre"), "{error}");
}

#[test]
fn coordinates_without_a_header() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(places(&read(folder.path(), "a.coord", "120 90\n300 200\n")), [(120.0, 90.0), (300.0, 200.0)]);
    assert_eq!(places(&read(folder.path(), "a.csv", "132.306,88.5\n300.25,210.75\n"))[1], (300.25, 210.75));
    let three = read(folder.path(), "b.txt", "# x y z\n1\t2\t0.5\n");
    assert_eq!((places(&three)[0], three.picks[0].columns["column3"].as_str()), ((1.0, 2.0), "0.5"));
    for (name, text, says) in [
        ("c.csv", "1,2\n3,4,5,6\n", "line 2 has 4 values"),
        ("d.coord", "1 2\nthree 4\n", "line 2 has 'three'"),
        ("e.csv", "1,2,3,4\n", "no column for x"),
    ] {
        let error = open_picks(&make::file(folder.path(), name, text)).unwrap_err().to_string();
        assert!(error.contains(says), "{name}: {error}");
    }
}

#[test]
fn boxes_of_eman2() {
    let folder = tempfile::tempdir().unwrap();
    let table = read(
        folder.path(),
        "mic_01_info.json",
        "{\"ctf\": [1, 2], \"boxes\": [[120, 90.5, \"manual\"], [300, 200, \"autobox_gauss\", 0.75]]}",
    );
    assert_eq!(places(&table), [(120.0, 90.5), (300.0, 200.0)]);
    assert_eq!((table.picks[0].score, table.picks[1].score), (None, Some(0.75)));
    assert_eq!(table.picks[0].columns["tool"], "manual");
    for (name, text, says) in [
        ("a.json", "{\"boxes\": [[1, 2], [3]]}", "box 2 does not begin with two numbers"),
        ("b.json", "{\"boxes\": [\n[1, 2}", "line 2 is no JSON"),
        ("c.json", "{\"ctf\": 1, \"quality\": 5}", "no list of boxes; it has ctf, quality"),
    ] {
        let error = open_picks(&make::file(folder.path(), name, text)).unwrap_err().to_string();
        assert!(error.contains(says), "{name}: {error}");
    }
}

#[test]
fn vertices_of_filaments_are_no_particles() {
    let folder = tempfile::tempdir().unwrap();
    let text = "data_global\n\n_cbox_format_version 1.0\n\ndata_filament_vertices\n\nloop_\n_CoordinateX #1\n\
                _CoordinateY #2\n_filamentid #3\n10.0 10.0 0\n400.0 300.0 0\n\ndata_cryolo\n\nloop_\n\
                _CoordinateX #1\n_CoordinateY #2\n_Width #3\n_Height #4\n_Confidence #5\n_filamentid #6\n\
                88.0 58.0 64 64 0.12 0\n268.0 168.0 64 64 0.87 0\n";
    let table = read(folder.path(), "f.cbox", text);
    assert_eq!(places(&table), [(120.0, 90.0), (300.0, 200.0)]);
    assert_eq!(table.picks.iter().filter_map(|p| p.score).collect::<Vec<_>>(), [0.12, 0.87]);
    assert_eq!(table.picks[0].columns["filamentid"], "0");
    // EMAN marks the ends of filaments in the fifth column.
    let ends =
        make::file(folder.path(), "ends.box", "1 2 40 40 -1\n90 80 40 40 -2\n5 6 40 40 -1\n7 8 40 40 -2\n");
    let error = open_picks(&ends).unwrap_err().to_string();
    assert!(error.contains("ends (-2) of filaments"), "{error}");
    assert_eq!(read(folder.path(), "three.box", "1 2 4 4 -3\n3 4 4 4 -3\n").picks.len(), 2);
}

#[test]
fn tables_of_crysegnet_and_cryolo() {
    let folder = tempfile::tempdir().unwrap();
    let net = "data_\n\nloop_\n_rlnMicrographName #1\n_rlnCoordinateX #2\n_rlnCoordinateY #3\n\
               _rlnAutopickFigureOfMerit #4\nmic_01.mrc 120 90 0.5\n";
    let table = read(folder.path(), "net.star", net);
    assert_eq!((table.picks[0].micrograph.as_deref(), table.picks[0].score), (Some("mic_01.mrc"), Some(0.5)));
    // crYOLO's coordinates for RELION: one file a micrograph, unset columns as -9999.
    let cryolo = "data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnClassNumber #3\n_rlnAnglePsi #4\n\
                  _rlnAutopickFigureOfMerit #5\n120.0\t90.0\t-9999\t-9999.00000\t-9999.000000\n";
    let table = read(folder.path(), "cryolo.star", cryolo);
    assert_eq!((places(&table)[0], table.picks[0].score), ((120.0, 90.0), None));
}

#[test]
fn the_optics_of_every_file_of_a_folder_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let star = |micrograph: &str, voltage: &str, tilt: &str| {
        format!(
            "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnOpticsGroupName #2\n_rlnVoltage #3\n_rlnBeamTiltX #4\n\
             1 opticsGroup1 {voltage} {tilt}\n\ndata_particles\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n\
             _rlnMicrographName #3\n_rlnOpticsGroup #4\n1 2 {micrograph}.mrc 1\n"
        )
    };
    make::file(folder.path(), "a.star", star("a", "300", "0.1"));
    make::file(folder.path(), "b.star", star("b", "200", "0.1"));
    make::file(folder.path(), "c.star", star("c", "300", "0.1"));
    let table = open_picks(folder.path()).unwrap();
    assert_eq!(table.optics.len(), 2);
    let voltages: Vec<&str> = table
        .picks
        .iter()
        .map(|pick| {
            let number = &pick.columns["rlnOpticsGroup"];
            let group = table.optics.iter().find(|g| g.columns["rlnOpticsGroup"] == *number).unwrap();
            group.columns["rlnVoltage"].as_str()
        })
        .collect();
    assert_eq!(voltages, ["300", "200", "300"]);
}

#[test]
fn the_beam_tilt_of_relion_3_0_belongs_to_the_optics() {
    let folder = tempfile::tempdir().unwrap();
    let text = "data_\n\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnVoltage\n\
                _rlnBeamTiltX\n_rlnBeamTiltY\n_rlnBeamTiltClass\n\
                a.mrc 1 2 300 0.1 0.2 1\nb.mrc 3 4 300 0.1 0.2 2\nc.mrc 5 6 300 0.1 0.2 1\nd.mrc 7 8 300 0.3 0.2 1\n";
    let table = read(folder.path(), "p.star", text);
    let groups: Vec<&str> = table.picks.iter().map(|p| p.columns["rlnOpticsGroup"].as_str()).collect();
    assert_eq!(groups, ["1", "2", "1", "3"]);
    assert_eq!(table.optics[2].columns["rlnBeamTiltX"], "0.3");
    assert!(!table.picks[0].columns.contains_key("rlnBeamTiltX"));
}

#[test]
fn tables_of_micrographs_say_which_are_meant() {
    let folder = tempfile::tempdir().unwrap();
    let mrc = make::mrc(2, 2, 1, 0, false, &[], &[0; 4]);
    make::file(folder.path(), "MotionCorr/job002/Movies/a.mrc", &mrc);
    // RELION 3.1: the movie has 0.655 Å, the micrograph 1.31.
    let text = "data_optics\n\nloop_\n_rlnOpticsGroupName #1\n_rlnOpticsGroup #2\n\
                _rlnMicrographOriginalPixelSize #3\n_rlnVoltage #4\n_rlnMicrographPixelSize #5\n\
                og1 1 0.655 300 1.31\nog2 2 0.5 200 1.0\n\ndata_micrographs\n\nloop_\n_rlnMicrographName #1\n\
                _rlnOpticsGroup #2\n_rlnDefocusU #3\nMotionCorr/job002/Movies/a.mrc 2 12000\n\
                MotionCorr/job002/Movies/b.mrc 1 12500\n";
    let path = make::file(folder.path(), "CtfFind/job003/micrographs_ctf.star", text);
    let table = micrograph_table::open(&path).unwrap();
    assert_eq!(detect(&path).unwrap().kind, Kind::Micrographs);
    let [a, b] = table.entries.as_slice() else { panic!("two are listed") };
    assert!(a.path.as_ref().unwrap().ends_with("MotionCorr/job002/Movies/a.mrc") && b.path.is_none());
    assert_eq!((a.pixel_size, b.pixel_size), (Some(1.0), Some(1.31)));
    assert_eq!(table.optics[a.optics.unwrap()].columns["rlnVoltage"], "200");
    assert_eq!(
        (b.name.as_str(), b.columns["rlnDefocusU"].as_str()),
        ("MotionCorr/job002/Movies/b.mrc", "12500")
    );
    // RELION 3.0: everything in the rows; 5 µm at 50,000 times is 1 Å.
    let old = "data_\n\nloop_\n_rlnMicrographName\n_rlnVoltage\n_rlnMagnification\n_rlnDetectorPixelSize\n\
               a.mrc 300 50000 5\nb.mrc 300 50000 5\n";
    let table = micrograph_table::open(&make::file(folder.path(), "old.star", old)).unwrap();
    assert_eq!((table.entries[1].pixel_size, table.optics.len()), (Some(1.0), 1));
    assert_eq!(table.entries[1].optics, Some(0));
    let movies = "data_movies\n\nloop_\n_rlnMicrographMovieName #1\nMovies/a.tiff\n";
    let path = make::file(folder.path(), "movies.star", movies);
    let error = detect(&path).unwrap_err().to_string();
    assert!(error.contains("lists movies") && error.contains("corrected_micrographs.star"), "{error}");
}

#[test]
fn exposures_of_cryosparc_are_a_list_of_micrographs() {
    let folder = tempfile::tempdir().unwrap();
    let descr = "[('uid', '<u8'), ('micrograph_blob/path', '|S8'), ('micrograph_blob/psize_A', '<f4'), \
                 ('ctf/accel_kv', '<f4'), ('ctf/df1_A', '<f4')]";
    let mut records = Vec::new();
    for (uid, name) in [(7u64, b">J2/a.mr"), (8, b"J2/b.mrc")] {
        records.extend_from_slice(&uid.to_le_bytes());
        records.extend_from_slice(name);
        records.extend_from_slice(&1.77f32.to_le_bytes());
        records.extend_from_slice(&300f32.to_le_bytes());
        records.extend_from_slice(&12000f32.to_le_bytes());
    }
    let path = make::file(folder.path(), "exposures.cs", make::cs(descr, 2, &records));
    make::file(folder.path(), "J2/b.mrc", make::mrc(2, 2, 1, 0, false, &[], &[0; 4]));
    assert_eq!(detect(&path).unwrap().format, "cryoSPARC exposures");
    let table = micrograph_table::open(&path).unwrap();
    let entry = &table.entries[1];
    assert_eq!((entry.name.as_str(), entry.pixel_size), ("J2/b.mrc", Some(1.77)));
    assert!(entry.path.is_some() && table.entries[0].path.is_none());
    assert_eq!(entry.columns["ctf/df1_A"], "12000");
    assert_eq!(table.optics[entry.optics.unwrap()].columns["rlnVoltage"], "300");
}

#[test]
fn a_score_below_zero_is_a_score() {
    let folder = tempfile::tempdir().unwrap();
    let table = read(folder.path(), "t.txt", "image_name\tx_coord\ty_coord\tscore\nm\t5\t6\t-5.75\n");
    assert_eq!(table.picks[0].score, Some(-5.75));
    assert_eq!(table.picks[0].label, None::<Label>);
}
