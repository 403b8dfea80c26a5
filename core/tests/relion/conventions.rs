//! Names, directions and numbers as RELION's and EMAN's conventions want them, on a small project made by
//! hand. Expected values are computed from the conventions, not with our own code.

use std::path::{Path, PathBuf};

use vitrine_core::Label;
use vitrine_core::export::{
    ExportFormat, ExportRequest, ExportWhat, GivenOptics, OpticsField, YDirection, export, preview,
};
use vitrine_core::formats::OpticsGroup;
use vitrine_core::formats::mrc;
use vitrine_core::formats::star::{StarFile, Table};
use vitrine_core::project::{NewMicrograph, NewPatch, PixelType, Project, SourceInfo};

/// Rows of the micrographs.
const HEIGHT: usize = 100;

/// One patch of 4 px, numbered row by row, on each micrograph: a pick at (20.5, 30.25).
fn project(dir: &Path, micrographs: &[&str], y_up: bool, optics: Vec<OpticsGroup>) -> Project {
    let mut project = Project::create(&dir.join("project"), Some(4), PixelType::F32).unwrap();
    let has_optics = !optics.is_empty();
    let mut import = project.import(4).unwrap();
    import
        .source(&SourceInfo {
            y_up,
            bin: Some(1.0),
            box_size: Some(5.0),
            optics,
            ..SourceInfo::new("picks", "EMAN box file")
        })
        .unwrap();
    // Only the first of the patches says what its optics and its defocus are.
    for (index, name) in micrographs.iter().enumerate() {
        let micrograph = import
            .micrograph(&NewMicrograph {
                path: Some(PathBuf::from(format!("/data/{name}"))),
                dimensions: Some((80, HEIGHT)),
                ..NewMicrograph::named(*name)
            })
            .unwrap();
        let patch = NewPatch {
            label: Label::Positive,
            source_index: index,
            micrograph: Some(micrograph),
            xy: Some((20.5, 30.25)),
            optics: (has_optics && index == 0).then_some(0),
            pick_score: Some(0.75),
            columns: if index == 0 {
                [("rlnDefocusU".to_owned(), "15000.5".to_owned())].into()
            } else {
                Default::default()
            },
        };
        let pixels: Vec<f32> = (0..16).map(|at| at as f32).collect();
        import.push(&patch, &pixels).unwrap();
    }
    import.commit().unwrap();
    project
}

fn optics() -> Vec<OpticsGroup> {
    let columns =
        [("rlnOpticsGroup", "1"), ("rlnVoltage", "300.000000"), ("rlnSphericalAberration", "0.000000")];
    let columns = columns.map(|(name, value)| (name.to_owned(), value.to_owned()));
    vec![OpticsGroup { pixel_size: None, columns: columns.into() }]
}

fn particles(path: &Path) -> Table {
    StarFile::read(path).unwrap().table("particles").unwrap()
}

fn cell(table: &Table, row: usize, column: &str) -> String {
    table.row(row)[table.column(column).unwrap()].to_owned()
}

fn sentence<T: std::fmt::Debug>(result: vitrine_core::Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn y_goes_back_the_way_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path(), &["a.jpg", "b.mrc", "c.tif"], true, Vec::new());
    let star = |y: YDirection, name: &str| {
        let request = ExportRequest {
            y,
            what: ExportWhat::Both,
            ..ExportRequest::new(ExportFormat::RelionStar, dir.path().join(name))
        };
        export(&project, &request, &mut |_| true).unwrap()
    };
    // The picture back to its picks, MRC as RELION reads it (as stored), TIFF as RELION reads it (turned over).
    let manifest = star(YDirection::Source, "source.star");
    let table = particles(&dir.path().join("source.star"));
    let rows = |table: &Table| [0, 1, 2].map(|row| cell(table, row, "rlnCoordinateY"));
    assert_eq!(rows(&table), ["68.75", "30.25", "68.75"]);
    assert!(manifest.coordinates.contains("of some micrographs"), "{}", manifest.coordinates);
    star(YDirection::Down, "down.star");
    assert_eq!(rows(&particles(&dir.path().join("down.star"))), ["30.25"; 3]);
    star(YDirection::Up, "up.star");
    assert_eq!(rows(&particles(&dir.path().join("up.star"))), ["68.75"; 3]);

    // The images lie as the micrograph does: the last row first where it is turned over.
    let mut stack = mrc::open_stack(&dir.path().join("source.mrcs")).unwrap();
    let mut image = vec![0.0; 16];
    stack.reader.read(0, &mut image).unwrap();
    assert_eq!(image, [12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3].map(|v: u8| f32::from(v)));
    stack.reader.read(1, &mut image).unwrap();
    assert_eq!(image[..4], [0.0, 1.0, 2.0, 3.0]);

    // Box files and tables go back as the picks came, whatever the file: whole numbers and an even box of 6
    // around (20, 68) where 5 px were asked for.
    let boxes = ExportRequest::new(ExportFormat::Box, dir.path().join("boxes"));
    let manifest = export(&project, &boxes, &mut |_| true).unwrap();
    let text = std::fs::read_to_string(dir.path().join("boxes/b.box")).unwrap();
    assert_eq!(text, "17\t65\t6\t6\tpositive\n");
    assert!(manifest.warnings.iter().any(|w| w.text.contains("boxes of 5 px are written as 6 px")));
    let csv = ExportRequest::new(ExportFormat::Csv, dir.path().join("a.csv"));
    export(&project, &csv, &mut |_| true).unwrap();
    let text = std::fs::read_to_string(dir.path().join("a.csv")).unwrap();
    // Without a run the score is the picker's.
    assert!(text.contains("a.jpg,20.5,68.75,positive,0.75,picks"), "{text}");
}

