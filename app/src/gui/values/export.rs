//! An export that another view proposes.

/// A run and a threshold that another view suggests.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportProposal {
    /// The run.
    pub run: String,
    /// Least score.
    pub threshold: f32,
}
