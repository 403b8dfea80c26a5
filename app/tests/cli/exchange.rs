//! The options by which files of other programs come in and go out, as a person gives them. Expected values
//! come from the conventions of these programs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use vitrine_core::formats::detect::open_picks;
use vitrine_core::formats::mrc;
use vitrine_core::formats::star::{StarFile, Table};

use crate::support::{columns, json, labels, ok, refused, run, text, write_micrograph};

const SIDE: usize = 256;

/// Centres of the dark discs of a micrograph: not symmetric top to bottom.
fn centres(number: usize) -> Vec<(f64, f64)> {
    (0..12).map(|at| (40.0 + 50.0 * (at % 4) as f64 + number as f64, 30.0 + 40.0 * (at / 4) as f64)).collect()
}

/// A folder of two micrographs of 2 Å a px.
fn micrographs(dir: &Path) -> String {
    let mics = dir.join("mics");
    fs::create_dir_all(&mics).unwrap();
    for number in 0..2 {
        write_micrograph(&mics.join(format!("m{number}.mrc")), SIDE, &centres(number), number as u64 + 1);
    }
    text(mics)
}

/// A picker's table: every second pick has a score of 0.9, the others 0.1. Coordinates are divided by `reduced`.
fn picks(dir: &Path, name: &str, reduced: f64) -> String {
    let mut table = "image_name\tx_coord\ty_coord\tscore\n".to_owned();
    for number in 0..2 {
        for (at, (x, y)) in centres(number).into_iter().enumerate() {
            let score = if at % 2 == 0 { 0.9 } else { 0.1 };
            writeln!(table, "m{number}\t{}\t{}\t{score}", x / reduced, y / reduced).unwrap();
        }
    }
    let path = dir.join(name);
    fs::write(&path, table).unwrap();
    text(path)
}

/// Imports into a new project `name`; what was said.
fn import(dir: &Path, name: &str, more: &[&str]) -> (String, String) {
    let project = text(dir.join(name));
    ok(&["new", &project]);
    let said = ok(&[&["import", &project, "--box", "32"][..], more].concat());
    (project, said)
}

/// Exports; the path written.
fn export(project: &str, out: &Path, more: &[&str]) -> String {
    let out = text(out);
    ok(&[&["export", project, "--out", &out][..], more].concat());
    out
}

fn star(path: impl AsRef<Path>, table: &str) -> Table {
    StarFile::read(path.as_ref()).unwrap().table(table).unwrap()
}

fn cells(table: &Table, column: &str) -> Vec<String> {
    let at = table.column(column).unwrap();
    (0..table.len()).map(|row| table.row(row)[at].to_owned()).collect()
}

/// Name and place of every row of an exported CSV.
fn places(project: &str, dir: &Path, y: &str) -> Vec<(String, f64, f64)> {
    let out = export(project, &dir.join("places.csv"), &["--format", "csv", "--y", y, "--force"]);
    let number = |cell: &str| cell.parse::<f64>().unwrap();
    columns(out, &["micrograph", "x", "y"])
        .into_iter()
        .map(|row| (row[0].clone(), number(&row[1]), number(&row[2])))
        .collect()
}

#[test]
fn weak_picks_stay_out_or_come_in_as_unlabeled() {
    let dir = tempfile::tempdir().unwrap();
    let (mics, table) = (micrographs(dir.path()), picks(dir.path(), "topaz.txt", 1.0));
    let both = ["--micrographs", &mics, "--picks", &table];
    let (all, said) = import(dir.path(), "all", &both);
    assert_eq!(labels(&all), [24, 0, 0]);
    assert!(said.contains("warning: all 24 picks with a score become positives"), "{said}");
    assert!(said.contains("use --min-score"), "{said}");
    let (strong, said) = import(dir.path(), "strong", &[&both[..], &["--min-score", "0.5"]].concat());
    assert_eq!(labels(&strong), [12, 0, 0]);
    assert!(said.contains("12 picks are below the lowest score") && !said.contains("warning"), "{said}");
    let below = [&both[..], &["--min-score", "0.5", "--below", "unlabeled"]].concat();
    assert_eq!(labels(&import(dir.path(), "below", &below).0), [12, 12, 0]);
    // What becomes of weak picks is no question without a lowest score.
    let ended = run(&[&["import", &all][..], &both, &["--below", "unlabeled"]].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("--min-score"), "{ended:?}");
    // The picker's score goes out again.
    let out = export(&strong, &dir.path().join("s.star"), &["--format", "relion-star"]);
    assert_eq!(cells(&star(&out, "particles"), "rlnAutopickFigureOfMerit"), ["0.9"; 12]);
}

