//! The class prior that a run uses: given, or estimated from out-of-fold scores before the run.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::learning::prior::binormal::{BinormalPrior, Checked, binormal_prior};

/// An estimate of π limited to 0.01 to 0.99, because risks divide by π and 1 − π.
pub(crate) fn limited(estimate: f64) -> f64 {
    estimate.clamp(0.01, 0.99)
}

/// π with its interval and origin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PriorUsed {
    /// The value the run uses.
    pub value: f64,
    /// Lower end of the estimate's 90 % interval; the value itself where it was given.
    pub low: f64,
    /// Upper end of the estimate's 90 % interval; the value itself where it was given.
    pub high: f64,
    /// Whether it was estimated.
    pub estimated: bool,
}

impl PriorUsed {
    /// A prior that the person gave.
    pub fn given(value: f64) -> Self {
        Self { value, low: value, high: value, estimated: false }
    }

    /// The prior where there are too few labels to estimate it: any share of particles is possible. The value is what the
    /// general model counts, where it was asked.
    pub fn untold(count: Option<f64>) -> Self {
        Self { value: limited(count.unwrap_or(0.5)), low: limited(0.0), high: limited(1.0), estimated: true }
    }

    /// Where labels do not tell π, the share that the general model counts is a second opinion, as good as the first: the
    /// middle of both on the scale of log odds, as far as the interval allows. The interval stays, for the general model may
    /// take contamination for particles.
    pub fn or_count(self, count: Option<f64>) -> Self {
        let Some(count) = count.filter(|_| !self.is_told()) else { return self };
        let log_odds = |share: f64| (share / (1.0 - share)).ln();
        let middle = 0.5 * (log_odds(limited(self.value)) + log_odds(limited(count)));
        let value = 1.0 / (1.0 + (-middle).exp());
        Self { value: limited(value.clamp(self.low, self.high)), ..self }
    }

    /// The prior by the binormal mixture ([`binormal_prior`]) from out-of-fold scores, limited to 0.01 to 0.99. It
    /// allows for picks that are clearer than the other particles, where best bin estimation comes out too low.
    /// `checked` are random unlabeled patches that a person has looked at. `second` is the estimate from mean images:
    /// where it lies far outside the interval and nobody has checked enough patches, neither can be believed, and the
    /// interval reaches to both.
    ///
    /// # Errors
    /// When either side has fewer than 10 scores, or a score is no finite number.
    pub fn estimate(
        positive: &[f32],
        unlabeled: &[f32],
        checked: Checked,
        second: Option<f64>,
    ) -> Result<Self> {
        let BinormalPrior { estimate, mut low, mut high } = binormal_prior(positive, unlabeled, checked)?;
        if let Some(second) = second.filter(|_| checked.total() < ENOUGH_CHECKED) {
            if second > high + CONTRADICTION {
                high = second;
            }
            if second < low - CONTRADICTION {
                low = second;
            }
        }
        Ok(Self { value: limited(estimate), low, high, estimated: true })
    }

    /// Whether the labels tell π well enough to build on: an estimate whose interval is at most 0.3 wide, or a given
    /// value.
    pub fn is_told(&self) -> bool {
        self.high - self.low <= MAX_WIDTH
    }

    /// The range in which the ceiling of the AUC of positives against unlabeled lies, 1 − π/2 at both ends of the
    /// interval.
    pub fn auc_ceiling(&self) -> (f64, f64) {
        (1.0 - self.high / 2.0, 1.0 - self.low / 2.0)
    }
}

/// How far outside the interval a second estimate contradicts the first.
const CONTRADICTION: f64 = 0.15;
/// So many random patches that a person has checked outweigh a second estimate.
const ENOUGH_CHECKED: u64 = 30;
/// Width of the interval up to which π is a number to build on.
const MAX_WIDTH: f64 = 0.3;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_interval_tells_no_prior() {
        let estimate = |low, high| PriorUsed { value: 0.4, low, high, estimated: true };
        assert!(!estimate(0.02, 0.86).is_told());
        assert!(estimate(0.3, 0.55).is_told());
        assert!(PriorUsed::given(0.3).is_told());
        let (low, high) = estimate(0.2, 0.6).auc_ceiling();
        assert!((low - 0.7).abs() < 1e-12 && (high - 0.9).abs() < 1e-12, "{low} {high}");
    }

    #[test]
    fn the_general_model_counts_where_labels_do_not_tell() {
        let untold = PriorUsed::untold(Some(0.38));
        assert!(!untold.is_told() && untold.estimated && untold.value == 0.38);
        assert_eq!(PriorUsed::untold(None).value, 0.5);
        let wide = PriorUsed { value: 0.64, low: 0.2, high: 0.9, estimated: true };
        assert_eq!(wide.or_count(None), wide);
        let counted = wide.or_count(Some(0.36));
        assert!(
            (counted.value - 0.5).abs() < 1e-9 && (counted.low, counted.high) == (0.2, 0.9),
            "{counted:?}"
        );
        assert_eq!(wide.or_count(Some(0.0)).value, 0.2, "not outside the interval");
        let told = PriorUsed { value: 0.3, low: 0.2, high: 0.4, estimated: true };
        assert_eq!(told.or_count(Some(0.38)), told);
        assert_eq!(PriorUsed::given(0.3).or_count(Some(0.38)), PriorUsed::given(0.3));
    }

    #[test]
    fn a_second_estimate_far_away_leaves_the_prior_untold() {
        // Picks far above nearly all of the unlabeled: π is small by the scores.
        let positive: Vec<f32> = (0..200).map(|i| 5.0 + i as f32 / 100.0).collect();
        let unlabeled: Vec<f32> = (0..600).map(|i| i as f32 / 200.0).collect();
        let estimate = |checked, second| PriorUsed::estimate(&positive, &unlabeled, checked, second).unwrap();
        let alone = estimate(Checked::default(), None);
        assert!(alone.is_told() && alone.value < 0.1, "{alone:?}");
        assert_eq!(estimate(Checked::default(), Some(alone.high)), alone);
        let contradicted = estimate(Checked::default(), Some(0.8));
        assert_eq!((contradicted.value, contradicted.high), (alone.value, 0.8));
        assert!(!contradicted.is_told());
        assert!(estimate(Checked { particles: 2, others: 38 }, Some(0.8)).is_told());
    }
}