#[test]
fn pictures_get_the_names_of_their_originals() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path(), &["a.jpg", "b.jpg"], true, Vec::new());
    let out = dir.path().join("out.star");
    let write = |names: Option<PathBuf>| {
        let request = ExportRequest {
            micrograph_names: names,
            force: true,
            ..ExportRequest::new(ExportFormat::RelionStar, &out)
        };
        export(&project, &request, &mut |_| true)
    };
    let names = || [0, 1].map(|row| cell(&particles(&out), row, "rlnMicrographName"));
    let manifest = write(None).unwrap();
    assert_eq!(names(), ["a.jpg", "b.jpg"]);
    assert!(manifest.warnings.iter().any(|w| w.text.contains("2 of the micrographs are pictures")));
    let manifest = write(Some(".mrc".into())).unwrap();
    assert_eq!(names(), ["a.mrc", "b.mrc"]);
    assert!(!manifest.warnings.iter().any(|w| w.text.contains("pictures")), "{:?}", manifest.warnings);

    let table = dir.path().join("micrographs.star");
    let text = "\ndata_micrographs\n\nloop_\n_rlnMicrographName #1\nMotionCorr/job002/raw/b.mrc\nMotionCorr/job002/raw/a.mrc\n\n";
    std::fs::write(&table, text).unwrap();
    write(Some(table)).unwrap();
    assert_eq!(names(), ["MotionCorr/job002/raw/a.mrc", "MotionCorr/job002/raw/b.mrc"]);

    let list = dir.path().join("names.csv");
    std::fs::write(&list, "a.jpg,first.mrc\nb.jpg,second.mrc\n").unwrap();
    write(Some(list.clone())).unwrap();
    assert_eq!(names(), ["first.mrc", "second.mrc"]);
    std::fs::write(&list, "a.jpg,first.mrc\n").unwrap();
    let told = sentence(write(Some(list.clone())));
    assert!(told.contains("no original for the micrograph b.jpg"), "{told}");
    std::fs::write(&list, "a.jpg,first.mrc,300\n").unwrap();
    assert!(sentence(write(Some(list))).contains("line 1 has 3 columns"));

    // An original of another size does not fit the coordinates.
    let folder = dir.path().join("originals");
    std::fs::create_dir(&folder).unwrap();
    for (name, side) in [("a.mrc", 100), ("b.mrc", 50)] {
        let mut file =
            mrc::Writer::create(&folder.join(name), 80, side, None, mrc::WriterMode::Float32).unwrap();
        file.push(&vec![1.0; 80 * side]).unwrap();
        file.finish().unwrap();
    }
    let told = sentence(write(Some(folder)));
    assert!(told.contains("80 × 50 px") && told.contains("do not fit"), "{told}");
}

