//! The convolutions against their definition, and with different numbers of threads.
#![allow(clippy::unwrap_used)]

use super::conv::{backward_input, backward_weights, forward};
use super::conv_shape::ConvShape;
use super::simd::Isa;

fn noise(count: usize, mut seed: u32) -> Vec<f32> {
    (0..count)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Straight from the definition, in f64.
fn plain(shape: &ConvShape, mut each: impl FnMut(usize, usize, usize)) {
    let [h, w] = shape.input;
    let [oh, ow] = shape.output();
    let (ci, co, k) = (shape.channels_in, shape.channels_out, shape.kernel);
    for n in 0..shape.images {
        for y in 0..oh {
            for x in 0..ow {
                for ky in 0..k {
                    for kx in 0..k {
                        let (iy, ix) = (y * shape.stride + ky, x * shape.stride + kx);
                        if iy < shape.padding || ix < shape.padding {
                            continue;
                        }
                        let (iy, ix) = (iy - shape.padding, ix - shape.padding);
                        if iy >= h || ix >= w {
                            continue;
                        }
                        for i in 0..ci {
                            for o in 0..co {
                                each(
                                    ((n * h + iy) * w + ix) * ci + i,
                                    ((o * ci + i) * k + ky) * k + kx,
                                    ((n * oh + y) * ow + x) * co + o,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

fn close(got: &[f32], want: &[f64], what: &str) {
    let scale = want.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(*g) - w).abs() < 2e-6 * scale.max(1.0), "{what} at {i}: {g} for {w}");
    }
}

#[test]
fn agrees_with_the_definition() {
    let shapes = [
        (3, [9, 7], 1, 24, 5, 2),
        (3, [9, 7], 1, 64, 7, 2),
        (2, [8, 8], 24, 48, 3, 2),
        (5, [6, 5], 48, 96, 3, 2),
        (3, [4, 4], 96, 128, 3, 1),
        (3, [2, 2], 64, 64, 3, 1),
        (2, [5, 5], 64, 128, 1, 2),
        (2, [1, 1], 8, 8, 3, 1),
        (2, [3, 4], 16, 40, 3, 1),
    ];
    for (images, input, channels_in, channels_out, kernel, stride) in shapes {
        let shape =
            ConvShape { images, input, channels_in, channels_out, kernel, stride, padding: kernel / 2 };
        let x = noise(shape.pixels_in() * channels_in, 1);
        let w = noise(shape.weights(), 2);
        let dy = noise(shape.pixels_out() * channels_out, 3);
        let (mut y, mut dx, mut dw) = (vec![0.0f64; dy.len()], vec![0.0f64; x.len()], vec![0.0f64; w.len()]);
        plain(&shape, |i, j, o| {
            let (a, b, c) = (f64::from(x[i]), f64::from(w[j]), f64::from(dy[o]));
            y[o] += a * b;
            dx[i] += c * b;
            dw[j] += c * a;
        });
        for isa in Isa::available() {
            close(&forward(isa, &shape, &x, &w), &y, &format!("{isa:?} {shape:?} forward"));
            close(&backward_input(isa, &shape, &dy, &w), &dx, &format!("{isa:?} {shape:?} input"));
            close(&backward_weights(isa, &shape, &x, &dy), &dw, &format!("{isa:?} {shape:?} weights"));
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let shape = ConvShape {
        images: 7,
        input: [16, 16],
        channels_in: 24,
        channels_out: 48,
        kernel: 3,
        stride: 2,
        padding: 1,
    };
    let x = noise(shape.pixels_in() * 24, 1);
    let w = noise(shape.weights(), 2);
    let dy = noise(shape.pixels_out() * 48, 3);
    let all = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let isa = Isa::best();
            [
                forward(isa, &shape, &x, &w),
                backward_input(isa, &shape, &dy, &w),
                backward_weights(isa, &shape, &x, &dy),
            ]
            .map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<u32>>())
        })
    };
    let one = all(1);
    assert_eq!(one, all(2));
    assert_eq!(one, all(5));
}
