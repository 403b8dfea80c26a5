//! `vitrine sweep`: the same training with other configurations and seeds.

use std::path::PathBuf;

use serde_json::json;
use vitrine_core::Error;
use vitrine_core::cluster::Job;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::learning::config::overrides::Overrides;
use vitrine_core::learning::config::presets::Preset;
use vitrine_core::learning::config::yaml;
use vitrine_core::project::{Project, RunStatus};
use vitrine_core::report::configurations::{by_configuration, configurations_text};
use vitrine_core::workflow::compare::summaries;
use vitrine_core::workflow::sweep::{Advance, Axis, Sweep, SweepRun, advance};
use vitrine_core::workflow::sweep_job;

use super::exit::Stopped;
use super::open;
use super::output::{print_json, print_line};
use super::remedy;
use super::train_display::Display;

/// Train every combination of some values with every seed, a run each, and compare the configurations.
///
/// Runs are trained one after the other on this machine. Give the same command again to continue after a stop: runs
/// that are already trained are skipped. A run that fails does not end the sweep. `vitrine submit sweep` trains the
/// runs on a cluster, each as a task of an array.
///
/// At the end runs that differ only in the seed are grouped, with mean and spread of each measure, as by
/// `vitrine compare --by-config`.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  Is a change more than chance? Two presets, three seeds each:
    vitrine sweep apo/ --config quick --seeds 1,2,3
    vitrine sweep apo/ --config recommended --seeds 1,2,3
    vitrine compare apo/ --by-config
  A grid of two keys:
    vitrine sweep apo/ --config quick --set optimizer.learning_rate=0.001,0.003 \\
        --set schedule.epochs=12,24 --seeds 1,2,3
  First look at what would be trained:
    vitrine sweep apo/ --config quick --set teacher.decay=0.99,0.995 --list
  On a cluster:
    vitrine submit sweep apo/ --config quick --seeds 1,2,3 --cluster lab --cpus 8
    vitrine jobs apo/ merge sweep-1

Keys are those of a configuration file (docs/reference/configuration.md). Ctrl-C ends it with status 130.")]
pub struct Args {
    /// Folder of the project
    pub(super) project: PathBuf,
    /// Preset name or YAML file that the runs have in common
    #[arg(long, short, default_value = Preset::Recommended.name())]
    config: String,
    /// A key of the configuration and its values; given again for another key, every combination is trained
    #[arg(long, value_name = "KEY=VALUE,…")]
    set: Vec<Axis>,
    /// Seeds, separated by commas; by default the configuration's
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    seeds: Vec<u64>,
    /// Epochs of every run instead of the configuration's
    #[arg(long)]
    epochs: Option<usize>,
    /// Name of the sweep, with which the names of its runs begin; by default the preset's
    #[arg(long)]
    name: Option<String>,
    /// auto, cpu, gpu or gpu:N (see `vitrine devices`)
    #[arg(long, default_value = "auto")]
    pub(super) device: DeviceChoice,
    /// Show the runs that would be trained, and train none
    #[arg(long)]
    list: bool,
    /// Print the comparison as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    /// What is to be trained.
    ///
    /// # Errors
    /// When a configuration is not valid.
    pub(super) fn sweep(&self) -> anyhow::Result<Sweep> {
        let overrides = Overrides { epochs: self.epochs, ..Overrides::default() };
        let base = overrides.apply(yaml::load(&self.config)?)?;
        let name = self.name.clone().unwrap_or_else(|| yaml::stem(&self.config));
        Ok(Sweep::grid(&name, &base, &self.set, &self.seeds)?)
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let sweep = args.sweep()?;
    if args.list {
        return list(&sweep, args.json);
    }
    let device = ComputeDevice::open(args.device)?;
    let mut project = open::to_write(&args.project)?;
    let mut failed = Vec::new();
    for (number, wanted) in (1..).zip(&sweep.runs) {
        if !args.json {
            eprintln!("run {number} of {}: {}", sweep.runs.len(), told(wanted));
        }
        match train(&mut project, wanted, &device, args.json) {
            Ok(Advance::Stopped) => return Err(stopped(number - 1, &sweep).into()),
            Ok(Advance::Known) if !args.json => eprintln!("  trained before"),
            Ok(_) => {}
            Err(error) if matches!(error.downcast_ref(), Some(Error::Cancelled)) => {
                return Err(stopped(number - 1, &sweep).into());
            }
            Err(error) => {
                // What keeps a run from beginning stands in the way of the next one too.
                let failed_in_training =
                    project.run(&wanted.name).is_ok_and(|run| run.status == RunStatus::Failed);
                if !failed_in_training {
                    return Err(error);
                }
                eprintln!("  failed: {}", remedy::sentence(&error));
                failed.push(wanted.name.clone());
            }
        }
    }
    let trained: Vec<String> = sweep.names().into_iter().filter(|name| !failed.contains(name)).collect();
    if !trained.is_empty() {
        compare(&project, &trained, args.json)?;
    }
    anyhow::ensure!(
        failed.is_empty(),
        "{} of {} runs failed: {}",
        failed.len(),
        sweep.runs.len(),
        failed.join(", ")
    );
    Ok(())
}

fn train(
    project: &mut Project,
    wanted: &SweepRun,
    device: &ComputeDevice,
    quiet: bool,
) -> anyhow::Result<Advance> {
    Display::new(quiet, &wanted.name).drive(|listen, watch| advance(project, wanted, device, listen, watch))
}

fn stopped(done: usize, sweep: &Sweep) -> Stopped {
    Stopped(format!("{done} of {} runs are trained; the same command continues from here", sweep.runs.len()))
}

/// A run in a line.
fn told(run: &SweepRun) -> String {
    if run.changes.is_empty() { run.name.clone() } else { format!("{} ({})", run.name, run.changes) }
}

fn list(sweep: &Sweep, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return print_json(&json!({ "name": sweep.name, "runs": sweep.runs }));
    }
    sweep.runs.iter().for_each(|run| print_line(&told(run)));
    print_line(&format!("{} runs", sweep.runs.len()));
    Ok(())
}

