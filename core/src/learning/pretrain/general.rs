//! What the general model tells about a run's patches: whether particles are dark or light, and a second opinion on which
//! patches are particles.

use std::num::NonZeroUsize;

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::learning::data::TrainingData;
use crate::learning::eval::metrics::Ranking;
use crate::learning::general_model::{ContrastFit, contrast_fit, general_model};
use crate::learning::infer::predict::probability;
use crate::learning::infer::scorer::Scorer;
use crate::learning::network::weights::NamedTensors;
use crate::learning::prior::cross_fit::OutOfFoldScores;
use crate::learning::train::checkpoint::Checkpoint;

/// At most this many positives and unlabeled patches decide the contrast: more take longer and add nothing.
const MAX_SCORED: [usize; 2] = [3000, 6000];

/// The general model with the contrast that suits the patches of a run.
pub(crate) struct GeneralStart {
    /// AUC of training positives against unlabeled patches.
    pub auc: f64,
    /// Logits that the model gives the training positives and unlabeled patches.
    pub scores: OutOfFoldScores,
    model: Checkpoint,
}

impl GeneralStart {
    /// Scores the training side with both contrasts and takes the one that suits it better ([`contrast_fit`]).
    ///
    /// # Errors
    /// When there is no positive or no unlabeled patch, or a patch cannot be read.
    pub fn find(data: &TrainingData, device: &ComputeDevice) -> Result<Self> {
        let some = |label, most: usize| -> Vec<usize> {
            let mut patches = data.with_label(&data.train, label);
            // Evenly spaced, so that no micrograph is left out.
            let step = NonZeroUsize::new(patches.len().div_ceil(most)).map_or(1, NonZeroUsize::get);
            patches = patches.into_iter().step_by(step).collect();
            patches
        };
        let (positive, unlabeled) =
            (some(Label::Positive, MAX_SCORED[0]), some(Label::Unlabeled, MAX_SCORED[1]));
        let mut best: Option<(ContrastFit, Self)> = None;
        for is_light in [false, true] {
            let model = general_model(data.size, is_light)?;
            let scorer = Scorer::new(&model, device.clone())?;
            let positive = logits(data, &scorer, &positive)?;
            let unlabeled = logits(data, &scorer, &unlabeled)?;
            let auc = Ranking::new(&positive, &unlabeled)?.auc();
            let p = |logits: &[f32]| logits.iter().map(|&logit| probability(logit)).collect::<Vec<_>>();
            let fit = contrast_fit(&p(&positive), &p(&unlabeled))?;
            if best.as_ref().is_none_or(|(best, _)| fit > *best) {
                best = Some((fit, Self { auc, scores: OutOfFoldScores { positive, unlabeled }, model }));
            }
        }
        best.map(|(_, start)| start).ok_or_else(|| Error::defect("no contrast was tried"))
    }

    /// Share of the unlabeled to which the model gives a score of 0.5 or more.
    pub fn count(&self) -> f64 {
        let above = self.scores.unlabeled.iter().filter(|&&logit| logit >= 0.0).count();
        above as f64 / self.scores.unlabeled.len().max(1) as f64
    }

    /// All weights, the last layer included.
    pub fn weights(&self) -> &NamedTensors {
        &self.model.model
    }

    /// Logits of patches of the run, by index.
    ///
    /// # Errors
    /// When a patch cannot be read.
    pub fn logits(&self, data: &TrainingData, device: &ComputeDevice, patches: &[usize]) -> Result<Vec<f32>> {
        logits(data, &Scorer::new(&self.model, device.clone())?, patches)
    }
}

fn logits(data: &TrainingData, scorer: &Scorer, patches: &[usize]) -> Result<Vec<f32>> {
    let area = data.size * data.size;
    let mut all = Vec::with_capacity(patches.len());
    for group in patches.chunks(scorer.chunk_size().max(1)) {
        let mut pixels = vec![0.0; group.len() * area];
        for (&patch, out) in group.iter().zip(pixels.chunks_exact_mut(area)) {
            data.pixels.read(patch, out)?;
            // The run's normaliser is linear, so this is the z-score of the patch as it was imported.
            scorer.normaliser().apply(out)?;
        }
        all.extend(scorer.logits(&pixels));
    }
    Ok(all)
}
