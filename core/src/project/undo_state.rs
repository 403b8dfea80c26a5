//! Which changes of labels and masks stand, and which were taken back: what an undo and a redo would change.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::project::EntryId;
use crate::project::db::Db;
use crate::project::journal::TAKE_BACK;

/// Which entries stand and which were taken back.
pub(super) struct UndoState {
    /// Changes that stand, oldest first.
    edits: Vec<EntryId>,
    /// Undos that stand and have no change after them, oldest first.
    undos: Vec<EntryId>,
}

impl UndoState {
    /// Follows the journal from its beginning.
    pub fn read(db: &Db) -> Result<Self> {
        let err = db.err("read the label journal");
        let mut state = Self { edits: Vec::new(), undos: Vec::new() };
        // An undo takes back the last change that stands, a redo the last undo: two stacks.
        let mut undone: BTreeMap<EntryId, EntryId> = BTreeMap::new();
        let mut stmt = db
            .conn
            .prepare_cached("SELECT id, kind, undoes FROM journal WHERE kind <> 'import' ORDER BY id")
            .map_err(&err)?;
        let mut rows = stmt.query([]).map_err(&err)?;
        while let Some(row) = rows.next().map_err(&err)? {
            let id = EntryId(row.get(0).map_err(&err)?);
            let kind: String = row.get(1).map_err(&err)?;
            let target = row.get::<_, Option<i64>>(2).map_err(&err)?.map(EntryId);
            match (kind.as_str(), target) {
                ("undo", Some(target)) => {
                    remove_last(&mut state.edits, target);
                    state.undos.push(id);
                    undone.insert(id, target);
                }
                // What was undone may have been of patches that are gone.
                (TAKE_BACK, _) => state.undos.clear(),
                ("redo", Some(target)) => {
                    remove_last(&mut state.undos, target);
                    if let Some(edit) = undone.remove(&target) {
                        state.edits.push(edit);
                    }
                }
                _ => {
                    state.edits.push(id);
                    state.undos.clear();
                }
            }
        }
        Ok(state)
    }

    /// Whether a change stands.
    pub fn stands(&self, entry: EntryId) -> bool {
        self.edits.binary_search(&entry).is_ok()
    }

    /// The change that an undo would take back.
    pub fn to_undo(&self) -> Option<EntryId> {
        self.edits.last().copied()
    }

    /// The undo that a redo would take back.
    pub fn to_redo(&self) -> Option<EntryId> {
        self.undos.last().copied()
    }
}

/// Removes `target`, which is looked for from the end, where it nearly always is.
fn remove_last(entries: &mut Vec<EntryId>, target: EntryId) {
    if let Some(at) = entries.iter().rposition(|e| *e == target) {
        entries.remove(at);
    }
}
