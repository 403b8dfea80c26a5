//! The risks: the part of the loss that labels enter.
//!
//! Every risk takes logits (N) and returns one value to minimise. Below, `E` is the mean over a batch and `g` the
//! logit. Known negatives are a term of their own, `negative_weight · E_N[ℓ(−g)]`, which is added to any risk.

use burn::tensor::activation::{log_sigmoid, sigmoid, softmax};
use burn::tensor::{Tensor, TensorData};

use crate::learning::config::{RiskConfig, RiskKind, SurrogateLoss};
use crate::learning::data::sampler::Batch;

/// Logits of one batch by label; `None` where the batch holds no patch of that label.
pub struct LabelledLogits {
    /// Logits of positives (shape P).
    pub positive: Option<Tensor<1>>,
    /// Logits of unlabeled patches (shape U).
    pub unlabeled: Option<Tensor<1>>,
    /// Logits of negatives (shape N).
    pub negative: Option<Tensor<1>>,
}

impl LabelledLogits {
    /// Splits the logits of a batch, which begin with those of its patches in the order positive, unlabeled, negative.
    pub(crate) fn split(batch: &Batch, logits: &Tensor<1>) -> Self {
        let (p, u, n) = (batch.positive.len(), batch.unlabeled.len(), batch.negative.len());
        let part = |from: usize, count: usize| (count > 0).then(|| logits.clone().narrow(0, from, count));
        Self { positive: part(0, p), unlabeled: part(p, u), negative: part(p + u, n) }
    }
}

/// The value of a risk on a batch.
pub struct RiskValue {
    /// The value whose gradient is the step (shape 1).
    pub objective: Tensor<1>,
    /// The value to report (shape 1, no gradient). For nnPU this is the non-negative risk, which differs from the
    /// objective while the inner term is clamped.
    pub shown: Tensor<1>,
    /// Weighted term of the known negatives (shape 1, no gradient); `None` without any.
    pub negative_term: Option<Tensor<1>>,
    /// nnPU: 1 where the inner term was below −β and therefore clamped, else 0 (shape 1, no gradient).
    pub clamped: Option<Tensor<1>>,
}

impl RiskValue {
    /// `share` times this risk plus 1 − `share` times another.
    pub fn mixed(self, other: Self, share: f64) -> Self {
        let mix = |a: Tensor<1>, b: Tensor<1>| a * share + b * (1.0 - share);
        let both = |a: Option<Tensor<1>>, b: Option<Tensor<1>>| a.zip(b).map(|(a, b)| mix(a, b));
        Self {
            objective: mix(self.objective, other.objective),
            shown: mix(self.shown, other.shown),
            negative_term: both(self.negative_term, other.negative_term),
            clamped: both(self.clamped, other.clamped),
        }
    }
}

/// ℓ(z) of the surrogate, element by element; z is the margin.
fn surrogate(loss: SurrogateLoss, margin: Tensor<1>) -> Tensor<1> {
    match loss {
        SurrogateLoss::Sigmoid => sigmoid(margin.neg()),
        SurrogateLoss::Logistic => log_sigmoid(margin).neg(),
    }
}

/// Binary cross-entropy of logits against targets in [0, 1], element by element:
/// −t·ln σ(g) − (1−t)·ln σ(−g).
pub fn cross_entropy(logits: Tensor<1>, targets: Tensor<1>) -> Tensor<1> {
    let positive = log_sigmoid(logits.clone());
    let negative = log_sigmoid(logits.neg());
    (targets.clone() * (positive - negative.clone()) + negative).neg()
}

/// The unbiased risk of du Plessis et al. 2015 in its two parts, from positives and unlabeled:
/// π·E_P[ℓ(g)] and E_U[ℓ(−g)] − π·E_P[ℓ(−g)].
fn pu_parts(
    loss: SurrogateLoss,
    prior: f64,
    positive: Tensor<1>,
    unlabeled: Tensor<1>,
) -> (Tensor<1>, Tensor<1>) {
    let as_positive = surrogate(loss, positive.clone()).mean() * prior;
    let as_negative =
        surrogate(loss, unlabeled.neg()).mean() - surrogate(loss, positive.neg()).mean() * prior;
    (as_positive, as_negative)
}

/// nnPU (Kiryo et al. 2017, algorithm 1). While the inner term is at least −β, the objective is the whole risk.
/// Below −β it is −γ times the inner term alone; back-propagation through `max(·, 0)` would give something else.
/// Returns objective, reported value and whether the inner term was clamped (1 or 0).
pub(crate) fn nnpu(
    config: &RiskConfig,
    prior: f64,
    positive: Tensor<1>,
    unlabeled: Tensor<1>,
) -> (Tensor<1>, Tensor<1>, Tensor<1>) {
    let (as_positive, inner) = pu_parts(config.loss, prior, positive, unlabeled);
    let clamped = inner.clone().detach().lower_scalar(-config.beta).float().cast(inner.dtype());
    let unclamped = clamped.clone().neg() + 1.0;
    let shown = (as_positive.clone() + inner.clone().clamp_min(-config.beta)).detach();
    let objective = (as_positive + inner.clone()) * unclamped - inner * (clamped.clone() * config.gamma);
    (objective, shown, clamped)
}

