//! Adds up what the batches of an epoch measured.

use serde::{Deserialize, Serialize};

use crate::learning::train::metrics::epoch_metrics::EpochMetrics;

/// Totals of an epoch so far. A checkpoint within an epoch stores them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochTotals {
    /// Views that went through the network.
    pub patches: usize,
    batches: usize,
    /// Total loss, risk, term of the negatives, consistency term, nnPU clamped. Stored as bits, because a sum may be
    /// NaN, which JSON cannot hold.
    #[serde(with = "bits")]
    sums: [f64; 5],
    norms: Vec<f32>,
    pseudo_seen: usize,
    pseudo_positive: usize,
    pseudo_negative: usize,
    truth_known: usize,
    truth_right: usize,
    p: Moments,
}

/// Stores numbers as their bits.
mod bits {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub fn serialize<S: Serializer>(values: &[f64; 5], to: S) -> Result<S::Ok, S::Error> {
        values.map(f64::to_bits).serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<[f64; 5], D::Error> {
        Ok(<[u64; 5]>::deserialize(from)?.map(f64::from_bits))
    }
}

/// Count, sums and range of numbers that come one by one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Moments {
    count: usize,
    sum: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Moments {
    fn push(&mut self, value: f64) {
        if self.count == 0 {
            (self.min, self.max) = (value, value);
        }
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
}

impl EpochTotals {
    /// Adds the terms of one batch: total loss, risk, term of the negatives, consistency term before λ, nnPU clamped.
    pub fn add_batch(&mut self, patches: usize, values: [f32; 5]) {
        self.patches += patches;
        self.batches += 1;
        for (sum, value) in self.sums.iter_mut().zip(values) {
            *sum += f64::from(value);
        }
    }

    /// Adds the gradient norm of one step.
    pub fn add_gradient_norm(&mut self, norm: f32) {
        self.norms.push(norm);
    }

    /// Adds p of the unlabeled of one batch.
    pub fn add_probabilities(&mut self, p: &[f32]) {
        for &p in p {
            self.p.push(f64::from(p));
        }
    }

    /// Adds the pseudo-labels of one batch as (target, weight), and the truth of each patch where it is known.
    pub fn add_pseudo_labels(
        &mut self,
        labels: impl Iterator<Item = (f32, f32)>,
        truth: impl Iterator<Item = Option<bool>>,
    ) {
        for ((target, weight), truth) in labels.zip(truth) {
            self.pseudo_seen += 1;
            if weight <= 0.0 {
                continue;
            }
            let particle = target >= 0.5;
            if particle {
                self.pseudo_positive += 1;
            } else {
                self.pseudo_negative += 1;
            }
            if let Some(truth) = truth {
                self.truth_known += 1;
                self.truth_right += usize::from(truth == particle);
            }
        }
    }

    /// The means of the epoch; NaN for what was not measured.
    pub fn means(&self) -> EpochMetrics {
        let ratio = |part: usize, of: usize| if of > 0 { part as f64 / of as f64 } else { f64::NAN };
        let mean = |i: usize| if self.batches > 0 { self.sums[i] / self.batches as f64 } else { f64::NAN };
        let p = &self.p;
        let known = |value: f64| if p.count > 0 { value } else { f64::NAN };
        let p_mean = p.sum / p.count as f64;
        let norms: f64 = self.norms.iter().map(|&n| f64::from(n)).sum();
        EpochMetrics {
            loss: mean(0),
            loss_risk: mean(1),
            loss_negative: mean(2),
            loss_consistency: mean(3),
            nnpu_clamped_rate: mean(4),
            gradient_norm: norms / self.norms.len() as f64,
            pseudo_label_rate: ratio(self.pseudo_positive + self.pseudo_negative, self.pseudo_seen),
            pseudo_label_rate_positive: ratio(self.pseudo_positive, self.pseudo_seen),
            pseudo_label_rate_negative: ratio(self.pseudo_negative, self.pseudo_seen),
            pseudo_label_accuracy: ratio(self.truth_right, self.truth_known),
            p_mean: known(p_mean),
            p_min: known(p.min),
            p_max: known(p.max),
            p_std: known((p.squares / p.count as f64 - p_mean * p_mean).max(0.0).sqrt()),
            ..EpochMetrics::default()
        }
    }
}
