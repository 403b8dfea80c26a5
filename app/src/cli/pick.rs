//! `vitrine pick`: the particles of whole micrographs.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::picking::choose::Choice;
use vitrine_core::workflow::pick::{PickRequest, PickSummary, pick};

use super::open;
use super::output::{print_json, print_line};
use super::progress::Progress;

/// Pick the particles of whole micrographs with a run.
///
/// The run's network is slid over each micrograph and proposes places; exact scores of patches cut there, as
/// `vitrine score` gives them, decide. The network must be one that can be slid: train with the preset
/// `picking`, or with any configuration whose backbone is `sliding_cnn`. Without --micrographs the micrographs of the
/// project are picked; others need not be in it.
///
/// The network must have seen what lies between particles: import with --pool random and a --pool-distance
/// of less than a particle's diameter.
///
/// All places with a score of 0.0025 or more are kept with the run, so picking again with another threshold,
/// distance or number takes a moment, and what was stopped goes on where it was. --out writes a RELION coordinate
/// file for each micrograph (NAME_vitrine.star), --table one table of all picks. Edges of a micrograph without a
/// picture are left out.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine train apo/ --config picking --name slide
  vitrine pick apo/ --run slide --out picks/
  vitrine pick apo/ --run slide --micrographs new/ --expected 250 --table picks.csv
  vitrine pick apo/ --run slide --precision 0.9 --distance 80 --out picks/
  vitrine pick apo/ --run slide --micrographs session/ --watch --out picks/

Ctrl-C ends it with status 130; what was complete is kept, and the same command goes on from there.")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// The run that picks
    #[arg(long)]
    run: String,
    /// Micrographs, or folders of them; by default those of the project
    #[arg(long, value_name = "PATH", num_args = 1..)]
    micrographs: Vec<PathBuf>,
    /// Take places with this score or more (0 to 1); 0.5 by default
    #[arg(long, value_name = "P", conflicts_with_all = ["expected", "precision"])]
    threshold: Option<f64>,
    /// Take this many picks a micrograph, on average over all
    #[arg(long, value_name = "N", conflicts_with = "precision")]
    expected: Option<f64>,
    /// Take as many as are expected to hold this share of particles (0 to 1)
    #[arg(long, value_name = "P")]
    precision: Option<f64>,
    /// Smallest distance of two picks, px of the unbinned micrograph; a third of the box by default
    #[arg(long, value_name = "PX")]
    distance: Option<f64>,
    /// Side of the box on the micrograph, px; by default that of the project's patches
    #[arg(long = "box", value_name = "PX")]
    box_size: Option<usize>,
    /// Px averaged into one; by default as for the project's patches
    #[arg(long, value_name = "FACTOR")]
    bin: Option<usize>,
    /// Write a RELION coordinate file for each micrograph into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write one table of all picks here (CSV)
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// Go on: take micrographs that appear in the folders of --micrographs, until Ctrl-C
    #[arg(long, requires = "micrographs")]
    watch: bool,
    /// With --watch: end when nothing new has come for this long
    #[arg(long, value_name = "SECONDS", requires = "watch")]
    idle: Option<u64>,
    /// auto, cpu, gpu or gpu:N (see `vitrine devices`)
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Print a summary as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let choice = match (args.threshold, args.expected, args.precision) {
        (_, Some(number), _) => Choice::Expected(number),
        (_, _, Some(share)) => Choice::Precision(share),
        (threshold, None, None) => Choice::Threshold(threshold.unwrap_or(0.5)),
    };
    choice.check()?;
    let request = PickRequest {
        run: args.run.clone(),
        micrographs: args.micrographs,
        choice,
        distance: args.distance,
        box_size: args.box_size,
        bin: args.bin,
        out: args.out,
        table: args.table,
        watch: args.watch,
        idle: args.idle.map(Duration::from_secs),
        device: ComputeDevice::open(args.device)?,
    };
    let project = open::to_read(&args.project)?;
    let mut progress = Progress::new(args.json);
    let summary = pick(&project, &request, &mut |step| progress.show(&step.phase, step.done, step.total))?;
    progress.clear();
    if args.json {
        return print_json(&json!({ "run": args.run, "summary": summary }));
    }
    print(&summary, &args.run);
    Ok(())
}

fn print(summary: &PickSummary, run: &str) {
    for left_out in &summary.left_out {
        eprintln!("left out: {}", left_out.reason);
    }
    for note in &summary.notes {
        eprintln!("note: {note}");
    }
    let before = match summary.scored_before {
        0 => String::new(),
        number => format!(" ({number} of them scored before)"),
    };
    print_line(&format!(
        "{} picks on {} micrographs{before} under {run}, {:.0} s",
        summary.picks, summary.micrographs, summary.seconds
    ));
    print_line(&format!(
        "threshold: score {:.4}; distance {:.0} px; box {} px, averaged by {}; {} places kept",
        summary.threshold, summary.distance, summary.box_size, summary.bin, summary.places
    ));
    if let Some(expected) = &summary.expected {
        print_line(&format!(
            "expected: precision {:.2} ({:.2} to {:.2}), {:.0} % of the particles among the places",
            expected.precision,
            expected.low,
            expected.high,
            100.0 * expected.recall
        ));
    }
    if !summary.left_out.is_empty() {
        print_line(&format!("left out: {} micrographs, named above", summary.left_out.len()));
    }
    for path in [&summary.out, &summary.table].into_iter().flatten() {
        print_line(&format!("picks: {}", path.display()));
    }
    if summary.out.is_none() && summary.table.is_none() {
        print_line("give --out DIR or --table FILE to write the picks");
    }
}
