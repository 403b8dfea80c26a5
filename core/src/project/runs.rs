//! Training runs: what each was given, its metrics by epoch, and how it ended.
//!
//! The database is the record; `runs/NAME/metrics.csv` is the same numbers for other programs.

use std::io::Write;
use std::path::Path;

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::project::db::Db;
use crate::project::lock::Lock;
use crate::project::run_names::{check_free, check_run_name};
use crate::project::time::now;
use crate::project::{EntryId, Project, RunId, SplitId, journal};
use crate::remedy::Remedy;

/// A run about to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Its name, also that of its folder: letters, digits, `.`, `-` and `_`.
    pub name: String,
    /// The configuration as YAML, as it was given.
    pub config: String,
    /// Seed of everything random in the run.
    pub seed: u64,
    /// Versions of program and libraries, a JSON object.
    pub versions: Value,
    /// Name of the run whose weights it begins with; `None` where it begins from scratch.
    pub began_with: Option<String>,
    /// The device it runs on, as the device describes itself.
    pub device: String,
    /// The normaliser of the training side, as JSON.
    pub normaliser: Value,
    /// The split whose training side it learns from.
    pub split: Option<SplitId>,
    /// The columns of `metrics.csv` after `epoch`; metrics outside are only in the database.
    pub columns: Vec<String>,
}

impl NewRun {
    /// A run from scratch with seed 1 of which nothing more is known.
    pub fn named(name: impl Into<String>, config: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            config: config.into(),
            seed: 1,
            versions: Value::Object(serde_json::Map::new()),
            began_with: None,
            device: "none".to_owned(),
            normaliser: Value::Null,
            split: None,
            columns: Vec::new(),
        }
    }
}

/// Whether a run is under way, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// Under way.
    Running,
    /// Ended by its schedule or early stopping.
    Finished,
    /// Stopped by a person.
    Stopped,
    /// Ended by an error.
    Failed,
    /// Its process ended before it did.
    Interrupted,
}

impl RunStatus {
    const ALL: [Self; 5] = [Self::Running, Self::Finished, Self::Stopped, Self::Failed, Self::Interrupted];

    /// The word used in files and on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// By its schedule or early stopping.
    Finished,
    /// By a person.
    Stopped,
    /// By an error.
    Failed,
}

impl RunEnd {
    const fn status(self) -> RunStatus {
        match self {
            Self::Finished => RunStatus::Finished,
            Self::Stopped => RunStatus::Stopped,
            Self::Failed => RunStatus::Failed,
        }
    }
}

/// A run as the database holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Number of the run, which it keeps.
    pub id: RunId,
    /// Name of the run, unique in the project whatever its case.
    pub name: String,
    /// The configuration as YAML, as it was given.
    pub config: String,
    /// Seed of everything random in the run.
    pub seed: u64,
    /// Versions of program and libraries.
    pub versions: Value,
    /// Name of the run whose weights it began with, also where that was deleted since; `None` where it began
    /// from scratch.
    began_with: Option<String>,
    /// Whether the run whose weights it began with was deleted since.
    predecessor_deleted: bool,
    /// The device it ran on, as the device described itself.
    pub device: String,
    /// Journal position at its start; [`Project::labels_at`] gives the labels of that moment.
    pub journal_position: EntryId,
    /// The normaliser of its training side, as JSON.
    pub normaliser: Value,
    /// The split whose training side it learned from; `None` where it was recorded without one.
    pub split: Option<SplitId>,
    /// The columns of `metrics.csv` after `epoch`.
    pub columns: Vec<String>,
    /// When it began, RFC 3339, UTC.
    pub started_at: String,
    /// When it ended, RFC 3339, UTC; `None` while it is under way or where its process died.
    pub ended_at: Option<String>,
    /// Whether it is under way, or how it ended.
    pub status: RunStatus,
    /// Why it ended before its last epoch, as a sentence; `None` where it did not.
    pub message: Option<String>,
    /// The epoch whose weights score, counted from 1; `None` before the first complete epoch.
    pub best_epoch: Option<u32>,
}

