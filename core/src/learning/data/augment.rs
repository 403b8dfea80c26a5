//! Makes weak and strong views on the device from random numbers drawn on the host.
//!
//! The numbers come from generators seeded by run, epoch and purpose, so a run is repeatable and a resumed run sees
//! the same views. Each view is one affine map with bilinear sampling and reflected borders. Noise comes from a
//! bank that is drawn once for a run.

use burn::tensor::module::conv2d;
use burn::tensor::ops::{ConvOptions, GridSampleOptions, GridSamplePaddingMode, InterpolateMode};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::learning::config::{Rotation, StrongConfig, WeakConfig};

/// Makes views of patches of one size on one device.
pub struct Augmenter {
    size: usize,
    device: Device,
    /// Pixel centres (x, y, 1) with x and y in [−1, 1]: 1×S²×3.
    base_grid: Tensor<3>,
    /// White noise of standard deviation 1: bank×S².
    noise: Tensor<2>,
    noise_count: usize,
    /// 5×5 Gaussian of σ = 1 px: 1×1×5×5.
    blur_kernel: Tensor<4>,
    /// Column and row of each pixel, divided by the side: 1×S×S each.
    columns: Tensor<3>,
    rows: Tensor<3>,
}

/// A random affine map from output to input pixels, as the rows of a 2×3 matrix.
fn affine(rng: &mut ChaCha8Rng, flip: bool, rotation: Rotation, shift: [f64; 2], zoom: f64) -> [f64; 6] {
    let (sin, cos) = match rotation {
        Rotation::None => (0.0, 1.0),
        Rotation::Quarter => [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)][rng.random_range(0..4)],
        Rotation::Any => rng.random_range(0.0..std::f64::consts::TAU).sin_cos(),
    };
    let mirror = if flip && rng.random::<bool>() { -1.0 } else { 1.0 };
    [cos * mirror / zoom, -sin / zoom, shift[0], sin * mirror / zoom, cos / zoom, shift[1]]
}

fn within(rng: &mut ChaCha8Rng, bound: f64) -> f64 {
    if bound > 0.0 { rng.random_range(-bound..=bound) } else { 0.0 }
}

