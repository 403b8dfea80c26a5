//! Files become patches of a project: the simulated sample end to end, requests that cannot be met, and (in
//! `real`) real files of other programs.
#![allow(clippy::unwrap_used, clippy::panic)]

mod columns;
mod field;
#[path = "../needs/mod.rs"]
mod needs;
mod real;

use std::path::Path;

use vitrine_core::formats::mrc::{Writer, WriterMode};
use vitrine_core::imaging::SampleSettings;
use vitrine_core::ingest::{
    ImportPreview, IngestRequest, IngestSummary, PoolCount, PoolFrom, PoolRequest, SampleFiles, SamplePicks,
    ingest, inspect, inspect_with_patches, proposal, recognise, sample_files, suggested_bin, truth_for,
};
use vitrine_core::project::{PixelType, Place, Project};
use vitrine_core::{Error, Label, LabelCounts, Remedy, Result};

fn go_on(_: &vitrine_core::progress::Progress) -> bool {
    true
}

fn project(dir: &Path) -> Project {
    Project::create(&dir.join("project"), None, PixelType::F32).unwrap()
}

fn bring(project: &mut Project, request: &IngestRequest) -> Result<IngestSummary> {
    ingest(project, request, &mut go_on)
}

fn look(request: &IngestRequest) -> Result<ImportPreview> {
    inspect(request, None, &mut go_on)
}

fn counts(positive: u64, unlabeled: u64, negative: u64) -> LabelCounts {
    LabelCounts { positive, unlabeled, negative }
}

fn sentence<T: std::fmt::Debug>(result: Result<T>) -> String {
    let text = result.unwrap_err().to_string();
    assert!(!text.contains('\n') && text.len() < 600, "{text}");
    text
}

/// A small sample: three micrographs of 512 px.
fn sample(dir: &Path) -> (SampleFiles, SampleSettings) {
    let settings = SampleSettings {
        micrographs: 3,
        width: 512,
        height: 512,
        particles: 14,
        impostors: 8,
        ..SampleSettings::default()
    };
    let files = sample_files(&dir.join("sample"), 5, &settings, &SamplePicks::default(), &mut go_on).unwrap();
    (files, settings)
}

fn sample_request(files: &SampleFiles) -> IngestRequest {
    IngestRequest {
        micrographs: vec![files.micrographs.clone()],
        picks: vec![files.picks.clone()],
        box_size: Some(64),
        bin: 2,
        pool: Some(PoolRequest {
            count: Some(PoolCount::PerMicrograph(12)),
            ..PoolRequest::new(PoolFrom::Blobs)
        }),
        ..IngestRequest::default()
    }
}