impl Run {
    /// The run of this project whose weights this one began with.
    pub fn began_with(&self) -> Option<&str> {
        self.began_with.as_deref().filter(|_| !self.predecessor_deleted)
    }

    /// The name that run had, where it was deleted since.
    pub fn began_with_deleted(&self) -> Option<&str> {
        self.began_with.as_deref().filter(|_| self.predecessor_deleted)
    }
}

/// The metrics of one epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMetrics {
    /// Counted from 1.
    pub epoch: u32,
    /// Numbers by name; `null` where a number was not finite or did not exist.
    pub values: Map<String, Value>,
}

const COLUMNS: &str = "id, name, config, seed, versions, device, journal_position, normaliser, split, columns, \
                       started_at, ended_at, status, message, best_epoch, began_with, \
                       predecessor_deleted";

/// A row with its three JSON texts still to be read.
fn run(row: &Row<'_>) -> rusqlite::Result<(Run, [String; 3])> {
    let status: String = row.get(12)?;
    let run = Run {
        id: RunId(row.get(0)?),
        name: row.get(1)?,
        config: row.get(2)?,
        seed: row.get::<_, i64>(3)?.cast_unsigned(),
        versions: Value::Null,
        began_with: row.get(15)?,
        predecessor_deleted: row.get(16)?,
        device: row.get(5)?,
        journal_position: EntryId(row.get(6)?),
        normaliser: Value::Null,
        split: row.get::<_, Option<i64>>(8)?.map(SplitId),
        columns: Vec::new(),
        started_at: row.get(10)?,
        ended_at: row.get(11)?,
        status: RunStatus::ALL.into_iter().find(|s| s.as_str() == status).unwrap_or(RunStatus::Interrupted),
        message: row.get(13)?,
        best_epoch: row.get(14)?,
    };
    Ok((run, [row.get(4)?, row.get(7)?, row.get(9)?]))
}

/// The setting that holds the highest number a deleted run has had.
pub(super) const LAST_DELETED: &str = "last_deleted_run";

/// The highest number a deleted run has had; 0 where none was deleted.
pub(super) fn last_deleted(db: &Db) -> Result<i64> {
    Ok(db.meta(LAST_DELETED)?.and_then(|text| text.parse().ok()).unwrap_or(0))
}

impl Project {
    /// Records that a run begins, with the labels of now, and makes its folder.
    ///
    /// # Errors
    /// When the name is taken or cannot be a folder's, or the project is read only.
    pub fn create_run(&mut self, new: &NewRun) -> Result<Run> {
        self.check_writable()?;
        let known = self.runs()?;
        check_run_name(&new.name, known.iter().map(|run| run.name.as_str()))?;
        let dir = self.run_dir(&new.name);
        std::fs::create_dir_all(&dir).map_err(|e| Error::io("create", &dir, e))?;
        check_free(&dir)?;
        self.transact("store a run", |db| {
            // Numbers of deleted runs are not used again: places in queues and the journal name runs by them.
            let err = db.err("store a run");
            let highest: i64 = db
                .conn
                .query_row("SELECT coalesce(max(id), 0) FROM runs", [], |row| row.get(0))
                .map_err(&err)?;
            let id = highest.max(last_deleted(db)?) + 1;
            db.conn
                .execute(
                    "INSERT INTO runs (id, name, config, seed, versions, device, journal_position, normaliser, \
                     split, columns, started_at, began_with, status) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'running')",
                    params![
                        id,
                        new.name,
                        new.config,
                        new.seed.cast_signed(),
                        new.versions.to_string(),
                        new.device,
                        journal::position(db)?.0,
                        new.normaliser.to_string(),
                        new.split.map(|s| s.0),
                        Value::from(new.columns.clone()).to_string(),
                        now(),
                        new.began_with
                    ],
                )
                .map_err(&err)?;
            Ok(())
        })?;
        let run = self.run(&new.name)?;
        self.write_csv(&run)?;
        Ok(run)
    }

