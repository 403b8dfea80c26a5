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
use super::progress::Progress;

/// Give every patch a score between 0 and 1 under a run.
///
/// The score is that of the averaged weights (teacher) where the run has them, averaged over the four
/// mirrorings and, transposed, the four quarter turns. Pixels are normalised exactly as the run's training patches were.
///
/// Without --input the patches of the project are scored and the scores are stored with the run. With
/// --input the patches of other files are scored, in their order: an NPZ with an array `patches`, a
/// stack, a STAR or .cs file, a .pt file; or micrographs with coordinates, which are cut with --box
/// and --bin.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine score apo/ --run recommended-1 --out scores.csv
  vitrine score apo/ --run recommended-1 --input new.mrcs --out new.csv
  vitrine score apo/ --run recommended-1 --input mics/ --picks picks.star --box 192 --bin 3 --out picked.csv

The table has the columns id, micrograph, x, y, label, score; rows stand in input order.")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// The run that scores
    #[arg(long)]
    run: String,
    /// Score these files instead of the project's patches
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// With --input MICROGRAPHS: the coordinates to cut at (file or folder)
    #[arg(long, value_name = "FILE", requires = "input")]
    picks: Vec<PathBuf>,
    /// With --picks: side of the box on the micrograph, px
    #[arg(long = "box", value_name = "PX", requires = "picks")]
    box_size: Option<usize>,
    /// With --picks: average this many px into one
    #[arg(long, default_value_t = 1, requires = "picks")]
    bin: usize,
    /// With --picks: coordinates count from the bottom
    #[arg(long, requires = "picks")]
    y_up: bool,
    /// Write the table here (CSV)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// auto, cpu, gpu or gpu:N
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Print a summary as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let device = ComputeDevice::open(args.device)?;
    let mut progress = Progress::new(args.json);
    let mut watch = |step: &vitrine_core::workflow::Step| progress.show(&step.phase, step.done, step.total);
    let mut found = None;
    let rows: Vec<ScoreRow> = match &args.input {
        None => {
            let mut project = open::to_write(&args.project)?;
            let scorer = scorer(&project, &args.run, device)?;
            let scores = score_project(&project, &scorer, &mut watch)?;
            let id = project.run(&args.run)?.id;
            project.set_scores(id, "teacher", &scores)?;
            project_rows(&project, &scores)?
        }
        Some(input) => {
            let project = open::to_read(&args.project)?;
            let scorer = scorer(&project, &args.run, device)?;
            if args.picks.is_empty() {
                let mut dataset = patches_of(input, scorer.size())?;
                for warning in &dataset.warnings {
                    eprintln!("note: {warning}");
                }
                score_dataset(&mut dataset, input, &scorer, &mut watch)?
            } else {
                let request = IngestRequest {
                    micrographs: vec![input.clone()],
                    picks: args.picks.clone(),
                    box_size: args.box_size,
                    bin: args.bin,
                    y_up: args.y_up,
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