/// Prints the configurations side by side.
fn compare(project: &Project, runs: &[String], as_json: bool) -> anyhow::Result<()> {
    let runs = summaries(project, runs, None)?;
    if as_json {
        return print_json(&by_configuration(&runs)?);
    }
    print_line(configurations_text(&runs)?.trim_end());
    Ok(())
}

/// A task of a job: trains its runs in a branch of the project, which no other process writes.
///
/// # Errors
/// As [`advance`], and when the task was stopped.
pub fn task(job: &Job, number: usize, device: DeviceChoice) -> anyhow::Result<()> {
    let sweep = sweep_job::plan_of(job)?.ok_or_else(|| anyhow::anyhow!("the job has no sweep.json"))?;
    let runs = sweep_job::runs_of(job, &sweep, number);
    anyhow::ensure!(
        !runs.is_empty(),
        "sweep.json has {} runs, and none of them is for task {number}",
        sweep.runs.len()
    );
    let mut branch = sweep_job::open_branch(job, &sweep, number)?;
    let device = ComputeDevice::open(device)?;
    for wanted in runs {
        print_line(&told(wanted));
        if train(&mut branch, wanted, &device, false)? == Advance::Stopped {
            return Err(Error::Cancelled.into());
        }
    }
    Ok(())
}

/// Brings the runs of a job into the project, as far as they are trained, and compares them.
///
/// # Errors
/// As [`sweep_job::bring_home`].
pub fn bring_home(job: &Job, sweep: &Sweep, as_json: bool) -> anyhow::Result<()> {
    let mut project = open::to_write(&job.file.project)?;
    let home = sweep_job::bring_home(job, &mut project, sweep)?;
    if !as_json {
        print_line(&format!(
            "{} into the project; it has {} of the {} that {} trains",
            if home.came == 1 { "1 run came".to_owned() } else { format!("{} runs came", home.came) },
            home.runs.len(),
            home.all,
            job.file.name
        ));
        if home.runs.len() < home.all {
            let (place, name) = (job.file.project.display(), &job.file.name);
            print_line(&format!("for the others: vitrine jobs {place} rerun {name}, then merge again"));
        }
        print_line("");
    }
    compare(&project, &home.runs, as_json)
}
