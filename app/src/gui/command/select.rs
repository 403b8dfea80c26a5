//! Commands that move to another patch or change which patches are selected.

use vitrine_core::project::PatchId;

/// The current patch and the selection. Places count in the order shown.
#[derive(Debug, Clone)]
pub enum SelectCommand {
    /// The current patch this many places further (negative: back).
    Step(i64),
    /// The current patch this many rows of the gallery further (negative: back).
    Rows(i64),
    /// The current patch this many screens of the gallery further (negative: back).
    Screens(i64),
    /// The current patch is the one at this place.
    Place(usize),
    /// The current patch is this one; a queue or filter that hides it is left.
    Patch(PatchId),
    /// Select or take out one patch.
    Toggle(PatchId),
    /// Select from the first to the last of these places, both included, besides what is selected.
    Range(usize, usize),
    /// Exactly these.
    Only(Vec<PatchId>),
    /// These besides what is selected.
    Add(Vec<PatchId>),
    /// The patches most like the selected ones, or like the current one, in the features of the run
    /// whose scores are in use.
    Similar,
    /// Show the selected ones and no others.
    Show,
    /// Select exactly these and show them in the gallery; a queue or filter that hides some is left.
    ShowThese(Vec<PatchId>),
    /// All that are shown.
    All,
    /// All shown before the current patch, and that patch.
    AllAbove,
    /// What is shown and not selected, instead of what is.
    Invert,
    /// None.
    Clear,
}

impl SelectCommand {
    /// Whether it goes to another patch and leaves the selection as it is.
    pub const fn moves_on(&self) -> bool {
        matches!(self, Self::Step(_) | Self::Rows(_) | Self::Screens(_) | Self::Place(_) | Self::Patch(_))
    }
}
