//! The general model's ranking beside that of the network in training, and the evidence that decides between them.

use super::moments::mean_and_std;
use crate::learning::network::weights::NamedTensors;

/// The AUC of validation positives against validation unlabeled.
#[derive(Debug, Clone, Copy)]
pub(in crate::learning::train) struct Validated {
    /// The AUC.
    pub auc: f64,
    /// Its standard error.
    pub standard_error: f64,
}

impl Validated {
    /// Whether the AUC lies below 1 − π/2, as it does where positives are a random sample of the particles and the ranking
    /// is not perfect. Between this and [`Self::shows_clear_picks`] nobody can tell.
    pub fn shows_random_picks(&self, prior: f64) -> bool {
        self.auc < 1.0 - prior / 2.0
    }

    /// Whether the AUC lies more than a standard error above 1 − π/2. If positives were a random sample of the
    /// particles, no ranking could reach more: a share π of the unlabeled are particles too, and rank as high as the
    /// positives. So the picks are clearer than the other particles, and the network has learned that.
    pub fn shows_clear_picks(&self, prior: f64) -> bool {
        self.auc - self.standard_error > 1.0 - prior / 2.0
    }
}

/// The general model's ranking of the unlabeled patches of a run.
pub(in crate::learning::train) struct GeneralRanking {
    /// Logits, one for each unlabeled patch of the trainer.
    pub logits: Vec<f32>,
    /// AUC of positives against unlabeled patches.
    pub auc: f64,
    /// Weights of the general model.
    pub weights: NamedTensors,
    /// Share of the unlabeled to which it gives a score of 0.5 or more: an estimate of π that no label has shaped.
    pub prior: f64,
    /// Whether the labels tell the run's π ([`PriorUsed::is_told`](crate::learning::prior::PriorUsed::is_told)). Where they
    /// do not, no count of pseudo-labels is right, and no two counts agree by more than chance.
    pub prior_is_told: bool,
}

/// Ratios of the general model's count of particles to π at which the two counts agree.
const AGREEING_COUNTS: std::ops::RangeInclusive<f64> = 0.5..=1.2;

impl GeneralRanking {
    /// Whether the general model takes about as many of the unlabeled for particles as π says. Where it takes many more,
    /// contamination looks like particles to it. With a π that nobody knows nothing agrees.
    pub fn agrees_with(&self, prior: f64) -> bool {
        self.prior_is_told && AGREEING_COUNTS.contains(&(self.prior / prior))
    }

    /// The sum of both rankings on the scale of standard deviations, each weighted by the log odds of its AUC: the
    /// best combination of two scores that err independently, up to the form of their distributions. Without an AUC of
    /// the other ranking both count alike.
    pub fn combined(&self, scores: &[f32], auc: Option<f64>) -> Vec<f32> {
        let odds = |auc: f64| {
            let auc = auc.clamp(0.5, 0.9999);
            (auc / (1.0 - auc)).ln()
        };
        let (own, general) = auc.map_or((1.0, 1.0), |auc| (odds(auc), odds(self.auc)));
        let (a, b) = (Standard::of(scores), Standard::of(&self.logits));
        let sum = |(x, y): (&f32, &f32)| (own * a.place(*x) + general * b.place(*y)) as f32;
        scores.iter().zip(&self.logits).map(sum).collect()
    }
}

/// The scale of some scores: their mean and standard deviation, which is 1 where they do not spread.
struct Standard {
    mean: f64,
    std: f64,
}

impl Standard {
    fn of(scores: &[f32]) -> Self {
        let (mean, std) = mean_and_std(scores);
        Self { mean, std: if std > 0.0 { std } else { 1.0 } }
    }

    fn place(&self, score: f32) -> f64 {
        (f64::from(score) - self.mean) / self.std
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn general(logits: &[f32], auc: f64, prior: f64) -> GeneralRanking {
        GeneralRanking {
            logits: logits.to_vec(),
            auc,
            weights: NamedTensors::new(),
            prior,
            prior_is_told: true,
        }
    }

    #[test]
    fn picks_are_clear_where_the_auc_lies_above_its_ceiling_by_a_standard_error() {
        // π = 0.3: the ceiling is 0.85.
        let own = |auc| Validated { auc, standard_error: 0.02 };
        assert!(own(0.88).shows_clear_picks(0.3));
        assert!(!own(0.86).shows_clear_picks(0.3), "within a standard error");
        assert!(!own(0.88).shows_clear_picks(0.1), "few particles among the unlabeled allow a higher AUC");
        assert!(own(0.84).shows_random_picks(0.3) && !own(0.86).shows_random_picks(0.3));
    }

    #[test]
    fn the_counts_agree_up_to_a_fifth_too_many_and_half_too_few() {
        let agrees = |prior: f64| general(&[], 0.9, prior).agrees_with(0.4);
        assert!(agrees(0.2) && agrees(0.4) && agrees(0.47));
        assert!(!agrees(0.19) && !agrees(0.49));
        let untold = GeneralRanking { prior_is_told: false, ..general(&[], 0.9, 0.4) };
        assert!(!untold.agrees_with(0.4), "a chance");
    }

    #[test]
    fn the_better_ranking_counts_more() {
        let (own, other) = ([1.0, 0.0, -1.0], [-1.0, 0.0, 1.0]);
        let first = |own_auc, auc| {
            let sum = general(&other, auc, 0.3).combined(&own, own_auc);
            sum[0].total_cmp(&sum[2])
        };
        assert_eq!(first(Some(0.9), 0.7), std::cmp::Ordering::Greater);
        assert_eq!(first(Some(0.7), 0.9), std::cmp::Ordering::Less);
        let alike = general(&other, 0.9, 0.3).combined(&own, None);
        assert!(alike.iter().all(|v| v.abs() < 1e-6), "{alike:?}");
    }
}
