//! The jobs on clusters of the open project: their state when they were last looked at, and the dialogs about them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use vitrine_core::cluster::{Cluster, SubmittedCommand, TaskState};
use vitrine_core::workflow::follow_jobs::{JobRun, JobView, Results};

use super::analysis::RunCurves;
use crate::gui::values::{Asked, JobText, Load, PreparedJob, ReadText};

/// Pause between two looks while a job may change; longer with very many tasks, for the sake of a shared disk.
const OPEN_PAUSE: u64 = 2;
/// Tasks that are looked at in a second at most.
const TASKS_A_SECOND: u64 = 20;
/// Pause between two looks where nobody waits.
const IDLE_PAUSE: u64 = 15;

/// Jobs on clusters.
#[derive(Debug, Default)]
pub struct ClusterJobs {
    /// The jobs, the newest first.
    pub jobs: Vec<JobView>,
    /// Whether they were looked at since the project was opened.
    pub seen: bool,
    /// Why they could not be looked at.
    pub trouble: Option<String>,
    /// The clusters that the person has added.
    pub clusters: Load<Vec<Cluster>>,
    /// The curves of the runs that jobs train, by the name of the run.
    pub curves: BTreeMap<String, Arc<RunCurves>>,
    /// The text that is read.
    pub text: Asked<JobText, ReadText>,
    /// The job that is to go, by the number of the request.
    pub prepared: Asked<u64, PreparedJob>,
    /// The job that is perhaps to be cancelled.
    pub cancelling: Option<String>,
    /// Jobs with which something is being done, by name.
    pub busy: BTreeSet<String>,
}

/// What has changed between two looks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Jobs that were under way and are no more, by name.
    pub ended: Vec<String>,
    /// Runs may have come into the project.
    pub runs: bool,
    /// Places may have come.
    pub places: bool,
}

impl ClusterJobs {
    /// Another project: its jobs are not known yet. The clusters stay.
    pub fn forget(&mut self) {
        *self = Self { clusters: std::mem::take(&mut self.clusters), ..Self::default() };
    }

    /// The job of that name.
    pub fn named(&self, name: &str) -> Option<&JobView> {
        self.jobs.iter().find(|view| view.job.file.name == name)
    }

    /// Whether a job may change by itself.
    pub fn is_any_open(&self) -> bool {
        self.jobs.iter().any(|view| view.state.is_open())
    }

    /// How long to wait until the next look; `watched` where a person sees the jobs.
    pub fn pause(&self, watched: bool) -> Duration {
        let open = self.jobs.iter().filter(|view| view.state.is_open());
        let tasks: u64 = open.map(|view| view.state.tasks.len() as u64).sum();
        let seconds = match (watched, tasks) {
            (true, 1..) => (tasks / TASKS_A_SECOND).clamp(OPEN_PAUSE, IDLE_PAUSE),
            _ => IDLE_PAUSE,
        };
        Duration::from_secs(seconds)
    }

    /// Takes up a look.
    pub fn take(&mut self, jobs: Vec<JobView>) -> Changes {
        let mut changes = Changes::default();
        for view in &jobs {
            let Some(before) = self.named(&view.job.file.name) else { continue };
            if before.state.is_open() && !view.state.is_open() {
                changes.ended.push(view.job.file.name.clone());
            }
            let more_done = done(view) > done(before);
            changes.places |= more_done && view.job.file.kind == SubmittedCommand::Pick;
            changes.runs |= reaches_project(view) && (more_done || before.results != view.results);
        }
        for run in jobs.iter().flat_map(|view| &view.runs) {
            let same = |known: &Arc<RunCurves>| {
                known.epochs.len() == run.epochs.len()
                    && known.epochs.last().map(|m| m.seconds.to_bits())
                        == run.epochs.last().map(|m| m.seconds.to_bits())
            };
            if !self.curves.get(&run.name).is_some_and(same) {
                let curves = RunCurves::new(run.name.clone(), run.is_baseline, run.epochs.to_vec());
                self.curves.insert(run.name.clone(), Arc::new(curves));
            }
        }
        self.jobs = jobs;
        self.seen = true;
        self.trouble = None;
        changes
    }

    /// The runs that jobs train, the oldest job first.
    pub fn runs(&self) -> impl Iterator<Item = (&JobView, &JobRun)> {
        self.jobs.iter().rev().flat_map(|view| view.runs.iter().map(move |run| (view, run)))
    }
}

/// Whether runs of the job are in the project, or come into it without this window.
const fn reaches_project(view: &JobView) -> bool {
    matches!(view.results, Results::WritesProject | Results::NoRuns)
}

/// Tasks that have ended well.
fn done(view: &JobView) -> usize {
    view.state.those(|state| *state == TaskState::Done).len()
}