#[test]
fn the_sample_goes_through_the_ordinary_import() {
    let dir = tempfile::tempdir().unwrap();
    let (files, settings) = sample(dir.path());
    let mut project = project(dir.path());
    let request = sample_request(&files);
    let seen = inspect(&request, Some(&project), &mut go_on).unwrap();
    assert!(project.is_empty());
    let done = bring(&mut project, &request).unwrap();

    let kept: usize = done.found.micrographs.iter().map(|m| m.picks).sum();
    assert_eq!(kept + done.found.at_edge, files.picked);
    assert_eq!(seen.labels, counts(kept as u64, 0, 0));
    assert_eq!(done.labels, counts(kept as u64, done.pool, 0));
    assert_eq!(done.pool, 36);
    assert_eq!((project.size(), project.len()), (Some(32), kept + 36));
    assert_eq!(project.label_counts().unwrap(), done.labels);
    assert_eq!(done.found.pixel_size, Some(8.0));

    let sources = project.sources().unwrap();
    assert_eq!(sources.len(), 2);
    assert_eq!(sources[0].info.pixel_size, Some(8.0));
    assert_eq!(sources[0].info.micrograph_pixel_size, Some(settings.pixel_size));
    assert_eq!(sources[0].info.optics[0].columns["rlnVoltage"], "300.0");
    assert_eq!(sources[1].info.optics, sources[0].info.optics);
    let first = project.patch(0).unwrap();
    assert_eq!((first.optics, first.label), (Some(0), Label::Positive));
    assert!(first.columns.contains_key("rlnDefocusU"));

    // The pool keeps half a box away from picks and half a diameter from itself.
    let rows = project.patches(0..project.len() as u32).unwrap();
    for a in rows.iter().filter(|r| r.label == Label::Unlabeled) {
        for b in rows.iter().filter(|b| b.id != a.id && b.place.micrograph == a.place.micrograph) {
            let ((ax, ay), (bx, by)) = (a.place.xy.unwrap(), b.place.xy.unwrap());
            let least = if b.label == Label::Positive { 32.0 } else { 0.3 * 64.0 };
            assert!((ax - bx).hypot(ay - by) >= least);
        }
    }

    // Every pick is within a px of a true centre; some of the pool is, some is not.
    let truth = truth_for(&project, &files.truth, Some(15.0)).unwrap();
    let of = |label: Label, value: bool| {
        rows.iter().filter(|r| r.label == label && truth[r.id as usize] == Some(value)).count()
    };
    assert_eq!(of(Label::Positive, true), kept);
    assert!(of(Label::Unlabeled, true) > 3 && of(Label::Unlabeled, false) > 3);
    assert!(sentence(truth_for(&project, &files.truth, None)).contains("radius"));

    // The pixels are those of the file, averaged two by two.
    let image = vitrine_core::formats::micrograph::open(&files.micrographs.join("sample_001.mrc")).unwrap();
    let (x, y) = first.place.xy.unwrap();
    let mut pixels = vec![0.0; 32 * 32];
    project.pixels().get(0, &mut pixels).unwrap();
    let (left, top) = (x as usize - 32, y as usize - 32);
    let four = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| image.image.at(left + dx, top + dy));
    assert!((pixels[0] - four.iter().sum::<f32>() / 4.0).abs() < 1e-5);
}

#[test]
fn what_is_there_already_is_not_cut_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (files, _) = sample(dir.path());
    let mut project = project(dir.path());
    let request = sample_request(&files);
    let first = bring(&mut project, &request).unwrap();
    let micrographs = project.micrographs().unwrap();
    // The same request again: nothing is left but other blobs.
    let again = bring(&mut project, &request).unwrap();
    assert_eq!(again.labels.positive, 0);
    assert_eq!(again.found.duplicates as u64, first.labels.positive);
    assert_eq!(project.micrographs().unwrap(), micrographs);
    let places = project.places().unwrap();
    let mut seen = std::collections::HashSet::new();
    for place in &places {
        let (x, y) = place.xy.unwrap();
        assert!(seen.insert((place.micrograph, x as i64, y as i64)));
    }
    // Picks alone: nothing at all is left, and the project says so and stays.
    let before = project.len();
    let text = sentence(bring(&mut project, &IngestRequest { pool: None, ..request.clone() }));
    assert!(text.contains("nothing is left to import"), "{text}");
    assert_eq!(project.len(), before);
    // With another label: what the project says stays.
    let picks = dir.path().join("other.csv");
    let (x, y) = places[0].xy.unwrap();
    std::fs::write(
        &picks,
        format!("micrograph,x,y,label\nsample_001,{x},{y},negative\nsample_001,100,100,\n"),
    )
    .unwrap();
    let request = IngestRequest { picks: vec![picks], pool: None, ..request };
    let done = bring(&mut project, &request).unwrap();
    assert_eq!((done.labels, done.found.duplicates), (counts(1, 0, 0), 1));
    assert!(
        done.found.warnings.iter().any(|w| w.text.contains("another label")),
        "{:?}",
        done.found.warnings
    );
    assert_eq!(project.patch(0).unwrap().label, Label::Positive);
}

