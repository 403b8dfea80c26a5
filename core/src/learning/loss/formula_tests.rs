//! Compares each formula with values computed by hand, and gradients with finite differences.
#![allow(clippy::unwrap_used)]

use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use super::consistency::{ConsistencyState, RunningConfidence, align, consistency_loss, pseudo_labels};
use super::risk::{LabelledLogits, dist_pu, ge_binomial, nnpu, risk, vpu};
use crate::learning::config::{ConsistencyConfig, ConsistencyKind, RiskConfig, RiskKind, SurrogateLoss};
use crate::learning::network::weights::to_vec;
use crate::learning::optim::adamw::clip_factor;

fn vector(values: &[f64]) -> Tensor<1> {
    let device = Device::flex().autodiff();
    Tensor::<1>::from_data(TensorData::new(values.to_vec(), [values.len()]), &device).cast(FloatDType::F64)
}

/// Without gradient, f32.
fn plain(values: &[f32]) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &Device::flex())
}

fn value(tensor: Tensor<1>) -> f64 {
    tensor.inner().into_data_as::<f64>().as_slice::<f64>().unwrap()[0]
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "found {found}, expected {expected}");
}

const LN3: f64 = 1.098_612_288_668_109_8;

fn config(kind: RiskKind) -> RiskConfig {
    RiskConfig { kind, ..RiskConfig::default() }
}

fn labelled(p: &[f64], u: &[f64], n: &[f64]) -> LabelledLogits {
    let part = |v: &[f64]| (!v.is_empty()).then(|| vector(v));
    LabelledLogits { positive: part(p), unlabeled: part(u), negative: part(n) }
}

/// With sigmoid loss, logits p = (0, ln 3) and u = (0, −ln 3):
/// E_P[ℓ(g)] = (1/2 + 1/4)/2 = 3/8, E_P[ℓ(−g)] = (1/2 + 3/4)/2 = 5/8, E_U[ℓ(−g)] = 3/8.
#[test]
fn upu_and_nnpu_agree_while_the_inner_term_is_positive() {
    let inner = 3.0 / 8.0 - 0.4 * 5.0 / 8.0;
    for kind in [RiskKind::Upu, RiskKind::Nnpu] {
        let found = risk(&config(kind), 0.4, labelled(&[0.0, LN3], &[0.0, -LN3], &[])).unwrap();
        close(value(found.objective), 0.4 * 3.0 / 8.0 + inner);
    }
}

#[test]
fn nnpu_turns_when_the_inner_term_is_negative() {
    // π = 0.8: inner = 3/8 − 1/2 = −1/8.
    let found = risk(&config(RiskKind::Nnpu), 0.8, labelled(&[0.0, LN3], &[0.0, -LN3], &[])).unwrap();
    close(value(found.shown), 0.8 * 3.0 / 8.0);
    close(value(found.objective), 1.0 / 8.0);
    close(value(found.clamped.unwrap()), 1.0);
    let gentle = RiskConfig { gamma: 0.5, ..config(RiskKind::Nnpu) };
    let found = risk(&gentle, 0.8, labelled(&[0.0, LN3], &[0.0, -LN3], &[])).unwrap();
    close(value(found.objective), 1.0 / 16.0);
    // β = 0.2 tolerates −1/8: the step goes straight on, and the shown value keeps the whole term.
    let tolerant = RiskConfig { beta: 0.2, ..config(RiskKind::Nnpu) };
    let found = risk(&tolerant, 0.8, labelled(&[0.0, LN3], &[0.0, -LN3], &[])).unwrap();
    close(value(found.objective), 0.8 * 3.0 / 8.0 - 1.0 / 8.0);
    close(value(found.clamped.unwrap()), 0.0);
    // uPU takes the negative term as it is.
    let found = risk(&config(RiskKind::Upu), 0.8, labelled(&[0.0, LN3], &[0.0, -LN3], &[])).unwrap();
    close(value(found.objective), 0.8 * 3.0 / 8.0 - 1.0 / 8.0);
}

#[test]
fn logistic_surrogate_of_upu() {
    // ℓ(z) = ln(1 + e⁻ᶻ): ℓ(0) = ln 2, ℓ(ln 3) = ln 4/3, ℓ(−ln 3) = ln 4.
    let logistic = RiskConfig { loss: SurrogateLoss::Logistic, ..config(RiskKind::Upu) };
    let found = risk(&logistic, 0.3, labelled(&[LN3], &[0.0], &[])).unwrap();
    close(value(found.objective), 0.3 * (4.0f64 / 3.0).ln() + 2.0f64.ln() - 0.3 * 4.0f64.ln());
}

