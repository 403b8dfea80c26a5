//! Logits and features of patches from a trained network.

use std::convert::Infallible;
use std::ops::Range;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use crate::error::Result;
use crate::learning::data::patch_store::DevicePool;
use crate::learning::network::Network;
use crate::learning::network::kernels::mirrored;
use crate::learning::network::weights::to_vec;

/// Patches per forward pass on a GPU.
const PATCHES_PER_PASS: usize = 256;
/// Forward passes that a GPU is given before the results of the first are read, so that it does not run idle.
const PASSES_AT_ONCE: usize = 8;
/// Maximum number of patches per forward pass on the CPU: the output of their layers stays in the cache. Each core takes
/// passes of its own.
const PATCHES_PER_CORE: usize = 32;

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

/// The values that `pass` gives for all of `count` patches, in order; it gets the patches from one number to another.
/// Results do not depend on how many patches are in a pass.
fn in_passes<E: Send>(
    device: &Device,
    count: usize,
    pass: impl Fn(Range<usize>) -> Result<Tensor<1>, E> + Sync,
) -> Result<Vec<f32>, E> {
    let passes = |size: usize| {
        (0..count).step_by(size).map(move |first| first..(first + size).min(count)).collect::<Vec<_>>()
    };
    if *device == Device::flex() {
        let size = count.div_ceil(rayon::current_num_threads()).clamp(1, PATCHES_PER_CORE);
        let values: Result<Vec<_>, E> =
            passes(size).into_par_iter().map(|patches| Ok(to_vec(pass(patches)?))).collect();
        return Ok(values?.concat());
    }
    let mut all = Vec::new();
    for group in passes(PATCHES_PER_PASS).chunks(PASSES_AT_ONCE) {
        let outputs: Result<Vec<_>, E> = group.iter().cloned().map(&pass).collect();
        all.extend(to_vec(Tensor::cat(outputs?, 0)));
    }
    Ok(all)
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
    in_passes(&pool.device, indices.len(), |patches| {
        Ok(logits(network, pool.gather(&indices[patches])?, augmentation))
    })
}

/// `output` of normalised patches (N×S×S) that lie on the host.
fn from_host(
    pixels: &[f32],
    size: usize,
    device: &Device,
    output: impl Fn(Tensor<4>) -> Tensor<1> + Sync,
) -> Vec<f32> {
    let area = size * size;
    let pass = |patches: Range<usize>| {
        let shape = [patches.len(), 1, size, size];
        let pixels = pixels[patches.start * area..patches.end * area].to_vec();
        Ok::<_, Infallible>(output(Tensor::from_data(TensorData::new(pixels, shape), device)))
    };
    let Ok(values) = in_passes(device, pixels.len() / area, pass);
    values
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
