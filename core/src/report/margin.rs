//! By how much a run must lead for the lead to be more than chance. Terminal, window and report mark a value as the best
//! by this rule alone.

use super::RunSummary;

/// Fewer known negatives than this decide nothing.
pub const MIN_NEGATIVES: usize = 20;
/// Standard errors of a difference that chance explains: two leave it one time in twenty.
const ERRORS: f64 = 2.0;

/// What the mark of a value means, for legends.
pub const BEST_MEANS: &str = "best by more than chance explains";

/// The run that leads in a measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lead {
    /// Place of the run with the highest value.
    pub best: usize,
    /// Place of the run with the second highest value.
    pub second: usize,
    /// The difference of the two values.
    pub by: f64,
    /// How much of a difference chance explains: two standard errors of the difference of two AUCs (Hanley and McNeil,
    /// 1982), taken as independent, which is rather too much for runs on the same patches. `None` for measures whose
    /// chance is not known.
    pub margin: Option<f64>,
}

impl Lead {
    /// Whether the lead is more than chance explains.
    pub fn is_clear(&self) -> bool {
        self.margin.is_some_and(|margin| self.by > margin)
    }
}

/// The run that leads in the measure `key`, of which each run has one of `values`; `None` where fewer than two runs were
/// measured.
pub fn lead(key: &str, values: &[Option<f64>], runs: &[RunSummary]) -> Option<Lead> {
    let mut order: Vec<(usize, f64)> =
        values.iter().enumerate().filter_map(|(run, value)| Some((run, (*value)?))).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let ((best, highest), (second, next)) = (*order.first()?, *order.get(1)?);
    let error = |run: usize, auc: f64| {
        let scores = &runs.get(run)?.scores;
        let others = match key {
            "validation_auc_pu" => scores.unlabeled.len(),
            "validation_auc_pn" => Some(scores.negative.len()).filter(|&number| number >= MIN_NEGATIVES)?,
            _ => return None,
        };
        standard_error(auc, scores.positive.len(), others)
    };
    let margin = || Some(ERRORS * error(best, highest)?.hypot(error(second, next)?));
    Some(Lead { best, second, by: highest - next, margin: margin() })
}

/// Standard error of an AUC of `positives` against `others`, from the value and the counts alone: the values that are compared
/// were measured at the best epoch, and the scores of that measurement are not kept. Where scores are at hand,
/// `Ranking::auc_standard_error` takes the error from them. That gives 0 for a perfect ranking, with which the smallest
/// lead would be clear.
fn standard_error(auc: f64, positives: usize, others: usize) -> Option<f64> {
    if positives < 2 || others < 2 || !auc.is_finite() {
        return None;
    }
    // At the very ends the formula gives no error at all, which no finite sample bears out.
    let (n, m) = (positives as f64, others as f64);
    let auc = auc.clamp(0.5 / (n * m), 1.0 - 0.5 / (n * m));
    let q1 = auc / (2.0 - auc);
    let q2 = 2.0 * auc * auc / (1.0 + auc);
    let variance = auc * (1.0 - auc) + (n - 1.0) * (q1 - auc * auc) + (m - 1.0) * (q2 - auc * auc);
    Some((variance / (n * m)).max(0.0).sqrt())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::report::ScoreSamples;

    fn runs(positive: usize, unlabeled: usize, negative: usize) -> [RunSummary; 2] {
        let scores = ScoreSamples {
            positive: vec![0.5; positive],
            unlabeled: vec![0.5; unlabeled],
            negative: vec![0.5; negative],
        };
        [(); 2].map(|()| RunSummary { scores: scores.clone(), ..RunSummary::default() })
    }

    #[test]
    fn the_error_is_that_of_the_paper() {
        // Hanley and McNeil (1982), section on the standard error: area 0.893 of 51 abnormal and 58 normal cases.
        let error = standard_error(0.893, 51, 58).unwrap();
        assert!((error - 0.032).abs() < 0.001, "{error}");
        assert_eq!(standard_error(0.9, 1, 50), None);
        assert!(standard_error(1.0, 20, 50).unwrap() > 0.0);
    }

    #[test]
    fn a_lead_is_clear_only_beyond_its_margin_and_only_where_chance_is_known() {
        let values = [Some(0.84), None, Some(0.80)];
        let of = |key: &str, runs: &[RunSummary; 2]| {
            let [a, b] = runs.clone();
            lead(key, &values, &[a, RunSummary::default(), b]).unwrap()
        };
        let few = of("validation_auc_pu", &runs(30, 100, 0));
        assert!((few.best, few.second) == (0, 2) && !few.is_clear(), "{few:?}");
        assert!(of("validation_auc_pu", &runs(3000, 9000, 0)).is_clear());
        // A handful of negatives decides nothing; other measures have no margin.
        assert_eq!(of("validation_auc_pn", &runs(3000, 9000, MIN_NEGATIVES - 1)).margin, None);
        assert!(of("validation_auc_pn", &runs(3000, 9000, 3000)).is_clear());
        assert_eq!(of("validation_average_precision", &runs(3000, 9000, 3000)).margin, None);
        assert_eq!(lead("validation_auc_pu", &[Some(0.9), None], &runs(3000, 9000, 0)), None);
    }
}
