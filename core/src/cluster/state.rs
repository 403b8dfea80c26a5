//! The state of a job, from its exit files, its heartbeats and the scheduler.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::job::Job;
use super::scheduler::Scheduler;
use super::task::{Event, SILENCE, Task};
use crate::error::Result;

/// How a task stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TaskState {
    /// It was made and not submitted.
    NotSubmitted,
    /// The scheduler has it, and it has not begun, or will begin again.
    Queued,
    /// It gives signs of life.
    Running {
        /// How far it is: phase, steps done, steps in all.
        progress: Option<(String, u64, u64)>,
    },
    /// It has ended well.
    Done,
    /// It was stopped and keeps what was complete.
    Stopped,
    /// It has ended with an error.
    Failed {
        /// Its exit status.
        code: i32,
    },
    /// It has left no word, gives no sign of life, and the scheduler does not have it any more.
    Lost {
        /// Seconds since its last sign of life.
        silent: Option<u64>,
    },
}

impl TaskState {
    /// Whether it will change by itself.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Queued | Self::Running { .. })
    }

    /// Whether it is to be submitted again for the job to be complete.
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::NotSubmitted | Self::Stopped | Self::Failed { .. } | Self::Lost { .. })
    }
}

/// What is known from the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The folder of the job says all there is to say.
    NotNeeded,
    /// It has answered.
    Given,
    /// It could not be asked from here: the states are those that the folder alone tells.
    Missing,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobState {
    /// Every task, in order.
    pub tasks: Vec<TaskState>,
    /// Whether the scheduler has its part in it.
    pub scheduler: Answer,
}

impl JobState {
    /// Numbers of the tasks for which `test` holds.
    pub fn those(&self, test: impl Fn(&TaskState) -> bool) -> Vec<usize> {
        self.tasks.iter().enumerate().filter(|(_, state)| test(state)).map(|(number, _)| number).collect()
    }

    /// Whether all tasks have ended well.
    pub fn is_done(&self) -> bool {
        self.tasks.iter().all(|state| *state == TaskState::Done)
    }

    /// Whether a task may still change by itself.
    pub fn is_open(&self) -> bool {
        self.tasks.iter().any(TaskState::is_open)
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSubmitted => f.write_str("not submitted"),
            Self::Queued => f.write_str("queued"),
            Self::Running { progress: None } => f.write_str("running"),
            Self::Running { progress: Some((phase, done, total)) } => {
                write!(f, "running: {phase}, {done} of {total}")
            }
            Self::Done => f.write_str("done"),
            Self::Stopped => f.write_str("stopped; what was complete is kept"),
            Self::Failed { code } => write!(f, "failed with status {code}"),
            Self::Lost { silent: Some(seconds) } => write!(f, "lost: no sign of life for {seconds} s"),
            Self::Lost { silent: None } => {
                f.write_str("lost: it never began, and the scheduler does not have it")
            }
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [one] = self.tasks.as_slice() {
            return one.fmt(f);
        }
        let count = |test: fn(&TaskState) -> bool| self.those(test).len();
        let words = [
            (count(|s| *s == TaskState::Done), "done"),
            (count(|s| matches!(s, TaskState::Running { .. })), "running"),
            (count(|s| *s == TaskState::Queued), "queued"),
            (count(|s| matches!(s, TaskState::Failed { .. })), "failed"),
            (count(|s| matches!(s, TaskState::Lost { .. })), "lost"),
            (count(|s| *s == TaskState::Stopped), "stopped"),
            (count(|s| *s == TaskState::NotSubmitted), "not submitted"),
        ];
        let parts: Vec<String> = words
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        write!(f, "{} tasks: {}", self.tasks.len(), parts.join(", "))
    }
}

/// Looks how a job stands. The scheduler is asked only where the folder leaves it open.
///
/// # Errors
/// When the events of a task are there and cannot be read.
pub fn states(job: &Job) -> Result<JobState> {
    look(job, &mut Scheduler::default(), &mut |_, task| newest_progress(task))
}

/// As [`states`]. `scheduler` is what it said before, and then what it says; `progress` tells how far a task is that
/// runs.
///
/// # Errors
/// As `progress`.
pub(super) fn look(
    job: &Job,
    scheduler: &mut Scheduler,
    progress: &mut dyn FnMut(usize, &Task) -> Result<Option<TaskProgress>>,
) -> Result<JobState> {
    let ids = job.scheduler_ids();
    let tasks: Vec<Task> = (0..job.tasks()).map(|number| job.task(number)).collect();
    let exits: Vec<Option<i32>> = tasks.iter().map(|task| task.exit().map(|exit| exit.code)).collect();
    let all_ended = exits.iter().all(|exit| exit.is_some_and(|code| code != STOPPED));
    let asks = !all_ended && ids.iter().any(Option::is_some);
    if asks {
        *scheduler = Scheduler::ask(job, scheduler);
    }
    let is_asked_to_stop = job.is_asked_to_stop();
    let state = |(number, task): (usize, &Task)| {
        let exit = exits.get(number).copied().flatten();
        let seen = Seen {
            submitted: ids.get(number).is_some_and(Option::is_some),
            exit,
            silent: if exit.is_some() { None } else { task.silent_for() },
            word: scheduler.state(number).filter(|_| asks),
            answered: asks && scheduler.answered,
        };
        Ok(match seen.state() {
            // Somebody ended it before it had begun, or it did not end in time.
            TaskState::Lost { .. } if is_asked_to_stop => TaskState::Stopped,
            TaskState::Running { .. } => TaskState::Running { progress: progress(number, task)? },
            state => state,
        })
    };
    let answer = match (asks, scheduler.answered) {
        (false, _) => Answer::NotNeeded,
        (true, true) => Answer::Given,
        (true, false) => Answer::Missing,
    };
    let tasks = tasks.iter().enumerate().map(state).collect::<Result<_>>()?;
    Ok(JobState { tasks, scheduler: answer })
}

