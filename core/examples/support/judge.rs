//! How scores are judged by the truth. Evaluation only.

use vitrine_core::learning::eval::metrics::{MetricError, auc};

/// AUC of scores by the truth; patches of which it says nothing stay out.
pub fn judge(scores: &[f32], truth: &[Option<bool>]) -> Result<f64, MetricError> {
    let of = |wanted| -> Vec<f32> {
        scores.iter().zip(truth).filter(|(_, t)| **t == Some(wanted)).map(|(s, _)| *s).collect()
    };
    auc(&of(true), &of(false))
}
