//! A task of a job on the disk: a folder that the task alone writes into.
//!
//! | file | what |
//! |---|---|
//! | `events.jsonl` | what has happened, a JSON object a line; it is only ever appended to |
//! | `heartbeat` | rewritten every few seconds while the task lives |
//! | `exit.json` | how it ended; not there while it runs, or when it was killed |
//! | `log` | what it printed |

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::files::{append_line, close_line, lines, lines_after, remove, write_json};
use crate::atomic::write_atomically;
use crate::error::{Error, Result};

/// Pause between two signs of life.
pub const BEAT: Duration = Duration::from_secs(5);
/// Time without a sign of life after which a task is taken for dead: many missed beats, since a shared disk may
/// show a change late.
pub(super) const SILENCE: Duration = Duration::from_secs(90);

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The task began; a requeued one begins again.
    Started {
        /// From 1.
        attempt: u32,
        /// The machine.
        host: String,
        /// What the scheduler calls the job.
        scheduler_id: Option<String>,
    },
    /// How far it is.
    Progress {
        /// What is being done.
        phase: String,
        /// Steps done.
        done: u64,
        /// Steps in all.
        total: u64,
    },
    /// An epoch of a run is complete.
    Epoch {
        /// Name of the run.
        run: String,
        /// Whether it is the best so far.
        best: bool,
        /// What was measured, by name; what was not is null.
        measures: Map<String, Value>,
    },
    /// A line a person should read.
    Said {
        /// The line.
        text: String,
    },
    /// It was told to end: by a person, or by the scheduler before the time limit.
    StopAsked,
    /// It ended.
    Ended {
        /// Its exit status.
        code: i32,
    },
}

/// An event with its moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    at: String,
    #[serde(flatten)]
    event: Event,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Its exit status: 0 done, 130 stopped with what was complete kept.
    pub code: i32,
    /// Which attempt ended so.
    pub attempt: u32,
}

/// The folder of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    dir: PathBuf,
}

impl Task {
    /// Task `number` of the job in `job`.
    pub fn of(job: &Path, number: usize) -> Self {
        Self { dir: job.join("tasks").join(number.to_string()) }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where what it prints goes.
    pub fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    fn heartbeat(&self) -> PathBuf {
        self.dir.join("heartbeat")
    }

    fn exit_file(&self) -> PathBuf {
        self.dir.join("exit.json")
    }

    /// Begins, or begins again after a requeue; which attempt this is, from 1.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin(&self, host: &str, scheduler_id: Option<String>) -> Result<u32> {
        fs::create_dir_all(&self.dir).map_err(|e| Error::io("create", &self.dir, e))?;
        let before = self.events()?;
        let started = before.iter().filter(|(_, event)| matches!(event, Event::Started { .. })).count();
        let attempt = u32::try_from(started).unwrap_or(u32::MAX).saturating_add(1);
        remove(&self.exit_file())?;
        self.beat()?;
        close_line(&self.events_file())?;
        self.append(Event::Started { attempt, host: host.to_owned(), scheduler_id })?;
        Ok(attempt)
    }

