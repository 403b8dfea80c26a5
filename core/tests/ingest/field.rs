//! Files as people have them: nested folders, twins of a micrograph, scores, picks of reduced images, broken
//! micrographs, RELION's projects. Positions and pixels are known; nothing here is written by our own
//! writers.

use std::fmt::Write as _;
use std::path::PathBuf;

use vitrine_core::ingest::BelowMinScore;

use super::*;

/// A micrograph of 32-bit numbers with 1.5 Å a px, whose pixel at column x and row y is x + 1000 y.
pub fn micrograph(path: &Path, width: usize, height: usize) {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x + 1000 * y) as f32));
    write_mrc(path, width, height, 1, &pixels.flat_map(f32::to_le_bytes).collect::<Vec<u8>>());
}

/// The header of MRC2014, byte by byte, and the data.
fn write_mrc(path: &Path, width: usize, height: usize, sections: usize, data: &[u8]) {
    let mut bytes = vec![0u8; 1024];
    let mut put = |word: usize, value: [u8; 4]| bytes[4 * word..4 * word + 4].copy_from_slice(&value);
    for (word, value) in [(0, width), (1, height), (2, sections), (3, 2), (7, width), (8, height), (9, 1)] {
        put(word, (value as i32).to_le_bytes());
    }
    for (word, value) in [(10, width as f32 * 1.5), (11, height as f32 * 1.5), (12, 1.5)] {
        put(word, value.to_le_bytes());
    }
    bytes[208..212].copy_from_slice(b"MAP ");
    bytes[212..214].copy_from_slice(&[0x44, 0x44]);
    bytes.extend_from_slice(data);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn write(path: &Path, text: &str) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    path.to_owned()
}

/// The file names of a list of paths.
fn names<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Vec<String> {
    paths.into_iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

fn cut(micrographs: PathBuf, picks: PathBuf) -> IngestRequest {
    IngestRequest {
        micrographs: vec![micrographs],
        picks: vec![picks],
        box_size: Some(16),
        ..IngestRequest::default()
    }
}

#[test]
fn of_several_versions_of_a_micrograph_one_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mics = dir.path().join("MotionCorr");
    // RELION: the plain one is dose-weighted where a _noDW lies beside it.
    for name in ["a.mrc", "a_noDW.mrc", "a_EVN.mrc", "a_ODD.mrc", "a_PS.mrc"] {
        micrograph(&mics.join("job002/Movies").join(name), 64, 48);
    }
    // cryoSPARC and MotionCor2.
    for name in [
        "000000000007_b_patch_aligned.mrc",
        "000000000007_b_patch_aligned_doseweighted.mrc",
        "000000000007_b_background.mrc",
    ] {
        micrograph(&mics.join("J2").join(name), 64, 48);
    }
    micrograph(&mics.join("mc2/c.mrc"), 64, 48);
    micrograph(&mics.join("mc2/c_DW.mrc"), 64, 48);
    std::fs::write(mics.join("mc2/c.png"), b"\x89PNG not a whole picture").unwrap();
    // A name that only looks like a power spectrum is a micrograph.
    micrograph(&mics.join("other/reaction_PS.mrc"), 64, 48);
    // A movie whose average is there, a stack, a gain reference.
    write_mrc(&mics.join("raw/a_Fractions.mrc"), 8, 6, 3, &[0; 3 * 8 * 6 * 4]);
    write_mrc(&mics.join("x/d.mrcs"), 8, 8, 2, &[0; 2 * 8 * 8 * 4]);
    micrograph(&mics.join("gain.mrc"), 64, 48);
    let picks = write(&dir.path().join("picks.csv"), "micrograph,x,y\na,30,20\nb,30,20\nc,30,20\n");
    let seen = look(&cut(mics, picks)).unwrap();
    assert_eq!(
        names(seen.micrographs.iter().map(|m| &m.path)),
        ["000000000007_b_patch_aligned_doseweighted.mrc", "a.mrc", "c_DW.mrc", "reaction_PS.mrc"]
    );
    assert_eq!(seen.labels.positive, 3);
    let reasons: Vec<(String, &str)> =
        seen.left_out.iter().map(|l| (names([&l.path]).remove(0), l.reason.as_str())).collect();
    for (name, says) in [
        ("a_noDW.mrc", "not dose-weighted, a.mrc is taken"),
        ("a_EVN.mrc", "even frames of a.mrc"),
        ("a_ODD.mrc", "odd frames of a.mrc"),
        ("a_PS.mrc", "power spectrum of a.mrc"),
        ("000000000007_b_patch_aligned.mrc", "not dose-weighted"),
        ("000000000007_b_background.mrc", "background"),
        ("c.mrc", "c_DW.mrc is another version"),
        ("c.png", "c_DW.mrc is another version"),
        ("a_Fractions.mrc", "a movie, and its average is taken"),
        ("d.mrcs", "stack of particle images"),
        ("gain.mrc", "gain reference"),
    ] {
        assert!(reasons.iter().any(|(n, r)| n == name && r.contains(says)), "{name}: {reasons:?}");
    }
    assert_eq!(reasons.len(), 11, "{reasons:?}");
}

