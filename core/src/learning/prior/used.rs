//! The class prior that a run uses: given, or estimated from out-of-fold scores before the run.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::learning::prior::binormal::binormal_prior;

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

    /// The prior by the binormal mixture ([`binormal_prior`]) from out-of-fold scores, limited to 0.01 to 0.99. It
    /// allows for picks that are clearer than the other particles, where best bin estimation comes out too low.
    ///
    /// # Errors
    /// When either side has fewer than 10 scores, or a score is no finite number.
    pub fn estimate(positive: &[f32], unlabeled: &[f32]) -> Result<Self> {
        let estimate = binormal_prior(positive, unlabeled)?;
        Ok(Self {
            value: limited(estimate.estimate),
            low: estimate.low,
            high: estimate.high,
            estimated: true,
        })
    }
}
