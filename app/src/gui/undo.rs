//! Label edits as values: what was set, before and after. They are read from the project's journal, so undo
//! reaches back over restarts.

use vitrine_core::Label;
use vitrine_core::project::{Change, EntryId, EntryKind, PatchId, Project, RunId};

use crate::words;

/// A step of labelling that is on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelEdit {
    /// Its entry in the journal.
    pub entry: EntryId,
    /// Whether labels were set, taken back, or set again.
    pub kind: EntryKind,
    /// What changed, ascending by patch.
    pub changes: Vec<Change>,
}

impl LabelEdit {
    /// What happened, as a sentence for the status bar or a notice.
    pub fn sentence(&self) -> String {
        let count = words::patches(self.changes.len() as u64);
        let done = match self.kind {
            EntryKind::Undo => "Undone",
            EntryKind::Redo => "Redone",
            EntryKind::Edit | EntryKind::Import | EntryKind::TakeBack => "Labelled",
        };
        let after = self.changes.first().map(|change| change.after);
        match after.filter(|&after| self.changes.iter().all(|change| change.after == after)) {
            Some(after) => format!("{done}: {count}, now {after}"),
            None => format!("{done}: {count}"),
        }
    }
}

/// Sets labels as one step; `None` when all carried that label already.
///
/// # Errors
/// As [`Project::set_labels`].
pub fn set(
    store: &mut Project,
    patches: impl IntoIterator<Item = PatchId>,
    label: Label,
    run: Option<RunId>,
    reason: &str,
) -> vitrine_core::Result<Option<LabelEdit>> {
    let labels: Vec<(PatchId, Label)> = patches.into_iter().map(|patch| (patch, label)).collect();
    let entry = store.set_labels(&labels, &words::person(), run, reason)?;
    read(store, entry, EntryKind::Edit)
}

/// Takes the last step back; `None` when there is none.
///
/// # Errors
/// As [`Project::undo_last`].
pub fn undo(store: &mut Project) -> vitrine_core::Result<Option<LabelEdit>> {
    let entry = store.undo_last(&words::person())?;
    read(store, entry, EntryKind::Undo)
}

/// Makes the step again that was taken back last; `None` when there is none.
///
/// # Errors
/// As [`Project::redo_last`].
pub fn redo(store: &mut Project) -> vitrine_core::Result<Option<LabelEdit>> {
    let entry = store.redo_last(&words::person())?;
    read(store, entry, EntryKind::Redo)
}

/// What an entry changed is read back from the journal: the window shows what is on the disk.
fn read(store: &Project, entry: Option<EntryId>, kind: EntryKind) -> vitrine_core::Result<Option<LabelEdit>> {
    let Some(entry) = entry else { return Ok(None) };
    Ok(Some(LabelEdit { entry, kind, changes: store.journal_changes(entry)? }))
}
