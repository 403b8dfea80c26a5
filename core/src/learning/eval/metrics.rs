//! Measures how well scores rank particles above everything else.
//!
//! There are two comparisons. Positives against **known negatives** give an ordinary AUC. Positives against
//! **unlabeled** patches have particles on both sides, so even a perfect ranking only reaches 1 − π/2;
//! [`corrected_auc`] corrects for that where the positives are a random sample of the particles. Command line, window
//! and report all show the numbers computed here.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Why a measure could not be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// A class has too few scores.
    #[error("there are {have} {class} scores where at least {need} are needed")]
    TooFew {
        /// "positive", "unlabeled", "negative" or "comparison".
        class: &'static str,
        /// Number of scores.
        have: usize,
        /// Number of scores needed.
        need: usize,
    },
    /// A score is NaN or infinite.
    #[error("{class} score number {index} is {value}, not a finite number")]
    NotFinite {
        /// The class whose scores hold it.
        class: &'static str,
        /// Index of the score, counted from 0.
        index: usize,
        /// The value as text: "NaN", "inf".
        value: String,
    },
    /// A class prior outside the open interval (0, 1).
    #[error("the class prior is {0}, which does not lie between 0 and 1")]
    Prior(String),
}

impl From<MetricError> for Error {
    fn from(cause: MetricError) -> Self {
        let remedy = match cause {
            MetricError::TooFew { .. } => "label more patches, or give that class more room in the split",
            MetricError::NotFinite { .. } => "the model has diverged; score with an earlier checkpoint",
            MetricError::Prior(_) => "write `prior: estimate`, or a number between 0 and 1",
        };
        Self::request(cause.to_string(), remedy)
    }
}

/// Checks that all scores are finite numbers.
///
/// # Errors
/// [`MetricError::NotFinite`] with the first such position.
pub fn check_finite(scores: &[f32], class: &'static str) -> Result<(), MetricError> {
    match scores.iter().position(|s| !s.is_finite()) {
        Some(index) => Err(MetricError::NotFinite { class, index, value: scores[index].to_string() }),
        None => Ok(()),
    }
}

/// Checks that there are at least `need` scores.
///
/// # Errors
/// [`MetricError::TooFew`].
pub fn check_count(scores: &[f32], class: &'static str, need: usize) -> Result<(), MetricError> {
    if scores.len() < need {
        return Err(MetricError::TooFew { class, have: scores.len(), need });
    }
    Ok(())
}

/// Checks that `prior` lies between 0 and 1, exclusive.
pub(super) fn check_prior(prior: f64) -> Result<(), MetricError> {
    // Written so that NaN fails too.
    if prior > 0.0 && prior < 1.0 { Ok(()) } else { Err(MetricError::Prior(prior.to_string())) }
}

/// One distinct score, with the number of scores at or above it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankStep {
    /// Lowest score that is accepted.
    pub threshold: f32,
    /// Positives with a score ≥ `threshold`.
    pub positives: usize,
    /// Others with a score ≥ `threshold`.
    pub others: usize,
}

/// A point of a ROC or precision–recall curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// ROC: share of the others accepted. Precision–recall: recall.
    pub x: f64,
    /// ROC: recall. Precision–recall: precision.
    pub y: f64,
}

/// Positives and the patches they are compared with, ranked from the highest score down. Equal scores form one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    steps: Vec<RankStep>,
    positives: usize,
    others: usize,
}

impl Ranking {
    /// Ranks both slices in O(n log n). `other` holds unlabeled or negative scores.
    ///
    /// # Errors
    /// When a slice is empty or holds a score that is no finite number.
    pub fn new(positive: &[f32], other: &[f32]) -> Result<Self, MetricError> {
        check_count(positive, "positive", 1)?;
        check_count(other, "comparison", 1)?;
        check_finite(positive, "positive")?;
        check_finite(other, "comparison")?;
        let mut all: Vec<(f32, bool)> =
            positive.iter().map(|&s| (s, true)).chain(other.iter().map(|&s| (s, false))).collect();
        // Adding 0.0 turns −0 into +0: the two are equal scores, but not equal under `total_cmp`.
        all.sort_unstable_by(|a, b| (b.0 + 0.0).total_cmp(&(a.0 + 0.0)));
        let mut steps: Vec<RankStep> = Vec::new();
        let (mut positives, mut others) = (0, 0);
        for (score, is_positive) in all {
            if is_positive {
                positives += 1;
            } else {
                others += 1;
            }
            match steps.last_mut() {
                Some(last) if last.threshold == score => {
                    last.positives = positives;
                    last.others = others;
                }
                _ => steps.push(RankStep { threshold: score, positives, others }),
            }
        }
        Ok(Self { steps, positives, others })
    }

    /// The distinct scores, from the highest to the lowest.
    pub fn steps(&self) -> &[RankStep] {
        &self.steps
    }

    /// Number of positives.
    pub fn positives(&self) -> usize {
        self.positives
    }

    /// Number of others.
    pub fn others(&self) -> usize {
        self.others
    }

