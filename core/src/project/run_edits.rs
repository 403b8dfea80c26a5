//! Renaming and deleting runs.
//!
//! A run is a row of the database and a folder. Each edit commits to the database what it is about to do to
//! the folder, so a process that dies in between leaves something that the next opening for writing
//! completes: [`Project::finish_run_edits`].

use std::path::Path;

use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::project::db::Db;
use crate::project::{Project, Run, RunId, RunStatus, check_run_name, run_facts, run_names, runs};

/// The setting that holds a [`Renaming`] while a folder is renamed.
const RENAMING: &str = "run_being_renamed";
/// The setting that lists folders of deleted runs that are still on the disk, a JSON array of names.
const DELETED: &str = "deleted_run_folders";
/// The setting that maps former names of runs to their numbers, a JSON object.
const FORMER_NAMES: &str = "former_run_names";

/// A renaming under way.
#[derive(Debug, Serialize, Deserialize)]
struct Renaming {
    run: RunId,
    from: String,
    to: String,
}

/// What deleting a run has done.
#[derive(Debug)]
pub struct DeletedRun {
    /// Size of the files that were removed, bytes.
    pub bytes: u64,
    /// Why the folder, or a part of it, is still there. The project no longer knows the run either way, and
    /// the next opening for writing removes the rest.
    pub leftover: Option<Error>,
}

