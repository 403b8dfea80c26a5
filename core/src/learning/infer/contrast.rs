//! Lower scores for patches and places of a micrograph that stand out less than picked particles do.
//!
//! A network whose patches all have standard deviation 1 cannot see how strong a patch is beside the rest of its
//! micrograph, so it takes some places of empty ice for particles. That strength is a second, independent piece of
//! evidence.

use serde::{Deserialize, Serialize};

/// Score from which on the general model is sure of a particle.
pub const SURE: f32 = 0.9;
/// Positives and unlabeled patches from which on the rule is fitted.
pub const MIN_POSITIVES: usize = 10;
/// As [`MIN_POSITIVES`], for the unlabeled.
const MIN_UNLABELED: usize = 50;
/// Minimum distance of the means of positives and unlabeled, in standard deviations: a medium effect by Cohen (1988).
const MIN_EFFECT: f64 = 0.5;
/// Below this standard deviation (1 % of the pixels' own) all places are alike.
const MIN_DEVIATION: f64 = 0.01;
/// Maximum distance of the means that counts, in standard deviations: what the tails of a normal distribution say beyond that,
/// nobody has measured.
const LARGEST_EFFECT: f64 = 1.5;
/// Only places below this share of the positives get lower scores: picks are often the clearest particles, and a place as
/// clear as most of them need not be clearer.
const FLOOR: f64 = 0.25;
/// How many times the evidence counts. Logits of a trained network spread more than their evidence does, so beside them it
/// would hardly count. Of 0.5 to 3 that were tried, all gained on micrographs.
const WEIGHT: f64 = 2.0;

/// How much of the rule counts for patches where picks look like a random sample. Their network has seen faint particles too, and
/// with all of the rule some rank too low.
pub const OF_RANDOM_PICKS: f64 = 0.25;

/// By how much scores of places of little contrast are lowered. The contrast of a place is
/// [`log_spread`](crate::imaging::spread::log_spread) less what is usual on its micrograph.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ContrastRule {
    /// The contrast below which logits are lowered.
    pub floor: f64,
    /// By how much, for each unit of contrast.
    pub slope: f64,
    /// How much of it counts for patches, from 0 to 1.
    #[serde(default = "all")]
    pub for_patches: f64,
}

const fn all() -> f64 {
    1.0
}

/// The contrast of a patch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PatchContrast {
    /// ln of the standard deviation of its inner part, less what is usual on its micrograph.
    pub contrast: f64,
    /// How far it is known what is usual there, from 0 to 1.
    pub certainty: f64,
}

/// What the contrast of the patches of a run tells.
#[derive(Debug, Clone, PartialEq)]
pub struct RunContrast {
    /// The contrast of each patch of the run, where it is known.
    pub patches: Vec<Option<PatchContrast>>,
    /// The rule by the labels; `None` where they are too few, or positives stand out hardly.
    pub rule: Option<ContrastRule>,
    /// Whether positives are too few to tell.
    pub has_few_positives: bool,
}

impl RunContrast {
    /// The rule of the run. Where the labels are too few it is that of `scores` p in [0, 1], which the general model gives
    /// some `patches` (by index).
    pub fn rule_or_by_scores(&self, patches: &[usize], scores: &[f32]) -> Option<ContrastRule> {
        if !self.has_few_positives {
            return self.rule;
        }
        let known: Vec<Option<PatchContrast>> =
            patches.iter().map(|&patch| self.patches.get(patch).copied().flatten()).collect();
        ContrastRule::fit_by_scores(&known, scores)
    }

    /// By how much all of a rule lowers the logit of each patch of the run.
    pub fn lowers(&self, rule: &ContrastRule) -> Vec<f32> {
        let rule = ContrastRule { for_patches: all(), ..*rule };
        self.patches.iter().map(|patch| rule.lowers_patch_by(*patch)).collect()
    }
}

/// Scores below this logit (a score of 0.0025) all mean "surely not"; contrast lowers no score further.
pub const FLOOR_LOGIT: f32 = -6.0;

/// A logit lowered by what a place or a patch lacks in contrast, not below [`FLOOR_LOGIT`].
pub fn lowered(logit: f32, by: f32) -> f32 {
    // `max` would hide that the logit is no number.
    if by > 0.0 && !logit.is_nan() { (logit - by).max(logit.min(FLOOR_LOGIT)) } else { logit }
}

