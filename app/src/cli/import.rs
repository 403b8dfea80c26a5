//! `vitrine import`: patches into a project.

use std::path::PathBuf;

use clap::ValueEnum;
use vitrine_core::Label;
use vitrine_core::imaging::Contrast;
use vitrine_core::ingest::{
    BelowMinScore, IngestRequest, PoolCount, PoolFrom, PoolRequest, Preview, ingest, inspect,
};

use super::open;
use super::output::{print_json, print_line};
use super::progress::Progress;
use super::remedy;
use crate::words;

/// Bring patches into a project: ready patches, or micrographs with picks.
///
/// Ready patches come from PyTorch .pt files, NumPy .npz and .npy, MRC and HDF5 stacks, RELION STAR
/// and cryoSPARC .cs particle files, and folders of pictures (positive/, unlabeled/, negative/).
///
/// Micrographs (MRC, TIFF, PNG, JPEG) come with picks (STAR, EMAN .box and .json, crYOLO .cbox, Topaz,
/// CryoPPP, VIA and other CSV or TSV tables, plain coordinates). Patches are cut with --box and averaged
/// with --bin. Names match with and without folder, extension and suffixes such as _aligned_mic_DW.
/// --pool adds unlabeled patches from the same micrographs.
///
/// A table of micrographs (RELION's micrographs_ctf.star, cryoSPARC's exposures .cs) says which
/// micrographs are meant and gives their pixel size, optics and defocus. A folder is searched with the
/// folders inside it; of several versions of a micrograph one is taken, the dose-weighted one first. The
/// folder of a RELION project with one picking job is enough.
///
/// What is recognised is shown first, and an import is all or nothing: when it fails or is stopped
/// the project is as before.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine import apo/ patches.pt
  vitrine import apo/ Extract/job012/particles.star --label positive
  vitrine import apo/ --micrographs mics/ --picks picks/ --box 192 --bin 3 --pool blobs
  vitrine import apo/ --micrographs mics/ --picks boxes/ --y-up --box 192 --bin 3 --pool random --pool-count 200
  vitrine import apo/ --micrographs mics/ --picks picks.star --box 192 --dry-run --json
  vitrine import apo/ --micrographs CtfFind/job003/micrographs_ctf.star --picks AutoPick/job005/autopick.star --box 192 --bin 3 --min-score 0.3 --pool blobs
  vitrine import apo/ --micrographs mics/ --picks topaz.txt --picks-scale 8 --min-score 0 --below unlabeled --box 192 --bin 3

