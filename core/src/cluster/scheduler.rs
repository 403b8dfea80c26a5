//! Submits, asks and cancels by the commands of the cluster.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::cryosparc::command;
use super::job::Job;
use super::profile::quoted;
use super::task::Task;
use crate::atomic::write_atomically;
use crate::error::{Error, Result};

/// The scheduler is asked at most once in this time, however many people ask.
const ASK_EVERY: Duration = Duration::from_secs(15);

/// What the scheduler said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduler {
    /// Seconds since 1970.
    asked: u64,
    /// The state of each task it knows, in its own words (`PENDING`, `RUNNING`).
    states: Vec<(usize, String)>,
    /// Whether it could be asked.
    pub answered: bool,
    /// Whether the folder of the job refused the answer, so that only who has asked knows it.
    #[serde(skip)]
    is_mine_alone: bool,
}

/// How long a cancelled job may take to keep what it has, before the scheduler ends it.
pub const GRACE: Duration = Duration::from_secs(30);

impl Scheduler {
    /// What it says of a job. The answer is kept in the job's folder for [`ASK_EVERY`], for everyone who looks on. Where
    /// it cannot be, the answer `before` holds for as long.
    pub fn ask(job: &Job, before: &Self) -> Self {
        let path = job.dir().join("scheduler.json");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let known: Option<Self> = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let holds = |known: &Self| now.saturating_sub(known.asked) < ASK_EVERY.as_secs();
        if let Some(known) = known.filter(holds) {
            return known;
        }
        if before.is_mine_alone && holds(before) {
            return before.clone();
        }
        let mut fresh = Self { asked: now, states: Vec::new(), answered: true, is_mine_alone: false };
        let mut ids: Vec<String> = job.scheduler_ids().into_iter().flatten().collect();
        ids.sort();
        ids.dedup();
        for id in ids {
            match states_of(job, &id) {
                Some(states) => fresh.states.extend(states),
                None => fresh.answered = false,
            }
        }
        let kept = serde_json::to_vec(&fresh).is_ok_and(|text| write_atomically(&path, &text).is_ok());
        fresh.is_mine_alone = !kept;
        fresh
    }

    /// Its word for the state of a task.
    pub fn state(&self, task: usize) -> Option<&str> {
        self.states.iter().find(|(number, _)| *number == task).map(|(_, state)| state.as_str())
    }

    /// Forgets what was said of a job, since it has just changed.
    fn forget(job: &Job) {
        // What is not there need not be taken away.
        let _ = fs::remove_file(job.dir().join("scheduler.json"));
    }
}

/// The states of a job by the scheduler's number; `None` where it cannot be asked.
fn states_of(job: &Job, id: &str) -> Option<Vec<(usize, String)>> {
    let template = job.file.commands.state.as_ref()?;
    let answer = match run(job, template, &[("cluster_job_id", id)]) {
        Ok(answer) => answer,
        Err(error) if knows_no_such_job(&error) => return Some(Vec::new()),
        Err(_) => return None,
    };
    let submitted = job.submitted().into_iter().find(|entry| entry.id == id)?;
    let mut states = Vec::new();
    for line in answer.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [number, state] => match number.parse() {
                Ok(number) => states.push((number, (*state).to_owned())),
                Err(_) => states.extend(submitted.tasks.iter().map(|task| (*task, (*state).to_owned()))),
            },
            [state] => states.extend(submitted.tasks.iter().map(|task| (*task, (*state).to_owned()))),
            _ => {}
        }
    }
    Some(states)
}

/// Submits tasks of a job: all of them, or those of an array that are to run again. The number the scheduler gave.
///
/// # Errors
/// When the command fails or gives no number.
pub fn submit(job: &Job, tasks: &[usize]) -> Result<String> {
    let mut commands = job.file.commands.clone();
    if job.file.array.is_some() {
        commands = commands.with_options(&[("array", ranges(tasks))])?;
    }
    let script = job.script();
    let script = quoted(&script.to_string_lossy());
    job.go_on()?;
    let again: Vec<Task> = tasks.iter().map(|&number| job.task(number)).collect();
    // Before: one that begins at once must find nothing of the attempt before.
    again.iter().try_for_each(Task::put_aside)?;
    let id = run(job, &commands.submit, &[("script_path_abs", &script)]).and_then(|answer| {
        number_in(&answer).map(str::to_owned).ok_or_else(|| {
            Error::request(
                format!("'{}' gave no number of a job: {}", commands.submit, answer.trim()),
                "try the command by hand",
            )
        })
    });
    let id = match id {
        Ok(id) => id,
        Err(error) => {
            // The first error is the one to tell.
            let _ = again.iter().try_for_each(Task::bring_back);
            return Err(error);
        }
    };
    job.note_submitted(&id, tasks)?;
    Scheduler::forget(job);
    Ok(id)
}

