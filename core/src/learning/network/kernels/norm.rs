//! Batch normalisation, shortcut and ReLU of channel-last images, forward and backward.
//!
//! An image is taken as rows (pixels) of `channels` values, a multiple of 8. Sums go over fixed blocks
//! of rows and are put together in the order of the blocks.

use std::ops::Range;

use rayon::prelude::*;

use super::gemm::Rows;
use super::simd::{Isa, compiled, run};

/// Values of a block of rows: near enough to be read twice.
const BLOCK: usize = 1 << 14;

fn block_rows(channels: usize) -> usize {
    (BLOCK / channels).max(1)
}

type Eight = [f32; 8];

#[inline(always)]
fn eights(values: &[f32]) -> &[Eight] {
    values.as_chunks::<8>().0
}

#[inline(always)]
fn eights_mut(values: &mut [f32]) -> &mut [Eight] {
    values.as_chunks_mut::<8>().0
}

compiled!(add_rows, add_rows_avx2, (rows: &[f32], sums: &mut [f32]) {
    for row in rows.chunks_exact(sums.len()) {
        for (s, x) in eights_mut(sums).iter_mut().zip(eights(row)) {
            for i in 0..8 {
                s[i] += x[i];
            }
        }
    }
});

compiled!(add_squares, add_squares_avx2, (rows: &[f32], mean: &[f32], sums: &mut [f32]) {
    for row in rows.chunks_exact(sums.len()) {
        for ((s, m), x) in eights_mut(sums).iter_mut().zip(eights(mean)).zip(eights(row)) {
            for i in 0..8 {
                let d = x[i] - m[i];
                s[i] += d * d;
            }
        }
    }
});

/// Mean and variance (biased) of each channel.
pub fn statistics(isa: Isa, y: &[f32], channels: usize) -> (Vec<f32>, Vec<f32>) {
    let blocks: Vec<(usize, Vec<f32>, Vec<f32>)> = y
        .par_chunks(block_rows(channels) * channels)
        .map(|block| {
            let rows = block.len() / channels;
            let mut mean = vec![0.0; channels];
            run!(isa, add_rows, add_rows_avx2, (block, &mut mean));
            mean.iter_mut().for_each(|m| *m /= rows as f32);
            let mut squares = vec![0.0; channels];
            run!(isa, add_squares, add_squares_avx2, (block, &mean, &mut squares));
            (rows, mean, squares)
        })
        .collect();
    // Chan, Golub & LeVeque 1979: parts put together without loss.
    let mut count = 0.0f64;
    let (mut mean, mut squares) = (vec![0.0f64; channels], vec![0.0f64; channels]);
    for (rows, block_mean, block_squares) in &blocks {
        let rows = *rows as f64;
        for c in 0..channels {
            let delta = f64::from(block_mean[c]) - mean[c];
            mean[c] += delta * rows / (count + rows);
            squares[c] += f64::from(block_squares[c]) + delta * delta * count * rows / (count + rows);
        }
        count += rows;
    }
    (mean.iter().map(|&m| m as f32).collect(), squares.iter().map(|&s| (s / count) as f32).collect())
}

compiled!(scale_rows, scale_rows_avx2, (y: &[f32], out: &mut [f32], scale: &[f32], offset: &[f32], relu: bool) {
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    for (y, out) in y.chunks_exact(scale.len()).zip(out.chunks_exact_mut(scale.len())) {
        let each = eights(y).iter().zip(eights_mut(out));
        for (((y, out), a), b) in each.zip(eights(scale)).zip(eights(offset)) {
            for i in 0..8 {
                let value = y[i] * a[i] + b[i];
                // Not `max`, which would swallow a NaN.
                out[i] = if value < floor { floor } else { value };
            }
        }
    }
});

/// scale·y + offset by channel, then ReLU if `relu`.
#[derive(Debug, Clone, Copy)]
pub struct Affine<'a> {
    /// By channel, a multiple of 8 of them.
    pub scale: &'a [f32],
    /// By channel.
    pub offset: &'a [f32],
    /// Whether negative values become zero.
    pub relu: bool,
}

