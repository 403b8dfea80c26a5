//! Short trainings for the examinations: patches shrunk to at most 32 px, a small network, a fixed number of steps.
//! They show within seconds what training would see in this data, not how good the result will be.

use rand::seq::SliceRandom;

use super::features::PatchMeasures;
use super::sampling::sample_by_label;
use super::{Clock, Subject};
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::imaging::bin::bin;
use crate::imaging::normalise::Normaliser;
use crate::label::Label;
use crate::learning::config::{
    Backbone, BatchConfig, ConsistencyConfig, ConsistencyKind, RiskConfig, RiskKind, Rotation, RunConfig,
    ScheduleConfig, SelfTrainingConfig, TeacherConfig,
};
use crate::learning::data::TrainingData;
use crate::learning::data::sampler::shares;
use crate::learning::eval::metrics::auc;
use crate::learning::infer::predict::TestTimeAugmentation;
use crate::learning::random::{Stream, generator};
use crate::learning::train::trainer::{AfterBatch, Trainer};
use crate::project::Side;

/// Patches of one label in the quick trainings at most.
const MAX_PATCHES_BY_LABEL: [usize; 3] = [3000, 1000, 1000];
/// Side of the shrunk patches at most, px.
const MAX_SIDE: usize = 32;
/// Steps of a quick training.
const TRAINING_STEPS: usize = 120;

/// The shrunk, normalised patches the quick trainings use.
#[derive(Clone)]
pub struct QuickData {
    /// Patches of training and validation side; `train` and `validation` as in the subject.
    pub data: TrainingData,
    /// Patch of the subject behind each.
    pub origin: Vec<usize>,
    /// Px of the patch to one px here.
    pub factor: usize,
}

/// The configuration's normaliser, fitted to the usable training patches.
///
/// # Errors
/// When it cannot be fitted to them.
pub fn fit_normaliser(subject: &Subject) -> Result<Normaliser> {
    let area = subject.size * subject.size;
    let usable = subject
        .pixels
        .chunks_exact(area)
        .zip(&subject.sides)
        .filter(|(patch, side)| **side == Side::Train && super::features::usable(patch));
    Normaliser::fit(subject.config.normaliser, subject.size, usable.map(|(patch, _)| patch))
}

impl QuickData {
    /// Chooses, normalises and shrinks. Patches that are not usable, or that the normaliser refuses,
    /// are left out.
    ///
    /// # Errors
    /// When no training patch is left.
    pub fn new(subject: &Subject, features: &[PatchMeasures], normaliser: &Normaliser) -> Result<Self> {
        let area = subject.size * subject.size;
        let factor = subject.size.div_ceil(MAX_SIDE).max(1);
        let factor = if subject.size / factor < 16 { 1 } else { factor };
        let small = subject.size / factor;
        let mut rng = generator(subject.config.seed, 0, Stream::QuickSample);
        let chosen = sample_by_label(MAX_PATCHES_BY_LABEL, &mut rng, |label| {
            (0..subject.len())
                .filter(|&i| {
                    subject.labels[i] == label
                        && features[i].usable()
                        && matches!(subject.sides[i], Side::Train | Side::Validation)
                })
                .collect()
        });
        let (mut pixels, mut origin) = (Vec::with_capacity(chosen.len() * small * small), Vec::new());
        for i in chosen {
            let mut patch = subject.pixels[i * area..(i + 1) * area].to_vec();
            if normaliser.apply(&mut patch).is_err() {
                continue;
            }
            let shrunk = bin(&Image { width: subject.size, height: subject.size, data: patch }, factor)?;
            pixels.extend(shrunk.data);
            origin.push(i);
        }
        // Shrinking averages noise away; back to a spread near 1, alike for all patches.
        let spread = (pixels.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / pixels.len().max(1) as f64)
            .sqrt()
            .max(1e-12);
        if factor > 1 {
            pixels.iter_mut().for_each(|v| *v = (f64::from(*v) / spread) as f32);
        }
        let on = |side: Side| (0..origin.len()).filter(|&i| subject.sides[origin[i]] == side).collect();
        let data = TrainingData {
            size: small,
            pixels: pixels.into(),
            labels: origin.iter().map(|&i| subject.labels[i]).collect(),
            train: on(Side::Train),
            validation: on(Side::Validation),
            truth: subject.truth.as_ref().map(|truth| origin.iter().map(|&i| truth[i]).collect()),
        };
        if data.train.is_empty() {
            return Err(Error::request(
                "no usable training patch is left",
                "see what is wrong with the patches",
            ));
        }
        data.check()?;
        Ok(Self { data, origin, factor })
    }
}

