//! Measures every layer of a network over some steps: gradients, dead units, how far a step moves the weights.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::error::Result;
use crate::learning::inspect::setup::{GradientReader, Probe, ProbeSetup};
use crate::learning::network::weights::{NamedTensors, extract, to_vec};
use crate::learning::optim::adamw::AdamW;

/// Measures of one tensor of weights over the steps of a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerProbe {
    /// Name, e.g. `block1.conv.weight`.
    pub name: String,
    /// Number of weights.
    pub weights: usize,
    /// Mean norm of the gradient.
    pub gradient_norm: f64,
    /// Mean norm of a step divided by the norm of the weights; `None` for scales and offsets, which begin at one
    /// and zero.
    pub update_ratio: Option<f64>,
    /// Share of the weights whose gradient was exactly zero in every step.
    pub without_gradient: f64,
}

/// The channels after one ReLU.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitProbe {
    /// Name of the block.
    pub name: String,
    /// Number of channels.
    pub units: usize,
    /// Channels whose output was zero everywhere on every patch.
    pub dead: usize,
}

/// Measures of a network over the steps of a probe.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NetworkProbe {
    /// Tensors of weights in the order of the network.
    pub layers: Vec<LayerProbe>,
    /// ReLUs in the order of the network.
    pub units: Vec<UnitProbe>,
    /// Norm of the gradient over all weights at each step, before clipping.
    pub gradient_norms: Vec<f64>,
}

/// Makes `steps` steps with the configured peak learning rate and measures every layer. The network starts from
/// `weights` (those of a trained one), or else from its initial weights. Dead units are counted before the first step.
///
/// # Errors
/// When the weights do not fit the network, or no batch can be made.
pub fn probe_network(
    setup: ProbeSetup<'_>,
    weights: Option<&NamedTensors>,
    steps: usize,
) -> Result<NetworkProbe> {
    let config = setup.config;
    let mut probe = Probe::new(setup, weights, steps.max(1))?;
    let mut found = NetworkProbe { units: dead_units(&probe, weights.is_some())?, ..NetworkProbe::default() };
    let mut optimizer = AdamW::new(config.optimizer.weight_decay);
    let mut sums: Vec<LayerTotals> = Vec::new();
    for batch in probe.batches.clone() {
        let (_, gradients) = probe.gradients(&batch)?;
        let gradients_by_name = GradientReader::<f32>::read(&probe.network, &gradients);
        let before = extract(&probe.network);
        found.gradient_norms.push(probe.step(&mut optimizer, config.optimizer.learning_rate, gradients));
        let after = extract(&probe.network);
        if sums.is_empty() {
            sums = gradients_by_name.iter().map(|(name, _)| LayerTotals::new(name.clone())).collect();
        }
        for (sum, (name, gradient)) in sums.iter_mut().zip(&gradients_by_name) {
            sum.add(gradient, before.get(name).map(|t| &t.values), after.get(name).map(|t| &t.values));
        }
    }
    found.layers = sums.into_iter().map(|sum| sum.finish()).collect();
    Ok(found)
}

/// Totals of one tensor of weights over the steps.
struct LayerTotals {
    name: String,
    steps: f64,
    norm: f64,
    ratio: f64,
    always_zero: Vec<bool>,
}

impl LayerTotals {
    fn new(name: String) -> Self {
        Self { name, steps: 0.0, norm: 0.0, ratio: 0.0, always_zero: Vec::new() }
    }

    fn add(&mut self, gradient: &[f32], before: Option<&Vec<f32>>, after: Option<&Vec<f32>>) {
        if self.always_zero.is_empty() {
            self.always_zero = vec![true; gradient.len()];
        }
        self.steps += 1.0;
        let length =
            |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        self.norm += length(&mut gradient.iter().copied());
        for (zero, value) in self.always_zero.iter_mut().zip(gradient) {
            *zero &= *value == 0.0;
        }
        if let (Some(before), Some(after)) = (before, after) {
            let moved = length(&mut before.iter().zip(after).map(|(b, a)| a - b));
            self.ratio += moved / length(&mut before.iter().copied()).max(1e-12);
        }
    }

    fn finish(self) -> LayerProbe {
        let steps = self.steps.max(1.0);
        let weights = self.always_zero.len();
        let zero = self.always_zero.iter().filter(|z| **z).count();
        let scale = self.name.ends_with("bias") || self.name.contains("norm");
        LayerProbe {
            weights,
            gradient_norm: self.norm / steps,
            update_ratio: (!scale).then_some(self.ratio / steps),
            without_gradient: zero as f64 / weights.max(1) as f64,
            name: self.name,
        }
    }
}

/// Counts dead channels. A trained network runs as it scores. A fresh one runs as it trains, because its running
/// statistics have not seen a batch.
fn dead_units(probe: &Probe, trained: bool) -> Result<Vec<UnitProbe>> {
    let mut found: Vec<(String, Vec<f32>)> = Vec::new();
    let network = if trained { probe.network.valid() } else { probe.network.clone() };
    for batch in &probe.batches {
        let patches = probe.patches(batch)?;
        let patches = if trained { patches } else { Tensor::from_inner(patches) };
        for (at, (name, activation)) in network.activations(patches).into_iter().enumerate() {
            let [n, c, h, w] = activation.dims();
            let largest = to_vec(activation.swap_dims(0, 1).reshape([c, n * h * w]).max_dim(1));
            match found.get_mut(at) {
                Some((_, held)) => held.iter_mut().zip(&largest).for_each(|(a, b)| *a = a.max(*b)),
                None => found.push((name, largest)),
            }
        }
    }
    Ok(found
        .into_iter()
        .map(|(name, largest)| UnitProbe {
            name,
            units: largest.len(),
            dead: largest.iter().filter(|v| **v <= 0.0).count(),
        })
        .collect())
}
