//! An export that another view proposes, and the question what an export of picks would write.

use vitrine_core::export::ExportRequest;
use vitrine_core::project::EntryId;

/// A run and a threshold that another view suggests.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportProposal {
    /// The run.
    pub run: String,
    /// Least score.
    pub threshold: f32,
}

/// What an export of picks would write.
#[derive(Debug, Clone, PartialEq)]
pub struct PicksExportKey {
    /// How, and where.
    pub export: ExportRequest,
    /// The run's name.
    pub run: String,
    /// A score at or above this is a pick.
    pub threshold: f32,
    /// Smallest distance of two picks, px.
    pub distance: f32,
    /// Labels up to here correct the picks.
    pub journal: EntryId,
    /// Goes up whenever places may have come.
    pub revision: u64,
}
