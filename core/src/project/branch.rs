//! Branches of a project: a copy of its database in a folder of its own that reads the project's pixels.
//!
//! A run can be trained in a branch while the project goes on, on another machine too, so that two processes never
//! write one project. [`Project::adopt_run`] copies the run into the project.

use std::fs;
use std::path::Path;

use rusqlite::{OptionalExtension as _, params};

use crate::error::{Error, Result};
use crate::project::db::{self, Db};
use crate::project::folder::{DATABASE, PIXELS_OF, RUNS, pixel_path};
use crate::project::run_edits::{deleted_folders, set_deleted_folders};
use crate::project::run_names::{check_free, check_run_name};
use crate::project::{Project, Run, RunStatus, SplitId, runs};

impl Project {
    /// Writes the database as it is now to `file`, for branches: patches, labels, splits, runs. It works while another
    /// process writes the project.
    ///
    /// # Errors
    /// When there is such a file, or the disk refuses.
    pub fn snapshot(&self, file: &Path) -> Result<()> {
        if file.exists() {
            return Err(Error::request(format!("{} exists", file.display()), "choose another name"));
        }
        let pixels = pixel_path(&self.db, &self.dir)?;
        let pixels = std::path::absolute(&pixels).map_err(|e| Error::io("find", &pixels, e))?;
        let Some(target) = file.to_str() else {
            return Err(Error::request(
                format!("the path {} is no valid UTF-8", file.display()),
                "choose another folder",
            ));
        };
        self.db
            .conn
            .execute("VACUUM INTO ?1", [target])
            .map_err(self.db.err("copy the project's database"))?;
        let copy = db::open_write(file)?;
        copy.set_meta(PIXELS_OF, &pixels.to_string_lossy())
    }

    /// Makes a branch in `dir` from what [`Project::snapshot`] wrote. A folder that holds one is left as it is.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn branch(snapshot: &Path, dir: &Path) -> Result<()> {
        let database = dir.join(DATABASE);
        if database.exists() {
            return Ok(());
        }
        let runs = dir.join(RUNS);
        fs::create_dir_all(&runs).map_err(|e| Error::io("create", &runs, e))?;
        // Under its name only when it is whole.
        let copied =
            tempfile::NamedTempFile::new_in(dir).map_err(|e| Error::io("create a file in", dir, e))?;
        fs::copy(snapshot, copied.path()).map_err(|e| Error::io("copy", snapshot, e))?;
        copied.persist(&database).map_err(|e| Error::io("write", &database, e.error))?;
        Ok(())
    }

    /// Takes over a run that was trained in a branch of this project: its configuration, metrics, scores and folder, and
    /// the split that it used where this project does not have it. Patches that were imported since have no score.
    ///
    /// If the process dies in between, the next opening for writing removes what was copied.
    ///
    /// # Errors
    /// When this project has a run of that name, the branch was made of another project, or the disk refuses; then
    /// nothing has changed.
    pub fn adopt_run(&mut self, branch: &Self, name: &str) -> Result<Run> {
        self.check_writable()?;
        let run = branch.run(name)?;
        if run.status == RunStatus::Running {
            return Err(Error::request(format!("the run '{name}' is under way"), "wait until it has ended"));
        }
        if branch.size() != self.size() || branch.len() > self.len() {
            return Err(Error::request(
                format!("{} is no branch of {}", branch.dir().display(), self.dir().display()),
                "take over runs of this project's own branches",
            ));
        }
        check_run_name(&run.name, self.runs()?.iter().map(|known| known.name.as_str()))?;
        let folder = self.run_dir(&run.name);
        check_free(&folder)?;
        let began_with = self.predecessor_here(&run)?;
        // If the process dies now, the next opening for writing removes the folder.
        self.list_folder(&run.name, true)?;
        self.flush()?;
        let taken = copy_folder(&branch.run_dir(&run.name), &folder).and_then(|()| {
            self.transact("take over a run", |db| insert(db, &branch.db, &run, began_with.as_ref()))
        });
        if taken.is_err() {
            self.finish_run_edits();
        }
        taken?;
        self.list_folder(&run.name, false)?;
        self.run(&run.name)
    }

    /// The run that a run of a branch began with, by its name in this project, and whether it was deleted here since the
    /// branch was made.
    fn predecessor_here(&self, run: &Run) -> Result<Option<(String, bool)>> {
        if let Some(deleted) = run.began_with_deleted() {
            return Ok(Some((deleted.to_owned(), true)));
        }
        let Some(name) = run.began_with() else { return Ok(None) };
        let known = self.runs()?.into_iter().any(|other| other.name.eq_ignore_ascii_case(name));
        let now = if known { Some(name.to_owned()) } else { self.name_now(name)? };
        Ok(Some(now.map_or_else(|| (name.to_owned(), true), |name| (name, false))))
    }

    /// Lists the folder of a run as one to be removed, where no run has it; or takes it off the list.
    fn list_folder(&mut self, name: &str, listed: bool) -> Result<()> {
        self.transact("take over a run", |db| {
            let mut folders = deleted_folders(db)?;
            folders.retain(|known| known != name);
            folders.extend(listed.then(|| name.to_owned()));
            set_deleted_folders(db, &folders)
        })
    }
}

