//! STAR and cryoSPARC tables, written and read.

use std::path::Path;

use vitrine_core::formats::detect::{Kind, detect, open_patches, open_picks};
use vitrine_core::formats::relion::{self, DropReason, Flavour, Particle, StarOptions};
use vitrine_core::formats::star::{StarFile, StarWriter};
use vitrine_core::formats::{Dataset, cryosparc};
use vitrine_core::{Error, Label};

use crate::make;

/// First pixel of every patch.
fn first_pixels(set: &mut Dataset) -> Vec<f32> {
    let side = set.reader.size();
    (0..set.reader.len())
        .map(|i| {
            let mut out = vec![0.0; side * side];
            set.reader.read(i, &mut out).unwrap();
            out[0]
        })
        .collect()
}

#[test]
fn star_syntax() {
    let text = "\u{feff}# version 50001\r\n\r\ndata_general\r\n_rlnTitle 'two words' # said\r\n_rlnEmpty\r\n\
                data_particles\r\n\r\nloop_\r\n_rlnA #1 [unit]\r\n_rlnB\r\n\r\n 000001 \"x y\" # remark\r\n\
                # between\r\n\t2 it's\r\ndata_last\r\n loop_ # again\r\n_rlnC\r\n5\r\nloop_\r\n_rlnD\r\n6\r\n";
    let star = StarFile::parse(Path::new("a.star"), text.into()).unwrap();
    assert_eq!(star.version, Some(50001));
    let names: Vec<_> = star.blocks.iter().map(|b| b.name.as_str()).collect();
    assert_eq!(names, ["general", "particles", "last", "last"]);
    assert_eq!(star.blocks[0].values[0], ("rlnTitle".to_owned(), "two words".to_owned()));
    assert_eq!(star.blocks[0].values[1].1, "");
    assert_eq!(star.blocks[0].as_table().unwrap().row(0), ["two words", ""]);
    let table = star.table("particles").unwrap();
    assert_eq!((table.row(0), table.line(0)), (vec!["000001", "x y"], 12));
    assert_eq!((table.row(1), table.line(1)), (vec!["2", "it's"], 14));
    assert!(table.row(2).is_empty());
}

#[test]
fn star_values_survive_writing() {
    let values =
        ["plain", "", "two words", "it's", "'quoted' here", "#x", "_y", "data_z", "loop_", "say \"a b\""];
    let columns: Vec<String> = (0..values.len()).map(|i| format!("rln{i}")).collect();
    let mut star = StarWriter::new(Vec::new(), Path::new("a.star"));
    star.table("x", &columns).unwrap();
    star.row(values).unwrap();
    assert!(star.row(["one"]).is_err());
    assert!(star.row(values.map(|_| "line\nend")).is_err());
    assert!(star.row(values.map(|_| "both ' and \" here")).is_err());
    let bytes = star.finish().unwrap();
    let read = StarFile::parse(Path::new("a.star"), bytes).unwrap();
    assert_eq!(read.table("x").unwrap().row(0), values);
}

/// A RELION project: stack under the root, table two folders below it.
fn project(folder: &Path) -> std::path::PathBuf {
    make::file(folder, "Extract/job1/a.mrcs", make::float_stack(4, 2));
    make::file(folder, "Extract/job1/b.mrcs", make::gzip(&make::float_stack(4, 3)));
    make::file(
        folder,
        "Select/job2/particles.star",
        "# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnOpticsGroupName #2\n_rlnVoltage #3\n\
         _rlnImagePixelSize #4\n_rlnMicrographPixelSize #5\n_rlnMicrographOriginalPixelSize #6\n7 high 300 2.5 1.25 0.625\n3 low 200 2.5 1.25 0.625\n\n\
         # version 30001\n\ndata_particles\n\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnImageName\n_rlnMicrographName\n\
         _rlnOpticsGroup\n_rlnDefocusU\n_rlnOriginXAngst\n\
         10.5 20 000002@Extract/job1/a.mrcs mics/a.mrc 7 12000.5 -1.5\n\
         30 40.25 3@Extract/job1/b.mrcs mics/b.mrc 3 13000 0\n",
    )
}

#[test]
fn relion_31_particles() {
    let folder = tempfile::tempdir().unwrap();
    let path = project(folder.path());
    assert_eq!(detect(&path).unwrap().kind, Kind::PatchesAndPicks);
    let mut set = open_patches(&path).unwrap();
    assert_eq!(set.kind.to_string(), "RELION 3.1 particles");
    assert_eq!((set.pixel_size, set.micrograph_pixel_size), (Some(2.5), Some(1.25)));
    assert_eq!(first_pixels(&mut set), [100.0, 200.0]);
    let info = set.reader.info(1);
    assert_eq!(
        (info.xy, info.micrograph.as_deref(), info.optics),
        (Some((30.0, 40.25)), Some("mics/b.mrc"), Some(1))
    );
    assert_eq!(info.columns["rlnDefocusU"], "13000");
    assert_eq!(set.reader.info(0).columns["rlnOriginXAngst"], "-1.5");
    assert!(!info.columns.contains_key("rlnCoordinateX"));
    assert_eq!(set.optics[0].columns["rlnVoltage"], "300");
    let picks = open_picks(&path).unwrap();
    assert_eq!((picks.picks[1].x, picks.picks[1].y), (30.0, 40.25));
    assert_eq!(picks.picks[1].columns["rlnOpticsGroup"], "3");
    assert_eq!(picks.pixel_size, Some(1.25));
}

