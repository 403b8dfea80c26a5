//! RELION itself (Debian's `relion`, 3.1.3) takes what we write: it extracts as many particles as were
//! exported, at the same centres and pixel by pixel the same, and its refinement and table tools read our
//! tables. What is expected comes from RELION's own reading of its files.
//!
//! RELION 3.1 finds coordinate files by folder and suffix; the list `data_coordinate_files` is read by
//! RELION 4 and later, which no package offers, so that its names are checked against the files here.
//! Without RELION the tests say that they were skipped; with `VITRINE_REQUIRE_INTEROP=1` they fail instead.
#![allow(clippy::unwrap_used, clippy::panic)]

mod conventions;
mod imports;
#[path = "../needs/mod.rs"]
mod needs;
mod support;

use std::process::Command;

use support::{BOX, MICROGRAPHS, PICKS, Relion, WITH_CTF, assert_same, micrograph, write};
use vitrine_core::Label;
use vitrine_core::export::{ExportFormat, ExportRequest, ExportWhat};
use vitrine_core::formats::detect::open_picks;
use vitrine_core::formats::star::StarFile;

/// All labels that the small project has.
const ALL: [Label; 2] = [Label::Positive, Label::Unlabeled];

/// Whether RELION is there.
fn relion(test: &str) -> bool {
    let there = Command::new("relion_preprocess").arg("--version").output().is_ok();
    if !there {
        needs::missing(needs::Need::Interop, test, "needs RELION (apt-get install relion)");
    }
    there
}

fn all(format: ExportFormat, out: std::path::PathBuf) -> ExportRequest {
    ExportRequest { labels: ALL.to_vec(), ..ExportRequest::new(format, out) }
}

#[test]
fn relion_extracts_from_a_coordinate_set() {
    if !relion("relion_extracts_from_a_coordinate_set") {
        return;
    }
    let relion = Relion::new();
    let project = relion.import(MICROGRAPHS);
    relion.folder("Vitrine");
    let manifest = write(&project, &all(ExportFormat::RelionCoordinates, relion.path("Vitrine/set")));
    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
    let found = relion.extract(
        MICROGRAPHS,
        "job005",
        &["--coord_dir", "Vitrine/set/", "--coord_suffix", "_autopick.star"],
    );
    assert_same(&project, &ALL, &found);

    // The list names the same files as seen from RELION's project, and every micrograph as its table does.
    let list = StarFile::read(&relion.path("Vitrine/set/autopick.star")).unwrap();
    let list = list.table("coordinate_files").unwrap();
    assert_eq!(list.columns, ["rlnMicrographName", "rlnMicrographCoordinates"]);
    assert_eq!(list.len(), PICKS.len());
    for row in 0..list.len() {
        let cells = list.row(row);
        assert_eq!(cells[0], micrograph(row));
        assert_eq!(cells[1], format!("Vitrine/set/mics/mic_{}_autopick.star", row + 1));
        assert!(relion.path(cells[1]).is_file());
    }
}

#[test]
fn relion_extracts_again_from_a_particle_table() {
    if !relion("relion_extracts_again_from_a_particle_table") {
        return;
    }
    let relion = Relion::new();
    let project = relion.import(MICROGRAPHS);
    let manifest = write(&project, &all(ExportFormat::RelionStar, relion.path("picks.star")));
    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
    let found = relion.extract(MICROGRAPHS, "job006", &["--reextract_data_star", "picks.star"]);
    assert_same(&project, &ALL, &found);
    // What the table of micrographs says of the microscope is in ours, also for the pool, digit for digit.
    let optics = StarFile::read(&relion.path("picks.star")).unwrap().table("optics").unwrap();
    assert_eq!(optics.len(), 1);
    for (column, value) in [
        ("rlnVoltage", "300.000000"),
        ("rlnSphericalAberration", "2.000000"),
        ("rlnAmplitudeContrast", "0.100000"),
        ("rlnMicrographPixelSize", "1.770000"),
        ("rlnMicrographOriginalPixelSize", "0.885000"),
    ] {
        assert_eq!(optics.row(0)[optics.column(column).unwrap()], value, "{column}");
    }
}

#[test]
fn relion_extracts_from_box_files() {
    if !relion("relion_extracts_from_box_files") {
        return;
    }
    let relion = Relion::new();
    let project = relion.import(MICROGRAPHS);
    write(&project, &all(ExportFormat::Box, relion.path("boxes")));
    // Box files lie flat; RELION looks for them under the micrograph's folder.
    relion.folder("boxes/mics");
    for mic in 1..=PICKS.len() {
        let name = format!("mic_{mic}.box");
        std::fs::rename(relion.path("boxes").join(&name), relion.path("boxes/mics").join(&name)).unwrap();
    }
    let found = relion.extract(MICROGRAPHS, "job007", &["--coord_dir", "boxes/", "--coord_suffix", ".box"]);
    let expected = support::patches(&project, &ALL);
    assert_eq!(found.len(), expected.len());
    for (row, pixels) in &expected {
        let (x, y) = row.place.xy.unwrap();
        let same = found.iter().find(|f| f.xy == (x.trunc(), y.trunc()) && f.pixels == *pixels);
        assert!(same.is_some(), "no particle at ({x}, {y})");
    }
}

