//! Scores in bins: histogram and calibration.

use serde::{Deserialize, Serialize};

use crate::learning::eval::metrics::{MetricError, check_count, check_finite, check_prior};

/// One bin of scores in a calibration curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Lower edge, included.
    pub low: f64,
    /// Upper edge, excluded except for the last bin.
    pub high: f64,
    /// Known positives in the bin.
    pub positives: usize,
    /// Known negatives in the bin.
    pub negatives: usize,
    /// Mean score in the bin; `None` when empty.
    pub mean_score: Option<f64>,
    /// Share of positives in the bin, negatives reweighted so that positives make up `prior`.
    pub share_positive: Option<f64>,
}

/// Calibration of p: bins of p with the share of particles in each, and the expected calibration error
/// Σ wₖ·|shareₖ − mean pₖ|. Needs known negatives. `prior` is the share of particles in the population that is scored;
/// without it, the share of the sample is used.
///
/// # Errors
/// When a slice is empty, holds a score that is no finite number, or `prior` is outside (0, 1).
pub fn calibration(
    positive: &[f32],
    negative: &[f32],
    bins: usize,
    prior: Option<f64>,
) -> Result<(Vec<CalibrationBin>, f64), MetricError> {
    check_count(positive, "positive", 1)?;
    check_count(negative, "negative", 1)?;
    check_finite(positive, "positive")?;
    check_finite(negative, "negative")?;
    let bins = bins.clamp(1, 1000);
    let share = match prior {
        Some(prior) => check_prior(prior).map(|()| prior)?,
        None => positive.len() as f64 / (positive.len() + negative.len()) as f64,
    };
    // Weight of one positive and of one negative; all weights sum to 1.
    let weights = [share / positive.len() as f64, (1.0 - share) / negative.len() as f64];
    let mut counts = vec![[0usize; 2]; bins];
    let mut sums = vec![0.0; bins];
    for (class, scores) in [positive, negative].into_iter().enumerate() {
        for &score in scores {
            let bin = bin_of(score, bins);
            counts[bin][class] += 1;
            sums[bin] += weights[class] * f64::from(score);
        }
    }
    let mut error = 0.0;
    let rows = (0..bins)
        .map(|i| {
            let [p, n] = counts[i];
            let weight = weights[0] * p as f64 + weights[1] * n as f64;
            let filled = weight > 0.0;
            let mean_score = filled.then(|| sums[i] / weight);
            let share_positive = filled.then(|| weights[0] * p as f64 / weight);
            if let (Some(mean), Some(share)) = (mean_score, share_positive) {
                error += weight * (share - mean).abs();
            }
            CalibrationBin {
                low: i as f64 / bins as f64,
                high: (i + 1) as f64 / bins as f64,
                positives: p,
                negatives: n,
                mean_score,
                share_positive,
            }
        })
        .collect();
    Ok((rows, error))
}

/// The bin of a score in [0, 1]; scores outside count in the first or last bin.
fn bin_of(score: f32, bins: usize) -> usize {
    // `as` saturates: negative scores give 0.
    ((f64::from(score) * bins as f64) as usize).min(bins - 1)
}

/// Number of scores in each of `bins` equal bins on [0, 1]. Values outside count in the first or last bin; NaN and
/// infinity are not counted.
pub fn histogram(scores: &[f32], bins: usize) -> Vec<usize> {
    let bins = bins.clamp(1, 1000);
    let mut counts = vec![0; bins];
    for &score in scores.iter().filter(|s| s.is_finite()) {
        counts[bin_of(score, bins)] += 1;
    }
    counts
}
