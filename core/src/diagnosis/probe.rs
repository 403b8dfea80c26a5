//! A probe: trains the first epochs of a configuration on the quick patches and records what they show.

use super::quick::{QuickData, epochs_for};
use super::stats::{mean, variance};
use super::{Clock, SharedData, health, kinds};
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::learning::config::{Backbone, PriorConfig, RunConfig};
use crate::learning::data::TrainingData;
use crate::learning::infer::predict::{TestTimeAugmentation, probability};
use crate::learning::prior::limited;
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;
use crate::learning::train::trainer::{AfterBatch, Trainer};

/// Steps of a probe.
const PROBE_STEPS: usize = 100;
/// Unlabeled whose p is read after each epoch, at most.
const MAX_UNLABELED_READ: usize = 800;

/// What a short run of a configuration showed.
pub(super) struct Probe {
    /// Every epoch.
    pub history: Vec<EpochMetrics>,
    /// After each epoch: p of who gives the pseudo-labels.
    pub p: Vec<Vec<f32>>,
    /// After each epoch: mean distance of teacher and student.
    pub gap: Vec<f64>,
    /// Spread of teacher's and student's p after the last epoch.
    pub spread: (f64, f64),
    /// For evaluation only: whether each of the patches behind `p` is a particle.
    pub truth: Vec<Option<bool>>,
    /// Why it ended early.
    pub diverged: Option<String>,
}

impl Probe {
    /// Mean validation AUC of the last two epochs.
    pub fn last_auc(&self) -> Option<f64> {
        let values: Vec<f64> = self
            .history
            .iter()
            .rev()
            .take(2)
            .map(|m| m.validation_auc_pu)
            .filter(|v| v.is_finite())
            .collect();
        (!values.is_empty()).then(|| mean(&values))
    }

    /// Mean share at or above τ over the epochs after the first.
    pub(super) fn rate(&self, threshold: f64) -> f64 {
        let shares: Vec<f64> = self
            .p
            .iter()
            .skip(1)
            .map(|p| {
                let passing = p.iter().filter(|p| f64::from(p.max(1.0 - **p)) >= threshold).count();
                passing as f64 / p.len().max(1) as f64
            })
            .collect();
        mean(&shares)
    }

    /// Share that say "particle" among those at or above τ, over the epochs after the first.
    pub(super) fn share_particle(&self, threshold: f64) -> f64 {
        let (mut particle, mut passing) = (0usize, 0usize);
        for p in self.p.iter().skip(1).flatten().filter(|p| f64::from(p.max(1.0 - **p)) >= threshold) {
            passing += 1;
            particle += usize::from(*p >= 0.5);
        }
        if passing > 0 { particle as f64 / passing as f64 } else { f64::NAN }
    }

    /// Share of right ones among those that pass after the last epoch, where truth is known.
    pub(super) fn accuracy(&self, threshold: f64) -> Option<f64> {
        let last = self.p.last()?;
        let judged: Vec<bool> = last
            .iter()
            .zip(&self.truth)
            .filter(|(p, _)| f64::from(p.max(1.0 - **p)) >= threshold)
            .filter_map(|(p, truth)| Some((*p >= 0.5) == (*truth)?))
            .collect();
        (judged.len() >= 5)
            .then(|| judged.iter().filter(|right| **right).count() as f64 / judged.len() as f64)
    }
}

/// π a short run uses: as given, else as estimated.
pub(super) fn prior_of(config: &RunConfig, shared: &SharedData) -> f64 {
    match config.prior {
        PriorConfig::Given(value) => value,
        PriorConfig::Estimate(_) => shared.prior.as_ref().map_or(0.3, |p| limited(p.estimate)),
    }
}

/// Epochs of a probe.
fn epochs_of(config: &RunConfig, data: &TrainingData) -> usize {
    epochs_for(config, data, PROBE_STEPS).min(16).min(config.schedule.epochs)
}

/// Validation AUC of a whole run of a probe's length, its decay included, with another learning rate;
/// `None` where it diverges or all its answers become the same.
pub(super) fn whole_run(
    config: &RunConfig,
    rate: f64,
    prior: f64,
    quick: &QuickData,
    device: &ComputeDevice,
    clock: &mut Clock<'_>,
) -> Result<Option<f64>> {
    let mut config = config.clone();
    config.optimizer.learning_rate = rate;
    config.schedule.epochs = epochs_of(&config, &quick.data);
    config.schedule.warm_up_epochs = config.schedule.warm_up_epochs.min(config.schedule.epochs / 6);
    let found = probe(&config, prior, quick, device, clock)?;
    let gone = found.diverged.is_some()
        || health::watch(&config, &found.history).iter().any(|f| f.kind == kinds::COLLAPSE);
    Ok(if gone { None } else { found.last_auc() })
}

/// Trains the first epochs of a run: the schedule keeps its full length, so learning rate and λ are
/// those a real run begins with. A run that diverges ends early and says so.
///
/// # Errors
/// When data and method do not fit, or [`Error::Cancelled`].
pub(super) fn probe(
    config: &RunConfig,
    prior: f64,
    quick: &QuickData,
    device: &ComputeDevice,
    clock: &mut Clock<'_>,
) -> Result<Probe> {
    let data: TrainingData = quick.data.clone();
    let mut config = config.clone();
    config.backbone = Backbone::SmallCnn;
    config.batch.unlabeled_per_epoch = 0;
    // Shifts are px of the full patch.
    config.augmentation.weak.shift /= quick.factor as f64;
    config.augmentation.strong.shift /= quick.factor as f64;
    if data.train.len() < 400 {
        config.batch.size = config.batch.size.min(32);
    }
    let epochs = epochs_of(&config, &data);
    let unlabeled: Vec<usize> =
        data.with_label(&data.train, Label::Unlabeled).into_iter().take(MAX_UNLABELED_READ).collect();
    let truth = unlabeled.iter().map(|&i| data.truth.as_ref().and_then(|t| t[i])).collect();
    let by_teacher = config.teacher.enabled && config.teacher.pseudo_labels;
    let mut trainer = Trainer::new(config.clone(), prior, data, device);
    let mut found = Probe {
        history: Vec::new(),
        p: Vec::new(),
        gap: Vec::new(),
        spread: (f64::NAN, f64::NAN),
        truth,
        diverged: None,
    };
    for epoch in 1..=epochs {
        clock.within(epoch - 1, epochs)?;
        match trainer.run_epoch(epoch, |_, _| AfterBatch::Continue) {
            Ok(Some(metrics)) => found.history.push(metrics),
            Ok(None) => break,
            Err(error @ Error::Training { .. }) => {
                found.diverged = Some(error.to_string());
                break;
            }
            Err(error) => return Err(error),
        }
        let p = |logits: Vec<f32>| -> Vec<f32> { logits.into_iter().map(probability).collect() };
        let student = p(trainer.student_logits(&unlabeled)?);
        let scoring = if config.teacher.enabled {
            p(trainer.logits(&unlabeled, TestTimeAugmentation::None)?)
        } else {
            student.clone()
        };
        let gap = student.iter().zip(&scoring).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
        found.gap.push(gap / student.len().max(1) as f64);
        let spread = |p: &[f32]| variance(&p.iter().map(|&v| f64::from(v)).collect::<Vec<_>>()).sqrt();
        found.spread = (spread(&scoring), spread(&student));
        found.p.push(if by_teacher { scoring } else { student });
    }
    Ok(found)
}
