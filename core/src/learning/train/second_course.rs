//! The second course: where picks look like a random sample, a run that began with the general model learns once more from
//! fresh weights. The course that ranks validation better scores. Where a test has shown that the picks are a random sample,
//! the first has to be better by half a standard error.
//!
//! Weights that have learned something else can be a worse beginning than none (Ash and Adams 2020, *On warm-starting neural
//! network training*). The general model is a better beginning where its simulated particles look like those of the run, and
//! a worse one in noise or at a defocus that it does not know. Where picks are a random sample, the AUC of validation
//! positives against unlabeled says which it is.

use burn::module::Module;

use crate::error::Result;
use crate::learning::config::PretrainKind;
use crate::learning::loss::consistency::{ConsistencyState, RunningConfidence};
use crate::learning::loss::self_training::Road;
use crate::learning::network::Network;
use crate::learning::optim::adamw::AdamW;
use crate::learning::train::networks::Networks;
use crate::learning::train::trainer::Trainer;

impl Trainer {
    /// Epochs of the run, as far as is known now: a failed trial and a second course make it longer.
    pub(super) fn epochs(&self) -> usize {
        self.config.schedule.epochs + self.trial.lost_epochs()
    }

    /// Whether a second course follows where picks look like a random sample.
    pub(super) fn wants_second_course(&self) -> bool {
        self.config.self_training.second_start && self.config.pretrain.kind == PretrainKind::General
    }

    /// Epochs of the run, with a second course that will follow.
    pub(super) fn expected_epochs(&self) -> usize {
        let random = match self.trial.road() {
            None => self.trial.picks_tested_random(),
            road => road == Some(Road::RandomPicks),
        };
        let follows = random && self.trial.first_course().is_none();
        let more = if follows && self.wants_second_course() { self.epochs() } else { 0 };
        self.epochs() + more
    }

    /// Whether this epoch belongs to a second course that is not complete.
    pub(super) fn is_in_second_course(&self, epoch: usize) -> bool {
        self.trial.first_course().is_some_and(|first| epoch > first && epoch < self.epochs())
    }

    /// After the last epoch of the first course: whether a second one follows. From then on the run is longer, and the
    /// weights of the first course, set aside, score until the second is complete.
    pub(super) fn plan_second_course(&mut self, epoch: usize) {
        let random = self.trial.road() == Some(Road::RandomPicks);
        if self.wants_second_course()
            && random
            && self.trial.first_course().is_none()
            && epoch == self.epochs()
        {
            let first = self.scoring_network();
            self.set_aside = Some(Networks { student: first.valid().train(), teacher: Some(first.valid()) });
            self.settled = Some(first);
            self.trial.begin_second_course(epoch);
        }
    }

    /// Draws fresh weights at the first epoch of the second course.
    pub(super) fn begin_second_course(&mut self, epoch: usize) {
        if self.trial.first_course().is_some_and(|first| epoch == first + 1) {
            self.networks = Networks::new(&self.config, &self.device);
            self.optimizer = AdamW::new(self.config.optimizer.weight_decay);
            self.confidence = RunningConfidence::new(ConsistencyState::new(self.prior), &self.device);
        }
    }

    /// The network whose measures an epoch shows: the one in training during the second course, else the one that scores.
    pub(super) fn measured_network(&self, epoch: usize) -> Network {
        if self.is_in_second_course(epoch) { self.networks.scoring() } else { self.scoring_network() }
    }

    /// After the last epoch of the second course: which of the two scores. Where the picks have been tested and validation does
    /// not tell, it is the second, which was not trained on simulated particles.
    pub(super) fn settle_second_course(&mut self) -> Result<()> {
        let Some(first) = self.set_aside.as_ref().map(Networks::scoring) else { return Ok(()) };
        let fresh = self.networks.scoring();
        let (Some(before), Some(after)) =
            (self.validation_ranking(&first)?, self.validation_ranking(&fresh)?)
        else {
            return Ok(());
        };
        let aucs = format!(
            "the validation AUC is {:.3} ± {:.3} after the first course and {:.3} after the second",
            before.auc, before.standard_error, after.auc
        );
        let tested = self.trial.picks_tested_random();
        let margin = if tested { MIN_LEAD * before.standard_error } else { 0.0 };
        let second_scores = after.auc >= before.auc - margin;
        let text = match second_scores {
            true if after.auc < before.auc => format!(
                "The second course, from fresh weights, scores: {aucs}, less than half a standard error apart."
            ),
            true => format!("The second course, from fresh weights, scores: {aucs}."),
            false => format!("The first course, from the general model, scores: {aucs}."),
        };
        let better = match second_scores {
            true if self.config.match_prior => self.matching_prior(fresh)?,
            true => fresh,
            false => first,
        };
        self.settled = Some(better);
        self.warnings.push(text.into());
        Ok(())
    }
}

/// If the picks were tested, the first course provides the scores only where its validation AUC leads by this many standard
/// errors.
const MIN_LEAD: f64 = 0.5;