impl Affine<'_> {
    /// The part for some of the channels.
    pub fn columns(&self, channels: Range<usize>) -> Self {
        Self { scale: &self.scale[channels.clone()], offset: &self.offset[channels], relu: self.relu }
    }

    /// Applies it to the first `count` of `rows`, in place.
    ///
    /// # Safety
    /// The rows must hold as many values as there are channels here, and nobody else may touch these.
    pub unsafe fn apply(&self, isa: Isa, rows: Rows, count: usize) {
        run!(isa, scale_in_place, scale_in_place_avx2, (rows, count, self))
    }
}

compiled!(scale_in_place, scale_in_place_avx2, (rows: Rows, count: usize, by: &Affine<'_>) {
    let floor = if by.relu { 0.0 } else { f32::NEG_INFINITY };
    for row in 0..count {
        // SAFETY: by the promise of whoever called `Affine::apply`.
        let row = unsafe { std::slice::from_raw_parts_mut(rows.row(row as u32), by.scale.len()) };
        for ((y, a), b) in eights_mut(row).iter_mut().zip(eights(by.scale)).zip(eights(by.offset)) {
            // All eight are read before one is written: the compiler cannot know that rows and factors lie apart.
            *y = std::array::from_fn(|i| {
                let value = y[i] * a[i] + b[i];
                if value < floor { floor } else { value }
            });
        }
    }
});

compiled!(scale_rows_and_add, scale_rows_and_add_avx2,
    (y: &[f32], out: &mut [f32], shortcut: &[f32], scale: &[f32], offset: &[f32], relu: bool) {
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    let rows = y.chunks_exact(scale.len()).zip(out.chunks_exact_mut(scale.len()));
    for ((y, out), shortcut) in rows.zip(shortcut.chunks_exact(scale.len())) {
        let each = eights(y).iter().zip(eights_mut(out)).zip(eights(shortcut));
        for ((((y, out), s), a), b) in each.zip(eights(scale)).zip(eights(offset)) {
            for i in 0..8 {
                let value = y[i] * a[i] + b[i] + s[i];
                out[i] = if value < floor { floor } else { value };
            }
        }
    }
});

/// scale·y + offset by channel, plus the shortcut, through ReLU.
pub fn apply(
    isa: Isa,
    y: &[f32],
    scale: &[f32],
    offset: &[f32],
    shortcut: Option<&[f32]>,
    relu: bool,
) -> Vec<f32> {
    let block = block_rows(scale.len()) * scale.len();
    let mut out = vec![0.0; y.len()];
    let parts = y.par_chunks(block).zip(out.par_chunks_mut(block));
    match shortcut {
        None => {
            parts.for_each(|(y, out)| run!(isa, scale_rows, scale_rows_avx2, (y, out, scale, offset, relu)))
        }
        Some(shortcut) => {
            assert_eq!(y.len(), shortcut.len());
            parts.zip(shortcut.par_chunks(block)).for_each(|((y, out), s)| {
                run!(isa, scale_rows_and_add, scale_rows_and_add_avx2, (y, out, s, scale, offset, relu));
            });
        }
    }
    out
}

compiled!(mask_rows, mask_rows_avx2, (gradient: &mut [f32], out: &[f32]) {
    for (g, o) in eights_mut(gradient).iter_mut().zip(eights(out)) {
        for i in 0..8 {
            // No branch: the signs are as good as random.
            let keep = u32::from(o[i] > 0.0).wrapping_neg();
            g[i] = f32::from_bits(g[i].to_bits() & keep);
        }
    }
});

/// Gradient before a ReLU, in place: zero where its output is zero.
pub fn backward_relu(isa: Isa, gradient: &mut [f32], out: &[f32]) {
    assert_eq!(gradient.len(), out.len());
    gradient
        .par_chunks_mut(BLOCK)
        .zip(out.par_chunks(BLOCK))
        .for_each(|(g, o)| run!(isa, mask_rows, mask_rows_avx2, (g, o)));
}

