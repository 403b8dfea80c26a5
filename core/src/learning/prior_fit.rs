//! The class prior a run uses: given, or estimated from out-of-fold scores before the run.

use serde::{Deserialize, Serialize};

use super::config::{
    Backbone, PriorConfig, RiskConfig, RiskKind, Rotation, RunConfig, ScheduleConfig, TeacherConfig,
};
use super::data::TrainingData;
use super::device::ComputeDevice;
use super::predict::Views;
use super::prior::{PriorEstimate, estimate_prior};
use super::sampler::{generator, shares};
use super::trainer::{AfterBatch, Trainer};
use crate::error::{Error, Result};
use crate::label::Label;

/// π with its interval and origin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PriorUsed {
    /// The value the run uses.
    pub value: f64,
    /// Interval of the estimate; equal to the value where it was given.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// Whether it was estimated.
    pub estimated: bool,
}

impl PriorUsed {
    /// A prior the person gave.
    pub fn given(value: f64) -> Self {
        Self { value, low: value, high: value, estimated: false }
    }
}

/// Folds of the out-of-fold scores.
const FOLDS: usize = 2;
/// Epochs of each fold's quick classifier, at least.
const EPOCHS: usize = 15;
/// Steps of each fold's quick classifier, at least: scores of a network that has hardly begun to learn
/// overlap more than they should, and π comes out too high.
const STEPS: usize = 300;
const FOLD_ORDER: u64 = 7;

/// Scores of training positives and training unlabeled, each from a quick naive classifier that did
/// not see the patch.
///
/// # Errors
/// When there are too few patches to hold any out, or training fails.
pub fn out_of_fold_scores(
    config: &RunConfig,
    data: &TrainingData,
    device: &ComputeDevice,
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<(Vec<f32>, Vec<f32>)> {
    use rand::seq::SliceRandom;
    // The same whatever method is trained afterwards, so that one estimate serves several runs.
    let mut quick = RunConfig {
        backbone: Backbone::SmallCnn,
        normaliser: config.normaliser,
        risk: RiskConfig { kind: RiskKind::Naive, ..RiskConfig::default() },
        teacher: TeacherConfig { enabled: true, ..TeacherConfig::default() },
        schedule: ScheduleConfig { epochs: EPOCHS, warm_up_epochs: 1, ..ScheduleConfig::default() },
        ..RunConfig::default()
    };
    quick.augmentation.weak.rotation = Rotation::Any;
    let mut rng = generator(config.seed, 0, FOLD_ORDER);
    let mut shuffled = |label| {
        let mut patches = data.with_label(&data.train, label);
        patches.shuffle(&mut rng);
        patches
    };
    let (positive, unlabeled) = (shuffled(Label::Positive), shuffled(Label::Unlabeled));
    if positive.len() < 2 * FOLDS || unlabeled.len() < 2 * FOLDS {
        return Err(Error::request(
            format!(
                "{} positive and {} unlabeled training patches are too few to estimate the class prior",
                positive.len(),
                unlabeled.len()
            ),
            "label more positives, or give the prior as a number",
        ));
    }
    let per_step = shares(&quick.batch, [positive.len(), unlabeled.len(), 0])[1].max(1);
    let steps = (unlabeled.len() / FOLDS).div_ceil(per_step).max(1);
    let epochs = EPOCHS.max(STEPS.div_ceil(steps));
    quick.schedule.epochs = epochs;
    let (mut positive_scores, mut unlabeled_scores) = (Vec::new(), Vec::new());
    for fold in 0..FOLDS {
        let all = [positive.as_slice(), &unlabeled].concat();
        let (held, kept): (Vec<_>, Vec<_>) =
            all.iter().enumerate().partition(|(place, _)| place % FOLDS == fold);
        let patches = |part: Vec<(usize, &usize)>| part.into_iter().map(|(_, &patch)| patch).collect();
        let (held, kept): (Vec<usize>, Vec<usize>) = (patches(held), patches(kept));
        let fold_data = TrainingData { train: kept, validation: Vec::new(), truth: None, ..data.clone() };
        let fold_config = RunConfig { seed: config.seed.wrapping_add(1000 + fold as u64), ..quick.clone() };
        let mut trainer = Trainer::new(fold_config, 0.5, fold_data, device);
        for epoch in 1..=epochs {
            if !progress(fold * epochs + epoch - 1, FOLDS * epochs) {
                return Err(Error::Cancelled);
            }
            trainer.run_epoch(epoch, |_, _| AfterBatch::Continue)?;
        }
        let logits = trainer.logits(&held, Views::Eight);
        for (&patch, logit) in held.iter().zip(logits) {
            match data.labels[patch] {
                Label::Positive => positive_scores.push(logit),
                Label::Unlabeled => unlabeled_scores.push(logit),
                Label::Negative => {}
            }
        }
    }
    Ok((positive_scores, unlabeled_scores))
}

/// The prior of a run: as given, or estimated (BBE) with its interval. An estimate is kept inside
/// 0.01 to 0.99, because risks divide by π and 1 − π.
///
/// # Errors
/// As [`out_of_fold_scores`], and when the estimator cannot say.
pub fn resolve(
    config: &RunConfig,
    data: &TrainingData,
    device: &ComputeDevice,
    progress: impl FnMut(usize, usize) -> bool,
) -> Result<PriorUsed> {
    match config.prior {
        PriorConfig::Given(value) => Ok(PriorUsed::given(value)),
        PriorConfig::Estimate(_) => {
            let (positive, unlabeled) = out_of_fold_scores(config, data, device, progress)?;
            let estimate: PriorEstimate = estimate_prior(&positive, &unlabeled)?;
            Ok(PriorUsed {
                value: estimate.estimate.clamp(0.01, 0.99),
                low: estimate.low,
                high: estimate.high,
                estimated: true,
            })
        }
    }
}
