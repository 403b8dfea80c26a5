//! Imaging on real micrographs (where they are at hand) and on the simulated sample.
#![allow(clippy::unwrap_used)]

mod needs;

use std::path::{Path, PathBuf};

use needs::shared;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vitrine_core::Image;
use vitrine_core::imaging::{
    Border, Candidate, Contrast, ContrastEstimate, CutSettings, MirrorCheck, MirrorVerdict, PickBias,
    PoolKind, PoolSettings, SampleSettings, cut, pool, replicated_border, sample_micrograph, seed_for,
};

fn read_micrograph(path: &Path) -> Image {
    let luma = image::open(path).unwrap().into_luma8();
    let (width, height) = (luma.width() as usize, luma.height() as usize);
    Image { width, height, data: luma.into_raw().into_iter().map(f32::from).collect() }
}

/// Centres of an EMAN `.box` file, y as it stands there.
fn read_boxes(path: &Path) -> Vec<(f64, f64)> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| {
            let n: Vec<f64> = line.split_whitespace().map(|v| v.parse().unwrap()).collect();
            (n[0] + n[2] / 2.0, n[1] + n[3] / 2.0)
        })
        .collect()
}

fn flipped(picks: &[(f64, f64)], height: usize) -> Vec<(f64, f64)> {
    picks.iter().map(|&(x, y)| (x, height as f64 - 1.0 - y)).collect()
}

fn random_places(count: usize, side: f64, seed: u64) -> Vec<(f64, f64)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| (random.random_range(0.0..side), random.random_range(0.0..side))).collect()
}

fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// All twelve micrographs in one pass, since decoding is what takes the time: border, mirrored
/// coordinates, contrast, and blobs that find most of the picks.
#[test]
fn real_micrographs() {
    let Some(root) = shared("real_micrographs", "empiar10017") else { return };
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(root.join("micrographs")).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    assert_eq!(names.len(), 12);

    // 108 px is half the box of the files; 80 and 200 are guesses a person might make.
    let mut as_given = [108.0, 80.0, 200.0].map(MirrorCheck::new);
    let mut turned = [108.0, 80.0, 200.0].map(MirrorCheck::new);
    let mut at_random = MirrorCheck::new(108.0);
    let mut contrast = ContrastEstimate::default();
    let (mut picked, mut recovered, mut candidates) = (0, 0, 0);
    for (index, path) in names.iter().enumerate() {
        let image = read_micrograph(path);
        let boxes = root.join("picks").join(path.file_stem().unwrap()).with_extension("box");
        let given = read_boxes(&boxes);
        let right = flipped(&given, image.height);

        let border = replicated_border(&image).unwrap();
        for side in [border.left, border.right, border.top, border.bottom] {
            assert!((50..=120).contains(&side), "{}: {border:?}", path.display());
        }
        assert!(border.warning(50).is_some() && border.warning(120).is_none());

        for (check, picks) in [(&mut as_given, &given), (&mut turned, &right)] {
            for check in check.iter_mut() {
                check.add(&image, picks).unwrap();
            }
        }
        at_random.add(&image, &random_places(given.len(), 4096.0, index as u64)).unwrap();
        contrast.add(&image, &right, 108.0).unwrap();
        // One micrograph is enough to tell.
        let mut single = MirrorCheck::new(108.0);
        single.add(&image, &given).unwrap();
        assert!(single.verdict().clearly_better, "{}: {:?}", path.display(), single.verdict());

        let settings = PoolSettings {
            kind: PoolKind::Blobs { diameter: 108.0, contrast: Some(Contrast::Dark), min_score: 1.0 },
            cut: CutSettings { box_size: 192, bin: 3, margin: 90 },
            from_positives: 0.0,
            between: 80.0,
            count: None,
            seed: 1,
        };
        let blobs = pool(&image, &[], &settings).unwrap();
        candidates += blobs.len();
        let inside: Vec<_> = right
            .iter()
            .filter(|p| (186.0..3909.0).contains(&p.0) && (186.0..3909.0).contains(&p.1))
            .collect();
        picked += inside.len();
        recovered +=
            inside.iter().filter(|p| blobs.iter().any(|b| distance(***p, (b.x, b.y)) < 50.0)).count();
    }
    let show = |name: &str, v: MirrorVerdict| println!("{name}: {v:?}");
    for (check, turned) in as_given.iter().zip(&turned) {
        let verdict = check.verdict();
        show("as given", verdict);
        assert!(verdict.clearly_better);
        let fine = turned.verdict();
        show("turned", fine);
        assert!(!fine.clearly_better && fine.given > 0.3 && fine.mirrored < 0.1);
        assert!(fine.standard_errors < -5.0);
    }
    show("random", at_random.verdict());
    assert!(!at_random.verdict().clearly_better && at_random.verdict().given < 0.1);
    assert_eq!(contrast.contrast(), Contrast::Dark);
    println!("blobs: {candidates}, which hold {recovered} of {picked} picks");
    assert!(recovered as f64 > 0.85 * picked as f64);
}