#[test]
fn naive_and_supervised_are_cross_entropies() {
    let naive = RiskConfig { positive_weight: 0.25, ..config(RiskKind::Naive) };
    let found = risk(&naive, 0.3, labelled(&[0.0], &[-LN3], &[])).unwrap();
    close(value(found.objective), 0.25 * 2.0f64.ln() + 0.75 * (4.0f64 / 3.0).ln());
    // Supervised leaves the unlabeled out; the negatives' term carries its weight.
    let weighted = RiskConfig { negative_weight: 0.5, ..config(RiskKind::Supervised) };
    let found = risk(&weighted, 0.3, labelled(&[0.0], &[5.0], &[-LN3])).unwrap();
    close(value(found.objective), 2.0f64.ln() + 0.5 * (4.0f64 / 3.0).ln());
    close(value(found.negative_term.unwrap()), 0.5 * (4.0f64 / 3.0).ln());
}

#[test]
fn known_negatives_enter_every_risk() {
    use RiskKind::{DistPu, GeBinomial, Naive, Nnpu, Supervised, Upu, Vpu};
    for kind in [Supervised, Naive, Upu, Nnpu, GeBinomial, Vpu, DistPu] {
        let without = risk(&config(kind), 0.3, labelled(&[0.5], &[0.1], &[])).unwrap();
        let with = risk(&config(kind), 0.3, labelled(&[0.5], &[0.1], &[0.0])).unwrap();
        // ℓ(0) is 1/2 for the sigmoid loss and ln 2 for the logarithmic ones.
        let expected = if matches!(kind, RiskKind::Upu | RiskKind::Nnpu) { 0.5 } else { 2.0f64.ln() };
        close(value(with.objective) - value(without.objective), expected);
    }
}

#[test]
fn ge_binomial_for_one_unlabeled_patch() {
    // p = 1/2: N(1/2, 1/4) weighs the counts 0 and 1 alike, so the term is −(ln 0.7 + ln 0.3)/2.
    let found = ge_binomial(2.0, 0.3, vector(&[0.0]), vector(&[0.0]));
    close(value(found), 2.0f64.ln() - (0.7f64.ln() + 0.3f64.ln()));
    // Two patches, p = 1/2 each: mean 1, variance 1/2, weights e⁻¹ : 1 : e⁻¹; binomial 0.49, 0.42, 0.09.
    let e = (-1.0f64).exp();
    let expectation = -(e * 0.49f64.ln() + 0.42f64.ln() + e * 0.09f64.ln()) / (1.0 + 2.0 * e);
    let found = ge_binomial(1.0, 0.3, vector(&[0.0]), vector(&[0.0, 0.0]));
    close(value(found), 2.0f64.ln() + expectation);
}

#[test]
fn fixmatch_accepts_by_the_larger_of_p_and_one_minus_p() {
    let config = ConsistencyConfig {
        kind: ConsistencyKind::Fixmatch,
        threshold: 0.75,
        ..ConsistencyConfig::default()
    };
    let running = RunningConfidence::new(ConsistencyState::new(0.3), &Device::flex());
    let labels = pseudo_labels(&config, &running, 0.3, plain(&[0.8, 0.7, 0.26, 0.2, 0.75]));
    assert_eq!(to_vec(labels.weight), [1.0, 0.0, 0.0, 1.0, 1.0]);
    assert_eq!(to_vec(labels.target), [1.0, 1.0, 0.0, 0.0, 1.0]);
    // Patches below the threshold count in the mean: one of two at −ln σ(0) = ln 2 gives ln 2 / 2.
    let loss = consistency_loss(
        ConsistencyKind::Fixmatch,
        vector(&[0.0, 3.0]),
        vector(&[1.0, 0.0]),
        vector(&[1.0, 0.0]),
    );
    close(value(loss), 2.0f64.ln() / 2.0);
}

#[test]
fn softmatch_weighs_by_a_truncated_gaussian() {
    let config = ConsistencyConfig { kind: ConsistencyKind::Softmatch, ..ConsistencyConfig::default() };
    let state = ConsistencyState { mean_p: 0.3, mean_confidence: 0.8, var_confidence: 0.04 };
    let running = RunningConfidence::new(state, &Device::flex());
    let labels = pseudo_labels(&config, &running, 0.3, plain(&[0.9, 0.2, 0.6]));
    let weight = to_vec(labels.weight);
    assert_eq!(&weight[..2], &[1.0, 1.0]);
    // Confidence 0.6 lies 0.2 below: e^(−0.04/(2·0.04/4)) = e⁻².
    assert!((f64::from(weight[2]) - (-2.0f64).exp()).abs() < 1e-5);
}

