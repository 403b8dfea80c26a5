//! `vitrine diagnose`: what is wrong, why, and the corrected configuration.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::bail;
use serde_json::json;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::diagnosis::{Depth, Finding, Report, Severity, prescription};
use vitrine_core::learning::config::presets::Preset;
use vitrine_core::learning::config::yaml;
use vitrine_core::workflow::diagnose::{DiagnoseRequest, diagnose};

use super::args::TruthArgs;
use super::open;
use super::output::{print_json, print_line};
use super::progress::ProgressDisplay;

/// Find what is wrong with data, configuration or run, and write the corrected configuration.
///
/// Examines the patches (broken, copied, differently normalised, inverted), the labels (exchanged, too
/// few, picked with a bias), the class prior, the gradients and the learning rate, and trains the
/// configuration for a few epochs on shrunk patches to see what its pseudo-labels do. With --run the
/// epochs and the network of a run are examined too, with the run's own configuration and labels.
///
/// The project is only read. Findings are listed causes first; a finding that follows from another stands below it.
/// --fix writes the corrected configuration, each change with its reason.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine diagnose apo/
  vitrine diagnose apo/ --config mine.yaml --fix corrected.yaml; vitrine train apo/ --config corrected.yaml
  vitrine diagnose apo/ --run recommended-1 --json > report.json
  vitrine diagnose apo/ --quick
  vitrine diagnose apo/ --sweeps --truth truth.csv --truth-radius 60

Exit status:
  0    healthy: nothing beyond notes
  1    findings: at least one warning or something wrong
  2    could not run
  130  stopped by Ctrl-C")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// Preset name or YAML file; by default the run's, else `recommended`
    #[arg(long, short)]
    config: Option<String>,
    /// Also examine the epochs and the network of this run
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// Write the corrected configuration here (YAML, each change with its reason)
    #[arg(long, value_name = "FILE")]
    fix: Option<PathBuf>,
    /// With --fix: replace an existing file
    #[arg(long, requires = "fix")]
    force: bool,
    /// Skip the examinations that need training; takes seconds
    #[arg(long, conflicts_with = "sweeps")]
    quick: bool,
    /// Also sweep prior and learning rate, with a short training for each value; takes some minutes more
    #[arg(long)]
    sweeps: bool,
    /// auto, cpu, gpu or gpu:N (see `vitrine devices`)
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    #[command(flatten)]
    truth: TruthArgs,
    /// Print the whole report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command; answers whether the project is healthy. `verbose` also says what was looked at.
pub fn run(args: Args, verbose: bool) -> anyhow::Result<bool> {
    if let Some(path) = &args.fix
        && path.exists()
        && !args.force
    {
        bail!("{} exists already; name another file, or use --force", path.display());
    }
    let device = ComputeDevice::open(args.device)?;
    let project = open::to_read(&args.project)?;
    let truth = args.truth.read(&project)?;
    let config = match (&args.config, &args.run) {
        (Some(name), _) => Some(yaml::load(name)?),
        (None, Some(_)) => None,
        (None, None) => Some(yaml::preset(Preset::Recommended)?),
    };
    let config_name = args.config.clone().unwrap_or_else(|| Preset::Recommended.name().to_owned());
    let depth = match (args.quick, args.sweeps) {
        (true, _) => Depth::Quick,
        (_, true) => Depth::Sweeps,
        _ => Depth::Standard,
    };
    let request = DiagnoseRequest { config, config_name, run: args.run.clone(), depth, device, truth };
    let progress = RefCell::new(ProgressDisplay::new(args.json));
    let report = diagnose(&project, &request, &mut |step| {
        progress.borrow_mut().show_share(step.examination.title(), step.done, step.seconds_left)
    });
    progress.borrow_mut().clear();
    let report = report?;
    let written = match &args.fix {
        Some(path) => Some(write_fix(&report, path)?),
        None => None,
    };
    if args.json {
        let fix = written.as_ref().map(|_| args.fix.clone());
        print_json(&json!({ "report": report, "fix": fix }))?;
    } else {
        print(&report, verbose);
        match (&args.fix, written) {
            (Some(path), Some(changes)) => {
                print_line(&format!("wrote {} ({changes} changes)", path.display()));
                print_line(&format!(
                    "next: vitrine train {} --config {}",
                    args.project.display(),
                    path.display()
                ));
            }
            _ if report.corrected.is_some() => {
                print_line("next: the same with --fix corrected.yaml writes the corrected configuration");
            }
            _ => {}
        }
    }
    Ok(report.healthy)
}

fn write_fix(report: &Report, path: &Path) -> anyhow::Result<usize> {
    let text = prescription::to_yaml(&report.config, &report.config_name, &report.findings)?;
    std::fs::write(path, text).map_err(|e| vitrine_core::Error::io("write", path, e))?;
    Ok(prescription::changes(&report.findings).len())
}

fn print(report: &Report, verbose: bool) {
    let line = |text: &str| print_line(text);
    if verbose {
        for section in &report.sections {
            line(&format!("{} ({:.1} s)", section.examination.title(), section.seconds));
            for sentence in &section.summary {
                line(&format!("  {sentence}"));
            }
            if let Some(why) = &section.skipped {
                line(&format!("  not examined: {why}"));
            }
        }
        line("");
    }
    for (number, finding) in report.findings.iter().enumerate() {
        print_finding(number + 1, finding);
    }
    line(&format!(
        "{} ({}, {} of {} patches, {:.0} s)",
        report.verdict, report.config_name, report.patches, report.total, report.seconds
    ));
}

fn print_finding(number: usize, finding: &Finding) {
    let line = |text: &str| print_line(text);
    let mark = match finding.severity {
        Severity::Wrong => "WRONG",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    line(&format!("{number}. {mark}  {}", finding.what));
    line(&format!("   why: {}", finding.why));
    line(&format!("   do:  {}", finding.advice));
    if let Some(cause) = finding.follows_from {
        line(&format!("   follows from: {cause}"));
    }
    for change in &finding.changes {
        line(&format!("   - {}: {}", change.key, change.from));
        line(&format!("   + {}: {}", change.key, change.to));
    }
    if !finding.patches.is_empty() {
        let listed: Vec<String> = finding.patches.iter().take(8).map(u32::to_string).collect();
        let more = if finding.patches.len() > listed.len() { ", …" } else { "" };
        line(&format!("   patches: {}{more}", listed.join(", ")));
    }
    line("");
}
