//! When an epoch trains with self-training, and the trial that decides whether it stays on.

use burn::module::Module;

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::learning::config::PretrainKind;
use crate::learning::eval::metrics::Ranking;
use crate::learning::infer::contrast::{ContrastRule, OF_RANDOM_PICKS, RunContrast};
use crate::learning::infer::predict::{TestTimeAugmentation, pool_logits, probability};
use crate::learning::loss::self_training::{PseudoTarget, Road, Verdict, select_pseudo_labels};
use crate::learning::network::Network;
use crate::learning::network::weights::load;
use crate::learning::optim::adamw::AdamW;
use crate::learning::pretrain::GeneralStart;
use crate::learning::prior;
use crate::learning::prior::best_bin::estimate_prior;
use crate::learning::prior::pick_test::{PickSample, PickTest};
use crate::learning::train::general::ranking::{GeneralRanking, Validated};
use crate::learning::train::general::share::GeneralShare;
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;
use crate::learning::train::trainer::Trainer;
use crate::remedy::Warning;

/// Validation patches of each label from which on their AUC weighs the two rankings.
const MIN_VALIDATION: usize = 10;

impl Trainer {
    /// The pseudo-label of each patch of the run for this epoch; `None` while self-training is off. Keeps the weights
    /// before the first epoch of a trial.
    pub(super) fn self_training_targets(&mut self, epoch: usize) -> Result<Option<Vec<PseudoTarget>>> {
        let config = self.config.self_training;
        let due = config.enabled && epoch >= config.start_epoch && !self.unlabeled.is_empty();
        if !due || self.trial.given_up() {
            return Ok(None);
        }
        if config.trial && self.trial.about_to_start() && self.trial.first_course().is_none() {
            self.set_aside = Some(self.networks.copy());
        }
        let road = self.road()?;
        if matches!(road, Some(Road::NoPseudoLabels | Road::RandomPicks)) {
            return Ok(None);
        }
        let ranking = self.networks.labelling(&self.config);
        let scores = pool_logits(&ranking, &self.pool, &self.unlabeled, TestTimeAugmentation::Flips)?;
        let prior = if config.estimate_prior { self.current_prior(&ranking)? } else { self.prior };
        let scores = match self.general.as_ref().filter(|_| road == Some(Road::FromGeneralModel)) {
            Some(general) => general.combined(&scores, self.validation_ranking(&ranking)?.map(|own| own.auc)),
            None => scores,
        };
        let chosen = select_pseudo_labels(&scores, prior, config.positive_share, config.negative_margin);
        let mut targets = vec![PseudoTarget::Ignored; self.data.labels.len()];
        for (&patch, target) in self.unlabeled.iter().zip(chosen) {
            targets[patch] = target;
        }
        Ok(Some(targets))
    }

    /// Decides once what the run does where the general model is asked; see [`Road`]. `None` where it is not asked.
    fn road(&mut self) -> Result<Option<Road>> {
        let Some(general) = &self.general else { return Ok(None) };
        if let Some(road) = self.trial.road() {
            return Ok(Some(road));
        }
        let own = self.validation_ranking(&self.networks.scoring())?;
        let test = self.trial.picks();
        let (clear, random) = match test.map(PickTest::sample) {
            Some(PickSample::Clear) => (true, false),
            Some(PickSample::Random) => (false, true),
            Some(PickSample::Untold) | None => (
                own.is_none_or(|own| own.shows_clear_picks(self.prior)),
                own.is_some_and(|own| own.shows_random_picks(self.prior)),
            ),
        };
        let road = match (clear, general.agrees_with(self.prior)) {
            (true, true) => Road::FromGeneralModel,
            _ if random => Road::RandomPicks,
            _ => Road::NoPseudoLabels,
        };
        let by_validation = own.map_or_else(
            || "There are too few validation positives to tell whether picks are a random sample".to_owned(),
            |own| {
                let (place, picks) = match (clear, random) {
                    (true, _) => ("above", ", so the picks are clearer than the other particles"),
                    (_, true) => ("not above", ", so the picks look like a random sample"),
                    _ => (
                        "not clearly above",
                        ", so nobody can tell whether the picks are clearer than the other particles",
                    ),
                };
                format!(
                    "The validation AUC {:.3} ± {:.3} is {place} the ceiling {:.3} for random picks{picks}",
                    own.auc,
                    own.standard_error,
                    1.0 - self.prior / 2.0
                )
            },
        );
        let found = match test {
            None => by_validation,
            Some(test) if test.sample() == PickSample::Untold => {
                format!("{}. {by_validation}", test.sentence())
            }
            Some(test) => test.sentence(),
        };
        let counts = format!(
            "the general model takes {:.0} % of the unlabeled for particles, where π is {:.2}",
            100.0 * general.prior,
            self.prior
        );
        let follows = match road {
            Road::FromGeneralModel if self.config.pretrain.kind == PretrainKind::General => format!(
                "{counts}; these agree, so the run restarts from it and both choose the pseudo-labels"
            ),
            Road::FromGeneralModel => format!("{counts}; these agree, so both choose the pseudo-labels"),
            Road::NoPseudoLabels if clear && !general.prior_is_told => {
                "π cannot be estimated from these labels, so the run continues without pseudo-labels"
                    .to_owned()
            }
            Road::NoPseudoLabels if clear => {
                format!("{counts}; these disagree, so the run continues without pseudo-labels")
            }
            Road::RandomPicks if self.wants_second_course() => {
                "the run continues without pseudo-labels, and then learns once more from fresh weights"
                    .to_owned()
            }
            Road::RandomPicks | Road::NoPseudoLabels => "the run continues without pseudo-labels".to_owned(),
        };
        if road == Road::FromGeneralModel && self.config.pretrain.kind == PretrainKind::General {
            let weights = general.weights.clone();
            self.start_from_features(&weights)?;
            self.optimizer = AdamW::new(self.config.optimizer.weight_decay);
        }
        self.trial.take_road(road);
        self.warnings.push(format!("{found}: {follows}.").into());
        Ok(Some(road))
    }

