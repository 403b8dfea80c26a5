//! The pixels under a convolution's kernel, copied out into rows.

use super::conv_shape::ConvShape;

/// Pixels under the kernel, one row each (taps), of `images` images from `first`. What lies in the padding is 0.
pub fn unfold(shape: &ConvShape, x: &[f32], first: usize, images: usize, rows: &mut [f32]) {
    if shape.padding > 0 {
        return padded(shape, x, first, images, rows);
    }
    // The copies unroll for the networks' own first layers.
    match shape.kernel * shape.channels_in {
        3 => inside::<3>(shape, x, first, images, rows),
        5 => inside::<5>(shape, x, first, images, rows),
        7 => inside::<7>(shape, x, first, images, rows),
        _ => padded(shape, x, first, images, rows),
    }
}

/// Without padding; `ROW` values of a row of the image under the kernel.
fn inside<const ROW: usize>(shape: &ConvShape, x: &[f32], first: usize, images: usize, rows: &mut [f32]) {
    let [h, w] = shape.input;
    let [oh, ow] = shape.output();
    let (line, step) = (w * shape.channels_in, shape.stride * shape.channels_in);
    let mut to = rows.chunks_exact_mut(shape.kernel * ROW);
    for n in first..first + images {
        for y in 0..oh {
            let top = &x[(n * h + y * shape.stride) * line..][..shape.kernel * line];
            for (ox, row) in to.by_ref().take(ow).enumerate() {
                for (to, from) in row.as_chunks_mut::<ROW>().0.iter_mut().zip(top.chunks_exact(line)) {
                    to.copy_from_slice(&from[ox * step..][..ROW]);
                }
            }
        }
    }
}

/// With padding, for any kernel.
fn padded(shape: &ConvShape, x: &[f32], first: usize, images: usize, rows: &mut [f32]) {
    let [h, w] = shape.input;
    let [oh, ow] = shape.output();
    let (c, k) = (shape.channels_in, shape.kernel);
    rows.fill(0.0);
    let mut to = rows.chunks_exact_mut(k * k * c);
    for n in first..first + images {
        for y in 0..oh {
            for ox in 0..ow {
                let Some(row) = to.next() else { return };
                for ky in 0..k {
                    let Some(iy) = (y * shape.stride + ky).checked_sub(shape.padding).filter(|&i| i < h)
                    else {
                        continue;
                    };
                    // Columns of the kernel that lie inside.
                    let left = ox * shape.stride;
                    let from = shape.padding.saturating_sub(left).min(k);
                    let end = (w + shape.padding).saturating_sub(left).min(k);
                    if from >= end {
                        continue;
                    }
                    let at = ((n * h + iy) * w + left + from - shape.padding) * c;
                    row[(ky * k + from) * c..(ky * k + end) * c]
                        .copy_from_slice(&x[at..at + (end - from) * c]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_copy_the_same_pixels() {
        for (kernel, channels_in, stride) in [(5, 1, 2), (7, 1, 2), (3, 1, 1), (1, 3, 1)] {
            let input = [11, 9];
            let shape =
                ConvShape { images: 3, input, channels_in, channels_out: 8, kernel, stride, padding: 0 };
            let x: Vec<f32> = (0..shape.pixels_in() * channels_in).map(|i| i as f32 + 1.0).collect();
            let [h, w] = shape.output();
            let rows = || vec![f32::NAN; 2 * h * w * shape.taps() * channels_in];
            let (mut fast, mut slow) = (rows(), rows());
            unfold(&shape, &x, 1, 2, &mut fast);
            padded(&shape, &x, 1, 2, &mut slow);
            assert_eq!(fast, slow, "kernel {kernel}");
        }
    }
}
