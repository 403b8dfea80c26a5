//! The unlabeled part of the loss: the strong view must agree with what the weak view says.

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

use super::config::{ConsistencyConfig, ConsistencyKind};
use super::risk::cross_entropy;

/// Running statistics that survive from batch to batch, and into a checkpoint.
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
    /// Before the first batch: p as the prior says, confidence as SoftMatch starts for two classes.
    pub fn new(prior: f64) -> Self {
        Self { mean_p: prior, mean_confidence: 0.5, var_confidence: 1.0 }
    }

    /// Takes in the p of one batch (momentum 0.99; Chen et al. 2023 use 0.999 on far longer runs).
    pub fn update(&mut self, p: &[f32]) {
        const MOMENTUM: f64 = 0.99;
        if p.is_empty() {
            return;
        }
        let n = p.len() as f64;
        let confidence = |p: f32| f64::from(p.max(1.0 - p));
        let mean_p = p.iter().map(|&p| f64::from(p)).sum::<f64>() / n;
        let mean = p.iter().map(|&p| confidence(p)).sum::<f64>() / n;
        let var = p.iter().map(|&p| (confidence(p) - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        self.mean_p = MOMENTUM * self.mean_p + (1.0 - MOMENTUM) * mean_p;
        self.mean_confidence = MOMENTUM * self.mean_confidence + (1.0 - MOMENTUM) * mean;
        self.var_confidence = MOMENTUM * self.var_confidence + (1.0 - MOMENTUM) * var;
    }
}

/// Targets and weights for the strong views of one batch of unlabeled patches, on the host: the
/// numbers are few, and every one of them is shown to the person.
#[derive(Debug, Clone, PartialEq)]
pub struct PseudoLabels {
    /// Target in [0, 1] for each patch.
    pub target: Vec<f32>,
    /// Weight of each patch, 0 where the pseudo-label is not trusted.
    pub weight: Vec<f32>,
}

/// Shifts p so that its running mean becomes π: p·π/m against (1−p)·(1−π)/(1−m), renormalised
/// (Berthelot et al. 2020, ReMixMatch, for two classes).
pub fn align(p: f32, mean_p: f64, prior: f64) -> f32 {
    let mean_p = mean_p.clamp(1e-4, 1.0 - 1e-4);
    let for_particle = f64::from(p) * prior / mean_p;
    let against = (1.0 - f64::from(p)) * (1.0 - prior) / (1.0 - mean_p);
    let total = for_particle + against;
    if total > 0.0 { (for_particle / total) as f32 } else { p }
}

/// Pseudo-labels from p (weak view of the teacher, or of the student without gradient).
pub fn pseudo_labels(
    config: &ConsistencyConfig,
    state: &ConsistencyState,
    prior: f64,
    p: &[f32],
) -> PseudoLabels {
    let aligned: Vec<f32> = if config.distribution_alignment {
        p.iter().map(|&p| align(p, state.mean_p, prior)).collect()
    } else {
        p.to_vec()
    };
    let hard = |p: f32| if p >= 0.5 { 1.0 } else { 0.0 };
    let confidence = |p: f32| p.max(1.0 - p);
    match config.kind {
        ConsistencyKind::None => PseudoLabels { target: aligned, weight: vec![0.0; p.len()] },
        ConsistencyKind::Fixmatch => PseudoLabels {
            target: aligned.iter().map(|&p| hard(p)).collect(),
            weight: aligned
                .iter()
                .map(|&p| if f64::from(confidence(p)) >= config.threshold { 1.0 } else { 0.0 })
                .collect(),
        },
        ConsistencyKind::Softmatch => PseudoLabels {
            target: aligned.iter().map(|&p| if config.soft_targets { p } else { hard(p) }).collect(),
            // Chen et al. 2023, equation 5, with σ̂² read as in the paper's appendix: a quarter of
            // the running variance narrows the Gaussian to two deviations.
            weight: aligned
                .iter()
                .map(|&p| {
                    let below = (f64::from(confidence(p)) - state.mean_confidence).min(0.0);
                    (-below * below / (2.0 * state.var_confidence / 4.0).max(1e-12)).exp() as f32
                })
                .collect(),
        },
        ConsistencyKind::MeanTeacher => PseudoLabels { target: aligned, weight: vec![1.0; p.len()] },
    }
}

/// The term before λ: the mean over the batch of weight × distance between the strong view's logit
/// and the target (cross-entropy; squared difference of probabilities for Mean Teacher). Patches of
/// weight 0 count in the mean, as FixMatch does (Sohn et al. 2020, equation 4).
pub fn consistency_loss(
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
