//! How well scores rank particles above everything else, measured from plain slices.
//!
//! Two comparisons exist and are never mixed up: positives against **known negatives** (an ordinary
//! AUC) and positives against **unlabeled** patches. The second contains particles on both sides,
//! so even a perfect ranking reaches only 1 − π/2; [`corrected_auc`] takes that back when the
//! positives are a random sample of the particles. Command line, window and report all show the
//! numbers computed here.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Why a number could not be measured; `Display` is a sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// A class has too few scores.
    #[error("there are {have} {class} scores where at least {need} are needed")]
    TooFew {
        /// "positive", "unlabeled", "negative" or "comparison".
        class: &'static str,
        /// How many there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// A score is NaN or infinite.
    #[error("{class} score number {index} is {value}, not a finite number")]
    NotFinite {
        /// Which of the slices holds it.
        class: &'static str,
        /// Position in the slice, counted from 0.
        index: usize,
        /// The value in words: "NaN", "inf".
        value: String,
    },
    /// A class prior outside the open interval (0, 1).
    #[error("the class prior is {0}, which does not lie between 0 and 1")]
    Prior(String),
}

impl From<MetricError> for Error {
    fn from(cause: MetricError) -> Self {
        let mend = match cause {
            MetricError::TooFew { .. } => "label more patches, or give that class more room in the split",
            MetricError::NotFinite { .. } => "the model has diverged; score with an earlier checkpoint",
            MetricError::Prior(_) => "write `prior: estimate`, or a number between 0 and 1",
        };
        Self::request(cause.to_string(), mend)
    }
}

/// Fails when one of `scores` is no finite number.
///
/// # Errors
/// [`MetricError::NotFinite`] with the first such position.
pub fn check_finite(scores: &[f32], class: &'static str) -> Result<(), MetricError> {
    match scores.iter().position(|s| !s.is_finite()) {
        Some(index) => Err(MetricError::NotFinite { class, index, value: scores[index].to_string() }),
        None => Ok(()),
    }
}

/// Fails when there are fewer than `need` scores.
///
/// # Errors
/// [`MetricError::TooFew`].
pub fn check_count(scores: &[f32], class: &'static str, need: usize) -> Result<(), MetricError> {
    if scores.len() < need {
        return Err(MetricError::TooFew { class, have: scores.len(), need });
    }
    Ok(())
}

/// Fails when `prior` is not strictly between 0 and 1.
fn check_prior(prior: f64) -> Result<(), MetricError> {
    // Written so that NaN fails too.
    if prior > 0.0 && prior < 1.0 { Ok(()) } else { Err(MetricError::Prior(prior.to_string())) }
}

/// One distinct score with the counts at or above it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The score.
    pub threshold: f32,
    /// Positives with a score ≥ `threshold`.
    pub positives: usize,
    /// Others with a score ≥ `threshold`.
    pub others: usize,
}

/// A point of a ROC or precision–recall curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// ROC: share of the others accepted. PR: recall.
    pub x: f64,
    /// ROC: recall. PR: precision.
    pub y: f64,
}

/// Positives and the patches they are compared with, ranked by score from the top; equal scores
/// form one step. Everything threshold-free is read off it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    steps: Vec<Step>,
    positives: usize,
    others: usize,
}