#[test]
fn mirror_check_stays_quiet_without_evidence() {
    let settings = SampleSettings::default();
    let sample = sample_micrograph(&settings, 11, 0).unwrap();
    let up = flipped(&sample.centres, 1024);
    let verdict = |picks: &[(f64, f64)]| {
        let mut check = MirrorCheck::new(settings.diameter);
        check.add(&sample.image, picks).unwrap();
        check.verdict()
    };
    assert!(verdict(&up).clearly_better, "{:?}", verdict(&up));
    assert!(!verdict(&sample.centres).clearly_better);
    // A carbon edge in one half of the picture misleads neither way.
    let carbon = sample_micrograph(&settings, 11, 2).unwrap();
    assert!(carbon.carbon);
    let mut check = MirrorCheck::new(settings.diameter);
    check.add(&carbon.image, &carbon.centres).unwrap();
    assert!(!check.verdict().clearly_better, "{:?}", check.verdict());
    // The same wrong picks, but too few of them.
    assert!(!verdict(&up[..10]).clearly_better);
    assert!(!verdict(&[]).clearly_better);
    assert!(!verdict(&[(f64::NAN, 3.0), (-5.0, 1e300)]).clearly_better);
    // One pick a hundred times over is no evidence either.
    assert!(!verdict(&[up[0]; 100]).clearly_better);
    for seed in 0..200 {
        let random = random_places(60, 1024.0, seed);
        assert!(!verdict(&random).clearly_better, "seed {seed}: {:?}", verdict(&random));
    }
}

fn settings_for(kind: PoolKind, count: Option<usize>) -> PoolSettings {
    PoolSettings {
        kind,
        cut: CutSettings { box_size: 64, bin: 1, margin: 10 },
        from_positives: 40.0,
        between: 30.0,
        count,
        seed: 5,
    }
}

const BLOBS: PoolKind = PoolKind::Blobs { diameter: 48.0, contrast: None, min_score: 0.0 };

#[test]
fn pools_keep_their_promises() {
    let sample = sample_micrograph(&SampleSettings::default(), 3, 1).unwrap();
    let positives = &sample.centres[..10];
    for (kind, count) in [
        (PoolKind::Grid { spacing: 25.0 }, None),
        (PoolKind::Grid { spacing: 50.0 }, Some(60)),
        (PoolKind::Random, Some(100)),
        (BLOBS, Some(80)),
        (BLOBS, None),
    ] {
        let settings = settings_for(kind, count);
        let found = pool(&sample.image, positives, &settings).unwrap();
        assert_eq!(found, pool(&sample.image, positives, &settings).unwrap(), "{kind:?} repeats");
        assert!(found.len() >= count.unwrap_or(150), "{kind:?}: {}", found.len());
        assert!(count.is_none_or(|c| found.len() == c));
        let centres: Vec<_> = found.iter().map(|c| (c.x, c.y)).collect();
        let patches = cut(&sample.image, &centres, &settings.cut).unwrap();
        assert!(patches.at_edge.is_empty(), "{kind:?}: every box lies inside");
        for (i, &a) in centres.iter().enumerate() {
            assert!(a.0.fract() == 0.0 && a.1.fract() == 0.0);
            assert!(positives.iter().all(|&p| distance(a, p) >= 40.0), "{kind:?} from positives");
            assert!(centres[..i].iter().all(|&b| distance(a, b) >= 30.0), "{kind:?} between");
        }
        if matches!(kind, PoolKind::Blobs { .. }) {
            assert!(found.windows(2).all(|w| w[0].score >= w[1].score));
        } else {
            assert!(found.windows(2).all(|w| (w[0].y, w[0].x) < (w[1].y, w[1].x)));
        }
        let other = pool(&sample.image, positives, &PoolSettings { seed: 6, ..settings }).unwrap();
        let chance = !matches!(kind, PoolKind::Blobs { .. }) || count.is_some();
        assert_eq!(other != found, chance, "{kind:?} and its seed");
    }
}

