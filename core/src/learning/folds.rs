//! Scores of patches by quick classifiers that did not see them: what is asked of the data before a run.

use super::config::{Backbone, RiskConfig, RiskKind, Rotation, RunConfig, ScheduleConfig, TeacherConfig};
use super::data::TrainingData;
use super::device::ComputeDevice;
use super::predict::Views;
use super::sampler::{generator, shares};
use super::trainer::{AfterBatch, Trainer};
use crate::error::{Error, Result};
use crate::label::Label;

/// Logits of training patches, each from a network that did not see the patch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoldScores {
    /// Of the positives.
    pub positive: Vec<f32>,
    /// Of the unlabeled.
    pub unlabeled: Vec<f32>,
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
/// not see the patch. While it learns, other unlabeled patches are laid over its views with factors up to
/// `overlay`; 0 lays none. `progress` gets the epochs done and to do, and says whether to go on.
///
/// # Errors
/// When there are too few patches to hold any out, training fails, or [`Error::Cancelled`].
pub fn out_of_fold_scores(
    config: &RunConfig,
    data: &TrainingData,
    device: &ComputeDevice,
    overlay: f64,
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<FoldScores> {
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
    quick.augmentation.weak.overlay = overlay;
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
                "{} positive and {} unlabeled training patches are too few to hold half of them out",
                positive.len(),
                unlabeled.len()
            ),
            "label more positives; or give the prior as a number and set augmentation.weak.overlay_trial to false",
        ));
    }
    let per_step = shares(&quick.batch, [positive.len(), unlabeled.len(), 0])[1].max(1);
    let steps = (unlabeled.len() / FOLDS).div_ceil(per_step).max(1);
    let epochs = EPOCHS.max(STEPS.div_ceil(steps));
    quick.schedule.epochs = epochs;
    let mut scores = FoldScores::default();
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
        let logits = trainer.logits(&held, Views::Eight)?;
        for (&patch, logit) in held.iter().zip(logits) {
            match data.labels[patch] {
                Label::Positive => scores.positive.push(logit),
                Label::Unlabeled => scores.unlabeled.push(logit),
                Label::Negative => {}
            }
        }
    }
    Ok(scores)
}
