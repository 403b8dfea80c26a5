//! The scores of the places of all micrographs together, and what may be expected of those above a threshold.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::picker::{Candidate, FLOOR};

/// The logit of a score.
pub fn logit_of(score: f64) -> f64 {
    (score / (1.0 - score)).ln()
}

/// The score of a logit.
pub fn score_of(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// Logits a bin of [`Census`] holds.
const WIDTH: f64 = 0.01;
/// Highest logit told apart.
pub(super) const TOP: f64 = 30.0;
/// Logits kept to estimate π from.
const SAMPLE: usize = 20_000;
/// The logits of the places of all micrographs, in memory that does not grow with their number.
#[derive(Debug, Clone)]
pub struct Census {
    bins: Vec<u64>,
    pub(super) sample: Vec<f32>,
    seen: u64,
    pub(super) micrographs: u64,
    random: ChaCha8Rng,
}

impl Default for Census {
    fn default() -> Self {
        let bins = ((TOP - f64::from(FLOOR)) / WIDTH) as usize + 1;
        Self {
            bins: vec![0; bins],
            sample: Vec::new(),
            seen: 0,
            micrographs: 0,
            random: ChaCha8Rng::seed_from_u64(0x6365_6e73),
        }
    }
}

/// What is to be expected of picks above a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Expectation {
    /// Share of particles among the picks.
    pub precision: f64,
    /// Lower end of its 90 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Share of the particles among all places above the floor that is picked.
    pub recall: f64,
    /// Lower end of its 90 % interval.
    pub recall_low: f64,
    /// Upper end.
    pub recall_high: f64,
    /// Places judged in an audit that this rests on; 0 where it rests on scores and π.
    pub judged: u64,
}

impl Expectation {
    /// 2·P·R / (P + R) of precision and recall; `None` where both are 0.
    pub fn f1(&self) -> Option<f64> {
        let sum = self.precision + self.recall;
        (sum > 0.0).then(|| 2.0 * self.precision * self.recall / sum)
    }
}

impl Census {
    /// Adds the places of a micrograph.
    pub fn add(&mut self, places: &[Candidate]) {
        self.micrographs += 1;
        for place in places {
            let bin = ((f64::from(place.logit - FLOOR) / WIDTH).max(0.0) as usize).min(self.bins.len() - 1);
            self.bins[bin] += 1;
            // Vitter's algorithm R: every place is kept with the same chance.
            self.seen += 1;
            if self.sample.len() < SAMPLE {
                self.sample.push(place.logit);
            } else {
                let at = self.random.random_range(0..self.seen);
                if let Some(slot) = usize::try_from(at).ok().and_then(|at| self.sample.get_mut(at)) {
                    *slot = place.logit;
                }
            }
        }
    }

    /// How many places there are.
    pub fn len(&self) -> u64 {
        self.seen
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.seen == 0
    }

    /// Places at or above a logit, to within a hundredth of a logit.
    pub fn above(&self, logit: f64) -> u64 {
        let first = ((logit - f64::from(FLOOR)) / WIDTH).round().max(0.0) as usize;
        self.bins.iter().skip(first).sum()
    }

    /// The logits that places have, ascending in steps of a hundredth, and how many have each or less than a step more.
    pub(super) fn by_logit(&self) -> impl DoubleEndedIterator<Item = (f64, u64)> {
        let least = |bin: usize| f64::from(FLOOR) + bin as f64 * WIDTH;
        self.bins.iter().enumerate().map(move |(bin, &count)| (least(bin), count))
    }

    /// The lowest logit at or above which at most `wanted` places lie.
    pub(super) fn with_at_most(&self, wanted: f64) -> f64 {
        let mut sum = 0;
        for (bin, count) in self.bins.iter().enumerate().rev() {
            sum += count;
            if sum as f64 > wanted {
                return f64::from(FLOOR) + (bin + 1) as f64 * WIDTH;
            }
        }
        f64::from(FLOOR)
    }
}