#[test]
fn picks_of_reduced_images_are_scaled() {
    let dir = tempfile::tempdir().unwrap();
    let (mics, small) = (micrographs(dir.path()), picks(dir.path(), "small.txt", 4.0));
    let both = ["--micrographs", &mics, "--picks", &small];
    let project = text(dir.path().join("p"));
    ok(&["new", &project]);
    let said = ok(&[&["import", &project, "--box", "32", "--dry-run"][..], &both].concat());
    assert!(said.contains("in one corner") && said.contains("smaller image"), "{said}");
    let (project, said) = import(dir.path(), "p2", &[&both[..], &["--picks-scale", "4"]].concat());
    assert!(!said.contains("corner"), "{said}");
    let expected: Vec<_> =
        (0..2).flat_map(|n| centres(n).into_iter().map(move |(x, y)| (format!("m{n}.mrc"), x, y))).collect();
    assert_eq!(places(&project, dir.path(), "down"), expected);
}

#[test]
fn broken_micrographs_are_named_and_left_out_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (mics, table) = (micrographs(dir.path()), picks(dir.path(), "t.txt", 1.0));
    let whole = fs::read(Path::new(&mics).join("m1.mrc")).unwrap();
    fs::write(Path::new(&mics).join("m1.mrc"), &whole[..whole.len() / 2]).unwrap();
    let project = text(dir.path().join("p"));
    ok(&["new", &project]);
    let call = ["import", &project, "--micrographs", &mics, "--picks", &table, "--box", "32"];
    let said = refused(&call);
    assert!(said.contains("m1.mrc") && said.contains("1 of 2") && said.contains("--skip-bad"), "{said}");
    assert_eq!(labels(&project), [0, 0, 0]);
    let said = ok(&[&call[..], &["--skip-bad"]].concat());
    assert!(said.contains("cannot be used") && said.contains("(12 picks on it)"), "{said}");
    assert_eq!(labels(&project), [12, 0, 0]);
}

#[test]
fn shifts_of_a_refinement_move_the_centres_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let mics = micrographs(dir.path());
    let table = text(dir.path().join("refined.star"));
    // RELION: the centre is the coordinate less the origin; 4 Å are 2 px, and −3 Å are −1.5 px.
    let rows = "data_\n\nloop_\n_rlnMicrographName #1\n_rlnCoordinateX #2\n_rlnCoordinateY #3\n\
                _rlnOriginXAngst #4\n_rlnOriginYAngst #5\nm0.mrc 100 90 4.0 -3.0\n";
    fs::write(&table, rows).unwrap();
    let both = ["--micrographs", &mics, "--picks", &table];
    let (project, said) = import(dir.path(), "as", &both);
    assert!(said.contains("use --recenter"), "{said}");
    assert_eq!(places(&project, dir.path(), "down"), [("m0.mrc".to_owned(), 100.0, 90.0)]);
    let (project, _) = import(dir.path(), "moved", &[&both[..], &["--recenter"]].concat());
    assert_eq!(places(&project, dir.path(), "down"), [("m0.mrc".to_owned(), 98.0, 91.5)]);
}

