//! Self-training: pseudo-labels for the highest- and lowest-ranked unlabeled patches, and the trial they must pass.
//!
//! Self-training trusts its own ranking. Where the picks are not a random sample of the particles, it finds
//! particles that nobody picked. Where something else scores as high as particles, it learns to call that a
//! particle, and the model gets worse every epoch. The validation patches show which of the two happens. So
//! self-training starts as a trial and is turned off when the validation AUC falls ([`SelfTrainingTrial`]).

use serde::{Deserialize, Serialize};

use crate::learning::prior::pick_test::{PickSample, PickTest};

/// The pseudo-label of a patch for an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PseudoTarget {
    /// The patch is among the highest scores.
    Positive,
    /// The patch is among the lowest scores.
    Negative,
    /// The patch lies between the two, or has a label.
    Ignored,
}

/// Ranks the unlabeled by score. The top share `positive_share`·π becomes positive, the bottom share
/// 1 − `negative_margin`·π negative; the rest is ignored. Position breaks ties, so the result is repeatable.
pub(crate) fn select_pseudo_labels(
    scores: &[f32],
    prior: f64,
    positive_share: f64,
    negative_margin: f64,
) -> Vec<PseudoTarget> {
    let count = scores.len();
    let top = ((count as f64 * prior * positive_share).round() as usize).min(count);
    let bottom_share = (1.0 - negative_margin * prior).clamp(0.0, 1.0);
    let bottom = ((count as f64 * bottom_share).round() as usize).min(count - top);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let mut targets = vec![PseudoTarget::Ignored; count];
    for &i in &order[..top] {
        targets[i] = PseudoTarget::Positive;
    }
    for &i in &order[count - bottom..] {
        targets[i] = PseudoTarget::Negative;
    }
    targets
}

/// Epochs before and after the start of self-training that a trial compares.
const TRIAL_EPOCHS: usize = 3;

/// The trial of self-training in a run, as the checkpoint stores it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SelfTrainingTrial {
    /// Validation AUC of the last epochs before self-training.
    before: Vec<f64>,
    /// Validation AUC of the first epochs with it.
    after: Vec<f64>,
    /// True when self-training stays on, false when it was turned off; `None` until the trial is decided.
    kept: Option<bool>,
    /// What self-training does where the general model is asked; `None` until it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    road: Option<Road>,
    /// Epochs of the course before the second one; 0 while there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    first_course: usize,
    /// The test of the picks before the run; `None` where none was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    picks: Option<PickTest>,
}

fn is_zero(epochs: &usize) -> bool {
    *epochs == 0
}

/// What a run does once its classifier has learned from the labels, where the general model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Road {
    /// Picks look like a random sample: the classifier goes on without pseudo-labels. A second course from fresh weights may
    /// follow.
    RandomPicks,
    /// Picks may be clearer than the other particles, and too little is known to choose pseudo-labels: the classifier goes on
    /// without them.
    NoPseudoLabels,
    /// Picks are clearer than the other particles: the run begins again from the general model, and both rankings
    /// choose the pseudo-labels.
    FromGeneralModel,
}

/// What the trial says after an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Nothing is decided in this epoch.
    Undecided,
    /// Self-training stays on. Mean validation AUC before and after its start.
    Kept(f64, f64),
    /// Self-training is turned off. Mean validation AUC before and after its start.
    GivenUp(f64, f64),
}

impl SelfTrainingTrial {
    /// What the run does where the general model is asked; `None` until it was decided.
    pub fn road(&self) -> Option<Road> {
        self.road
    }

    /// Whether the picks are clearer than other particles, or may be: unless the run has found a random sample.
    pub fn picks_may_be_clear(&self) -> bool {
        match self.road {
            Some(road) => road != Road::RandomPicks,
            None => !self.picks_tested_random(),
        }
    }

