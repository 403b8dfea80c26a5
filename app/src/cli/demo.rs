//! `vitrine demo`: the whole job on a simulated sample.

use std::path::PathBuf;

use serde_json::json;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::report::tables::comparison_text;
use vitrine_core::workflow::demo::{DemoRequest, demo};

use super::output::{print_json, print_line};
use super::train_display::{Display, as_json, print_result};

/// Try everything on a simulated sample: import, train, compare, report, export.
///
/// Simulates eight micrographs with particles, impostors, ice and carbon, and picks a third of the
/// particles. Imports them with blobs as unlabeled. Trains the plain classifier and the recommended
/// method on the same split. Prints the comparison, and writes a report and a STAR file. Because the
/// sample is simulated, the truth is known, and the comparison shows it as well.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine demo demo/
  vitrine demo quick/ --epochs 4      # quicker and worse

DIR then holds
  sample/          the simulated micrographs, picks and truth
  project/         a project; `vitrine info DIR/project` shows it
  report.html      the comparison with pictures
  particles.star   what the recommended run takes for particles, for RELION")]
pub struct Args {
    /// New or empty folder
    dir: PathBuf,
    /// Seed of sample and runs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Epochs of both runs instead of the presets'
    #[arg(long)]
    epochs: Option<usize>,
    /// auto, cpu, gpu or gpu:N
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let device = ComputeDevice::open(args.device)?;
    if !args.json {
        eprintln!("demonstration in {}, computing on {device}", args.dir.display());
    }
    let request = DemoRequest { dir: args.dir, seed: args.seed, epochs: args.epochs, device };
    let display = Display::new(args.json, "demo");
    let outcome = display.drive(|listen, watch| demo(&request, listen, watch))?;
    if args.json {
        return print_json(&json!({
            "project": outcome.project,
            "labels": outcome.imported.labels,
            "runs": outcome.runs.iter().map(as_json).collect::<Vec<_>>(),
            "metrics": outcome.summaries.iter().map(|s| json!({"run": s.name, "metrics": s.metrics})).collect::<Vec<_>>(),
            "report": outcome.report,
            "export": outcome.export,
            "exported": outcome.exported,
        }));
    }
    for result in &outcome.runs {
        print_result(result);
    }
    print_line("");
    print_line(comparison_text(&outcome.summaries)?.trim_end());
    print_line("");
    print_line(&format!(
        "sample   {} particles in the micrographs, {} of them picked",
        outcome.sample.particles, outcome.sample.picked
    ));
    print_line(&format!("project  {}", outcome.project.display()));
    print_line(&format!("report   {}", outcome.report.display()));
    print_line(&format!("export   {} ({} particles)", outcome.export.display(), outcome.exported));
    Ok(())
}
