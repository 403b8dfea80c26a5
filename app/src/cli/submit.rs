//! `vitrine submit`: a command as a job of a cluster.

use std::path::{Path, PathBuf};

use serde_json::json;
use vitrine_core::cluster::{
    Cluster, Job, NewJob, Resources, SubmittedCommand, Tasks, free_job_name, submit,
};
use vitrine_core::picking::choose::Choice;
use vitrine_core::project::check_run_name;
use vitrine_core::workflow::pick_shard::{PickPlan, plan, shards};
use vitrine_core::workflow::precision::check_precision;
use vitrine_core::workflow::sweep::Sweep;
use vitrine_core::workflow::sweep_job;

use super::cluster::clusters;
use super::exit::Usage;
use super::output::{print_json, print_line};
use super::{open, pick, score, sweep, task, train};
use crate::words;

/// Run a command on a cluster: give the arguments of the command itself, and --cluster.
///
/// The script is made from the site's own template and kept in the project, in jobs/NAME; --dry-run stops there.
/// `vitrine jobs` follows the job.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine cluster add lab --partition gpu
  vitrine submit train apo/ --config picking --cluster lab --cpus 8 --time 4:00:00
  vitrine submit train apo/ --baseline --cluster lab --cpus 8
  vitrine submit pick apo/ --run picking-train-1 --out picks/ --cluster lab --shards 8
  vitrine submit score apo/ --run recommended-1 --cluster lab --dry-run
  vitrine submit sweep apo/ --config quick --seeds 1,2,3 --cluster lab
  vitrine jobs apo/
  vitrine jobs apo/ merge pick-1

--shards cuts picking into an array: each task takes its own micrographs and writes its own files in the run's folder,
no task opens the project, and `vitrine jobs PROJECT merge NAME` writes the picks once all are done.

A sweep is an array with a task for each run. A task trains in a copy of the project's database in its own folder, as
the project was when the job was submitted, and `merge` brings the runs into the project and compares them. A job of
train with --baseline (both runs in one task) or --from does the same. Any other job of train writes the project itself.")]
pub struct Args {
    #[command(subcommand)]
    work: Work,
}

#[derive(clap::Subcommand)]
enum Work {
    /// Train on a cluster (`vitrine train --help`)
    Train(Order<train::Args>),
    /// Pick on a cluster (`vitrine pick --help`)
    Pick(Order<pick::Args>),
    /// Score on a cluster (`vitrine score --help`)
    Score(Order<score::Args>),
    /// Train a sweep on a cluster, a task for each run (`vitrine sweep --help`)
    Sweep(Order<sweep::Args>),
}

#[derive(clap::Args)]
struct Order<A: clap::Args> {
    #[command(flatten)]
    args: A,
    #[command(flatten)]
    to: To,
}

/// Where a job goes, and what it asks for.
#[derive(clap::Args)]
#[command(next_help_heading = "Cluster")]
struct To {
    /// The cluster (`vitrine cluster list`)
    #[arg(long)]
    cluster: String,
    /// Name of the job; by default the command's with a number
    #[arg(long, value_name = "NAME")]
    job_name: Option<String>,
    /// Threads of each task
    #[arg(long, value_name = "N", default_value_t = 4)]
    cpus: u32,
    /// GPUs of each task
    #[arg(long, value_name = "N", default_value_t = 0)]
    gpus: u32,
    /// Memory of each task, GB
    #[arg(long, value_name = "GB", default_value_t = 8)]
    memory: u32,
    /// Longest time of each task, as SLURM writes it (4:00:00); by default the queue's
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Queue or partition; by default the cluster's
    #[arg(long)]
    queue: Option<String>,
    /// Value of an extra of a RELION template, such as 1=24G for XXXextra1XXX; may be repeated
    #[arg(long, value_name = "N=VALUE", value_parser = extra)]
    extra: Vec<(u32, String)>,
    /// pick only: divide the micrographs among this many tasks of an array
    #[arg(long, value_name = "N")]
    shards: Option<usize>,
    /// Make the script, and do not submit it
    #[arg(long)]
    dry_run: bool,
}

/// The options of [`To`] that take a value, and that which takes none.
const VALUED: [&str; 9] =
    ["--cluster", "--job-name", "--cpus", "--gpus", "--memory", "--time", "--queue", "--extra", "--shards"];
const BARE: &str = "--dry-run";