    /// Whether the test before the run found a random sample.
    pub fn picks_tested_random(&self) -> bool {
        self.picks.is_some_and(|test| test.sample() == PickSample::Random)
    }

    /// The test of the picks before the run; `None` where none was made.
    pub fn picks(&self) -> Option<PickTest> {
        self.picks
    }

    /// Records the test of the picks.
    pub fn take_picks(&mut self, test: Option<PickTest>) {
        self.picks = test;
    }

    /// Records what the run does where the general model is asked.
    pub fn take_road(&mut self, road: Road) {
        self.road = Some(road);
    }

    /// Whether self-training was tried and turned off.
    pub fn given_up(&self) -> bool {
        self.kept == Some(false)
    }

    /// Epochs that do not count for the schedules: those of a failed trial, and those of the course before the second one.
    /// The run is that many epochs longer.
    pub fn lost_epochs(&self) -> usize {
        self.first_course + if self.given_up() { TRIAL_EPOCHS } else { 0 }
    }

    /// Epochs of the course before the second one; `None` while there is none.
    pub fn first_course(&self) -> Option<usize> {
        (self.first_course > 0).then_some(self.first_course)
    }

    /// The run begins a second course after `epochs` epochs.
    pub fn begin_second_course(&mut self, epochs: usize) {
        self.first_course = epochs;
    }

    /// Whether the next epoch with self-training is the first, so that the weights before it must be kept.
    pub fn about_to_start(&self) -> bool {
        self.kept.is_none() && self.after.is_empty()
    }

    /// Records the validation AUC of an epoch; `on` says whether the epoch trained with self-training. A NaN AUC
    /// (no validation positives) fails the trial, because self-training must not stay on unchecked.
    pub fn record(&mut self, on: bool, validation_auc: f64) -> Verdict {
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
        // Self-training that starts in the first epoch is compared with chance.
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
        let mut trial = SelfTrainingTrial::default();
        for &auc in before {
            assert_eq!(trial.record(false, auc), Verdict::Undecided);
        }
        assert!(trial.about_to_start());
        let (last, first) = after.split_last().unwrap();
        for &auc in first {
            assert_eq!(trial.record(true, auc), Verdict::Undecided);
        }
        trial.record(true, *last)
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
    fn a_trial_without_an_auc_fails() {
        assert!(matches!(verdict(&[f64::NAN; 3], &[f64::NAN; 3]), Verdict::GivenUp(..)));
    }

    #[test]
    fn a_decided_trial_stays_decided() {
        let mut trial = SelfTrainingTrial::default();
        trial.record(false, 0.9);
        for _ in 0..3 {
            trial.record(true, 0.8);
        }
        assert!(trial.given_up() && !trial.about_to_start());
        assert_eq!(trial.lost_epochs(), 3);
        assert_eq!(trial.record(true, 0.99), Verdict::Undecided);
        assert!(trial.given_up());
    }

    #[test]
    fn the_top_and_the_bottom_get_pseudo_labels() {
        let scores: Vec<f32> = (0..10).map(|i| i as f32).collect();
        // π = 0.5: top 0.8·0.5·10 = 4, bottom (1 − 1.2·0.5)·10 = 4, two ignored.
        let targets = select_pseudo_labels(&scores, 0.5, 0.8, 1.2);
        assert_eq!(targets.iter().filter(|t| **t == PseudoTarget::Positive).count(), 4);
        assert_eq!(&targets[..4], &[PseudoTarget::Negative; 4]);
        assert_eq!(&targets[4..6], &[PseudoTarget::Ignored; 2]);
        assert_eq!(&targets[6..], &[PseudoTarget::Positive; 4]);
    }

    #[test]
    fn never_counts_a_patch_twice() {
        let targets = select_pseudo_labels(&[1.0, 1.0, 1.0], 0.99, 1.0, 1.0);
        assert_eq!(targets.len(), 3);
        assert!(select_pseudo_labels(&[], 0.3, 0.8, 1.2).is_empty());
    }
}
