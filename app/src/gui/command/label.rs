//! Commands that set labels, undo and redo.

use vitrine_core::Label;
use vitrine_core::project::PatchId;

use crate::gui::values::LabelSource;

/// Set labels. Each is one step that can be undone, and is on the disk when it was applied.
#[derive(Debug, Clone)]
pub enum LabelCommand {
    /// Label the selection, or the current patch where nothing is selected.
    Set(Label),
    /// Label these patches.
    SetPatches {
        /// The patches.
        patches: Vec<PatchId>,
        /// The new label.
        label: Label,
        /// How they were chosen, for the journal.
        source: LabelSource,
    },
    /// Paint this label over patches for as long as its key is held.
    Brush(Label),
    /// The key was let go.
    EndBrush,
    /// Undo the last step.
    Undo,
    /// Redo the step that was undone last.
    Redo,
}
