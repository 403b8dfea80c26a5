//! Facts about runs that are not in their rows: the number of epochs, the AUC of the epoch in use, the time a run took, the
//! note of a person; and the run whose scores a person has pinned.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::project::db::Db;
use crate::project::{Project, Run, RunId};

/// The setting that maps numbers of runs to notes, a JSON object.
const NOTES: &str = "run_notes";
/// The setting that holds the number of the run whose scores stay in use.
const PINNED: &str = "pinned_scores";

/// Facts about a run for a list of runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunFacts {
    /// Complete epochs.
    pub epochs: u32,
    /// Validation AUC of the epoch in use, where it was measured.
    pub auc: Option<f64>,
    /// Seconds from its start to its end; `None` while it is under way or where its process died. A run that was resumed
    /// counts the time in between as well.
    pub seconds: Option<f64>,
    /// What a person has noted; empty where nothing.
    pub note: String,
}

impl Project {
    /// Facts about each of these runs.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn run_facts(&self, runs: &[Run]) -> Result<BTreeMap<RunId, RunFacts>> {
        let err = self.db.err("read the runs");
        let mut notes = notes(&self.db)?;
        let mut facts = BTreeMap::new();
        for run in runs {
            let note = notes.remove(&run.id.0).unwrap_or_default();
            facts.insert(run.id, RunFacts { seconds: seconds(run), note, ..RunFacts::default() });
        }
        let mut counts =
            self.db.conn.prepare_cached("SELECT run, count(*) FROM metrics GROUP BY run").map_err(&err)?;
        let mut rows = counts.query([]).map_err(&err)?;
        while let Some(row) = rows.next().map_err(&err)? {
            let (run, epochs) = (RunId(row.get(0).map_err(&err)?), row.get(1).map_err(&err)?);
            if let Some(facts) = facts.get_mut(&run) {
                facts.epochs = epochs;
            }
        }
        let mut best = self
            .db
            .conn
            .prepare_cached(
                "SELECT metrics.run, metrics.fields FROM metrics JOIN runs \
                 ON runs.id = metrics.run AND runs.best_epoch = metrics.epoch",
            )
            .map_err(&err)?;
        let mut rows = best.query([]).map_err(&err)?;
        while let Some(row) = rows.next().map_err(&err)? {
            let (run, text): (i64, String) = (row.get(0).map_err(&err)?, row.get(1).map_err(&err)?);
            let values: Value = self.json(&text)?;
            if let Some(facts) = facts.get_mut(&RunId(run)) {
                facts.auc = values.get("validation_auc_pu").and_then(Value::as_f64);
            }
        }
        Ok(facts)
    }

    /// Stores what a person notes of a run; an empty note takes it away.
    ///
    /// # Errors
    /// When the project is read only or the disk is full.
    pub fn set_run_note(&mut self, run: RunId, note: &str) -> Result<()> {
        self.transact("store a note", |db| {
            let mut known = notes(db)?;
            match note.trim() {
                "" => known.remove(&run.0),
                note => known.insert(run.0, note.to_owned()),
            };
            store_notes(db, &known)
        })
    }

    /// The run whose scores a person has pinned: they stay in use when other runs end.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn pinned_scores(&self) -> Result<Option<RunId>> {
        Ok(self.db.meta(PINNED)?.and_then(|text| text.parse().ok()).map(RunId))
    }

    /// Pins the scores of a run; `None` pins none.
    ///
    /// # Errors
    /// When the project is read only or the disk is full.
    pub fn pin_scores(&mut self, run: Option<RunId>) -> Result<()> {
        self.transact("pin scores", |db| match run {
            Some(run) => db.set_meta(PINNED, &run.0.to_string()),
            None => db.delete_meta(PINNED),
        })
    }
}

/// A run is deleted: its note and its pin go.
pub(super) fn forget(db: &Db, run: RunId) -> Result<()> {
    let mut known = notes(db)?;
    if known.remove(&run.0).is_some() {
        store_notes(db, &known)?;
    }
    if db.meta(PINNED)?.is_some_and(|text| text == run.0.to_string()) {
        db.delete_meta(PINNED)?;
    }
    Ok(())
}

/// Notes by the number of the run. What cannot be understood counts as none.
fn notes(db: &Db) -> Result<BTreeMap<i64, String>> {
    Ok(db.meta(NOTES)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

fn store_notes(db: &Db, notes: &BTreeMap<i64, String>) -> Result<()> {
    if notes.is_empty() {
        return db.delete_meta(NOTES);
    }
    db.set_meta(NOTES, &serde_json::to_string(notes).map_err(|e| Error::defect(e.to_string()))?)
}

fn seconds(run: &Run) -> Option<f64> {
    let began: jiff::Timestamp = run.started_at.parse().ok()?;
    let ended: jiff::Timestamp = run.ended_at.as_deref()?.parse().ok()?;
    Some(ended.duration_since(began).as_secs_f64()).filter(|seconds| *seconds >= 0.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::project::{NewRun, PixelType, RunEnd};

    fn run(project: &mut Project, name: &str, aucs: &[f64]) -> Run {
        let new = NewRun {
            name: name.into(),
            config: String::new(),
            seed: 1,
            versions: json!({}),
            began_with: None,
            device: "cpu".into(),
            normaliser: json!({}),
            split: None,
            columns: vec!["validation_auc_pu".into()],
        };
        let run = project.create_run(&new).unwrap();
        for (epoch, auc) in (1..).zip(aucs) {
            let values = Map::from_iter([("validation_auc_pu".to_owned(), json!(auc))]);
            project.record_epoch(&run, epoch, &values, epoch <= 2).unwrap();
        }
        project.end_run(run.id, RunEnd::Finished, None).unwrap();
        project.run(name).unwrap()
    }

    #[test]
    fn a_list_of_runs_has_the_auc_of_the_epoch_in_use_notes_and_a_pin_and_deleting_takes_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p");
        let mut project = Project::create(&path, Some(2), PixelType::F32).unwrap();
        let first = run(&mut project, "first", &[0.6, 0.8, 0.7]);
        let second = run(&mut project, "second", &[]);
        project.set_run_note(first.id, "  half the picks  ").unwrap();
        project.set_run_note(second.id, "nothing yet").unwrap();
        project.pin_scores(Some(first.id)).unwrap();
        drop(project);
        let mut project = Project::open(&path).unwrap();
        let runs = project.runs().unwrap();
        let facts = project.run_facts(&runs).unwrap();
        assert_eq!((facts[&first.id].epochs, facts[&first.id].auc), (3, Some(0.8)), "epoch 2 is in use");
        assert_eq!(facts[&first.id].note, "half the picks");
        assert!(facts[&first.id].seconds.is_some_and(|seconds| seconds < 60.0));
        assert_eq!((facts[&second.id].epochs, facts[&second.id].auc), (0, None));
        assert_eq!(project.pinned_scores().unwrap(), Some(first.id));
        // An empty note is none, and a pin is taken off.
        project.set_run_note(second.id, " ").unwrap();
        assert_eq!(project.run_facts(&runs).unwrap()[&second.id].note, "");
        project.delete_run("first").unwrap();
        assert_eq!(project.pinned_scores().unwrap(), None);
        assert_eq!(project.db.meta(NOTES).unwrap(), None);
        project.pin_scores(Some(second.id)).unwrap();
        project.pin_scores(None).unwrap();
        assert_eq!(project.pinned_scores().unwrap(), None);
    }
}