    /// The counts of each step: (positives in it, others in it, positives above, others above).
    fn groups(&self) -> impl Iterator<Item = (f64, f64, f64, f64)> + '_ {
        let mut above = (0, 0);
        self.steps.iter().map(move |step| {
            let group = (
                (step.positives - above.0) as f64,
                (step.others - above.1) as f64,
                above.0 as f64,
                above.1 as f64,
            );
            above = (step.positives, step.others);
            group
        })
    }

    /// Area under the ROC curve: the probability that a random positive scores above a random other. Ties count one
    /// half (Mann–Whitney).
    pub fn auc(&self) -> f64 {
        let wins: f64 = self.groups().map(|(p, o, p_above, _)| o * (p_above + 0.5 * p)).sum();
        wins / (self.positives as f64 * self.others as f64)
    }

    /// Standard error of [`Self::auc`] by the placement values of DeLong et al. (1988). For the margin between two runs,
    /// of which only AUC and counts are kept, see `report/margin.rs`.
    ///
    /// # Errors
    /// When one side has fewer than two scores.
    pub fn auc_standard_error(&self) -> Result<f64, MetricError> {
        for (class, have) in [("positive", self.positives), ("comparison", self.others)] {
            if have < 2 {
                return Err(MetricError::TooFew { class, have, need: 2 });
            }
        }
        let auc = self.auc();
        let (m, n) = (self.positives as f64, self.others as f64);
        let (mut spread_positive, mut spread_other) = (0.0, 0.0);
        for (p, o, p_above, o_above) in self.groups() {
            // Share of the others below a positive of this score, and share of the positives above an other of it.
            let beats = (n - o_above - 0.5 * o) / n;
            let beaten_by = (p_above + 0.5 * p) / m;
            spread_positive += p * (beats - auc).powi(2);
            spread_other += o * (beaten_by - auc).powi(2);
        }
        Ok((spread_positive / (m - 1.0) / m + spread_other / (n - 1.0) / n).sqrt())
    }

    /// Average precision: Σ (Rₖ − Rₖ₋₁)·Pₖ over the distinct scores from the top, without
    /// interpolation (the definition of scikit-learn).
    pub fn average_precision(&self) -> f64 {
        let total: f64 = self
            .groups()
            .map(|(p, o, p_above, o_above)| p * (p_above + p) / (p_above + p + o_above + o))
            .sum();
        total / self.positives as f64
    }

    /// ROC curve from (0, 0) to (1, 1), with one point for each distinct score.
    pub fn roc(&self) -> Vec<CurvePoint> {
        let (m, n) = (self.positives as f64, self.others as f64);
        std::iter::once(CurvePoint { x: 0.0, y: 0.0 })
            .chain(
                self.steps.iter().map(|s| CurvePoint { x: s.others as f64 / n, y: s.positives as f64 / m }),
            )
            .collect()
    }

    /// Precision over recall, with one point for each distinct score, from the highest score down. A first point
    /// repeats the first precision at recall 0, so that the curve starts at the axis.
    pub fn precision_recall(&self) -> Vec<CurvePoint> {
        let point = |s: &RankStep| CurvePoint {
            x: s.positives as f64 / self.positives as f64,
            y: s.positives as f64 / (s.positives + s.others) as f64,
        };
        let start = self.steps.first().map(|s| CurvePoint { x: 0.0, y: point(s).y });
        start.into_iter().chain(self.steps.iter().map(point)).collect()
    }
}

/// The highest AUC of positives against unlabeled: 1 − π/2. A share π of the unlabeled are particles themselves, and a
/// positive scores above such a particle half of the time.
///
/// # Errors
/// When `prior` does not lie between 0 and 1.
pub fn auc_ceiling(prior: f64) -> Result<f64, MetricError> {
    check_prior(prior)?;
    Ok(1.0 - prior / 2.0)
}

/// The AUC against unlabeled patches, corrected for the particles among them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CorrectedAuc {
    /// (AUC_PU − π/2)/(1 − π): the AUC against true negatives, if the positives are a random sample of the
    /// particles. At most 1, up to rounding.
    Value(f64),
    /// AUC_PU lies above its ceiling. The formula would give a number above 1, which means nothing, so there
    /// is none.
    AboveCeiling(AboveCeiling),
}

/// An AUC of positives against unlabeled above 1 − π/2. No ranking reaches that if the positives are a random
/// sample of the particles: π is too high, or the positives are easier to rank than the other particles.
/// `Display` is a clause that says so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AboveCeiling {
    /// The AUC as measured.
    pub auc: f64,
    /// 1 − π/2.
    pub ceiling: f64,
}

impl std::fmt::Display for AboveCeiling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { auc, ceiling } = self;
        write!(f, "the AUC against unlabeled, {auc:.3}, lies above its ceiling 1 − π/2 = {ceiling:.3}")
    }
}

impl CorrectedAuc {
    /// The corrected value, where there is one.
    pub const fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            Self::AboveCeiling(_) => None,
        }
    }
}

/// Corrects the AUC of positives against unlabeled for the particles among the unlabeled.
///
/// # Errors
/// When `prior` does not lie between 0 and 1.
pub fn corrected_auc(auc_pu: f64, prior: f64) -> Result<CorrectedAuc, MetricError> {
    let ceiling = auc_ceiling(prior)?;
    Ok(if auc_pu > ceiling {
        CorrectedAuc::AboveCeiling(AboveCeiling { auc: auc_pu, ceiling })
    } else {
        CorrectedAuc::Value((auc_pu - prior / 2.0) / (1.0 - prior))
    })
}

/// The AUC of [`Ranking::auc`] in one call.
///
/// # Errors
/// As [`Ranking::new`].
pub fn auc(positive: &[f32], other: &[f32]) -> Result<f64, MetricError> {
    Ok(Ranking::new(positive, other)?.auc())
}

/// Drops points of a curve that lie closer than 1/`resolution` to the last point kept. Both ends stay. A monotone
/// curve keeps about 2·`resolution` points at most.
pub fn thin(curve: &[CurvePoint], resolution: usize) -> Vec<CurvePoint> {
    let gap = 1.0 / resolution.max(1) as f64;
    let mut kept: Vec<CurvePoint> = Vec::new();
    for (i, point) in curve.iter().enumerate() {
        let far = kept.last().is_none_or(|k| (k.x - point.x).abs().max((k.y - point.y).abs()) >= gap);
        if far || i + 1 == curve.len() {
            kept.push(*point);
        }
    }
    kept
}
