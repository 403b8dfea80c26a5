//! What a run needs to go on in the middle of an epoch, exactly as if it had never stopped there.
//!
//! An epoch depends on the state at its start and on generators seeded by run, epoch and purpose
//! ([`crate::learning::train::trainer`]). In its middle the state also holds how far these generators have come, what was
//! summed so far, and which pseudo-labels self-training had set at the start.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::learning::loss::self_training::PseudoTarget;
use crate::learning::train::epoch_totals::EpochStats;

/// A place within an epoch, between two steps of the optimiser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WithinEpoch {
    /// Batches done of the epoch that follows the last complete one.
    pub batch: usize,
    /// Batches of that epoch.
    pub batches: usize,
    /// Seconds it has taken so far.
    pub seconds: f64,
    /// Numbers drawn for weak and strong views.
    drawn: [u64; 2],
    /// One letter a patch of the pool: what self-training takes it for.
    targets: Option<String>,
    stats: EpochStats,
}

impl WithinEpoch {
    /// The place after `batch` of `batches`.
    pub(crate) fn new(
        (batch, batches): (usize, usize),
        seconds: f64,
        [weak, strong]: [&ChaCha8Rng; 2],
        targets: Option<&[PseudoTarget]>,
        stats: &EpochStats,
    ) -> Self {
        let drawn = [weak, strong].map(|rng| u64::try_from(rng.get_word_pos()).unwrap_or(u64::MAX));
        let letter = |target: &PseudoTarget| match target {
            PseudoTarget::Positive => 'p',
            PseudoTarget::Negative => 'n',
            PseudoTarget::LeftOut => '.',
        };
        let targets = targets.map(|targets| targets.iter().map(letter).collect());
        Self { batch, batches, seconds, drawn, targets, stats: stats.clone() }
    }

    /// Brings the generators of the epoch to where they were.
    pub(crate) fn forward(&self, rngs: [&mut ChaCha8Rng; 2]) {
        for (rng, drawn) in rngs.into_iter().zip(self.drawn) {
            rng.set_word_pos(u128::from(drawn));
        }
    }

    /// The sums so far.
    pub(crate) fn stats(&self) -> EpochStats {
        self.stats.clone()
    }

    /// What self-training takes each of `patches` patches for; `None` while it is off.
    ///
    /// # Errors
    /// When they were other patches.
    pub(crate) fn targets(&self, patches: usize) -> Result<Option<Vec<PseudoTarget>>> {
        let Some(letters) = &self.targets else { return Ok(None) };
        let targets: Vec<PseudoTarget> = letters
            .bytes()
            .map(|letter| match letter {
                b'p' => PseudoTarget::Positive,
                b'n' => PseudoTarget::Negative,
                _ => PseudoTarget::LeftOut,
            })
            .collect();
        if targets.len() == patches {
            return Ok(Some(targets));
        }
        Err(Error::request(
            format!("the checkpoint does not fit the run: it is of {} patches, not {patches}", targets.len()),
            "start a new run",
        ))
    }
}