compiled!(add_products, add_products_avx2,
    (gradient: &[f32], y: &[f32], mean: &[f32], sums: &mut [f32], products: &mut [f32]) {
    for (g, y) in gradient.chunks_exact(mean.len()).zip(y.chunks_exact(mean.len())) {
        let sums = eights_mut(sums).iter_mut().zip(eights_mut(products));
        for ((((s, p), m), g), y) in sums.zip(eights(mean)).zip(eights(g)).zip(eights(y)) {
            for i in 0..8 {
                s[i] += g[i];
                p[i] += g[i] * (y[i] - m[i]);
            }
        }
    }
});

compiled!(combine_rows, combine_rows_avx2,
    (gradient: &mut [f32], y: &[f32], a: &[f32], b: &[f32], c: &[f32]) {
    for (g, y) in gradient.chunks_exact_mut(a.len()).zip(y.chunks_exact(a.len())) {
        let each = eights_mut(g).iter_mut().zip(eights(y));
        for ((((g, y), a), b), c) in each.zip(eights(a)).zip(eights(b)).zip(eights(c)) {
            for i in 0..8 {
                g[i] = g[i] * a[i] + y[i] * b[i] + c[i];
            }
        }
    }
});

/// What batch normalisation over the batch itself gives back.
pub struct NormGradients {
    /// By γ.
    pub gamma: Vec<f32>,
    /// By β.
    pub beta: Vec<f32>,
}