#[test]
fn relion_reads_tiff_turned_over() {
    if !relion("relion_reads_tiff_turned_over") {
        return;
    }
    let relion = Relion::new();
    let stored = support::pixels(0);
    let file = std::fs::File::create(relion.folder("tif").join("mic_1.tif")).unwrap();
    tiff::encoder::TiffEncoder::new(file)
        .unwrap()
        .write_image::<tiff::encoder::colortype::Gray32Float>(
            support::SIDE as u32,
            support::SIDE as u32,
            &stored,
        )
        .unwrap();
    let table = std::fs::read_to_string(relion.path(MICROGRAPHS)).unwrap();
    let rows = table.lines().filter(|line| !line.contains("mic_")).map(|line| format!("{line}\n"));
    std::fs::write(relion.path("tif.star"), rows.collect::<String>() + "tif/mic_1.tif            1 \n \n")
        .unwrap();
    // Picks that count from the first stored row.
    let picks: String =
        (0..12).map(|at| support::centre(0, at)).map(|(x, y)| format!("tif/mic_1.tif,{x},{y}\n")).collect();
    std::fs::write(relion.path("picks.csv"), format!("micrograph,x,y\n{picks}")).unwrap();
    let request = vitrine_core::ingest::IngestRequest {
        micrographs: vec![relion.path("tif.star")],
        picks: vec![relion.path("picks.csv")],
        box_size: Some(BOX),
        ..Default::default()
    };
    let project = relion.import_into("p", &request);
    write(&project, &ExportRequest::new(ExportFormat::RelionStar, relion.path("tif_picks.star")));
    let found = relion.extract("tif.star", "job009", &["--reextract_data_star", "tif_picks.star"]);
    assert_eq!(found.len(), 12);
    for at in 0..12 {
        let (x, y) = support::centre(0, at);
        let turned = support::SIDE as f64 - 1.0 - y;
        let same = found.iter().find(|f| (f.xy.0 - x).abs() < 1e-5 && (f.xy.1 - turned).abs() < 1e-5);
        let pixels = &same.unwrap_or_else(|| panic!("no particle at ({x}, {turned})")).pixels;
        // RELION's box in the picture as it reads it: the stored rows from the last to the first.
        let (left, top) = (x.trunc() as usize - BOX / 2, turned.trunc() as usize - BOX / 2);
        for (index, value) in pixels.iter().enumerate() {
            let (column, row) = (left + index % BOX, top + index / BOX);
            assert_eq!(*value, stored[(support::SIDE - 1 - row) * support::SIDE + column]);
        }
        // And the particle is in it: a disc darker by 1.5 in noise of deviation 1.
        let centre = |index: usize| ((index % BOX) as f64 - 32.0).hypot((index / BOX) as f64 - 32.0) < 11.0;
        let mean = |inside: bool| {
            let of: Vec<f32> =
                pixels.iter().enumerate().filter(|(i, _)| centre(*i) == inside).map(|(_, v)| *v).collect();
            of.iter().sum::<f32>() / of.len() as f32
        };
        assert!(mean(false) - mean(true) > 1.0, "particle {at}");
    }
}

#[test]
fn relion_refines_a_stack_with_and_without_ctf() {
    if !relion("relion_refines_a_stack_with_and_without_ctf") {
        return;
    }
    for table in [MICROGRAPHS, WITH_CTF] {
        let relion = Relion::new();
        let project = relion.import(table);
        relion.folder("Vitrine");
        relion.folder("Class2D");
        let wanted = ExportRequest {
            what: ExportWhat::Both,
            normalise: true,
            invert: true,
            ..all(ExportFormat::RelionStar, relion.path("Vitrine/p.star"))
        };
        let manifest = write(&project, &wanted);
        assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
        let mut args = vec![
            "--i",
            "Vitrine/p.star",
            "--o",
            "Class2D/run",
            "--K",
            "2",
            "--iter",
            "1",
            "--particle_diameter",
            "60",
            "--psi_step",
            "60",
            "--offset_range",
            "2",
            "--offset_step",
            "2",
            "--pad",
            "1",
            "--j",
            "1",
            "--norm",
            "--scale",
        ];
        if table == WITH_CTF {
            args.push("--ctf");
        }
        relion.run("relion_refine", &args).unwrap();
        let classified = StarFile::read(&relion.path("Class2D/run_it001_data.star")).unwrap();
        let particles = classified.table("particles").unwrap();
        assert_eq!(particles.len(), project.len());
        assert_eq!(particles.column("rlnDefocusU").is_some(), table == WITH_CTF);

        // RELION's own table tool selects from it, and keeps our columns.
        relion
            .run(
                "relion_star_handler",
                &[
                    "--i",
                    "Vitrine/p.star",
                    "--o",
                    "one.star",
                    "--select_by_str",
                    "rlnMicrographName",
                    "--select_include",
                    "mic_3",
                ],
            )
            .unwrap();
        let one = StarFile::read(&relion.path("one.star")).unwrap().table("particles").unwrap();
        assert_eq!(one.len(), 6);
        assert_eq!(one.row(0)[one.column("vitrineLabel").unwrap()], "unlabeled");
    }
}

