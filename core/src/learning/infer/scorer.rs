//! A trained network that scores patches.

use burn::module::Module;

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::imaging::normalise::Normaliser;
use crate::learning::infer::predict::{Views, host_features, host_logits, probability};
use crate::learning::network::Network;
use crate::learning::network::weights::restore;
use crate::learning::train::checkpoint::Checkpoint;

/// A trained network ready to score patches it gets raw.
pub struct Scorer {
    network: Network,
    normaliser: Normaliser,
    views: Views,
    device: ComputeDevice,
}

impl Scorer {
    /// Loads the network of a checkpoint of [`crate::learning::train::checkpoint::model_path`] onto a device.
    ///
    /// # Errors
    /// When the weights do not fit the network the checkpoint names.
    pub fn new(checkpoint: &Checkpoint, device: ComputeDevice) -> Result<Self> {
        let config = &checkpoint.header.config;
        let network = Network::new(config.backbone, config.seed, &device.inner).valid();
        let network = restore(network, &checkpoint.model).map_err(|problem| {
            Error::request(format!("the checkpoint does not fit its network: {problem}"), "train again")
        })?;
        Ok(Self::of(network, checkpoint.header.normaliser, device))
    }

    /// With a network in validation form that lies on the device.
    pub fn of(network: Network, normaliser: Normaliser, device: ComputeDevice) -> Self {
        Self { network, normaliser, views: Views::Eight, device }
    }

    /// The same, averaging over other views; eight are usual, fewer are quicker and a little worse.
    pub fn with_views(self, views: Views) -> Self {
        Self { views, ..self }
    }

    /// Side of the patches it takes, px.
    pub fn size(&self) -> usize {
        self.normaliser.size()
    }

    /// The normaliser it applies.
    pub fn normaliser(&self) -> &Normaliser {
        &self.normaliser
    }

    /// Patches to hand to [`Self::score`] at once. A GPU waits for the host once after each such part, so it gets
    /// many: up to 64 MiB of them. The processor gets fewer, so that a person sees it move.
    pub fn at_once(&self) -> usize {
        let bytes = self.size() * self.size() * size_of::<f32>();
        let fit = ((64 << 20) / bytes.max(1)).clamp(1, 8192);
        if self.device.is_cpu { fit.min(1024) } else { fit }
    }

    /// Scores p in [0, 1] of patches (N×S×S) that [`Self::normaliser`] has been applied to, averaged
    /// over mirrorings and quarter turns.
    pub fn score(&self, normalised: &[f32]) -> Vec<f32> {
        let device = &self.device.inner;
        let logits = host_logits(&self.network, normalised, self.size(), self.views, device);
        logits.into_iter().map(probability).collect()
    }

    /// Features before the last layer (N×C, row by row) of patches (N×S×S) that [`Self::normaliser`] has
    /// been applied to, averaged over the four mirrorings; what looks alike to the network lies near.
    pub fn features(&self, normalised: &[f32]) -> Vec<f32> {
        host_features(&self.network, normalised, self.size(), &self.device.inner)
    }
}
