//! Makes benchmarks from real micrographs whose particles are known nearly completely, in the shape
//! `pu_benchmark` reads: positives are what somebody picked, the unlabeled are particles nobody picked and
//! places without one, and the test comes from other micrographs.
//!
//! `cargo run --release --example micrograph_benchmark -- MICROGRAPHS PICKS REFERENCE DIR [KEY=VALUE ...]`
//!
//! | key | meaning | default |
//! |---|---|---|
//! | positives | labelled particles; several numbers (`50,100`) make a folder each | 343 |
//! | unlabeled | unlabeled patches | 1400 |
//! | prior | share of particles among the unlabeled | 0.3 |
//! | test | test patches of each kind | 1000 |
//! | held | micrographs held out for the test | 4 |
//! | box, bin, margin | as in `vitrine import`, px | 192, 3, 104 |
//! | near | a pick within this distance of a reference centre is that particle, px | 40 |
//! | y-up | whether the picks count y from the last row upwards (0 or 1) | 1 |
//! | share | share of the picks that is taken, at random; the others count as particles nobody picked | 1 |
//! | noise | Gaussian noise added to the micrographs, in standard deviations of each | 0 |
//! | seed | seed of every choice | 1 |
//!
//! Half of the places without a particle are blobs, half are random; all lie half a box or more from every
//! reference centre. Fewer positives are always a part of more, and the unlabeled and the test stay.

#[path = "support/benchmark_files.rs"]
mod benchmark_files;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use benchmark_files::{Mixture, Outcome, Pile, write};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use vitrine_core::formats::mrc::{Writer, WriterMode};
use vitrine_core::formats::{PatchInfo, micrograph};
use vitrine_core::ingest::{IngestRequest, PoolCount, PoolFrom, PoolRequest, ingest};
use vitrine_core::label::Label;
use vitrine_core::project::{PixelType, Project};

struct Wanted {
    positives: Vec<usize>,
    numbers: HashMap<String, f64>,
}

impl Wanted {
    fn from_args(args: impl Iterator<Item = String>) -> Outcome<Self> {
        let defaults = [
            ("unlabeled", 1400.0),
            ("prior", 0.3),
            ("test", 1000.0),
            ("held", 4.0),
            ("box", 192.0),
            ("bin", 3.0),
            ("margin", 104.0),
            ("near", 40.0),
            ("y-up", 1.0),
            ("share", 1.0),
            ("noise", 0.0),
            ("seed", 1.0),
        ];
        let numbers = defaults.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let mut wanted = Self { positives: vec![343], numbers };
        for arg in args {
            let (key, value) = arg.split_once('=').ok_or_else(|| format!("{arg}: expected KEY=VALUE"))?;
            if key == "positives" {
                wanted.positives = value.split(',').map(str::parse).collect::<Result<_, _>>()?;
            } else if let Some(slot) = wanted.numbers.get_mut(key) {
                *slot = value.parse()?;
            } else {
                return Err(format!("{arg}: unknown; the keys are in the first lines of this file").into());
            }
        }
        Ok(wanted)
    }

    fn number(&self, key: &str) -> f64 {
        self.numbers.get(key).copied().unwrap_or(f64::NAN)
    }

    fn count(&self, key: &str) -> usize {
        self.number(key) as usize
    }

    fn cutting(&self, micrographs: &Path) -> IngestRequest {
        IngestRequest {
            micrographs: vec![micrographs.to_owned()],
            box_size: Some(self.count("box")),
            bin: self.count("bin"),
            margin: self.count("margin"),
            seed: self.number("seed") as u64,
            ..IngestRequest::default()
        }
    }
}

/// A patch as a project holds it.
struct Cut {
    info: PatchInfo,
    xy: (f64, f64),
    label: Label,
    pixels: Vec<f32>,
}

/// Every patch of a project with a place, by micrograph.
fn patches_of(project: &Project) -> Outcome<HashMap<String, Vec<Cut>>> {
    let size = project.size().ok_or("the project is empty")?;
    let names: HashMap<_, _> = project.micrographs()?.into_iter().map(|m| (m.id, m.name)).collect();
    let (labels, pixels) = (project.labels()?, project.pixels());
    let mut found: HashMap<String, Vec<Cut>> = HashMap::new();
    for (id, place) in project.places()?.into_iter().enumerate() {
        let (Some(micrograph), Some(xy)) = (place.micrograph.and_then(|m| names.get(&m)), place.xy) else {
            continue;
        };
        let mut patch = vec![0.0; size * size];
        pixels.get(u32::try_from(id)?, &mut patch)?;
        let info = PatchInfo { micrograph: Some(micrograph.clone()), xy: Some(xy), ..PatchInfo::default() };
        found.entry(micrograph.clone()).or_default().push(Cut { info, xy, label: labels[id], pixels: patch });
    }
    Ok(found)
}

/// What a set of micrographs gives.
#[derive(Default)]
struct Piles {
    picked: Pile,
    unpicked: Pile,
    empty: Pile,
}

impl Piles {
    fn push(pile: &mut Pile, cut: &Cut) {
        pile.pixels.extend(&cut.pixels);
        pile.info.push(cut.info.clone());
    }
}