#[test]
fn every_bad_micrograph_is_named_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mics = dir.path().join("mics");
    micrograph(&mics.join("good_1.mrc"), 64, 48);
    micrograph(&mics.join("good_2.mrc"), 64, 48);
    let whole = std::fs::read(mics.join("good_1.mrc")).unwrap();
    std::fs::write(mics.join("cut.mrc"), &whole[..5000]).unwrap();
    std::fs::write(mics.join("empty.mrc"), b"").unwrap();
    write_mrc(&mics.join("movie.mrc"), 8, 6, 3, &[0; 3 * 8 * 6 * 4]);
    let mut broken = whole.clone();
    broken[2000..2004].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(mics.join("nan.mrc"), broken).unwrap();
    let boxes = dir.path().join("boxes");
    for name in ["good_1", "cut", "empty", "movie", "nan"] {
        write(&boxes.join(format!("{name}.box")), "10 10 16 16\n30 20 16 16\n");
    }
    write(&boxes.join("good_2.box"), "");
    write(&boxes.join("torn.box"), "10 10 16 16\nhello world\n");
    let request = cut(mics, boxes);
    let seen = look(&request).unwrap();
    assert_eq!((seen.labels.positive, seen.unmatched.len()), (2, 0), "{seen:?}");
    let bad: Vec<(String, &str, usize)> =
        seen.bad.iter().map(|b| (names([&b.path]).remove(0), b.reason.as_str(), b.picks)).collect();
    for (name, says) in [
        ("cut.mrc", "ends after 0 of them"),
        ("empty.mrc", "1024"),
        ("movie.mrc", "3 sections, a micrograph has one"),
        ("nan.mrc", "NaN at column 52, row 3"),
    ] {
        assert!(
            bad.iter().any(|(n, r, picks)| n == name && r.contains(says) && *picks == 2),
            "{name}: {bad:?}"
        );
    }
    assert_eq!(bad.len(), 4);
    assert!(seen.left_out.iter().any(|l| l.reason.contains("line 2 has 'hello'")), "{:?}", seen.left_out);
    assert_eq!(seen.pick_files[0].without_picks, 1);

    let mut project = project(dir.path());
    let text = bring(&mut project, &request).unwrap_err().to_string();
    assert!(
        text.contains("4 of 6 micrographs cannot be used") && text.contains("movie.mrc: it holds 3"),
        "{text}"
    );
    assert!(project.is_empty());
    let pool =
        Some(PoolRequest { count: Some(PoolCount::PerMicrograph(2)), ..PoolRequest::new(PoolFrom::Random) });
    let done = bring(&mut project, &IngestRequest { skip_bad: true, pool, ..request }).unwrap();
    assert_eq!((done.labels, done.found.bad.len()), (counts(2, 4, 0), 4));
    // The micrograph without picks gave to the pool.
    let good: Vec<(&str, usize)> = done.found.micrographs.iter().map(|m| (m.name.as_str(), m.pool)).collect();
    assert_eq!(good, [("good_1.mrc", 2), ("good_2.mrc", 2)]);
}

