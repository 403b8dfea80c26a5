//! Maximum and mean over 3×3 pixels with stride 2, and the mean over an image, channel-last.

use rayon::prelude::*;

use super::simd::{Isa, compiled, run};

/// Sizes of the images that are pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolShape {
    /// Images.
    pub images: usize,
    /// Rows and columns.
    pub input: [usize; 2],
    /// Channels.
    pub channels: usize,
    /// Padding at each side, 0 or 1.
    pub padding: usize,
}

const SIDE: usize = 3;

impl PoolShape {
    /// Rows and columns of the pooled image.
    pub fn output(&self) -> [usize; 2] {
        self.input.map(|side| (side + 2 * self.padding - SIDE) / 2 + 1)
    }

    fn image_in(&self) -> usize {
        self.input[0] * self.input[1] * self.channels
    }

    fn image_out(&self) -> usize {
        let [h, w] = self.output();
        h * w * self.channels
    }

    /// For each output pixel its taps that lie inside: number of the tap, first value of the pixel.
    fn taps(&self, pixel: usize) -> impl Iterator<Item = (u8, usize)> {
        let [h, w] = self.input;
        let (channels, padding) = (self.channels, self.padding);
        let out_width = self.output()[1];
        let (y, x) = (pixel / out_width, pixel % out_width);
        (0..SIDE * SIDE).filter_map(move |tap| {
            let iy = (2 * y + tap / SIDE).checked_sub(padding).filter(|&i| i < h)?;
            let ix = (2 * x + tap % SIDE).checked_sub(padding).filter(|&i| i < w)?;
            Some((tap as u8, (iy * w + ix) * channels))
        })
    }
}

/// The maxima and, for [`max_backward`], the tap each came from (the first of equals).
pub fn max_forward(shape: &PoolShape, x: &[f32]) -> (Vec<f32>, Vec<u8>) {
    let c = shape.channels;
    let mut out = vec![f32::NEG_INFINITY; shape.images * shape.image_out()];
    let mut from = vec![0u8; out.len()];
    out.par_chunks_mut(shape.image_out())
        .zip(from.par_chunks_mut(shape.image_out()))
        .zip(x.par_chunks(shape.image_in()))
        .for_each(|((out, from), x)| {
            for (pixel, (out, from)) in out.chunks_exact_mut(c).zip(from.chunks_exact_mut(c)).enumerate() {
                for (tap, at) in shape.taps(pixel) {
                    for ((out, from), &x) in out.iter_mut().zip(from.iter_mut()).zip(&x[at..at + c]) {
                        let larger = x > *out || x.is_nan();
                        *from = if larger { tap } else { *from };
                        *out = if larger { x } else { *out };
                    }
                }
            }
        });
    (out, from)
}

/// Gradient of the input of [`max_forward`].
pub fn max_backward(shape: &PoolShape, gradient: &[f32], from: &[u8]) -> Vec<f32> {
    let c = shape.channels;
    let mut dx = vec![0.0; shape.images * shape.image_in()];
    dx.par_chunks_mut(shape.image_in())
        .zip(gradient.par_chunks(shape.image_out()))
        .zip(from.par_chunks(shape.image_out()))
        .for_each(|((dx, gradient), from)| {
            for (pixel, (g, from)) in gradient.chunks_exact(c).zip(from.chunks_exact(c)).enumerate() {
                for (tap, at) in shape.taps(pixel) {
                    for ((dx, &g), &from) in dx[at..at + c].iter_mut().zip(g).zip(from) {
                        *dx += if from == tap { g } else { 0.0 };
                    }
                }
            }
        });
    dx
}

compiled!(smooth_row, smooth_row_avx2, (out: &mut [f32], rows: [&[f32]; SIDE], channels: usize) {
    for (pixel, out) in out.chunks_exact_mut(channels).enumerate() {
        // Three pixels beside one another are one piece.
        let at = 2 * pixel * channels..(2 * pixel + SIDE) * channels;
        let [top, middle, bottom] = rows.map(|row| row[at.clone()].as_chunks::<8>().0);
        let (out, blocks) = (out.as_chunks_mut::<8>().0, channels / 8);
        assert!(out.len() == blocks && [top, middle, bottom].iter().all(|row| row.len() == SIDE * blocks));
        for (block, out) in out.iter_mut().enumerate() {
            let mut sum = [0.0; 8];
            for row in [top, middle, bottom] {
                for tap in 0..SIDE {
                    let x = &row[tap * blocks + block];
                    for i in 0..8 {
                        sum[i] += x[i];
                    }
                }
            }
            *out = sum.map(|sum| sum / (SIDE * SIDE) as f32);
        }
    }
});

/// The means over 3×3 pixels; the padding counts as zeros.
pub fn smooth_forward(isa: Isa, shape: &PoolShape, x: &[f32]) -> Vec<f32> {
    let c = shape.channels;
    let mut out = vec![0.0; shape.images * shape.image_out()];
    if shape.padding == 0 && c.is_multiple_of(8) {
        let [rows, width] = shape.output();
        let line = shape.input[1] * c;
        out.par_chunks_mut(width * c).enumerate().with_min_len(8).for_each(|(at, out)| {
            let top = (at / rows * shape.input[0] + 2 * (at % rows)) * line;
            let from = [0, 1, 2].map(|row| &x[top + row * line..][..line]);
            run!(isa, smooth_row, smooth_row_avx2, (out, from, c));
        });
        return out;
    }
    out.par_chunks_mut(shape.image_out()).zip(x.par_chunks(shape.image_in())).for_each(|(out, x)| {
        for (pixel, out) in out.chunks_exact_mut(c).enumerate() {
            for (_, at) in shape.taps(pixel) {
                for (out, &x) in out.iter_mut().zip(&x[at..at + c]) {
                    *out += x;
                }
            }
            out.iter_mut().for_each(|out| *out /= (SIDE * SIDE) as f32);
        }
    });
    out
}

