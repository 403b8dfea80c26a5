//! `vitrine import`: patches into a project.

use std::path::PathBuf;

use clap::ValueEnum;
use vitrine_core::Label;
use vitrine_core::formats::PickColumns;
use vitrine_core::imaging::Contrast;
use vitrine_core::ingest::{
    BelowMinScore, ImportPreview, IngestRequest, PoolCount, PoolFrom, PoolRequest, ingest, inspect,
};
use vitrine_core::workflow::take_back;

use super::open;
use super::output::{print_json, print_line};
use super::progress::ProgressDisplay;
use super::remedy;
use crate::words;

/// Import patches into a project: ready patches, or micrographs with picks.
///
/// Ready patches are files that hold the pixels of particles: PyTorch .pt, NumPy .npz and .npy, MRC and HDF5
/// stacks, RELION STAR and cryoSPARC .cs tables of particles, and folders of pictures (positive/, unlabeled/,
/// negative/).
///
/// Micrographs (MRC, TIFF, PNG, JPEG) come with picks (STAR, EMAN .box and .json, crYOLO .cbox, CSV and TSV of
/// Topaz, CryoPPP, VIA and others, or plain x and y). --box and --bin say how patches are cut. --pool adds
/// unlabeled patches from the same micrographs. A pick file belongs to the micrograph of its name; folders, endings
/// and suffixes such as _aligned_mic_DW do not count.
///
/// A table of micrographs (RELION's micrographs_ctf.star, cryoSPARC's exposures .cs) selects micrographs, and gives
/// their pixel size, optics and defocus. Folders are searched with the folders inside them. Of several versions of a
/// micrograph, the dose-weighted one is taken. The folder of a RELION project with one picking job is enough.
///
/// The command prints what it recognises before it writes. An import that fails or is stopped leaves the project as
/// it was.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  Picks of people or programs, with an unlabeled pool, for sorting:
    vitrine import apo/ --micrographs mics/ --picks picks/ --box 192 --bin 3 --pool blobs
  The same for a run that picks on whole micrographs:
    vitrine import apo/ --micrographs mics/ --picks picks/ --box 192 --bin 3 --pool picking
  A RELION project, by its tables; only picks with a score of 0.3 or more:
    vitrine import apo/ --micrographs CtfFind/job003/micrographs_ctf.star \\
        --picks AutoPick/job005/autopick.star --min-score 0.3 --box 192 --bin 3 --pool blobs
  Picks that Topaz made on micrographs reduced by 8; the weak ones come in as unlabeled:
    vitrine import apo/ --micrographs mics/ --picks topaz.txt --picks-scale 8 \\
        --min-score 0 --below unlabeled --box 192 --bin 3
  A table without a header, or with one that is not understood; x is in its third column:
    vitrine import apo/ --micrographs mics/ --picks centres.txt --columns x=3,y=4 --box 192 --bin 3
  Ready patches:
    vitrine import apo/ patches.pt
    vitrine import apo/ Extract/job012/particles.star --label positive
  The last import was not what you meant:
    vitrine import apo/ --take-back
  First look at what would come:
    vitrine import apo/ --micrographs mics/ --picks picks.star --box 192 --dry-run

