//! `vitrine task`: what the script of a job runs on the machine that a scheduler gave. No person calls it.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use vitrine_core::cluster::{BEAT, Event, Job, Task, print_to, requeue};
use vitrine_core::device::{ComputeDevice, DeviceChoice, use_threads};
use vitrine_core::project::{Project, RunStatus};
use vitrine_core::workflow::pick_shard::{PickPlan, pick_shard};
use vitrine_core::workflow::sweep_job::is_sweep;
use vitrine_core::workflow::train::can_resume;

use super::output::print_line;
use super::progress::{self, ProgressDisplay};
use super::{exit, train};

/// Do a task of a job; the job's script calls this
#[derive(clap::Args)]
pub struct Args {
    /// Folder of the job
    job: PathBuf,
}

/// Pause between two looks for the stop file.
const LOOK: Duration = Duration::from_secs(1);
/// Times a job is begun again after its time was over. One that never comes to its end is no use.
const MAX_ATTEMPTS: u32 = 100;

/// How the arguments of a job are understood; the command line says it.
pub struct Commands {
    /// Does the command of a job; the number is that of the attempt, from 1.
    pub run: fn(&[String], u32) -> anyhow::Result<()>,
    /// Does a task of an array, or the one task of a sweep.
    pub part: fn(&[String], &Job, usize) -> anyhow::Result<()>,
}

/// Runs the command; the exit status.
pub fn run(args: &Args, commands: &Commands) -> u8 {
    match begin(args, commands) {
        Ok(code) => code,
        Err(error) => exit::report(&error),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn begin(args: &Args, commands: &Commands) -> anyhow::Result<u8> {
    let job = Job::open(&args.job)?;
    let number = match job.file.array {
        None => 0,
        Some(_) => variable("SLURM_ARRAY_TASK_ID")
            .and_then(|text| text.parse().ok())
            .context("SLURM_ARRAY_TASK_ID is not set, so this task of an array does not know which it is")?,
    };
    if let Some(threads) = variable("SLURM_CPUS_PER_TASK").and_then(|text| text.parse().ok()) {
        use_threads(threads)?;
    }
    let task = job.task(number);
    let host = variable("SLURMD_NODENAME").or_else(|| variable("HOSTNAME")).unwrap_or_default();
    let scheduler_id = variable("SLURM_JOB_ID");
    let attempt = task.begin(&host, scheduler_id.clone())?;
    print_to(&task.log())?;
    progress::catch_ctrl_c();
    let (under_way, over) = channel();
    let watcher = watch(job.clone(), task.clone(), over)?;
    progress::tell(task.clone());
    // A defect ends the task as failed, and not as lost.
    let code =
        std::panic::catch_unwind(AssertUnwindSafe(|| work(&job, number, attempt, commands))).unwrap_or(101);
    drop(under_way);
    // The thread does nothing that could panic.
    let _ = watcher.join();
    // Told to end by the scheduler, not by a person: there is more to do.
    let again = code == 130 && !job.is_asked_to_stop() && attempt < MAX_ATTEMPTS;
    task.end(i32::from(code), attempt)?;
    if again && let Some(id) = scheduler_id {
        let begun = requeue(&id);
        print_line(if begun { "requeued: continues when there is room" } else { "stopped by the scheduler" });
    }
    Ok(code)
}

/// Gives signs of life, and looks whether the job is to end, until the other end of `over` is dropped.
fn watch(job: Job, task: Task, over: Receiver<()>) -> anyhow::Result<std::thread::JoinHandle<()>> {
    let watch = move || {
        let mut beaten = Instant::now();
        let mut told = false;
        loop {
            if !told && job.is_asked_to_stop() {
                progress::ask_to_stop();
            }
            if !told && progress::stop_asked() {
                told = true;
                // A disk that refuses shows itself when the work is written.
                let _ = task.append(Event::StopAsked);
            }
            if beaten.elapsed() >= BEAT {
                beaten = Instant::now();
                let _ = task.beat();
            }
            // Not a sleep: a task that is done does not wait for the next look.
            if over.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    };
    Ok(std::thread::Builder::new().name("sign of life".to_owned()).spawn(watch)?)
}

/// What the task is there for; its exit status.
fn work(job: &Job, number: usize, attempt: u32, commands: &Commands) -> u8 {
    let outcome = || -> anyhow::Result<()> {
        std::env::set_current_dir(&job.file.folder)
            .with_context(|| format!("could not go to {}", job.file.folder.display()))?;
        if job.file.array.is_some() || is_sweep(job) {
            return (commands.part)(&job.file.arguments, job, number);
        }
        (commands.run)(&job.file.arguments, attempt)
    };
    match outcome() {
        Ok(()) => 0,
        Err(error) => exit::report(&error),
    }
}

/// Trains on where the attempt before had to end.
///
/// # Errors
/// As [`train::run`].
pub fn go_on(args: train::Args) -> anyhow::Result<()> {
    let Some(name) = args.name.clone().or_else(|| args.resume.clone()) else { return train::run(args) };
    // Opened for writing, what a killed process left is marked as interrupted.
    let mut project = Project::open(&args.project)?;
    // Without a run it ended before one was made.
    let Ok(run) = project.run(&name) else {
        drop(project);
        return train::run(args);
    };
    if run.status == RunStatus::Finished {
        print_line(&format!("{name} is trained"));
        return Ok(());
    }
    let resumed = args.resume.is_some() || can_resume(&project, &run);
    if !resumed {
        // It ended before there was anything to go on from.
        project.delete_run(&name)?;
    }
    drop(project);
    train::run(if resumed { args.resumed(name) } else { args })
}

/// The file with what the tasks of an array know of the project.
fn plan_file(job: &Job) -> PathBuf {
    job.dir().join("plan.json")
}

/// Writes what the tasks of an array need to know of the project.
///
/// # Errors
/// When the disk refuses.
pub fn write_plan(job: &Job, plan: &PickPlan) -> anyhow::Result<()> {
    Ok(vitrine_core::atomic::write_atomically(&plan_file(job), &serde_json::to_vec_pretty(plan)?)?)
}

/// Picks the micrographs of a task.
///
/// # Errors
/// As [`pick_shard`].
pub fn shard(job: &Job, number: usize, device: DeviceChoice) -> anyhow::Result<()> {
    let path = plan_file(job);
    let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let plan: PickPlan = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
    let files = job.shard(number)?;
    let device = ComputeDevice::open(device)?;
    let mut progress = ProgressDisplay::new(false);
    let done =
        pick_shard(&plan, &files, device, &mut |step| progress.show(&step.phase, step.done, step.total))?;
    progress.clear();
    for left_out in &done.left_out {
        print_line(&format!("left out: {}", left_out.reason));
    }
    print_line(&format!("{} micrographs, {} of them scored before", done.micrographs, done.scored_before));
    Ok(())
}
