//! Steps as values: which labels were set, before and after, or where bad regions were changed. They are read from the
//! project's journal, so undo reaches back over restarts.

use vitrine_core::Label;
use vitrine_core::imaging::Mask;
use vitrine_core::project::{Change, EntryId, EntryKind, MicrographId, PatchId, Project, RunId};

use crate::words;

/// A step that is on the disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its entry in the journal.
    pub entry: EntryId,
    /// Whether something was changed, taken back, or made again.
    pub kind: EntryKind,
    /// The labels that changed, ascending by patch.
    pub changes: Vec<Change>,
    /// The micrograph whose bad regions changed, and what is ruled out on it now.
    pub mask: Option<(MicrographId, Mask)>,
}

impl Step {
    /// What happened, as a sentence for the status bar or a notice. `name` gives the name of a micrograph.
    pub fn sentence(&self, name: impl FnOnce(MicrographId) -> String) -> String {
        let count = words::patches(self.changes.len() as u64);
        let done = match self.kind {
            EntryKind::Undo => "Undone",
            EntryKind::Redo => "Redone",
            EntryKind::Mask => "Changed",
            EntryKind::Edit | EntryKind::Import | EntryKind::TakeBack => "Labelled",
        };
        if let Some((micrograph, _)) = self.mask {
            return format!("{done}: bad regions of {}", name(micrograph));
        }
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
) -> vitrine_core::Result<Option<Step>> {
    let labels: Vec<(PatchId, Label)> = patches.into_iter().map(|patch| (patch, label)).collect();
    let entry = store.set_labels(&labels, &words::person(), run, reason)?;
    read(store, entry, EntryKind::Edit)
}

/// Sets what is ruled out on a micrograph, as one step; `None` when it was that already.
///
/// # Errors
/// As [`Project::set_mask`].
pub fn set_mask(
    store: &mut Project,
    micrograph: MicrographId,
    mask: &Mask,
) -> vitrine_core::Result<Option<Step>> {
    let entry = store.set_mask(micrograph, mask, &words::person())?;
    read(store, entry, EntryKind::Mask)
}

/// Takes the last step back; `None` when there is none.
///
/// # Errors
/// As [`Project::undo_last`].
pub fn undo(store: &mut Project) -> vitrine_core::Result<Option<Step>> {
    let entry = store.undo_last(&words::person())?;
    read(store, entry, EntryKind::Undo)
}

/// Makes the step again that was taken back last; `None` when there is none.
///
/// # Errors
/// As [`Project::redo_last`].
pub fn redo(store: &mut Project) -> vitrine_core::Result<Option<Step>> {
    let entry = store.redo_last(&words::person())?;
    read(store, entry, EntryKind::Redo)
}

/// What an entry changed is read back from the journal: the window shows what is on the disk.
fn read(store: &Project, entry: Option<EntryId>, kind: EntryKind) -> vitrine_core::Result<Option<Step>> {
    let Some(entry) = entry else { return Ok(None) };
    let mask = match store.journal_mask(entry)? {
        Some(micrograph) => Some((micrograph, store.mask(micrograph)?)),
        None => None,
    };
    Ok(Some(Step { entry, kind, changes: store.journal_changes(entry)?, mask }))
}