#[test]
fn totals_grids_and_random_places() {
    let dir = tempfile::tempdir().unwrap();
    let (files, _) = sample(dir.path());
    let mut project = project(dir.path());
    let mut request = sample_request(&files);
    request.picks.clear();
    request.pool =
        Some(PoolRequest { count: Some(PoolCount::Total(20)), ..PoolRequest::new(PoolFrom::Random) });
    let done = bring(&mut project, &request).unwrap();
    assert_eq!((done.pool, done.labels), (20, counts(0, 20, 0)));
    let shares: Vec<usize> = done.found.micrographs.iter().map(|m| m.pool).collect();
    assert_eq!(shares, [7, 7, 6]);
    request.pool =
        Some(PoolRequest { count: Some(PoolCount::Total(5000)), ..PoolRequest::new(PoolFrom::Grid) });
    let done = bring(&mut project, &request).unwrap();
    // 512 px hold 8 boxes of 64.
    assert!(done.pool <= 3 * 64 && done.pool > 3 * 50, "{}", done.pool);
    assert!(done.found.warnings.iter().any(|w| w.text.contains("of the 5000")), "{:?}", done.found.warnings);
}

#[test]
fn a_pool_for_picking_lies_around_picks_and_everywhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let (files, _) = sample(dir.path());
    let mut project = project(dir.path());
    let mut request = sample_request(&files);
    // Picks first, the pool in an import of its own, as after picking by hand.
    request.pool = None;
    let picked = bring(&mut project, &request).unwrap().labels.positive;
    request.picks.clear();
    let pool = PoolRequest { diameter: Some(40.0), ..PoolRequest::new(PoolFrom::Picking) };
    request.pool = Some(PoolRequest { count: Some(PoolCount::Total(60)), ..pool });
    let done = bring(&mut project, &request).unwrap();
    assert_eq!(done.pool, 60);
    let places = project.places().unwrap();
    let (positives, pool_places) = places.split_at(picked as usize);
    let nearest = |place: &Place| {
        let near = positives.iter().filter(|p| p.micrograph == place.micrograph);
        let (x, y) = place.xy.unwrap();
        near.map(|p| (p.xy.unwrap().0 - x).hypot(p.xy.unwrap().1 - y)).fold(f64::INFINITY, f64::min)
    };
    let distances: Vec<f64> = pool_places.iter().map(nearest).collect();
    assert!(distances.iter().all(|&px| px >= 16.0 - 1.5), "{distances:?}");
    let around = distances.iter().filter(|&&px| px <= 32.0 + 1.5).count();
    assert!((30..50).contains(&around), "{around} of 60 within 0.8 diameters");

    // Without a number there is one for all micrographs together.
    let random = PoolRequest { spacing: Some(0.0), ..PoolRequest::new(PoolFrom::Random) };
    request.pool = Some(random);
    assert_eq!(bring(&mut project, &request).unwrap().pool, PoolRequest::RANDOM as u64);
}

#[test]
fn the_same_seed_gives_the_same_files_and_a_used_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (files, settings) = sample(dir.path());
    let other =
        sample_files(&dir.path().join("b"), 5, &settings, &SamplePicks::default(), &mut go_on).unwrap();
    for name in ["picks.star", "truth.csv", "micrographs/sample_002.mrc"] {
        let read = |f: &SampleFiles| std::fs::read(f.picks.parent().unwrap().join(name)).unwrap();
        assert!(read(&files) == read(&other), "{name}");
    }
    let again = sample_files(&dir.path().join("b"), 5, &settings, &SamplePicks::default(), &mut go_on);
    assert!(sentence(again).contains("not empty"));
    let new = dir.path().join("c");
    let mut calls = 0;
    let stopped = sample_files(&new, 5, &settings, &SamplePicks::default(), &mut |_| {
        calls += 1;
        calls < 2
    });
    assert!(matches!(stopped, Err(Error::Cancelled)));
    assert_eq!(std::fs::read_dir(&new).unwrap().count(), 0);
}

