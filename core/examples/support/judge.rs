//! How scores are judged by the truth. Evaluation only.

use vitrine_core::learning::eval::metrics::{MetricError, auc};

/// Scores of particles and of all else; patches of which the truth says nothing stay out.
pub fn by_truth(scores: &[f32], truth: &[Option<bool>]) -> [Vec<f32>; 2] {
    [true, false].map(|wanted| {
        scores.iter().zip(truth).filter(|(_, t)| **t == Some(wanted)).map(|(s, _)| *s).collect()
    })
}

/// AUC of scores by the truth; patches of which it says nothing stay out.
pub fn judge(scores: &[f32], truth: &[Option<bool>]) -> Result<f64, MetricError> {
    let [particles, others] = by_truth(scores, truth);
    auc(&particles, &others)
}