From which row y counts:
  Coordinates are centres in px of the unbinned micrograph. y counts down from the first stored
  row, unless --y-up is given. Give --y-up for picks of RELION or of `vitrine pick --out` on TIFF
  micrographs: RELION reads TIFF from the last row. CryoPPP's tables count from the last row of
  MRC micrographs, and so do many EMAN .box files over pictures that were converted from MRC.
  Picks of RELION on MRC micrographs need no --y-up. The command warns where the images show that
  y counts from the other row.")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// Files or folders of ready patches
    inputs: Vec<PathBuf>,
    /// Label of patches and picks whose file gives none; without it patches are unlabeled, picks positive
    #[arg(long)]
    label: Option<Label>,
    /// Show what would be imported, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Take the last import back, as long as nobody has labelled a patch of it; the files stay as they are
    #[arg(long, conflicts_with_all = ["inputs", "micrographs", "picks", "label", "pool", "box_size"])]
    take_back: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Micrographs, folders of them, or a table of micrographs
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = PICKS)]
    micrographs: Vec<PathBuf>,
    /// Pick files, or folders of them
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = PICKS)]
    picks: Vec<PathBuf>,
    /// Which columns of a text table of picks hold what, by number from 1 or by name: x=3,y=4; also micrograph= and
    /// score=. For tables without a header, or with one that is not understood
    #[arg(long, value_name = "x=N,y=N", help_heading = PICKS)]
    columns: Option<PickColumns>,
    /// y of the picks counts up from the last stored row; picks of RELION on TIFF micrographs need this
    #[arg(long, help_heading = PICKS)]
    y_up: bool,
    /// Multiply coordinates and boxes of the picks by this, for picks made on reduced micrographs
    #[arg(long, value_name = "FACTOR", help_heading = PICKS)]
    picks_scale: Option<f64>,
    /// Move the centres by the shifts of a refinement
    #[arg(long, help_heading = PICKS)]
    recenter: bool,
    /// Lowest score of a pick that becomes a particle; without it every pick does
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true, help_heading = PICKS)]
    min_score: Option<f64>,
    /// What picks below --min-score become
    #[arg(long, value_enum, default_value_t = Below::LeaveOut, requires = "min_score", help_heading = PICKS)]
    below: Below,
    /// Leave out micrographs that cannot be used (damaged, cut off, movies), and import the others
    #[arg(long, help_heading = PICKS)]
    skip_bad: bool,
    /// Side of the square that is cut, px of the unbinned micrograph; without it the box that all picks agree on
    #[arg(long = "box", value_name = "PX", help_heading = CUT)]
    box_size: Option<usize>,
    /// Average N px into one, in each direction; box 192 and bin 3 make patches of 64 px
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = CUT)]
    bin: usize,
    /// Keep boxes this many px away from the edges of the micrographs
    #[arg(long, default_value_t = 0, value_name = "PX", help_heading = CUT)]
    margin: usize,
    /// Å per px of the unbinned micrographs, instead of what the files say
    #[arg(long, value_name = "Å", help_heading = CUT)]
    pixel_size: Option<f64>,
    /// Cut unlabeled patches too: on a grid, at random places, at blobs of the particle's size, or (picking, for
    /// networks that pick on whole micrographs) at random places and around picks
    #[arg(long, value_enum, help_heading = POOL)]
    pool: Option<Pool>,
    /// Most pool patches of a micrograph; without it and --pool-total every blob or place of the grid, and 2000 random
    /// places in all
    #[arg(long, value_name = "N", requires = "pool", conflicts_with = "pool_total", help_heading = POOL)]
    pool_count: Option<usize>,
    /// Most pool patches in all
    #[arg(long, value_name = "N", requires = "pool", help_heading = POOL)]
    pool_total: Option<usize>,
    /// Smallest distance of pool patches from positives, px of the unbinned micrograph; without it half the box, and 0.4
    /// diameters for `picking`
    #[arg(long, value_name = "PX", requires = "pool", help_heading = POOL)]
    pool_distance: Option<f64>,
    /// Step of the grid, or smallest distance of two pool patches, px of the unbinned micrograph
    #[arg(long, value_name = "PX", requires = "pool", help_heading = POOL)]
    pool_spacing: Option<f64>,
    /// Diameter of the particle, px of the unbinned micrograph, for `picking` and blobs; without it 0.6 of the box
    #[arg(long, value_name = "PX", requires = "pool", help_heading = POOL)]
    diameter: Option<f64>,
    /// Whether particles are darker or lighter than the ice, for blobs; without it this is measured on the positives
    #[arg(long, value_enum, requires = "pool", help_heading = POOL)]
    contrast: Option<ParticleContrast>,
    /// Seed of the random places
    #[arg(long, default_value_t = 1, help_heading = POOL)]
    seed: u64,
}

/// Headings of the options.
const PICKS: &str = "Micrographs and picks";
const CUT: &str = "How patches are cut";
const POOL: &str = "Unlabeled pool";

#[derive(Clone, Copy, ValueEnum)]
enum Pool {
    Grid,
    Random,
    Picking,
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
                Pool::Picking => PoolFrom::Picking,
                Pool::Blobs => PoolFrom::Blobs,
            })
        });
        IngestRequest {
            inputs: self.inputs.clone(),
            micrographs: self.micrographs.clone(),
            picks: self.picks.clone(),
            columns: self.columns.clone(),
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
    if args.take_back {
        return take_last_back(&args);
    }
    let request = args.request();
    let mut progress = ProgressDisplay::new(args.json);
    let mut hear =
        |step: &vitrine_core::progress::Progress| progress.show(&step.phase, step.done, step.total);
    if args.dry_run {
        let project = open::to_read(&args.project)?;
        let preview = inspect(&request, Some(&project), &mut hear)?;
        progress.clear();
        if args.json {
            return print_json(&preview);
        }
        print_preview(&preview);
        print_line(&format!("would import {}", words::label_counts(&preview.labels)));
        if let Some(pool) = &request.pool {
            let count = match pool.wanted() {
                Some(PoolCount::PerMicrograph(count)) => format!("at most {count} per micrograph"),
                Some(PoolCount::Total(total)) => format!("at most {total} in all"),
                None => "every place found".to_owned(),
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

/// Takes the last import back, or says what that would take back.
fn take_last_back(args: &Args) -> anyhow::Result<()> {
    let mut project = open::to_write(&args.project)?;
    let (import, did) = match args.dry_run {
        true => (take_back::check(&project)?, "would take back"),
        false => (take_back::take_back(&mut project, &words::person())?, "took back"),
    };
    if args.json {
        return print_json(&import);
    }
    print_line(&format!("{did} {}; the files are as they were", words::import_named(&import)));
    if !args.dry_run {
        print_line(&format!("the project holds {}", words::patches(project.len() as u64)));
    }
    Ok(())
}

/// Names listed before "and N more".
const MAX_NAMES_LISTED: usize = 10;

/// Prints what was recognised, and every pick that was left out.
pub fn print_preview(found: &ImportPreview) {
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
        line(format!("{} picks skipped, too close to the edge for the box:", found.at_edge));
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