#[test]
fn a_subset_of_relions_own_table_is_that_table_without_rows() {
    if !relion("a_subset_of_relions_own_table_is_that_table_without_rows") {
        return;
    }
    let relion = Relion::new();
    let project = relion.import(WITH_CTF);
    write(&project, &all(ExportFormat::RelionCoordinates, relion.path("set")));
    relion.extract(WITH_CTF, "job005", &["--coord_dir", "set/", "--coord_suffix", "_autopick.star"]);
    drop(project);

    let request = vitrine_core::ingest::IngestRequest {
        inputs: vec![relion.path("Extract/job005/particles.star")],
        ..Default::default()
    };
    let mut again = relion.import_into("again", &request);
    let chosen: Vec<(u32, Label)> =
        (0..again.len() as u32).step_by(3).map(|id| (id, Label::Positive)).collect();
    let actor = vitrine_core::project::Actor::Person("x".into());
    again.set_labels(&chosen, &actor, None, "").unwrap();
    write(&again, &ExportRequest::new(ExportFormat::RelionSubset, relion.path("subset.star")));

    let before = std::fs::read_to_string(relion.path("Extract/job005/particles.star")).unwrap();
    let after = std::fs::read_to_string(relion.path("subset.star")).unwrap();
    let is_row = |line: &&str| line.contains(".mrcs");
    let rows: Vec<&str> = before.lines().filter(is_row).collect();
    let kept: Vec<&str> = after.lines().filter(is_row).collect();
    assert_eq!(kept, rows.iter().step_by(3).copied().collect::<Vec<_>>());
    let rest = |text: &str| text.lines().filter(|l| !is_row(l)).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rest(&after), rest(&before));
    // RELION takes it for its own.
    relion.run("relion_star_handler", &["--i", "subset.star", "--o", "same.star"]).unwrap();
    assert_eq!(relion.extracted("same.star").len(), chosen.len());
}

#[test]
fn optics_of_a_3_0_table_are_those_relion_converts() {
    if !relion("optics_of_a_3_0_table_are_those_relion_converts") {
        return;
    }
    let relion = Relion::new();
    let mut text = String::from(
        "\ndata_\n\nloop_ \n_rlnMicrographName #1 \n_rlnCoordinateX #2 \n_rlnCoordinateY #3 \n_rlnVoltage #4 \n\
         _rlnSphericalAberration #5 \n_rlnAmplitudeContrast #6 \n_rlnMagnification #7 \n\
         _rlnDetectorPixelSize #8 \n_rlnImageName #9 \n",
    );
    for at in 0..4 {
        let (x, y) = support::centre(0, at);
        text.push_str(&format!(
            "{} {x:.6} {y:.6} 300.000000 2.700000 0.100000 37369.207031 5.000000 {:06}@old.mrcs \n",
            micrograph(0),
            at + 1
        ));
    }
    text.push('\n');
    std::fs::write(relion.path("old.star"), text).unwrap();
    let mut stack = vitrine_core::formats::mrc::Writer::create(
        &relion.path("old.mrcs"),
        BOX,
        BOX,
        Some(support::PIXEL),
        Default::default(),
    )
    .unwrap();
    for at in 0..4 {
        stack.push(&vec![at as f32; BOX * BOX]).unwrap();
    }
    stack.finish().unwrap();
    relion.run("relion_convert_star", &["--i", "old.star", "--o", "new.star"]).unwrap();

    let request =
        vitrine_core::ingest::IngestRequest { inputs: vec![relion.path("old.star")], ..Default::default() };
    let project = relion.import_into("p", &request);
    let wanted = ExportRequest {
        labels: Vec::new(),
        ..ExportRequest::new(ExportFormat::RelionStar, relion.path("ours.star"))
    };
    write(&project, &wanted);
    let (theirs, ours) = (
        StarFile::read(&relion.path("new.star")).unwrap(),
        StarFile::read(&relion.path("ours.star")).unwrap(),
    );
    let optics = (theirs.table("optics").unwrap(), ours.table("optics").unwrap());
    for column in [
        "rlnVoltage",
        "rlnSphericalAberration",
        "rlnAmplitudeContrast",
        "rlnImagePixelSize",
        "rlnImageSize",
        "rlnImageDimensionality",
    ] {
        let value = |table: &vitrine_core::formats::star::Table| -> f64 {
            table.row(0)[table.column(column).unwrap()].parse().unwrap()
        };
        assert_eq!(value(&optics.1), value(&optics.0), "{column}");
    }
    let found = relion.extract(MICROGRAPHS, "job008", &["--reextract_data_star", "ours.star"]);
    assert_eq!(found.len(), 4);
    assert_eq!(open_picks(&relion.path("ours.star")).unwrap().picks.len(), 4);
}