#[test]
fn cancelled_anywhere_the_project_is_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let (files, _) = sample(dir.path());
    let mut project = project(dir.path());
    let request = sample_request(&files);
    let mut phases = Vec::new();
    for stop_at in 1.. {
        let mut calls = 0;
        let done = ingest(&mut project, &request, &mut |step| {
            phases.push(step.phase.clone());
            calls += 1;
            calls < stop_at
        });
        if done.is_ok() {
            break;
        }
        assert!(matches!(done, Err(Error::Cancelled)));
        assert!(project.is_empty() && project.size().is_none());
        assert!(project.sources().unwrap().is_empty() && project.micrographs().unwrap().is_empty());
        assert!(stop_at < 1000);
    }
    for phase in
        ["Recognising files", "Looking at micrographs", "Extracting patches", "Adding the unlabeled pool"]
    {
        assert!(phases.iter().any(|seen| seen == phase), "{phase}");
    }
    let names: Vec<_> = std::fs::read_dir(project.dir()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(names.iter().all(|n| !n.to_string_lossy().contains("tmp")), "{names:?}");
    assert!(!project.is_empty());
}

#[test]
fn what_does_not_fit_is_said_in_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let (files, _) = sample(dir.path());
    let stack = |name: &str, size: usize, value: f32| {
        let path = dir.path().join(name);
        let mut out = Writer::create(&path, size, size, Some(2.0), WriterMode::Float32).unwrap();
        for i in 0..3 {
            out.push(&vec![value + i as f32; size * size]).unwrap();
        }
        out.finish().unwrap();
        path
    };
    let (small, large) = (stack("small.mrcs", 16, 1.0), stack("large.mrcs", 24, 1.0));
    let mut project = project(dir.path());
    assert!(sentence(bring(&mut project, &IngestRequest::default())).contains("no file was named"));
    let both = IngestRequest { inputs: vec![small.clone(), large.clone()], ..IngestRequest::default() };
    let text = sentence(look(&both));
    assert!(text.contains("16×16") && text.contains("24×24") && text.contains("large.mrcs"), "{text}");

    // A label for a format that has none; then the project has its size.
    let one = IngestRequest { inputs: vec![small.clone()], ..IngestRequest::default() };
    assert_eq!(look(&one).unwrap().labels, counts(0, 3, 0));
    let negative = IngestRequest { label: Some(Label::Negative), ..one.clone() };
    assert_eq!(bring(&mut project, &negative).unwrap().labels, counts(0, 0, 3));
    assert_eq!(project.sources().unwrap()[0].info.pixel_size, Some(2.0));
    let refused = bring(&mut project, &IngestRequest { inputs: vec![large], ..one.clone() }).unwrap_err();
    assert_eq!(refused.remedy(), Some(Remedy::MatchPatchSize));
    let text = refused.problem();
    assert!(text.contains("24×24") && text.contains("16×16"), "{text}");
    let text = sentence(bring(&mut project, &sample_request(&files)));
    assert!(text.contains("box 64 and bin 2") && text.contains("32×32"), "{text}");
    let again = inspect(&one, Some(&project), &mut go_on).unwrap();
    assert!(again.warnings.iter().any(|w| w.text.contains("was imported before")), "{:?}", again.warnings);
    let other = IngestRequest { pixel_size: Some(3.0), ..one };
    let mixed = inspect(&other, Some(&project), &mut go_on).unwrap();
    assert!(mixed.warnings.iter().any(|w| w.text.contains("different pixel sizes")), "{:?}", mixed.warnings);

    // A pixel that is no number, in the last patch.
    let bytes = std::fs::read(&small).unwrap();
    let broken = dir.path().join("broken.mrcs");
    let at = bytes.len() - 4;
    std::fs::write(&broken, [&bytes[..at], &f32::NAN.to_le_bytes()].concat()).unwrap();
    let request = IngestRequest { inputs: vec![broken], ..IngestRequest::default() };
    let text = sentence(bring(&mut project, &request));
    assert!(text.contains("broken.mrcs") && text.contains("NaN"), "{text}");
    assert_eq!(project.len(), 3);
}

