//! `vitrine jobs`: jobs on clusters, looked at from any machine that sees the project's folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::json;
use vitrine_core::cluster::{Answer, GRACE, Job, TaskState, cancel, job_dir, jobs_in, states, submit};
use vitrine_core::workflow::sweep_job::plan_of;

use super::output::{print_json, print_line};
use super::progress::stop_asked;
use super::sweep;

/// Follow the jobs of a project.
///
/// Without a command they are listed: queued, running, done, failed, lost (no sign of life, and the scheduler does
/// not have it any more). The scheduler is asked at most every 15 seconds, however many people look.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine jobs apo/
  vitrine jobs apo/ log train-1
  vitrine jobs apo/ cancel pick-1
  vitrine jobs apo/ rerun pick-1     # only the tasks that failed, were lost, or were never submitted
  vitrine jobs apo/ merge pick-1     # once all tasks of an array are done: writes --out and --table
  vitrine jobs apo/ merge sweep-1    # takes the runs of a job into the project, and compares them")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// Print as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(clap::Subcommand)]
enum What {
    /// Print what a job has printed
    Log(One),
    /// Print the script that was submitted
    Script(Named),
    /// End a job: what is complete is kept
    Cancel(Named),
    /// Submit again the tasks that have not ended well
    Rerun(Named),
    /// Bring together what the tasks of a job have done: write the picks, or take its runs into the project
    Merge(Named),
}

#[derive(clap::Args)]
struct Named {
    /// Name of the job
    name: String,
}

#[derive(clap::Args)]
struct One {
    /// Name of the job
    name: String,
    /// Which task of an array, counted from 0
    #[arg(long, default_value_t = 0)]
    task: usize,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let job = |named: &str| -> anyhow::Result<Job> { Ok(Job::open(&job_dir(&args.project, named)?)?) };
    match &args.what {
        None => list(&args.project, args.json),
        Some(What::Log(one)) => log(&job(&one.name)?, one.task),
        Some(What::Script(named)) => {
            print_line(std::fs::read_to_string(job(&named.name)?.script())?.trim_end());
            Ok(())
        }
        Some(What::Cancel(named)) => {
            let job = job(&named.name)?;
            super::progress::catch_ctrl_c();
            cancel(&job, GRACE, &mut |pause| {
                std::thread::sleep(pause);
                !stop_asked()
            })?;
            print_line(&format!("{}: {}", job.file.name, states(&job)?));
            Ok(())
        }
        Some(What::Rerun(named)) => rerun(&job(&named.name)?),
        Some(What::Merge(named)) => merge(&job(&named.name)?, args.json),
    }
}

fn list(project: &Path, as_json: bool) -> anyhow::Result<()> {
    let jobs = jobs_in(project)?;
    let mut rows = Vec::new();
    for job in &jobs {
        rows.push((job, states(job)?));
    }
    if as_json {
        let all: Vec<_> = rows
            .iter()
            .map(|(job, state)| {
                json!({
                    "name": job.file.name, "kind": job.file.kind, "cluster": job.file.cluster,
                    "created": job.file.created, "folder": job.dir(), "arguments": job.file.arguments,
                    "scheduler_id": job.scheduler_id(0), "tasks": state.tasks,
                })
            })
            .collect();
        return print_json(&all);
    }
    if rows.is_empty() {
        print_line("no job yet: vitrine submit --help");
    }
    for (job, state) in rows {
        let id = job.scheduler_id(0).map_or_else(String::new, |id| format!(" ({id})"));
        let alone = match state.scheduler {
            Answer::Missing => " (as its files say; the scheduler cannot be asked from here)",
            Answer::Given | Answer::NotNeeded => "",
        };
        print_line(&format!("{}{id} on {}: {state}{alone}", job.file.name, job.file.cluster));
    }
    Ok(())
}

fn log(job: &Job, task: usize) -> anyhow::Result<()> {
    let path = job.task(task).log();
    if !path.exists() {
        bail!("task {task} of {} has printed nothing yet", job.file.name);
    }
    let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
    print_line(String::from_utf8_lossy(&text).trim_end());
    Ok(())
}

fn rerun(job: &Job) -> anyhow::Result<()> {
    let missing = states(job)?.those(TaskState::is_missing);
    if missing.is_empty() {
        print_line(&format!("{}: nothing to run again", job.file.name));
        return Ok(());
    }
    let id = submit(job, &missing)?;
    let tasks = match missing.len() {
        1 if job.tasks() == 1 => String::new(),
        number => format!(": {number} of {} tasks", job.tasks()),
    };
    print_line(&format!("submitted {} as {id}{tasks}", job.file.name));
    Ok(())
}

/// Brings the runs of a job home, or picks the whole: every micrograph has its places, so this writes what was asked
/// for and scores nothing.
fn merge(job: &Job, as_json: bool) -> anyhow::Result<()> {
    if let Some(sweep) = plan_of(job)? {
        return sweep::bring_home(job, &sweep, as_json);
    }
    if job.file.array.is_none() {
        bail!("{} is one task, and has written what it was asked for", job.file.name);
    }
    let state = states(job)?;
    if !state.is_done() {
        let missing: Vec<String> =
            state.those(|s| *s != TaskState::Done).iter().map(ToString::to_string).collect();
        bail!(
            "{} is not complete: {}; tasks {} are not done, run them again with `vitrine jobs {} rerun {}`",
            job.file.name,
            state,
            missing.join(", "),
            job.file.project.display(),
            job.file.name
        );
    }
    let status = Command::new(std::env::current_exe()?)
        .args(&job.file.arguments)
        .current_dir(&job.file.folder)
        .stdin(Stdio::null())
        .status()
        .context("the picks could not be written")?;
    if !status.success() {
        bail!("the picks could not be written: {status}");
    }
    Ok(())
}