#[test]
fn an_exported_table_carries_everything_over() {
    let folder = tempfile::tempdir().unwrap();
    let set = open_patches(&project(folder.path())).unwrap();
    let labels = [Label::Positive, Label::Negative];
    make::file(folder.path(), "out/stack.mrcs", make::float_stack(4, 2));
    let mut particle = |i: usize| {
        let mut info = set.reader.info(1 - i);
        info.label = Some(labels[i]);
        Ok(Particle { info, score: Some(0.25), image: Some(("out/stack.mrcs".to_owned(), i)) })
    };
    let options = StarOptions { image_pixel_size: Some(5.0), image_size: Some(4), ..StarOptions::default() };
    let path = folder.path().join("out/particles.star");
    let mut out = Vec::new();
    let written = relion::write_star(&mut out, &path, &set.optics, 2, &mut particle, options).unwrap();
    assert_eq!((written.rows, written.left_out), (2, vec![]));
    std::fs::write(&path, out).unwrap();
    let mut again = relion::open(&path).unwrap();
    assert_eq!(first_pixels(&mut again), [0.0, 100.0]);
    assert_eq!((again.pixel_size, again.micrograph_pixel_size), (Some(5.0), Some(1.25)));
    for (i, label) in labels.into_iter().enumerate() {
        let (old, new) = (set.reader.info(1 - i), again.reader.info(i));
        assert_eq!((new.xy, &new.micrograph, new.label), (old.xy, &old.micrograph, Some(label)));
        assert_eq!(new.columns["rlnDefocusU"], old.columns["rlnDefocusU"]);
        assert_eq!(new.columns["vitrineScore"], "0.25");
        // Groups are renumbered in the order in which they appear, and keep what they say.
        assert_eq!(new.optics, Some(i));
        let (old, new) = (&set.optics[old.optics.unwrap()], &again.optics[i]);
        assert_eq!(new.columns["rlnOpticsGroup"], (i + 1).to_string());
        assert_eq!(new.columns["rlnVoltage"], old.columns["rlnVoltage"]);
        assert_eq!(new.columns["rlnOpticsGroupName"], old.columns["rlnOpticsGroupName"]);
    }
    let cs = StarOptions { flavour: Flavour::CryoSparc, ..options };
    let mut out = Vec::new();
    relion::write_star(&mut out, &path, &set.optics, 2, &mut particle, cs).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        !text.contains("vitrine") && text.contains("_rlnDefocusU") && text.contains("_rlnImageName"),
        "{text}"
    );
}

#[test]
fn positions_alone_make_a_table_and_gaps_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let picks =
        open_picks(&make::file(folder.path(), "a.csv", "micrograph,x,y,tag\na,1,2,k\nb,3,4,\n")).unwrap();
    let path = folder.path().join("a.star");
    let mut particle = |i: usize| {
        let pick = &picks.picks[i];
        let mut particle = Particle::default();
        particle.info.micrograph = pick.micrograph.clone();
        particle.info.xy = Some((pick.x, pick.y));
        particle.info.columns = pick.columns.clone();
        Ok(particle)
    };
    let options = StarOptions { micrograph_pixel_size: Some(1.5), ..StarOptions::default() };
    let mut out = Vec::new();
    let written = relion::write_star(&mut out, &path, &[], 2, &mut particle, options).unwrap();
    assert_eq!(written.left_out.len(), 1);
    assert_eq!(written.left_out[0].column, "tag");
    // One of the two picks has none.
    assert_eq!(written.left_out[0].reason, DropReason::Particles(1));
    std::fs::write(&path, &out).unwrap();
    let again = open_picks(&path).unwrap();
    assert_eq!(again.pixel_size, Some(1.5));
    assert_eq!(again.optics[0].columns["rlnOpticsGroupName"], "opticsGroup1");
    let places: Vec<_> = again.picks.iter().map(|p| (p.micrograph.as_deref().unwrap(), p.x, p.y)).collect();
    assert_eq!(places, [("a", 1.0, 2.0), ("b", 3.0, 4.0)]);
    let mut nowhere = |_| Ok(Particle::default());
    assert!(relion::write_star(Vec::new(), &path, &[], 1, &mut nowhere, options).is_err());
    assert!(relion::write_star(Vec::new(), &path, &[], 0, &mut nowhere, options).is_err());
}