#[test]
fn only_bad_micrographs_are_an_error_even_when_they_may_be_left_out() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("m")).unwrap();
    std::fs::write(dir.path().join("m/a.mrc"), b"").unwrap();
    std::fs::write(dir.path().join("m/b.mrc"), b"").unwrap();
    let picks = write(&dir.path().join("p.csv"), "micrograph,x,y\na,30,20\n");
    let request = IngestRequest { skip_bad: true, ..cut(dir.path().join("m"), picks) };
    let text = sentence(look(&request));
    assert!(text.contains("2 of 2 micrographs cannot be used"), "{text}");
}

#[test]
fn weak_picks_stay_out_or_become_unlabeled() {
    let dir = tempfile::tempdir().unwrap();
    micrograph(&dir.path().join("m/a.mrc"), 200, 200);
    let mut table = "image_name\tx_coord\ty_coord\tscore\n".to_owned();
    for i in 0..8 {
        writeln!(table, "a\t{}\t50\t{}", 20 + 20 * i, i as f64 - 4.0).unwrap();
    }
    let request = cut(dir.path().join("m"), write(&dir.path().join("topaz.txt"), &table));
    let seen = inspect_with_patches(&request, None, 4, &mut go_on).unwrap();
    assert_eq!(seen.preview.labels, counts(8, 0, 0));
    let warned = |p: &ImportPreview| p.warnings.iter().any(|w| w.text.contains("from -4 to 3"));
    assert!(warned(&seen.preview), "{:?}", seen.preview.warnings);
    let scores = seen.preview.scores.as_ref().unwrap();
    assert_eq!((scores.count, scores.lowest, scores.highest), (8, -4.0, 3.0));
    assert_eq!((scores.from(0.0), scores.from(0.5), scores.histogram(7)), (4, 3, vec![1, 1, 1, 1, 1, 1, 2]));

    let above = IngestRequest { min_score: Some(0.0), ..request.clone() };
    let seen = inspect_with_patches(&above, None, 4, &mut go_on).unwrap();
    assert_eq!((seen.preview.labels, seen.preview.below_min_score), (counts(4, 0, 0), 4));
    assert!(!warned(&seen.preview));
    // Beside the threshold: 0 and up, -1 and down.
    let scores = |patches: &[vitrine_core::ingest::SeenPatch]| -> Vec<f64> {
        patches.iter().filter_map(|p| p.score).collect()
    };
    assert_eq!(scores(&seen.just_above), [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(scores(&seen.just_below), [-1.0, -2.0, -3.0, -4.0]);
    // The patch with score -1 lies at x = 80, y = 50; RELION's box begins 8 px before.
    assert_eq!(seen.just_below[0].pixels[0], (72 + 1000 * 42) as f32);

    let mut project = project(dir.path());
    let unlabeled = IngestRequest { below_min_score: BelowMinScore::Unlabeled, ..above };
    assert_eq!(bring(&mut project, &unlabeled).unwrap().labels, counts(4, 4, 0));
    // The picker's score stays with the patch.
    let rows = project.patches(0..8).unwrap();
    let kept: Vec<f64> = rows.iter().filter_map(|r| r.pick_score).collect();
    assert_eq!(kept, [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
    assert_eq!(rows[4].label, Label::Positive);

    // Rows whose file gives the label are taken at its word.
    let own = "micrograph,x,y,label,score\na,40,120,positive,-9\na,80,120,,-9\na,120,120,,9\n";
    let own = IngestRequest {
        min_score: Some(0.0),
        ..cut(dir.path().join("m"), write(&dir.path().join("o.csv"), own))
    };
    assert_eq!(look(&own).unwrap().labels, counts(2, 0, 0));
    let text = sentence(look(&IngestRequest { min_score: Some(f64::NAN), ..own }));
    assert!(text.contains("lowest score"), "{text}");
}

#[test]
fn picks_of_a_reduced_image_are_noticed_and_scaled() {
    let dir = tempfile::tempdir().unwrap();
    micrograph(&dir.path().join("m/a.mrc"), 400, 400);
    let place = |i: usize| (14 + 15 * (i % 5), 12 + 16 * (i / 5));
    let table = |factor: f64| {
        let rows: String = (0..25)
            .map(|i| {
                let (x, y) = place(i);
                format!("a,{},{}\n", x as f64 * factor, y as f64 * factor)
            })
            .collect();
        format!("micrograph,x,y\n{rows}")
    };
    let request = cut(dir.path().join("m"), write(&dir.path().join("small.csv"), &table(1.0)));
    let seen = look(&request).unwrap();
    assert!(
        seen.warnings
            .iter()
            .any(|w| w.text.contains("in one corner") && w.remedy == Some(Remedy::ScalePicks(5.0))),
        "{:?}",
        seen.warnings
    );
    let scaled = IngestRequest { picks_scale: Some(5.0), ..request.clone() };
    let seen = look(&scaled).unwrap();
    assert!(!seen.warnings.iter().any(|w| w.text.contains("corner")), "{:?}", seen.warnings);
    let mut project = project(dir.path());
    bring(&mut project, &scaled).unwrap();
    assert_eq!(project.patch(7).unwrap().place.xy, Some((5.0 * 44.0, 5.0 * 28.0)));
    // The factor is that of the file, whatever the picks were multiplied by already.
    let halved = look(&IngestRequest { picks_scale: Some(0.5), ..request.clone() }).unwrap();
    let remedies = halved.warnings.into_iter().filter_map(|w| w.remedy);
    assert!(remedies.into_iter().any(|remedy| remedy == Remedy::ScalePicks(5.0)));
    // Twice too large: outside is another thing than near an edge.
    let large = cut(dir.path().join("m"), write(&dir.path().join("large.csv"), &table(10.0)));
    let seen = look(&large).unwrap();
    let outside = (0..25).filter(|&i| place(i).0 > 40 || place(i).1 > 40).count();
    assert_eq!((seen.outside, seen.micrographs[0].outside), (outside, outside));
    assert!(
        seen.warnings.iter().any(|w| {
            w.text.contains("outside their micrographs") && w.remedy == Some(Remedy::ScalePicks(0.5))
        }),
        "{:?}",
        seen.warnings
    );
    let text = sentence(look(&IngestRequest { picks_scale: Some(0.0), ..request }));
    assert!(text.contains("scaled by 0"), "{text}");
}

#[test]
fn the_diameter_of_the_particle_is_no_box() {
    let dir = tempfile::tempdir().unwrap();
    micrograph(&dir.path().join("m/mic_01.mrc"), 400, 400);
    let text =
        "Micrographs Filename,X-Coordinate,Y-Coordinate,Diameter,Class Number\nmic_01.mrc,120,150,60,2\n";
    let picks = write(&dir.path().join("cryoppp.csv"), text);
    let request = IngestRequest { box_size: None, ..cut(dir.path().join("m"), picks.clone()) };
    let said = sentence(look(&request));
    assert!(said.contains("diameter of the particle, 60 px") && said.contains("106 px"), "{said}");
    let seen = look(&IngestRequest { box_size: Some(106), ..request }).unwrap();
    assert_eq!((seen.labels.positive, seen.unmatched.len()), (1, 0));
    assert!(seen.warnings.iter().any(|w| w.text.contains("counted from the bottom")), "{:?}", seen.warnings);
    let found = recognise(&[dir.path().join("m"), picks], &mut go_on).unwrap();
    let proposed = proposal(&found);
    assert_eq!((proposed.box_size, proposed.pool.unwrap().diameter), (Some(106), Some(60.0)));
}

#[test]
fn shifts_of_a_refinement_move_the_centres_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    micrograph(&dir.path().join("m/a.mrc"), 100, 100);
    // RELION: the new centre is the old one less the origin; 1.5 Å a px.
    let star = "data_\n\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnOriginXAngst\n_rlnOriginYAngst\n\
                a.mrc 50 40 6.0 -3.0\na.mrc 70 70 0 0\n";
    let request = cut(dir.path().join("m"), write(&dir.path().join("p.star"), star));
    let seen = look(&request).unwrap();
    assert!(
        seen.warnings.iter().any(|w| w.text.contains("1 picks have shifts") && w.text.contains("4.5 px")),
        "{:?}",
        seen.warnings
    );
    let mut project = project(dir.path());
    bring(&mut project, &IngestRequest { recenter: true, ..request }).unwrap();
    let row = project.patch(0).unwrap();
    assert_eq!(row.place.xy, Some((46.0, 42.0)));
    assert_eq!(
        (row.columns["rlnOriginXAngst"].as_str(), row.columns["rlnOriginYAngst"].as_str()),
        ("0", "0")
    );
}

#[test]
fn shifts_of_relion_3_0_and_cryosparc_count_in_px_of_the_particle_image() {
    let dir = tempfile::tempdir().unwrap();
    micrograph(&dir.path().join("m/a.mrc"), 100, 100);
    // 15 µm at 50,000 times are 3 Å, twice the 1.5 Å of the micrograph: 2 px of the image are 4 there.
    let star = "data_\n\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnOriginX\n_rlnOriginY\n\
                _rlnMagnification\n_rlnDetectorPixelSize\na.mrc 50 40 2 -1 50000 15\n";
    let request = IngestRequest {
        recenter: true,
        ..cut(dir.path().join("m"), write(&dir.path().join("p.star"), star))
    };
    let mut project = project(dir.path());
    bring(&mut project, &request).unwrap();
    assert_eq!(project.patch(0).unwrap().place.xy, Some((46.0, 42.0)));
}

#[test]
fn fractions_of_cryosparc_are_of_the_micrograph_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    micrograph(&dir.path().join("m/a.mrc"), 64, 48);
    // The job saw 96 rows and 128 columns; the file has half of each.
    let descr = "[('uid', '<u8'), ('location/micrograph_path', '|S5'), ('location/micrograph_shape', '<u4', (2,)), \
                 ('location/center_x_frac', '<f4'), ('location/center_y_frac', '<f4'), ('pick_stats/ncc_score', '<f4')]";
    let mut text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}");
    while (text.len() + 11) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(&7u64.to_le_bytes());
    bytes.extend_from_slice(b"a.mrc");
    for side in [96u32, 128] {
        bytes.extend_from_slice(&side.to_le_bytes());
    }
    for value in [0.5f32, 0.25, 0.75] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    let picks = dir.path().join("picks.cs");
    std::fs::write(&picks, bytes).unwrap();
    let request = cut(dir.path().join("m"), picks);
    let seen = look(&request).unwrap();
    assert!(
        seen.warnings.iter().any(|w| w.text.contains("128 × 96 px") && w.text.contains("64 × 48 px")),
        "{:?}",
        seen.warnings
    );
    let mut project = project(dir.path());
    bring(&mut project, &request).unwrap();
    let row = project.patch(0).unwrap();
    assert_eq!((row.place.xy, row.pick_score), (Some((32.0, 12.0)), Some(0.75)));
}

/// A RELION project: two micrographs with defocus, picks on the first, a zero-byte file for the second.
fn relion_project(root: &Path) {
    let movies = root.join("MotionCorr/job002/Movies");
    for name in ["f_1", "f_2"] {
        micrograph(&movies.join(format!("{name}_Fractions.mrc")), 64, 48);
        write(
            &movies.join(format!("{name}_Fractions.star")),
            "data_general\n\n_rlnImageSizeX 64\n_rlnMicrographMovieName Movies/f.tiff\n",
        );
    }
    micrograph(&movies.join("f_1_Fractions_PS.mrc"), 32, 32);
    write(
        &root.join("CtfFind/job003/micrographs_ctf.star"),
        "data_optics\n\nloop_\n_rlnOpticsGroupName #1\n_rlnOpticsGroup #2\n_rlnMicrographOriginalPixelSize #3\n\
         _rlnVoltage #4\n_rlnMicrographPixelSize #5\nopticsGroup1 1 0.655 300 1.31\n\ndata_micrographs\n\nloop_\n\
         _rlnMicrographName #1\n_rlnOpticsGroup #2\n_rlnDefocusU #3\n\
         MotionCorr/job002/Movies/f_1_Fractions.mrc 1 12000\nMotionCorr/job002/Movies/f_2_Fractions.mrc 1 12500\n",
    );
    let job = root.join("AutoPick/job005");
    write(
        &job.join("Movies/f_1_Fractions_autopick.star"),
        "data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnAutopickFigureOfMerit #3\n20 20 0.5\n40 24 0.75\n",
    );
    write(&job.join("Movies/f_2_Fractions_autopick.star"), "");
    write(
        &job.join("autopick.star"),
        "data_coordinate_files\n\nloop_\n_rlnMicrographName #1\n_rlnMicrographCoordinates #2\n\
         MotionCorr/job002/Movies/f_1_Fractions.mrc AutoPick/job005/Movies/f_1_Fractions_autopick.star\n\
         MotionCorr/job002/Movies/f_2_Fractions.mrc AutoPick/job005/Movies/f_2_Fractions_autopick.star\n",
    );
}

#[test]
fn a_relion_project_is_taken_by_its_tables_its_jobs_or_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("relion");
    relion_project(&root);
    let table = root.join("CtfFind/job003/micrographs_ctf.star");
    let whole = IngestRequest {
        inputs: vec![root.clone()],
        box_size: Some(16),
        pool: Some(PoolRequest {
            count: Some(PoolCount::PerMicrograph(2)),
            ..PoolRequest::new(PoolFrom::Random)
        }),
        ..IngestRequest::default()
    };
    let by = |micrographs: PathBuf, picks: &str| IngestRequest {
        inputs: Vec::new(),
        micrographs: vec![micrographs],
        picks: vec![root.join(picks)],
        ..whole.clone()
    };
    for (at, (request, pixel_size)) in [
        (whole.clone(), 1.31),
        (by(table.clone(), "AutoPick/job005/autopick.star"), 1.31),
        (by(table.clone(), "AutoPick/job005"), 1.31),
        (by(root.join("CtfFind/job003"), "AutoPick/job005"), 1.31),
        (by(root.join("MotionCorr/job002"), "AutoPick/job005/Movies"), 1.5),
    ]
    .into_iter()
    .enumerate()
    {
        let seen = look(&request).unwrap();
        assert_eq!(
            (seen.labels.positive, seen.micrographs.len(), seen.unmatched.len()),
            (2, 2, 0),
            "{at}: {seen:?}"
        );
        assert_eq!(seen.micrographs[1].pixel_size, Some(pixel_size), "{at}");
        assert!(
            seen.pick_files.iter().map(|f| f.without_picks).sum::<usize>() == 1,
            "{at}: {:?}",
            seen.pick_files
        );
        let mut project = Project::create(&dir.path().join(format!("p{at}")), None, PixelType::F32).unwrap();
        let done = bring(&mut project, &request).unwrap();
        assert_eq!(done.labels, counts(2, 4, 0), "{at}");
        let rows = project.patches(0..6).unwrap();
        assert_eq!(rows[1].pick_score, Some(0.75), "{at}");
        if at < 4 {
            // Defocus of the micrograph goes to its particles and to the pool.
            let of = |id: usize| rows[id].columns.get("rlnDefocusU").cloned().unwrap_or_default();
            assert!(of(0) == "12000" && (2..6).any(|id| of(id) == "12500"), "{at}: {rows:?}");
        }
    }
    // A second picking job: the person says which.
    write(&root.join("ManualPick/job006/manualpick.star"), "data_\n");
    let text = sentence(look(&whole));
    assert!(text.contains("2 picking jobs") && text.contains("ManualPick/job006"), "{text}");
}

