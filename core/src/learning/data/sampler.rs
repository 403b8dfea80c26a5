//! Which patches make up each batch.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::learning::config::BatchConfig;

/// Indices of one batch into the training pool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Known particles.
    pub positive: Vec<usize>,
    /// Nobody has said.
    pub unlabeled: Vec<usize>,
    /// Known non-particles.
    pub negative: Vec<usize>,
}

impl Batch {
    /// Patches in the batch.
    pub fn len(&self) -> usize {
        self.positive.len() + self.unlabeled.len() + self.negative.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A generator for one purpose within a run: the same numbers for the same run, epoch and purpose,
/// whether the run was resumed or not.
pub fn generator(seed: u64, epoch: usize, purpose: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((epoch as u64) << 8) | purpose);
    rng
}

/// Deals a list again and again, shuffled anew each time it is used up.
struct Deck {
    cards: Vec<usize>,
    next: usize,
}

impl Deck {
    fn new(cards: &[usize], rng: &mut ChaCha8Rng) -> Self {
        let mut cards = cards.to_vec();
        cards.shuffle(rng);
        Self { cards, next: 0 }
    }

    fn deal(&mut self, count: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let mut hand = Vec::with_capacity(count);
        while hand.len() < count && !self.cards.is_empty() {
            if self.next == self.cards.len() {
                self.cards.shuffle(rng);
                self.next = 0;
            }
            hand.push(self.cards[self.next]);
            self.next += 1;
        }
        hand
    }
}

/// How many patches of each label a batch holds: `size` shared out by the configured parts among
/// the labels that exist, at least one of each. A known negative is drawn no oftener than a positive:
/// a handful of them, some perhaps wrong, must not fill a fifth of every batch.
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

/// The batches of one epoch: every unlabeled patch once (or `unlabeled_per_epoch` of them), while
/// positives and negatives are dealt again as often as needed. Without unlabeled patches in the
/// batch the larger labelled side sets the length.
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
    let mut decks = [positive, unlabeled, negative].map(|cards| Deck::new(cards, rng));
    (0..batches)
        .map(|_| Batch {
            positive: decks[0].deal(p, rng),
            unlabeled: decks[1].deal(u, rng),
            negative: decks[2].deal(n, rng),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let batches = epoch_batches(&config, &[1, 2, 3], &unlabeled, &[], &mut generator(1, 1, 0));
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
        let deal = |epoch| epoch_batches(&config, &[1, 2, 3], &unlabeled, &[], &mut generator(7, epoch, 0));
        assert_eq!(deal(3), deal(3));
        assert_ne!(deal(3), deal(4));
    }
}
