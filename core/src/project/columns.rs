//! The facts about all patches that the window keeps in memory: one narrow array per fact, each read by one
//! query. A million patches load within a second and take some 20 bytes each.

use crate::error::Result;
use crate::label::Label;
use crate::project::{EntryId, MicrographId, PatchId, Project, SourceId, journal, label_pages};

/// Facts about all patches, one array per fact, each in the order of the patches' ids.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PatchColumns {
    /// Labels now.
    pub labels: Vec<Label>,
    /// Number of the source ([`SourceId`]).
    pub source: Vec<u32>,
    /// Number of the micrograph ([`MicrographId`]), 0 where it is not known.
    pub micrograph: Vec<u32>,
    /// Centre, px of the unbinned micrograph, first stored row = 0; NaN where it is not known.
    pub xy: Vec<[f32; 2]>,
    /// The journal entry that changed the label last, as [`EntryId`]; 0 where none did.
    pub last_entry: Vec<u32>,
}

impl PatchColumns {
    /// How many patches there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The source of a patch.
    pub fn source_of(&self, patch: PatchId) -> Option<SourceId> {
        self.source.get(patch as usize).map(|&id| SourceId(i64::from(id)))
    }

    /// The micrograph of a patch, where known.
    pub fn micrograph_of(&self, patch: PatchId) -> Option<MicrographId> {
        let id = *self.micrograph.get(patch as usize)?;
        (id > 0).then(|| MicrographId(i64::from(id)))
    }

    /// The centre of a patch, where known.
    pub fn xy_of(&self, patch: PatchId) -> Option<[f32; 2]> {
        self.xy.get(patch as usize).copied().filter(|[x, y]| x.is_finite() && y.is_finite())
    }
}

impl Project {
    /// Labels, sources, micrographs, centres and last changes of all patches, from one moment, also
    /// while another process writes.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn columns(&self) -> Result<PatchColumns> {
        self.read_columns().map_err(|error| self.or_taken_back(error))
    }

    fn read_columns(&self) -> Result<PatchColumns> {
        let snapshot = self.db.conn.unchecked_transaction().map_err(self.db.err("read the patches"))?;
        let count = self.len();
        let mut columns = PatchColumns {
            labels: label_pages::all(&self.db, count)?,
            source: Vec::with_capacity(count),
            micrograph: Vec::with_capacity(count),
            xy: Vec::with_capacity(count),
            last_entry: vec![0; count],
        };
        self.each_place(|place| {
            columns.source.push(narrow(place.source.0));
            columns.micrograph.push(place.micrograph.map_or(0, |id| narrow(id.0)));
            columns.xy.push(place.xy.map_or([f32::NAN; 2], |(x, y)| [x as f32, y as f32]));
        })?;
        self.read_last_entries(&mut columns.last_entry)?;
        drop(snapshot);
        Ok(columns)
    }

    fn read_last_entries(&self, last: &mut [u32]) -> Result<()> {
        let err = self.db.err("read the label journal");
        let mut stmt = self
            .db
            .conn
            .prepare_cached("SELECT id, changes, kind, first_patch FROM journal ORDER BY id")
            .map_err(&err)?;
        let mut rows = stmt.query([]).map_err(&err)?;
        while let Some(row) = rows.next().map_err(&err)? {
            let id = EntryId(row.get(0).map_err(&err)?);
            let number = narrow(id.0);
            if let Some(gone) = journal::taken_back_from(row, 2).map_err(&err)? {
                // What has these numbers now came later.
                last.get_mut(gone as usize..).unwrap_or_default().fill(0);
                continue;
            }
            for change in journal::changes_in(&self.db, row, 1, id)? {
                if let Some(entry) = last.get_mut(change.patch as usize) {
                    *entry = number;
                }
            }
        }
        Ok(())
    }
}

/// A number of the database in half its room. Rows are numbered from 1, so none comes near the limit.
fn narrow(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