#[test]
fn places_around_positives_lie_off_their_centres() {
    let image = sample_micrograph(&SampleSettings::default(), 3, 1).unwrap().image;
    // A pair nearer than a diameter, one alone, one at the border, where no box fits around it.
    let positives = [(150.0, 150.0), (190.0, 150.0), (300.0, 320.0), (0.0, 300.0)];
    let settings = PoolSettings {
        from_positives: 0.0,
        between: 0.0,
        ..settings_for(PoolKind::Around { diameter: 50.0, each: 6 }, None)
    };
    let found = pool(&image, &positives, &settings).unwrap();
    assert_eq!(found, pool(&image, &positives, &settings).unwrap());
    let nearest =
        |c: &Candidate| positives.iter().map(|&p| distance((c.x, c.y), p)).fold(f64::INFINITY, f64::min);
    // 0.4 to 0.8 diameters, at whole px.
    assert!(found.iter().all(|c| (19.0..=41.0).contains(&nearest(c))), "{found:?}");
    let around = |(x, y): (f64, f64)| found.iter().filter(|c| distance((c.x, c.y), (x, y)) <= 41.0).count();
    assert_eq!(around(positives[2]), 6);
    assert!(found.len() <= 18 && around(positives[3]) == 0 && around(positives[0]) >= 3);
    let few = pool(&image, &positives, &PoolSettings { count: Some(5), ..settings }).unwrap();
    assert!(few.len() == 5 && few.iter().all(|c| found.contains(c)));
    assert_eq!(pool(&image, &[], &settings).unwrap(), vec![]);
}

#[test]
fn pools_of_hopeless_requests() {
    let image = sample_micrograph(&SampleSettings::default(), 3, 0).unwrap().image;
    for kind in [PoolKind::Grid { spacing: 0.0 }, PoolKind::Grid { spacing: f64::NAN }, PoolKind::Random] {
        assert!(pool(&image, &[], &settings_for(kind, None)).is_err(), "{kind:?}");
    }
    for diameter in [f64::NAN, 0.0, -3.0, 1e9] {
        let kind = PoolKind::Blobs { diameter, contrast: None, min_score: 0.0 };
        assert!(pool(&image, &[], &settings_for(kind, None)).is_err());
        let around = PoolKind::Around { diameter, each: 3 };
        assert!(pool(&image, &[(99.0, 99.0)], &settings_for(around, None)).is_err());
    }
    let negative = PoolSettings { between: -1.0, ..settings_for(PoolKind::Random, Some(3)) };
    assert!(pool(&image, &[], &negative).is_err());
    // No room is no error: some micrographs are small.
    let small = Image::zeros(70, 70);
    assert_eq!(pool(&small, &[], &settings_for(PoolKind::Random, Some(3))).unwrap(), vec![]);
    let flat = Image::zeros(512, 512);
    assert_eq!(pool(&flat, &[], &settings_for(BLOBS, None)).unwrap(), vec![]);
    // More than fits: as many as there is room for, and an end.
    let most = pool(&flat, &[(0.0, f64::NAN)], &settings_for(PoolKind::Random, Some(usize::MAX))).unwrap();
    assert!((150..500).contains(&most.len()), "{}", most.len());
    let mut bad = image;
    bad.data[77] = f32::NAN;
    assert!(
        pool(&bad, &[], &settings_for(BLOBS, None)).unwrap_err().to_string().contains("column 77, row 0")
    );
}

