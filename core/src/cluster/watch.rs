//! Watches a job. Each look gives its state and what has happened since the look before. A look reads only what was added
//! to the files since then. Looking more often does not ask the scheduler more often.

use serde_json::{Map, Value};

use super::job::Job;
use super::scheduler::Scheduler;
use super::state::{JobState, TaskProgress, look};
use super::task::{Event, Task};
use crate::error::Result;

/// What one who looks again remembers of a job.
#[derive(Debug, Default)]
pub struct Watch {
    scheduler: Scheduler,
    tasks: Vec<Tail>,
}

/// How far the events of a task are read.
#[derive(Debug, Default)]
struct Tail {
    read: u64,
    progress: Option<TaskProgress>,
}

/// An epoch that is complete since the last look.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEpoch {
    /// The task.
    pub task: usize,
    /// Name of the run.
    pub run: String,
    /// Whether this epoch is the best so far.
    pub best: bool,
    /// What was measured in the epoch.
    pub measures: Map<String, Value>,
}

impl Watch {
    /// Looks how the job stands, and which epochs are complete that were not when it was looked at last.
    ///
    /// # Errors
    /// When the events of a task are there and cannot be read.
    pub fn look(&mut self, job: &Job) -> Result<(JobState, Vec<NewEpoch>)> {
        self.tasks.resize_with(job.tasks(), Tail::default);
        let mut happened = Vec::new();
        for (number, tail) in self.tasks.iter_mut().enumerate() {
            tail.read_on(number, &job.task(number), &mut happened)?;
        }
        let tasks = &self.tasks;
        let mut progress =
            |number: usize, _: &Task| Ok(tasks.get(number).and_then(|tail| tail.progress.clone()));
        let state = look(job, &mut self.scheduler, &mut progress)?;
        Ok((state, happened))
    }
}

impl Tail {
    fn read_on(&mut self, number: usize, task: &Task, happened: &mut Vec<NewEpoch>) -> Result<()> {
        let (events, read) = task.events_after(self.read)?;
        self.read = read;
        for (_, event) in events {
            match event {
                Event::Progress { phase, done, total } => self.progress = Some((phase, done, total)),
                // Begun again: what the attempt before has said of its progress is over.
                Event::Started { .. } => self.progress = None,
                Event::Epoch { run, best, measures } => {
                    happened.push(NewEpoch { task: number, run, best, measures });
                }
                Event::Said { .. } | Event::StopAsked | Event::Ended { .. } => {}
            }
        }
        Ok(())
    }
}
