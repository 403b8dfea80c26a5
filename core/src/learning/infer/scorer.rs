//! A trained network that scores patches.

use burn::module::Module;

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::imaging::normalise::Normaliser;
use crate::learning::infer::contrast::ContrastRule;
use crate::learning::infer::predict::{TestTimeAugmentation, host_features, host_logits, probability};
use crate::learning::infer::slide::{LogitMap, logit_map};
use crate::learning::network::Network;
use crate::learning::network::weights::load;
use crate::learning::train::checkpoint::Checkpoint;

/// A trained network with its normaliser.
pub struct Scorer {
    network: Network,
    normaliser: Normaliser,
    augmentation: TestTimeAugmentation,
    contrast: Option<ContrastRule>,
    contrast_by_scores: bool,
    device: ComputeDevice,
}

impl Scorer {
    /// Loads the network of a checkpoint onto a device. The checkpoint is one of
    /// [`crate::learning::train::checkpoint::model_path`].
    ///
    /// # Errors
    /// When the weights do not fit the network that the checkpoint names.
    pub fn new(checkpoint: &Checkpoint, device: ComputeDevice) -> Result<Self> {
        let config = &checkpoint.header.config;
        let network = Network::new(config.backbone, config.seed, &device.inner).valid();
        let network = load(network, &checkpoint.model).map_err(|problem| {
            Error::request(format!("the checkpoint does not fit its network: {problem}"), "train again")
        })?;
        let header = &checkpoint.header;
        let scorer = Self::from_network(network, header.normaliser, device).with_contrast(header.contrast);
        Ok(Self { contrast_by_scores: header.contrast_by_scores, ..scorer })
    }

    /// Scores with a network in validation form that lies on the device.
    pub fn from_network(network: Network, normaliser: Normaliser, device: ComputeDevice) -> Self {
        Self {
            network,
            normaliser,
            augmentation: TestTimeAugmentation::Symmetries,
            contrast: None,
            contrast_by_scores: false,
            device,
        }
    }

    /// Averages scores over other copies of a patch. All symmetries are the default; fewer are faster and a little
    /// worse.
    pub fn with_augmentation(self, augmentation: TestTimeAugmentation) -> Self {
        Self { augmentation, ..self }
    }

    /// With a rule by which scores of patches and places of little contrast are lowered.
    pub(crate) fn with_contrast(self, contrast: Option<ContrastRule>) -> Self {
        Self { contrast, ..self }
    }

    /// Side of the patches, px.
    pub fn size(&self) -> usize {
        self.normaliser.size()
    }

    /// The normaliser that patches need before [`Self::score`] and [`Self::features`].
    pub fn normaliser(&self) -> &Normaliser {
        &self.normaliser
    }

    /// The contrast rule of the run; `None` where it has none. [`Self::score`] does not apply it: its callers do.
    pub fn contrast(&self) -> Option<ContrastRule> {
        self.contrast
    }

    /// Whether picking finds such a rule on each micrograph by its own scores.
    pub fn finds_contrast_by_scores(&self) -> bool {
        self.contrast_by_scores && self.contrast.is_none()
    }

    /// Number of patches to pass to [`Self::score`] at once. A GPU waits for the host after each call, so it gets
    /// up to 64 MiB of patches. The CPU gets fewer, so that progress is shown often.
    pub fn chunk_size(&self) -> usize {
        let bytes = self.size() * self.size() * size_of::<f32>();
        let fit = ((64 << 20) / bytes.max(1)).clamp(1, 8192);
        if self.device.is_cpu { fit.min(1024) } else { fit }
    }

    /// Scores p in [0, 1] of normalised patches (N×S×S).
    pub fn score(&self, normalised: &[f32]) -> Vec<f32> {
        self.logits(normalised).into_iter().map(probability).collect()
    }

    /// Logits of normalised patches (N×S×S). They tell patches apart whose scores both round to 1.
    pub fn logits(&self, normalised: &[f32]) -> Vec<f32> {
        host_logits(&self.network, normalised, self.size(), self.augmentation, &self.device.inner)
    }

    /// Whether the network can be slid over a whole picture.
    pub fn slides(&self) -> bool {
        self.network.slides()
    }

    /// Logits of every place of a normalised picture (rows of `width` px), without averaging over copies; `None` for
    /// networks that judge patches only.
    pub fn logit_map(&self, picture: &[f32], width: usize) -> Option<LogitMap> {
        logit_map(&self.network, picture, width, &self.device.inner)
    }

    /// Features before the last layer (N×C, row by row) of normalised patches (N×S×S), averaged over the four flips.
    /// Patches that look alike to the network have features that lie close together.
    pub fn features(&self, normalised: &[f32]) -> Vec<f32> {
        host_features(&self.network, normalised, self.size(), &self.device.inner)
    }
}
