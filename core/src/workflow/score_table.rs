//! The scores of a run, and what a threshold on them accepts: counts, known recall, expected precision and recall, and
//! the threshold that serves a goal best.

use std::sync::Arc;

use crate::label::{Label, LabelCounts};
use crate::learning::eval::bins::histogram;
use crate::learning::prior::PriorUsed;
use crate::learning::prior::binormal::{BinormalPrior, Mixtures, binormal_mixtures};
use crate::learning::prior::promise::{Promise, Reached, promise, promise_by_sample};
use crate::project::PatchId;
use crate::report::{PriorSummary, RunSummary, ScoreSamples};
use crate::review::checked;

/// Bins of a score histogram.
pub const BINS: usize = 50;

/// The scores of a run, sorted so that a threshold can be moved at no cost.
#[derive(Debug, Clone)]
pub struct ScoreTable {
    /// Score of each patch of the project, NaN where it has none.
    pub(super) by_patch: Arc<Vec<f32>>,
    /// Every scored patch, lowest score first.
    sorted: Vec<(f32, PatchId)>,
    /// Scores by label (positive, negative, unlabeled), lowest first.
    by_label: [Vec<f32>; 3],
    /// Counts in [`BINS`] bins on [0, 1] of the validation side: positive, negative, unlabeled.
    pub validation: [Vec<usize>; 3],
    /// The same of all patches; those the run learned from are among them.
    pub all: [Vec<usize>; 3],
    /// Scores of the validation side, lowest first: positives and unlabeled.
    judged: [Vec<f32>; 2],
    /// By what thresholds are judged.
    evidence: Evidence,
}

/// By what it is judged what a threshold accepts.
#[derive(Debug, Clone)]
pub enum Evidence {
    /// The validation side, and the random sample if there is one.
    Mixtures(Mixtures),
    /// The random sample alone: score of each judged patch, and whether it is a particle. The scores do not tell π.
    Sample(Vec<(f32, bool)>),
    /// Nothing: the scores do not tell π, and there is no random sample. The range in which π lies.
    Untold(f64, f64),
    /// Nothing: there are too few validation patches.
    TooFew,
}

impl Evidence {
    fn new(
        samples: &ScoreSamples,
        prior: Option<PriorSummary>,
        judged: &[(PatchId, bool)],
        scores: &[f32],
    ) -> Self {
        let sample: Vec<(f32, bool)> = judged
            .iter()
            .filter_map(|&(patch, particle)| Some((scores.get(patch as usize).copied()?, particle)))
            .filter(|(score, _)| score.is_finite())
            .collect();
        let used = prior.map(|prior| match prior.interval {
            Some((low, high)) => PriorUsed { value: prior.value, low, high, estimated: true },
            None => PriorUsed::given(prior.value),
        });
        let Ok(mixtures) = binormal_mixtures(&samples.positive, &samples.unlabeled, checked(judged)) else {
            return if sample.is_empty() { Self::TooFew } else { Self::Sample(sample) };
        };
        // Training and validation side are different patches: two estimates that must not contradict each other.
        let BinormalPrior { low, high, .. } = mixtures.prior;
        match used.filter(|used| used.estimated) {
            Some(used) if !used.is_told() || used.low > high || used.high < low => {
                if sample.is_empty() {
                    Self::Untold(used.low.min(low), used.high.max(high))
                } else {
                    Self::Sample(sample)
                }
            }
            _ => Self::Mixtures(mixtures),
        }
    }
}

/// What a threshold is to be good for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// The highest expected F1.
    Balance,
    /// The lowest threshold with at least this expected precision.
    Precision(f64),
    /// The highest threshold with at least this expected recall.
    Recall(f64),
    /// So many unlabeled patches of the project.
    Number(usize),
}

/// What a threshold does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AtThreshold {
    /// Patches of the whole project with a score at or above it.
    pub accepted: LabelCounts,
    /// Patches of the whole project below it.
    pub rejected: LabelCounts,
    /// Share of the validation positives with a score at or above it; `None` where there are none.
    pub known_recall: Option<f64>,
    /// Share of the validation unlabeled with a score at or above it; `None` where there are none.
    pub unlabeled_rate: Option<f64>,
    /// What to expect among the unlabeled of the project.
    pub promise: Option<Promise>,
}

/// The order of the three labels in arrays of this module.
pub const LABELS: [Label; 3] = [Label::Positive, Label::Negative, Label::Unlabeled];

