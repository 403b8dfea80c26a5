//! `vitrine pick`: the particles of whole micrographs.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::export::ExportFormat;
use vitrine_core::learning::general_model::box_and_bin;
use vitrine_core::picking::choose::Choice;
use vitrine_core::workflow::pick::{PickRequest, PickSummary, pick};

use super::exit::Usage;
use super::export::{HowWritten, print_files};
use super::open;
use super::output::{print_json, print_line};
use super::progress::ProgressDisplay;
use super::remedy;

/// Pick the particles of whole micrographs with a run.
///
/// The run's network slides over each micrograph and proposes places. Patches are cut there and scored exactly, as
/// by `vitrine score`, and these scores decide. The network must be one that can slide: train with the preset
/// `picking`, or with any configuration whose backbone is `sliding_cnn`; or pick without a label, with the run of
/// `vitrine rank`. Without --micrographs the micrographs of the project are picked; others need not be in it.
///
/// A network that you train must have seen what lies between particles: import with --pool picking.
///
/// All places with a score of 0.0025 or more are kept with the run, so picking again with another threshold, distance
/// or number takes a moment, and a job that was stopped continues where it was. --out writes a RELION coordinate file
/// for each micrograph (NAME_vitrine.star), in which y counts as RELION reads the file: MRC from the first stored row,
/// TIFF from the last. --table writes one table of all picks, in which y counts from the first stored row. Borders of a
/// micrograph that hold no image are skipped.
///
/// --export writes all picks in a format of `vitrine export`, patches included where the format holds them. Optics and
/// defocus are taken from the project's patches on the same micrographs. Picks whose box leaves the micrograph have no patch.
///
/// A threshold that the window has set for a single micrograph replaces the one given here. Where the window takes out the
/// shift of each micrograph's scores, this command takes it out too. --one-threshold ignores both.
///
/// Your labels correct the picks: a pick beside a negative patch is left out, and a particle that you have marked is added
/// where the run picks none (score 1). Positives that came with imported files are not added. --as-scored ignores labels.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine train apo/ --config picking --name slide
  vitrine pick apo/ --run slide --out picks/
  vitrine pick apo/ --run general-1 --diameter 108 --micrographs mics/ --out picks/
  vitrine pick apo/ --run slide --micrographs new/ --expected 250 --table picks.csv
  vitrine pick apo/ --run slide --threshold 0.7 --distance 80 --out picks/
  vitrine pick apo/ --run slide --export picks.star --format relion-star --what both --normalise --invert
  vitrine pick apo/ --run slide --micrographs session/ --watch --out picks/

Ctrl-C ends it with status 130; what was complete is kept, and the same command continues from there.")]
pub struct Args {
    /// Folder of the project
    pub(super) project: PathBuf,
    /// The run that picks
    #[arg(long)]
    pub(super) run: String,
    /// Micrographs, or folders of them; by default those of the project
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(super) micrographs: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) how: How,
    /// Write a RELION coordinate file for each micrograph into this folder
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Write one table of all picks here (CSV)
    #[arg(long, value_name = "FILE")]
    pub(super) table: Option<PathBuf>,
    /// Write all picks here in a format of `vitrine export`: a file, or for relion-coordinates, png and box a folder
    #[arg(long, value_name = "PATH", requires = "format", conflicts_with = "watch", help_heading = EXPORT)]
    pub(super) export: Option<PathBuf>,
    /// relion-star, relion-coordinates, cryosparc-star, csv, npz, mrcs, png or box (see `vitrine export --help`)
    #[arg(long, requires = "export", help_heading = EXPORT)]
    pub(super) format: Option<ExportFormat>,
    /// Replace files of --export that exist
    #[arg(long, requires = "export", help_heading = EXPORT)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) written: HowWritten,
    /// Keep running and pick micrographs that appear in the folders of --micrographs, until Ctrl-C
    #[arg(long, requires = "micrographs")]
    pub(super) watch: bool,
    /// With --watch: stop when no new micrograph has appeared for this long
    #[arg(long, value_name = "SECONDS", requires = "watch")]
    pub(super) idle: Option<u64>,
    /// auto, cpu, gpu or gpu:N (see `vitrine devices`)
    #[arg(long, default_value = "auto")]
    pub(super) device: DeviceChoice,
    /// Print a summary as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Heading of the options of an export.
const EXPORT: &str = "An export of the picks";

/// Which places are picks, and how patches are cut to score them.
#[derive(clap::Args)]
pub struct How {
    /// Take places with this score or more (0 to 1); 0.5 by default
    #[arg(long, value_name = "P", conflicts_with_all = ["expected", "precision"])]
    pub(super) threshold: Option<f64>,
    /// Take this many picks a micrograph, on average over all, before labels correct them
    #[arg(long, value_name = "N", conflicts_with = "precision")]
    pub(super) expected: Option<f64>,
    /// Take as many picks as possible while this share of them is expected to be particles (0 to 1)
    #[arg(long, value_name = "P")]
    pub(super) precision: Option<f64>,
    /// Use one threshold for all: ignore thresholds of single micrographs and shifts that the project keeps
    #[arg(long)]
    pub(super) one_threshold: bool,
    /// Write what the run picks, whatever labels say: keep rejected picks and add no marked particles
    #[arg(long)]
    pub(super) as_scored: bool,
    /// Smallest distance of two picks, px of the unbinned micrograph; a third of the box by default
    #[arg(long, value_name = "PX")]
    pub(super) distance: Option<f64>,
    /// Side of the box on the micrograph, px; by default that of the project's patches
    #[arg(long = "box", value_name = "PX")]
    pub(super) box_size: Option<usize>,
    /// Px averaged into one; by default as for the project's patches
    #[arg(long, value_name = "FACTOR")]
    pub(super) bin: Option<usize>,
    /// Diameter of the particle, px of the unbinned micrograph; chooses box and bin factor for a run of `vitrine rank`
    #[arg(long, value_name = "PX", conflicts_with_all = ["box_size", "bin"])]
    pub(super) diameter: Option<f64>,
}

