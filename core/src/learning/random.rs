//! Random numbers that depend only on seed, epoch and purpose.
//!
//! Each purpose draws from its own stream of one generator. So a resumed run draws the numbers that the
//! uninterrupted run would have drawn, and drawing more numbers for one purpose changes no other.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What random numbers are drawn for. A variant's number is its stream; changing one changes every run of a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stream {
    /// Order of the patches in an epoch.
    EpochOrder = 0,
    /// Weak views.
    WeakViews = 1,
    /// Strong views, and second weak views for the alignment.
    OtherViews = 2,
    /// Which patches go into which fold of the out-of-fold scores.
    Folds = 7,
    /// Folds of the diagnosis' logistic regression.
    LinearFolds = 31,
    /// Which patches the diagnosis looks at.
    DiagnosisSample = 40,
    /// Patches that the diagnosis' quick trainings use.
    QuickSample = 41,
    /// Folds of the diagnosis' quick classifier.
    QuickFolds = 42,
    /// Order of the patches in the network probe.
    ProbeOrder = 51,
    /// Weights that the gradient check moves.
    GradientCheck = 52,
    /// Order of the patches in an epoch of pretraining.
    PretrainOrder = 61,
    /// Views in pretraining.
    PretrainViews = 62,
}

/// The generator of one purpose in one epoch of a run (0 where there is no epoch).
pub fn generator(seed: u64, epoch: usize, stream: Stream) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((epoch as u64) << 8) | stream as u64);
    rng
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn the_streams_keep_their_numbers() {
        let first = |epoch, stream| generator(7, epoch, stream).random::<u64>();
        let by_hand = |stream: u64| {
            let mut rng = ChaCha8Rng::seed_from_u64(7);
            rng.set_stream(stream);
            rng.random::<u64>()
        };
        assert_eq!(first(0, Stream::EpochOrder), by_hand(0));
        assert_eq!(first(3, Stream::OtherViews), by_hand(3 * 256 + 2));
        assert_eq!(first(1, Stream::PretrainViews), by_hand(256 + 62));
        assert_ne!(first(3, Stream::WeakViews), first(4, Stream::WeakViews));
    }
}