impl Ranking {
    /// Sorts both slices, O(n log n). `other` holds unlabeled or negative scores.
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
        // Adding 0.0 turns −0 into +0, which are equal scores but not equal under `total_cmp`.
        all.sort_unstable_by(|a, b| (b.0 + 0.0).total_cmp(&(a.0 + 0.0)));
        let mut steps: Vec<Step> = Vec::new();
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
                _ => steps.push(Step { threshold: score, positives, others }),
            }
        }
        Ok(Self { steps, positives, others })
    }

    /// The distinct scores from the highest to the lowest.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many positives were ranked.
    pub fn positives(&self) -> usize {
        self.positives
    }

    /// How many others were ranked.
    pub fn others(&self) -> usize {
        self.others
    }

    /// Each step with its own counts: (positives here, others here, positives above, others above).
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

    /// Area under the ROC curve: the chance that a random positive scores above a random other,
    /// ties counting one half (Mann–Whitney).
    pub fn auc(&self) -> f64 {
        let wins: f64 = self.groups().map(|(p, o, p_above, _)| o * (p_above + 0.5 * p)).sum();
        wins / (self.positives as f64 * self.others as f64)
    }

    /// Standard error of [`Self::auc`] by the placement values of DeLong et al. (1988).
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
            // Share of the others that a positive of this score beats, and the reverse view.
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

    /// ROC curve from (0, 0) to (1, 1), one point per distinct score.
    pub fn roc(&self) -> Vec<CurvePoint> {
        let (m, n) = (self.positives as f64, self.others as f64);
        std::iter::once(CurvePoint { x: 0.0, y: 0.0 })
            .chain(
                self.steps.iter().map(|s| CurvePoint { x: s.others as f64 / n, y: s.positives as f64 / m }),
            )
            .collect()
    }

    /// Precision over recall, one point per distinct score, from the highest score down. The first
    /// point repeats the first precision at recall 0, so that the curve starts at the axis.
    pub fn precision_recall(&self) -> Vec<CurvePoint> {
        let point = |s: &Step| CurvePoint {
            x: s.positives as f64 / self.positives as f64,
            y: s.positives as f64 / (s.positives + s.others) as f64,
        };
        let start = self.steps.first().map(|s| CurvePoint { x: 0.0, y: point(s).y });
        start.into_iter().chain(self.steps.iter().map(point)).collect()
    }

    /// The counts at or above `threshold`, which is rounded to `f32` as the scores are: a typed 0.9
    /// accepts a score that prints as 0.9.
    fn at(&self, threshold: f64) -> (usize, usize) {
        let threshold = threshold as f32;
        let below = self.steps.partition_point(|s| s.threshold >= threshold);
        match below.checked_sub(1).and_then(|i| self.steps.get(i)) {
            Some(step) => (step.positives, step.others),
            None => (0, 0),
        }
    }

    /// Share of the positives with a score ≥ `threshold`.
    pub fn recall_at(&self, threshold: f64) -> f64 {
        self.at(threshold).0 as f64 / self.positives as f64
    }

    /// Share of the others with a score ≥ `threshold`.
    pub fn other_rate_at(&self, threshold: f64) -> f64 {
        self.at(threshold).1 as f64 / self.others as f64
    }

    /// What to expect at `threshold` when the others are unlabeled and `prior` of them are particles.
    ///
    /// # Errors
    /// When `prior` does not lie between 0 and 1.
    pub fn expect_at(&self, threshold: f64, prior: f64) -> Result<ThresholdRow, MetricError> {
        check_prior(prior)?;
        let accepted = self.at(threshold).1;
        let recall = self.recall_at(threshold);
        let unlabeled_rate = self.other_rate_at(threshold);
        let expected_particles = (prior * recall * self.others as f64).min(accepted as f64);
        let criterion = pu_criterion(recall, unlabeled_rate, prior);
        Ok(ThresholdRow {
            threshold,
            recall,
            unlabeled_rate,
            accepted,
            expected_particles,
            expected_others: accepted as f64 - expected_particles,
            expected_precision: (accepted > 0).then(|| expected_particles / accepted as f64),
            criterion,
            expected_accuracy: (criterion - prior).clamp(0.0, 1.0),
        })
    }

    /// The threshold with the highest [`pu_criterion`]; among equals the highest threshold.
    ///
    /// # Errors
    /// When `prior` does not lie between 0 and 1.
    pub fn best_threshold(&self, prior: f64) -> Result<ThresholdRow, MetricError> {
        check_prior(prior)?;
        let mut best = (f64::NEG_INFINITY, 0.0);
        for step in &self.steps {
            let value = pu_criterion(
                step.positives as f64 / self.positives as f64,
                step.others as f64 / self.others as f64,
                prior,
            );
            if value > best.0 {
                best = (value, f64::from(step.threshold));
            }
        }
        self.expect_at(best.1, prior)
    }
}