impl Project {
    /// Size of the files in the folder of a run, bytes; 0 where there is no folder.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn run_size(&self, name: &str) -> Result<u64> {
        size_of(&self.run_dir(name))
    }

    /// Gives a run another name: in the database, in its folder, and in the records of the runs that began
    /// with its weights. Entries of the label journal keep the name the run had when they were made.
    ///
    /// # Errors
    /// When the run does not exist or is under way, the new name is taken or cannot be a folder's, the
    /// project is read only, or the folder cannot be renamed; then nothing has changed.
    pub fn rename_run(&mut self, name: &str, new: &str) -> Result<Run> {
        self.check_writable()?;
        let run = self.run(name)?;
        if run.name == new {
            return Ok(run);
        }
        check_at_rest(&run)?;
        let others = self.runs()?;
        check_run_name(
            new,
            others.iter().filter(|other| other.id != run.id).map(|other| other.name.as_str()),
        )?;
        let (from, to) = (self.run_dir(&run.name), self.run_dir(new));
        // On some file systems names that differ in case only are one folder.
        if !run.name.eq_ignore_ascii_case(new) {
            run_names::check_free(&to)?;
        }
        let renaming = Renaming { run: run.id, from: run.name.clone(), to: new.to_owned() };
        let text = serde_json::to_string(&renaming).map_err(defect)?;
        self.transact("rename a run", |db| db.set_meta(RENAMING, &text))?;
        self.flush()?;
        let done = self.transact("rename a run", |db| {
            let err = db.err("rename a run");
            db.conn
                .execute("UPDATE runs SET name = ?1 WHERE id = ?2", params![new, run.id.0])
                .map_err(&err)?;
            db.conn
                .execute(
                    "UPDATE runs SET began_with = ?1 WHERE began_with = ?2 COLLATE NOCASE AND NOT predecessor_deleted",
                    [new, &run.name],
                )
                .map_err(&err)?;
            note_former_name(db, &run, new)?;
            db.delete_meta(RENAMING)?;
            if from.is_dir() {
                // An empty folder in its place holds nothing of anybody's.
                let _ = std::fs::remove_dir(&to);
                std::fs::rename(&from, &to).map_err(|e| Error::io("rename", &from, e))?;
                sync_folder(&to);
            }
            Ok(())
        });
        if let Err(error) = done {
            // The first error is the one to show. What is left half done the next opening completes.
            if let Err(error) = self.finish_renaming() {
                tracing::warn!(%error, "a renaming was not undone");
            }
            return Err(error);
        }
        self.run(new)
    }

    /// Deletes a run with its metrics, scores and folder. Labels set from its scores stay, and the journal
    /// goes on naming it. Runs that began with its weights stay and record that it was deleted.
    ///
    /// # Errors
    /// When the run does not exist or is under way, the project is read only, or the database refuses; then
    /// nothing has changed.
    pub fn delete_run(&mut self, name: &str) -> Result<DeletedRun> {
        self.check_writable()?;
        let run = self.run(name)?;
        check_at_rest(&run)?;
        let others = self.runs()?;
        let dir = self.run_dir(&run.name);
        let bytes = size_of(&dir)?;
        self.transact("delete a run", |db| {
            db.conn
                .execute(
                    "UPDATE runs SET predecessor_deleted = 1 WHERE began_with = ?1 COLLATE NOCASE",
                    [&run.name],
                )
                .map_err(db.err("delete a run"))?;
            // Numbers are not used again: places in queues and entries of the journal name runs by them.
            let last = others.iter().map(|run| run.id.0).max().unwrap_or(0).max(runs::last_deleted(db)?);
            db.set_meta(runs::LAST_DELETED, &last.to_string())?;
            let mut folders = deleted_folders(db)?;
            folders.push(run.name.clone());
            set_deleted_folders(db, &folders)?;
            run_facts::forget(db, run.id)?;
            db.conn.execute("DELETE FROM runs WHERE id = ?1", [run.id.0]).map_err(db.err("delete a run"))?;
            Ok(())
        })?;
        self.flush()?;
        let left = self.remove_deleted_folders();
        let remaining = size_of(&dir).unwrap_or(0);
        Ok(DeletedRun { bytes: bytes.saturating_sub(remaining), leftover: left.err() })
    }

    /// Completes what a process that died has left half done.
    pub(super) fn finish_run_edits(&mut self) {
        // Neither is a reason not to open the project; the next opening tries again.
        if let Err(error) = self.finish_renaming() {
            tracing::warn!(%error, "a renaming was not undone");
        }
        if let Err(error) = self.remove_deleted_folders() {
            tracing::warn!(%error, "the folder of a deleted run is still there");
        }
    }

    /// A renaming whose second transaction did not commit: the database has the old name, so the folder gets
    /// it back.
    fn finish_renaming(&mut self) -> Result<()> {
        let Some(text) = self.db.meta(RENAMING)? else { return Ok(()) };
        if let Ok(renaming) = serde_json::from_str::<Renaming>(&text) {
            let (from, to) = (self.run_dir(&renaming.from), self.run_dir(&renaming.to));
            let known = self.runs()?;
            let keeps_old_name = known.iter().any(|run| run.id == renaming.run && run.name == renaming.from);
            let new_name_is_free = !known.iter().any(|run| run.name.eq_ignore_ascii_case(&renaming.to));
            let one_folder = renaming.from.eq_ignore_ascii_case(&renaming.to);
            if keeps_old_name
                && (new_name_is_free || one_folder)
                && to.is_dir()
                && (one_folder || !from.exists())
            {
                std::fs::rename(&to, &from).map_err(|e| Error::io("rename", &to, e))?;
            }
        }
        self.transact("rename a run", |db| db.delete_meta(RENAMING))
    }

    /// Removes the folders of deleted runs. Those that cannot be removed stay listed.
    fn remove_deleted_folders(&mut self) -> Result<()> {
        let folders = deleted_folders(&self.db)?;
        if folders.is_empty() {
            return Ok(());
        }
        let known = self.runs()?;
        let mut kept = Vec::new();
        let mut first = None;
        for name in folders {
            // A listed name is a run's: it was checked when the run was made, so it is no path out of the
            // folder. A run of this name that was made since has the folder now.
            if known.iter().any(|run| run.name.eq_ignore_ascii_case(&name)) || !run_names::is_run_name(&name)
            {
                continue;
            }
            let dir = self.run_dir(&name);
            match std::fs::remove_dir_all(&dir) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    first.get_or_insert(Error::io("delete", dir, e));
                    kept.push(name);
                }
                _ => {}
            }
        }
        self.transact("delete a run", |db| set_deleted_folders(db, &kept))?;
        first.map_or(Ok(()), Err)
    }

    /// The present name of a run that once had this one.
    pub(super) fn name_now(&self, former: &str) -> Result<Option<String>> {
        let names = former_names(&self.db)?;
        let Some(id) = names.get(&former.to_lowercase()).and_then(Value::as_i64) else { return Ok(None) };
        Ok(self.runs()?.into_iter().find(|run| run.id.0 == id).map(|run| run.name))
    }
}

