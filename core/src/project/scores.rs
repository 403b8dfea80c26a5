//! The score a run gives every patch.

use rusqlite::{OptionalExtension, params};

use crate::error::{Error, Result};
use crate::project::time::now;
use crate::project::{Project, RunId, numbering, runs};

/// Which network of a run gave a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreKind {
    /// The one whose weights the run keeps as its model: the teacher, where it trains one.
    Teacher,
}

impl ScoreKind {
    /// The word in the database; never changes.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Teacher => "teacher",
        }
    }
}

impl Project {
    /// Stores the scores of a run, one for every patch (`NaN` where a patch was not scored), in
    /// place of earlier ones of the same `kind`.
    ///
    /// # Errors
    /// When there is not one score for every patch, the run does not exist, the project is read
    /// only, or the disk is full; then earlier scores stay.
    pub fn set_scores(&mut self, run: RunId, kind: ScoreKind, scores: &[f32]) -> Result<()> {
        if scores.len() != self.len() {
            return Err(Error::request(
                format!("{} scores were given for {} patches", scores.len(), self.len()),
                "give one score for every patch",
            ));
        }
        let bytes: Vec<u8> = scores.iter().flat_map(|s| s.to_le_bytes()).collect();
        let known = self.numbering;
        self.transact_beside("store scores", |db| {
            numbering::check(db, known)?;
            runs::check_exists(db, run)?;
            db.conn
                .execute(
                    "INSERT OR REPLACE INTO scores (run, kind, created_at, scores) VALUES (?1, ?2, ?3, ?4)",
                    params![run.0, kind.as_str(), now(), bytes],
                )
                .map_err(db.err("store scores"))?;
            Ok(())
        })
    }

    /// The scores of a run, one for every patch; `NaN` for those not scored, such as patches
    /// imported later. `None` when the run has no scores of this `kind`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn scores(&self, run: RunId, kind: ScoreKind) -> Result<Option<Vec<f32>>> {
        let bytes: Option<Vec<u8>> = self
            .db
            .conn
            .query_row(
                "SELECT scores FROM scores WHERE run = ?1 AND kind = ?2",
                params![run.0, kind.as_str()],
                |row| row.get(0),
            )
            .optional()
            .map_err(self.db.err("read scores"))?;
        Ok(bytes.map(|bytes| {
            let mut scores: Vec<f32> =
                bytes.as_chunks::<4>().0.iter().map(|c| f32::from_le_bytes(*c)).collect();
            scores.resize(self.len(), f32::NAN);
            scores
        }))
    }

    /// Whether a run has scores of this `kind`; reads none of them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_scores(&self, run: RunId, kind: ScoreKind) -> Result<bool> {
        let found = self.db.conn.query_row(
            "SELECT 1 FROM scores WHERE run = ?1 AND kind = ?2",
            params![run.0, kind.as_str()],
            |_| Ok(()),
        );
        Ok(found.optional().map_err(self.db.err("read scores"))?.is_some())
    }
}
