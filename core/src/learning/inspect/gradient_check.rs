//! Compares gradients with finite differences, and the first step of one device with another's.

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{FloatDType, Tensor, TensorData};
use rand::RngExt;

use crate::device::ComputeDevice;
use crate::error::Result;
use crate::learning::config::RunConfig;
use crate::learning::data::TrainingData;
use crate::learning::inspect::setup::{GradientReader, Probe, ProbeSetup};
use crate::learning::network::weights::track_path;
use crate::learning::random::{Stream, generator};

/// The gradient of one weight, compared with finite differences.
#[derive(Debug, Clone, PartialEq)]
pub struct GradientCheck {
    /// Name of the tensor and index of the weight in it.
    pub weight: String,
    /// By back-propagation.
    pub gradient: f64,
    /// (L(w + h) − L(w − h))/2h.
    pub difference: f64,
    /// |gradient − difference| divided by the larger of the two, and of 1e-6.
    pub error: f64,
}

/// Casts every weight to f64, and moves one of them.
struct MoveWeight<'a> {
    path: Vec<String>,
    /// Name, index and step of the weight to move.
    target: Option<(&'a str, usize, f64)>,
}

impl ModuleMapper for MoveWeight<'_> {
    track_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let (id, tensor, mapper) = param.consume();
        let keeps = tensor.is_require_grad();
        let mut tensor = tensor.inner().cast(FloatDType::F64);
        if let Some((wanted, index, step)) = self.target
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

/// Compares the gradient of the configured risk on one batch with central differences in f64, at one weight of each
/// of up to `layers` tensors. Computes on the CPU.
///
/// # Errors
/// When no batch can be made.
pub fn check_gradients(
    config: &RunConfig,
    prior: f64,
    data: &TrainingData,
    layers: usize,
) -> Result<Vec<GradientCheck>> {
    let device = ComputeDevice::cpu();
    let setup = ProbeSetup { config, prior, data, device: &device };
    let probe = Probe::new(setup, None, 1)?;
    let Some(batch) = probe.batches.first() else { return Ok(Vec::new()) };
    let patches = probe.patches(batch)?.cast(FloatDType::F64);
    let exact = probe.network.clone().map(&mut MoveWeight { path: Vec::new(), target: None });
    let loss = probe.loss(&exact, batch, patches.clone())?;
    let gradients = GradientsParams::from_grads(loss.backward(), &exact);
    let read = GradientReader::<f64>::read(&exact, &gradients);
    let every = read.len().div_ceil(layers.max(1)).max(1);
    let mut rng = generator(config.seed, 0, Stream::GradientCheck);
    let mut checks = Vec::new();
    for (name, values) in read.iter().step_by(every).filter(|(_, values)| !values.is_empty()) {
        let index = rng.random_range(0..values.len());
        let at = |step: f64| -> Result<f64> {
            let moved = probe
                .network
                .clone()
                .map(&mut MoveWeight { path: Vec::new(), target: Some((name, index, step)) });
            Ok(first_f64(probe.loss(&moved, batch, patches.clone())?))
        };
        // Small enough that no ReLU of thousands of pixels changes sides, large enough for f64.
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

/// Loss and gradient norm of each layer at the first step, to compare devices.
///
/// # Errors
/// When no batch can be made.
pub fn first_step_norms(setup: ProbeSetup<'_>) -> Result<Vec<(String, f64)>> {
    let probe = Probe::new(setup, None, 1)?;
    let Some(batch) = probe.batches.first() else { return Ok(Vec::new()) };
    let (loss, gradients) = probe.gradients(batch)?;
    let read = GradientReader::<f32>::read(&probe.network, &gradients);
    let norm = |values: &[f32]| values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    let mut values = vec![("loss".to_owned(), loss)];
    values.extend(read.iter().map(|(name, gradient)| (format!("gradient of {name}"), norm(gradient))));
    Ok(values)
}