    /// Ranks the unlabeled by the general model too. `prior_is_told`: whether the labels tell π.
    ///
    /// # Errors
    /// When a patch cannot be read.
    pub(super) fn rank_with(
        &mut self,
        general: &GeneralStart,
        device: &ComputeDevice,
        prior_is_told: bool,
    ) -> Result<()> {
        let logits = general.logits(&self.data, device, &self.unlabeled)?;
        let above = logits.iter().filter(|&&logit| logit >= 0.0).count();
        let above_half = above as f64 / logits.len().max(1) as f64;
        self.general = Some(GeneralRanking {
            logits,
            auc: general.auc,
            weights: general.weights().clone(),
            prior: above_half,
            prior_is_told,
        });
        let most = self.config.self_training.general_share;
        if most > 0.0 && self.config.pretrain.kind == PretrainKind::General {
            let network = Network::new(self.config.backbone, self.config.seed, &device.inner).valid();
            let network = load(network, general.weights()).map_err(|problem| {
                Error::defect(format!("the general model does not fit its network: {problem}"))
            })?;
            self.general_share = Some(GeneralShare { network, most });
        }
        Ok(())
    }

    /// The rule by which contrast lowers scores: that of the labels or, where they are too few, of the general model's scores,
    /// where the run asks it.
    pub(super) fn take_contrast(&mut self, contrast: &RunContrast) -> Option<ContrastRule> {
        let logits = self.general.as_ref().map_or(&[][..], |general| &general.logits);
        let scores: Vec<f32> = logits.iter().map(|&logit| probability(logit)).collect();
        let rule = contrast.rule_or_by_scores(&self.unlabeled, &scores)?;
        self.lowers = contrast.lowers(&rule);
        Some(rule)
    }

    /// How much of the rule for contrast counts for patches, by what is known of the picks so far.
    pub(super) fn contrast_for_patches(&self) -> f64 {
        if self.trial.picks_may_be_clear() { 1.0 } else { OF_RANDOM_PICKS }
    }

    /// How validation positives rank against validation unlabeled; `None` where they are too few to tell.
    pub(super) fn validation_ranking(&self, ranking: &Network) -> Result<Option<Validated>> {
        let patches = |label| self.data.with_label(&self.data.validation, label);
        let (positive, unlabeled) = (patches(Label::Positive), patches(Label::Unlabeled));
        if positive.len() < MIN_VALIDATION || unlabeled.len() < MIN_VALIDATION {
            return Ok(None);
        }
        let logits =
            |patches: &[usize]| pool_logits(ranking, &self.pool, patches, TestTimeAugmentation::Flips);
        let ranking = Ranking::new(&logits(&positive)?, &logits(&unlabeled)?)?;
        Ok(Some(Validated { auc: ranking.auc(), standard_error: ranking.auc_standard_error()? }))
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
            Verdict::Kept(..) => self.set_aside = None,
            Verdict::GivenUp(before, after) => {
                // The epochs that follow settle what scores anew.
                self.settled = None;
                if let Some(networks) = self.set_aside.take() {
                    self.networks = networks;
                }
                // The measures that are stored belong to the weights that the run goes on with.
                self.validate(metrics)?;
                let text = format!(
                    "Self-training was turned off after epoch {}: the validation AUC fell from {before:.3} to \
                     {after:.3} in its first epochs. The run continues from the weights before self-training, with \
                     the risk alone, and is longer by these epochs",
                    metrics.epoch
                );
                self.warnings.push(text.into());
            }
        }
        Ok(())
    }

    /// The warnings since the last call.
    pub(super) fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::learning::config::yaml::parse;
    use crate::learning::data::TrainingData;

    #[test]
    fn contrast_counts_less_for_patches_once_picks_are_found_a_random_sample() {
        let data = TrainingData {
            size: 16,
            pixels: vec![0.5; 2 * 256].into(),
            labels: vec![Label::Positive, Label::Unlabeled],
            train: vec![0, 1],
            validation: Vec::new(),
            truth: None,
        };
        let mut trainer = Trainer::new(parse("{}", "test").unwrap(), 0.3, data, &ComputeDevice::cpu());
        assert_eq!(trainer.contrast_for_patches(), 1.0, "nobody has tested them");
        for (near, share) in [(0.1, 1.0), (0.3, 1.0), (0.9, 0.25)] {
            trainer.trial.take_picks(Some(PickTest { ahead: 0.1, near }));
            assert_eq!(trainer.contrast_for_patches(), share, "{near}");
        }
        // What the run finds itself counts, where the test could not tell too.
        trainer.trial.take_picks(Some(PickTest { ahead: 0.1, near: 0.3 }));
        trainer.trial.take_road(Road::RandomPicks);
        assert_eq!(trainer.contrast_for_patches(), 0.25);
        trainer.trial.take_road(Road::NoPseudoLabels);
        assert_eq!(trainer.contrast_for_patches(), 1.0);
    }
}