/// How far a task is: the phase, steps done, steps in all.
pub(super) type TaskProgress = (String, u64, u64);

/// Exit status of what was stopped and keeps what was complete.
const STOPPED: i32 = 130;

/// Silence after which a task that the scheduler does not have is taken for dead: some signs of life that did not come,
/// and the time in which the scheduler's answer may be an old one.
const GONE: Duration = Duration::from_secs(30);

/// What is known of a task.
struct Seen<'a> {
    submitted: bool,
    exit: Option<i32>,
    /// Time since the last sign of life.
    silent: Option<Duration>,
    /// The scheduler's word.
    word: Option<&'a str>,
    /// Whether the scheduler could be asked.
    answered: bool,
}

impl Seen<'_> {
    fn state(&self) -> TaskState {
        let waits = self.word.is_some_and(|word| {
            ["PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SUSPENDED", "PD", "CF", "Q", "H"]
                .contains(&word.to_uppercase().as_str())
        });
        match self.exit {
            Some(0) => return TaskState::Done,
            // Stopped by the scheduler before its time was over, and to begin again.
            Some(STOPPED) if waits => return TaskState::Queued,
            Some(STOPPED) => return TaskState::Stopped,
            Some(code) => return TaskState::Failed { code },
            None if !self.submitted => return TaskState::NotSubmitted,
            None => {}
        }
        // A scheduler that does not have it any more leaves little doubt.
        let patience = if self.answered && self.word.is_none() { GONE } else { SILENCE };
        let lost = || TaskState::Lost { silent: self.silent.map(|silent| silent.as_secs()) };
        match (self.silent, self.word) {
            (Some(silent), _) if silent < patience && !waits => TaskState::Running { progress: None },
            (_, Some(_)) if waits => TaskState::Queued,
            // The scheduler has begun it a moment ago, or takes it down.
            (None, Some(_)) => TaskState::Queued,
            (None, None) if !self.answered => TaskState::Queued,
            _ => lost(),
        }
    }
}

/// The newest event that says how far a task is.
fn newest_progress(task: &Task) -> Result<Option<TaskProgress>> {
    Ok(task.events()?.into_iter().rev().find_map(|(_, event)| match event {
        Event::Progress { phase, done, total } => Some((phase, done, total)),
        _ => None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queued_running_done_failed_and_lost_are_told_apart() {
        let seen = |exit, silent: Option<u64>, word, answered| {
            Seen { submitted: true, exit, silent: silent.map(Duration::from_secs), word, answered }.state()
        };
        let running = TaskState::Running { progress: None };
        assert_eq!(seen(None, None, Some("PENDING"), true), TaskState::Queued);
        assert_eq!(seen(None, None, Some("RUNNING"), true), TaskState::Queued, "no sign of life yet");
        assert_eq!(seen(None, Some(3), Some("RUNNING"), true), running);
        // Where nobody can be asked, signs of life decide.
        assert_eq!(seen(None, None, None, false), TaskState::Queued);
        assert_eq!(seen(None, Some(3), None, false), running);
        assert_eq!(seen(None, Some(300), None, false), TaskState::Lost { silent: Some(300) });
        // A killed task: silent, and the scheduler has forgotten it or still takes it down.
        assert_eq!(seen(None, Some(300), None, true), TaskState::Lost { silent: Some(300) });
        assert_eq!(seen(None, Some(40), None, true), TaskState::Lost { silent: Some(40) });
        assert_eq!(seen(None, Some(40), Some("RUNNING"), true), running, "a slow disk");
        assert_eq!(seen(None, Some(300), Some("RUNNING"), true), TaskState::Lost { silent: Some(300) });
        assert_eq!(seen(None, None, None, true), TaskState::Lost { silent: None });
        assert_eq!(seen(Some(0), Some(1), Some("COMPLETING"), true), TaskState::Done);
        assert_eq!(seen(Some(1), Some(1), None, true), TaskState::Failed { code: 1 });
        // Stopped before its time was over: it begins again, unless the scheduler has no such plan.
        assert_eq!(seen(Some(130), Some(9), Some("PENDING"), true), TaskState::Queued);
        assert_eq!(seen(Some(130), Some(9), None, true), TaskState::Stopped);
        assert_eq!(seen(None, Some(9), Some("PENDING"), true), TaskState::Queued, "killed and requeued");
        let open = Seen { submitted: false, exit: None, silent: None, word: None, answered: false };
        assert_eq!(open.state(), TaskState::NotSubmitted);
    }
}