    /// Gives a sign of life.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn beat(&self) -> Result<()> {
        write_atomically(&self.heartbeat(), now().as_bytes())
    }

    /// Adds an event.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&self, event: Event) -> Result<()> {
        append_line(&self.events_file(), &Line { at: now(), event })
    }

    fn events_file(&self) -> PathBuf {
        self.dir.join("events.jsonl")
    }

    /// What has happened, each with its moment (RFC 3339, UTC). A line that was not written to its end, and one of a
    /// newer version, are passed over.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn events(&self) -> Result<Vec<(String, Event)>> {
        Ok(lines::<Line>(&self.events_file())?.into_iter().map(|line| (line.at, line.event)).collect())
    }

    /// As [`Task::events`], those that came after the first `read` bytes of the file; and how much of it is read then.
    /// A line that is not written to its end yet is left for the next time.
    ///
    /// # Errors
    /// As [`Task::events`].
    pub fn events_after(&self, read: u64) -> Result<(Vec<(String, Event)>, u64)> {
        let (lines, read) = lines_after::<Line>(&self.events_file(), read)?;
        Ok((lines.into_iter().map(|line| (line.at, line.event)).collect(), read))
    }

    /// Ends: says how, for those who look on.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn end(&self, code: i32, attempt: u32) -> Result<()> {
        self.append(Event::Ended { code })?;
        write_json(&self.exit_file(), &Exit { code, attempt })
    }

    /// It is submitted again: how it ended before, and its last sign of life, are put aside, so that it counts as one that
    /// waits.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn put_aside(&self) -> Result<()> {
        [self.exit_file(), self.heartbeat()].iter().try_for_each(|path| rename(path, &aside(path)))
    }

    /// It was not submitted after all.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn bring_back(&self) -> Result<()> {
        [self.exit_file(), self.heartbeat()].iter().try_for_each(|path| rename(&aside(path), path))
    }

    /// How it ended; `None` where it has not, or left no word.
    pub fn exit(&self) -> Option<Exit> {
        serde_json::from_slice(&fs::read(self.exit_file()).ok()?).ok()
    }

    /// Time since the last sign of life; `None` where there was none. A clock that is ahead counts as now.
    pub fn silent_for(&self) -> Option<Duration> {
        let modified = fs::metadata(self.heartbeat()).ok()?.modified().ok()?;
        Some(modified.elapsed().unwrap_or_default())
    }
}

/// Where a file is put aside.
fn aside(path: &Path) -> PathBuf {
    path.with_extension("before")
}

/// Gives a file another name; one that is not there need not have one.
fn rename(from: &Path, to: &Path) -> Result<()> {
    match fs::rename(from, to) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("rename", from, e)),
        _ => Ok(()),
    }
}

/// This moment, RFC 3339, UTC.
pub(super) fn now() -> String {
    jiff::Timestamp::now().round(jiff::Unit::Second).map_or_else(|_| String::new(), |at| at.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_task_tells_what_happens_and_how_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let task = Task::of(dir.path(), 3);
        assert_eq!((task.exit(), task.silent_for(), task.events().unwrap().len()), (None, None, 0));
        assert_eq!(task.begin("node1", Some("17".into())).unwrap(), 1);
        assert!(task.silent_for().unwrap() < SILENCE);
        task.append(Event::Progress { phase: "Picking".into(), done: 1, total: 2 }).unwrap();
        task.end(1, 1).unwrap();
        assert_eq!(task.exit(), Some(Exit { code: 1, attempt: 1 }));
        // Submitted again it waits; where that fails it stands as before.
        task.put_aside().unwrap();
        assert_eq!((task.exit(), task.silent_for()), (None, None));
        task.bring_back().unwrap();
        assert_eq!(task.exit(), Some(Exit { code: 1, attempt: 1 }));
        // A line that was cut off by a kill is passed over, and the next attempt begins on a line of its own.
        let path = dir.path().join("tasks/3/events.jsonl");
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"at\":\"2026");
        fs::write(&path, text).unwrap();
        assert_eq!(task.begin("node2", None).unwrap(), 2);
        assert_eq!(task.exit(), None, "an attempt that runs has not ended");
        let events: Vec<Event> = task.events().unwrap().into_iter().map(|(_, event)| event).collect();
        assert_eq!(events.len(), 4);
        // One who looks on reads on from where the file ended, and not half a line.
        let (first, read) = task.events_after(0).unwrap();
        assert_eq!((first.len(), read), (4, fs::metadata(&path).unwrap().len()));
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"at\":\"2026").unwrap();
        assert_eq!(task.events_after(read).unwrap(), (Vec::new(), read));
        fs::write(&path, "").unwrap();
        assert_eq!(
            task.events_after(read).unwrap(),
            (Vec::new(), 0),
            "another file in its place is read anew"
        );
        assert_eq!(events[3], Event::Started { attempt: 2, host: "node2".into(), scheduler_id: None });
    }
}
