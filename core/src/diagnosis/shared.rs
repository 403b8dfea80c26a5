//! What the examinations have in common: measurements of the patches and short trainings, made once.

use super::features::PatchMeasures;
use super::quick::{OutOfFold, QuickData};
use super::subject::Subject;
use crate::device::ComputeDevice;
use crate::imaging::normalise::Normaliser;
use crate::learning::prior::best_bin::PriorEstimate;

/// What examinations share; filled as far as it goes.
pub(super) struct SharedData {
    pub(super) features: Vec<PatchMeasures>,
    pub(super) normaliser: Option<Normaliser>,
    pub(super) quick: Option<QuickData>,
    pub(super) scores: Option<OutOfFold>,
    /// Why there are no quick trainings.
    pub(super) untrained: String,
    /// π as far as it was estimated.
    pub(super) prior: Option<PriorEstimate>,
    /// AUC of the plain classifier, against unlabeled.
    pub(super) baseline_auc: Option<f64>,
}

/// What was trained on the data alone, kept between examinations of the same data: examining a second
/// configuration then takes a fraction of the time. [`super::examine_again`] forgets it by itself when data,
/// labels, sides, seed, normaliser or device are others.
#[derive(Default)]
pub struct TrainingCache {
    key: u64,
    pub(super) quick: Option<(QuickData, OutOfFold)>,
    pub(super) curve: Option<Vec<(usize, f64)>>,
    pub(super) reference: Option<((usize, usize, bool), Option<f64>)>,
}

impl TrainingCache {
    /// Forgets what belongs to other data.
    pub(super) fn fit(&mut self, subject: &Subject, features: &[PatchMeasures], device: &ComputeDevice) {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        features.iter().for_each(|f| f.hash.hash(&mut hasher));
        (&subject.labels, &subject.sides, subject.size, subject.config.seed).hash(&mut hasher);
        subject.truth.hash(&mut hasher);
        format!("{:?} {device}", subject.config.normaliser).hash(&mut hasher);
        let key = hasher.finish();
        if key != self.key {
            *self = Self { key, ..Self::default() };
        }
    }
}
