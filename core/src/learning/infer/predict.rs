//! Logits and features of patches from a trained network.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use crate::error::Result;
use crate::learning::data::patch_store::DevicePool;
use crate::learning::network::Network;
use crate::learning::network::kernels::mirrored;
use crate::learning::network::weights::to_vec;

/// Patches per forward pass.
const CHUNK: usize = 256;

/// p = σ(g) of a logit.
pub fn probability(logit: f32) -> f32 {
    (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32
}

/// Over which mirrored and turned copies of a patch the network's output is averaged. They move pixels without
/// interpolation, and a particle stays a particle in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestTimeAugmentation {
    /// The patch alone.
    None,
    /// The patch, mirrored in x, in y and in both: four copies.
    Flips,
    /// These four and their transposes: all eight symmetries of the square.
    Symmetries,
}

/// Mean of `output` over the copies of patches (N×1×S×S).
fn averaged<const D: usize>(
    patches: Tensor<4>,
    augmentation: TestTimeAugmentation,
    output: impl Fn(Tensor<4>) -> Tensor<D>,
) -> Tensor<D> {
    let sum_over_flips = |patches: Tensor<4>| {
        let flips = [(true, false), (false, true), (true, true)];
        let flipped = flips.map(|(rows, columns)| mirrored(&patches, rows, columns));
        flipped.into_iter().fold(output(patches), |total, copy| total + output(copy))
    };
    match augmentation {
        TestTimeAugmentation::None => output(patches),
        TestTimeAugmentation::Flips => sum_over_flips(patches) / 4.0,
        TestTimeAugmentation::Symmetries => {
            let transposed = patches.clone().swap_dims(2, 3);
            (sum_over_flips(patches) + sum_over_flips(transposed)) / 8.0
        }
    }
}

fn logits(network: &Network, patches: Tensor<4>, augmentation: TestTimeAugmentation) -> Tensor<1> {
    averaged(patches, augmentation, |patches| network.forward(patches))
}

/// Logits of patches of the pool, by index. The network must be in validation form.
///
/// # Errors
/// When a patch cannot be read.
pub fn pool_logits(
    network: &Network,
    pool: &DevicePool,
    indices: &[usize],
    augmentation: TestTimeAugmentation,
) -> Result<Vec<f32>> {
    let mut all = Vec::with_capacity(indices.len());
    // Several forward passes are submitted before their results are read, so that a GPU does not run idle.
    for group in indices.chunks(8 * CHUNK) {
        let outputs: Result<Vec<_>> =
            group.chunks(CHUNK).map(|chunk| Ok(logits(network, pool.gather(chunk)?, augmentation))).collect();
        all.extend(to_vec(Tensor::cat(outputs?, 0)));
    }
    Ok(all)
}

/// `output` of normalised patches (N×S×S) that lie on the host, a chunk at a time. All chunks are submitted before the
/// first result is read.
fn from_host(
    pixels: &[f32],
    size: usize,
    device: &Device,
    output: impl Fn(Tensor<4>) -> Tensor<1>,
) -> Vec<f32> {
    let outputs: Vec<Tensor<1>> = pixels
        .chunks(CHUNK * size * size)
        .map(|chunk| {
            let count = chunk.len() / (size * size);
            output(Tensor::from_data(TensorData::new(chunk.to_vec(), [count, 1, size, size]), device))
        })
        .collect();
    if outputs.is_empty() { Vec::new() } else { to_vec(Tensor::cat(outputs, 0)) }
}

/// Features (N×C, row by row) of normalised patches (N×S×S) that lie on the host, averaged over the four flips.
pub fn host_features(network: &Network, pixels: &[f32], size: usize, device: &Device) -> Vec<f32> {
    let network = network.valid();
    from_host(pixels, size, device, |patches| {
        averaged(patches, TestTimeAugmentation::Flips, |patches| network.features(patches)).flatten::<1>(0, 1)
    })
}

/// Logits of normalised patches (N×S×S) that lie on the host.
pub fn host_logits(
    network: &Network,
    pixels: &[f32],
    size: usize,
    augmentation: TestTimeAugmentation,
    device: &Device,
) -> Vec<f32> {
    let network = network.valid();
    from_host(pixels, size, device, |patches| logits(&network, patches, augmentation))
}
