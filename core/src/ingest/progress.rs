//! The phases of an import, in the words of its progress.

use std::borrow::Cow;

/// What an import is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Recognising files; counts inputs.
    Recognising,
    /// Looking into some micrographs for mirrored picks, borders and contrast; counts micrographs.
    Looking,
    /// Reading ready patches; counts patches.
    Patches,
    /// Cutting from micrographs; counts micrographs.
    Cutting,
    /// Adding the unlabeled pool; counts patches.
    Pool,
    /// Simulating micrographs; counts micrographs.
    Simulating,
}

impl From<Phase> for Cow<'static, str> {
    fn from(phase: Phase) -> Self {
        Self::Borrowed(match phase {
            Phase::Recognising => "Recognising files",
            Phase::Looking => "Looking at micrographs",
            Phase::Patches => "Reading patches",
            Phase::Cutting => "Extracting patches",
            Phase::Pool => "Adding the unlabeled pool",
            Phase::Simulating => "Simulating micrographs",
        })
    }
}
