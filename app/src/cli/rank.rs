//! `vitrine rank`: scores before the first label.

use std::path::PathBuf;

use serde_json::json;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::imaging::Contrast;
use vitrine_core::workflow::rank::{RankRequest, rank};

use super::open;
use super::output::{print_json, print_line};
use super::progress::ProgressDisplay;

/// Rank the patches of a project without any label.
///
/// The general model that comes with the program scores every patch. It learned from simulated particles of many shapes
/// and has seen no real data. The scores are stored as a run (general-1, …), so the gallery can sort by them, the
/// review queues can suggest what to label next, and `pick` can use the run. The presets recommended and quick begin
/// with its weights.
///
/// The particle should fill about half of the box: between 0.4 and 0.75 of its side.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine rank apo/
  vitrine rank apo/ --particles light --name first
  vitrine export apo/ --run general-1 --threshold 0.5 --format relion-star --out first.star")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// Whether particles are dark or light; auto compares both
    #[arg(long, value_name = "CONTRAST", value_parser = ["auto", "dark", "light"], default_value = "auto")]
    particles: String,
    /// Name of the run; general-1, general-2, … by default
    #[arg(long)]
    name: Option<String>,
    /// auto, cpu, gpu or gpu:N (see `vitrine devices`)
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Print a summary as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let request = RankRequest {
        name: args.name,
        contrast: match args.particles.as_str() {
            "dark" => Contrast::Dark,
            "light" => Contrast::Light,
            _ => Contrast::Both,
        },
        device: ComputeDevice::open(args.device)?,
    };
    let mut project = open::to_write(&args.project)?;
    let mut progress = ProgressDisplay::new(args.json);
    let result = rank(&mut project, request, &mut |step| progress.show(&step.phase, step.done, step.total))?;
    progress.clear();
    let contrast = if result.is_light { "light" } else { "dark" };
    if args.json {
        return print_json(&json!({
            "run": result.run, "particles": contrast, "patches": result.patches,
            "at_least_half": result.above_half, "auc_pu": result.auc_pu,
        }));
    }
    print_line(&format!(
        "{} patches ranked as {} ({contrast} particles); {} have a score of 0.5 or more",
        result.patches, result.run, result.above_half
    ));
    if let Some(auc) = result.auc_pu {
        print_line(&format!("AUC of the positives against the unlabeled: {auc:.3}"));
    }
    Ok(())
}