/// The plain classifier of the examinations: unlabeled taken as negative, known negatives beside.
pub fn baseline_config(config: &RunConfig) -> RunConfig {
    let mut quick = RunConfig {
        seed: config.seed,
        backbone: Backbone::SmallCnn,
        normaliser: config.normaliser,
        risk: RiskConfig { kind: RiskKind::Naive, ..RiskConfig::default() },
        self_training: SelfTrainingConfig::default(),
        consistency: ConsistencyConfig { kind: ConsistencyKind::None, ..ConsistencyConfig::default() },
        teacher: TeacherConfig { enabled: true, ..TeacherConfig::default() },
        batch: BatchConfig::default(),
        ..RunConfig::default()
    };
    quick.augmentation.weak.rotation = Rotation::Any;
    // The default shift is meant for 64 px.
    quick.augmentation.weak.shift = 1.0;
    quick
}

/// Batches in an epoch of this data.
pub fn batches(config: &RunConfig, data: &TrainingData) -> usize {
    let counts = data.counts(&data.train);
    let available = [counts.positive, counts.unlabeled, counts.negative].map(|n| n as usize);
    let [p, u, n] = shares(&config.batch, available);
    let need = |count: usize, share: usize| if share > 0 { count.div_ceil(share) } else { 0 };
    let count = if u > 0 { need(available[1], u) } else { need(available[0], p).max(need(available[2], n)) };
    count.max(1)
}

/// Epochs that make about `steps` steps: more on little data, never fewer than six.
pub fn epochs_for(config: &RunConfig, data: &TrainingData, steps: usize) -> usize {
    steps.div_ceil(batches(config, data)).clamp(6, 60)
}

/// Trains the plain classifier on `train` and returns logits of `held`, averaged over mirrorings.
///
/// # Errors
/// As the trainer, or [`Error::Cancelled`].
pub fn train_and_score(
    config: &RunConfig,
    data: &TrainingData,
    train: Vec<usize>,
    held: &[usize],
    device: &ComputeDevice,
    clock: &mut Clock<'_>,
) -> Result<Vec<f32>> {
    let data = TrainingData { train, validation: Vec::new(), truth: None, ..data.clone() };
    let mut config = config.clone();
    // Small sets: smaller batches, so that an epoch is more than one step.
    if data.train.len() < 400 {
        config.batch.size = 32;
    }
    let epochs = epochs_for(&config, &data, TRAINING_STEPS);
    config.schedule = ScheduleConfig { epochs, warm_up_epochs: 1, ..ScheduleConfig::default() };
    let mut trainer = Trainer::new(config, 0.5, data, device);
    for epoch in 1..=epochs {
        clock.within(epoch - 1, epochs)?;
        trainer.run_epoch(epoch, |_, _| AfterBatch::Continue)?;
    }
    trainer.logits(held, TestTimeAugmentation::Flips)
}

/// Out-of-fold logits of the training side: each patch is scored by a network that has not seen it.
#[derive(Debug, Clone, Default)]
pub struct OutOfFold {
    /// Logit of each patch of the quick data; NaN where it was not scored.
    pub logits: Vec<f32>,
    /// Patches (of the quick data) of each fold that were scored.
    pub folds: Vec<Vec<usize>>,
}

const FOLDS: usize = 2;

