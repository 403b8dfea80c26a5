//! Follows the jobs of a project: the state of each, the curves of the runs that it trains, and whether its results wait to
//! be brought in. A look reads only what the files have gained since the look before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::sweep::Sweep;
use super::sweep_job::{branch_of, is_sweep, plan_of, runs_of};
use crate::cluster::{Event, Job, JobFile, JobState, NewEpoch, SubmittedCommand, TaskState, Watch, jobs_in};
use crate::error::Result;
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;

/// A job as a person who follows it sees it.
#[derive(Debug, Clone)]
pub struct JobView {
    /// The job.
    pub job: Job,
    /// How it stands.
    pub state: JobState,
    /// The runs that it trains, as far as an epoch of them is complete.
    pub runs: Vec<JobRun>,
    /// What becomes of its results.
    pub results: Results,
}

/// A run that a job trains.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRun {
    /// The task that trains it.
    pub task: usize,
    /// Name of the run, under which it will come into the project.
    pub name: String,
    /// Whether it is a plain classifier with which others are compared; also `false` where the job does not say it.
    pub is_baseline: bool,
    /// Its epochs, first to last.
    pub epochs: Arc<Vec<EpochMetrics>>,
    /// The best of them.
    pub best: Option<usize>,
}

/// What becomes of the results of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Results {
    /// The job writes them where they belong.
    Direct,
    /// The job writes the project itself, which no other process may have open for writing then.
    WritesProject,
    /// So many runs are trained and not in the project yet.
    Runs(usize),
    /// Every run is in the project, or there is none yet.
    NoRuns,
    /// Each task has written scored places; picks are made of them once all have.
    Places,
}

impl JobView {
    /// Whether results can be brought in now.
    pub fn can_merge(&self) -> bool {
        match self.results {
            Results::Runs(waiting) => waiting > 0,
            Results::Places => self.state.is_done(),
            Results::Direct | Results::WritesProject | Results::NoRuns => false,
        }
    }
}

/// Remembers how far the files of each job are read.
#[derive(Debug, Default)]
pub struct Follower {
    jobs: BTreeMap<PathBuf, Followed>,
}

#[derive(Debug)]
struct Followed {
    file: JobFile,
    watch: Watch,
    /// By task and name.
    runs: BTreeMap<(usize, String), JobRun>,
    sweep: Option<Sweep>,
    /// How the job stands once all of it is done: that does not change any more, and its files are left alone.
    done: Option<JobState>,
}

impl Follower {
    /// Looks at all jobs of a project, the newest first.
    ///
    /// # Errors
    /// When a folder or a file is there and cannot be read.
    pub fn look(&mut self, project: &Path) -> Result<Vec<JobView>> {
        let jobs = jobs_in(project)?;
        self.jobs.retain(|dir, known| jobs.iter().any(|job| job.dir() == dir && job.file == known.file));
        let mut views = Vec::new();
        for job in jobs.into_iter().rev() {
            let known = match self.jobs.entry(job.dir().to_owned()) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => entry.insert(Followed {
                    file: job.file.clone(),
                    watch: Watch::default(),
                    runs: BTreeMap::new(),
                    sweep: plan_of(&job)?,
                    done: None,
                }),
            };
            if known.sweep.is_none() && is_sweep(&job) {
                // It was looked at while it was made.
                known.sweep = plan_of(&job)?;
            }
            views.push(known.look(job)?);
        }
        Ok(views)
    }
}

impl Followed {
    fn look(&mut self, job: Job) -> Result<JobView> {
        let state = match &self.done {
            Some(state) => state.clone(),
            None => {
                let (state, epochs) = self.watch.look(&job)?;
                epochs.into_iter().for_each(|epoch| self.take(epoch));
                if state.is_done() {
                    // What was written after the events were read and before the end was seen.
                    let (_, last) = self.watch.look(&job)?;
                    last.into_iter().for_each(|epoch| self.take(epoch));
                    self.done = Some(state.clone());
                }
                state
            }
        };
        let results = self.results(&job, &state);
        Ok(JobView { job, state, runs: self.runs.values().cloned().collect(), results })
    }

    fn take(&mut self, epoch: NewEpoch) {
        let Some(metrics) = metrics_of(&epoch.measures) else { return };
        let sweep = self.sweep.as_ref();
        let new = || JobRun {
            task: epoch.task,
            name: epoch.run.clone(),
            is_baseline: sweep.is_some_and(|sweep| sweep.is_baseline(&epoch.run)),
            epochs: Arc::default(),
            best: None,
        };
        let run = self.runs.entry((epoch.task, epoch.run.clone())).or_insert_with(new);
        if epoch.best {
            run.best = Some(metrics.epoch);
        }
        let epochs = Arc::make_mut(&mut run.epochs);
        // A killed task trains again what it could not save.
        epochs.retain(|known| known.epoch < metrics.epoch);
        epochs.push(metrics);
    }