#[test]
fn mean_teacher_is_a_squared_difference() {
    let loss = consistency_loss(
        ConsistencyKind::MeanTeacher,
        vector(&[0.0, LN3]),
        vector(&[0.25, 0.25]),
        vector(&[1.0, 1.0]),
    );
    close(value(loss), (0.25 * 0.25 + 0.5 * 0.5) / 2.0);
}

#[test]
fn alignment_moves_the_mean_to_the_prior() {
    let aligned = |p: f32, mean: f32| f64::from(to_vec(align(plain(&[p]), plain(&[mean]), 0.3))[0]);
    // A model that says 1/2 on average and 1/2 here: after alignment it says π.
    close(aligned(0.5, 0.5), 0.3);
    // Nothing to do when the mean is π already.
    close(aligned(0.8, 0.3), f64::from(0.8f32));
    assert_eq!((aligned(0.0, 0.5), aligned(1.0, 0.5)), (0.0, 1.0));
}

#[test]
fn running_statistics_follow_the_batches_and_survive_a_checkpoint() {
    let begun = ConsistencyState { mean_p: 0.3, mean_confidence: 0.5, var_confidence: 1.0 };
    let mut running = RunningConfidence::new(begun, &Device::flex());
    running.update(plain(&[]));
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found}, {expected}");
    near(running.state().mean_p, 0.3);
    // Confidences 0.9 and 0.6: mean 0.75, variance (0.15² + 0.15²)/1.
    running.update(plain(&[0.9, 0.4]));
    let state = running.state();
    near(state.mean_p, 0.99 * 0.3 + 0.01 * 0.65);
    near(state.mean_confidence, 0.99 * 0.5 + 0.01 * 0.75);
    near(state.var_confidence, 0.99 + 0.01 * 0.045);
    assert_eq!(RunningConfidence::new(state, &Device::flex()).state(), state);
}

#[test]
fn clipping_shortens_to_the_limit_and_never_lengthens() {
    let factor = |norm: f32, limit: f64| {
        to_vec(clip_factor(Tensor::<1>::from_floats([norm], &Device::flex()), limit))[0]
    };
    assert!((factor(10.0, 5.0) - 0.5).abs() < 1e-4);
    assert_eq!(factor(1.0, 5.0), 1.0);
}

/// Gradient of `objective` at `at` by back-propagation, and by central differences of `reference`.
fn gradients(
    at: &[f64],
    objective: impl Fn(Tensor<1>) -> Tensor<1>,
    reference: impl Fn(&[f64]) -> f64,
) -> (Vec<f64>, Vec<f64>) {
    let x = vector(at).require_grad();
    let grads = objective(x.clone()).backward();
    let analytic = x.grad(&grads).unwrap().into_data_as::<f64>().as_slice::<f64>().unwrap().to_vec();
    let step = 1e-5;
    let numeric = (0..at.len())
        .map(|i| {
            let mut moved = at.to_vec();
            moved[i] += step;
            let up = reference(&moved);
            moved[i] -= 2.0 * step;
            (up - reference(&moved)) / (2.0 * step)
        })
        .collect();
    (analytic, numeric)
}

fn agree(analytic: &[f64], numeric: &[f64]) {
    for (a, n) in analytic.iter().zip(numeric) {
        assert!((a - n).abs() < 1e-6, "back-propagation {analytic:?}, finite differences {numeric:?}");
    }
}