/// Ends a job: by its stop file, which lets it keep what is complete, then by the scheduler.
///
/// # Errors
/// When the disk or the scheduler refuses.
pub fn cancel(job: &Job, grace: Duration, wait: &mut dyn FnMut(Duration) -> bool) -> Result<()> {
    job.ask_to_stop()?;
    let alive = || {
        (0..job.tasks()).any(|number| {
            let task = job.task(number);
            task.exit().is_none() && task.silent_for().is_some_and(|silent| silent < super::task::SILENCE)
        })
    };
    let step = Duration::from_millis(500);
    let mut waited = Duration::ZERO;
    while alive() && waited < grace && wait(step) {
        waited += step;
    }
    let Some(template) = &job.file.commands.cancel else {
        return Ok(());
    };
    let mut ids: Vec<String> = job.submitted().into_iter().map(|entry| entry.id).collect();
    ids.dedup();
    for id in ids {
        match run(job, template, &[("cluster_job_id", &id)]) {
            // What has ended need not be ended.
            Err(error) if !knows_no_such_job(&error) => return Err(error),
            _ => {}
        }
    }
    Scheduler::forget(job);
    Ok(())
}

/// Asks SLURM to begin this job again later: the scheduler has told it to end, and it has more to do. Whether it will.
/// A job that the scheduler takes down anyway (cancelled, preempted) is left to it.
pub fn requeue(id: &str) -> bool {
    let answer = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    answer("squeue", &["-h", "-j", id, "-o", "%T"]).as_deref() == Some("RUNNING")
        && answer("scontrol", &["requeue", id]).is_some()
}

/// Runs a command of the cluster; what it printed.
fn run(job: &Job, template: &str, values: &[(&str, &str)]) -> Result<String> {
    let place = job.dir().join("job.json");
    let inner = command(&place, template, values)?;
    let whole = command(&place, &job.file.commands.send, &[("command", &inner)])?;
    let output = Command::new("sh").arg("-c").arg(&whole).stdin(Stdio::null()).output();
    let output = output.map_err(|e| Error::io("run", "sh", e))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let said = [text(&output.stderr), text(&output.stdout)].join(" ").trim().replace('\n', "; ");
    Err(Error::request(
        format!("'{whole}' failed: {}", if said.is_empty() { output.status.to_string() } else { said }),
        "try the command by hand; the cluster may be down, or refuse what was asked for",
    ))
}

/// Whether a scheduler has answered that it knows no such job: SLURM's words for one that ended some minutes ago.
fn knows_no_such_job(error: &Error) -> bool {
    error.to_string().contains("Invalid job id")
}

/// The first word of an answer that begins with a digit: `Submitted batch job 17`, `17;cluster`, `17.server`.
fn number_in(answer: &str) -> Option<&str> {
    let word = answer.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    word.split(';').next()
}

/// Numbers of tasks as SLURM's option for arrays takes them: `0-3,7`.
fn ranges(tasks: &[usize]) -> String {
    let mut sorted = tasks.to_vec();
    sorted.sort_unstable();
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for task in sorted {
        match parts.last_mut() {
            Some((_, last)) if task <= *last + 1 => *last = task,
            _ => parts.push((task, task)),
        }
    }
    let part = |(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    parts.iter().map(part).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_schedulers_and_ranges_of_tasks() {
        assert_eq!(number_in("Submitted batch job 17\n"), Some("17"));
        assert_eq!(number_in("17;lab\n"), Some("17"));
        assert_eq!(number_in("1234.server.site"), Some("1234.server.site"));
        assert_eq!(number_in("denied"), None);
        assert_eq!(ranges(&[0, 1, 2, 3]), "0-3");
        assert_eq!(ranges(&[7, 0, 1, 3]), "0-1,3,7");
        assert_eq!(ranges(&[5]), "5");
    }
}
