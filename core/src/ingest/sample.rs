//! The simulated sample as ordinary files, so that a demonstration goes through the same import as
//! real data: MRC micrographs, a STAR file with some of the particles picked, and the truth beside
//! them for evaluation.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::progress::Phase;
use crate::error::{Error, Result};
use crate::formats::mrc::{Writer, WriterMode};
use crate::formats::relion::{Particle, StarOptions, write_star};
use crate::formats::{OpticsGroup, PatchInfo};
use crate::imaging::{PickBias, SampleSettings, sample_micrograph, seed_for};
use crate::progress::{ProgressSink, report};

/// Which of the simulated particles are picked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplePicks {
    /// Share of the particles, 0 to 1.
    pub share: f64,
    /// Whether conspicuous ones are picked first.
    pub bias: PickBias,
}

impl Default for SamplePicks {
    fn default() -> Self {
        Self { share: 0.35, bias: PickBias::None }
    }
}

/// The files of a sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SampleFiles {
    /// Folder of MRC micrographs.
    pub micrographs: PathBuf,
    /// STAR file with the positive picks.
    pub picks: PathBuf,
    /// CSV file `micrograph,x,y,particle`: every particle (1) and every place that only looks like
    /// one (0). For evaluation only.
    pub truth: PathBuf,
    /// How many particles there are.
    pub particles: usize,
    /// How many of them are picked.
    pub picked: usize,
}

/// Simulates the sample and writes it into `dir`, which must be empty or missing: `micrographs/`,
/// `picks.star` and `truth.csv`. The same seed and settings give the same files. What was written
/// is taken away again when this fails or is cancelled.
///
/// # Errors
/// When the folder holds anything or cannot be written, a setting is out of range, no particle
/// would be picked, or [`Error::Cancelled`].
pub fn sample_files(
    dir: &Path,
    seed: u64,
    settings: &SampleSettings,
    picks: &SamplePicks,
    progress: ProgressSink<'_>,
) -> Result<SampleFiles> {
    std::fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
    let mut entries = std::fs::read_dir(dir).map_err(|e| Error::io("read", dir, e))?;
    if let Some(found) = entries.next() {
        let found = found.map_err(|e| Error::io("read", dir, e))?.file_name();
        return Err(Error::request(
            format!("{} is not empty (it holds {})", dir.display(), found.to_string_lossy()),
            "name a new or empty folder for the sample",
        ));
    }
    let files = SampleFiles {
        micrographs: dir.join("micrographs"),
        picks: dir.join("picks.star"),
        truth: dir.join("truth.csv"),
        particles: 0,
        picked: 0,
    };
    let made = write(files.clone(), seed, settings, picks, progress);
    if made.is_err() {
        // The folder was empty, so all of it is ours.
        let _ = std::fs::remove_dir_all(&files.micrographs);
        let _ = std::fs::remove_file(&files.picks);
        let _ = std::fs::remove_file(&files.truth);
    }
    made
}

fn write(
    mut files: SampleFiles,
    seed: u64,
    settings: &SampleSettings,
    picks: &SamplePicks,
    progress: ProgressSink<'_>,
) -> Result<SampleFiles> {
    std::fs::create_dir(&files.micrographs).map_err(|e| Error::io("create", &files.micrographs, e))?;
    let fail = |e| Error::io("write", &files.truth, e);
    let mut truth =
        BufWriter::new(File::create_new(&files.truth).map_err(|e| Error::io("create", &files.truth, e))?);
    writeln!(truth, "micrograph,x,y,particle").map_err(fail)?;
    let mut picked: Vec<PatchInfo> = Vec::new();
    for index in 0..settings.micrographs {
        report(progress, Phase::Simulating, index, settings.micrographs)?;
        let simulated = sample_micrograph(settings, seed, index)?;
        let name = format!("sample_{:03}.mrc", index + 1);
        let image = &simulated.image;
        let mut out = Writer::create(
            &files.micrographs.join(&name),
            image.width,
            image.height,
            Some(settings.pixel_size),
            WriterMode::Float32,
        )?;
        out.push(&image.data)?;
        out.finish()?;
        for (centres, particle) in [(&simulated.centres, 1), (&simulated.distractors, 0)] {
            for (x, y) in centres {
                writeln!(truth, "{name},{x:.2},{y:.2},{particle}").map_err(fail)?;
            }
        }
        files.particles += simulated.centres.len();
        // A seed of its own: the choice of picks must not follow the noise of the micrograph.
        for at in simulated.picks(picks.share, picks.bias, seed_for(seed, &name)) {
            let Some(&(x, y)) = simulated.centres.get(at) else { continue };
            let mut info = PatchInfo {
                micrograph: Some(format!("micrographs/{name}")),
                xy: Some((x.round(), y.round())),
                optics: Some(0),
                ..PatchInfo::default()
            };
            let defocus = format!("{:.1}", simulated.defocus);
            for column in ["rlnDefocusU", "rlnDefocusV"] {
                info.columns.insert(column.to_owned(), defocus.clone());
            }
            picked.push(info);
        }
    }
    truth.flush().map_err(fail)?;
    if picked.is_empty() {
        return Err(Error::request(
            format!("of {} simulated particles none would be picked", files.particles),
            "choose more particles or a larger share of picks",
        ));
    }
    files.picked = picked.len();
    let columns = [
        ("rlnOpticsGroup", "1".to_owned()),
        ("rlnOpticsGroupName", "opticsGroup1".to_owned()),
        ("rlnVoltage", "300.0".to_owned()),
        ("rlnSphericalAberration", "2.7".to_owned()),
        ("rlnAmplitudeContrast", "0.1".to_owned()),
        ("rlnMicrographPixelSize", settings.pixel_size.to_string()),
    ];
    let columns = columns.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let optics = [OpticsGroup { pixel_size: None, columns }];
    let out = File::create_new(&files.picks).map_err(|e| Error::io("create", &files.picks, e))?;
    write_star(
        BufWriter::new(out),
        &files.picks,
        &optics,
        picked.len(),
        &mut |at| {
            let info = picked.get(at).cloned().unwrap_or_default();
            Ok(Particle { info, ..Particle::default() })
        },
        StarOptions { micrograph_pixel_size: Some(settings.pixel_size), ..StarOptions::default() },
    )?;
    Ok(files)
}
