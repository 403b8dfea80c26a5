//! Two-dimensional Fourier transform of an image, for filters that are defined by their frequency response.

use rayon::prelude::*;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

use super::check_finite;
use crate::error::Result;
use crate::image::Image;

/// The Fourier transform of an image; not shifted, frequency 0 first.
pub struct Spectrum {
    width: usize,
    height: usize,
    /// Transposed: column by column of the image, each `height` values long.
    data: Vec<Complex<f32>>,
}

impl Spectrum {
    /// Transforms an image.
    ///
    /// # Errors
    /// When the image is empty or holds a value that is no finite number.
    pub fn of(image: &Image) -> Result<Self> {
        check_finite(image)?;
        let (width, height) = (image.width, image.height);
        let mut data: Vec<_> = image.data.iter().map(|&v| Complex::new(v, 0.0)).collect();
        let mut planner = FftPlanner::new();
        lines(&mut data, width, &planner.plan_fft_forward(width));
        let mut data = transpose(&data, width, height);
        lines(&mut data, height, &planner.plan_fft_forward(height));
        Ok(Self { width, height, data })
    }

    /// Multiplies with `factor(fx, fy)`; frequencies in cycles per px, −0.5 to 0.5.
    #[must_use]
    pub fn times(mut self, factor: impl Fn(f64, f64) -> f64 + Sync) -> Self {
        let (width, height) = (self.width, self.height);
        self.data.par_chunks_mut(height).enumerate().for_each(|(x, column)| {
            let fx = frequency(x, width);
            for (y, value) in column.iter_mut().enumerate() {
                *value *= factor(fx, frequency(y, height)) as f32;
            }
        });
        self
    }

    /// Calls `each(fx, fy, |F|²)` for every frequency.
    pub fn powers(&self, mut each: impl FnMut(f64, f64, f64)) {
        for (x, column) in self.data.chunks_exact(self.height).enumerate() {
            let fx = frequency(x, self.width);
            for (y, value) in column.iter().enumerate() {
                each(fx, frequency(y, self.height), f64::from(value.norm_sqr()));
            }
        }
    }

    /// Transforms back and returns the real part.
    pub fn image(self) -> Image {
        let Self { width, height, mut data } = self;
        let mut planner = FftPlanner::new();
        lines(&mut data, height, &planner.plan_fft_inverse(height));
        let mut data = transpose(&data, height, width);
        lines(&mut data, width, &planner.plan_fft_inverse(width));
        let share = 1.0 / (width as f32 * height as f32);
        Image { width, height, data: data.iter().map(|v| v.re * share).collect() }
    }
}

/// Frequency of index `i` of `n`, cycles per px.
fn frequency(i: usize, n: usize) -> f64 {
    let i = i as f64;
    let n = n as f64;
    (if i <= n / 2.0 { i } else { i - n }) / n
}

/// Transforms every line of `length` values.
fn lines(data: &mut [Complex<f32>], length: usize, fft: &Arc<dyn Fft<f32>>) {
    data.par_chunks_mut(length).for_each_init(
        || vec![Complex::default(); fft.get_inplace_scratch_len()],
        |scratch, line| fft.process_with_scratch(line, scratch),
    );
}

/// `height` rows of `width` values become `width` rows of `height` values.
fn transpose(data: &[Complex<f32>], width: usize, height: usize) -> Vec<Complex<f32>> {
    // Sixteen columns at a time, so that both sides stay in the cache.
    const STRIP: usize = 16;
    let mut out = vec![Complex::default(); data.len()];
    out.par_chunks_mut(height * STRIP).enumerate().for_each(|(strip, rows)| {
        let first = strip * STRIP;
        let columns = rows.len() / height;
        for (y, row) in data.chunks_exact(width).enumerate() {
            for (k, &value) in row[first..first + columns].iter().enumerate() {
                rows[k * height + y] = value;
            }
        }
    });
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_on_odd_sides() {
        let image = Image { width: 37, height: 20, data: (0..740).map(|v| ((v * 7) % 31) as f32).collect() };
        let back = Spectrum::of(&image).unwrap().image();
        for (a, b) in image.data.iter().zip(&back.data) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn a_wave_has_one_frequency() {
        let mut image = Image::zeros(32, 16);
        for y in 0..16 {
            for x in 0..32 {
                image.data[y * 32 + x] = (std::f32::consts::TAU * (4.0 * x as f32 / 32.0)).cos();
            }
        }
        let mut found = Vec::new();
        Spectrum::of(&image).unwrap().powers(|fx, fy, p| {
            if p > 1.0 {
                found.push((fx, fy, p));
            }
        });
        // cos = (e^{+i} + e^{−i})/2, so |F| = N/2 at ±4/32.
        assert_eq!(found.len(), 2);
        for (fx, fy, p) in found {
            assert!((fx.abs() - 0.125).abs() < 1e-9 && fy == 0.0);
            assert!((p.sqrt() - 256.0).abs() < 1e-2);
        }
    }
}
