//! What jobs read for the side panel and the review queues.

use std::sync::Arc;

use vitrine_core::Image;
use vitrine_core::project::{Change, JournalEntry, PatchId, RunId};
use vitrine_core::review::{NetworkFeatures, Queue};

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

/// Patches of a queue that are reviewed before a run may learn from them.
pub const BATCH: usize = 50;

/// A batch of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Its number, counted from 1.
    pub number: usize,
    /// How many batches the queue has.
    pub of: usize,
    /// Its first place in the queue.
    pub first: usize,
    /// How many patches the batch holds.
    pub patches: usize,
    /// The person's place in it, counted from 0.
    pub place: usize,
}

impl Batch {
    /// The batch of a place in a queue of a given number of patches; `None` for a short queue, and for a sample, which is only
    /// worth something as a whole.
    pub fn at(place: usize, queue: &Queue) -> Option<Self> {
        Self::within(place, queue.patches.len()).filter(|_| !queue.kind.is_sample())
    }

    fn within(place: usize, patches: usize) -> Option<Self> {
        if patches <= BATCH || place >= patches {
            return None;
        }
        let first = place / BATCH * BATCH;
        Some(Self {
            number: place / BATCH + 1,
            of: patches.div_ceil(BATCH),
            first,
            patches: BATCH.min(patches - first),
            place: place - first,
        })
    }

    /// The batch before, where the person has just come to the end of it.
    pub fn just_done(self) -> Option<Self> {
        (self.place == 0 && self.number > 1).then(|| Self {
            number: self.number - 1,
            first: self.first - BATCH,
            patches: BATCH,
            place: BATCH - 1,
            ..self
        })
    }
}

/// NetworkFeatures of all patches under a run.
#[derive(Debug, Clone)]
pub struct RunFeatures {
    /// The run.
    pub run: RunId,
    /// Feature vectors of all patches.
    pub features: Arc<NetworkFeatures>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_long_queue_goes_in_batches() {
        assert_eq!(Batch::within(3, BATCH), None);
        let last = Batch::within(119, 120).unwrap();
        assert_eq!((last.number, last.of, last.first, last.patches, last.place), (3, 3, 100, 20, 19));
        assert_eq!(last.just_done(), None);
        assert_eq!(Batch::within(0, 120).unwrap().just_done(), None);
        let done = Batch::within(50, 120).unwrap().just_done().unwrap();
        assert_eq!((done.number, done.of, done.first, done.patches), (1, 3, 0, 50));
        assert_eq!(Batch::within(120, 120), None);
    }
}
