//! `vitrine compare`: runs side by side.

use std::path::PathBuf;

use serde_json::json;
use vitrine_core::report::configurations::{by_configuration, configurations_text};
use vitrine_core::report::tables::comparison_text;
use vitrine_core::workflow::compare::{summaries, write_pictures, write_report};

use super::args::TruthArgs;
use super::measures::NOT_MEASURED;
use super::open;
use super::output::{print_json, print_line};
use super::remedy;

/// Compare runs: their measures, and the differences of their configurations.
///
/// All runs of the project are compared unless some are named. --by-config groups the runs that differ only in the seed,
/// and shows mean and spread over the seeds. --report writes one self-contained
/// HTML file with ROC and precision-recall curves, AUC over epochs, score histograms and patches.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine compare apo/
  vitrine compare apo/ supervised_baseline-1 recommended-1 --report apo.html
  vitrine compare apo/ --by-config     # mean and spread over seeds
  vitrine compare apo/ --json | jq '.[].metrics.validation_auc_pu'")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// Runs to compare; by default all
    runs: Vec<String>,
    /// Group the runs that differ only in the seed: mean and spread of each measure over the seeds
    #[arg(long)]
    by_config: bool,
    /// Write the report here (HTML)
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the report's pictures as files into this folder (SVG plots, PNG patches)
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    #[command(flatten)]
    truth: TruthArgs,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let project = open::to_read(&args.project)?;
    let truth = args.truth.read(&project)?;
    let runs = summaries(&project, &args.runs, truth.as_deref())?;
    if args.by_config {
        if args.json {
            print_json(&by_configuration(&runs)?)?;
        } else {
            print_line(configurations_text(&runs)?.trim_end());
        }
    } else if args.json {
        let all: Vec<_> = runs
            .iter()
            .map(|run| {
                // A corrected AUC that does not exist is null, with the reason beside it.
                let mut metrics = json!(run.metrics);
                run.above_ceiling.keys().for_each(|key| metrics[key] = json!(null));
                let reasons = run.above_ceiling.iter().map(|(key, why)| (key, why.to_string()));
                let reasons: std::collections::BTreeMap<_, _> = reasons.collect();
                json!({
                    "run": run.name, "is_baseline": run.is_baseline, "seed": run.seed, "device": run.device,
                    "prior": run.prior, "metrics": metrics, NOT_MEASURED: reasons, "warnings": run.warnings,
                })
            })
            .collect();
        print_json(&all)?;
    } else {
        print_line(comparison_text(&runs)?.trim_end());
        for warning in runs.iter().flat_map(|run| &run.warnings) {
            print_line(&format!("note: {}", remedy::warning(warning)));
        }
    }
    if let Some(dir) = &args.pictures {
        let written = write_pictures(&project, &runs, dir)?;
        if !args.json {
            print_line(&format!("pictures: {} files in {}", written.len(), dir.display()));
        }
    }
    if let Some(path) = &args.report {
        write_report(&project, runs, path)?;
        if !args.json {
            print_line(&format!("report: {}", path.display()));
        }
    }
    Ok(())
}
