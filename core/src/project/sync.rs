//! Flushing labels in the background: a label is written at once and reaches the disk a moment later.
//!
//! A transaction of SQLite in WAL mode appends to `project.sqlite-wal` and then waits for the disk. That takes
//! some milliseconds, and some hundred while the disk is busy: too slow for labelling by keyboard. A handle for
//! which [`Project::flush_in_background`](super::Project::flush_in_background) was called therefore writes
//! without the flush, and the thread here flushes for all handles:
//!
//! - **A label survives the end of the program** from the moment the call returns: the operating system has its
//!   bytes, in the order in which labels were set.
//! - **It survives a power failure or a crash of the system** once the thread has flushed the log. It does so as
//!   soon as the disk is free, with all labels that came meanwhile. A power failure takes only the newest labels,
//!   never one from the middle, and never the database: SQLite's frames carry checksums, and the log is read up
//!   to the last whole transaction.
//! - **A failed flush is reported**, and tried again every few seconds and whenever a caller waits. Until one
//!   succeeds, each further label waits for the disk and is refused with the disk's reason. A system may forget
//!   pages that it failed to write, so the log is then also folded into the database, and only when that is on the
//!   disk are the labels called safe.
//!
//! Folding the log into the database (a checkpoint) flushes too, so this thread does it as well, once nothing was
//! labelled for a second.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::project::db::{self, Db};
use crate::remedy::Warning;

/// How a file is brought onto the disk; [`File::sync_data`] but in tests.
pub type Flush = Arc<dyn Fn(&File) -> std::io::Result<()> + Send + Sync>;

/// Called on another thread when flushing has begun to fail, and when it works again.
pub type DiskNews = Arc<dyn Fn() + Send + Sync>;

/// A failed flush is tried again after this.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// The log is written into the database when nothing was written to it for so long …
const IDLE_BEFORE_FOLDING: Duration = Duration::from_secs(1);
/// … and it is longer than this, bytes,
const MIN_LOG_TO_FOLD: u64 = 4 << 20;
/// or at once when it is longer than this.
const MAX_LOG_LENGTH: u64 = 64 << 20;

/// What of a project is on its disk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DiskState {
    /// Changes written that the disk has not confirmed yet.
    pub waiting: u64,
    /// Why the last flush failed; `None` while the disk takes what it is given.
    pub failed: Option<Warning>,
}

/// Why a flush failed.
#[derive(Debug, Clone)]
enum Failure {
    /// The database is no longer in its place.
    Moved(PathBuf),
    /// The system refused.
    Refused(PathBuf, ErrorKind, String),
}

