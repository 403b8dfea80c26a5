//! The state of a run in the middle of an epoch, so that it goes on exactly as if it had never stopped.
//!
//! An epoch depends on the state at its start and on generators seeded by run, epoch and purpose
//! (`learning/random.rs`). In its middle the state also holds how many numbers these generators have
//! drawn, the totals so far, and the pseudo-labels that self-training chose at the start of the epoch.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::learning::loss::self_training::PseudoTarget;
use crate::learning::train::metrics::epoch_totals::EpochTotals;

/// A place within an epoch, between two steps of the optimiser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MidEpochState {
    /// Batches done of the epoch that follows the last complete one.
    pub batch: usize,
    /// Batches of that epoch.
    pub batches: usize,
    /// Seconds the epoch has taken so far.
    pub seconds: f64,
    /// Numbers drawn for weak and for other views.
    drawn: [u64; 2],
    /// One letter for each patch of the run: its pseudo-label. `None` while self-training is off.
    targets: Option<String>,
    #[serde(rename = "stats")]
    totals: EpochTotals,
}

impl MidEpochState {
    /// The state after `batch` of `batches`, with the generators of weak and of other views.
    pub(super) fn new(
        (batch, batches): (usize, usize),
        seconds: f64,
        [weak, other]: [&ChaCha8Rng; 2],
        targets: Option<&[PseudoTarget]>,
        totals: &EpochTotals,
    ) -> Self {
        let drawn = [weak, other].map(|rng| u64::try_from(rng.get_word_pos()).unwrap_or(u64::MAX));
        let letter = |target: &PseudoTarget| match target {
            PseudoTarget::Positive => 'p',
            PseudoTarget::Negative => 'n',
            PseudoTarget::Ignored => '.',
        };
        let targets = targets.map(|targets| targets.iter().map(letter).collect());
        Self { batch, batches, seconds, drawn, targets, totals: totals.clone() }
    }

    /// Brings freshly seeded generators of weak and of other views to where they were.
    pub(super) fn fast_forward(&self, rngs: [&mut ChaCha8Rng; 2]) {
        for (rng, drawn) in rngs.into_iter().zip(self.drawn) {
            rng.set_word_pos(u128::from(drawn));
        }
    }

    /// The totals of the epoch so far.
    pub(super) fn totals(&self) -> EpochTotals {
        self.totals.clone()
    }

    /// The pseudo-label of each of the run's `patches` patches; `None` while self-training is off.
    ///
    /// # Errors
    /// When the state belongs to another number of patches.
    pub(super) fn targets(&self, patches: usize) -> Result<Option<Vec<PseudoTarget>>> {
        let Some(letters) = &self.targets else { return Ok(None) };
        let targets: Vec<PseudoTarget> = letters
            .bytes()
            .map(|letter| match letter {
                b'p' => PseudoTarget::Positive,
                b'n' => PseudoTarget::Negative,
                _ => PseudoTarget::Ignored,
            })
            .collect();
        if targets.len() == patches {
            return Ok(Some(targets));
        }
        Err(Error::request(
            format!(
                "the checkpoint does not fit the run: it was made with {} patches, the run has {patches}",
                targets.len()
            ),
            "start a new run",
        ))
    }
}