    fn results(&self, job: &Job, state: &JobState) -> Results {
        match (&self.sweep, &job.file.kind) {
            (Some(sweep), _) => {
                let done = state.those(|state| *state == TaskState::Done);
                // A branch goes once its runs are in the project.
                let waiting: usize = done
                    .into_iter()
                    .filter(|task| branch_of(job, *task).exists())
                    .map(|task| runs_of(job, sweep, task).len())
                    .sum();
                if waiting > 0 { Results::Runs(waiting) } else { Results::NoRuns }
            }
            (None, SubmittedCommand::Pick) if job.file.array.is_some() => Results::Places,
            (None, SubmittedCommand::Train | SubmittedCommand::Score) => Results::WritesProject,
            _ => Results::Direct,
        }
    }
}

/// The event of an epoch that is complete.
pub fn epoch_event(run: &str, metrics: &EpochMetrics, best: bool) -> Event {
    let finite = |value: f64| if value.is_finite() { Value::from(value) } else { Value::Null };
    let measures = EpochMetrics::COLUMNS.iter().zip(metrics.values());
    let measures = measures.map(|(name, value)| ((*name).to_owned(), finite(value))).collect();
    Event::Epoch { run: run.to_owned(), best, measures }
}

/// What an event says of an epoch. A measure that this version does not know is left out, one that is not there is not
/// measured.
fn metrics_of(measures: &Map<String, Value>) -> Option<EpochMetrics> {
    let value = |name: &&str| measures.get(*name).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let values: Vec<f64> = EpochMetrics::COLUMNS.iter().map(value).collect();
    EpochMetrics::from_values(&values).filter(|metrics| metrics.epoch > 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cluster::{Cluster, Kind, NewJob, Resources, Tasks};

    fn epoch(number: usize, loss: f64) -> EpochMetrics {
        EpochMetrics { epoch: number, loss, p_mean: f64::NAN, ..EpochMetrics::default() }
    }

    #[test]
    fn epochs_are_read_once_and_in_order_also_after_a_kill() {
        let dir = tempfile::tempdir().unwrap();
        let cluster = Cluster { name: "lab".into(), kind: Kind::Slurm, queue: None };
        let new = NewJob {
            kind: SubmittedCommand::Train,
            name: None,
            project: dir.path().into(),
            program: "vitrine".into(),
            arguments: Vec::new(),
            folder: dir.path().into(),
            user: "me".into(),
            resources: Resources::default(),
            tasks: Tasks::One,
        };
        let job = Job::create(&cluster, &new).unwrap();
        let mut follower = Follower::default();
        let view = follower.look(dir.path()).unwrap().remove(0);
        assert_eq!((view.state.tasks, view.results), (vec![TaskState::NotSubmitted], Results::WritesProject));
        let task = job.task(0);
        task.begin("node1", None).unwrap();
        task.append(epoch_event("a", &epoch(1, 0.5), true)).unwrap();
        task.append(epoch_event("a", &epoch(2, 0.4), true)).unwrap();
        let run = follower.look(dir.path()).unwrap().remove(0).runs.remove(0);
        assert_eq!((run.name.as_str(), run.best, run.epochs.len()), ("a", Some(2), 2));
        assert!(run.epochs[0].p_mean.is_nan(), "what was not measured is not 0");
        // Killed within an epoch that was told: it comes again, and counts once.
        task.append(epoch_event("a", &epoch(2, 0.4), true)).unwrap();
        task.append(epoch_event("a", &epoch(3, 0.45), false)).unwrap();
        let run = follower.look(dir.path()).unwrap().remove(0).runs.remove(0);
        assert_eq!(run.epochs.iter().map(|m| m.epoch).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(run.best, Some(2));
        // A task may train a second run, beside the first.
        task.append(epoch_event("b", &epoch(1, 0.3), true)).unwrap();
        let runs = follower.look(dir.path()).unwrap().remove(0).runs;
        let seen: Vec<(&str, usize)> = runs.iter().map(|run| (run.name.as_str(), run.epochs.len())).collect();
        assert_eq!(seen, [("a", 3), ("b", 1)]);
    }
}