impl Augmenter {
    /// Prepares views of `size`×`size` patches; the noise bank is drawn from `seed`.
    pub fn new(size: usize, seed: u64, device: &Device) -> Self {
        let side = size as f32;
        let centre = |i: usize| (2.0 * i as f32 + 1.0) / side - 1.0;
        let mut grid = Vec::with_capacity(size * size * 3);
        let (mut columns, mut rows) = (Vec::new(), Vec::new());
        for y in 0..size {
            for x in 0..size {
                grid.extend([centre(x), centre(y), 1.0]);
                columns.push((x as f32 + 0.5) / side);
                rows.push((y as f32 + 0.5) / side);
            }
        }
        let noise_count = if size <= 96 { 256 } else { 64 };
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x0015_EBA9);
        let noise: Vec<f32> =
            (0..noise_count * size * size).map(|_| StandardNormal.sample(&mut rng)).collect();
        let taps: Vec<f32> = (-2..=2).map(|i: i32| (-(i * i) as f32 / 2.0).exp()).collect();
        let total: f32 = taps.iter().sum();
        let kernel: Vec<f32> =
            taps.iter().flat_map(|a| taps.iter().map(move |b| a * b / (total * total))).collect();
        Self {
            size,
            device: device.clone(),
            base_grid: Tensor::from_data(TensorData::new(grid, [1, size * size, 3]), device),
            noise: Tensor::from_data(TensorData::new(noise, [noise_count, size * size]), device),
            noise_count,
            blur_kernel: Tensor::from_data(TensorData::new(kernel, [1, 1, 5, 5]), device),
            columns: Tensor::from_data(TensorData::new(columns, [1, size, size]), device),
            rows: Tensor::from_data(TensorData::new(rows, [1, size, size]), device),
        }
    }

    /// Weak views of patches (N×1×S×S).
    pub fn weak(&self, patches: Tensor<4>, config: &WeakConfig, rng: &mut ChaCha8Rng) -> Tensor<4> {
        let bound = config.shift.floor() as i64;
        let maps: Vec<[f64; 6]> = (0..patches.dims()[0])
            .map(|_| {
                let mut px = || if bound > 0 { rng.random_range(-bound..=bound) as f64 } else { 0.0 };
                let shift = [px(), px()].map(|px| 2.0 * px / self.size as f64);
                affine(rng, config.flip, config.rotation, shift, 1.0)
            })
            .collect();
        let still = !config.flip && config.rotation == Rotation::None && bound == 0;
        if still { patches } else { self.warp(patches, &maps) }
    }

    /// Blends one of the views `from` into each view (N×1×S×S), multiplied by a random factor from 0 to `strength`.
    /// The mean and standard deviation of each view are kept.
    ///
    /// People pick the particles they see best, and a network that treats the unlabeled as negatives learns this
    /// difference too. The overlay counters this bias: blending in another unlabeled patch (ice, carbon, a
    /// neighbouring particle) makes clear particles as faint as the unpicked ones.
    pub fn overlay(
        &self,
        views: Tensor<4>,
        from: std::ops::Range<usize>,
        strength: f64,
        rng: &mut ChaCha8Rng,
    ) -> Tensor<4> {
        let [count, channels, height, width] = views.dims();
        if strength <= 0.0 || from.is_empty() || count == 0 {
            return views;
        }
        let others: Vec<i64> = (0..count).map(|_| rng.random_range(from.clone()) as i64).collect();
        let factors: Vec<f32> = (0..count).map(|_| rng.random_range(0.0..strength) as f32).collect();
        let others = Tensor::<1, Int>::from_data(TensorData::new(others, [count]), &self.device);
        let factors = Tensor::<1>::from_data(TensorData::new(factors, [count]), &self.device);
        let flat = views.reshape([count, channels * height * width]);
        let blended_in = flat.clone().select(0, others) * factors.reshape([count, 1]);
        let moments = |x: &Tensor<2>| {
            let mean = x.clone().mean_dim(1);
            let deviation = (x.clone() - mean.clone()).powi_scalar(2).mean_dim(1).sqrt();
            (mean, deviation)
        };
        let (mean, deviation) = moments(&flat);
        let sum = flat + blended_in;
        let (sum_mean, sum_deviation) = moments(&sum);
        let result = (sum - sum_mean) * (deviation / (sum_deviation + 1e-6)) + mean;
        result.reshape([count, channels, height, width])
    }

    /// Strong views of patches (N×1×S×S).
    pub fn strong(&self, patches: Tensor<4>, config: &StrongConfig, rng: &mut ChaCha8Rng) -> Tensor<4> {
        let count = patches.dims()[0];
        let mut maps = Vec::with_capacity(count);
        let (mut gain, mut offset, mut noise, mut blur) = (vec![], vec![], vec![], vec![]);
        let (mut picks, mut left, mut top, mut side) = (vec![], vec![], vec![], vec![]);
        for _ in 0..count {
            let shift = [0; 2].map(|_| 2.0 * within(rng, config.shift) / self.size as f64);
            let zoom = 1.0 + within(rng, config.scale);
            maps.push(affine(rng, config.flip, config.rotation, shift, zoom));
            gain.push((1.0 + within(rng, config.contrast)) as f32);
            offset.push(within(rng, config.brightness) as f32);
            // Random signs double the number of noise images.
            noise.push(within(rng, config.noise) as f32);
            blur.push(within(rng, config.blur).abs() as f32);
            picks.push(rng.random_range(0..self.noise_count) as i64);
            side.push(within(rng, config.erase).abs() as f32);
            left.push(rng.random_range(0.0..1.0f32));
            top.push(rng.random_range(0.0..1.0f32));
        }
        let per_patch = |values: Vec<f32>| {
            Tensor::<1>::from_data(TensorData::new(values, [count]), &self.device).reshape([count, 1, 1, 1])
        };
        let mut x = self.warp(patches, &maps);
        if config.blur > 0.0 {
            let options = ConvOptions::new([1, 1], [2, 2], [1, 1], 1);
            let blurred = conv2d(x.clone(), self.blur_kernel.clone(), None, options);
            x = x.clone() + (blurred - x) * per_patch(blur);
        }
        x = x * per_patch(gain) + per_patch(offset);
        if config.noise > 0.0 {
            let picks = Tensor::<1, Int>::from_data(TensorData::new(picks, [count]), &self.device);
            let noise_images = self.noise.clone().select(0, picks).reshape([count, 1, self.size, self.size]);
            x = x + noise_images * per_patch(noise);
        }
        if config.erase > 0.0 {
            let [n, c, h, w] = x.dims();
            let mean = x.clone().reshape([n, c * h * w]).mean_dim(1).reshape([n, 1, 1, 1]);
            let share = |values: Vec<f32>| {
                Tensor::<1>::from_data(TensorData::new(values, [count]), &self.device).reshape([count, 1, 1])
            };
            let half = share(side) * 0.5;
            let inside = |position: &Tensor<3>, centre: Vec<f32>| {
                (position.clone() - share(centre)).abs().lower(half.clone())
            };
            let erased = inside(&self.columns, left).bool_and(inside(&self.rows, top));
            let erased = erased.float().reshape([n, 1, h, w]);
            x = x.clone() + (mean - x) * erased;
        }
        x
    }

    fn warp(&self, patches: Tensor<4>, maps: &[[f64; 6]]) -> Tensor<4> {
        let count = maps.len();
        // The 2×3 matrix of each view, transposed to 3×2 so that grid × map gives source positions.
        let values: Vec<f32> =
            maps.iter().flat_map(|m| [m[0], m[3], m[1], m[4], m[2], m[5]].map(|v| v as f32)).collect();
        let maps = Tensor::<3>::from_data(TensorData::new(values, [count, 3, 2]), &self.device);
        let grid = self.base_grid.clone().expand([count, self.size * self.size, 3]).matmul(maps);
        patches.grid_sample_2d(
            grid.reshape([count, self.size, self.size, 2]),
            GridSampleOptions::new(InterpolateMode::Bilinear)
                .with_padding_mode(GridSamplePaddingMode::Reflection)
                .with_align_corners(false),
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::device::ComputeDevice;
    use crate::learning::network::weights::to_vec;
    use crate::learning::random::{Stream, generator};

    fn overlaid(views: &[f32], from: std::ops::Range<usize>, strength: f64) -> Vec<f32> {
        let device = ComputeDevice::cpu().inner;
        let augmenter = Augmenter::new(2, 1, &device);
        let count = views.len() / 4;
        let views = Tensor::<4>::from_data(TensorData::new(views.to_vec(), [count, 1, 2, 2]), &device);
        to_vec(
            augmenter
                .overlay(views, from, strength, &mut generator(3, 1, Stream::WeakViews))
                .reshape([count * 4]),
        )
    }

    fn moments(x: &[f32]) -> (f32, f32) {
        let mean = x.iter().sum::<f32>() / x.len() as f32;
        (mean, (x.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / x.len() as f32).sqrt())
    }

    #[test]
    fn the_overlay_changes_the_pattern_but_not_mean_or_deviation() {
        // The view has a bright spot on the second pixel, the blended-in one on the third.
        let views = [0.0, 4.0, 0.0, 0.0, 1.0, 1.0, 9.0, 1.0];
        let after = overlaid(&views, 1..2, 2.0);
        assert!(after[2] > after[0] + 0.1, "the other patch shows: {after:?}");
        for (before, after) in views.chunks(4).zip(after.chunks(4)) {
            let ((mean, deviation), (new_mean, new_deviation)) = (moments(before), moments(after));
            assert!((mean - new_mean).abs() < 1e-5 && (deviation - new_deviation).abs() < 1e-4);
        }
        // A patch blended into itself stays the same.
        assert!(after[4..].iter().zip(&views[4..]).all(|(a, b)| (a - b).abs() < 1e-4));
        assert_eq!(after, overlaid(&views, 1..2, 2.0));
    }

    #[test]
    fn there_is_no_overlay_without_strength_or_unlabeled() {
        let views = [0.0, 4.0, 0.0, 0.0, 1.0, 1.0, 9.0, 1.0];
        assert_eq!(overlaid(&views, 1..2, 0.0), views);
        assert_eq!(overlaid(&views, 1..1, 2.0), views);
    }
}