/// Writes the rows of a run of another database, with a number of this one. `began_with` is the run whose weights it
/// began with, and whether that was deleted.
fn insert(db: &Db, from: &Db, run: &Run, began_with: Option<&(String, bool)>) -> Result<()> {
    let err = db.err("take over a run");
    let read = from.err("read a run");
    let split = run.split.map(|split| same_split(db, from, split)).transpose()?;
    let highest: i64 =
        db.conn.query_row("SELECT coalesce(max(id), 0) FROM runs", [], |row| row.get(0)).map_err(&err)?;
    let id = highest.max(runs::last_deleted(db)?) + 1;
    let columns = "name, config, seed, versions, device, journal_position, normaliser, columns, started_at, ended_at, \
                   status, message, best_epoch";
    let values: Vec<rusqlite::types::Value> = from
        .conn
        .query_row(&format!("SELECT {columns} FROM runs WHERE id = ?1"), [run.id.0], |row| {
            (0..13).map(|column| row.get(column)).collect()
        })
        .map_err(&read)?;
    let places: Vec<String> = (5..18).map(|number| format!("?{number}")).collect();
    let here = [
        rusqlite::types::Value::Integer(id),
        split.map(|split| split.0).into(),
        began_with.map(|(name, _)| name.clone()).into(),
        i64::from(began_with.is_some_and(|(_, deleted)| *deleted)).into(),
    ];
    db.conn
        .execute(
            &format!(
                "INSERT INTO runs (id, split, began_with, predecessor_deleted, {columns}) VALUES (?1, ?2, ?3, ?4, {})",
                places.join(", ")
            ),
            rusqlite::params_from_iter(here.into_iter().chain(values)),
        )
        .map_err(&err)?;
    let mut metrics = from.conn.prepare("SELECT epoch, fields FROM metrics WHERE run = ?1").map_err(&read)?;
    let mut rows = metrics.query([run.id.0]).map_err(&read)?;
    while let Some(row) = rows.next().map_err(&read)? {
        let (epoch, fields): (i64, String) = (row.get(0).map_err(&read)?, row.get(1).map_err(&read)?);
        db.conn
            .execute(
                "INSERT INTO metrics (run, epoch, fields) VALUES (?1, ?2, ?3)",
                params![id, epoch, fields],
            )
            .map_err(&err)?;
    }
    let mut scores =
        from.conn.prepare("SELECT kind, created_at, scores FROM scores WHERE run = ?1").map_err(&read)?;
    let mut rows = scores.query([run.id.0]).map_err(&read)?;
    while let Some(row) = rows.next().map_err(&read)? {
        let kind: String = row.get(0).map_err(&read)?;
        let (at, bytes): (String, Vec<u8>) = (row.get(1).map_err(&read)?, row.get(2).map_err(&read)?);
        db.conn
            .execute(
                "INSERT INTO scores (run, kind, created_at, scores) VALUES (?1, ?2, ?3, ?4)",
                params![id, kind, at, bytes],
            )
            .map_err(&err)?;
    }
    Ok(())
}

/// The split of this database that puts every patch on the same side as a split of another; it is copied where there is
/// none.
fn same_split(db: &Db, from: &Db, split: SplitId) -> Result<SplitId> {
    let err = db.err("take over a split");
    let fields = "seed, method, train, validation, test, sides";
    let values: Vec<rusqlite::types::Value> = from
        .conn
        .query_row(
            &format!("SELECT {fields}, created_at, journal_position FROM splits WHERE id = ?1"),
            [split.0],
            |row| (0..8).map(|column| row.get(column)).collect(),
        )
        .map_err(from.err("read a split"))?;
    let known: Option<i64> = db
        .conn
        .query_row(
            "SELECT id FROM splits WHERE seed = ?1 AND method = ?2 AND train = ?3 AND validation = ?4 AND test = ?5 \
             AND sides = ?6",
            rusqlite::params_from_iter(values.iter().take(6)),
            |row| row.get(0),
        )
        .optional()
        .map_err(&err)?;
    if let Some(id) = known {
        return Ok(SplitId(id));
    }
    let mut number = 1;
    let taken = |name: &str| -> Result<bool> {
        let found = db.conn.query_row("SELECT 1 FROM splits WHERE name = ?1", [name], |_| Ok(()));
        Ok(found.optional().map_err(&err)?.is_some())
    };
    while taken(&format!("split-{number}"))? {
        number += 1;
    }
    let all = values.into_iter().chain([rusqlite::types::Value::Text(format!("split-{number}"))]);
    db.conn
        .execute(
            &format!(
                "INSERT INTO splits ({fields}, created_at, journal_position, name) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
            ),
            rusqlite::params_from_iter(all),
        )
        .map_err(&err)?;
    Ok(SplitId(db.conn.last_insert_rowid()))
}

/// Copies a folder with the folders in it.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).map_err(|e| Error::io("create", to, e))?;
    for entry in fs::read_dir(from).map_err(|e| Error::io("read", from, e))? {
        let entry = entry.map_err(|e| Error::io("read", from, e))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(|e| Error::io("copy", &path, e))?;
        }
    }
    Ok(())
}
