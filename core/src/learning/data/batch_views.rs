//! Makes the views of a batch that the networks get.

use burn::tensor::Tensor;
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::learning::config::{ConsistencyKind, RunConfig};
use crate::learning::data::augment::Augmenter;
use crate::learning::data::mixup::Mix;
use crate::learning::data::patch_store::DevicePool;
use crate::learning::data::sampler::Batch;

/// The views of a batch.
pub(crate) struct BatchViews {
    /// Weak views in the order positive, unlabeled, negative (N×1×S×S).
    pub weak: Tensor<4>,
    /// Strong views of the unlabeled, for the consistency term (U×1×S×S).
    pub strong: Option<Tensor<4>>,
    /// Second weak views of all patches, for the alignment (N×1×S×S).
    pub second_weak: Option<Tensor<4>>,
    /// The mixup that was applied to `weak`.
    pub mix: Option<Mix>,
}

impl BatchViews {
    /// Makes the views that the configuration needs. Weak views draw from the first generator, all others from the
    /// second.
    ///
    /// # Errors
    /// When a patch cannot be read.
    pub fn make(
        pool: &DevicePool,
        augmenter: &Augmenter,
        config: &RunConfig,
        batch: &Batch,
        [weak_rng, other_rng]: [&mut ChaCha8Rng; 2],
    ) -> Result<Self> {
        let all = [batch.positive.as_slice(), &batch.unlabeled, &batch.negative].concat();
        let unlabeled = batch.positive.len()..batch.positive.len() + batch.unlabeled.len();
        let settings = &config.augmentation.weak;
        let weak_views = |rng: &mut ChaCha8Rng| -> Result<Tensor<4>> {
            let views = augmenter.weak(pool.gather(&all)?, settings, rng);
            Ok(augmenter.overlay(views, unlabeled.clone(), settings.overlay, rng))
        };
        let weak = weak_views(weak_rng)?;
        let mix = Mix::draw(batch.len(), settings.mixup, weak_rng);
        let weak = match &mix {
            Some(mix) => mix.mix(weak),
            None => weak,
        };
        let strong = if config.consistency.kind != ConsistencyKind::None && !batch.unlabeled.is_empty() {
            let patches = pool.gather(&batch.unlabeled)?;
            Some(augmenter.strong(patches, &config.augmentation.strong, other_rng))
        } else {
            None
        };
        let second_weak = if config.alignment.weight > 0.0 { Some(weak_views(other_rng)?) } else { None };
        Ok(Self { weak, strong, second_weak, mix })
    }
}
