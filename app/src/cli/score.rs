//! `vitrine score`: a number for every patch.

use std::path::{Path, PathBuf};

use anyhow::bail;
use serde_json::json;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::formats::Dataset;
use vitrine_core::formats::detect::{Kind, detect, open_patches};
use vitrine_core::ingest::IngestRequest;
use vitrine_core::workflow::score::{
    ScoreRow, project_rows, score_dataset, score_picks, score_project, scorer, write_csv,
};

use super::open;
use super::output::{print_json, print_line};
use super::progress::ProgressDisplay;
use super::remedy;

/// Score patches with a run: a number from 0 to 1 for each; higher means more like a particle.
///
/// Without --input the command scores the patches of the project and stores the scores with the run. With --input
/// it scores the patches of other files and stores nothing: an NPZ with an array `patches`, a stack, a STAR or .cs
/// table, a .pt file; or micrographs with --picks, from which patches are cut.
///
/// Pixels are normalised as the run's training patches were. A score is the mean over mirrored and turned copies of
/// the patch. The averaged weights (teacher) score, where the run has them.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  Score the project, and write the table too:
    vitrine score apo/ --run recommended-1 --out scores.csv
  Score a stack:
    vitrine score apo/ --run recommended-1 --input new.mrcs --out new.csv
  Score the picks of a program:
    vitrine score apo/ --run recommended-1 --input mics/ --picks picks.star --box 192 --bin 3 \\
        --out picked.csv
  Picks of RELION on TIFF micrographs:
    vitrine score apo/ --run recommended-1 --input tiffs/ --picks autopick.star --y-up \\
        --box 192 --bin 3 --out picked.csv

The table has the columns id, micrograph, x, y, label, score. Its rows are in the order of the
input. y counts from the first stored row.")]
pub struct Args {
    /// Folder of the project
    pub(super) project: PathBuf,
    /// The run that scores
    #[arg(long)]
    pub(super) run: String,
    /// Score these files instead of the project's patches
    #[arg(long, value_name = "FILE")]
    pub(super) input: Option<PathBuf>,
    /// Write the table here (CSV)
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// auto, cpu, gpu or gpu:N (see `vitrine devices`)
    #[arg(long, default_value = "auto")]
    pub(super) device: DeviceChoice,
    /// Print a summary as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Pick files, or folders of them; --input then names the micrographs
    #[arg(long, value_name = "FILE", requires = "input", help_heading = PICKS)]
    pub(super) picks: Vec<PathBuf>,
    /// y of the picks counts up from the last stored row; picks of RELION on TIFF micrographs need this
    #[arg(long, requires = "picks", help_heading = PICKS)]
    pub(super) y_up: bool,
    /// Multiply coordinates and boxes of the picks by this, for picks made on reduced micrographs
    #[arg(long, value_name = "FACTOR", requires = "picks", help_heading = PICKS)]
    pub(super) picks_scale: Option<f64>,
    /// Move the centres by the shifts of a refinement
    #[arg(long, requires = "picks", help_heading = PICKS)]
    pub(super) recenter: bool,
    /// Cut only picks to which their own picker gave at least this score; without it all are cut
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true, requires = "picks", help_heading = PICKS)]
    pub(super) min_score: Option<f64>,
    /// Leave out micrographs that cannot be used (damaged, cut off, movies), and score the others
    #[arg(long, requires = "picks", help_heading = PICKS)]
    pub(super) skip_bad: bool,
    /// Side of the square that is cut, px of the unbinned micrograph; without it the box that all picks agree on
    #[arg(long = "box", value_name = "PX", requires = "picks", help_heading = PICKS)]
    pub(super) box_size: Option<usize>,
    /// Average N px into one, in each direction
    #[arg(long, default_value_t = 1, value_name = "N", requires = "picks", help_heading = PICKS)]
    pub(super) bin: usize,
    /// Keep boxes this many px away from the edges of the micrographs
    #[arg(long, default_value_t = 0, value_name = "PX", requires = "picks", help_heading = PICKS)]
    pub(super) margin: usize,
    /// Å per px of the unbinned micrographs, instead of what the files say
    #[arg(long, value_name = "Å", requires = "picks", help_heading = PICKS)]
    pub(super) pixel_size: Option<f64>,
}

/// Heading of the options for micrographs.
const PICKS: &str = "Micrographs with picks";

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let device = ComputeDevice::open(args.device)?;
    let mut progress = ProgressDisplay::new(args.json);
    let mut watch =
        |step: &vitrine_core::progress::Progress| progress.show(&step.phase, step.done, step.total);
    let mut found = None;
    let rows: Vec<ScoreRow> = match &args.input {
        None => {
            let mut project = open::to_write(&args.project)?;
            let scorer = scorer(&project, &args.run, device)?;
            let scores = score_project(&project, &scorer, &mut watch)?;
            let id = project.run(&args.run)?.id;
            project.set_scores(id, vitrine_core::project::ScoreKind::Teacher, &scores)?;
            project_rows(&project, &scores)?
        }
        Some(input) => {
            let project = open::to_read(&args.project)?;
            let scorer = scorer(&project, &args.run, device)?;
            if args.picks.is_empty() {
                let mut dataset = patches_of(input, scorer.size())?;
                for warning in &dataset.warnings {
                    eprintln!("note: {}", remedy::warning(warning));
                }
                score_dataset(&mut dataset, input, &scorer, &mut watch)?
            } else {
                let request = IngestRequest {
                    micrographs: vec![input.clone()],
                    picks: args.picks.clone(),
                    box_size: args.box_size,
                    bin: args.bin,
                    y_up: args.y_up,
                    margin: args.margin,
                    min_score: args.min_score,
                    recenter: args.recenter,
                    pixel_size: args.pixel_size,
                    picks_scale: args.picks_scale,
                    skip_bad: args.skip_bad,
                    ..IngestRequest::default()
                };
                let (rows, preview) = score_picks(&request, &scorer, &mut watch)?;
                found = Some(preview);
                rows
            }
        }
    };
    progress.clear();
    if let Some(out) = &args.out {
        write_csv(out, &rows)?;
    }
    let above = rows.iter().filter(|row| row.score >= 0.5).count();
    if args.json {
        return print_json(&json!({
            "run": args.run, "scored": rows.len(), "at_least_half": above, "out": args.out,
            "found": found,
        }));
    }
    if let Some(found) = &found {
        super::import::print_preview(found);
    }
    print_line(&format!("{} patches scored under {}; {above} at 0.5 or above", rows.len(), args.run));
    match &args.out {
        Some(out) => print_line(&format!("table: {}", out.display())),
        None if args.input.is_some() => print_line("give --out FILE to keep the table"),
        None => print_line("stored with the run; --out FILE writes a table"),
    }
    Ok(())
}

/// Opens ready patches. Whole micrographs are told from patches of a wrong size: they need coordinates.
fn patches_of(input: &Path, size: usize) -> anyhow::Result<Dataset> {
    let pictures =
        matches!(detect(input)?.kind, Kind::Micrograph | Kind::Micrographs | Kind::MicrographsAndPicks);
    match open_patches(input) {
        Ok(dataset) if !pictures || dataset.reader.size() == size => Ok(dataset),
        Err(error) if !pictures => Err(error.into()),
        _ => bail!(
            "{}: these are whole micrographs; name the coordinates to cut at with --picks, and the box with --box",
            input.display()
        ),
    }
}