/// GE-binomial (Bepler et al. 2019, equations 4 to 6, as Topaz computes it): the cross-entropy of the positives, plus
/// `slack` times the cross-entropy between two distributions of the number of particles among the unlabeled of the
/// batch: the normal approximation N(Σp, Σp(1−p)) and the binomial distribution with π.
pub(crate) fn ge_binomial(slack: f64, prior: f64, positive: Tensor<1>, unlabeled: Tensor<1>) -> Tensor<1> {
    let device = unlabeled.device();
    let count = unlabeled.dims()[0];
    let p = sigmoid(unlabeled);
    let mean = p.clone().sum();
    let variance = (p.clone() * (p.clone().neg() + 1.0)).sum();
    let counts: Vec<f32> = (0..=count).map(|k| k as f32).collect();
    let counts = Tensor::<1>::from_data(TensorData::new(counts, [count + 1]), &device).cast(p.dtype());
    let log_binomial = log_binomial_pmf(count, prior);
    let log_binomial =
        Tensor::<1>::from_data(TensorData::new(log_binomial, [count + 1]), &device).cast(p.dtype());
    let distance = (counts - mean).powi_scalar(2);
    let posterior = softmax(distance * -0.5 / (variance + 1e-10), 0);
    let expectation = (posterior * log_binomial).sum().neg();
    log_sigmoid(positive).mean().neg() + expectation * slack
}

/// VPU, the variational risk (Chen et al. 2020): `ln E_U[p] − E_P[ln p]`. It is smallest where p is proportional to
/// the probability of being a particle. The paper's mixup term is left out.
pub(crate) fn vpu(positive: Tensor<1>, unlabeled: Tensor<1>) -> Tensor<1> {
    (sigmoid(unlabeled).mean() + 1e-6).log() - log_sigmoid(positive).mean()
}

/// Dist-PU, label distribution alignment (Zhao et al. 2022): `2π·|E_P[p] − 1| + |E_U[p] − π|`, plus `entropy` times
/// the mean entropy of p among the unlabeled. Without the entropy, p = π for every unlabeled patch would be a
/// minimum.
pub(crate) fn dist_pu(entropy: f64, prior: f64, positive: Tensor<1>, unlabeled: Tensor<1>) -> Tensor<1> {
    let p = sigmoid(unlabeled.clone());
    let certain = cross_entropy(unlabeled, p.clone()).mean();
    (sigmoid(positive).mean() - 1.0).abs() * (2.0 * prior) + (p.mean() - prior).abs() + certain * entropy
}

/// ln of the binomial probabilities of 0..=n successes with probability p.
fn log_binomial_pmf(n: usize, p: f64) -> Vec<f32> {
    let mut log_choose = 0.0;
    (0..=n)
        .map(|k| {
            if k > 0 {
                log_choose += ((n - k + 1) as f64).ln() - (k as f64).ln();
            }
            (log_choose + k as f64 * p.ln() + (n - k) as f64 * (1.0 - p).ln()) as f32
        })
        .collect()
}

/// The configured risk of one batch; `None` where the batch holds nothing that the risk uses. Terms of labels that are
/// missing from the batch are left out; `learning/train/check_data.rs` refuses data that never has them.
pub fn risk(config: &RiskConfig, prior: f64, logits: LabelledLogits) -> Option<RiskValue> {
    let LabelledLogits { positive, unlabeled, negative } = logits;
    let mut clamped = None;
    let mut shown = None;
    let main = match (config.kind, positive, unlabeled) {
        (RiskKind::Supervised, Some(p), _) => Some(log_sigmoid(p).mean().neg()),
        (RiskKind::Supervised, None, _) => None,
        (RiskKind::Naive, Some(p), Some(u)) => {
            let share = config.positive_weight;
            Some(log_sigmoid(p).mean().neg() * share + log_sigmoid(u.neg()).mean().neg() * (1.0 - share))
        }
        (RiskKind::Upu, Some(p), Some(u)) => {
            let (as_positive, as_negative) = pu_parts(config.loss, prior, p, u);
            Some(as_positive + as_negative)
        }
        (RiskKind::Nnpu, Some(p), Some(u)) => {
            let (objective, value, was_clamped) = nnpu(config, prior, p, u);
            clamped = Some(was_clamped);
            shown = Some(value);
            Some(objective)
        }
        (RiskKind::GeBinomial, Some(p), Some(u)) => Some(ge_binomial(config.slack, prior, p, u)),
        (RiskKind::Vpu, Some(p), Some(u)) => Some(vpu(p, u)),
        (RiskKind::DistPu, Some(p), Some(u)) => Some(dist_pu(config.entropy, prior, p, u)),
        (_, Some(p), None) => Some(log_sigmoid(p).mean().neg()),
        (_, None, _) => None,
    };
    let negative_term = negative.filter(|_| config.negative_weight > 0.0).map(|n| {
        let loss = match config.kind {
            RiskKind::Upu | RiskKind::Nnpu => surrogate(config.loss, n.neg()),
            _ => log_sigmoid(n.neg()).neg(),
        };
        loss.mean() * config.negative_weight
    });
    let shown_negative = negative_term.clone().map(Tensor::detach);
    let objective = match (main, negative_term) {
        (Some(main), Some(term)) => {
            shown = shown.or_else(|| Some(main.clone().detach()));
            main + term
        }
        (Some(only), None) | (None, Some(only)) => {
            shown = shown.or_else(|| Some(only.clone().detach()));
            only
        }
        (None, None) => return None,
    };
    let shown = shown?;
    Some(RiskValue { objective, shown, negative_term: shown_negative, clamped })
}
