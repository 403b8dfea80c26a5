//! Chooses the patches of each batch.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::learning::config::BatchConfig;

/// Indices of one batch into the training pool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Patches labelled positive.
    pub positive: Vec<usize>,
    /// Patches without a label.
    pub unlabeled: Vec<usize>,
    /// Patches labelled negative.
    pub negative: Vec<usize>,
}

impl Batch {
    /// Number of patches.
    pub fn len(&self) -> usize {
        self.positive.len() + self.unlabeled.len() + self.negative.len()
    }
}

/// Goes through a list again and again, in a new random order each time.
struct ShuffledCycle {
    patches: Vec<usize>,
    next: usize,
}

impl ShuffledCycle {
    fn new(patches: &[usize], rng: &mut ChaCha8Rng) -> Self {
        let mut patches = patches.to_vec();
        patches.shuffle(rng);
        Self { patches, next: 0 }
    }

    fn next_batch(&mut self, count: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let mut batch = Vec::with_capacity(count);
        while batch.len() < count && !self.patches.is_empty() {
            if self.next == self.patches.len() {
                self.patches.shuffle(rng);
                self.next = 0;
            }
            batch.push(self.patches[self.next]);
            self.next += 1;
        }
        batch
    }
}

/// How many positive, unlabeled and negative patches a batch holds. `size` is divided by the configured parts among
/// the labels that exist; each of them gets at least one. A known negative is drawn no more often than a positive:
/// a few negatives, some perhaps wrong, must not fill a fifth of every batch.
pub fn shares(config: &BatchConfig, available: [usize; 3]) -> [usize; 3] {
    let parts = [config.positive, config.unlabeled, config.negative];
    let mut parts: Vec<f64> =
        parts.iter().zip(available).map(|(&part, n)| if n > 0 { part } else { 0.0 }).collect();
    if available[0] > 0 && available[2] > 0 {
        parts[2] = parts[2].min(parts[0] * available[2] as f64 / available[0] as f64);
    }
    let total: f64 = parts.iter().sum();
    let mut shares = [0; 3];
    for (share, part) in shares.iter_mut().zip(&parts) {
        if *part > 0.0 {
            *share = ((config.size as f64 * part / total).round() as usize).max(1);
        }
    }
    shares
}

/// The batches of one epoch. Every unlabeled patch appears once (or `unlabeled_per_epoch` of them); positives and
/// negatives repeat as often as needed. Where batches hold no unlabeled patches, the larger labelled class sets the
/// length of the epoch.
pub fn epoch_batches(
    config: &BatchConfig,
    positive: &[usize],
    unlabeled: &[usize],
    negative: &[usize],
    rng: &mut ChaCha8Rng,
) -> Vec<Batch> {
    let [p, u, n] = shares(config, [positive.len(), unlabeled.len(), negative.len()]);
    let per_epoch = match config.unlabeled_per_epoch {
        0 => unlabeled.len(),
        limit => limit.min(unlabeled.len()),
    };
    let batches = if u > 0 {
        per_epoch.div_ceil(u)
    } else {
        let need = |count: usize, share: usize| if share > 0 { count.div_ceil(share) } else { 0 };
        need(positive.len(), p).max(need(negative.len(), n))
    };
    let mut cycles = [positive, unlabeled, negative].map(|patches| ShuffledCycle::new(patches, rng));
    (0..batches)
        .map(|_| Batch {
            positive: cycles[0].next_batch(p, rng),
            unlabeled: cycles[1].next_batch(u, rng),
            negative: cycles[2].next_batch(n, rng),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::random::{Stream, generator};

    #[test]
    fn shares_follow_the_ratio_and_skip_missing_labels() {
        let config =
            BatchConfig { size: 64, positive: 1.0, unlabeled: 3.0, negative: 1.0, ..Default::default() };
        assert_eq!(shares(&config, [10, 10, 0]), [16, 48, 0]);
        assert_eq!(shares(&config, [10, 10, 10]), [13, 38, 13]);
        assert_eq!(shares(&config, [10, 0, 10]), [32, 0, 32]);
        // Two negatives beside a hundred positives: one in a batch of 64, not thirteen.
        assert_eq!(shares(&config, [100, 1000, 2]), [16, 48, 1]);
    }

    #[test]
    fn every_unlabeled_patch_is_seen_once_before_any_twice() {
        let config = BatchConfig { size: 8, ..Default::default() };
        let unlabeled: Vec<usize> = (100..130).collect();
        let batches =
            epoch_batches(&config, &[1, 2, 3], &unlabeled, &[], &mut generator(1, 1, Stream::EpochOrder));
        let seen: Vec<usize> = batches.iter().flat_map(|b| b.unlabeled.clone()).collect();
        let mut first: Vec<usize> = seen[..30].to_vec();
        first.sort_unstable();
        assert_eq!(first, unlabeled);
        assert!(batches.iter().all(|b| b.positive.len() == 2 && b.unlabeled.len() == 6));
    }

    #[test]
    fn the_same_seed_and_epoch_give_the_same_batches() {
        let config = BatchConfig::default();
        let unlabeled: Vec<usize> = (0..500).collect();
        let batches = |epoch| {
            epoch_batches(&config, &[1, 2, 3], &unlabeled, &[], &mut generator(7, epoch, Stream::EpochOrder))
        };
        assert_eq!(batches(3), batches(3));
        assert_ne!(batches(3), batches(4));
    }
}
