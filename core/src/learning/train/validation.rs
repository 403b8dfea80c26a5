//! Measures the validation side after an epoch.

use crate::error::Result;
use crate::learning::eval::metrics::{Ranking, auc, auc_ceiling, corrected_auc};
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;

/// Fills in the validation measures from logits of the validation patches by label. A measure whose classes are
/// missing is NaN ("not measured"), never a made-up 0.5.
///
/// # Errors
/// When a score is no finite number.
pub(super) fn measure_validation(
    metrics: &mut EpochMetrics,
    prior: f64,
    positive: &[f32],
    unlabeled: &[f32],
    negative: &[f32],
) -> Result<()> {
    let both = |a: &[f32], b: &[f32]| !a.is_empty() && !b.is_empty();
    metrics.validation_auc_pu = f64::NAN;
    metrics.validation_auc_corrected = f64::NAN;
    metrics.validation_auc_pn = f64::NAN;
    metrics.validation_average_precision = f64::NAN;
    metrics.validation_auc_ceiling = auc_ceiling(prior)?;
    if both(positive, unlabeled) {
        let ranking = Ranking::new(positive, unlabeled)?;
        metrics.validation_auc_pu = ranking.auc();
        metrics.validation_auc_corrected = corrected_auc(ranking.auc(), prior)?.value().unwrap_or(f64::NAN);
        metrics.validation_average_precision = ranking.average_precision();
    }
    if both(positive, negative) {
        metrics.validation_auc_pn = auc(positive, negative)?;
    }
    Ok(())
}