impl ScoreTable {
    pub(super) fn new(
        labels: &[Label],
        scores: Vec<f32>,
        summary: &RunSummary,
        judged: &[(PatchId, bool)],
    ) -> Self {
        let mut sorted: Vec<(f32, PatchId)> =
            scores.iter().copied().zip(0..).filter(|(score, _)| score.is_finite()).collect();
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let label_of = |patch: PatchId| labels.get(patch as usize).copied().unwrap_or(Label::Unlabeled);
        let by_label = LABELS
            .map(|l| sorted.iter().filter(|(_, p)| label_of(*p) == l).map(|(s, _)| *s).collect::<Vec<_>>());
        let of = &summary.scores;
        Self {
            validation: [&of.positive, &of.negative, &of.unlabeled].map(|s| histogram(s, BINS)),
            all: [0, 1, 2].map(|i| histogram(&by_label[i], BINS)),
            judged: [&of.positive, &of.unlabeled].map(|scores| {
                let mut sorted = scores.clone();
                sorted.sort_unstable_by(f32::total_cmp);
                sorted
            }),
            evidence: Evidence::new(of, summary.prior, judged, &scores),
            by_patch: Arc::new(scores),
            sorted,
            by_label,
        }
    }

    /// The run with the scores of all patches of the project instead of those of its validation side, for
    /// histograms of all.
    pub fn summary_of_all(&self, run: &RunSummary) -> RunSummary {
        let [positive, negative, unlabeled] = self.by_label.clone();
        RunSummary { scores: ScoreSamples { positive, unlabeled, negative }, ..run.clone() }
    }

    /// Score of a patch.
    pub fn score(&self, patch: PatchId) -> Option<f32> {
        self.by_patch.get(patch as usize).copied().filter(|score| score.is_finite())
    }

    /// What is accepted from `threshold` on, and what to expect of it.
    pub fn at(&self, threshold: f64) -> AtThreshold {
        let mut accepted = LabelCounts::default();
        let mut rejected = LabelCounts::default();
        for (label, scores) in LABELS.into_iter().zip(&self.by_label) {
            let below = scores.partition_point(|s| f64::from(*s) < threshold);
            *rejected.get_mut(label) = below as u64;
            *accepted.get_mut(label) = (scores.len() - below) as u64;
        }
        let [picks, others] = self.judged.each_ref().map(|scores| reached(scores, threshold));
        let share = |reached: Reached| (reached.of > 0).then(|| reached.above as f64 / reached.of as f64);
        AtThreshold {
            accepted,
            rejected,
            known_recall: share(picks),
            unlabeled_rate: share(others),
            promise: self.promise(threshold),
        }
    }

    /// What to expect of a threshold among the unlabeled that the run was not trained on.
    pub fn promise(&self, threshold: f64) -> Option<Promise> {
        let [picks, unlabeled] = self.judged.each_ref().map(|scores| reached(scores, threshold));
        match &self.evidence {
            Evidence::Mixtures(mixtures) => promise(mixtures, picks, unlabeled),
            Evidence::Sample(sample) => promise_by_sample(sample, threshold),
            Evidence::Untold(..) | Evidence::TooFew => None,
        }
    }

    /// By what thresholds are judged.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The threshold that serves a goal best; `None` where that cannot be told or no threshold does.
    pub fn threshold_for(&self, goal: Goal) -> Option<f64> {
        if let Goal::Number(wanted) = goal {
            let unlabeled = &self.by_label[2];
            return unlabeled.get(unlabeled.len().checked_sub(wanted)?).map(|&score| f64::from(score));
        }
        let mut scores: Vec<f32> = self.judged.concat();
        scores.sort_unstable_by(f32::total_cmp);
        scores.dedup();
        // A promise takes a millisecond.
        let step = scores.len().div_ceil(MAX_TRIED).max(1);
        let tried = scores.into_iter().step_by(step).map(f64::from);
        let expected = tried.filter_map(|threshold| {
            let promise = self.promise(threshold)?;
            Some((threshold, promise.precision?.value, promise.recall.value))
        });
        let found = match goal {
            Goal::Balance => {
                let f1 = |(_, precision, recall): &(f64, f64, f64)| {
                    2.0 * precision * recall / (precision + recall)
                };
                expected.max_by(|a, b| f1(a).total_cmp(&f1(b)))
            }
            Goal::Precision(wanted) => expected.into_iter().find(|(_, precision, _)| *precision >= wanted),
            Goal::Recall(wanted) => expected.rev().find(|(.., recall)| *recall >= wanted),
            Goal::Number(_) => None,
        };
        found.map(|(threshold, ..)| threshold)
    }

    /// The patches nearest to a threshold: those just above (nearest first) and those just below.
    pub fn around(&self, threshold: f64, each: usize) -> (Vec<PatchId>, Vec<PatchId>) {
        let at = self.sorted.partition_point(|(score, _)| f64::from(*score) < threshold);
        let ids = |part: &[(f32, PatchId)]| part.iter().map(|(_, id)| *id).collect::<Vec<_>>();
        let above = ids(&self.sorted[at..self.sorted.len().min(at + each)]);
        let mut below = ids(&self.sorted[at.saturating_sub(each)..at]);
        below.reverse();
        (above, below)
    }
}

/// Thresholds tried for a goal, at most.
const MAX_TRIED: usize = 100;