impl Failure {
    fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Refused(path.to_owned(), error.kind(), error.to_string())
    }

    fn error(&self, waiting: u64) -> Error {
        let changes = match waiting {
            1 => "the last change is".to_owned(),
            n => format!("the last {n} changes are"),
        };
        match self {
            Self::Moved(folder) => {
                Error::ProjectMoved { path: folder.clone(), consequence: format!("{changes} not safe") }
            }
            Self::Refused(path, kind, why) => {
                let why = match kind {
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full",
                    _ => why,
                };
                Error::request(
                    format!(
                        "could not write {} to the disk: {why}; {changes} kept as long as the computer runs, but would not \
                         survive a power failure",
                        path.display()
                    ),
                    "free some space or look after the disk; it is tried again every few seconds",
                )
            }
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// Changes that were written.
    written: u64,
    /// So many of them are on the disk.
    synced: u64,
    /// Since the last flush that succeeded.
    failed: Option<Failure>,
    /// Flushes begun and ended.
    begun: u64,
    ended: u64,
    /// Somebody waits: a failed flush is tried again at once.
    hurry: bool,
    stop: bool,
    last_write: Option<Instant>,
}

/// What the thread that flushes shares with those that write.
#[derive(Default)]
struct FlushMonitor {
    state: Mutex<State>,
    change: Condvar,
}

impl FlushMonitor {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that flushes. Dropped, it flushes what is left and ends.
pub(super) struct Syncer {
    shared: Arc<FlushMonitor>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    /// Begins to flush the log of the database `path`, which was opened as the file `identity`.
    pub fn start(path: &Path, identity: Option<(u64, u64)>, flush: Flush, news: DiskNews) -> Result<Self> {
        let shared = Arc::<FlushMonitor>::default();
        let its = Arc::clone(&shared);
        let mut disk = Disk {
            path: path.to_owned(),
            log: db::beside(path, "-wal"),
            identity,
            flush,
            file: None,
            db: None,
        };
        let thread = std::thread::Builder::new()
            .name("labels to disk".to_owned())
            .spawn(move || work(&its, &mut disk, &news))
            .map_err(|e| Error::io("start a thread for", path, e))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// A change was written: it is to be flushed.
    pub fn written(&self) {
        let mut state = self.shared.lock();
        state.written += 1;
        state.last_write = Some(Instant::now());
        drop(state);
        self.shared.change.notify_all();
    }

    /// Whether the last flush failed.
    pub fn has_failed(&self) -> bool {
        self.shared.lock().failed.is_some()
    }

    pub fn state(&self) -> DiskState {
        let state = self.shared.lock();
        let waiting = state.written - state.synced;
        let failed = state.failed.as_ref().map(|failure| Warning::from(&failure.error(waiting)));
        DiskState { waiting, failed }
    }

    /// Waits until all that was written so far is on the disk.
    pub fn wait(&self) -> Result<()> {
        let mut state = self.shared.lock();
        let (target, before) = (state.written, state.begun);
        loop {
            if state.synced >= target {
                return Ok(());
            }
            // Only a flush that began after this call speaks for what was written before it.
            if let Some(failure) = state.failed.as_ref().filter(|_| state.ended > before) {
                return Err(failure.error(state.written - state.synced));
            }
            state.hurry = true;
            self.shared.change.notify_all();
            state = self.shared.change.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.change.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work(shared: &FlushMonitor, disk: &mut Disk, news: &DiskNews) {
    // What fails here fails again with the first label, which says so.
    let _ = disk.db().and_then(|db| db.touch());
    let mut tried = Instant::now();
    let mut folded = 0;
    loop {
        let mut state = shared.lock();
        let task = loop {
            let waits = state.synced < state.written;
            if waits
                && (state.failed.is_none() || state.hurry || state.stop || tried.elapsed() >= RETRY_AFTER)
            {
                break Task::Flush { target: state.written, again: state.failed.is_some() };
            }
            if state.stop {
                return;
            }
            let idle = state.last_write.map_or(Duration::MAX, |at| at.elapsed());
            let news = !waits && folded < state.synced;
            if news && (idle >= IDLE_BEFORE_FOLDING || disk.log_length() > MAX_LOG_LENGTH) {
                break Task::Fold { upto: state.synced };
            }
            state = if waits || news {
                let wait = if waits {
                    RETRY_AFTER.saturating_sub(tried.elapsed())
                } else {
                    IDLE_BEFORE_FOLDING.saturating_sub(idle)
                };
                let wait = wait.max(Duration::from_millis(1));
                shared.change.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
            } else {
                shared.change.wait(state).unwrap_or_else(PoisonError::into_inner)
            };
        };
        match task {
            Task::Flush { target, again } => {
                (state.begun, state.hurry) = (state.begun + 1, false);
                drop(state);
                let done = disk.flush(again);
                tried = Instant::now();
                let mut state = shared.lock();
                state.ended += 1;
                let had_failed = state.failed.is_some();
                match done {
                    Ok(()) => (state.synced, state.failed) = (target, None),
                    Err(failure) => state.failed = Some(failure),
                }
                let turned = had_failed != state.failed.is_some();
                let ends = state.stop;
                drop(state);
                if turned {
                    news();
                }
                shared.change.notify_all();
                if ends {
                    return;
                }
            }
            Task::Fold { upto } => {
                drop(state);
                folded = upto;
                if disk.log_length() > MIN_LOG_TO_FOLD {
                    // A log that was not folded is only longer; it is tried again after the next label.
                    let _ = disk.fold("PASSIVE");
                }
            }
        }
    }
}

enum Task {
    /// Flush; `again` when the last one failed.
    Flush { target: u64, again: bool },
    /// Fold the log into the database.
    Fold { upto: u64 },
}

struct Disk {
    path: PathBuf,
    log: PathBuf,
    identity: Option<(u64, u64)>,
    flush: Flush,
    /// The log, and which file it is. Closing it takes no lock of SQLite's away: those are on the
    /// other two files.
    file: Option<(File, Option<(u64, u64)>)>,
    db: Option<Db>,
}

impl Disk {
    fn log_length(&self) -> u64 {
        std::fs::metadata(&self.log).map_or(0, |meta| meta.len())
    }

    fn flush(&mut self, again: bool) -> Result<(), Failure> {
        if self.identity != db::identity(&self.path) {
            let folder = self.path.parent().unwrap_or(&self.path);
            return Err(Failure::Moved(folder.to_owned()));
        }
        let now = db::identity(&self.log);
        let file = match &self.file {
            // Where files have no numbers, an open one cannot be replaced.
            Some((file, identity)) if *identity == now => file,
            _ => {
                let file = File::options().read(true).write(true).open(&self.log);
                let file = file.map_err(|e| Failure::io(&self.log, &e))?;
                &self.file.insert((file, now)).0
            }
        };
        (self.flush)(file).map_err(|e| Failure::io(&self.log, &e))?;
        if again {
            let whole = self.fold("FULL").map_err(|e| {
                let error = match e {
                    Error::Io { source, .. } => source,
                    other => std::io::Error::other(other.to_string()),
                };
                Failure::io(&self.path, &error)
            })?;
            if !whole {
                let busy = std::io::Error::other("another program reads it at the moment");
                return Err(Failure::io(&self.path, &busy));
            }
        }
        Ok(())
    }

    fn db(&mut self) -> Result<&mut Db> {
        match &mut self.db {
            Some(db) => Ok(db),
            none => Ok(none.insert(db::open_write(&self.path)?)),
        }
    }

    /// Folds the log into the database and flushes that; whether all of it could be.
    fn fold(&mut self, how: &str) -> Result<bool> {
        let db = self.db()?;
        let err = db.err("fold the log into the database");
        let whole = db
            .conn
            .query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |row| {
                Ok(row.get::<_, i64>(0)? == 0 && row.get::<_, i64>(1)? == row.get::<_, i64>(2)?)
            })
            .map_err(&err)?;
        if whole {
            // Who writes next begins the log anew.
            db.touch()?;
        }
        Ok(whole)
    }
}
