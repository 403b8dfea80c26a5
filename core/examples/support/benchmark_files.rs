//! The files of a benchmark: `train.npz` (arrays `positive`, `unlabeled`), `train_truth.npz`
//! (`unlabeled_is_particle`) and `test.npz` (`patches` with their micrographs, `is_particle`). Truth is for evaluation only.

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use vitrine_core::formats::PatchInfo;
use vitrine_core::formats::npy::{NpzGroup, NpzOptions, write_npz};
use vitrine_core::label::Label;
use zip::write::SimpleFileOptions;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// Patches (N×S×S, one after another), each with where it came from.
#[derive(Default, Clone)]
pub struct Pile {
    pub pixels: Vec<f32>,
    pub info: Vec<PatchInfo>,
}

impl Pile {
    pub fn len(&self) -> usize {
        self.info.len()
    }

    /// `count` of them in random order, drawn without replacement; all where there are fewer.
    pub fn draw(&self, count: usize, random: &mut ChaCha8Rng) -> Self {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(random);
        order.truncate(count);
        let area = self.pixels.len().checked_div(self.len()).unwrap_or(0);
        let mut drawn = Self::default();
        for i in order {
            drawn.pixels.extend(&self.pixels[i * area..(i + 1) * area]);
            drawn.info.push(self.info[i].clone());
        }
        drawn
    }

    pub fn add(&mut self, other: Self) {
        self.pixels.extend(other.pixels);
        self.info.extend(other.info);
    }
}

/// Patches of which the first `particles` are particles and the others are none.
pub struct Mixture {
    pub patches: Pile,
    pub particles: usize,
}

impl Mixture {
    pub fn new(particles: Pile, others: Pile) -> Self {
        let mut mixture = Self { particles: particles.len(), patches: particles };
        mixture.patches.add(others);
        mixture
    }

    fn flags(&self) -> Vec<u8> {
        (0..self.patches.len()).map(|i| u8::from(i < self.particles)).collect()
    }
}

/// Writes the three files into `dir`; patches are of `size`×`size` px.
pub fn write(dir: &Path, size: usize, positive: &Pile, unlabeled: &Mixture, test: &Mixture) -> Outcome<()> {
    std::fs::create_dir_all(dir)?;
    let area = size * size;
    let path = dir.join("train.npz");
    let groups = [
        NpzGroup { label: Some(Label::Positive), info: &positive.info },
        NpzGroup { label: Some(Label::Unlabeled), info: &unlabeled.patches.info },
    ];
    write_npz(File::create(&path)?, &path, size, &groups, NpzOptions::default(), |group, index, out| {
        let pile = if group == 0 { positive } else { &unlabeled.patches };
        out.copy_from_slice(&pile.pixels[index * area..(index + 1) * area]);
        Ok(())
    })?;
    let mut zip = zip::ZipWriter::new(File::create(dir.join("train_truth.npz"))?);
    write_flags(&mut zip, "unlabeled_is_particle", &unlabeled.flags())?;
    zip.finish()?;

    let path = dir.join("test.npz");
    let groups = [NpzGroup { label: None, info: &test.patches.info }];
    write_npz(File::create(&path)?, &path, size, &groups, NpzOptions::default(), |_, index, out| {
        out.copy_from_slice(&test.patches.pixels[index * area..(index + 1) * area]);
        Ok(())
    })?;
    let mut zip = zip::ZipWriter::new_append(File::options().read(true).write(true).open(&path)?)?;
    write_flags(&mut zip, "is_particle", &test.flags())?;
    zip.finish()?;
    println!(
        "{}: {} positive, {} unlabeled of which {} particles, {} test patches of which {} particles, of {size} px",
        dir.display(),
        positive.len(),
        unlabeled.patches.len(),
        unlabeled.particles,
        test.patches.len(),
        test.particles
    );
    Ok(())
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
