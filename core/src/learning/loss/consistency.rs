//! The consistency term: the strong view of an unlabeled patch must agree with the pseudo-label from its weak view.

use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};

use crate::learning::config::{ConsistencyConfig, ConsistencyKind};
use crate::learning::loss::risk::cross_entropy;
use crate::learning::network::weights::to_vec;

/// Running statistics over batches, as a checkpoint stores them.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ConsistencyState {
    /// Running mean of p on the unlabeled, for distribution alignment.
    pub mean_p: f64,
    /// Running mean of the confidence max(p, 1−p), for SoftMatch.
    pub mean_confidence: f64,
    /// Running variance of the confidence, for SoftMatch.
    pub var_confidence: f64,
}

impl ConsistencyState {
    /// The statistics before the first batch: mean p is the prior; the confidence starts as SoftMatch does for two
    /// classes.
    pub fn new(prior: f64) -> Self {
        Self { mean_p: prior, mean_confidence: 0.5, var_confidence: 1.0 }
    }
}

/// A [`ConsistencyState`] on the device, so that making pseudo-labels needs no readback.
#[derive(Debug, Clone)]
pub(crate) struct RunningConfidence {
    /// Mean of p, mean of the confidence, its variance (shape 3).
    values: Tensor<1>,
}

impl RunningConfidence {
    /// Puts a state on a device.
    pub fn new(state: ConsistencyState, device: &Device) -> Self {
        let values = [state.mean_p, state.mean_confidence, state.var_confidence].map(|v| v as f32);
        Self { values: Tensor::from_data(TensorData::new(values.to_vec(), [3]), device) }
    }

    /// Reads the state back.
    pub fn state(&self) -> ConsistencyState {
        let values = to_vec(self.values.clone());
        let value = |place: usize| values.get(place).copied().map_or(f64::NAN, f64::from);
        ConsistencyState { mean_p: value(0), mean_confidence: value(1), var_confidence: value(2) }
    }

    /// Updates the statistics with p of some patches (momentum 0.99; Chen et al. 2023 use 0.999 in far longer runs).
    pub fn update(&mut self, p: Tensor<1>) {
        const MOMENTUM: f64 = 0.99;
        let count = p.dims()[0];
        if count == 0 {
            return;
        }
        let confidence = confidence(p.clone());
        let mean = confidence.clone().mean();
        let spread = (confidence - mean.clone()).powi_scalar(2).sum() / (count as f64 - 1.0).max(1.0);
        let now = Tensor::cat(vec![p.mean(), mean, spread], 0);
        self.values = self.values.clone() * MOMENTUM + now * (1.0 - MOMENTUM);
    }

    fn value(&self, place: usize) -> Tensor<1> {
        self.values.clone().narrow(0, place, 1)
    }
}

/// Targets and weights for the strong views of the unlabeled patches of a batch, on the device.
#[derive(Debug, Clone)]
pub(crate) struct PseudoLabels {
    /// Target in [0, 1] for each patch (shape U).
    pub target: Tensor<1>,
    /// Weight of each patch; 0 leaves the patch out (shape U).
    pub weight: Tensor<1>,
}

fn confidence(p: Tensor<1>) -> Tensor<1> {
    p.clone().max_pair(1.0 - p)
}

/// Shifts p (shape U) so that its running mean m (shape 1) becomes π: p·π/m against (1−p)·(1−π)/(1−m),
/// renormalised (Berthelot et al. 2020, ReMixMatch, for two classes).
pub(crate) fn align(p: Tensor<1>, mean_p: Tensor<1>, prior: f64) -> Tensor<1> {
    let mean_p = mean_p.clamp(1e-4, 1.0 - 1e-4);
    let for_particle = p.clone() * (prior / mean_p.clone());
    let against = (1.0 - p) * ((1.0 - prior) / (1.0 - mean_p));
    for_particle.clone() / (for_particle + against)
}

/// Pseudo-labels from p of the weak views (shape U), of the teacher or of the student, without gradient.
pub(crate) fn pseudo_labels(
    config: &ConsistencyConfig,
    running: &RunningConfidence,
    prior: f64,
    p: Tensor<1>,
) -> PseudoLabels {
    let aligned = if config.distribution_alignment { align(p, running.value(0), prior) } else { p };
    let hard = |p: Tensor<1>| p.greater_equal_scalar(0.5).float();
    match config.kind {
        ConsistencyKind::None => PseudoLabels { weight: aligned.zeros_like(), target: aligned },
        ConsistencyKind::Fixmatch => PseudoLabels {
            weight: confidence(aligned.clone()).greater_equal_scalar(config.threshold).float(),
            target: hard(aligned),
        },
        ConsistencyKind::Softmatch => {
            // Chen et al. 2023, equation 5, with σ̂² read as in the paper's appendix: a quarter of
            // the running variance narrows the Gaussian to two deviations.
            let below = (confidence(aligned.clone()) - running.value(1)).clamp_max(0.0);
            let width = (running.value(2) / 2.0).clamp_min(1e-12);
            PseudoLabels {
                weight: (below.powi_scalar(2) / width).neg().exp(),
                target: if config.soft_targets { aligned } else { hard(aligned) },
            }
        }
        ConsistencyKind::MeanTeacher => PseudoLabels { weight: aligned.ones_like(), target: aligned },
    }
}

/// The term before λ: the mean over the batch of weight × distance between the strong view's logit and the target. The
/// distance is the cross-entropy; for Mean Teacher it is the squared difference of probabilities. Patches of weight 0
/// count in the mean, as in FixMatch (Sohn et al. 2020, equation 4).
pub(crate) fn consistency_loss(
    kind: ConsistencyKind,
    strong: Tensor<1>,
    target: Tensor<1>,
    weight: Tensor<1>,
) -> Tensor<1> {
    let distance = match kind {
        ConsistencyKind::MeanTeacher => (sigmoid(strong) - target).powi_scalar(2),
        _ => cross_entropy(strong, target),
    };
    (distance * weight).mean()
}