#[test]
fn blobs_find_what_is_there_in_both_contrasts() {
    let mut image =
        sample_micrograph(&SampleSettings { snr: 1.0, ..SampleSettings::default() }, 2, 0).unwrap();
    let found = |image: &Image, contrast| {
        let kind = PoolKind::Blobs { diameter: 48.0, contrast: Some(contrast), min_score: 0.0 };
        let settings = PoolSettings { from_positives: 0.0, ..settings_for(kind, None) };
        let mut found = pool(image, &[], &settings).unwrap();
        found.truncate(150);
        found
    };
    let inside: Vec<_> = image
        .centres
        .iter()
        .copied()
        .filter(|p| (42.0..981.0).contains(&p.0) && (42.0..981.0).contains(&p.1))
        .collect();
    let hits = |found: &[vitrine_core::imaging::Candidate]| {
        inside.iter().filter(|&&p| found.iter().any(|c| distance(p, (c.x, c.y)) < 16.0)).count() as f64
            / inside.len() as f64
    };
    let dark = hits(&found(&image.image, Contrast::Dark));
    let light = hits(&found(&image.image, Contrast::Light));
    println!("dark {dark:.2}, light {light:.2}");
    assert!(dark > 0.85 && light < 0.4);
    image.image.data.iter_mut().for_each(|v| *v = -*v);
    assert_eq!(hits(&found(&image.image, Contrast::Light)), dark);
    // Without a sign but with positives, the sign comes from them.
    let auto = PoolSettings { from_positives: 0.0, ..settings_for(BLOBS, None) };
    let all = pool(&image.image, &image.centres, &auto).unwrap();
    assert_eq!(all[..150], found(&image.image, Contrast::Light));
    // Some of them are a random choice of strong and weak ones alike, in the same order.
    let some = pool(&image.image, &image.centres, &PoolSettings { count: Some(60), ..auto }).unwrap();
    let places: Vec<usize> = some.iter().map(|c| all.iter().position(|a| a == c).unwrap()).collect();
    assert!(places.len() == 60 && places.is_sorted());
    let weaker = places.iter().filter(|&&place| place >= all.len() / 2).count();
    assert!((18..=42).contains(&weaker), "{weaker} of 60 from the weaker half");
}

#[test]
fn sample_is_repeatable_and_as_described() {
    let settings = SampleSettings::default();
    let start = std::time::Instant::now();
    let all: Vec<_> =
        (0..settings.micrographs).map(|i| sample_micrograph(&settings, 42, i).unwrap()).collect();
    println!("{} micrographs in {:?}", all.len(), start.elapsed());
    assert_eq!(sample_micrograph(&settings, 42, 3).unwrap(), all[3]);
    assert_ne!(sample_micrograph(&settings, 43, 3).unwrap().image, all[3].image);
    let total: usize = all.iter().map(|m| m.centres.len()).sum();
    assert!((240..=400).contains(&total), "{total}");
    assert_eq!(all.iter().filter(|m| m.carbon).count(), 2);
    for m in &all {
        assert_eq!((m.image.width, m.image.height), (1024, 1024));
        assert!(m.image.data.iter().all(|v| v.is_finite()));
        assert_eq!(replicated_border(&m.image).unwrap(), Border::default());
        assert!(m.centres.len() >= 20 && !m.distractors.is_empty());
        for (i, &a) in m.centres.iter().enumerate() {
            assert!(m.centres[..i].iter().all(|&b| distance(a, b) > 48.0));
            assert!(m.distractors.iter().all(|&b| distance(a, b) > 48.0));
        }
    }
    let picks = all[0].picks(0.5, PickBias::None, 1);
    assert_eq!(picks, all[0].picks(0.5, PickBias::None, 1));
    assert_eq!(picks.len(), (all[0].centres.len() as f64 * 0.5).round() as usize);
    let mean = |bias| {
        let strengths = all.iter().flat_map(|m| m.picks(0.3, bias, 1).into_iter().map(|i| m.strengths[i]));
        let (sum, count) = strengths.fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
        sum / count
    };
    assert!(mean(PickBias::Conspicuous) > mean(PickBias::None) + 0.05);
    assert!(all[0].picks(f64::NAN, PickBias::None, 1).is_empty());
    assert!(sample_micrograph(&SampleSettings { diameter: 1e9, ..settings }, 1, 0).is_err());
    assert!(sample_micrograph(&SampleSettings { width: usize::MAX, ..settings }, 1, 0).is_err());
}

#[test]
fn seeds_differ_by_name() {
    assert_eq!(seed_for(1, "a"), seed_for(1, "a"));
    assert_ne!(seed_for(1, "a"), seed_for(1, "b"));
    assert_ne!(seed_for(1, "a"), seed_for(2, "a"));
}