fn extra(text: &str) -> Result<(u32, String), String> {
    let (number, value) = text.split_once('=').ok_or("write it as N=VALUE")?;
    let number = number.parse().map_err(|_| format!("'{number}' is no number of an extra"))?;
    Ok((number, value.to_owned()))
}

impl To {
    fn resources(&self) -> Resources {
        Resources {
            threads: self.cpus,
            gpus: self.gpus,
            memory_gb: self.memory,
            time: self.time.clone(),
            queue: self.queue.clone(),
            extra: self.extra.iter().cloned().collect(),
        }
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    match args.work {
        Work::Train(order) => {
            refuse_shards(&order.to)?;
            submit_train(order.args, order.to)
        }
        Work::Pick(order) => {
            if order.args.watch {
                return Err(Usage(
                    "a job cannot watch a folder: submit again when there are more micrographs",
                )
                .into());
            }
            let (args, to) = (order.args, order.to);
            if let Choice::Precision(_) = args.how.choice()? {
                let project = open::to_read(&args.project)?;
                check_precision(&project, &args.run, &args.micrographs, args.how.one_threshold, false)?;
            }
            let parts = match to.shards {
                None => Parts::One,
                Some(number) => {
                    let project = open::to_read(&args.project)?;
                    let (box_size, bin) = args.how.cut()?;
                    let (plan, files) = plan(&project, &args.run, &args.micrographs, box_size, bin)?;
                    Parts::Shards(Box::new(plan), shards(&files, number))
                }
            };
            send(SubmittedCommand::Pick, &args.project, &to, Vec::new(), parts, args.json)
        }
        Work::Score(order) => {
            refuse_shards(&order.to)?;
            send(
                SubmittedCommand::Score,
                &order.args.project,
                &order.to,
                Vec::new(),
                Parts::One,
                order.args.json,
            )
        }
        Work::Sweep(order) => {
            refuse_shards(&order.to)?;
            let sweep = order.args.sweep()?;
            let project = order.args.project.clone();
            send(
                SubmittedCommand::Sweep,
                &project,
                &order.to,
                Vec::new(),
                Parts::Sweep(sweep),
                order.args.json,
            )
        }
    }
}

/// A run that another one is compared with, or that begins with the weights of one, is trained in a branch, and comes into
/// the project by `merge`. Every other run is trained in the project itself, which can resume it.
fn submit_train(args: train::Args, to: To) -> anyhow::Result<()> {
    let in_branch = args.baseline || args.from.is_some();
    if in_branch && args.truth.is_given() {
        return Err(Usage(
            "--truth is for evaluation on this machine; a job with --baseline or --from takes none",
        )
        .into());
    }
    let project = open::to_read(&args.project)?;
    let job =
        to.job_name.clone().unwrap_or_else(|| free_job_name(&args.project, SubmittedCommand::Train.as_str()));
    // A requeued job goes on with its run, so the run's name is settled now.
    let mut more = Vec::new();
    let mut parts = Parts::One;
    if args.resume.is_none() {
        let (base_name, config) = args.configuration(&project)?;
        let name = args.name.clone().unwrap_or_else(|| {
            let name = format!("{base_name}-{job}");
            more = vec!["--name".to_owned(), name.clone()];
            name
        });
        check_run_name(&name, project.runs()?.iter().map(|run| run.name.as_str()))?;
        if in_branch {
            let mut sweep = Sweep::single(&name, &config)?;
            if let Some(from) = &args.from {
                sweep = sweep.beginning_with(&project.run(from)?.name)?;
            }
            parts = Parts::Runs(if args.baseline { sweep.with_baselines()? } else { sweep });
        }
    }
    drop(project);
    send(SubmittedCommand::Train, &args.project, &To { job_name: Some(job), ..to }, more, parts, args.json)
}

fn refuse_shards(to: &To) -> anyhow::Result<()> {
    match to.shards {
        Some(_) => Err(Usage("--shards is for pick").into()),
        None => Ok(()),
    }
}

/// What the tasks of a job do.
enum Parts {
    /// One task does the command.
    One,
    /// Each task picks some micrographs.
    Shards(Box<PickPlan>, Vec<Vec<PathBuf>>),
    /// One task trains these runs, one after the other, in a branch.
    Runs(Sweep),
    /// Each task trains a run, in a branch.
    Sweep(Sweep),
}

/// Makes the job, shows its script, and submits it.
fn send(
    kind: SubmittedCommand,
    project: &Path,
    to: &To,
    more: Vec<String>,
    parts: Parts,
    as_json: bool,
) -> anyhow::Result<()> {
    // Told now, not by the job.
    let opened = open::to_read(project)?;
    let cluster: Cluster = clusters()?.get(&to.cluster)?;
    let mut arguments = vec![kind.as_str().to_owned()];
    let given: Vec<String> = std::env::args().skip_while(|word| word != "submit").skip(2).collect();
    arguments.extend(without_ours(&given));
    arguments.extend(more);
    let tasks = match &parts {
        Parts::One | Parts::Runs(_) => Tasks::One,
        Parts::Shards(_, shards) => Tasks::Shards(shards.clone()),
        Parts::Sweep(sweep) => Tasks::Array(sweep.runs.len()),
    };
    let new = NewJob {
        kind,
        name: to.job_name.clone(),
        project: project.to_owned(),
        program: std::env::current_exe()?,
        arguments,
        folder: std::env::current_dir()?,
        user: words::user(),
        resources: to.resources(),
        tasks,
    };
    let job = match &parts {
        Parts::One => Job::create(&cluster, &new)?,
        Parts::Shards(plan, _) => {
            let job = Job::create(&cluster, &new)?;
            task::write_plan(&job, plan)?;
            job
        }
        Parts::Runs(sweep) | Parts::Sweep(sweep) => sweep_job::create(&cluster, &new, &opened, sweep)?,
    };
    let id = if to.dry_run {
        None
    } else {
        let all: Vec<usize> = (0..job.tasks()).collect();
        Some(submit(&job, &all)?)
    };
    if as_json {
        return print_json(&json!({
            "job": job.file.name, "folder": job.dir(), "script": job.script(), "tasks": job.tasks(),
            "scheduler_id": id, "arguments": job.file.arguments,
        }));
    }
    let name = &job.file.name;
    print_line(&format!("script: {}", job.script().display()));
    print_line("");
    for line in std::fs::read_to_string(job.script())?.lines() {
        print_line(&format!("  {line}"));
    }
    print_line("");
    let place = project.display();
    match id {
        Some(id) => {
            print_line(&format!("submitted {name} as {id}{}", tasks_in_words(job.tasks())));
            print_line(&format!("follow it: vitrine jobs {place}"));
        }
        None => {
            print_line(&format!("not submitted: {name}{}", tasks_in_words(job.tasks())));
            print_line(&format!("submit it: vitrine jobs {place} rerun {name}"));
        }
    }
    if matches!(parts, Parts::Runs(_) | Parts::Sweep(_)) {
        print_line(&format!("once it is done, bring its runs in: vitrine jobs {place} merge {name}"));
    }
    Ok(())
}

fn tasks_in_words(number: usize) -> String {
    if number == 1 { String::new() } else { format!(", {number} tasks") }
}

/// The arguments of the command itself, without those that say where it is done.
fn without_ours(given: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = given.iter();
    while let Some(word) = words.next() {
        if VALUED.contains(&word.as_str()) {
            words.next();
        } else if word != BARE
            && !VALUED
                .iter()
                .any(|option| word.strip_prefix(option).is_some_and(|rest| rest.starts_with('=')))
        {
            kept.push(word.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn what_says_where_is_taken_out() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let given = "p/ --cluster lab --run a --cpus=8 --threshold 0.5 --dry-run --extra 1=5g --out picks --time=1:00";
        assert_eq!(without_ours(&words(given)), words("p/ --run a --threshold 0.5 --out picks"));
    }

    /// An option of a command by the name of one of ours could be given to neither.
    #[test]
    fn every_option_of_ours_is_listed_and_clashes_with_none() {
        #[derive(clap::Parser)]
        struct Alone {
            #[command(flatten)]
            to: To,
        }
        let names = |command: &clap::Command| -> Vec<String> {
            command.get_arguments().filter_map(|arg| arg.get_long()).map(|long| format!("--{long}")).collect()
        };
        let ours: Vec<String> =
            names(&Alone::command()).into_iter().filter(|name| name != "--help").collect();
        let mut listed: Vec<&str> = VALUED.to_vec();
        listed.push(BARE);
        assert_eq!(ours, listed);
        let submit = super::super::command();
        let submit = submit.find_subcommand("submit").map(clap::Command::get_subcommands);
        for command in submit.into_iter().flatten() {
            let mut all = names(command);
            let before = all.len();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), before, "{}", command.get_name());
        }
    }
}
