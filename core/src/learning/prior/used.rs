//! The class prior a run uses: given, or estimated from out-of-fold scores before the run.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::learning::prior::binormal::binormal_prior;
use crate::learning::prior::cross_fit::FoldScores;

/// π with its interval and origin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PriorUsed {
    /// The value the run uses.
    pub value: f64,
    /// Interval of the estimate; equal to the value where it was given.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// Whether it was estimated.
    pub estimated: bool,
}

impl PriorUsed {
    /// A prior the person gave.
    pub fn given(value: f64) -> Self {
        Self { value, low: value, high: value, estimated: false }
    }
}

/// The prior by the binormal mixture, kept inside 0.01 to 0.99, because risks divide by π and 1 − π. It holds
/// for picks that are clearer than the other particles, where best bin estimation says too little.
///
/// # Errors
/// When the estimator cannot say.
pub fn estimated(scores: &FoldScores) -> Result<PriorUsed> {
    let estimate = binormal_prior(&scores.positive, &scores.unlabeled)?;
    Ok(PriorUsed {
        value: estimate.estimate.clamp(0.01, 0.99),
        low: estimate.low,
        high: estimate.high,
        estimated: true,
    })
}
