//! Notes what each of the last imports has added, so that the newest can be taken back.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::project::db::Db;
use crate::project::time::now;
use crate::project::{EntryId, MicrographId, SourceId, journal};

/// The setting that holds the notes, a JSON array, oldest first.
const KEY: &str = "imports";
/// Imports that are noted. Those before them cannot be taken back.
const MAX_NOTED: usize = 20;

/// An import: what the project held before, and what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct NotedImport {
    /// When it began, RFC 3339, UTC.
    pub at: String,
    /// How many patches there were before, which is the number of its first one.
    pub first: usize,
    /// How many patches came.
    pub patches: usize,
    /// The highest number of a source before.
    pub source: SourceId,
    /// The highest number of a micrograph before.
    pub micrograph: MicrographId,
    /// The journal position before.
    pub journal: EntryId,
    /// Side of a patch before, px; `None` where it was open.
    pub size: Option<usize>,
}

impl NotedImport {
    /// What a project of `first` patches of side `size` holds before an import. Within its transaction.
    pub fn before(db: &Db, first: usize, size: Option<usize>) -> Result<Self> {
        let (source, micrograph) = highest(db)?;
        let (at, journal) = (now(), journal::position(db)?);
        Ok(Self { at, first, patches: 0, source, micrograph, journal, size })
    }

    /// Notes that `patches` patches have come, unless nothing has. Within the transaction of the import.
    pub fn note(mut self, db: &Db, patches: usize) -> Result<()> {
        self.patches = patches;
        if patches == 0 && highest(db)? == (self.source, self.micrograph) {
            return Ok(());
        }
        let mut noted = read(db)?;
        noted.push(self);
        noted.drain(..noted.len().saturating_sub(MAX_NOTED));
        store(db, &noted)
    }
}

/// The highest numbers of a source and of a micrograph.
fn highest(db: &Db) -> Result<(SourceId, MicrographId)> {
    let sql =
        "SELECT (SELECT coalesce(max(id), 0) FROM sources), (SELECT coalesce(max(id), 0) FROM micrographs)";
    db.conn
        .query_row(sql, [], |row| Ok((SourceId(row.get(0)?), MicrographId(row.get(1)?))))
        .map_err(db.err("read the sources"))
}

/// The imports that are noted, oldest first. What cannot be understood counts as none.
pub(super) fn read(db: &Db) -> Result<Vec<NotedImport>> {
    Ok(db.meta(KEY)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Stores the notes in place of those before. Within a transaction.
pub(super) fn store(db: &Db, noted: &[NotedImport]) -> Result<()> {
    let text = serde_json::to_string(noted).map_err(|e| Error::defect(e.to_string()))?;
    db.set_meta(KEY, &text)
}
