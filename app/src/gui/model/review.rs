//! What jobs read for the side panel and the review queues.

use std::sync::Arc;

use vitrine_core::Image;
use vitrine_core::project::{Change, JournalEntry, PatchId, RunId};
use vitrine_core::review::{Features, Queue};

use crate::gui::values::Order;

/// What the side panel's words on a patch depend on: when it changes, they are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetailKey {
    /// The patch.
    pub patch: PatchId,
    /// The last entry of the journal that changed its label, as the columns have it. The label alone does not
    /// tell: it may have been changed and changed back.
    pub entry: u32,
    /// The run whose scores are in use.
    pub scores: Option<RunId>,
}

/// What the side panel says of a patch beyond the columns.
#[derive(Debug, Clone)]
pub struct PatchDetail {
    /// Every change of its label, oldest first.
    pub history: Vec<(JournalEntry, Change)>,
    /// Its score under each run that has scores, by the run's name.
    pub scores: Vec<(String, Option<f32>)>,
    /// Mean power on rings of frequency, 0 to 0.5 cycles per px.
    pub spectrum: Vec<f64>,
}

/// A micrograph as the side panel shows it.
#[derive(Debug, Clone)]
pub struct MicrographView {
    /// The patches on it with their centres, px.
    pub patches: Vec<(PatchId, [f32; 2])>,
    /// The picture averaged down, and how many of its px make one; or why there is none.
    pub picture: Result<(Arc<Image>, usize), String>,
    /// Columns and rows of the whole, px: of the file, or as far as the patches reach.
    pub dimensions: [f32; 2],
}

/// The queue a person goes through.
#[derive(Debug, Clone)]
pub struct OpenQueue {
    /// The queue.
    pub queue: Queue,
    /// The name of the run that ordered it.
    pub run: String,
    /// The order that the gallery showed before.
    pub before: Order,
}

/// Features of all patches under a run.
#[derive(Debug, Clone)]
pub struct RunFeatures {
    /// The run.
    pub run: RunId,
    /// The features.
    pub features: Arc<Features>,
}
