//! A look inside a network while it takes its first steps: gradients layer by layer, units that never
//! answer, how far a step moves the weights, the loss over a rising learning rate, and gradients held
//! against finite differences in 64 bits.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Element, ElementConversion, FloatDType, Tensor, TensorData};
use rand::RngExt;

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::learning::config::RunConfig;
use crate::learning::data::TrainingData;
use crate::learning::data::patch_store::DevicePool;
use crate::learning::data::sampler::{Batch, epoch_batches, generator};
use crate::learning::loss::risk::{LabelledLogits, risk};
use crate::learning::network::Network;
use crate::learning::network::weights::{NamedTensors, collect, restore, to_vec};
use crate::learning::optim::adamw::{AdamW, clip_factor, global_norm};

/// Purpose of the generator that deals the batches of a probe.
const ORDER: u64 = 51;

/// One tensor of weights over the steps of a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerProbe {
    /// Its name, e.g. `block1.conv.weight`.
    pub name: String,
    /// How many weights.
    pub weights: usize,
    /// Mean norm of its gradient.
    pub gradient_norm: f64,
    /// Mean length of a step over the length of the weights; `None` for scales and offsets, which
    /// begin at one and zero.
    pub update_ratio: Option<f64>,
    /// Share of its weights whose gradient was exactly zero in every step.
    pub without_gradient: f64,
}

/// The units after one rectifier.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitProbe {
    /// The block.
    pub name: String,
    /// Channels.
    pub units: usize,
    /// Channels that were zero everywhere on every patch.
    pub dead: usize,
}

/// What a probe saw.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NetworkProbe {
    /// Tensors of weights in the order of the network.
    pub layers: Vec<LayerProbe>,
    /// Rectifiers in the order of the network.
    pub units: Vec<UnitProbe>,
    /// Norm of the whole gradient at each step.
    pub gradient_norms: Vec<f64>,
}

/// A network of the configuration with a pool of patches, ready for steps on batches of its data.
struct Bench {
    network: Network,
    pool: DevicePool,
    batches: Vec<Batch>,
    config: RunConfig,
    prior: f64,
    device: ComputeDevice,
}

impl Bench {
    fn new(
        config: &RunConfig,
        weights: Option<&NamedTensors>,
        prior: f64,
        data: &TrainingData,
        device: &ComputeDevice,
        steps: usize,
    ) -> Result<Self> {
        let mut network = Network::new(config.backbone, config.seed, &device.inner.clone().autodiff());
        if let Some(weights) = weights {
            network = restore(network, weights).map_err(|problem| {
                Error::request(format!("the weights do not fit the network: {problem}"), "train again")
            })?;
        }
        let of = |label| data.with_label(&data.train, label);
        let (p, u, n) = (of(Label::Positive), of(Label::Unlabeled), of(Label::Negative));
        let mut batches: Vec<Batch> = Vec::new();
        let mut epoch = 1;
        while batches.len() < steps {
            let dealt = epoch_batches(&config.batch, &p, &u, &n, &mut generator(config.seed, epoch, ORDER));
            if dealt.is_empty() {
                return Err(Error::request("there is nothing to make a batch of", "label some particles"));
            }
            batches.extend(dealt);
            epoch += 1;
        }
        batches.truncate(steps);
        Ok(Self {
            network,
            pool: DevicePool::new(&data.pixels, data.size, device),
            batches,
            config: config.clone(),
            prior,
            device: device.clone(),
        })
    }

    fn patches(&self, batch: &Batch) -> Result<Tensor<4>> {
        self.pool.gather(&[batch.positive.as_slice(), &batch.unlabeled, &batch.negative].concat())
    }

    /// The risk of one batch under a network that keeps gradients; patches as they are.
    fn loss(&self, network: &Network, batch: &Batch, patches: Tensor<4>) -> Result<Tensor<1>> {
        let logits = network.forward(Tensor::from_inner(patches));
        let (p, u, n) = (batch.positive.len(), batch.unlabeled.len(), batch.negative.len());
        let part = |from: usize, count: usize| (count > 0).then(|| logits.clone().narrow(0, from, count));
        let labelled =
            LabelledLogits { positive: part(0, p), unlabeled: part(p, u), negative: part(p + u, n) };
        risk(&self.config.risk, self.prior, labelled).map(|value| value.objective).ok_or_else(|| {
            Error::request(
                "a batch holds nothing the risk can learn from",
                "give positives a part of the batch",
            )
        })
    }

    fn gradients(&self, batch: &Batch) -> Result<(f64, GradientsParams)> {
        let loss = self.loss(&self.network, batch, self.patches(batch)?)?;
        let value = to_vec(loss.clone().inner()).first().copied().map_or(f64::NAN, f64::from);
        Ok((value, GradientsParams::from_grads(loss.backward(), &self.network)))
    }