fn check_at_rest(run: &Run) -> Result<()> {
    if run.status == RunStatus::Running {
        return Err(Error::request(format!("the run '{}' is under way", run.name), "stop it first"));
    }
    Ok(())
}

fn former_names(db: &Db) -> Result<Map<String, Value>> {
    Ok(db.meta(FORMER_NAMES)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Notes that a run had a name, so that manifests, journal entries and commands that still use it can be
/// answered.
fn note_former_name(db: &Db, run: &Run, new: &str) -> Result<()> {
    let mut names = former_names(db)?;
    names.insert(run.name.to_lowercase(), Value::from(run.id.0));
    names.remove(&new.to_lowercase());
    db.set_meta(FORMER_NAMES, &Value::Object(names).to_string())
}

pub(super) fn deleted_folders(db: &Db) -> Result<Vec<String>> {
    Ok(db.meta(DELETED)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

pub(super) fn set_deleted_folders(db: &Db, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return db.delete_meta(DELETED);
    }
    db.set_meta(DELETED, &serde_json::to_string(names).map_err(defect)?)
}

fn defect(error: serde_json::Error) -> Error {
    Error::request(error.to_string(), "report this as a fault of the program")
}

/// Size of all files below a folder, bytes. Links are not followed.
fn size_of(dir: &Path) -> Result<u64> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(e) => return Err(Error::io("read", dir, e)),
    };
    let mut bytes = 0_u64;
    for entry in entries {
        let entry = entry.map_err(|e| Error::io("read", dir, e))?;
        let path = entry.path();
        // A file that goes while it is looked at has no size.
        let Ok(meta) = path.symlink_metadata() else { continue };
        bytes = bytes.saturating_add(if meta.is_dir() { size_of(&path)? } else { meta.len() });
    }
    Ok(bytes)
}

/// Brings the new name of a folder onto the disk before the database says so. Elsewhere than on Unix a folder
/// cannot be flushed; there a power failure may leave the old name, which the next opening corrects.
fn sync_folder(path: &Path) {
    if cfg!(unix)
        && let Some(parent) = path.parent()
        && let Ok(folder) = std::fs::File::open(parent)
    {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::*;
    use crate::Label;
    use crate::project::{Actor, NewPatch, NewRun, PixelType, RunEnd, ScoreKind, SourceInfo};

    /// A project of four patches.
    fn project() -> (tempfile::TempDir, Project) {
        let dir = tempfile::tempdir().unwrap();
        let mut project = Project::create(&dir.path().join("p"), Some(2), PixelType::F32).unwrap();
        let mut import = project.import(2).unwrap();
        import.source(&SourceInfo::new("a.mrcs", "stack")).unwrap();
        for value in 0..4_u8 {
            import.push(&NewPatch::default(), &[f32::from(value); 4]).unwrap();
        }
        import.commit().unwrap();
        (dir, project)
    }

    /// A run that has ended, with scores and 1000 bytes beside its table of metrics.
    fn run(project: &mut Project, name: &str, began_with: Option<&str>) -> Run {
        let new = NewRun {
            name: name.into(),
            config: String::new(),
            seed: 7,
            versions: json!({ "vitrine": "1" }),
            began_with: began_with.map(str::to_owned),
            device: "cpu".into(),
            normaliser: json!({}),
            split: None,
            columns: vec!["loss".into()],
        };
        let run = project.create_run(&new).unwrap();
        project.record_epoch(&run, 1, &Map::from_iter([("loss".to_owned(), json!(0.5))]), true).unwrap();
        project.set_scores(run.id, ScoreKind::Teacher, &[0.1, 0.2, 0.3, 0.4]).unwrap();
        std::fs::create_dir(project.run_dir(name).join("deep")).unwrap();
        std::fs::write(project.run_dir(name).join("deep/best.safetensors"), [0; 1000]).unwrap();
        project.end_run(run.id, RunEnd::Finished, None).unwrap();
        project.run(name).unwrap()
    }

    fn names(project: &Project) -> Vec<String> {
        project.runs().unwrap().into_iter().map(|run| run.name).collect()
    }

    fn folders(project: &Project) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(project.run_dir("")).unwrap().map(|e| e.unwrap().file_name().into()).collect();
        found.sort();
        found
    }

    #[test]
    fn a_renamed_run_keeps_all_it_has_and_is_found_by_those_that_name_it() {
        let (dir, mut project) = project();
        let first = run(&mut project, "first", None);
        run(&mut project, "second", Some("First"));
        let actor = Actor::Run("first".into());
        project.set_labels(&[(0, Label::Positive)], &actor, Some(first.id), "by score").unwrap();
        let renamed = project.rename_run("FIRST", "apo.best").unwrap();
        assert_eq!((renamed.id, renamed.name.as_str(), renamed.seed), (first.id, "apo.best", 7));
        assert_eq!(folders(&project), [PathBuf::from("apo.best"), PathBuf::from("second")]);
        assert_eq!(
            std::fs::read(project.run_dir("apo.best").join("deep/best.safetensors")).unwrap().len(),
            1000
        );
        assert_eq!(project.scores(first.id, ScoreKind::Teacher).unwrap().unwrap()[3], 0.4);
        assert_eq!(project.metrics(first.id).unwrap().len(), 1);
        assert_eq!(project.run("second").unwrap().began_with(), Some("apo.best"));
        // The journal is never altered; the error for the old name says the new one.
        assert_eq!(project.patch_history(0).unwrap()[0].0.actor, actor);
        let error = project.run("first").unwrap_err().to_string();
        assert!(error.contains("renamed to 'apo.best'"), "{error}");
        // A new run may have the old name, and is meant by it from then on.
        let third = run(&mut project, "first", None);
        assert_eq!(project.run("first").unwrap().id, third.id);
        drop(project);
        assert_eq!(names(&Project::open(&dir.path().join("p")).unwrap()), ["apo.best", "second", "first"]);
    }

    #[test]
    fn what_cannot_be_renamed_stays_as_it_is() {
        let (_dir, mut project) = project();
        run(&mut project, "a", None);
        run(&mut project, "b", None);
        std::fs::create_dir(project.run_dir("foreign")).unwrap();
        std::fs::write(project.run_dir("foreign").join("x"), "x").unwrap();
        std::fs::create_dir(project.run_dir("empty")).unwrap();
        for (new, why) in
            [("B", "already"), ("a/b", "cannot be the name"), ("", "cannot be"), ("foreign", "no known run")]
        {
            let error = project.rename_run("a", new).unwrap_err().to_string();
            assert!(error.contains(why), "{new}: {error}");
        }
        assert!(project.rename_run("c", "d").is_err());
        assert_eq!(names(&project), ["a", "b"]);
        assert_eq!(project.rename_run("a", "a").unwrap().name, "a");
        // Another case of the same letters, and an empty folder in the way, are no hindrance.
        assert_eq!(project.rename_run("a", "A").unwrap().name, "A");
        assert_eq!(project.rename_run("A", "empty").unwrap().name, "empty");
        assert!(project.run_dir("empty").join("metrics.csv").exists());
        let mut reader = Project::open_read_only(project.dir()).unwrap();
        assert!(reader.rename_run("b", "c").is_err() && reader.delete_run("b").is_err());
        project.resume_run("b", 1, Some(1)).unwrap();
        for error in [project.rename_run("b", "c").map(drop), project.delete_run("b").map(drop)] {
            assert!(error.unwrap_err().to_string().contains("under way"));
        }
        assert_eq!(names(&project), ["empty", "b"]);
    }

    #[test]
    fn a_renaming_cut_short_leaves_the_old_name_with_its_folder() {
        let (dir, mut project) = project();
        let first = run(&mut project, "old", None);
        let text =
            serde_json::to_string(&Renaming { run: first.id, from: "old".into(), to: "new".into() }).unwrap();
        // Dead before the folder was renamed, and after.
        for renamed in [false, true] {
            project.db.set_meta(RENAMING, &text).unwrap();
            if renamed {
                std::fs::rename(project.run_dir("old"), project.run_dir("new")).unwrap();
            }
            drop(project);
            project = Project::open(&dir.path().join("p")).unwrap();
            assert_eq!(names(&project), ["old"]);
            assert_eq!(folders(&project), [PathBuf::from("old")]);
            assert_eq!(project.db.meta(RENAMING).unwrap(), None);
        }
        assert_eq!(project.rename_run("old", "new").unwrap().name, "new");
    }

    #[test]
    fn a_renaming_that_the_database_refuses_moves_the_folder_back() {
        let (_dir, mut project) = project();
        run(&mut project, "old", None);
        // Refused at COMMIT, when the folder has its new name already.
        project
            .db
            .conn
            .execute_batch(
                "CREATE TABLE refuse (run INTEGER REFERENCES runs (id) DEFERRABLE INITIALLY DEFERRED);
                 CREATE TRIGGER refuse_it AFTER UPDATE OF name ON runs
                 BEGIN INSERT INTO refuse VALUES (999); END;",
            )
            .unwrap();
        assert!(project.rename_run("old", "new").is_err());
        assert_eq!(
            (names(&project), folders(&project)),
            (vec!["old".to_owned()], vec![PathBuf::from("old")])
        );
        assert_eq!(project.db.meta(RENAMING).unwrap(), None);
    }

    #[test]
    fn a_deleted_run_gives_its_room_back_and_its_number_is_not_used_again() {
        let (_dir, mut project) = project();
        let first = run(&mut project, "first", None);
        let second = run(&mut project, "second", Some("first"));
        let size = project.run_size("second").unwrap();
        assert!(size > 1000, "{size}");
        let deleted = project.delete_run("second").unwrap();
        assert_eq!((deleted.bytes, deleted.leftover.is_none()), (size, true));
        assert_eq!(folders(&project), [PathBuf::from("first")]);
        assert_eq!(project.scores(second.id, ScoreKind::Teacher).unwrap(), None);
        assert!(project.metrics(second.id).unwrap().is_empty());
        let third = run(&mut project, "second", Some("first"));
        assert!(third.id > second.id, "{third:?}");
        project.delete_run("first").unwrap();
        let third = project.run("second").unwrap();
        assert_eq!((third.began_with(), third.began_with_deleted()), (None, Some("first")));
        // Another run of that name is not the one it began with.
        assert!(run(&mut project, "first", None).id > third.id && first.id < second.id);
        assert_eq!(project.run("second").unwrap().began_with(), None);
    }

    #[test]
    fn a_folder_left_by_a_deletion_cut_short_goes_with_the_next_opening() {
        let (dir, mut project) = project();
        run(&mut project, "gone", None);
        run(&mut project, "kept", None);
        // Dead after the commit: the row is gone, the folder is not.
        project.db.conn.execute("DELETE FROM runs WHERE name = 'gone'", []).unwrap();
        // A name that a run has again, and one that leads out of the folder, are left alone.
        let listed = ["gone", "kept", "..", "../p"].map(str::to_owned);
        set_deleted_folders(&project.db, &listed).unwrap();
        drop(project);
        let project = Project::open(&dir.path().join("p")).unwrap();
        assert_eq!(
            (names(&project), folders(&project)),
            (vec!["kept".to_owned()], vec![PathBuf::from("kept")])
        );
        assert_eq!(project.db.meta(DELETED).unwrap(), None);
        assert_eq!(project.len(), 4);
    }
}