/// How many of some sorted scores reach a threshold. It is rounded to f32 like the scores, so that a typed 0.9 accepts
/// a score that prints as 0.9.
fn reached(sorted: &[f32], threshold: f64) -> Reached {
    let below = sorted.partition_point(|score| *score < threshold as f32);
    Reached { above: (sorted.len() - below) as u64, of: sorted.len() as u64 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn table() -> ScoreTable {
        use Label::{Negative as N, Positive as P, Unlabeled as U};
        let labels = [P, P, U, U, U, U, N, U];
        let scores = vec![0.9, 0.6, 0.8, 0.5, 0.2, 0.1, 0.3, f32::NAN];
        let mut summary =
            RunSummary { prior: Some(PriorSummary { value: 0.5, interval: None }), ..RunSummary::default() };
        summary.scores.positive = vec![0.9, 0.6];
        summary.scores.unlabeled = vec![0.8, 0.5, 0.2, 0.1];
        ScoreTable::new(&labels, scores, &summary, &[])
    }

    /// A run with 40 validation positives and 200 validation unlabeled, 60 of them particles.
    fn judged_table(interval: Option<(f64, f64)>, judged: &[(PatchId, bool)]) -> ScoreTable {
        let mut summary =
            RunSummary { prior: Some(PriorSummary { value: 0.3, interval }), ..RunSummary::default() };
        let spread = |number: usize, low: f32, high: f32| -> Vec<f32> {
            (0..number).map(|i| low + (high - low) * i as f32 / number as f32).collect()
        };
        summary.scores.positive = spread(40, 0.5, 1.0);
        summary.scores.unlabeled = [spread(60, 0.5, 1.0), spread(140, 0.0, 0.5)].concat();
        let scores = summary.scores.unlabeled.clone();
        ScoreTable::new(&[Label::Unlabeled; 200], scores, &summary, judged)
    }

    #[test]
    fn what_is_not_told_is_not_promised_until_a_random_sample_tells_it() {
        let told = judged_table(Some((0.25, 0.4)), &[]);
        assert!(matches!(told.evidence(), Evidence::Mixtures(_)));
        let promise = told.promise(0.5).unwrap();
        assert!(promise.precision.unwrap().low > 0.5 && promise.recall.value > 0.6, "{promise:?}");
        // A wide interval, and one that the validation side contradicts.
        for interval in [(0.02, 0.86), (0.9, 0.95)] {
            let untold = judged_table(Some(interval), &[]);
            assert!(matches!(untold.evidence(), Evidence::Untold(..)), "{interval:?}");
            assert_eq!(untold.promise(0.5), None);
            assert_eq!(untold.threshold_for(Goal::Balance), None);
            let judged: Vec<(PatchId, bool)> = (0..200).step_by(5).map(|patch| (patch, patch < 60)).collect();
            let sampled = judged_table(Some(interval), &judged);
            let precision = sampled.promise(0.5).unwrap().precision.unwrap();
            assert!(precision.low > 0.7 && precision.value > 0.9, "{precision:?}");
        }
        assert!(matches!(table().evidence(), Evidence::TooFew));
    }

    #[test]
    fn a_threshold_for_a_goal_reaches_it() {
        let table = judged_table(Some((0.25, 0.4)), &[]);
        let at = |goal| table.threshold_for(goal).unwrap();
        assert!((at(Goal::Balance) - 0.5).abs() < 0.1);
        let precise = at(Goal::Precision(0.8));
        assert!(table.promise(precise).unwrap().precision.unwrap().value >= 0.8);
        assert!(table.promise(at(Goal::Recall(0.8))).unwrap().recall.value >= 0.8);
        assert!(at(Goal::Recall(0.8)) > at(Goal::Recall(0.95)));
        let number = at(Goal::Number(10));
        assert_eq!(table.at(number).accepted.unlabeled, 10);
        assert_eq!(table.threshold_for(Goal::Number(1000)), None);
    }

    #[test]
    fn a_threshold_counts_and_expects() {
        let table = table();
        let at = table.at(0.5);
        assert_eq!(at.accepted, LabelCounts { positive: 2, unlabeled: 2, negative: 0 });
        assert_eq!(at.rejected, LabelCounts { positive: 0, unlabeled: 2, negative: 1 });
        assert_eq!((at.known_recall, at.unlabeled_rate), (Some(1.0), Some(0.5)));
        assert_eq!(table.around(0.5, 2), (vec![3, 1], vec![6, 4]));
        assert_eq!(table.around(2.0, 9).0, Vec::<PatchId>::new());
        assert_eq!(table.at(f64::NEG_INFINITY).rejected.total(), 0);
        assert_eq!(table.validation.each_ref().map(|h| h.iter().sum::<usize>()), [2, 0, 4]);
        assert_eq!(table.all.each_ref().map(|h| h.iter().sum::<usize>()), [2, 1, 4]);
        // What is saved of all patches is what is drawn of them.
        let saved = table.summary_of_all(&RunSummary::default()).scores;
        let saved = [&saved.positive, &saved.negative, &saved.unlabeled].map(|s| histogram(s, BINS));
        assert_eq!(saved, table.all);
    }
}
