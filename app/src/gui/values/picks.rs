//! Questions about the picks of a run.

use vitrine_core::project::MicrographId;

/// The places of one micrograph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// The micrograph.
    pub micrograph: MicrographId,
    /// The run's name.
    pub run: String,
    /// Goes up whenever places may have come.
    pub revision: u64,
}

/// The places of all micrographs.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyKey {
    /// The run's name.
    pub run: String,
    /// Smallest distance of two picks, px.
    pub distance: f32,
    /// Whether the shift of each micrograph is taken out of its scores.
    pub without_shifts: bool,
    /// Goes up whenever places may have come.
    pub revision: u64,
}

/// The score map of one micrograph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapKey {
    /// The micrograph.
    pub micrograph: MicrographId,
    /// The run's name.
    pub run: String,
    /// The epoch whose network it is of.
    pub epoch: u32,
}

/// What a run has brought beside the one whose weights it began with.
#[derive(Debug, Clone, PartialEq)]
pub struct RoundKey {
    /// The run's name.
    pub run: String,
    /// Score from which on a place is a pick.
    pub threshold: f32,
    /// Smallest distance of two picks, px.
    pub distance: f32,
    /// Goes up whenever places may have come.
    pub revision: u64,
}
