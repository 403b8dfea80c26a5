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

/// Under how many views of a patch its logit is averaged. The views are mirrorings and quarter turns,
/// which move pixels without interpolating: a particle stays a particle under all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Views {
    /// The patch as it is.
    One,
    /// The four mirrorings.
    Four,
    /// The four mirrorings, and the same transposed: all eight symmetries of the square.
    Eight,
}

fn logits(network: &Network, patches: Tensor<4>, views: Views) -> Tensor<1> {
    if views == Views::One {
        return network.forward(patches);
    }
    let mirrorings = |patches: Tensor<4>| {
        let mirrored = [patches.clone().flip([2]), patches.clone().flip([3]), patches.clone().flip([2, 3])];
        mirrored.into_iter().fold(network.forward(patches), |total, view| total + network.forward(view))
    };
    if views == Views::Four {
        return mirrorings(patches) / 4.0;
    }
    let transposed = patches.clone().swap_dims(2, 3);
    (mirrorings(patches) + mirrorings(transposed)) / 8.0
}

/// Logits of patches of the pool, each the mean over `views`. The network must be in validation form.
pub fn pool_logits(network: &Network, pool: &DevicePool, indices: &[usize], views: Views) -> Vec<f32> {
    indices.chunks(CHUNK).flat_map(|chunk| to_vec(logits(network, pool.gather(chunk), views))).collect()
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

/// Logits of normalised patches (N×S×S) from the host, averaged over mirrorings and quarter turns.
pub fn host_logits(network: &Network, pixels: &[f32], size: usize, device: &Device) -> Vec<f32> {
    let network = network.valid();
    pixels
        .chunks(CHUNK * size * size)
        .flat_map(|chunk| {
            let count = chunk.len() / (size * size);
            let patches =
                Tensor::<4>::from_data(TensorData::new(chunk.to_vec(), [count, 1, size, size]), device);
            to_vec(logits(&network, patches, Views::Eight))
        })
        .collect()
}
