//! Scores of patches under a trained network.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use crate::error::Result;
use crate::learning::data::patch_store::DevicePool;
use crate::learning::network::Network;
use crate::learning::network::weights::to_vec;

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

/// Mean over `views` of what `answer` says of patches (N×1×S×S).
fn over_views<const D: usize>(
    patches: Tensor<4>,
    views: Views,
    answer: impl Fn(Tensor<4>) -> Tensor<D>,
) -> Tensor<D> {
    if views == Views::One {
        return answer(patches);
    }
    let mirrorings = |patches: Tensor<4>| {
        let mirrored = [patches.clone().flip([2]), patches.clone().flip([3]), patches.clone().flip([2, 3])];
        mirrored.into_iter().fold(answer(patches), |total, view| total + answer(view))
    };
    if views == Views::Four {
        return mirrorings(patches) / 4.0;
    }
    let transposed = patches.clone().swap_dims(2, 3);
    (mirrorings(patches) + mirrorings(transposed)) / 8.0
}

fn logits(network: &Network, patches: Tensor<4>, views: Views) -> Tensor<1> {
    over_views(patches, views, |patches| network.forward(patches))
}

/// Logits of patches of the pool, each the mean over `views`. The network must be in validation form.
///
/// # Errors
/// When a patch cannot be read.
pub fn pool_logits(
    network: &Network,
    pool: &DevicePool,
    indices: &[usize],
    views: Views,
) -> Result<Vec<f32>> {
    let mut all = Vec::with_capacity(indices.len());
    // Some forward passes are with the device before the first answer is waited for.
    for group in indices.chunks(8 * CHUNK) {
        let answers: Result<Vec<_>> =
            group.chunks(CHUNK).map(|chunk| Ok(logits(network, pool.gather(chunk)?, views))).collect();
        all.extend(to_vec(Tensor::cat(answers?, 0)));
    }
    Ok(all)
}

/// What `answer` says of normalised patches (N×S×S) from the host, some at a time. Nothing is waited for
/// until all of it is with the device.
fn from_host(
    pixels: &[f32],
    size: usize,
    device: &Device,
    answer: impl Fn(Tensor<4>) -> Tensor<1>,
) -> Vec<f32> {
    let answers: Vec<Tensor<1>> = pixels
        .chunks(CHUNK * size * size)
        .map(|chunk| {
            let count = chunk.len() / (size * size);
            answer(Tensor::from_data(TensorData::new(chunk.to_vec(), [count, 1, size, size]), device))
        })
        .collect();
    if answers.is_empty() { Vec::new() } else { to_vec(Tensor::cat(answers, 0)) }
}

/// Features (N×C, row by row) of normalised patches (N×S×S) from the host, averaged over the four
/// mirrorings.
pub fn host_features(network: &Network, pixels: &[f32], size: usize, device: &Device) -> Vec<f32> {
    let network = network.valid();
    from_host(pixels, size, device, |patches| {
        over_views(patches, Views::Four, |patches| network.features(patches)).flatten::<1>(0, 1)
    })
}

/// Logits of normalised patches (N×S×S) from the host, averaged over `views`.
pub fn host_logits(
    network: &Network,
    pixels: &[f32],
    size: usize,
    views: Views,
    device: &Device,
) -> Vec<f32> {
    let network = network.valid();
    from_host(pixels, size, device, |patches| logits(&network, patches, views))
}