#[test]
fn picks_without_a_micrograph_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (files, _) = sample(dir.path());
    let picks = dir.path().join("picks.csv");
    std::fs::write(
        &picks,
        "micrograph,x,y\nsample_001_DW.tif,100,100\nsample_001,5,100\nlost_1,200,200\nlost_1,210,200\nlost_2,1,1\n",
    )
    .unwrap();
    let request = IngestRequest {
        micrographs: vec![files.micrographs.clone()],
        picks: vec![picks.clone()],
        box_size: Some(32),
        ..IngestRequest::default()
    };
    let seen = look(&request).unwrap();
    let lost: Vec<_> = seen.unmatched.iter().map(|u| (u.name.as_str(), u.picks)).collect();
    assert_eq!(lost, [("lost_1", 2), ("lost_2", 1)]);
    assert_eq!((seen.labels, seen.at_edge), (counts(1, 0, 0), 1));
    assert_eq!(seen.micrographs[0].at_edge, 1);
    assert!(seen.warnings.iter().any(|w| w.text.contains("lost_1, lost_2")), "{:?}", seen.warnings);
    let json = serde_json::to_value(&seen).unwrap();
    assert_eq!(json["unmatched"][0]["name"], "lost_1");

    let alone = IngestRequest { micrographs: Vec::new(), ..request.clone() };
    let refused = look(&alone).unwrap_err();
    assert_eq!(refused.remedy(), Some(Remedy::NameMicrographs));
    assert!(refused.problem().contains("none of the 5 picks"), "{refused}");
    let boxless = look(&IngestRequest { box_size: None, ..request.clone() }).unwrap_err();
    assert_eq!(boxless.remedy(), Some(Remedy::GiveBox), "{boxless}");
    let text = sentence(look(&IngestRequest { bin: 0, ..request.clone() }));
    assert!(text.contains("binned by 0"), "{text}");
    // y from the bottom: 411 from the top of 512 rows.
    let mut project = project(dir.path());
    bring(&mut project, &IngestRequest { y_up: true, ..request }).unwrap();
    assert_eq!(project.patch(0).unwrap().place.xy, Some((100.0, 411.0)));
    assert!(project.sources().unwrap()[0].info.y_up);
}

#[test]
fn ready_positives_keep_the_pool_away() {
    use vitrine_core::formats::PatchInfo;
    use vitrine_core::formats::npy::{NpzGroup, NpzOptions, write_npz};
    let dir = tempfile::tempdir().unwrap();
    let (files, _) = sample(dir.path());
    let path = dir.path().join("ready.npz");
    let info =
        PatchInfo { micrograph: Some("sample_002".into()), xy: Some((256.0, 256.0)), ..PatchInfo::default() };
    let groups = [NpzGroup { label: Some(Label::Positive), info: &[info] }];
    let file = std::fs::File::create(&path).unwrap();
    write_npz(file, &path, 32, &groups, NpzOptions::default(), |_, _, out| {
        out.fill(1.0);
        Ok(())
    })
    .unwrap();
    let mut request = sample_request(&files);
    request.picks.clear();
    request.inputs = vec![path];
    request.pool = Some(PoolRequest {
        spacing: Some(20.0),
        from_positives: Some(100.0),
        ..PoolRequest::new(PoolFrom::Grid)
    });
    let mut project = project(dir.path());
    let done = bring(&mut project, &request).unwrap();
    assert_eq!(done.labels.positive, 1);
    let micrographs = project.micrographs().unwrap();
    // One micrograph under one name, whichever file named it first.
    assert_eq!(micrographs.len(), 3);
    let shares: Vec<usize> = done.found.micrographs.iter().map(|m| m.pool).collect();
    assert!(shares[1] < shares[0] && shares[0] == shares[2], "{shares:?}");
    let places = project.places().unwrap();
    let on = places[0].micrograph;
    assert!(places[1..].iter().filter(|p| p.micrograph == on).all(|p| {
        let (x, y) = p.xy.unwrap();
        (x - 256.0).hypot(y - 256.0) >= 100.0
    }));
}