/// Writes the micrographs of a folder with noise on them, as MRC under the same names.
fn with_noise(from: &Path, to: &Path, noise: f64, random: &mut ChaCha8Rng) -> Outcome<()> {
    std::fs::create_dir_all(to)?;
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(from)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.sort();
    for file in files {
        let image = micrograph::open(&file)?.image;
        let count = image.data.len() as f64;
        let mean = image.data.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let variance = image.data.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
        let spread = (noise * variance.sqrt()) as f32;
        let noisy: Vec<f32> = image
            .data
            .iter()
            .map(|v| {
                let drawn: f32 = StandardNormal.sample(random);
                v + spread * drawn
            })
            .collect();
        let name = file.with_extension("mrc");
        let name = name.file_name().ok_or("a file without a name")?;
        let mut writer =
            Writer::create(&to.join(name), image.width, image.height, None, WriterMode::Float32)?;
        writer.push(&noisy)?;
        writer.finish()?;
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let mut path = |what: &str| args.next().map(PathBuf::from).ok_or(format!("name {what}"));
    let (mut micrographs, picks) = (path("the folder of micrographs")?, path("the folder of picks")?);
    let (reference, dir) = (path("the folder of reference centres")?, path("the folder to write")?);
    let wanted = Wanted::from_args(args)?;
    let scratch = tempfile::tempdir()?;
    let mut random = ChaCha8Rng::seed_from_u64(wanted.number("seed") as u64);
    if wanted.number("noise") > 0.0 {
        let noisy = scratch.path().join("noisy");
        // A generator of its own: the choices are those without noise.
        with_noise(&micrographs, &noisy, wanted.number("noise"), &mut random.clone())?;
        micrographs = noisy;
    }

    let mut picked = Project::create(&scratch.path().join("picked"), None, PixelType::F32)?;
    let request = IngestRequest {
        picks: vec![picks],
        y_up: wanted.number("y-up") > 0.0,
        ..wanted.cutting(&micrographs)
    };
    ingest(&mut picked, &request, &mut |_| true)?;
    let mut known = Project::create(&scratch.path().join("known"), None, PixelType::F32)?;
    let request = IngestRequest { picks: vec![reference], ..wanted.cutting(&micrographs) };
    ingest(&mut known, &request, &mut |_| true)?;
    let each = wanted.count("unlabeled").max(wanted.count("test"));
    for from in [PoolFrom::Blobs, PoolFrom::Random] {
        let pool = PoolRequest {
            count: Some(PoolCount::PerMicrograph(each)),
            spacing: Some(wanted.number("box") / 4.0),
            ..PoolRequest::new(from)
        };
        let request = IngestRequest { pool: Some(pool), ..wanted.cutting(&micrographs) };
        ingest(&mut known, &request, &mut |_| true)?;
    }

    let (mut picked, known) = (patches_of(&picked)?, patches_of(&known)?);
    let mut names: Vec<&String> = known.keys().collect();
    names.sort();
    let share = wanted.number("share");
    if share < 1.0 {
        for name in &names {
            if let Some(picks) = picked.get_mut(*name) {
                picks.retain(|_| random.random_bool(share));
            }
        }
    }
    names.shuffle(&mut random);
    let (held, trained) = names.split_at(wanted.count("held").min(names.len()));
    let collect = |names: &[&String]| {
        let mut piles = Piles::default();
        for name in names {
            let picks = picked.get(*name).map_or(&[][..], Vec::as_slice);
            for pick in picks {
                Piles::push(&mut piles.picked, pick);
            }
            for cut in &known[*name] {
                let near = |p: &Cut| (p.xy.0 - cut.xy.0).hypot(p.xy.1 - cut.xy.1) <= wanted.number("near");
                match cut.label {
                    Label::Positive if picks.iter().any(near) => {}
                    Label::Positive => Piles::push(&mut piles.unpicked, cut),
                    _ => Piles::push(&mut piles.empty, cut),
                }
            }
        }
        piles
    };
    let (train, test) = (collect(trained), collect(held));
    println!(
        "{} micrographs to learn from: {} picked, {} not picked, {} places without a particle",
        trained.len(),
        train.picked.len(),
        train.unpicked.len(),
        train.empty.len()
    );
    let particles = (wanted.number("prior") * wanted.number("unlabeled")).round() as usize;
    let unlabeled = Mixture::new(
        train.unpicked.draw(particles, &mut random),
        train.empty.draw(wanted.count("unlabeled") - particles, &mut random),
    );
    let mut all = test.unpicked;
    all.add(test.picked);
    let test = Mixture::new(
        all.draw(wanted.count("test"), &mut random),
        test.empty.draw(wanted.count("test"), &mut random),
    );
    let order = train.picked.draw(train.picked.len(), &mut random);
    let size = wanted.count("box") / wanted.count("bin").max(1);
    for &count in &wanted.positives {
        let area = size * size;
        let count = count.min(order.len());
        let positive =
            Pile { pixels: order.pixels[..count * area].to_vec(), info: order.info[..count].to_vec() };
        let dir = if wanted.positives.len() > 1 { dir.join(count.to_string()) } else { dir.clone() };
        write(&dir, size, &positive, &unlabeled, &test)?;
    }
    Ok(())
}