impl ContrastRule {
    /// The rule by the contrast of positives and of unlabeled patches; `None` where they are too few, or hardly differ.
    ///
    /// With two normal distributions of one variance s², the log-likelihood ratio rises by (μ₁ − μ₀)/s² for each unit
    /// (Fisher's linear discriminant).
    pub fn fit(positive: &[f64], unlabeled: &[f64]) -> Option<Self> {
        if positive.len() < MIN_POSITIVES || unlabeled.len() < MIN_UNLABELED {
            return None;
        }
        let (mean, variance) = mean_and_variance(positive);
        let (usual, usual_variance) = mean_and_variance(unlabeled);
        let variance = 0.5 * (variance + usual_variance);
        let (apart, deviation) = (mean - usual, variance.sqrt());
        if deviation < MIN_DEVIATION || apart < MIN_EFFECT * deviation {
            return None;
        }
        let mut ascending = positive.to_vec();
        ascending.sort_by(f64::total_cmp);
        let floor = ascending[(FLOOR * (ascending.len() - 1) as f64).round() as usize];
        let slope = WEIGHT * (apart / deviation).min(LARGEST_EFFECT) / deviation;
        Some(Self { floor, slope, for_patches: all() })
    }

    /// The rule without labels, by `scores` p in [0, 1] of patches: those that the general model is sure of count as
    /// positives. `None` where they are too few, or hardly stand out.
    pub fn fit_by_scores(patches: &[Option<PatchContrast>], scores: &[f32]) -> Option<Self> {
        let known = || {
            patches.iter().zip(scores).filter_map(|(patch, score)| Some((patch.as_ref()?.contrast, *score)))
        };
        let sure: Vec<f64> =
            known().filter(|(_, score)| *score >= SURE).map(|(contrast, _)| contrast).collect();
        Self::fit(&sure, &known().map(|(contrast, _)| contrast).collect::<Vec<_>>())
    }

    /// By how much the logit of a patch is lowered; by nothing where its contrast is not known.
    pub fn lowers_patch_by(&self, patch: Option<PatchContrast>) -> f32 {
        let by = |patch: PatchContrast| self.for_patches * patch.certainty * self.lowers_by(patch.contrast);
        patch.map_or(0.0, |patch| by(patch) as f32)
    }

    /// By how much the logit of a place of this contrast is lowered; never below 0.
    pub fn lowers_by(&self, contrast: f64) -> f64 {
        self.slope * (self.floor - contrast).max(0.0)
    }
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Evenly spread around a mean, with standard deviation 0.1.
    fn around(mean: f64, count: usize) -> Vec<f64> {
        let half = 0.1 * 3.0f64.sqrt();
        (0..count).map(|i| mean + half * (2.0 * (i as f64 + 0.5) / count as f64 - 1.0)).collect()
    }

    #[test]
    fn places_below_most_positives_are_lowered() {
        let rule = ContrastRule::fit(&around(0.2, 40), &around(0.0, 400)).unwrap();
        // 1.5 standard deviations of 0.1, twice; a quarter of the positives lies below 0.2 − 0.0866.
        assert!((rule.slope - 30.0).abs() < 0.1, "{rule:?}");
        assert!((rule.floor - 0.1134).abs() < 0.01, "{rule:?}");
        assert_eq!(rule.lowers_by(0.3), 0.0);
        assert_eq!(rule.lowers_by(rule.floor), 0.0);
        assert!((rule.lowers_by(rule.floor - 0.1) - 3.0).abs() < 0.1);
        // One standard deviation apart: 0.1/0.1² twice.
        let nearer = ContrastRule::fit(&around(0.1, 40), &around(0.0, 400)).unwrap();
        assert!((nearer.slope - 20.0).abs() < 0.1, "{nearer:?}");
    }

    #[test]
    fn a_part_of_the_rule_counts_for_patches() {
        let rule = ContrastRule { floor: 0.2, slope: 8.0, for_patches: 0.25 };
        let patch = Some(PatchContrast { contrast: 0.1, certainty: 0.5 });
        assert!((rule.lowers_patch_by(patch) - 0.1).abs() < 1e-6);
        assert!((rule.lowers_by(0.1) - 0.8).abs() < 1e-6, "places");
        let all = RunContrast { patches: vec![patch], rule: None, has_few_positives: false }.lowers(&rule);
        assert!((all[0] - 0.4).abs() < 1e-6, "{all:?}");
        // As runs from before wrote it.
        let before: ContrastRule = serde_json::from_str(r#"{"floor":0.2,"slope":8.0}"#).unwrap();
        assert_eq!(before.for_patches, 1.0);
    }

    #[test]
    fn without_evidence_there_is_no_rule() {
        assert_eq!(ContrastRule::fit(&around(0.04, 40), &around(0.0, 400)), None, "hardly apart");
        assert_eq!(ContrastRule::fit(&around(-0.3, 40), &around(0.0, 400)), None, "picks of less contrast");
        assert_eq!(ContrastRule::fit(&around(0.2, 9), &around(0.0, 400)), None, "few positives");
        assert_eq!(ContrastRule::fit(&around(0.2, 40), &around(0.0, 49)), None, "few unlabeled");
        assert_eq!(ContrastRule::fit(&[0.2; 40], &[0.0; 400]), None, "no spread to measure by");
    }
}