#[test]
fn files_are_recognised_and_looked_at_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (files, _) = sample(dir.path());
    let note = dir.path().join("note.xyz");
    std::fs::write(&note, "nothing to see").unwrap();
    let before: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
    let named = [files.micrographs.clone(), files.picks.clone(), note.clone()];
    // Cancelled at any file of the folder too: there are three, and the question before it.
    for steps in 0..4 {
        let mut left = steps;
        let mut some = |_: &vitrine_core::progress::Progress| {
            left -= 1;
            left >= 0
        };
        assert!(matches!(recognise(&named, &mut some), Err(Error::Cancelled)), "after {steps} steps");
    }
    let found = recognise(&named, &mut go_on).unwrap();
    assert_eq!((found[0].micrographs, found[0].picks, found[0].patches), (3, false, false));
    assert_eq!((found[1].micrographs, found[1].picks, found[1].patches), (0, true, false));
    assert!(found[2].kind.as_ref().unwrap_err().contains("none of the formats"), "{:?}", found[2].kind);

    // No file says the box; the rest can begin. What was not understood is left out.
    let proposed = proposal(&found);
    assert_eq!((proposed.inputs.len(), proposed.box_size, proposed.bin), (2, None, 1));
    assert_eq!(proposed.pool.unwrap().from, PoolFrom::Blobs);
    assert!(sentence(inspect_with_patches(&proposed, None, 8, &mut go_on)).contains("box size"));
    let request = IngestRequest { box_size: Some(64), bin: 2, ..proposed };
    let seen = inspect_with_patches(&request, None, 8, &mut go_on).unwrap();
    assert_eq!(seen.preview, inspect(&request, None, &mut go_on).unwrap());
    assert_eq!((seen.size, seen.patches.len()), (32, 8));
    assert!(seen.patches.iter().all(|p| p.label == Label::Positive && p.pixels.len() == 32 * 32));
    let after: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(before, after);

    // They are the patches that then come.
    let mut project = project(dir.path());
    bring(&mut project, &request).unwrap();
    let mut pixels = vec![0.0; 32 * 32];
    project.pixels().get(0, &mut pixels).unwrap();
    assert_eq!(seen.patches[0].pixels, pixels);
    assert_eq!([64, 192, 100, 20].map(suggested_bin), [1, 3, 2, 1]);
}

#[test]
fn a_project_of_an_import_that_does_not_end_is_taken_away() {
    use vitrine_core::workflow::import::new_from_files;
    let dir = tempfile::tempdir().unwrap();
    let (files, _) = sample(dir.path());
    let request = sample_request(&files);
    let folder = dir.path().join("new/one");
    let mut steps = 0;
    let stopped = new_from_files(&folder, &request, PixelType::F32, &mut |_| {
        steps += 1;
        steps < 9
    });
    assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
    assert!(!dir.path().join("new").exists());
    // A folder that was there stays, and one that holds something is not touched.
    std::fs::create_dir_all(&folder).unwrap();
    assert!(new_from_files(&folder, &request, PixelType::F32, &mut |_| false).is_err());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    std::fs::write(folder.join("thesis.txt"), "mine").unwrap();
    let told = sentence(new_from_files(&folder, &request, PixelType::F32, &mut |_| true).map(|_| ()));
    assert!(told.contains("not empty") && folder.join("thesis.txt").exists(), "{told}");
    std::fs::remove_file(folder.join("thesis.txt")).unwrap();
    let (project, done) = new_from_files(&folder, &request, PixelType::F32, &mut |_| true).unwrap();
    assert_eq!(project.len() as u64, done.labels.total());
}
