//! An export being prepared, and the last one written.

use std::path::PathBuf;

use vitrine_core::export::{ExportRequest, Manifest, Preview};
use vitrine_core::project::EntryId;

/// What an export would write.
#[derive(Debug, Clone)]
pub struct Previewed {
    /// The request.
    pub request: ExportRequest,
    /// The labels it was counted with.
    pub journal: EntryId,
    /// The counts, or why it cannot be done.
    pub result: Result<Preview, String>,
}

/// An export that was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// The file or folder.
    pub out: PathBuf,
    /// What is in it; `None` for a network, which has a card instead.
    pub manifest: Option<Box<Manifest>>,
    /// The manifest's file, or the card's.
    pub beside: PathBuf,
}

/// A run and a threshold that another view suggests.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportProposal {
    /// The run.
    pub run: String,
    /// Least score.
    pub threshold: f32,
}

/// An export being prepared, and the last one written.
#[derive(Debug, Clone, Default)]
pub struct ExportState {
    /// What the newest preview says.
    pub preview: Option<Previewed>,
    /// What is being counted now.
    pub counting: Option<(ExportRequest, EntryId)>,
    /// The last export of this project in this window.
    pub written: Option<Written>,
    /// What another view suggests; counts up so that the same can be suggested twice.
    pub proposed: Option<(u64, ExportProposal)>,
}
