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
//! | snr | signal-to-noise ratio of the simulation | 0.12 |
//! | test | test patches of each kind | 1000 |
//! | seed | seed of everything | 1 |
//!
//! The rest of the unlabeled are impostors and empty places, half and half. The test patches come from
//! other micrographs; their particles are no choice of anybody's.

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vitrine_core::formats::PatchInfo;
use vitrine_core::formats::npy::{NpzGroup, NpzOptions, write_npy, write_npz};
use vitrine_core::imaging::cut::{CutSettings, cut};
use vitrine_core::imaging::simulate::{PickBias, SampleSettings, SimulatedMicrograph, sample_micrograph};
use vitrine_core::label::Label;
use zip::write::SimpleFileOptions;

type Outcome<T> = Result<T, Box<dyn Error>>;

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

/// Patches cut so far, with where they came from.
#[derive(Default)]
struct Pile {
    pixels: Vec<f32>,
    info: Vec<PatchInfo>,
}

impl Pile {
    fn cut(
        &mut self,
        wanted: &Wanted,
        micrograph: &SimulatedMicrograph,
        name: &str,
        at: &[(f64, f64)],
    ) -> Outcome<()> {
        let settings = CutSettings { box_size: wanted.sample.box_size, bin: 1, margin: 0 };
        let result = cut(&micrograph.image, at, &settings)?;
        self.pixels.extend(&result.pixels);
        self.info.extend(result.kept.iter().map(|&i| PatchInfo {
            micrograph: Some(name.to_owned()),
            xy: at.get(i).copied(),
            ..PatchInfo::default()
        }));
        Ok(())
    }

    /// `count` of them, drawn without replacement.
    fn draw(&self, count: usize, area: usize, random: &mut ChaCha8Rng) -> Self {
        let mut order: Vec<usize> = (0..self.info.len()).collect();
        order.shuffle(random);
        order.truncate(count);
        let mut drawn = Self::default();
        for i in order {
            drawn.pixels.extend(&self.pixels[i * area..(i + 1) * area]);
            drawn.info.push(self.info[i].clone());
        }
        drawn
    }

    fn add(&mut self, other: Self) {
        self.pixels.extend(other.pixels);
        self.info.extend(other.info);
    }
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
            piles.labelled.cut(wanted, &micrograph, &name, &chosen(true))?;
            piles.others.cut(wanted, &micrograph, &name, &chosen(false))?;
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
            piles.negatives.cut(wanted, &micrograph, &name, &impostors)?;
            piles.negatives.cut(wanted, &micrograph, &name, &empty)?;
        }
        Ok(piles)
    }
}

/// Writes `flags` as a u8 array beside what is in the archive.
fn write_flags(zip: &mut zip::ZipWriter<File>, name: &str, flags: &[u8]) -> Outcome<()> {
    use npyz::WriterBuilder as _;
    zip.start_file(format!("{name}.npy"), SimpleFileOptions::default())?;
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&[flags.len() as u64])
        .writer(&mut bytes)
        .begin_nd()?;
    writer.extend(flags.iter().copied())?;
    writer.finish()?;
    zip.write_all(&bytes)?;
    Ok(())
}

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("name the folder to write")?;
    let wanted = Wanted::from_args(args)?;
    let dir = Path::new(&dir);
    std::fs::create_dir_all(dir)?;
    let size = wanted.sample.box_size;
    let area = size * size;
    let mut random = ChaCha8Rng::seed_from_u64(wanted.seed);

    let particles = (wanted.prior * wanted.unlabeled as f64).round() as usize;
    let need = [wanted.positives, particles, wanted.unlabeled - particles];
    let piles = Piles::collect(&wanted, 0, need, &mut random)?;
    let positive = piles.labelled.draw(wanted.positives, area, &mut random);
    let mut unlabeled = piles.others.draw(particles, area, &mut random);
    unlabeled.add(piles.negatives.draw(wanted.unlabeled - particles, area, &mut random));
    let path = dir.join("train.npz");
    let groups = [
        NpzGroup { label: Some(Label::Positive), info: &positive.info },
        NpzGroup { label: Some(Label::Unlabeled), info: &unlabeled.info },
    ];
    write_npz(File::create(&path)?, &path, size, &groups, NpzOptions::default(), |group, index, out| {
        let pile = if group == 0 { &positive } else { &unlabeled };
        out.copy_from_slice(&pile.pixels[index * area..(index + 1) * area]);
        Ok(())
    })?;
    let mut zip = zip::ZipWriter::new(File::create(dir.join("train_truth.npz"))?);
    let flags: Vec<u8> = (0..wanted.unlabeled).map(|i| u8::from(i < particles)).collect();
    write_flags(&mut zip, "unlabeled_is_particle", &flags)?;
    zip.finish()?;

    let piles = Piles::collect(&wanted, TEST_FROM, [0, wanted.test, wanted.test], &mut random)?;
    let mut test = piles.others.draw(wanted.test, area, &mut random);
    test.add(piles.negatives.draw(wanted.test, area, &mut random));
    let path = dir.join("test.npz");
    let mut zip = zip::ZipWriter::new(File::create(&path)?);
    zip.start_file("patches.npy", SimpleFileOptions::default())?;
    write_npy(&mut zip, &path, size, test.info.len(), |index, out| {
        out.copy_from_slice(&test.pixels[index * area..(index + 1) * area]);
        Ok(())
    })?;
    let flags: Vec<u8> = (0..test.info.len()).map(|i| u8::from(i < wanted.test)).collect();
    write_flags(&mut zip, "is_particle", &flags)?;
    zip.finish()?;
    println!(
        "{}: {} positive, {} unlabeled of which {particles} particles, {} + {} test patches of {size} px",
        dir.display(),
        positive.info.len(),
        unlabeled.info.len(),
        wanted.test,
        wanted.test
    );
    Ok(())
}