    fn step(&mut self, optimizer: &mut AdamW, rate: f64, gradients: GradientsParams) -> f64 {
        let norm = global_norm(&self.network, &gradients, &self.device.inner);
        let shown = to_vec(norm.clone()).first().copied().map_or(f64::NAN, f64::from);
        let limit = self.config.optimizer.gradient_clip;
        let scale = (limit > 0.0).then(|| clip_factor(norm, limit));
        self.network = optimizer.step(rate, self.network.clone(), gradients, scale);
        shown
    }
}

/// Takes `steps` steps with the configured peak learning rate and looks at every layer. With `weights`
/// the network starts from them (a trained one), else from its first weights. Units are looked at
/// before the first step.
///
/// # Errors
/// When the weights do not fit the network, or there is nothing to make a batch of.
pub fn probe_network(
    config: &RunConfig,
    weights: Option<&NamedTensors>,
    prior: f64,
    data: &TrainingData,
    device: &ComputeDevice,
    steps: usize,
) -> Result<NetworkProbe> {
    let mut bench = Bench::new(config, weights, prior, data, device, steps.max(1))?;
    let mut found = NetworkProbe { units: units(&bench, weights.is_some())?, ..NetworkProbe::default() };
    let mut optimizer = AdamW::new(config.optimizer.weight_decay);
    let mut sums: Vec<Sum> = Vec::new();
    for batch in bench.batches.clone() {
        let (_, gradients) = bench.gradients(&batch)?;
        let seen = GradientReader::<f32>::read(&bench.network, &gradients);
        let before = collect(&bench.network);
        found.gradient_norms.push(bench.step(&mut optimizer, config.optimizer.learning_rate, gradients));
        let after = collect(&bench.network);
        if sums.is_empty() {
            sums = seen.iter().map(|(name, _)| Sum::new(name.clone())).collect();
        }
        for (sum, (name, gradient)) in sums.iter_mut().zip(&seen) {
            sum.add(gradient, before.get(name).map(|t| &t.values), after.get(name).map(|t| &t.values));
        }
    }
    found.layers = sums.into_iter().map(|sum| sum.finish()).collect();
    Ok(found)
}

/// What is added up of one tensor of weights.
struct Sum {
    name: String,
    steps: f64,
    norm: f64,
    ratio: f64,
    always_zero: Vec<bool>,
}

impl Sum {
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

/// Gradients by name, as f32 or f64; weights without any read as zeros. Running statistics take no
/// gradient and are left out.
struct GradientReader<'a, E> {
    gradients: &'a GradientsParams,
    path: Vec<String>,
    out: Vec<(String, Vec<E>)>,
}

impl<'a, E: Element> GradientReader<'a, E> {
    fn read(network: &Network, gradients: &'a GradientsParams) -> Vec<(String, Vec<E>)> {
        let mut reader = Self { gradients, path: Vec::new(), out: Vec::new() };
        network.visit(&mut reader);
        reader.out
    }
}

impl<E: Element> ModuleVisitor for GradientReader<'_, E> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.join(".");
        if name.contains("running") {
            return;
        }
        let values = match self.gradients.get::<D>(param.id) {
            Some(gradient) => {
                let data = gradient.into_data_as::<E>();
                data.as_slice::<E>().map(<[E]>::to_vec).unwrap_or_default()
            }
            None => vec![0.0.elem(); param.val().dims().iter().product()],
        };
        self.out.push((name, values));
    }
}