/// What a threshold does to the unlabeled patches, judged from positives, unlabeled and π.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ThresholdRow {
    /// Patches with a score at or above it are accepted.
    pub threshold: f64,
    /// Share of the known positives accepted.
    pub recall: f64,
    /// Share of the unlabeled accepted.
    pub unlabeled_rate: f64,
    /// How many unlabeled are accepted.
    pub accepted: usize,
    /// How many of them are expected to be particles: π · recall · all unlabeled, at most `accepted`.
    pub expected_particles: f64,
    /// The other accepted ones.
    pub expected_others: f64,
    /// π · recall / (share accepted); `None` where nothing is accepted.
    pub expected_precision: Option<f64>,
    /// [`pu_criterion`].
    pub criterion: f64,
    /// Expected accuracy on the unlabeled: the criterion − π.
    pub expected_accuracy: f64,
}

/// 2π·recall + (1 − share of the unlabeled accepted): a model-selection criterion that needs no
/// negatives. It is the expected accuracy on the unlabeled plus the constant π, because
/// P(correct) = π·TPR + P(rejected) − π·(1 − TPR).
pub fn pu_criterion(recall: f64, unlabeled_rate: f64, prior: f64) -> f64 {
    2.0 * prior * recall + (1.0 - unlabeled_rate)
}

/// The highest AUC that positives against unlabeled can reach: 1 − π/2, since a share π of the
/// unlabeled are particles themselves and those are beaten half of the time.
///
/// # Errors
/// When `prior` does not lie between 0 and 1.
pub fn auc_ceiling(prior: f64) -> Result<f64, MetricError> {
    check_prior(prior)?;
    Ok(1.0 - prior / 2.0)
}

/// (AUC_PU − π/2)/(1 − π): the AUC against true negatives, if the positives are a random sample of
/// the particles. Not clipped: a value above 1 says that `prior` is too high or that the positives
/// are easier than the other particles.
///
/// # Errors
/// When `prior` does not lie between 0 and 1.
pub fn corrected_auc(auc_pu: f64, prior: f64) -> Result<f64, MetricError> {
    check_prior(prior)?;
    Ok((auc_pu - prior / 2.0) / (1.0 - prior))
}

/// The AUC of [`Ranking::auc`] in one call.
///
/// # Errors
/// As [`Ranking::new`].
pub fn auc(positive: &[f32], other: &[f32]) -> Result<f64, MetricError> {
    Ok(Ranking::new(positive, other)?.auc())
}

/// The average precision of [`Ranking::average_precision`] in one call.
///
/// # Errors
/// As [`Ranking::new`].
pub fn average_precision(positive: &[f32], other: &[f32]) -> Result<f64, MetricError> {
    Ok(Ranking::new(positive, other)?.average_precision())
}

/// Drops points of a curve that lie closer than 1/`resolution` to the last kept one; both ends
/// stay. A monotone curve keeps at most about 2·`resolution` points.
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

/// One bin of scores.
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

/// Whether p can be taken at its word: bins of p with the share of particles in each, and the
/// expected calibration error Σ wₖ·|shareₖ − mean pₖ|. Needs known negatives. `prior` is the share
/// of particles in the population the scores are for; without it the sample is taken as it is.
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

/// The bin of a score on [0, 1]; scores outside count in the outer bins.
fn bin_of(score: f32, bins: usize) -> usize {
    // `as` saturates: negative scores give 0.
    ((f64::from(score) * bins as f64) as usize).min(bins - 1)
}

/// How many scores fall into each of `bins` equal bins on [0, 1]; values outside count in the outer
/// bins, values that are no finite number nowhere.
pub fn histogram(scores: &[f32], bins: usize) -> Vec<usize> {
    let bins = bins.clamp(1, 1000);
    let mut counts = vec![0; bins];
    for &score in scores.iter().filter(|s| s.is_finite()) {
        counts[bin_of(score, bins)] += 1;
    }
    counts
}
