//! A sweep as a job of a cluster: what its folder holds besides that of any job. Each task trains a run in a branch of
//! the project, so no task writes the project, and merging brings the runs home.
//!
//! | file | what |
//! |---|---|
//! | `sweep.json` | the runs, one for each task |
//! | `project.sqlite` | the project's database when the sweep was submitted |
//! | `tasks/N/project/` | the branch in which task N trains; gone once its run is in the project |

use std::path::PathBuf;

use super::sweep::{Sweep, merge};
use crate::atomic::write_atomically;
use crate::cluster::{Job, TaskState, states};
use crate::error::{Error, Result};
use crate::project::Project;

fn plan_file(job: &Job) -> PathBuf {
    job.dir().join("sweep.json")
}

/// The project as it was when the sweep was submitted.
pub fn snapshot_file(job: &Job) -> PathBuf {
    job.dir().join("project.sqlite")
}

/// Where a task trains.
pub fn branch_of(job: &Job, task: usize) -> PathBuf {
    job.task(task).dir().join("project")
}

/// Writes down what the tasks need: the runs, and the project as it is now.
///
/// # Errors
/// When the disk refuses.
pub fn write_plan(job: &Job, project: &Project, sweep: &Sweep) -> Result<()> {
    project.snapshot(&snapshot_file(job))?;
    let text = serde_json::to_vec_pretty(sweep).map_err(|e| Error::defect(e.to_string()))?;
    write_atomically(&plan_file(job), &text)
}

/// The sweep of a job; `None` where the job is none.
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
        .map_err(|e| Error::format(&path, format!("it is no sweep: {e}"), "submit the sweep again"))
}

/// Whether the tasks of a job train runs of a sweep.
pub fn is_sweep(job: &Job) -> bool {
    plan_file(job).exists()
}

/// What came home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Homecoming {
    /// Runs that came now.
    pub came: usize,
    /// The runs of the sweep that the project has.
    pub runs: Vec<String>,
    /// How many runs the sweep has.
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
    let came = merge(project, sweep, &done, &|task| branch_of(job, task))?;
    let known: Vec<String> = project.runs()?.into_iter().map(|run| run.name).collect();
    let names = done.iter().filter_map(|&task| sweep.runs.get(task)).map(|run| run.name.clone());
    let runs = names.filter(|name| known.contains(name)).collect();
    Ok(Homecoming { came, runs, all: sweep.runs.len() })
}