#[test]
fn what_the_sources_do_not_say_is_asked_for_and_what_they_say_stays() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path(), &["mics/a.mrc", "mics/b.mrc"], false, optics());
    let out = dir.path().join("out.star");
    let request = ExportRequest::new(ExportFormat::RelionStar, &out);
    let seen = preview(&project, &request).unwrap();
    assert_eq!(seen.missing_optics, [OpticsField::AmplitudeContrast, OpticsField::PixelSize]);
    // What is dropped is said before anything is written: one of the two patches has no defocus.
    assert_eq!(seen.left_out_columns, ["rlnDefocusU"]);
    assert!(
        seen.warnings.iter().any(|w| w.text.contains("1 of the 2 patches have no value: rlnDefocusU")),
        "{:?}",
        seen.warnings
    );
    let given = GivenOptics {
        voltage: Some(200.0),
        spherical_aberration: Some(2.7),
        amplitude_contrast: Some(0.1),
        pixel_size: Some(1.77),
    };
    let request = ExportRequest { optics: given, ..request };
    assert_eq!(preview(&project, &request).unwrap().missing_optics, []);
    export(&project, &request, &mut |_| true).unwrap();
    let table = StarFile::read(&out).unwrap().table("optics").unwrap();
    // One group: the patch without optics takes the other's. An aberration of 0 is an aberration.
    assert_eq!(table.len(), 1);
    for (column, value) in [
        ("rlnVoltage", "300.000000"),
        ("rlnSphericalAberration", "0.000000"),
        ("rlnAmplitudeContrast", "0.1"),
        ("rlnMicrographPixelSize", "1.77"),
    ] {
        assert_eq!(cell(&table, 0, column), value, "{column}");
    }
    let particles = particles(&out);
    assert_eq!(cell(&particles, 0, "rlnMicrographName"), "mics/a.mrc");
    assert_eq!(cell(&particles, 1, "rlnAutopickFigureOfMerit"), "0.75");

    for (optics, told) in [
        (GivenOptics { voltage: Some(0.0), ..given }, "a voltage of 0 kV"),
        (GivenOptics { amplitude_contrast: Some(7.0), ..given }, "an amplitude contrast of 7"),
        (GivenOptics { spherical_aberration: Some(-1.0), ..given }, "a spherical aberration of -1 mm"),
    ] {
        let request = ExportRequest { optics, ..request.clone() };
        assert!(sentence(preview(&project, &request)).contains(told));
    }
}

#[test]
fn coordinate_files_of_equally_named_micrographs_are_not_mixed() {
    let dir = tempfile::tempdir().unwrap();
    let project =
        project(dir.path(), &["MotionCorr/job002/a.mrc", "MotionCorr/job003/a.mrc"], false, Vec::new());
    let request = ExportRequest::new(ExportFormat::RelionCoordinates, dir.path().join("set"));
    let told = sentence(export(&project, &request, &mut |_| true));
    assert!(told.contains("MotionCorr/job003/a.mrc") && told.contains("a_autopick.star"), "{told}");
    // Rows of a table need a table.
    let subset = ExportRequest::new(ExportFormat::RelionSubset, dir.path().join("s.star"));
    let told = sentence(export(&project, &subset, &mut |_| true));
    assert!(told.contains("none of the 2 selected patches came from a RELION table"), "{told}");
}

/// A particle table without coordinates (a 2D classification of somebody else's stack) goes back as that table
/// without rows, cell by cell.
#[test]
fn a_particle_table_without_coordinates_goes_back_row_by_row() {
    let dir = tempfile::tempdir().unwrap();
    let mut stack =
        mrc::Writer::create(&dir.path().join("s.mrcs"), 8, 8, Some(1.5), mrc::WriterMode::Float32).unwrap();
    for value in 0..4 {
        stack.push(&[value as f32; 64]).unwrap();
    }
    stack.finish().unwrap();
    let head = "# version 30001\n\ndata_optics\n\nloop_ \n_rlnOpticsGroup #1 \n_rlnImagePixelSize #2 \n 1 1.500000 \n\n\
                data_particles\n\nloop_ \n_rlnImageName #1 \n_rlnClassNumber #2 \n_rlnOpticsGroup #3 \n_other #4 \n";
    let rows: Vec<String> = (1..=4).map(|n| format!("00000{n}@s.mrcs   {n}   1  'a  {n}' \n")).collect();
    let table = dir.path().join("classified.star");
    std::fs::write(&table, format!("{head}{} \n", rows.concat())).unwrap();
    let mut project = Project::create(&dir.path().join("project"), None, PixelType::F32).unwrap();
    let request = vitrine_core::ingest::IngestRequest {
        inputs: vec![table],
        label: Some(Label::Positive),
        ..Default::default()
    };
    vitrine_core::ingest::ingest(&mut project, &request, &mut |_| true).unwrap();
    let actor = vitrine_core::project::Actor::Person("x".into());
    project.set_labels(&[(0, Label::Negative), (2, Label::Unlabeled)], &actor, None, "").unwrap();
    let out = dir.path().join("kept.star");
    export(&project, &ExportRequest::new(ExportFormat::RelionSubset, &out), &mut |_| true).unwrap();
    assert_eq!(std::fs::read_to_string(&out).unwrap(), format!("{head}{}{} \n", rows[1], rows[3]));
}
