//! A network with batches, ready for the steps of a probe.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Element, ElementConversion, Tensor};

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::learning::config::RunConfig;
use crate::learning::data::TrainingData;
use crate::learning::data::patch_store::DevicePool;
use crate::learning::data::sampler::{Batch, epoch_batches};
use crate::learning::loss::risk::{LabelledLogits, risk};
use crate::learning::network::Network;
use crate::learning::network::weights::{NamedTensors, load, to_vec, track_path};
use crate::learning::optim::adamw::{AdamW, global_norm};
use crate::learning::random::{Stream, generator};

/// A network of a configuration with batches of the data, ready for steps on them.
pub(super) struct Probe {
    pub network: Network,
    pool: DevicePool,
    pub batches: Vec<Batch>,
    config: RunConfig,
    prior: f64,
    device: ComputeDevice,
}

/// What a probe trains on.
#[derive(Clone, Copy)]
pub struct ProbeSetup<'a> {
    /// The method: network, risk, batches and optimiser.
    pub config: &'a RunConfig,
    /// The class prior π.
    pub prior: f64,
    /// The patches; their training side is used.
    pub data: &'a TrainingData,
    /// Where to compute.
    pub device: &'a ComputeDevice,
}

impl Probe {
    /// Draws the initial weights, or loads `weights`, and makes `steps` batches.
    ///
    /// # Errors
    /// When the weights do not fit the network, or no batch can be made.
    pub fn new(setup: ProbeSetup<'_>, weights: Option<&NamedTensors>, steps: usize) -> Result<Self> {
        let ProbeSetup { config, prior, data, device } = setup;
        let mut network = Network::new(config.backbone, config.seed, &device.inner.clone().autodiff());
        if let Some(weights) = weights {
            network = load(network, weights).map_err(|problem| {
                Error::request(format!("the weights do not fit the network: {problem}"), "train again")
            })?;
        }
        let of = |label| data.with_label(&data.train, label);
        let (p, u, n) = (of(Label::Positive), of(Label::Unlabeled), of(Label::Negative));
        let mut batches: Vec<Batch> = Vec::new();
        let mut epoch = 1;
        while batches.len() < steps {
            let mut rng = generator(config.seed, epoch, Stream::ProbeOrder);
            let of_epoch = epoch_batches(&config.batch, &p, &u, &n, &mut rng);
            if of_epoch.is_empty() {
                return Err(Error::request(
                    "the training split holds nothing to make a batch of",
                    "label some particles",
                ));
            }
            batches.extend(of_epoch);
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

    /// The patches of a batch (N×1×S×S), in the order positive, unlabeled, negative.
    pub fn patches(&self, batch: &Batch) -> Result<Tensor<4>> {
        self.pool.gather(&[batch.positive.as_slice(), &batch.unlabeled, &batch.negative].concat())
    }

    /// The risk of one batch under a network that keeps gradients, with its patches (N×1×S×S) not augmented.
    pub fn loss(&self, network: &Network, batch: &Batch, patches: Tensor<4>) -> Result<Tensor<1>> {
        let logits = network.forward(Tensor::from_inner(patches));
        let by_label = LabelledLogits::split(batch, &logits);
        risk(&self.config.risk, self.prior, by_label).map(|value| value.objective).ok_or_else(|| {
            Error::request(
                "a batch holds nothing from which the risk can learn",
                "give positives a part of the batch",
            )
        })
    }

    /// The loss of a batch and its gradients.
    pub fn gradients(&self, batch: &Batch) -> Result<(f64, GradientsParams)> {
        let loss = self.loss(&self.network, batch, self.patches(batch)?)?;
        let value = to_vec(loss.clone().inner()).first().copied().map_or(f64::NAN, f64::from);
        Ok((value, GradientsParams::from_grads(loss.backward(), &self.network)))
    }

    /// Makes a step as a run does. Returns the norm of the gradient before clipping.
    pub fn step(&mut self, optimizer: &mut AdamW, rate: f64, gradients: GradientsParams) -> f64 {
        let norm = global_norm(&self.network, &gradients, &self.device.inner);
        let shown = to_vec(norm.clone()).first().copied().map_or(f64::NAN, f64::from);
        let limit = self.config.optimizer.gradient_clip;
        self.network = optimizer.clipped_step(rate, self.network.clone(), gradients, norm, limit);
        shown
    }
}

/// Reads gradients by name, as f32 or f64. Weights without a gradient read as zeros; running statistics, which have
/// none, are left out.
pub(super) struct GradientReader<'a, E> {
    gradients: &'a GradientsParams,
    path: Vec<String>,
    out: Vec<(String, Vec<E>)>,
}

impl<'a, E: Element> GradientReader<'a, E> {
    /// The gradient of each weight, in the order of the network.
    pub fn read(network: &Network, gradients: &'a GradientsParams) -> Vec<(String, Vec<E>)> {
        let mut reader = Self { gradients, path: Vec::new(), out: Vec::new() };
        network.visit(&mut reader);
        reader.out
    }
}

impl<E: Element> ModuleVisitor for GradientReader<'_, E> {
    track_path!();

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