#[test]
fn a_table_says_which_micrographs_are_meant() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        micrograph(&dir.path().join(format!("m/{name}.mrc")), 64, 48);
    }
    let table = write(
        &dir.path().join("micrographs.star"),
        "data_micrographs\n\nloop_\n_rlnMicrographName #1\nMotionCorr/job1/a.mrc\nMotionCorr/job1/b.mrc\nMotionCorr/job1/z.mrc\n",
    );
    let picks = write(&dir.path().join("p.csv"), "micrograph,x,y\na,30,20\nb,30,20\nc,30,20\n");
    let request = IngestRequest { micrographs: vec![table, dir.path().join("m")], ..cut("x".into(), picks) };
    let seen = look(&request).unwrap();
    assert_eq!(names(seen.micrographs.iter().map(|m| &m.path)), ["a.mrc", "b.mrc"]);
    assert_eq!((seen.labels.positive, seen.unmatched.len()), (2, 1));
    assert!(seen.left_out.iter().any(|l| l.path.ends_with("c.mrc") && l.reason.contains("does not list")));
    assert!(
        seen.warnings.iter().any(|w| w.text.contains("1 of the 3 micrographs") && w.text.contains("z.mrc")),
        "{:?}",
        seen.warnings
    );
}

#[test]
fn inputs_from_bug_reports() {
    let Some(data) = crate::needs::shared("inputs_from_bug_reports", "field") else { return };
    let pool =
        Some(PoolRequest { count: Some(PoolCount::PerMicrograph(3)), ..PoolRequest::new(PoolFrom::Random) });
    let relion = IngestRequest {
        inputs: vec![data.join("relion_project")],
        box_size: Some(32),
        pool,
        ..IngestRequest::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let mut project = project(dir.path());
    let done = bring(&mut project, &relion).unwrap();
    assert_eq!((done.labels.positive, done.found.micrographs.len()), (24, 3), "{:?}", done.found);
    assert_eq!(done.found.pixel_size, Some(1.31));
    assert!(done.found.micrographs.iter().all(|m| !m.path.to_string_lossy().contains("_PS")));

    let folder =
        IngestRequest { box_size: Some(64), ..cut(data.join("folder/mics"), data.join("folder/boxes")) };
    let seen = look(&folder).unwrap();
    assert_eq!((seen.labels.positive, seen.bad.len(), seen.unmatched.len()), (2, 4, 0), "{seen:?}");

    let tables = data.join("tables");
    for (picks, scores) in [
        ("mic_01_extract.star", None),
        ("cryoppp.csv", None),
        ("via.csv", Some((-0.5, 2.25))),
        ("filament.cbox", Some((0.12, 0.87))),
    ] {
        let request =
            IngestRequest { box_size: Some(64), ..cut(tables.join("mic_01.mrc"), tables.join(picks)) };
        let request = IngestRequest {
            micrographs: vec![tables.join("mic_01.mrc"), tables.join("mic_01_noDW.mrc")],
            ..request
        };
        match (look(&request), picks) {
            (Ok(seen), _) => {
                let wanted = if picks.ends_with(".star") { 1 } else { 2 };
                assert_eq!(
                    seen.micrographs[0].picks + seen.micrographs[0].at_edge,
                    wanted,
                    "{picks}: {seen:?}"
                );
                assert_eq!(
                    seen.scores.map(|s| (s.lowest as f32, s.highest as f32)),
                    scores.map(|(a, b)| (a as f32, b as f32)),
                    "{picks}"
                );
            }
            // The file stands for a micrograph of its own name.
            (Err(error), "filament.cbox") => assert!(error.to_string().contains("filament"), "{error}"),
            (Err(error), _) => panic!("{picks}: {error}"),
        }
    }
}