#[test]
fn relion_30_shifts_become_angstrom() {
    let folder = tempfile::tempdir().unwrap();
    make::file(folder.path(), "a.mrcs", make::float_stack(4, 1));
    let path = make::file(
        folder.path(),
        "a.star",
        "data_\nloop_\n_rlnImageName\n_rlnVoltage\n_rlnMagnification\n_rlnDetectorPixelSize\n_rlnOriginX\n\
         1@a.mrcs 300 25000 5 -1.5\n",
    );
    let set = relion::open(&path).unwrap();
    assert_eq!(set.pixel_size, Some(2.0), "5 µm / 25000");
    assert_eq!(set.kind.to_string(), "RELION 3.0 particles");
    let mut particle =
        |i| Ok(Particle { info: set.reader.info(i), score: None, image: Some(("a.mrcs".into(), 0)) });
    let mut out = Vec::new();
    relion::write_star(&mut out, &path, &set.optics, 1, &mut particle, StarOptions::default()).unwrap();
    let star = StarFile::parse(&path, out).unwrap();
    let table = star.table("particles").unwrap();
    assert_eq!(table.row(0)[table.column("rlnOriginXAngst").unwrap()], "-3");
    assert!(table.column("rlnOriginX").is_none());
    let optics = star.table("optics").unwrap();
    assert_eq!(optics.row(0)[optics.column("rlnImagePixelSize").unwrap()], "2");
    assert_eq!(optics.row(0)[optics.column("rlnVoltage").unwrap()], "300");
}

#[test]
fn picks_of_one_micrograph_and_lists_of_such_files() {
    let folder = tempfile::tempdir().unwrap();
    let single = make::file(
        folder.path(),
        "AutoPick/job3/m/a_autopick.star",
        "data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnAutopickFigureOfMerit #3\n5 6 0.5\n",
    );
    let table = open_picks(&single).unwrap();
    assert_eq!((table.picks[0].micrograph.as_deref(), table.picks[0].score), (None, Some(0.5)));
    let list = |file: &str| {
        format!(
            "data_coordinate_files\n\nloop_\n_rlnMicrographName\n_rlnMicrographCoordinates\nm/a.mrc {file}\n"
        )
    };
    let path =
        make::file(folder.path(), "AutoPick/job3/autopick.star", list("AutoPick/job3/m/a_autopick.star"));
    let table = open_picks(&path).unwrap();
    assert_eq!((table.picks[0].micrograph.as_deref(), table.picks[0].x), (Some("m/a.mrc"), 5.0));
    let itself = make::file(folder.path(), "self.star", list("self.star"));
    assert!(open_picks(&itself).unwrap_err().to_string().contains("within such a list"));
}

#[test]
fn cryosparc_particles() {
    let folder = tempfile::tempdir().unwrap();
    make::file(folder.path(), "two.mrcs", make::float_stack(4, 2));
    let path = make::file(folder.path(), "J1/particles.cs", make::two_particles());
    assert_eq!(detect(&path).unwrap().kind, Kind::PatchesAndPicks);
    let mut set = open_patches(&path).unwrap();
    assert_eq!(first_pixels(&mut set), [100.0, 0.0]);
    assert_eq!(set.pixel_size, Some(1.1));
    let info = set.reader.info(0);
    // A quarter of 100 columns, half of 50 rows.
    assert_eq!((info.xy, info.micrograph.as_deref()), (Some((25.0, 25.0)), Some("m/a.mrc")));
    assert_eq!(info.columns["uid"], (u64::MAX - 1).to_string());
    assert_eq!(info.columns["ctf/df1_A"], "12000.5");
    assert_eq!(info.columns["location/micrograph_shape"], "50,100");
    assert_eq!(set.optics[0].columns["rlnVoltage"], "300");
    let picks = cryosparc::open_picks(&path).unwrap();
    assert_eq!((picks.picks[1].x, picks.picks[1].micrograph.as_deref()), (25.0, Some("m/b.mrc")));

    let mut particle = |i: usize| -> Result<Particle, Error> {
        Ok(Particle { info: set.reader.info(i), score: None, image: None })
    };
    let mut out = Vec::new();
    let options = StarOptions { flavour: Flavour::CryoSparc, ..StarOptions::default() };
    let written = relion::write_star(&mut out, &path, &set.optics, 2, &mut particle, options).unwrap();
    let star = StarFile::parse(&path, out).unwrap();
    let table = star.table("particles").unwrap();
    let cell = |name: &str| table.row(0)[table.column(name).unwrap()].to_owned();
    assert_eq!(cell("rlnDefocusU"), "12000.5");
    assert!((cell("rlnDefocusAngle").parse::<f64>().unwrap() - 180.0).abs() < 1e-4);
    let shape = written.left_out.iter().find(|dropped| dropped.column == "location/micrograph_shape");
    assert_eq!(shape.unwrap().reason, DropReason::NoCounterpart);
}
