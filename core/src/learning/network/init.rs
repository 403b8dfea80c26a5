//! Initial weights that are the same on every device.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

use crate::learning::network::weights::track_path;

/// The module with weights that depend on `seed` alone: convolutions as He et al. 2015, linear layers with variance
/// 1/inputs, biases 0.
pub(crate) fn seeded<M: Module>(module: M, seed: u64) -> M {
    module.map(&mut SeededInit { rng: ChaCha8Rng::seed_from_u64(seed), path: Vec::new() })
}

/// Draws weights on the host, because the generators of devices differ between devices and threads.
struct SeededInit {
    rng: ChaCha8Rng,
    path: Vec<String>,
}

impl ModuleMapper for SeededInit {
    track_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let is_bias = self.path.last().is_some_and(|name| name == "bias");
        // Scales, offsets and running statistics keep their ones and zeros. Burn would draw the bias of a linear
        // layer at random.
        if D < 2 && !is_bias {
            return param;
        }
        let (id, tensor, mapper) = param.consume();
        if is_bias {
            let zeros = tensor.zeros_like().set_require_grad(tensor.is_require_grad());
            return Param::from_mapped_value(id, zeros, mapper);
        }
        let dims = tensor.dims();
        // Convolutions are stored out×in×k×k, linear layers in×out.
        let fan_in: usize = if D == 2 { dims[0] } else { dims[1..].iter().product() };
        let gain = if D == 2 { 1.0 } else { 2.0 };
        let deviation = (gain / fan_in as f64).sqrt();
        let count: usize = dims.iter().product();
        let values: Vec<f32> = match Normal::new(0.0, deviation) {
            Ok(normal) => (0..count).map(|_| normal.sample(&mut self.rng) as f32).collect(),
            Err(_) => vec![0.0; count],
        };
        let device = tensor.device();
        let drawn = Tensor::<D>::from_data(TensorData::new(values, dims), &device)
            .set_require_grad(tensor.is_require_grad());
        Param::from_mapped_value(id, drawn, mapper)
    }
}