Coordinates are centres in px of the unbinned micrograph, counted from the first stored row. EMAN .box
files over pictures converted from MRC often count from the bottom: a warning says so, and --y-up
turns them over.")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// Files or folders of ready patches
    inputs: Vec<PathBuf>,
    /// Micrographs, or folders of them
    #[arg(long, value_name = "PATH", num_args = 1..)]
    micrographs: Vec<PathBuf>,
    /// Pick files, or folders of them
    #[arg(long, value_name = "PATH", num_args = 1..)]
    picks: Vec<PathBuf>,
    /// Side of the box on the micrograph, px; by default the one all picks agree on
    #[arg(long = "box", value_name = "PX")]
    box_size: Option<usize>,
    /// Average this many px into one
    #[arg(long, default_value_t = 1, value_name = "N")]
    bin: usize,
    /// Outer px of the micrographs that no box may touch
    #[arg(long, default_value_t = 0, value_name = "PX")]
    margin: usize,
    /// The y of picks counts from the last row upwards
    #[arg(long)]
    y_up: bool,
    /// Lowest score of a pick that becomes a particle; without it all do
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    min_score: Option<f64>,
    /// What becomes of picks below --min-score
    #[arg(long, value_enum, default_value_t = Below::LeaveOut, requires = "min_score")]
    below: Below,
    /// Multiply coordinates and boxes of picks by this, for picks made on reduced images
    #[arg(long, value_name = "FACTOR")]
    picks_scale: Option<f64>,
    /// Move centres by the shifts of a refinement
    #[arg(long)]
    recenter: bool,
    /// Leave out micrographs that cannot be used (damaged, truncated, movies) and go on with the rest
    #[arg(long)]
    skip_bad: bool,
    /// Label of patches and picks whose file gives none (else: patches unlabeled, picks positive)
    #[arg(long)]
    label: Option<Label>,
    /// Å per px instead of what the files say
    #[arg(long, value_name = "Å")]
    pixel_size: Option<f64>,
    /// Also cut unlabeled patches: at the places of a grid, at random, or at blobs of the particle's size
    #[arg(long, value_enum)]
    pool: Option<Pool>,
    /// Unlabeled patches per micrograph
    #[arg(long, value_name = "N", requires = "pool", conflicts_with = "pool_total")]
    pool_count: Option<usize>,
    /// Unlabeled patches in all
    #[arg(long, value_name = "N", requires = "pool")]
    pool_total: Option<usize>,
    /// Smallest distance of the pool from positives, px (default: half the box)
    #[arg(long, value_name = "PX", requires = "pool")]
    pool_distance: Option<f64>,
    /// Step of the grid, or smallest distance between places of the pool, px
    #[arg(long, value_name = "PX", requires = "pool")]
    pool_spacing: Option<f64>,
    /// Particle diameter for blobs, px (default: 0.6 of the box)
    #[arg(long, value_name = "PX", requires = "pool")]
    diameter: Option<f64>,
    /// Contrast of particles for blobs; by default the positives decide
    #[arg(long, value_enum, requires = "pool")]
    contrast: Option<ParticleContrast>,
    /// Seed of random places
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only show what would be imported
    #[arg(long)]
    dry_run: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Pool {
    Grid,
    Random,
    Blobs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Below {
    LeaveOut,
    Unlabeled,
}

#[derive(Clone, Copy, ValueEnum)]
enum ParticleContrast {
    Dark,
    Light,
    Both,
}

impl Args {
    fn request(&self) -> IngestRequest {
        let pool = self.pool.map(|pool| PoolRequest {
            count: self.pool_count.map(PoolCount::PerMicrograph).or(self.pool_total.map(PoolCount::Total)),
            from_positives: self.pool_distance,
            spacing: self.pool_spacing,
            diameter: self.diameter,
            contrast: self.contrast.map(|contrast| match contrast {
                ParticleContrast::Dark => Contrast::Dark,
                ParticleContrast::Light => Contrast::Light,
                ParticleContrast::Both => Contrast::Both,
            }),
            ..PoolRequest::new(match pool {
                Pool::Grid => PoolFrom::Grid,
                Pool::Random => PoolFrom::Random,
                Pool::Blobs => PoolFrom::Blobs,
            })
        });
        IngestRequest {
            inputs: self.inputs.clone(),
            micrographs: self.micrographs.clone(),
            picks: self.picks.clone(),
            box_size: self.box_size,
            bin: self.bin,
            margin: self.margin,
            y_up: self.y_up,
            label: self.label,
            pool,
            pixel_size: self.pixel_size,
            min_score: self.min_score,
            below_min_score: match self.below {
                Below::LeaveOut => BelowMinScore::LeaveOut,
                Below::Unlabeled => BelowMinScore::Unlabeled,
            },
            picks_scale: self.picks_scale,
            recenter: self.recenter,
            skip_bad: self.skip_bad,
            seed: self.seed,
        }
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let request = args.request();
    let mut progress = Progress::new(args.json);
    let mut hear =
        |step: vitrine_core::ingest::Progress| progress.show(step.phase.as_str(), step.done, step.total);
    if args.dry_run {
        let project = open::to_read(&args.project)?;
        let preview = inspect(&request, Some(&project), &mut hear)?;
        progress.clear();
        if args.json {
            return print_json(&preview);
        }
        print_preview(&preview);
        print_line(&format!("would import {}", words::label_counts(&preview.labels)));
        if args.pool.is_some() {
            let count = match (args.pool_count, args.pool_total) {
                (Some(count), _) => format!("at most {count} per micrograph"),
                (None, Some(total)) => format!("{total} in all"),
                (None, None) => "every place found".to_owned(),
            };
            print_line(&format!("  and an unlabeled pool from the micrographs, {count}"));
        }
        return Ok(());
    }
    let mut project = open::to_write(&args.project)?;
    let summary = ingest(&mut project, &request, &mut hear)?;
    progress.clear();
    if args.json {
        return print_json(&summary);
    }
    print_preview(&summary.found);
    print_line(&format!("imported {}", words::label_counts(&summary.labels)));
    if summary.pool > 0 {
        print_line(&format!("  of the unlabeled, {} are the pool cut from the micrographs", summary.pool));
    }
    let place = args.project.display();
    let all = project.label_counts()?;
    print_line(&if all.positive == 0 {
        format!(
            "next: say which are particles (`vitrine label {place} positive --ids 0,4,7-9`), or import with --label"
        )
    } else if all.positive == all.total() {
        "next: add unlabeled patches, for example with --pool, so that there is something to tell particles from".to_owned()
    } else {
        format!("next: vitrine train {place} --baseline")
    });
    Ok(())
}

/// Names listed before "and N more".
const MAX_NAMES_LISTED: usize = 10;

/// Prints what was recognised, and every pick that was left out.
pub fn print_preview(found: &Preview) {
    let line = |text: String| print_line(&text);
    for input in &found.inputs {
        line(format!(
            "{}: {}, {}, {} px",
            input.path.display(),
            input.kind,
            words::label_counts(&input.labels),
            input.size
        ));
    }
    for file in found.pick_files.iter().take(MAX_NAMES_LISTED) {
        let without = match file.without_picks {
            0 => String::new(),
            1 => ", 1 micrograph without picks".to_owned(),
            many => format!(", {many} micrographs without picks"),
        };
        line(format!("{}: {}, {} picks{without}", file.path.display(), file.kind, file.picks));
    }
    more(found.pick_files.len(), "pick files");
    if !found.micrographs.is_empty() {
        let with = found.micrographs.iter().filter(|m| m.picks > 0).count();
        line(format!("{} micrographs, {with} of them with picks", found.micrographs.len()));
    }
    for bad in found.bad.iter().take(MAX_NAMES_LISTED) {
        let picks = if bad.picks > 0 { format!(" ({} picks on it)", bad.picks) } else { String::new() };
        line(format!("cannot be used: {}: {}{picks}", bad.path.display(), bad.reason));
    }
    more(found.bad.len(), "micrographs that cannot be used");
    for file in found.left_out.iter().take(MAX_NAMES_LISTED) {
        line(format!("left out: {}: {}", file.path.display(), file.reason));
    }
    more(found.left_out.len(), "files left out");
    if found.outside > 0 {
        line(format!("{} picks lie outside their micrographs and were left out", found.outside));
    }
    if found.below_min_score > 0 {
        line(format!("{} picks are below the lowest score and were left out", found.below_min_score));
    }
    if found.at_edge > 0 {
        line(format!("{} picks lie too near an edge for the box and were left out:", found.at_edge));
        let mut touched = 0;
        for micrograph in found.micrographs.iter().filter(|m| m.at_edge > 0) {
            touched += 1;
            if touched <= MAX_NAMES_LISTED {
                line(format!("  {}: {}", micrograph.name, micrograph.at_edge));
            }
        }
        more(touched, "micrographs");
    }
    if found.duplicates > 0 {
        line(format!("{} picks are already in the project and were skipped", found.duplicates));
    }
    for (index, name) in found.unmatched.iter().enumerate() {
        if index < MAX_NAMES_LISTED {
            line(format!("no micrograph matches {} ({} picks left out)", name.name, name.picks));
        }
    }
    more(found.unmatched.len(), "unmatched names");
    for name in &found.ambiguous {
        line(format!(
            "{} matches {} micrographs ({} picks left out)",
            name.name,
            name.candidates.len(),
            name.picks
        ));
    }
    if let Some(size) = found.patch_size {
        let scale = found.pixel_size.map_or_else(String::new, |a| format!(", {a:.3} Å/px"));
        let cut = match found.box_size {
            Some(side) if side == size => format!(", cut with a box of {side} px"),
            Some(side) => format!(", cut with a box of {side} px and averaged {0} × {0}", side / size.max(1)),
            None => String::new(),
        };
        line(format!("patches of {size} × {size} px{scale}{cut}"));
    }
    for warning in &found.warnings {
        line(format!("warning: {}", remedy::warning(warning)));
    }
}

fn more(count: usize, what: &str) {
    if count > MAX_NAMES_LISTED {
        print_line(&format!("  … and {} more {what}", count - MAX_NAMES_LISTED));
    }
}