/// Turns the gradient of γ·(y − mean)·s + β with s = 1/√(variance + ε) into that of `y`, in place
/// (Ioffe & Szegedy 2015, the gradients of section 3): with x̂ the normalised value and means over
/// the rows, γ·s·(g − mean(g) − x̂·mean(g·x̂)).
pub fn backward(
    isa: Isa,
    gradient: &mut [f32],
    y: &[f32],
    gamma: &[f32],
    mean: &[f32],
    inverse_deviation: &[f32],
) -> NormGradients {
    let channels = gamma.len();
    assert_eq!(gradient.len(), y.len());
    let block = block_rows(channels) * channels;
    let blocks: Vec<(Vec<f32>, Vec<f32>)> = gradient
        .par_chunks(block)
        .zip(y.par_chunks(block))
        .map(|(g, y)| {
            let (mut sums, mut products) = (vec![0.0; channels], vec![0.0; channels]);
            run!(isa, add_products, add_products_avx2, (g, y, mean, &mut sums, &mut products));
            (sums, products)
        })
        .collect();
    let rows = (y.len() / channels) as f64;
    let (mut dgamma, mut dbeta) = (vec![0.0f32; channels], vec![0.0f32; channels]);
    let (mut a, mut b, mut c) = (vec![0.0f32; channels], vec![0.0f32; channels], vec![0.0f32; channels]);
    for i in 0..channels {
        let sum: f64 = blocks.iter().map(|(sums, _)| f64::from(sums[i])).sum();
        let product: f64 = blocks.iter().map(|(_, products)| f64::from(products[i])).sum();
        let s = f64::from(inverse_deviation[i]);
        dbeta[i] = sum as f32;
        dgamma[i] = (product * s) as f32;
        // g·a + y·b + c is the formula above multiplied out.
        let scale = f64::from(gamma[i]) * s;
        let slope = -scale * s * s * product / rows;
        a[i] = scale as f32;
        b[i] = slope as f32;
        c[i] = (-scale * sum / rows - slope * f64::from(mean[i])) as f32;
    }
    gradient
        .par_chunks_mut(block)
        .zip(y.par_chunks(block))
        .for_each(|(g, y)| run!(isa, combine_rows, combine_rows_avx2, (g, y, &a, &b, &c)));
    NormGradients { gamma: dgamma, beta: dbeta }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNELS: usize = 8;
    const EPSILON: f64 = 1e-5;

    fn noise(count: usize, seed: u64) -> Vec<f32> {
        (0..count as u64).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
    }

    /// Mean, variance and Σ r·norm(y) straight from the definition.
    fn plain(y: &[f64], gamma: &[f32], r: &[f32]) -> (Vec<f64>, Vec<f64>, f64) {
        let rows = y.len() / CHANNELS;
        let column = |c: usize| y.iter().skip(c).step_by(CHANNELS);
        let mean: Vec<f64> = (0..CHANNELS).map(|c| column(c).sum::<f64>() / rows as f64).collect();
        let variance: Vec<f64> = (0..CHANNELS)
            .map(|c| column(c).map(|y| (y - mean[c]).powi(2)).sum::<f64>() / rows as f64)
            .collect();
        let total = y
            .iter()
            .zip(r)
            .enumerate()
            .map(|(i, (y, &r))| {
                let c = i % CHANNELS;
                f64::from(r) * f64::from(gamma[c]) * (y - mean[c]) / (variance[c] + EPSILON).sqrt()
            })
            .sum();
        (mean, variance, total)
    }

    #[test]
    fn statistics_and_gradients_agree_with_the_definition() {
        // More rows than a block holds, far from zero.
        let rows = 2 * BLOCK / CHANNELS + 5;
        let y: Vec<f32> = noise(rows * CHANNELS, 1).iter().map(|v| v + 20.0).collect();
        let (gamma, r) = (noise(CHANNELS, 2), noise(rows * CHANNELS, 3));
        let wide: Vec<f64> = y.iter().map(|&v| f64::from(v)).collect();
        let (want_mean, want_variance, _) = plain(&wide, &gamma, &r);
        for isa in Isa::available() {
            let (mean, variance) = statistics(isa, &y, CHANNELS);
            for c in 0..CHANNELS {
                assert!((f64::from(mean[c]) - want_mean[c]).abs() < 1e-5, "{isa:?} mean");
                assert!((f64::from(variance[c]) - want_variance[c]).abs() < 1e-5, "{isa:?} variance");
            }
            let inverse: Vec<f32> =
                variance.iter().map(|&v| (1.0 / (f64::from(v) + EPSILON).sqrt()) as f32).collect();
            let mut dy = r.clone();
            let gradients = backward(isa, &mut dy, &y, &gamma, &mean, &inverse);
            for at in [0, 9, 4 * CHANNELS + 3, rows * CHANNELS - 1] {
                let moved = |by: f64| {
                    let mut wide = wide.clone();
                    wide[at] += by;
                    plain(&wide, &gamma, &r).2
                };
                let want = (moved(1e-3) - moved(-1e-3)) / 2e-3;
                assert!((f64::from(dy[at]) - want).abs() < 1e-4, "{isa:?} at {at}: {} for {want}", dy[at]);
            }
            for c in 0..CHANNELS {
                let beta: f64 = r.iter().skip(c).step_by(CHANNELS).map(|&v| f64::from(v)).sum();
                assert!((f64::from(gradients.beta[c]) - beta).abs() < 1e-2, "{isa:?} beta");
                let mut only = vec![0.0; CHANNELS];
                only[c] = 1.0;
                let want = plain(&wide, &only, &r).2;
                assert!((f64::from(gradients.gamma[c]) - want).abs() < 1e-2, "{isa:?} gamma");
            }
        }
    }

    #[test]
    fn relu_and_shortcut() {
        let y = [1.0, -1.0, 0.5, 2.0, -3.0, 0.0, 1.0, f32::NAN];
        let (scale, offset, shortcut) = ([2.0; 8], [0.5; 8], [0.0, 0.0, -3.0, 1.0, 9.0, 0.0, 0.0, 0.0]);
        for isa in Isa::available() {
            let out = apply(isa, &y, &scale, &offset, Some(&shortcut), true);
            assert_eq!(out[..7], [2.5, 0.0, 0.0, 5.5, 3.5, 0.5, 2.5]);
            assert!(out[7].is_nan(), "what is no number must not become zero");
            let plain = apply(isa, &y, &scale, &offset, None, false);
            assert_eq!(plain[..7], [2.5, -1.5, 1.5, 4.5, -5.5, 0.5, 2.5]);
            let mut gradient = [1.0; 8];
            backward_relu(isa, &mut gradient, &[1.0, 0.0, 0.0, 2.0, 3.0, 0.5, 0.0, 1.0]);
            assert_eq!(gradient, [1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0]);
        }
    }
}