/// Channels that answer to nothing. A trained network is asked in the form in which it scores, a
/// fresh one as it trains (its running statistics are still those of nothing).
fn units(bench: &Bench, trained: bool) -> Result<Vec<UnitProbe>> {
    let mut found: Vec<(String, Vec<f32>)> = Vec::new();
    let network = if trained { bench.network.valid() } else { bench.network.clone() };
    for batch in &bench.batches {
        let patches = bench.patches(batch)?;
        let patches = if trained { patches } else { Tensor::from_inner(patches) };
        for (at, (name, answer)) in network.activations(patches).into_iter().enumerate() {
            let [n, c, h, w] = answer.dims();
            let largest = to_vec(answer.swap_dims(0, 1).reshape([c, n * h * w]).max_dim(1));
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

/// The learning-rate range test (Smith 2017): the rate rises by a constant factor from `low` to `high`
/// over `steps` steps; returns rate and loss of each. Ends early where the loss is no finite number.
///
/// # Errors
/// As [`probe_network`].
pub fn range_test(
    config: &RunConfig,
    prior: f64,
    data: &TrainingData,
    device: &ComputeDevice,
    (low, high): (f64, f64),
    steps: usize,
) -> Result<Vec<(f64, f64)>> {
    let mut bench = Bench::new(config, None, prior, data, device, steps.max(2))?;
    let mut optimizer = AdamW::new(0.0);
    let factor = (high / low).powf(1.0 / (steps.max(2) - 1) as f64);
    let mut rate = low;
    let mut points = Vec::new();
    for batch in bench.batches.clone() {
        let (loss, gradients) = bench.gradients(&batch)?;
        points.push((rate, loss));
        if !loss.is_finite() {
            break;
        }
        bench.step(&mut optimizer, rate, gradients);
        rate *= factor;
    }
    Ok(points)
}

/// One weight held against finite differences.
#[derive(Debug, Clone, PartialEq)]
pub struct GradientCheck {
    /// Name of the tensor and index into it.
    pub weight: String,
    /// By back-propagation.
    pub gradient: f64,
    /// (L(w + h) − L(w − h))/2h.
    pub difference: f64,
    /// |gradient − difference| over the larger of them, and of 1e-6.
    pub error: f64,
}

/// Casts every weight to 64 bits, and moves one of them.
struct Nudge<'a> {
    path: Vec<String>,
    /// Name, index and step of the weight to move.
    at: Option<(&'a str, usize, f64)>,
}

impl ModuleMapper for Nudge<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let (id, tensor, mapper) = param.consume();
        let keeps = tensor.is_require_grad();
        let mut tensor = tensor.inner().cast(FloatDType::F64);
        if let Some((wanted, index, step)) = self.at
            && wanted == name
        {
            let dims = tensor.dims();
            let mut move_by = vec![0.0f64; dims.iter().product()];
            if let Some(value) = move_by.get_mut(index) {
                *value = step;
            }
            let device = tensor.device();
            let by = Tensor::<1>::from_data(
                TensorData::new(move_by, [dims.iter().product::<usize>()]),
                (&device, burn::tensor::DType::F64),
            );
            tensor = tensor + by.reshape(dims);
        }
        let tensor = Tensor::<D>::from_inner(tensor).set_require_grad(keeps);
        Param::from_mapped_value(id, tensor, mapper)
    }
}

fn first_f64(tensor: Tensor<1>) -> f64 {
    let data = tensor.inner().into_data_as::<f64>();
    data.as_slice::<f64>().ok().and_then(|v| v.first().copied()).unwrap_or(f64::NAN)
}

/// Holds the gradient of the configured risk on one batch of this data against central differences in
/// 64 bits, at one weight of each of up to `layers` tensors. On the CPU.
///
/// # Errors
/// As [`probe_network`].
pub fn check_gradients(
    config: &RunConfig,
    prior: f64,
    data: &TrainingData,
    layers: usize,
) -> Result<Vec<GradientCheck>> {
    let device = ComputeDevice::cpu();
    let bench = Bench::new(config, None, prior, data, &device, 1)?;
    let Some(batch) = bench.batches.first() else { return Ok(Vec::new()) };
    let patches = bench.patches(batch)?.cast(FloatDType::F64);
    let exact = bench.network.clone().map(&mut Nudge { path: Vec::new(), at: None });
    let loss = bench.loss(&exact, batch, patches.clone())?;
    let gradients = GradientsParams::from_grads(loss.backward(), &exact);
    let read = GradientReader::<f64>::read(&exact, &gradients);
    let every = read.len().div_ceil(layers.max(1)).max(1);
    let mut rng = generator(config.seed, 0, ORDER + 1);
    let mut checks = Vec::new();
    for (name, values) in read.iter().step_by(every).filter(|(_, values)| !values.is_empty()) {
        let index = rng.random_range(0..values.len());
        let at = |step: f64| -> Result<f64> {
            let moved =
                bench.network.clone().map(&mut Nudge { path: Vec::new(), at: Some((name, index, step)) });
            Ok(first_f64(bench.loss(&moved, batch, patches.clone())?))
        };
        // Small enough that no rectifier in front of thousands of pixels turns, large enough for 64 bits.
        const STEP: f64 = 1e-6;
        let difference = (at(STEP)? - at(-STEP)?) / (2.0 * STEP);
        let gradient = values[index];
        let scale = gradient.abs().max(difference.abs()).max(1e-6);
        checks.push(GradientCheck {
            weight: format!("{name}[{index}]"),
            gradient,
            difference,
            error: (gradient - difference).abs() / scale,
        });
    }
    Ok(checks)
}

/// Loss, gradient norm and the gradient norm of each layer at the first step on a device, to be
/// compared with another's.
///
/// # Errors
/// As [`probe_network`].
pub fn one_step(
    config: &RunConfig,
    prior: f64,
    data: &TrainingData,
    device: &ComputeDevice,
) -> Result<Vec<(String, f64)>> {
    let bench = Bench::new(config, None, prior, data, device, 1)?;
    let Some(batch) = bench.batches.first() else { return Ok(Vec::new()) };
    let (loss, gradients) = bench.gradients(batch)?;
    let read = GradientReader::<f32>::read(&bench.network, &gradients);
    let norm = |values: &[f32]| values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    let mut values = vec![("loss".to_owned(), loss)];
    values.extend(read.iter().map(|(name, gradient)| (format!("gradient of {name}"), norm(gradient))));
    Ok(values)
}
