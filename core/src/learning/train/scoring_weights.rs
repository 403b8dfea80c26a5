//! The weights that score once the last epoch is over: with a share of the general model's, and with scores that agree
//! with π.

use crate::error::Result;
use crate::label::Label;
use crate::learning::infer::contrast::lowered;
use crate::learning::infer::predict::{TestTimeAugmentation, pool_logits, probability};
use crate::learning::loss::self_training::Road;
use crate::learning::network::Network;
use crate::learning::prior::pick_test::PickSample;
use crate::learning::train::general::share::{GeneralShare, rescaled, with_logits_changed};
use crate::learning::train::trainer::Trainer;

/// With this many unlabeled validation patches or more, the score offset is fitted on them alone. With fewer, training patches are
/// used too, although the network has learned from them.
const MIN_UNLABELED: usize = 100;
/// Validation positives from which on their AUC chooses the share of the general model.
const MIN_POSITIVES: usize = 30;

impl Trainer {
    /// After the last epoch: settles the weights that score, where the configuration asks for others than the trained ones.
    pub(super) fn settle_scores(&mut self, epoch: usize) -> Result<()> {
        if epoch == self.epochs() {
            if self.trial.first_course().is_some() {
                return self.settle_second_course();
            }
            let mixed = self.mixed_with_general_model()?;
            self.settled = if self.config.match_prior {
                Some(self.matching_prior(mixed.unwrap_or_else(|| self.networks.scoring()))?)
            } else {
                mixed
            };
            self.plan_second_course(epoch);
        }
        Ok(())
    }

    /// The mean of the trained weights and the general model's, where the general model is asked; `None` where it is not, or
    /// gets no share. Without self-training only very few labels give it one. With self-training the share is the largest
    /// where the run has restarted from it: there the labels are a choice of the clearest particles, so no AUC on them can
    /// tell. Elsewhere many validation positives choose the share with which they rank best, and none where that is no
    /// better by half a standard error; the fewer there are, the more the general model counts.
    fn mixed_with_general_model(&mut self) -> Result<Option<Network>> {
        let Some(general) = &self.general_share else { return Ok(None) };
        let (share, why) = match self.trial.road() {
            None if !self.config.self_training.enabled => self.share_without_self_training(general),
            None => return Ok(None),
            Some(Road::FromGeneralModel) => (general.most, "the run restarted from it".to_owned()),
            Some(Road::NoPseudoLabels) if self.trusts_general_model() => (
                general.most,
                "the picks are clearer than other particles, so no AUC on them can tell".to_owned(),
            ),
            Some(Road::NoPseudoLabels | Road::RandomPicks) => self.share_by_validation(general)?,
        };
        if share == 0.0 {
            return Ok(None);
        }
        let trained = self.networks.scoring();
        let mixed = general.mix(&trained, share);
        let logits =
            |network: &Network| pool_logits(network, &self.pool, &self.unlabeled, TestTimeAugmentation::None);
        let (found, wanted) = (logits(&mixed)?, logits(&trained)?);
        let percent = 100.0 * share;
        let text = format!("{percent:.0} % of the weights that score are the general model's: {why}.");
        self.warnings.push(text.into());
        Ok(Some(rescaled(mixed, &found, &wanted)?))
    }

    fn has_contrast(&self) -> bool {
        !self.lowers.is_empty()
    }

    /// Whether the picks are the clearer particles, a contrast rule keeps empty ice from ranking high, and the labels leave π open.
    /// A π that they tell would speak against the general model: its own count of the particles did not agree.
    fn trusts_general_model(&self) -> bool {
        let are_clear = self.trial.picks().is_some_and(|test| test.sample() == PickSample::Clear);
        are_clear
            && self.has_contrast()
            && self.general.as_ref().is_some_and(|ranking| !ranking.prior_is_told)
    }

    /// The share of the general model in a run without self-training, and why: with very few labels the largest, else none.
    fn share_without_self_training(&self, general: &GeneralShare) -> (f64, String) {
        let positives = self.data.with_label(&self.data.validation, Label::Positive).len();
        match general.is_very_few(positives) {
            true => (general.most, format!("{positives} validation positives are very few")),
            false => (0.0, String::new()),
        }
    }