#[test]
fn y_goes_out_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (mics, table) = (micrographs(dir.path()), picks(dir.path(), "t.txt", 1.0));
    let (project, _) = import(dir.path(), "p", &["--micrographs", &mics, "--picks", &table]);
    let down = places(&project, dir.path(), "down");
    assert_eq!(down[5], ("m0.mrc".to_owned(), 90.0, 70.0));
    assert_eq!(places(&project, dir.path(), "source"), down);
    let up = places(&project, dir.path(), "up");
    assert_eq!(up[5], ("m0.mrc".to_owned(), 90.0, 185.0), "row 70 of 256 is row 185 from below");
    let ended = run(&["export", &project, "--format", "csv", "--y", "left", "--out", "x.csv"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("source, down or up"), "{ended:?}");
}

#[test]
fn pictures_go_out_under_the_names_of_their_originals_and_optics_fill_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let mics = dir.path().join("png");
    fs::create_dir_all(&mics).unwrap();
    for number in 0..2 {
        let picture = image::GrayImage::from_fn(256, 256, |x, y| image::Luma([(x * 7 + y * 13) as u8]));
        picture.save(mics.join(format!("m{number}.png"))).unwrap();
    }
    let table = picks(dir.path(), "t.txt", 1.0);
    let (project, _) = import(dir.path(), "p", &["--micrographs", &text(&mics), "--picks", &table]);
    let out = dir.path().join("p.star");
    let said = ok(&["export", &project, "--format", "relion-star", "--out", &text(&out)]);
    for part in
        ["which RELION does not read", "voltage", "spherical aberration", "amplitude contrast", "pixel size"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let microscope =
        ["--voltage", "300", "--cs", "2.7", "--amplitude-contrast", "0.1", "--pixel-size", "1.77"];
    let all =
        [&["--format", "relion-star", "--micrograph-names", ".mrc", "--force"][..], &microscope].concat();
    let said = ok(&[&["export", &project, "--out", &text(&out)][..], &all].concat());
    assert!(!said.contains("note"), "{said}");
    let names = cells(&star(&out, "particles"), "rlnMicrographName");
    assert_eq!((names[0].as_str(), names[23].as_str()), ("m0.mrc", "m1.mrc"));
    let optics = star(&out, "optics");
    for (column, value) in [
        ("rlnVoltage", 300.0),
        ("rlnSphericalAberration", 2.7),
        ("rlnAmplitudeContrast", 0.1),
        ("rlnMicrographPixelSize", 1.77),
    ] {
        assert_eq!(cells(&optics, column)[0].parse::<f64>().unwrap(), value, "{column}");
    }
    // A list names each original; what it lacks is said.
    let list = text(dir.path().join("names.csv"));
    fs::write(&list, "m0.png,raw/first.mrc\n").unwrap();
    let again = ["export", &project, "--format", "relion-star", "--force", "--out", &text(&out)];
    let said = refused(&[&again[..], &["--micrograph-names", &list]].concat());
    assert!(said.contains("names.csv") && said.contains("m1.png"), "{said}");
    // What a source says stays: the header of these micrographs has 2 Å.
    let mrcs = micrographs(dir.path());
    let (project, _) = import(dir.path(), "mrc", &["--micrographs", &mrcs, "--picks", &table]);
    export(&project, &out, &all);
    assert_eq!(cells(&star(&out, "optics"), "rlnMicrographPixelSize")[0].parse::<f64>().unwrap(), 2.0);
    for (option, value) in [("--voltage", "0"), ("--amplitude-contrast", "2"), ("--pixel-size", "-1")] {
        let option = format!("{option}={value}");
        let said = refused(&[&again[..], &[option.as_str()]].concat());
        assert!(said.contains(value), "{option}: {said}");
    }
}