impl OutOfFold {
    /// Trains one network a fold.
    ///
    /// # Errors
    /// When there are too few patches to hold any out, or as [`train_and_score`].
    pub fn new(
        quick: &QuickData,
        config: &RunConfig,
        device: &ComputeDevice,
        clock: &mut Clock<'_>,
    ) -> Result<Self> {
        let data = &quick.data;
        let counts = data.counts(&data.train);
        if counts.positive < 4 || counts.unlabeled + counts.negative < 8 {
            return Err(Error::request(
                format!(
                    "{} positives and {} other training patches are too few to hold any out",
                    counts.positive,
                    counts.unlabeled + counts.negative
                ),
                "label more patches",
            ));
        }
        let mut rng = generator(config.seed, 0, Stream::QuickFolds);
        let mut folds = vec![Vec::new(); FOLDS];
        for label in Label::ALL {
            let mut patches = data.with_label(&data.train, label);
            patches.shuffle(&mut rng);
            for (place, patch) in patches.into_iter().enumerate() {
                folds[place % FOLDS].push(patch);
            }
        }
        let mut logits = vec![f32::NAN; data.labels.len()];
        for (number, held) in folds.iter().enumerate() {
            let train = others(&folds, number);
            let config =
                RunConfig { seed: config.seed.wrapping_add(1000 + number as u64), ..baseline_config(config) };
            clock.part(number, FOLDS);
            for (&patch, logit) in
                held.iter().zip(train_and_score(&config, data, train, held, device, clock)?)
            {
                logits[patch] = logit;
            }
        }
        Ok(Self { logits, folds })
    }

    /// Logits of the patches with this label.
    pub fn of(&self, data: &TrainingData, label: Label) -> Vec<f32> {
        (0..data.labels.len())
            .filter(|&i| data.labels[i] == label && self.logits[i].is_finite())
            .map(|i| self.logits[i])
            .collect()
    }

    /// Logits brought to one scale over the folds: each fold's by mean and spread of its unlabeled
    /// (of all where there are few).
    pub fn standardised(&self, data: &TrainingData) -> Vec<f32> {
        let mut out = self.logits.clone();
        for fold in &self.folds {
            let mut of: Vec<f64> = Vec::new();
            for label in [Some(Label::Unlabeled), None] {
                of = fold
                    .iter()
                    .filter(|&&i| label.is_none_or(|l| data.labels[i] == l) && self.logits[i].is_finite())
                    .map(|&i| f64::from(self.logits[i]))
                    .collect();
                if of.len() >= 10 {
                    break;
                }
            }
            let (mean, spread) = (super::stats::mean(&of), super::stats::variance(&of).sqrt().max(1e-9));
            for &i in fold {
                out[i] = ((f64::from(self.logits[i]) - mean) / spread) as f32;
            }
        }
        out
    }

    /// Mean over the folds of the AUC of positives against `other`; folds have networks of their own,
    /// whose logits need not be on one scale.
    pub fn auc(&self, data: &TrainingData, other: Label) -> Option<f64> {
        mean_auc(&self.folds, &self.logits, data, other)
    }
}

/// Patches of all folds but one.
pub fn others(folds: &[Vec<usize>], held: usize) -> Vec<usize> {
    folds.iter().enumerate().filter(|(n, _)| *n != held).flat_map(|(_, fold)| fold.iter().copied()).collect()
}

/// Mean AUC of positives against `other` over folds; `None` where no fold has both.
pub fn mean_auc(folds: &[Vec<usize>], logits: &[f32], data: &TrainingData, other: Label) -> Option<f64> {
    let of = |fold: &[usize], label| -> Vec<f32> {
        fold.iter()
            .filter(|&&i| data.labels[i] == label && logits[i].is_finite())
            .map(|&i| logits[i])
            .collect()
    };
    let values: Vec<f64> =
        folds.iter().filter_map(|fold| auc(&of(fold, Label::Positive), &of(fold, other)).ok()).collect();
    (!values.is_empty()).then(|| super::stats::mean(&values))
}