    /// The share of the general model where the run has not restarted from it, and why.
    fn share_by_validation(&self, general: &GeneralShare) -> Result<(f64, String)> {
        let positives = self.data.with_label(&self.data.validation, Label::Positive).len();
        let few = |positives| {
            let is_random = self.trial.road() == Some(Road::RandomPicks);
            general.for_few(positives, self.has_contrast() && !is_random)
        };
        if positives < MIN_POSITIVES {
            let why = format!("{positives} validation positives are too few to choose by");
            return Ok((few(positives), why));
        }
        let trained = self.networks.scoring();
        let Some(alone) = self.validation_ranking(&trained)? else {
            let why = "there are too few unlabeled validation patches to choose by".to_owned();
            return Ok((few(0), why));
        };
        let mut best = (0.0, alone.auc);
        for share in general.to_try().skip(1) {
            if let Some(mixed) = self.validation_ranking(&general.mix(&trained, share))?
                && mixed.auc > best.1
            {
                best = (share, mixed.auc);
            }
        }
        // Less is chance.
        if best.1 - alone.auc < 0.5 * alone.standard_error {
            return Ok((0.0, String::new()));
        }
        Ok((best.0, format!("the validation AUC is {:.3} with it, {:.3} without", best.1, alone.auc)))
    }

    /// The network with all logits shifted so that the mean score of the unlabeled is π. A network that took the unlabeled
    /// for negative gives particles among them low scores, however well it ranks them. The ranking stays.
    pub(super) fn matching_prior(&self, network: Network) -> Result<Network> {
        let mut unlabeled = self.data.with_label(&self.data.validation, Label::Unlabeled);
        if unlabeled.len() < MIN_UNLABELED {
            unlabeled.extend(&self.unlabeled);
        }
        if unlabeled.is_empty() {
            return Ok(network);
        }
        let logits = pool_logits(&network, &self.pool, &unlabeled, TestTimeAugmentation::Flips)?;
        let part = self.contrast_for_patches() as f32;
        let lowers: Vec<f32> =
            unlabeled.iter().map(|&patch| part * self.lowers.get(patch).copied().unwrap_or(0.0)).collect();
        with_logits_changed(network, 1.0, shift_to_mean(&logits, &lowers, self.prior))
    }
}

/// The shift for which the mean score of the logits, shifted and then lowered by `lowers` each, is `mean` (0 < `mean` < 1).
fn shift_to_mean(logits: &[f32], lowers: &[f32], mean: f64) -> f64 {
    let mean_with = |shift: f64| {
        let score = |(&logit, &by): (&f32, &f32)| {
            f64::from(probability(lowered((f64::from(logit) + shift) as f32, by)))
        };
        logits.iter().zip(lowers).map(score).sum::<f64>() / logits.len() as f64
    };
    // The mean rises with the shift. With all logits at the largest or the smallest, and with the largest or no number taken
    // off, it is the logit of `mean` less these.
    let ends = logits.iter().fold((f32::MAX, f32::MIN), |(low, high), &l| (low.min(l), high.max(l)));
    let most = lowers.iter().copied().fold(0.0, f32::max);
    let wanted = (mean / (1.0 - mean)).ln();
    let (mut low, mut high) = (wanted - f64::from(ends.1), wanted - f64::from(ends.0) + f64::from(most));
    while high - low > 1e-4 {
        let middle = (low + high) / 2.0;
        if mean_with(middle) < mean {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_score_becomes_what_is_wanted() {
        let logits: Vec<f32> = (0..200).map(|i| ((i * i) as f32 * 0.7).sin() * 8.0 - 5.0).collect();
        for mean in [0.02, 0.3, 0.9] {
            let shift = shift_to_mean(&logits, &[0.0; 200], mean);
            let found =
                logits.iter().map(|l| probability((f64::from(*l) + shift) as f32)).sum::<f32>() / 200.0;
            assert!((f64::from(found) - mean).abs() < 1e-4, "{found} for {mean}");
        }
        // All alike: the logit of the mean.
        assert!((shift_to_mean(&[-7.0; 5], &[0.0; 5], 0.5) - 7.0).abs() < 1e-3);
        // With what contrast takes off.
        let lowers: Vec<f32> = (0..200).map(|i| (i % 5) as f32).collect();
        let shift = shift_to_mean(&logits, &lowers, 0.3);
        let score = |(l, by): (&f32, &f32)| probability(lowered((f64::from(*l) + shift) as f32, *by));
        let found = logits.iter().zip(&lowers).map(score).sum::<f32>() / 200.0;
        assert!((found - 0.3).abs() < 1e-4, "{found}");
        assert!(shift > shift_to_mean(&logits, &[0.0; 200], 0.3) + 0.1);
    }
}