#[test]
fn a_stack_is_normalised_and_inverted_as_relion_wants_it() {
    let dir = tempfile::tempdir().unwrap();
    let (mics, table) = (micrographs(dir.path()), picks(dir.path(), "t.txt", 1.0));
    let (project, _) = import(dir.path(), "p", &["--micrographs", &mics, "--picks", &table]);
    let call = ["--format", "relion-star", "--what", "both", "--normalise", "--invert"];
    export(&project, &dir.path().join("s.star"), &call);
    let mut stack = mrc::open_stack(&dir.path().join("s.mrcs")).unwrap();
    assert_eq!((stack.reader.len(), stack.reader.size()), (24, 32));
    let mut patch = vec![0.0; 32 * 32];
    for index in 0..24 {
        stack.reader.read(index, &mut patch).unwrap();
        // RELION's background: what lies outside a circle of three quarters of the box.
        let (mut background, mut disc) = (Vec::new(), Vec::new());
        for (at, &value) in patch.iter().enumerate() {
            let radius = ((at % 32) as f64 - 16.0).hypot((at / 32) as f64 - 16.0);
            if radius > 12.0 {
                background.push(f64::from(value));
            } else if radius < 7.0 {
                disc.push(f64::from(value));
            }
        }
        let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
        let deviation = mean(&background.iter().map(|v| v * v).collect::<Vec<_>>()).sqrt();
        assert!(mean(&background).abs() < 1e-4 && (deviation - 1.0).abs() < 1e-4, "patch {index}");
        assert!(mean(&disc) > 1.0, "the dark disc of patch {index} has become light");
    }
    let said = refused(&["export", &project, "--format", "relion-star", "--normalise", "--out", "n.star"]);
    assert!(said.contains("no stack for RELION"), "{said}");
}

#[test]
fn a_coordinate_set_lists_a_file_for_every_micrograph() {
    let dir = tempfile::tempdir().unwrap();
    let (mics, table) = (micrographs(dir.path()), picks(dir.path(), "t.txt", 1.0));
    let (project, _) = import(dir.path(), "p", &["--micrographs", &mics, "--picks", &table]);
    let set = export(&project, &dir.path().join("set"), &["--format", "relion-coordinates"]);
    let list = star(Path::new(&set).join("autopick.star"), "coordinate_files");
    assert_eq!(cells(&list, "rlnMicrographName"), ["m0.mrc", "m1.mrc"]);
    for (number, file) in cells(&list, "rlnMicrographCoordinates").iter().enumerate() {
        let picks = open_picks(Path::new(file)).unwrap().picks;
        let found: Vec<(f64, f64)> = picks.iter().map(|p| (p.x, p.y)).collect();
        assert_eq!(found, centres(number));
        assert_eq!((picks[0].score, picks[1].score), (Some(0.9), Some(0.1)));
    }
    // It comes in again as it went out.
    let (back, _) = import(dir.path(), "back", &["--micrographs", &mics, "--picks", &set]);
    assert_eq!(places(&back, dir.path(), "down"), places(&project, dir.path(), "down"));
}

