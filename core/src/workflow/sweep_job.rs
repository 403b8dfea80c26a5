//! A job of a cluster that trains new runs: what its folder holds besides that of any job. Each task trains its runs in a
//! branch of the project, so no task writes the project, and merging copies the runs into it.
//!
//! | file | what |
//! |---|---|
//! | `sweep.json` | the runs, in equal parts for the tasks |
//! | `project.sqlite` | the project's database when the job was submitted |
//! | `from/RUN/` | the network of a run that others begin with, as it was then |
//! | `tasks/N/project/` | the branch in which task N trains; gone once its runs are in the project |

use std::path::{Path, PathBuf};

use super::sweep::{Sweep, SweepRun, merge};
use super::train::weights_to_begin_with;
use super::trained::trained_model;
use crate::atomic::write_atomically;
use crate::cluster::{Cluster, Job, NewJob, TaskState, states};
use crate::error::{Error, Result};
use crate::learning::config::yaml;
use crate::learning::train::checkpoint::model_path;
use crate::project::Project;

fn plan_file(job: &Job) -> PathBuf {
    job.dir().join("sweep.json")
}

/// The project as it was when the job was submitted.
pub(crate) fn snapshot_file(job: &Job) -> PathBuf {
    job.dir().join("project.sqlite")
}

/// The network of run `from` as it was when the job was submitted.
fn network_file(job: &Job, from: &str) -> PathBuf {
    model_path(&job.dir().join("from").join(from))
}

/// Where a task trains.
pub fn branch_of(job: &Job, task: usize) -> PathBuf {
    job.task(task).dir().join("project")
}

/// The runs that a task trains, one after the other.
pub fn runs_of<'a>(job: &Job, sweep: &'a Sweep, task: usize) -> &'a [SweepRun] {
    let part = sweep.runs.len() / job.tasks().max(1);
    sweep.runs.get(task * part..(task + 1) * part).unwrap_or_default()
}

/// Refuses runs that cannot begin with the weights that they are to begin with.
///
/// # Errors
/// When such a run does not exist, has no model or another network.
pub fn check_weights(project: &Project, sweep: &Sweep) -> Result<()> {
    let mut fit = Vec::new();
    for run in &sweep.runs {
        let Some(from) = &run.from else { continue };
        let config = yaml::parse(&run.config, &run.name)?;
        if !fit.contains(&(from, config.backbone)) {
            weights_to_begin_with(project, from, &config)?;
            fit.push((from, config.backbone));
        }
    }
    Ok(())
}

/// Makes a job whose tasks train the runs of a sweep, with all that they need: the runs, the project as it is now, and the
/// networks that runs begin with. A job that cannot be made whole leaves nothing.
///
/// # Errors
/// As [`Job::create`] and [`check_weights`].
pub fn create(cluster: &Cluster, new: &NewJob, project: &Project, sweep: &Sweep) -> Result<Job> {
    check_weights(project, sweep)?;
    let job = Job::create(cluster, new)?;
    if let Err(error) = write_plan(&job, project, sweep) {
        // The first error is the one to tell.
        let _ = std::fs::remove_dir_all(job.dir());
        return Err(error);
    }
    Ok(job)
}

fn write_plan(job: &Job, project: &Project, sweep: &Sweep) -> Result<()> {
    for from in sweep.runs.iter().filter_map(|run| run.from.as_deref()) {
        copy_once(&trained_model(project, from)?, &network_file(job, from))?;
    }
    project.snapshot(&snapshot_file(job))?;
    let text = serde_json::to_vec_pretty(sweep).map_err(|e| Error::defect(e.to_string()))?;
    write_atomically(&plan_file(job), &text)
}

/// Opens the branch in which a task trains, for writing. It is made where it is not there yet.
///
/// # Errors
/// As [`Project::open`], or when the disk refuses.
pub fn open_branch(job: &Job, sweep: &Sweep, task: usize) -> Result<Project> {
    let folder = branch_of(job, task);
    Project::branch(&snapshot_file(job), &folder)?;
    let branch = Project::open(&folder)?;
    for from in runs_of(job, sweep, task).iter().filter_map(|run| run.from.as_deref()) {
        copy_once(&network_file(job, from), &model_path(&branch.run_dir(from)))?;
    }
    Ok(branch)
}

/// Copies a file, whole or not at all, where there is none yet.
fn copy_once(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
    }
    write_atomically(to, &std::fs::read(from).map_err(|e| Error::io("read", from, e))?)
}

/// The runs that a job trains in branches; `None` where it trains none.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn plan_of(job: &Job) -> Result<Option<Sweep>> {
    let path = plan_file(job);
    if !is_sweep(job) {
        return Ok(None);
    }
    let text = std::fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|e| Error::format(&path, format!("it is no list of runs: {e}"), "submit the job again"))
}

/// Whether the tasks of a job train runs in branches of the project.
pub fn is_sweep(job: &Job) -> bool {
    plan_file(job).exists()
}

/// The runs that were merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Homecoming {
    /// Runs that came now.
    pub came: usize,
    /// The runs of the job that the project has.
    pub runs: Vec<String>,
    /// How many runs the job trains.
    pub all: usize,
}

/// Brings those runs home that are trained. Those that the project has are left.
///
/// # Errors
/// When no run is trained yet, or as [`merge`].
pub fn bring_home(job: &Job, project: &mut Project, sweep: &Sweep) -> Result<Homecoming> {
    let state = states(job)?;
    let done = state.those(|state| *state == TaskState::Done);
    if done.is_empty() {
        return Err(Error::request(
            format!("{} has no run that is trained yet: {state}", job.file.name),
            "wait until a task is done, or run again those that failed",
        ));
    }
    let done: Vec<(&[SweepRun], PathBuf)> =
        done.into_iter().map(|task| (runs_of(job, sweep, task), branch_of(job, task))).collect();
    let came = merge(project, &done)?;
    let known: Vec<String> = project.runs()?.into_iter().map(|run| run.name).collect();
    let names = done.iter().flat_map(|(runs, _)| runs.iter()).map(|run| run.name.clone());
    let runs = names.filter(|name| known.contains(name)).collect();
    Ok(Homecoming { came, runs, all: sweep.runs.len() })
}