impl How {
    /// Box and bin factor, as far as they are given.
    ///
    /// # Errors
    /// When a diameter is given that is none.
    pub(super) fn cut(&self) -> anyhow::Result<(Option<usize>, Option<usize>)> {
        let Some(diameter) = self.diameter else { return Ok((self.box_size, self.bin)) };
        let (box_size, bin) = box_and_bin(diameter)?;
        Ok((Some(box_size), Some(bin)))
    }

    /// Which places are picks.
    ///
    /// # Errors
    /// When what was asked for cannot be meant.
    pub(super) fn choice(&self) -> anyhow::Result<Choice> {
        let choice = match (self.threshold, self.expected, self.precision) {
            (_, Some(number), _) => Choice::Expected(number),
            (_, _, Some(share)) => Choice::Precision(share),
            (threshold, None, None) => Choice::Threshold(threshold.unwrap_or(0.5)),
        };
        choice.check()?;
        Ok(choice)
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    if args.export.is_none() && args.written.is_given() {
        return Err(Usage(
            "--what, --y, --micrograph-names, --normalise, --invert and optics are for --export",
        )
        .into());
    }
    let choice = args.how.choice()?;
    let (box_size, bin) = args.how.cut()?;
    let export =
        args.export.zip(args.format).map(|(out, format)| args.written.request(format, out, args.force));
    let exported_to = export.as_ref().map(|export| export.out.clone());
    let request = PickRequest {
        micrographs: args.micrographs,
        choice,
        one_threshold: args.how.one_threshold,
        as_scored: args.how.as_scored,
        distance: args.how.distance,
        box_size,
        bin,
        out: args.out,
        table: args.table,
        export,
        watch: args.watch,
        idle: args.idle.map(Duration::from_secs),
        ..PickRequest::new(args.run.clone(), ComputeDevice::open(args.device)?)
    };
    let project = open::to_read(&args.project)?;
    let mut progress = ProgressDisplay::new(args.json);
    let summary = pick(&project, &request, &mut |step| progress.show(&step.phase, step.done, step.total))?;
    progress.clear();
    if args.json {
        return print_json(&json!({ "run": args.run, "summary": summary }));
    }
    print(&summary, &args.run);
    if let (Some(manifest), Some(out)) = (&summary.exported, exported_to) {
        print_line(&format!("exported {} picks", manifest.counts.total()));
        print_files(manifest, &out);
    }
    Ok(())
}

/// Prints what picking did.
pub(super) fn print(summary: &PickSummary, run: &str) {
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
    if summary.rejected + summary.added > 0 {
        print_line(&format!(
            "corrected by your labels: {} rejected, {} marked and added (--as-scored ignores labels)",
            summary.rejected, summary.added
        ));
    }
    print_line(&format!(
        "threshold: score {:.4}; distance {:.0} px; box {} px, averaged by {}; {} places kept",
        summary.threshold, summary.distance, summary.box_size, summary.bin, summary.places
    ));
    if summary.own_thresholds > 0 {
        let (count, have) = match summary.own_thresholds {
            1 => ("1 micrograph".to_owned(), "has a threshold of its own"),
            many => (format!("{many} micrographs"), "have a threshold of their own"),
        };
        print_line(&format!("{count} {have}, set in the window (--one-threshold ignores it)"));
    }
    if summary.without_shifts {
        print_line(
            "scores are compared without the shift of their micrograph, as set in the window (--one-threshold leaves it in)",
        );
    }
    if summary.lowered_by_contrast {
        print_line("places that stand out from their micrograph less than most particles have lower scores");
    }
    if let Some(expected) = &summary.expected {
        let from = match expected.judged {
            0 => "by scores".to_owned(),
            places => format!("by {places} places judged at random"),
        };
        let uncorrected = match summary.rejected + summary.added {
            0 => "",
            _ => ", before the corrections",
        };
        print_line(&format!(
            "expected {from}{uncorrected}: precision {:.2} ({:.2} to {:.2}), {:.0} % ({:.0} to {:.0}) of the particles among the places",
            expected.precision,
            expected.low,
            expected.high,
            100.0 * expected.recall,
            100.0 * expected.recall_low,
            100.0 * expected.recall_high
        ));
    }
    if let Some(why) = &summary.why_not_expected {
        print_line(&format!("no precision: {}", remedy::warning(why)));
    }
    if !summary.left_out.is_empty() {
        print_line(&format!("left out: {} micrographs, named above", summary.left_out.len()));
    }
    for path in [&summary.out, &summary.table].into_iter().flatten() {
        print_line(&format!("picks: {}", path.display()));
    }
    if summary.out.is_none() && summary.table.is_none() && summary.exported.is_none() {
        print_line("give --out DIR, --table FILE or --export PATH to write the picks");
    }
}
