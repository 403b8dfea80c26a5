//! `vitrine cluster`: the clusters that jobs can be submitted to.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;
use vitrine_core::cluster::{
    Cluster, Clusters, Job, Kind, NewJob, Resources, SubmittedCommand, TaskState, Tasks, states, submit,
};

use super::exit::Usage;
use super::output::{print_json, print_line};
use super::progress::ProgressDisplay;

/// Name the clusters that jobs can be submitted to.
///
/// A cluster is described by a file that the site already has: RELION's submission template, or cryoSPARC's
/// cluster_info.json with cluster_script.sh beside it. Plain SLURM needs a partition at most. The files stay where they
/// are and are read for every job.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine cluster add lab --partition gpu
  vitrine cluster add lab --relion /public/EM/RELION/relion/bin/qsub.csh --submit sbatch --queue openmpi
  vitrine cluster add lab --relion          # as RELION_QSUB_TEMPLATE and RELION_QSUB_COMMAND say
  vitrine cluster add lab --cryosparc ~/cluster_info.json
  vitrine cluster test lab
  vitrine cluster list")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Add a cluster, or replace one
    Add(Add),
    /// Submit a job that does nothing, and see it end
    Test(Test),
    /// List the clusters
    List(List),
}

#[derive(clap::Args)]
struct Add {
    /// Name of the cluster
    name: String,
    /// Plain SLURM: the partition; without any option SLURM's own default is used
    #[arg(long, conflicts_with_all = ["relion", "cryosparc"])]
    partition: Option<String>,
    /// RELION's submission template; without a file the one that RELION_QSUB_TEMPLATE names
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "cryosparc")]
    relion: Option<Option<PathBuf>>,
    /// With --relion: the command that submits; by default RELION_QSUB_COMMAND, else sbatch
    #[arg(long, value_name = "COMMAND", requires = "relion")]
    submit: Option<String>,
    /// With --relion: cores a node has at least; by default RELION_MINIMUM_DEDICATED, else 24
    #[arg(long, value_name = "N", requires = "relion")]
    dedicated: Option<u32>,
    /// With --relion or --cryosparc: queue of jobs that name none
    #[arg(long, conflicts_with = "partition")]
    queue: Option<String>,
    /// cryoSPARC's cluster_info.json; cluster_script.sh lies beside it
    #[arg(long, value_name = "FILE")]
    cryosparc: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Test {
    /// Name of the cluster
    name: String,
    /// Folder that the cluster's machines see too; by default the current one
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Queue or partition; by default the cluster's
    #[arg(long)]
    queue: Option<String>,
    /// Wait no longer than this
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    wait: u64,
}

#[derive(clap::Args)]
struct List {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// The clusters of this person: files beside the settings.
///
/// # Errors
/// When there is no folder for settings.
pub fn clusters() -> anyhow::Result<Clusters> {
    let settings = crate::gui::settings::default_path()
        .context("no folder for settings is known: set VITRINE_CONFIG_DIR to one")?;
    Ok(crate::gui::settings::clusters_beside(&settings))
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    match args.what {
        What::Add(args) => add(args),
        What::Test(args) => test(&args),
        What::List(args) => list(&args),
    }
}

/// A variable of RELION's set-up.
fn relion_variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn add(args: Add) -> anyhow::Result<()> {
    let absolute = |path: PathBuf| std::path::absolute(&path).with_context(|| path.display().to_string());
    let (kind, queue) = match (args.relion, args.cryosparc) {
        (Some(given), _) => {
            let template = match given.or_else(|| relion_variable("RELION_QSUB_TEMPLATE").map(PathBuf::from))
            {
                Some(path) => absolute(path)?,
                None => {
                    return Err(Usage("--relion needs a file, for RELION_QSUB_TEMPLATE is not set").into());
                }
            };
            let submit = args.submit.or_else(|| relion_variable("RELION_QSUB_COMMAND"));
            let minimum = relion_variable("RELION_MINIMUM_DEDICATED").and_then(|text| text.parse().ok());
            let kind = Kind::Relion {
                template,
                submit: submit.unwrap_or_else(|| "sbatch".to_owned()),
                dedicated: args.dedicated.or(minimum).unwrap_or(24),
            };
            (kind, args.queue.or_else(|| relion_variable("RELION_QUEUE_NAME")))
        }
        (None, Some(info)) => (Kind::Cryosparc { info: absolute(info)? }, args.queue),
        (None, None) => (Kind::Slurm, args.partition.or(args.queue)),
    };
    let cluster = Cluster { name: args.name, kind, queue };
    clusters()?.add(&cluster)?;
    print_line(&format!("{}: {}", cluster.name, described(&cluster)));
    print_line(&format!("next: vitrine cluster test {}", cluster.name));
    Ok(())
}

fn described(cluster: &Cluster) -> String {
    let what = match &cluster.kind {
        Kind::Slurm => "SLURM".to_owned(),
        Kind::Relion { template, submit, .. } => {
            format!("RELION's template {}, submitted by {submit}", template.display())
        }
        Kind::Cryosparc { info } => format!("cryoSPARC's {}", info.display()),
    };
    cluster.queue.as_ref().map_or_else(|| what.clone(), |queue| format!("{what}, queue {queue}"))
}

fn list(args: &List) -> anyhow::Result<()> {
    let all = clusters()?.list()?;
    if args.json {
        return print_json(&all);
    }
    if all.is_empty() {
        print_line("no cluster yet: vitrine cluster add --help");
    }
    for cluster in &all {
        print_line(&format!("{}: {}", cluster.name, described(cluster)));
    }
    Ok(())
}

/// Submits `vitrine presets` and waits for it: shows that the script runs, that the machine sees the folder and the
/// program, and that its state comes back.
fn test(args: &Test) -> anyhow::Result<()> {
    let cluster = clusters()?.get(&args.name)?;
    let resources = Resources { threads: 1, memory_gb: 1, queue: args.queue.clone(), ..Resources::default() };
    let job = Job::create(
        &cluster,
        &NewJob {
            kind: SubmittedCommand::Other("test".to_owned()),
            name: None,
            project: args.folder.clone(),
            program: std::env::current_exe()?,
            arguments: vec!["presets".to_owned()],
            folder: args.folder.clone(),
            user: String::new(),
            resources,
            tasks: Tasks::One,
        },
    )?;
    print_line(&format!("script: {}", job.script().display()));
    let id = submit(&job, &[0])?;
    print_line(&format!("submitted as {id}"));
    let (started, mut progress) = (Instant::now(), ProgressDisplay::new(false));
    let limit = Duration::from_secs(args.wait);
    loop {
        let state = states(&job)?.tasks.into_iter().next();
        match state {
            Some(TaskState::Done) => break,
            Some(state) if !state.is_open() => {
                bail!("the job ended as {}; its log is {}", json!(state), job.task(0).log().display())
            }
            _ if started.elapsed() >= limit => {
                bail!("the job has not ended after {} s; `squeue -j {id}` may say why", args.wait)
            }
            _ => {}
        }
        let gone = started.elapsed().as_secs();
        if !progress.show("Waiting for the cluster", gone.min(args.wait), args.wait) {
            return Err(vitrine_core::Error::Cancelled.into());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    progress.clear();
    print_line(&format!(
        "{} works: the job ended well after {:.0} s",
        args.name,
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}