fn sigmoid_loss(z: f64) -> f64 {
    1.0 / (1.0 + z.exp())
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

#[test]
fn nnpu_gradient_follows_the_published_step() {
    let (p, u) = ([0.3, 1.2, -0.4], [0.2, -1.5, 0.7, -0.1]);
    let all: Vec<f64> = p.iter().chain(&u).copied().collect();
    let whole = |x: &[f64], prior: f64| {
        let (p, u) = x.split_at(3);
        let plus = prior * mean(p.iter().map(|&g| sigmoid_loss(g)));
        let inner =
            mean(u.iter().map(|&g| sigmoid_loss(-g))) - prior * mean(p.iter().map(|&g| sigmoid_loss(-g)));
        (plus, inner)
    };
    let objective = |config: RiskConfig, prior: f64| {
        move |x: Tensor<1>| nnpu(&config, prior, x.clone().narrow(0, 0, 3), x.narrow(0, 3, 4)).0
    };
    // Inner term positive: the gradient is that of the whole risk.
    assert!(whole(&all, 0.3).1 > 0.0);
    let (analytic, numeric) = gradients(&all, objective(config(RiskKind::Nnpu), 0.3), |x| {
        let (plus, inner) = whole(x, 0.3);
        plus + inner
    });
    agree(&analytic, &numeric);
    // Inner term negative: the step is −γ times the gradient of the inner term alone; the first term
    // contributes nothing, and back-propagation through max(·, 0) would give something else.
    assert!(whole(&all, 0.9).1 < 0.0);
    let clamped = RiskConfig { gamma: 0.7, ..config(RiskKind::Nnpu) };
    let (analytic, numeric) = gradients(&all, objective(clamped, 0.9), |x| -0.7 * whole(x, 0.9).1);
    agree(&analytic, &numeric);
    let (_, through_max) = gradients(&all, objective(clamped, 0.9), |x| {
        let (plus, inner) = whole(x, 0.9);
        plus + inner.max(0.0)
    });
    assert!(analytic.iter().zip(&through_max).any(|(a, b)| (a - b).abs() > 1e-3));
}

#[test]
fn fixmatch_gradient_matches_finite_differences() {
    let logits = [0.4, -1.1, 2.0];
    let (targets, weights) = ([1.0, 0.0, 1.0], [1.0, 1.0, 0.0]);
    let (analytic, numeric) = gradients(
        &logits,
        |x| consistency_loss(ConsistencyKind::Fixmatch, x, vector(&targets), vector(&weights)),
        |x| {
            let entropy = |g: f64, t: f64| {
                let p = 1.0 / (1.0 + (-g).exp());
                -(t * p.ln() + (1.0 - t) * (1.0 - p).ln())
            };
            mean((0..3).map(|i| weights[i] * entropy(x[i], targets[i])))
        },
    );
    agree(&analytic, &numeric);
    assert_eq!(analytic[2], 0.0, "a pseudo-label that is not trusted moves nothing");
}

#[test]
fn ge_binomial_gradient_matches_finite_differences() {
    let logits = [0.4, -0.3, 1.1, -0.8];
    // Three unlabeled patches: counts 0 to 3 with probabilities 0.343, 0.441, 0.189, 0.027.
    let binomial = [0.343f64, 0.441, 0.189, 0.027];
    let value_at = |x: &[f64]| {
        let p: Vec<f64> = x[1..].iter().map(|g| 1.0 / (1.0 + (-g).exp())).collect();
        let mean: f64 = p.iter().sum();
        let variance: f64 = p.iter().map(|p| p * (1.0 - p)).sum();
        let weight = |k: usize| (-0.5 * (k as f64 - mean).powi(2) / variance).exp();
        let total: f64 = (0..4).map(weight).sum();
        let expectation: f64 = (0..4).map(|k| weight(k) / total * binomial[k].ln()).sum();
        (1.0 + (-x[0]).exp()).ln() - expectation
    };
    let (analytic, numeric) =
        gradients(&logits, |x| ge_binomial(1.0, 0.3, x.clone().narrow(0, 0, 1), x.narrow(0, 1, 3)), value_at);
    agree(&analytic, &numeric);
}

#[test]
fn vpu_and_dist_pu_gradients_match_finite_differences() {
    let logits = [0.4, -0.3, 1.1, -0.8];
    let p = |g: f64| 1.0 / (1.0 + (-g).exp());
    let mean_p = |x: &[f64]| x.iter().map(|&g| p(g)).sum::<f64>() / x.len() as f64;
    let split = |x: Tensor<1>| (x.clone().narrow(0, 0, 1), x.narrow(0, 1, 3));

    // ln E_U[p] − E_P[ln p]
    let value_at = |x: &[f64]| (mean_p(&x[1..]) + 1e-6).ln() - p(x[0]).ln();
    let run = |x| {
        let (positive, unlabeled) = split(x);
        vpu(positive, unlabeled)
    };
    let (analytic, numeric) = gradients(&logits, run, value_at);
    agree(&analytic, &numeric);

    // 2π·|E_P[p] − 1| + |E_U[p] − π| + 0.1·entropy
    let entropy = |g: f64| -(p(g) * p(g).ln() + (1.0 - p(g)) * (1.0 - p(g)).ln());
    let value_at = |x: &[f64]| {
        let certain = x[1..].iter().map(|&g| entropy(g)).sum::<f64>() / 3.0;
        0.6 * (p(x[0]) - 1.0).abs() + (mean_p(&x[1..]) - 0.3).abs() + 0.1 * certain
    };
    let run = |x| {
        let (positive, unlabeled) = split(x);
        dist_pu(0.1, 0.3, positive, unlabeled)
    };
    let (analytic, numeric) = gradients(&logits, run, value_at);
    agree(&analytic, &numeric);
}
