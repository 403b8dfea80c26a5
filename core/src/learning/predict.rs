//! Scores of patches under a trained network.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::backbone::Network;
use super::data::DevicePool;
use super::weights::to_vec;

/// Patches per forward pass.
const CHUNK: usize = 256;

/// p = σ(g) of a logit.
pub fn probability(logit: f32) -> f32 {
    (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32
}

fn logits(network: &Network, patches: Tensor<4>, flips: bool) -> Tensor<1> {
    if !flips {
        return network.forward(patches);
    }
    let mirrored = [patches.clone().flip([2]), patches.clone().flip([3]), patches.clone().flip([2, 3])];
    let total =
        mirrored.into_iter().fold(network.forward(patches), |total, view| total + network.forward(view));
    total / 4.0
}

/// Logits of patches of the pool; with `flips` the mean over the four mirrorings. The network must
/// be in validation form.
pub fn pool_logits(network: &Network, pool: &DevicePool, indices: &[usize], flips: bool) -> Vec<f32> {
    indices.chunks(CHUNK).flat_map(|chunk| to_vec(logits(network, pool.gather(chunk), flips))).collect()
}

/// Features (N×C, row by row) of normalised patches (N×S×S) from the host, averaged over the four
/// mirrorings.
pub fn host_features(network: &Network, pixels: &[f32], size: usize, device: &Device) -> Vec<f32> {
    let network = network.valid();
    pixels
        .chunks(CHUNK * size * size)
        .flat_map(|chunk| {
            let count = chunk.len() / (size * size);
            let patches =
                Tensor::<4>::from_data(TensorData::new(chunk.to_vec(), [count, 1, size, size]), device);
            let views = [patches.clone().flip([2]), patches.clone().flip([3]), patches.clone().flip([2, 3])];
            let total = views
                .into_iter()
                .fold(network.features(patches), |total, view| total + network.features(view));
            let [n, c] = total.dims();
            to_vec((total / 4.0).reshape([n * c]))
        })
        .collect()
}

/// Logits of normalised patches (N×S×S) from the host, averaged over the four mirrorings.
pub fn host_logits(network: &Network, pixels: &[f32], size: usize, device: &Device) -> Vec<f32> {
    let network = network.valid();
    pixels
        .chunks(CHUNK * size * size)
        .flat_map(|chunk| {
            let count = chunk.len() / (size * size);
            let patches =
                Tensor::<4>::from_data(TensorData::new(chunk.to_vec(), [count, 1, size, size]), device);
            to_vec(logits(&network, patches, true))
        })
        .collect()
}