/// Gradient of the input of [`smooth_forward`].
pub fn smooth_backward(shape: &PoolShape, gradient: &[f32]) -> Vec<f32> {
    let c = shape.channels;
    let mut dx = vec![0.0; shape.images * shape.image_in()];
    dx.par_chunks_mut(shape.image_in()).zip(gradient.par_chunks(shape.image_out())).for_each(
        |(dx, gradient)| {
            for (pixel, g) in gradient.chunks_exact(c).enumerate() {
                for (_, at) in shape.taps(pixel) {
                    for (dx, &g) in dx[at..at + c].iter_mut().zip(g) {
                        *dx += g / (SIDE * SIDE) as f32;
                    }
                }
            }
        },
    );
    dx
}

/// Mean over the pixels of each image: N×pixels×C to N×C.
pub fn mean_forward(x: &[f32], pixels: usize, channels: usize) -> Vec<f32> {
    let mut out = vec![0.0; x.len() / pixels];
    out.par_chunks_mut(channels).zip(x.par_chunks(pixels * channels)).for_each(|(out, image)| {
        for row in image.chunks_exact(channels) {
            for (out, x) in out.iter_mut().zip(row) {
                *out += x;
            }
        }
        out.iter_mut().for_each(|out| *out /= pixels as f32);
    });
    out
}

/// Gradient of the input of [`mean_forward`].
pub fn mean_backward(gradient: &[f32], pixels: usize, channels: usize) -> Vec<f32> {
    let mut dx = vec![0.0; gradient.len() * pixels];
    dx.par_chunks_mut(pixels * channels).zip(gradient.par_chunks(channels)).for_each(|(dx, g)| {
        for row in dx.chunks_exact_mut(channels) {
            for (dx, g) in row.iter_mut().zip(g) {
                *dx = g / pixels as f32;
            }
        }
    });
    dx
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maxima_and_where_they_came_from() {
        // One 3×3 image of one channel, 0 to 8: windows end at (0..2, 0..2), (0..2, 1..3) and so on.
        let shape = PoolShape { images: 1, input: [3, 3], channels: 1, padding: 1 };
        let x: Vec<f32> = (0..9).map(|i| i as f32).collect();
        let (out, from) = max_forward(&shape, &x);
        assert_eq!(out, [4.0, 5.0, 7.0, 8.0]);
        assert_eq!(
            max_backward(&shape, &[1.0, 2.0, 3.0, 4.0], &from),
            [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 3.0, 4.0]
        );
    }

    #[test]
    fn smoothing_counts_the_padding_as_zeros() {
        // 0 to 8 in 3×3; every window holds four pixels and five zeros.
        let shape = PoolShape { images: 1, input: [3, 3], channels: 1, padding: 1 };
        let x: Vec<f32> = (0..9).map(|i| i as f32).collect();
        let nine = |values: [f32; 4]| values.map(|v| v / 9.0);
        assert_eq!(smooth_forward(Isa::best(), &shape, &x), nine([8.0, 12.0, 20.0, 24.0]));
        // The pixel in the middle lies in all four windows, a corner in one.
        let dx = smooth_backward(&shape, &[9.0, 18.0, 27.0, 36.0]);
        assert_eq!(dx, [1.0, 3.0, 2.0, 4.0, 10.0, 6.0, 3.0, 7.0, 4.0]);
    }

    #[test]
    fn smoothing_without_padding_stays_inside() {
        // 0 to 19 in 4 rows of 5: windows begin at row 0, columns 0 and 2.
        let shape = PoolShape { images: 1, input: [4, 5], channels: 1, padding: 0 };
        let x: Vec<f32> = (0..20).map(|i| i as f32).collect();
        assert_eq!(shape.output(), [1, 2]);
        assert_eq!(smooth_forward(Isa::best(), &shape, &x), [6.0, 8.0]);
        let dx = smooth_backward(&shape, &[9.0, 18.0]);
        assert_eq!(dx[..5], [1.0, 1.0, 3.0, 2.0, 2.0]);
        assert_eq!(dx[15..], [0.0; 5]);
    }

    #[test]
    fn smoothing_is_the_same_with_vectors() {
        // Several images and channels, one row and column that no window reaches.
        let shape = PoolShape { images: 3, input: [6, 8], channels: 24, padding: 0 };
        let x: Vec<f32> = (0..3 * 48 * 24).map(|i| ((i * i) as f32 * 0.37).sin()).collect();
        let one_channel = PoolShape { channels: 1, ..shape };
        for isa in Isa::available() {
            let out = smooth_forward(isa, &shape, &x);
            for channel in 0..24 {
                let pick = |values: &[f32]| -> Vec<f32> {
                    values.iter().skip(channel).step_by(24).copied().collect()
                };
                assert_eq!(pick(&out), smooth_forward(isa, &one_channel, &pick(&x)), "{isa:?}");
            }
        }
    }

    #[test]
    fn means_and_their_gradient() {
        let x = [1.0, 10.0, 3.0, 30.0, 5.0, 50.0, 7.0, 70.0];
        assert_eq!(mean_forward(&x, 2, 2), [2.0, 20.0, 6.0, 60.0]);
        assert_eq!(mean_backward(&[4.0, 8.0], 2, 2), [2.0, 4.0, 2.0, 4.0]);
    }
}
