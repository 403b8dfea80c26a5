//! Sets labels, and undoes and redoes changes.
//!
//! Every change goes through [`Project::set_labels`] or an undo. It is one transaction, together with its
//! entry in the [journal](crate::project::journal).

use crate::error::{Error, Result};
use crate::label::{Label, LabelCounts};
use crate::project::db::Db;
use crate::project::journal::{self, Actor, Change, EntryKind, NewEntry};
use crate::project::label_pages::{PAGE, all, damaged, label, read_page, write_page};
use crate::project::undo_state::UndoState;
use crate::project::{EntryId, PatchId, Project, RunId, masks, numbering};

/// Writes `changes` (ascending by patch) into the pages. Within a transaction. The patches named
/// must be there and carry `before`.
fn write(db: &Db, changes: &[Change]) -> Result<()> {
    for chunk in changes.chunk_by(|a, b| a.patch as usize / PAGE == b.patch as usize / PAGE) {
        let Some(first) = chunk.first() else { continue };
        let page = first.patch as usize / PAGE;
        let mut bytes = read_page(db, page)?;
        for change in chunk {
            match bytes.get_mut(change.patch as usize % PAGE) {
                Some(byte) => *byte = change.after as u8,
                None => return Err(damaged(db, page as i64)),
            }
        }
        write_page(db, page, &bytes)?;
    }
    Ok(())
}

impl Project {
    /// The label of every patch, in the order of their ids. Read from the database each time, so a
    /// reader sees what another process has written meanwhile.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn labels(&self) -> Result<Vec<Label>> {
        all(&self.db, self.len()).map_err(|error| self.or_taken_back(error))
    }

    /// How many patches carry each label.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn label_counts(&self) -> Result<LabelCounts> {
        Ok(LabelCounts::of(self.labels()?))
    }

    /// Sets labels, as one step that can be undone. What returned survives a killed process and a
    /// power failure (the latter only a moment later after [`Project::flush_in_background`]).
    ///
    /// A patch named twice gets the last label; patches that carry their label already are left
    /// out of the journal, and when nothing changes no entry is made and `None` is returned.
    ///
    /// # Errors
    /// When a patch does not exist, the project is read only, or the disk is full; then nothing
    /// was changed.
    pub fn set_labels(
        &mut self,
        labels: &[(PatchId, Label)],
        actor: &Actor,
        run: Option<RunId>,
        reason: &str,
    ) -> Result<Option<EntryId>> {
        self.check_writable()?;
        if let Some((id, _)) = labels.iter().find(|(id, _)| *id as usize >= self.len()) {
            return Err(Error::request(
                format!("there is no patch {id} in this project of {} patches", self.len()),
                "name patches by their ids, counted from 0",
            ));
        }
        let changes = self.changes_to(labels).map_err(|error| self.or_taken_back(error))?;
        if changes.is_empty() {
            return Ok(None);
        }
        self.commit_changes(&changes, EntryKind::Edit, actor, run, None, reason).map(Some)
    }

    /// What has to change so that the patches carry these labels.
    fn changes_to(&self, labels: &[(PatchId, Label)]) -> Result<Vec<Change>> {
        let mut wanted: Vec<(PatchId, Label)> = labels.to_vec();
        // Stable: of several labels for one patch the last given stays last.
        wanted.sort_by_key(|(id, _)| *id);
        let mut changes = Vec::with_capacity(wanted.len());
        for page in wanted.chunk_by(|a, b| a.0 as usize / PAGE == b.0 as usize / PAGE) {
            let Some((first, _)) = page.first() else { continue };
            let number = *first as usize / PAGE;
            let bytes = read_page(&self.db, number)?;
            for same in page.chunk_by(|a, b| a.0 == b.0) {
                let Some(&(patch, after)) = same.last() else { continue };
                let byte =
                    *bytes.get(patch as usize % PAGE).ok_or_else(|| damaged(&self.db, number as i64))?;
                let before = label(&self.db, byte, patch as usize)?;
                if before != after {
                    changes.push(Change { patch, before, after });
                }
            }
        }
        Ok(changes)
    }

    /// Takes back the last change of labels or of a mask that has not been taken back; imports are not touched.
    /// Returns the new journal entry, or `None` when there is nothing to undo.
    ///
    /// # Errors
    /// As [`Project::set_labels`].
    pub fn undo_last(&mut self, actor: &Actor) -> Result<Option<EntryId>> {
        self.check_writable()?;
        match UndoState::read(&self.db)?.to_undo() {
            Some(entry) => self.invert(entry, EntryKind::Undo, actor).map(Some),
            None => Ok(None),
        }
    }

    /// Takes back the last undo, unless labels or a mask were changed since. Returns the new journal
    /// entry, or `None` when there is nothing to redo.
    ///
    /// # Errors
    /// As [`Project::set_labels`].
    pub fn redo_last(&mut self, actor: &Actor) -> Result<Option<EntryId>> {
        self.check_writable()?;
        match UndoState::read(&self.db)?.to_redo() {
            Some(entry) => self.invert(entry, EntryKind::Redo, actor).map(Some),
            None => Ok(None),
        }
    }

    fn invert(&mut self, entry: EntryId, kind: EntryKind, actor: &Actor) -> Result<EntryId> {
        if let Some(step) = masks::step(self, entry)? {
            return self.step_mask(&step.inverse(), kind, actor, Some(entry));
        }
        let original = self.journal_entry(entry)?;
        let changes: Vec<Change> = journal::changes(&self.db, entry)?
            .into_iter()
            .map(|c| Change { patch: c.patch, before: c.after, after: c.before })
            .collect();
        self.commit_changes(&changes, kind, actor, original.run, Some(entry), &original.reason)
    }

    fn commit_changes(
        &mut self,
        changes: &[Change],
        kind: EntryKind,
        actor: &Actor,
        run: Option<RunId>,
        undoes: Option<EntryId>,
        reason: &str,
    ) -> Result<EntryId> {
        let known = self.numbering;
        self.transact("store labels", |db| {
            numbering::check(db, known)?;
            write(db, changes)?;
            journal::append(db, &NewEntry { kind, actor, run, undoes, reason, changes, range: None })
        })
    }
}
