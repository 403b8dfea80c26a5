//! Writing: the transactions through which everything in a project is changed, and whether the disk has taken what
//! was written.

use crate::error::{Error, Result};
use crate::project::Project;
use crate::project::db::Db;
use crate::project::sync::{DiskNews, DiskState, Flush, Syncer};

impl Project {
    pub(super) fn check_writable(&self) -> Result<()> {
        if self.is_writable() {
            return self.check_in_place();
        }
        let why = self.read_only.as_deref().map_or(String::new(), |why| format!(" ({why})"));
        Err(Error::request(
            format!("{} is open for reading only{why}", self.dir.display()),
            "open it for writing to change it",
        ))
    }

    /// Runs `change` in a transaction that is undone when it fails.
    pub(super) fn transact<T>(
        &mut self,
        action: &'static str,
        change: impl FnOnce(&Db) -> Result<T>,
    ) -> Result<T> {
        self.check_writable()?;
        let flushed_late = self.syncer().filter(|_| self.late);
        // A disk that has failed is waited for, so that what it does not take is refused.
        let waits = flushed_late.is_some_and(Syncer::has_failed);
        if waits {
            self.db.flush_on_commit(true)?;
        }
        let done = self.transact_now(action, change);
        if waits {
            self.db.flush_on_commit(false)?;
        }
        if let Some(syncer) = flushed_late.filter(|_| done.is_ok()) {
            syncer.written();
        }
        done
    }

    /// As [`Project::transact`], for what is written while a person labels: who writes beside it waits
    /// for the writing only, not until the disk has taken it, which is waited for here. When the disk
    /// does not, the change is made all the same, and the error says that it is not safe.
    pub(super) fn transact_beside<T>(
        &mut self,
        action: &'static str,
        change: impl FnOnce(&Db) -> Result<T>,
    ) -> Result<T> {
        if self.late || self.syncer().is_none() {
            return self.transact(action, change);
        }
        self.check_writable()?;
        self.db.flush_on_commit(false)?;
        let done = self.transact_now(action, change);
        self.db.flush_on_commit(true)?;
        let value = done?;
        if let Some(syncer) = self.syncer() {
            syncer.written();
            syncer.wait()?;
        }
        Ok(value)
    }

    fn transact_now<T>(&self, action: &'static str, change: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
        let err = self.db.err(action);
        self.db.conn.execute_batch("BEGIN IMMEDIATE").map_err(&err)?;
        let done = change(&self.db)
            .and_then(|value| self.db.conn.execute_batch("COMMIT").map_err(&err).map(|()| value));
        if done.is_err() {
            // SQLite may have rolled back by itself (full disk); then this does nothing.
            let _ = self.db.conn.execute_batch("ROLLBACK");
        }
        done
    }

    /// From now on labels set through this handle are written without waiting for the disk. A thread that all
    /// handles of this process share flushes them as soon as the disk takes them. They survive the end of the
    /// program at once, and a power failure a moment later, in the order in which they were set.
    ///
    /// [`Project::disk_state`] says whether flushing works; `news` is called, on another thread, when it begins to
    /// fail and when it works again. While it fails, labels wait for the disk as without this call, and are refused
    /// with its reason. `flush` brings a file onto the disk: [`std::fs::File::sync_data`] but in tests.
    ///
    /// Dropping the last handle flushes what is left.
    ///
    /// # Errors
    /// When the project is read only, or the system gives no thread.
    pub fn flush_in_background(&mut self, flush: Flush, news: DiskNews) -> Result<()> {
        self.check_writable()?;
        let Some(held) = &self.held else { return Ok(()) };
        if held.syncer.get().is_none() {
            let syncer = Syncer::start(&self.db.path, self.db.identity, flush, news)?;
            // Two at once: the other one is as good.
            let _ = held.syncer.set(syncer);
        }
        self.late = true;
        self.db.flush_on_commit(false)?;
        self.db.conn.pragma_update(None, "wal_autocheckpoint", 0).map_err(self.db.err("set up"))
    }

    /// Waits until everything that any handle of this process has written so far is on the disk.
    ///
    /// # Errors
    /// When the disk refuses; the sentence says why, and how many changes are not safe.
    pub fn flush(&self) -> Result<()> {
        self.syncer().map_or(Ok(()), Syncer::wait)
    }

    /// What the disk has not confirmed yet, and why.
    pub fn disk_state(&self) -> DiskState {
        self.syncer().map_or_else(DiskState::default, Syncer::state)
    }

    fn syncer(&self) -> Option<&Syncer> {
        self.held.as_ref().and_then(|held| held.syncer.get())
    }
}
