//! When an epoch trains with self-training, and the trial that decides whether it stays on.

use crate::error::Result;
use crate::label::Label;
use crate::learning::infer::predict::{TestTimeAugmentation, pool_logits};
use crate::learning::loss::self_training::{PseudoTarget, Verdict, select_pseudo_labels};
use crate::learning::network::Network;
use crate::learning::prior;
use crate::learning::prior::best_bin::estimate_prior;
use crate::learning::train::epoch_metrics::EpochMetrics;
use crate::learning::train::trainer::Trainer;

impl Trainer {
    /// The pseudo-label of each patch of the run for this epoch; `None` while self-training is off. Keeps the weights
    /// before the first epoch of a trial.
    pub(super) fn self_training_targets(&mut self, epoch: usize) -> Result<Option<Vec<PseudoTarget>>> {
        let config = self.config.self_training;
        let due = config.enabled && epoch >= config.start_epoch && !self.unlabeled.is_empty();
        if !due || self.trial.given_up() {
            return Ok(None);
        }
        if config.trial && self.trial.about_to_start() {
            self.before_self_training = Some(self.networks.clone());
        }
        let ranking = self.networks.labelling(&self.config);
        let scores = pool_logits(&ranking, &self.pool, &self.unlabeled, TestTimeAugmentation::Flips)?;
        let prior = if config.estimate_prior { self.current_prior(&ranking)? } else { self.prior };
        let chosen = select_pseudo_labels(&scores, prior, config.positive_share, config.negative_margin);
        let mut targets = vec![PseudoTarget::Ignored; self.data.labels.len()];
        for (&patch, target) in self.unlabeled.iter().zip(chosen) {
            targets[patch] = target;
        }
        Ok(Some(targets))
    }

    /// π estimated from the scores of the validation patches; the run's own π where they are too few.
    fn current_prior(&self, ranking: &Network) -> Result<f64> {
        let scores = |label| {
            let patches = self.data.with_label(&self.data.validation, label);
            pool_logits(ranking, &self.pool, &patches, TestTimeAugmentation::Flips)
        };
        let estimate = estimate_prior(&scores(Label::Positive)?, &scores(Label::Unlabeled)?);
        Ok(estimate.map_or(self.prior, |estimate| prior::limited(estimate.estimate)))
    }

    /// Decides the trial of self-training when its epochs are complete. After a failed trial, goes back to the weights
    /// before it and warns.
    pub(super) fn judge_self_training(&mut self, was_on: bool, metrics: &mut EpochMetrics) -> Result<()> {
        if !self.config.self_training.enabled || !self.config.self_training.trial {
            return Ok(());
        }
        match self.trial.record(was_on, metrics.validation_auc_pu) {
            Verdict::Undecided => {}
            Verdict::Kept(..) => self.before_self_training = None,
            Verdict::GivenUp(before, after) => {
                if let Some(networks) = self.before_self_training.take() {
                    self.networks = networks;
                }
                // The measures that are stored belong to the weights that the run goes on with.
                self.validate(metrics)?;
                self.warnings.push(format!(
                    "Self-training was turned off after epoch {}: the validation AUC fell from {before:.3} to \
                     {after:.3} in its first epochs. The run continues from the weights before self-training, with \
                     the risk alone, and is longer by these epochs.",
                    metrics.epoch
                ));
            }
        }
        Ok(())
    }

    /// The warnings since the last call.
    pub(super) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }
}