    /// All runs, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn runs(&self) -> Result<Vec<Run>> {
        let err = self.db.err("read the runs");
        let rows: Vec<_> = {
            let mut stmt = self
                .db
                .conn
                .prepare_cached(&format!("SELECT {COLUMNS} FROM runs ORDER BY id"))
                .map_err(&err)?;
            let rows = stmt.query_map([], run).map_err(&err)?;
            rows.collect::<rusqlite::Result<_>>().map_err(&err)?
        };
        rows.into_iter().map(|row| self.complete(row)).collect()
    }

    /// The run of that name.
    ///
    /// # Errors
    /// When there is none of that name; the remedy lists those there are.
    pub fn run(&self, name: &str) -> Result<Run> {
        let row = self
            .db
            .conn
            .query_row(&format!("SELECT {COLUMNS} FROM runs WHERE name = ?1"), [name], run)
            .optional()
            .map_err(self.db.err("read a run"))?;
        match row {
            Some(row) => self.complete(row),
            None => {
                if let Some(now) = self.name_now(name)? {
                    return Err(Error::request(
                        format!("there is no run '{name}': it was renamed to '{now}'"),
                        "use that name",
                    ));
                }
                let names: Vec<String> = self.runs()?.into_iter().map(|run| run.name).collect();
                let remedy = if names.is_empty() {
                    Remedy::TrainFirst
                } else {
                    format!("choose one of {}", names.join(", ")).into()
                };
                Err(Error::request(format!("there is no run '{name}'"), remedy))
            }
        }
    }

    fn complete(&self, (mut run, [versions, normaliser, columns]): (Run, [String; 3])) -> Result<Run> {
        run.versions = self.json(&versions)?;
        run.normaliser = self.json(&normaliser)?;
        run.columns = self.json(&columns)?;
        // A reader sees the run of a dead process as "running" until somebody writes again.
        if run.status == RunStatus::Running && !self.is_writable() && !Lock::is_held(&self.dir) {
            run.status = RunStatus::Interrupted;
        }
        Ok(run)
    }

    /// Stores the metrics of an epoch (counted from 1), and appends them to `metrics.csv`.
    /// `best` says that this epoch is the best so far.
    ///
    /// # Errors
    /// When the run does not exist, has metrics for that epoch, or the disk is full.
    pub fn record_epoch(
        &mut self,
        run: &Run,
        epoch: u32,
        values: &Map<String, Value>,
        best: bool,
    ) -> Result<()> {
        self.transact_beside("store metrics", |db| {
            let err = db.err("store metrics");
            let text = serde_json::to_string(values).map_err(|e| Error::defect(e.to_string()))?;
            db.conn
                .execute(
                    "INSERT INTO metrics (run, epoch, fields) VALUES (?1, ?2, ?3)",
                    params![run.id.0, epoch, text],
                )
                .map_err(&err)?;
            if best {
                db.conn
                    .execute("UPDATE runs SET best_epoch = ?1 WHERE id = ?2", [i64::from(epoch), run.id.0])
                    .map_err(&err)?;
            }
            Ok(())
        })?;
        let path = self.run_dir(&run.name).join("metrics.csv");
        let line = csv_line(&path, &record(run, epoch, values))?;
        let file = std::fs::OpenOptions::new().append(true).open(&path);
        file.and_then(|mut file| file.write_all(&line)).map_err(|e| Error::io("write", &path, e))
    }

    /// The metrics of a run by epoch.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn metrics(&self, run: RunId) -> Result<Vec<StoredMetrics>> {
        let err = self.db.err("read metrics");
        let mut stmt = self
            .db
            .conn
            .prepare_cached("SELECT epoch, fields FROM metrics WHERE run = ?1 ORDER BY epoch")
            .map_err(&err)?;
        let mut rows = stmt.query([run.0]).map_err(&err)?;
        let mut metrics = Vec::new();
        while let Some(row) = rows.next().map_err(&err)? {
            let text: String = row.get(1).map_err(&err)?;
            metrics.push(StoredMetrics { epoch: row.get(0).map_err(&err)?, values: self.json(&text)? });
        }
        Ok(metrics)
    }

    /// Records how a run ended.
    ///
    /// # Errors
    /// When the project is read only or the disk is full.
    pub fn end_run(&mut self, run: RunId, end: RunEnd, message: Option<&str>) -> Result<()> {
        self.transact("store the end of a run", |db| {
            db.conn
                .execute(
                    "UPDATE runs SET status = ?1, message = ?2, ended_at = ?3 WHERE id = ?4",
                    params![end.status().as_str(), message, now(), run.0],
                )
                .map_err(db.err("store the end of a run"))?;
            Ok(())
        })
    }

    /// Records that a run goes on after `epoch`, the one its checkpoint was written at: later
    /// metrics are dropped, and `metrics.csv` is written anew. `best_epoch` is the best of those
    /// that are left.
    ///
    /// # Errors
    /// When the run does not exist, the project is read only or the disk is full.
    pub fn resume_run(&mut self, name: &str, epoch: u32, best_epoch: Option<u32>) -> Result<Run> {
        let id = self.run(name)?.id;
        self.transact("go on with a run", |db| {
            let err = db.err("go on with a run");
            db.conn
                .execute("DELETE FROM metrics WHERE run = ?1 AND epoch > ?2", [id.0, i64::from(epoch)])
                .map_err(&err)?;
            db.conn
                .execute(
                    "UPDATE runs SET status = 'running', message = NULL, ended_at = NULL, best_epoch = ?1 \
                     WHERE id = ?2",
                    params![best_epoch, id.0],
                )
                .map_err(&err)?;
            Ok(())
        })?;
        let run = self.run(name)?;
        self.write_csv(&run)?;
        Ok(run)
    }

    /// Runs still marked as running belong to a dead process: this one holds the lock.
    pub(super) fn mark_interrupted(&self) -> Result<()> {
        let changed = self
            .db
            .conn
            .execute(
                "UPDATE runs SET status = 'interrupted', message = 'the process ended before the run did' \
                 WHERE status = 'running'",
                [],
            )
            .map_err(self.db.err("mark interrupted runs"))?;
        if changed > 0 {
            // A death between the two writes of an epoch leaves the CSV a line short.
            for run in self.runs()?.iter().filter(|run| run.status == RunStatus::Interrupted) {
                if self.run_dir(&run.name).is_dir() {
                    self.write_csv(run)?;
                }
            }
        }
        Ok(())
    }

    /// Writes `metrics.csv` from the database, whole or not at all.
    fn write_csv(&self, run: &Run) -> Result<()> {
        let dir = self.run_dir(&run.name);
        let path = dir.join("metrics.csv");
        std::fs::create_dir_all(&dir).map_err(|e| Error::io("create", &dir, e))?;
        let mut header = vec!["epoch".to_owned()];
        header.extend(run.columns.iter().cloned());
        let mut bytes = csv_line(&path, &header)?;
        for epoch in self.metrics(run.id)? {
            bytes.extend(csv_line(&path, &record(run, epoch.epoch, &epoch.values))?);
        }
        let io = |e| Error::io("write", &path, e);
        let mut file = tempfile::NamedTempFile::new_in(&dir).map_err(io)?;
        file.write_all(&bytes).map_err(io)?;
        file.persist(&path).map_err(|e| io(e.error))?;
        Ok(())
    }
}

fn record(run: &Run, epoch: u32, values: &Map<String, Value>) -> Vec<String> {
    let mut fields = vec![epoch.to_string()];
    fields.extend(run.columns.iter().map(|name| match values.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }));
    fields
}

fn csv_line(path: &Path, fields: &[String]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(fields).map_err(|e| Error::io("write", path, e.into()))?;
    writer.into_inner().map_err(|e| Error::io("write", path, std::io::Error::other(e.to_string())))
}

/// A run must exist before anything is stored for it.
pub(super) fn check_exists(db: &Db, run: RunId) -> Result<()> {
    db.conn
        .query_row("SELECT 1 FROM runs WHERE id = ?1", [run.0], |_| Ok(()))
        .optional()
        .map_err(db.err("read a run"))?
        .ok_or_else(|| {
            Error::request(format!("there is no run {}", run.0), "choose one of the project's runs")
        })
}