#[test]
fn a_subset_of_several_tables_is_a_file_for_each() {
    let dir = tempfile::tempdir().unwrap();
    let mics = micrographs(dir.path());
    let mut tables = Vec::new();
    for number in 0..2 {
        let job = dir.path().join(format!("Extract/job01{number}"));
        fs::create_dir_all(&job).unwrap();
        let mut rows =
            "# version 30001\n\ndata_particles\n\nloop_\n_rlnMicrographName #1\n_rlnCoordinateX #2\n\
                        _rlnCoordinateY #3\n_rlnSomething #4\n"
                .to_owned();
        for (at, (x, y)) in centres(number).into_iter().enumerate() {
            writeln!(rows, "m{number}.mrc {x:12.6} {y:12.6}   cell{at}").unwrap();
        }
        fs::write(job.join("particles.star"), rows).unwrap();
        tables.push(text(job.join("particles.star")));
    }
    let (project, _) = import(dir.path(), "p", &["--micrographs", &mics, "--picks", &tables[0], &tables[1]]);
    ok(&["label", &project, "negative", "--ids", "1-11,13,15-23"]);
    let subset = ["--format", "relion-subset"];
    let out = dir.path().join("kept.star");
    let out_text = text(&out);
    let call = [&["export", &project, "--out", &out_text][..], &subset].concat();
    let preview = json(&[&call[..], &["--dry-run"]].concat());
    let targets: Vec<String> =
        preview["targets"].as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned()).collect();
    let expected = ["kept_job010_particles.star", "kept_job011_particles.star", "kept.star.manifest.json"];
    assert_eq!(targets, expected.map(|name| text(dir.path().join(name))));
    ok(&call);
    for (number, kept) in [(0, vec!["cell0"]), (1, vec!["cell0", "cell2"])] {
        let before = fs::read_to_string(&tables[number]).unwrap();
        let wanted: String = before
            .split_inclusive('\n')
            .filter(|line| !line.contains("cell") || kept.iter().any(|k| line.trim_end().ends_with(k)))
            .collect();
        assert_eq!(fs::read_to_string(&targets[number]).unwrap(), wanted);
    }
    assert!(!out.exists());
    // Nothing is replaced unasked, and patches of one table alone need one file.
    assert!(refused(&call).contains("exists already"));
    ok(&["label", &project, "negative", "--ids", "0"]);
    let one = export(&project, &dir.path().join("one.star"), &subset);
    assert_eq!(fs::read_to_string(one).unwrap().matches("cell").count(), 2);
}

#[test]
fn records_of_cryosparc_go_back_byte_by_byte() {
    let dir = tempfile::tempdir().unwrap();
    let mics = micrographs(dir.path());
    let descr = "[('uid', '<u8'), ('location/micrograph_path', '|S6'), ('location/micrograph_shape', '<u4', (2,)), \
                 ('location/center_x_frac', '<f4'), ('location/center_y_frac', '<f4'), ('pick_stats/ncc_score', '<f4')]";
    let records: Vec<Vec<u8>> = (0..6u64)
        .map(|at| {
            let mut record = (u64::MAX - at).to_le_bytes().to_vec();
            record.extend(b"m0.mrc");
            record.extend([256u32, 256].map(u32::to_le_bytes).concat());
            record.extend([0.25 + 0.1 * at as f32, 0.5, 0.1 * at as f32].map(f32::to_le_bytes).concat());
            record
        })
        .collect();
    let file = |count: usize, records: &[u8]| {
        let mut head = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': ({count},), }}");
        while (head.len() + 11) % 64 != 0 {
            head.push(' ');
        }
        head.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((head.len() as u16).to_le_bytes());
        [bytes, head.into_bytes(), records.to_vec()].concat()
    };
    let picked = text(dir.path().join("picked.cs"));
    fs::write(&picked, file(6, &records.concat())).unwrap();
    let (project, _) = import(dir.path(), "p", &["--micrographs", &mics, "--picks", &picked]);
    assert_eq!(labels(&project), [6, 0, 0]);
    ok(&["label", &project, "negative", "--ids", "1,2,4"]);
    let out = export(&project, &dir.path().join("kept.cs"), &["--format", "cryosparc-cs"]);
    let kept = [&records[0][..], &records[3], &records[5]].concat();
    let written = fs::read(&out).unwrap();
    assert!(written.ends_with(&kept));
    assert!(String::from_utf8_lossy(&written).contains("'shape': (3,)"));
    assert_eq!(open_picks(Path::new(&out)).unwrap().picks.len(), 3);
    // Patches of other files are no records of it.
    let table = picks(dir.path(), "t.txt", 1.0);
    let (other, _) = import(dir.path(), "other", &["--micrographs", &mics, "--picks", &table]);
    let said = refused(&["export", &other, "--format", "cryosparc-cs", "--out", "x.cs"]);
    assert!(said.contains("a cryoSPARC .cs file") && said.contains("cryosparc-star"), "{said}");
}
