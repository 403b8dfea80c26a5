//! Self-training at both ends of the ranking of the unlabeled, and the trial it has to pass.
//!
//! Self-training believes its own ranking. Where picks are not a random sample of particles it finds the
//! particles nobody picks; where something else scores as high as particles it talks itself into them,
//! and the model gets worse every epoch. Which of the two it is shows on patches held out: so it starts
//! as a trial, and is given up when the validation AUC falls ([`Trial`]).

use serde::{Deserialize, Serialize};

/// What an unlabeled patch counts as in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PseudoTarget {
    /// Among the highest scores.
    Positive,
    /// Among the lowest scores.
    Negative,
    /// In the band between, or not unlabeled at all.
    LeftOut,
}

/// Ranks scores and takes the top `positive_share`·π as positive, the lowest
/// 1 − `negative_margin`·π as negative. Ties are broken by position, so the outcome is repeatable.
pub fn both_ends(scores: &[f32], prior: f64, positive_share: f64, negative_margin: f64) -> Vec<PseudoTarget> {
    let count = scores.len();
    let top = ((count as f64 * prior * positive_share).round() as usize).min(count);
    let kept_from_bottom = (1.0 - negative_margin * prior).clamp(0.0, 1.0);
    let bottom = ((count as f64 * kept_from_bottom).round() as usize).min(count - top);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let mut targets = vec![PseudoTarget::LeftOut; count];
    for &i in &order[..top] {
        targets[i] = PseudoTarget::Positive;
    }
    for &i in &order[count - bottom..] {
        targets[i] = PseudoTarget::Negative;
    }
    targets
}

/// Epochs on either side that a trial compares.
const TRIAL_EPOCHS: usize = 3;

/// Where a run stands with its self-training. Part of the checkpoint.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Trial {
    /// Validation AUC of the last epochs before self-training.
    before: Vec<f64>,
    /// Validation AUC of the first epochs with it.
    after: Vec<f64>,
    /// Settled: true when self-training stays on, false when it was given up.
    kept: Option<bool>,
}

/// What an epoch's validation says about a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Nothing to decide.
    Undecided,
    /// Self-training stays: mean validation AUC before and after.
    Kept(f64, f64),
    /// Back to the weights from before it: mean validation AUC before and after.
    GivenUp(f64, f64),
}

impl Trial {
    /// Whether self-training was tried and given up.
    pub fn given_up(&self) -> bool {
        self.kept == Some(false)
    }

    /// Epochs that were lost to a trial that failed; the run is given them back.
    pub fn lost_epochs(&self) -> usize {
        if self.given_up() { TRIAL_EPOCHS } else { 0 }
    }

    /// Whether the next epoch would be the first with self-training, so that the weights have to be kept.
    pub fn about_to_start(&self) -> bool {
        self.kept.is_none() && self.after.is_empty()
    }

    /// Whether the weights from before are still needed.
    pub fn running(&self) -> bool {
        self.kept.is_none() && !self.after.is_empty()
    }

    /// Takes in the validation AUC of an epoch; `on` says whether it trained with self-training. An AUC
    /// that is no number (no positives in validation) counts as a failed trial: what cannot be judged is
    /// not trusted.
    pub fn note(&mut self, on: bool, validation_auc: f64) -> Verdict {
        if self.kept.is_some() {
            return Verdict::Undecided;
        }
        if !on {
            self.before.push(validation_auc);
            if self.before.len() > TRIAL_EPOCHS {
                self.before.remove(0);
            }
            return Verdict::Undecided;
        }
        self.after.push(validation_auc);
        if self.after.len() < TRIAL_EPOCHS {
            return Verdict::Undecided;
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        // Started in the first epoch there is nothing to compare with.
        let before = if self.before.is_empty() { 0.5 } else { mean(&self.before) };
        let after = mean(&self.after);
        let kept = after >= before;
        self.kept = Some(kept);
        if kept { Verdict::Kept(before, after) } else { Verdict::GivenUp(before, after) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn verdict(before: &[f64], after: &[f64]) -> Verdict {
        let mut trial = Trial::default();
        for &auc in before {
            assert_eq!(trial.note(false, auc), Verdict::Undecided);
        }
        assert!(trial.about_to_start());
        let (last, first) = after.split_last().unwrap();
        for &auc in first {
            assert_eq!(trial.note(true, auc), Verdict::Undecided);
            assert!(trial.running());
        }
        trial.note(true, *last)
    }

    #[test]
    fn a_trial_compares_three_epochs_with_three() {
        // Only the last three before count: 0.8 on average.
        let kept = verdict(&[0.99, 0.79, 0.80, 0.81], &[0.7, 0.85, 0.88]);
        assert!(
            matches!(kept, Verdict::Kept(before, after) if (before - 0.8).abs() < 1e-12 && (after - 0.81).abs() < 1e-12)
        );
        assert!(matches!(verdict(&[0.8, 0.8, 0.8], &[0.8, 0.79, 0.8]), Verdict::GivenUp(..)));
    }

    #[test]
    fn what_cannot_be_judged_is_not_trusted() {
        assert!(matches!(verdict(&[f64::NAN; 3], &[f64::NAN; 3]), Verdict::GivenUp(..)));
    }

    #[test]
    fn a_settled_trial_stays_settled() {
        let mut trial = Trial::default();
        trial.note(false, 0.9);
        for _ in 0..3 {
            trial.note(true, 0.8);
        }
        assert!(trial.given_up() && !trial.running() && !trial.about_to_start());
        assert_eq!(trial.lost_epochs(), 3);
        assert_eq!(trial.note(true, 0.99), Verdict::Undecided);
        assert!(trial.given_up());
    }

    #[test]
    fn takes_the_ends_and_leaves_the_band() {
        let scores: Vec<f32> = (0..10).map(|i| i as f32).collect();
        // π = 0.5: top 0.8·0.5·10 = 4, bottom (1 − 1.2·0.5)·10 = 4, two left out.
        let targets = both_ends(&scores, 0.5, 0.8, 1.2);
        assert_eq!(targets.iter().filter(|t| **t == PseudoTarget::Positive).count(), 4);
        assert_eq!(&targets[..4], &[PseudoTarget::Negative; 4]);
        assert_eq!(&targets[4..6], &[PseudoTarget::LeftOut; 2]);
        assert_eq!(&targets[6..], &[PseudoTarget::Positive; 4]);
    }

    #[test]
    fn never_counts_a_patch_twice() {
        let targets = both_ends(&[1.0, 1.0, 1.0], 0.99, 1.0, 1.0);
        assert_eq!(targets.len(), 3);
        assert!(both_ends(&[], 0.3, 0.8, 1.2).is_empty());
    }
}
