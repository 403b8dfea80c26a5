//! AdamW with one gradient norm over all weights.
//!
//! Burn's own optimiser clips each tensor by itself and restores its state on the default device, which may be a GPU
//! that does not exist. This one clips by the norm over all weights and keeps its moments under the names of the
//! weights, so that they can be stored in the same checkpoint file.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};

use crate::learning::network::kernels::{self, AdamStep};
use crate::learning::network::weights::{NamedTensor, NamedTensors, to_vec, track_path};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// AdamW (Loshchilov & Hutter 2019). Decay applies to weights of two and more dimensions only.
pub struct AdamW {
    weight_decay: f64,
    step: u64,
    /// First and second moment of each weight, flat, by name.
    moments: BTreeMap<String, (Tensor<1>, Tensor<1>)>,
}

impl AdamW {
    /// An optimiser before its first step.
    pub fn new(weight_decay: f64) -> Self {
        Self { weight_decay, step: 0, moments: BTreeMap::new() }
    }

    /// Makes one step with the gradient over all weights shortened to `limit` where its `norm` ([`global_norm`],
    /// shape 1) is longer. A limit of 0 never shortens it.
    pub fn clipped_step<M: Module>(
        &mut self,
        learning_rate: f64,
        module: M,
        gradients: GradientsParams,
        norm: Tensor<1>,
        limit: f64,
    ) -> M {
        let scale = (limit > 0.0).then(|| clip_factor(norm, limit));
        self.step(learning_rate, module, gradients, scale)
    }

    /// Makes one step. `scale` (shape 1) multiplies every gradient; `None` leaves them as they are.
    pub fn step<M: Module>(
        &mut self,
        learning_rate: f64,
        module: M,
        gradients: GradientsParams,
        scale: Option<Tensor<1>>,
    ) -> M {
        self.step += 1;
        let mut mapper = StepMapper {
            optimizer: self,
            learning_rate,
            gradients,
            scale,
            host_scale: None,
            path: Vec::new(),
        };
        module.map(&mut mapper)
    }

    /// Steps made so far.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The moments, for a checkpoint.
    pub fn state(&self) -> NamedTensors {
        let mut tensors = NamedTensors::new();
        for (name, (first, second)) in &self.moments {
            tensors.insert(format!("first.{name}"), NamedTensor::from_tensor(first.clone()));
            tensors.insert(format!("second.{name}"), NamedTensor::from_tensor(second.clone()));
        }
        tensors
    }

    /// Restores what [`Self::state`] returned.
    pub fn restore(&mut self, step: u64, mut state: NamedTensors, device: &Device) {
        self.step = step;
        self.moments.clear();
        let names: Vec<String> =
            state.keys().filter_map(|key| key.strip_prefix("first.")).map(str::to_owned).collect();
        for name in names {
            let first = state.remove(&format!("first.{name}"));
            let second = state.remove(&format!("second.{name}"));
            if let (Some(first), Some(second)) = (first, second) {
                let load = |t: NamedTensor| {
                    let count = t.values.len();
                    Tensor::<1>::from_data(TensorData::new(t.values, [count]), device)
                };
                self.moments.insert(name, (load(first), load(second)));
            }
        }
    }
}

struct StepMapper<'a> {
    optimizer: &'a mut AdamW,
    learning_rate: f64,
    gradients: GradientsParams,
    scale: Option<Tensor<1>>,
    /// `scale` on the host, once it was needed.
    host_scale: Option<f32>,
    path: Vec<String>,
}

impl StepMapper<'_> {
    fn host_scale(&mut self) -> f32 {
        let scale = &self.scale;
        *self.host_scale.get_or_insert_with(|| {
            scale.clone().map_or(1.0, |scale| to_vec(scale).first().copied().unwrap_or(f32::NAN))
        })
    }
}

impl ModuleMapper for StepMapper<'_> {
    track_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else {
            return param;
        };
        let (id, tensor, mapper) = param.consume();
        let tensor = tensor.inner();
        let dims = tensor.dims();
        let count = dims.iter().product::<usize>();
        let gradient = gradient.reshape([count]);
        let name = self.path.join(".");
        let step = i32::try_from(self.optimizer.step).unwrap_or(i32::MAX);
        let rate = self.learning_rate / (1.0 - BETA1.powi(step));
        let correction = 1.0 - BETA2.powi(step);
        let decay = if D >= 2 { self.learning_rate * self.optimizer.weight_decay } else { 0.0 };
        let moments = self.optimizer.moments.remove(&name);
        if kernels::on_cpu(&tensor) && kernels::on_cpu(&gradient) {
            let step = AdamStep {
                beta1: BETA1,
                beta2: BETA2,
                epsilon: EPSILON,
                rate,
                correction,
                keep: 1.0 - decay,
                scale: self.host_scale(),
            };
            let [moved, first, second] = kernels::adamw(step, tensor.reshape([count]), gradient, moments);
            self.optimizer.moments.insert(name, (first, second));
            let moved = Tensor::<D>::from_inner(moved.reshape(dims)).require_grad();
            return Param::from_mapped_value(id, moved, mapper);
        }
        let mut gradient = gradient;
        if let Some(scale) = &self.scale {
            gradient = gradient * scale.clone();
        }
        let squared = gradient.clone().powi_scalar(2) * (1.0 - BETA2);
        let (first, second) = match moments {
            Some((first, second)) => (first * BETA1 + gradient * (1.0 - BETA1), second * BETA2 + squared),
            None => (gradient * (1.0 - BETA1), squared),
        };
        let root = (second.clone() / correction).sqrt() + EPSILON;
        let update = (first.clone() / root) * rate;
        self.optimizer.moments.insert(name, (first, second));
        let moved = tensor.reshape([count]) * (1.0 - decay) - update;
        let moved = Tensor::<D>::from_inner(moved.reshape(dims)).require_grad();
        Param::from_mapped_value(id, moved, mapper)
    }
}

/// Euclidean norm of the gradient over all weights together (shape 1).
pub fn global_norm<M: Module>(module: &M, gradients: &GradientsParams, device: &Device) -> Tensor<1> {
    struct Squares<'a> {
        gradients: &'a GradientsParams,
        total: Tensor<1>,
        /// Sum of the tensors that lie on the CPU.
        host: f64,
    }
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.gradients.get::<D>(param.id) {
                if kernels::on_cpu(&gradient) {
                    self.host += kernels::sum_of_squares(gradient);
                } else {
                    self.total = self.total.clone() + gradient.powi_scalar(2).sum();
                }
            }
        }
    }
    let mut squares = Squares { gradients, total: Tensor::zeros([1], device), host: 0.0 };
    module.visit(&mut squares);
    (squares.total + squares.host).sqrt()
}

/// The factor, at most 1, that shortens a gradient of this norm to `limit` (shape 1).
pub fn clip_factor(norm: Tensor<1>, limit: f64) -> Tensor<1> {
    ((norm + 1e-6).recip() * limit).clamp_max(1.0)
}
