//! Makes a benchmark of simulated patches with known truth, in the shape `pu_benchmark` reads.
//!
//! `cargo run --release --example simulated_benchmark -- DIR [KEY=VALUE ...]`
//!
//! | key | meaning | default |
//! |---|---|---|
//! | positives | labelled particles | 343 |
//! | unlabeled | unlabeled patches | 1400 |
//! | prior | share of particles among the unlabeled | 0.3 |
//! | bias | `none` or `conspicuous`: which particles people label first | none |
//! | share | share of the particles of a micrograph that is labelled under `conspicuous` | 0.35 |
//! | particle | `bent` or `barrel` | bent |
//! | snr | signal-to-noise ratio of the simulation | 0.12 |
//! | test | test patches of each kind | 1000 |
//! | seed | seed of everything | 1 |
//!
//! The rest of the unlabeled are impostors and empty places, half and half. The test patches come from
//! other micrographs; their particles are no choice of anybody's.

#[path = "support/benchmark_files.rs"]
mod benchmark_files;

use std::path::Path;

use benchmark_files::{Mixture, Outcome, Pile, write};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vitrine_core::formats::PatchInfo;
use vitrine_core::imaging::ParticleShape;
use vitrine_core::imaging::cut::{CutSettings, cut};
use vitrine_core::imaging::simulate::{PickBias, SampleSettings, SimulatedMicrograph, sample_micrograph};

/// Micrographs of the test start here, far from those of the training.
const TEST_FROM: usize = 100_000;

struct Wanted {
    positives: usize,
    unlabeled: usize,
    prior: f64,
    bias: PickBias,
    share: f64,
    test: usize,
    seed: u64,
    sample: SampleSettings,
}

impl Wanted {
    fn from_args(args: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut wanted = Self {
            positives: 343,
            unlabeled: 1400,
            prior: 0.3,
            bias: PickBias::None,
            share: 0.35,
            test: 1000,
            seed: 1,
            sample: SampleSettings::default(),
        };
        for arg in args {
            let (key, value) = arg.split_once('=').ok_or_else(|| format!("{arg}: expected KEY=VALUE"))?;
            match key {
                "positives" => wanted.positives = value.parse()?,
                "unlabeled" => wanted.unlabeled = value.parse()?,
                "prior" => wanted.prior = value.parse()?,
                "bias" if value == "none" => wanted.bias = PickBias::None,
                "bias" if value == "conspicuous" => wanted.bias = PickBias::Conspicuous,
                "particle" if value == "bent" => wanted.sample.shape = ParticleShape::Bent,
                "particle" if value == "barrel" => wanted.sample.shape = ParticleShape::Barrel,
                "share" => wanted.share = value.parse()?,
                "snr" => wanted.sample.snr = value.parse()?,
                "test" => wanted.test = value.parse()?,
                "seed" => wanted.seed = value.parse()?,
                _ => {
                    return Err(
                        format!("{arg}: unknown; the keys are in the first lines of this file").into()
                    );
                }
            }
        }
        Ok(wanted)
    }
}

/// Cuts patches at the given places of a micrograph.
fn cut_all(
    wanted: &Wanted,
    micrograph: &SimulatedMicrograph,
    name: &str,
    at: &[(f64, f64)],
) -> Outcome<Pile> {
    let settings = CutSettings { box_size: wanted.sample.box_size, bin: 1, margin: 0 };
    let result = cut(&micrograph.image, at, &settings)?;
    let info = result.kept.iter().map(|&i| PatchInfo {
        micrograph: Some(name.to_owned()),
        xy: at.get(i).copied(),
        ..PatchInfo::default()
    });
    Ok(Pile { info: info.collect(), pixels: result.pixels })
}

/// Particles that somebody labelled, other particles, and places without one.
#[derive(Default)]
struct Piles {
    labelled: Pile,
    others: Pile,
    negatives: Pile,
}

impl Piles {
    fn collect(wanted: &Wanted, from: usize, need: [usize; 3], random: &mut ChaCha8Rng) -> Outcome<Self> {
        let mut piles = Self::default();
        let mut index = from;
        while piles.labelled.info.len() < need[0]
            || piles.others.info.len() < need[1]
            || piles.negatives.info.len() < need[2]
        {
            let micrograph = sample_micrograph(&wanted.sample, wanted.seed, index)?;
            let name = format!("simulated_{index:06}");
            index += 1;
            // Nobody clicks on the very pixel.
            let mut jitter = |(x, y): (f64, f64)| {
                (
                    (x + random.random_range(-2.0..=2.0f64)).round(),
                    (y + random.random_range(-2.0..=2.0f64)).round(),
                )
            };
            let centres: Vec<_> = micrograph.centres.iter().map(|&at| jitter(at)).collect();
            let picked = if need[0] == 0 {
                vec![]
            } else {
                micrograph.picks(wanted.share, wanted.bias, wanted.seed + index as u64)
            };
            let chosen = |wanted: bool| -> Vec<(f64, f64)> {
                (0..centres.len()).filter(|i| picked.contains(i) == wanted).map(|i| centres[i]).collect()
            };
            piles.labelled.add(cut_all(wanted, &micrograph, &name, &chosen(true))?);
            piles.others.add(cut_all(wanted, &micrograph, &name, &chosen(false))?);
            let impostors: Vec<_> = micrograph.distractors.iter().map(|&at| jitter(at)).collect();
            let mut empty = Vec::new();
            for _ in 0..100 * impostors.len() {
                if empty.len() >= impostors.len() {
                    break;
                }
                let at = (
                    random.random_range(0.0..wanted.sample.width as f64).round(),
                    random.random_range(0.0..wanted.sample.height as f64).round(),
                );
                let far = |other: &(f64, f64)| {
                    (at.0 - other.0).hypot(at.1 - other.1) > 0.75 * wanted.sample.diameter
                };
                if micrograph.centres.iter().chain(&micrograph.distractors).chain(&empty).all(far) {
                    empty.push(at);
                }
            }
            piles.negatives.add(cut_all(wanted, &micrograph, &name, &impostors)?);
            piles.negatives.add(cut_all(wanted, &micrograph, &name, &empty)?);
        }
        Ok(piles)
    }
}

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("name the folder to write")?;
    let wanted = Wanted::from_args(args)?;
    let mut random = ChaCha8Rng::seed_from_u64(wanted.seed);
    let particles = (wanted.prior * wanted.unlabeled as f64).round() as usize;
    let need = [wanted.positives, particles, wanted.unlabeled - particles];
    let piles = Piles::collect(&wanted, 0, need, &mut random)?;
    let positive = piles.labelled.draw(wanted.positives, &mut random);
    let unlabeled =
        Mixture::new(piles.others.draw(need[1], &mut random), piles.negatives.draw(need[2], &mut random));
    let piles = Piles::collect(&wanted, TEST_FROM, [0, wanted.test, wanted.test], &mut random)?;
    let test = Mixture::new(
        piles.others.draw(wanted.test, &mut random),
        piles.negatives.draw(wanted.test, &mut random),
    );
    write(Path::new(&dir), wanted.sample.box_size, &positive, &unlabeled, &test)
}
