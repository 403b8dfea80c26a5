//! Convolutions of channel-last images (N×H×W×C) without bias: forward and both gradients.
//!
//! Work is cut by shape alone and every sum has one order, so results do not depend on the number
//! of threads.

use std::cell::Cell;
use std::ops::Range;

use rayon::prelude::*;

use super::conv_shape::ConvShape;
use super::gemm::{Pair, Rows, Tile, accumulate_outer, accumulate_rows};
use super::norm::Affine;
use super::simd::Isa;
use super::unfold::unfold;

/// Tasks a product is cut into, at least where its shape allows.
const MIN_TASKS: usize = 16;
/// Input channels of a task of the weights' gradient: one cache line of each pixel.
const OUTER_ROWS: usize = 16;
/// Output pixels whose rows stay near while the weights' gradient goes over the taps.
const OUTER_PIXELS: usize = 256;

/// A pointer that tasks share; each touches its own part.
#[derive(Clone, Copy)]
struct SharedOutput(*mut f32);
// SAFETY: the tasks below write disjoint parts, and read only what no task writes.
unsafe impl Send for SharedOutput {}
// SAFETY: as above.
unsafe impl Sync for SharedOutput {}
impl SharedOutput {
    fn of(values: &[f32]) -> Self {
        Self(values.as_ptr().cast_mut())
    }
    fn at(self, offset: usize) -> *mut f32 {
        self.0.wrapping_add(offset)
    }
    fn rows(self, offset: usize, stride: usize) -> Rows {
        // Callers check the lengths of the slices behind.
        Rows { start: self.at(offset), stride }
    }
}

thread_local! {
    /// Memory that goes from call to call: fresh pages cost more than the arithmetic on them.
    static SCRATCH: Cell<[Vec<f32>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
}

/// Lends `count` values of this thread's scratch memory number `which`; what is in them is left over.
fn with_scratch<T>(which: usize, count: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    let mut all = SCRATCH.take();
    let mut mine = std::mem::take(&mut all[which]);
    SCRATCH.set(all);
    if mine.len() < count {
        mine.resize(count, 0.0);
    }
    let result = work(&mut mine[..count]);
    let mut all = SCRATCH.take();
    all[which] = mine;
    SCRATCH.set(all);
    result
}

/// Which channels are the columns of the product.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Columns {
    Outputs,
    Inputs,
}

/// Values between the end of a tap's packed weights and the start of the next. Without them all taps
/// would fall into the same sets of the nearest cache, their distance being a large power of two.
const TAP_GAP: usize = 512;

/// Weights out×in×k×k of one column tile as \[tap\]\[depth\]\[columns of the tile\],
/// the taps apart by `tap_stride` values.
fn pack_tile(
    shape: &ConvShape,
    columns: Columns,
    width: usize,
    tap_stride: usize,
    t: usize,
    weights: &[f32],
    to: &mut [f32],
) {
    // The loops over taps unroll for the kernels there are.
    match shape.taps() {
        9 => pack_taps(shape, 9, [width, tap_stride], columns, t, weights, to),
        1 => pack_taps(shape, 1, [width, tap_stride], columns, t, weights, to),
        taps => pack_taps(shape, taps, [width, tap_stride], columns, t, weights, to),
    }
}

#[inline(always)]
fn pack_taps(
    shape: &ConvShape,
    taps: usize,
    [width, tap_stride]: [usize; 2],
    columns: Columns,
    t: usize,
    weights: &[f32],
    to: &mut [f32],
) {
    let (ci, co) = (shape.channels_in, shape.channels_out);
    match columns {
        Columns::Outputs => {
            assert!(tap_stride >= ci * width && to.len() == taps * tap_stride);
            assert!(weights.len() >= (t + 1) * width * ci * taps);
            // Blocks of the depth, so that the scattered writes stay in the nearest cache.
            for block in (0..ci).step_by(16) {
                let depth = (ci - block).min(16);
                for j in 0..width {
                    // SAFETY: indices are below the lengths asserted above.
                    unsafe {
                        let mut from = weights.as_ptr().add(((t * width + j) * ci + block) * taps);
                        let mut to = to.as_mut_ptr().add(block * width + j);
                        for _ in 0..depth {
                            for tap in 0..taps {
                                *to.add(tap.wrapping_mul(tap_stride)) = *from.add(tap);
                            }
                            from = from.add(taps);
                            to = to.add(width);
                        }
                    }
                }
            }
        }
        Columns::Inputs => {
            assert!(tap_stride >= co * width && to.len() == taps * tap_stride);
            assert!(weights.len() >= ((co - 1) * ci + (t + 1) * width) * taps);
            for o in 0..co {
                // SAFETY: indices are below the lengths asserted above.
                unsafe {
                    let mut from = weights.as_ptr().add((o * ci + t * width) * taps);
                    let mut to = to.as_mut_ptr().add(o * width);
                    for _ in 0..width {
                        for tap in 0..taps {
                            *to.add(tap.wrapping_mul(tap_stride)) = *from.add(tap);
                        }
                        from = from.add(taps);
                        to = to.add(1);
                    }
                }
            }
        }
    }
}

/// A part of the work: images from `first`, column tiles.
#[derive(Clone)]
struct Task {
    first: usize,
    count: usize,
    tiles: Range<usize>,
}

/// Groups of images × groups of column tiles, so that there is work for several threads.
fn tasks(shape: &ConvShape, tiles: usize) -> Vec<Task> {
    let group = shape.group();
    let groups = shape.images.div_ceil(group);
    let parts = (MIN_TASKS.div_ceil(groups)).min(tiles);
    let mut tasks = Vec::with_capacity(groups * parts);
    for g in 0..groups {
        let first = g * group;
        let count = group.min(shape.images - first);
        for p in 0..parts {
            tasks.push(Task { first, count, tiles: p * tiles / parts..(p + 1) * tiles / parts });
        }
    }
    tasks
}

fn identity(count: usize) -> Vec<Pair> {
    (0..count as u32).map(|i| Pair { input: i, output: i }).collect()
}

/// The product of a convolution's images with its weights, in either direction, and what is done to it by channel
/// (`after`) while it is near.
fn product(
    isa: Isa,
    shape: &ConvShape,
    columns: Columns,
    from: &[f32],
    weights: &[f32],
    after: Option<&Affine<'_>>,
) -> Vec<f32> {
    assert_eq!(weights.len(), shape.weights());
    let taps = shape.taps();
    let unfolds = shape.unfolds();
    let [in_side, out_side] = [shape.pixels_in() / shape.images, shape.pixels_out() / shape.images];
    let (reversed, depth, across, from_image, to_image) = match columns {
        Columns::Outputs => (false, shape.channels_in, shape.channels_out, in_side, out_side),
        Columns::Inputs => (true, shape.channels_out, shape.channels_in, out_side, in_side),
    };
    assert_eq!(from.len(), shape.images * from_image * depth);
    assert!(across.is_multiple_of(8));
    let tile = Tile::of(isa, across);
    let width = tile.columns();
    let tasks = tasks(shape, across / width);
    // Where each tile serves few tasks they pack it themselves, into memory that is near.
    let tap_stride = if unfolds { depth * width } else { depth * width + TAP_GAP };
    let tile_size = taps * tap_stride;
    let shared = shape.images.div_ceil(shape.group()) > 2;
    let mut packed = vec![0.0; if shared { across / width * tile_size } else { 0 }];
    packed
        .par_chunks_mut(tile_size)
        .enumerate()
        .for_each(|(t, to)| pack_tile(shape, columns, width, tap_stride, t, weights, to));
    let pairs = if unfolds { vec![identity(shape.group() * out_side)] } else { shape.pairs(shape.group()) };
    // Without padding the first tap writes every output.
    let first_covers = pairs[0].len() == shape.group() * to_image;
    let mut result: Vec<f32> = Vec::with_capacity(shape.images * to_image * across);
    let to = SharedOutput(result.as_mut_ptr());
    tasks.into_par_iter().for_each(|Task { first, count, tiles }| {
        // Unfolded rows are tap×in, one tap of a deeper product; with one channel the packed weights
        // have that order already.
        let scratch = if unfolds { count * out_side * taps * depth } else { 0 };
        with_scratch(1, scratch, |rows| {
            let (source, depth) = if unfolds {
                unfold(shape, from, first, count, rows);
                (SharedOutput::of(rows).rows(0, taps * depth), taps * depth)
            } else {
                (SharedOutput::of(from).rows(first * from_image * depth, depth), depth)
            };
            for t in tiles {
                with_scratch(0, if shared { 0 } else { tile_size }, |mine| {
                    let weights = if shared {
                        &packed[t * tile_size..][..tile_size]
                    } else {
                        pack_tile(shape, columns, width, tap_stride, t, weights, mine);
                        mine
                    };
                    let to = to.rows(first * to_image * across + t * width, across);
                    // SAFETY: the rows written are this task's images and columns, inside the capacity;
                    // the rows read are inside `from` by the assertion above; the pairs of the first
                    // `count` images come first.
                    unsafe {
                        if !first_covers {
                            for row in 0..count * to_image {
                                to.start.add(row * across).write_bytes(0, width);
                            }
                        }
                        for (tap, pairs) in pairs.iter().enumerate() {
                            let pairs = &pairs[..pairs.len() / shape.group() * count];
                            let weights = weights.as_ptr().add(tap * tap_stride);
                            let how = [reversed, first_covers && tap == 0];
                            accumulate_rows(tile, how, pairs, source, depth, weights, to);
                        }
                        if let Some(after) = after {
                            after.columns(t * width..(t + 1) * width).apply(isa, to, count * to_image);
                        }
                    }
                });
            }
        });
    });
    // SAFETY: the tasks cover all images and all columns.
    unsafe { result.set_len(shape.images * to_image * across) };
    result
}

/// y = x ∗ w. `x` is N×H×W×in, `weights` out×in×k×k, the result N×H'×W'×out.
pub fn forward(isa: Isa, shape: &ConvShape, x: &[f32], weights: &[f32]) -> Vec<f32> {
    product(isa, shape, Columns::Outputs, x, weights, None)
}

/// [`forward`], then scale, offset and ReLU by channel.
pub fn forward_affine(
    isa: Isa,
    shape: &ConvShape,
    x: &[f32],
    weights: &[f32],
    after: &Affine<'_>,
) -> Vec<f32> {
    product(isa, shape, Columns::Outputs, x, weights, Some(after))
}

/// Gradient of the input, N×H×W×in, from that of the output.
pub fn backward_input(isa: Isa, shape: &ConvShape, dy: &[f32], weights: &[f32]) -> Vec<f32> {
    if shape.unfolds() {
        return backward_few_channels(shape, dy, weights);
    }
    product(isa, shape, Columns::Inputs, dy, weights, None)
}

/// The same straight from the definition. Only whoever asks for the gradient of the patches themselves
/// comes here; training does not.
fn backward_few_channels(shape: &ConvShape, dy: &[f32], weights: &[f32]) -> Vec<f32> {
    let (ci, co, taps) = (shape.channels_in, shape.channels_out, shape.taps());
    let out_side = shape.pixels_out() / shape.images;
    let in_side = shape.pixels_in() / shape.images;
    let pairs = shape.pairs(1);
    let mut dx = vec![0.0f32; shape.pixels_in() * ci];
    dx.par_chunks_mut(in_side * ci).zip(dy.par_chunks(out_side * co)).for_each(|(dx, dy)| {
        for (tap, pairs) in pairs.iter().enumerate() {
            for pair in pairs {
                let dy = &dy[pair.output as usize * co..][..co];
                for (i, dx) in dx[pair.input as usize * ci..][..ci].iter_mut().enumerate() {
                    *dx += dy
                        .iter()
                        .enumerate()
                        .map(|(o, d)| d * weights[(o * ci + i) * taps + tap])
                        .sum::<f32>();
                }
            }
        }
    });
    dx
}

/// Gradient of the weights, out×in×k×k.
pub fn backward_weights(isa: Isa, shape: &ConvShape, x: &[f32], dy: &[f32]) -> Vec<f32> {
    assert_eq!(x.len(), shape.pixels_in() * shape.channels_in);
    assert_eq!(dy.len(), shape.pixels_out() * shape.channels_out);
    let (ci, co, taps) = (shape.channels_in, shape.channels_out, shape.taps());
    let tile = Tile::of(isa, co);
    let width = tile.columns();
    let unfolds = shape.unfolds();
    // One sum is rows × width for each of the steps.
    let (steps, rows) = if unfolds { (1, taps * ci) } else { (taps, ci.min(OUTER_ROWS)) };
    let blocks = if unfolds { 1 } else { ci.div_ceil(rows) };
    let tiles = co / width;
    // Images are cut into parts only where rows and columns give too few tasks.
    let parts = (2 * MIN_TASKS).div_ceil(blocks * tiles).min(shape.images);
    let out_side = shape.pixels_out() / shape.images;
    let size = shape.weights();
    // Images whose rows stay in the nearest cache while the taps go by.
    let chunk = shape.group().min(OUTER_PIXELS.div_ceil(out_side));
    let pairs = if unfolds { vec![identity(chunk * out_side)] } else { shape.pairs(chunk) };
    let mut sums: Vec<f32> = Vec::with_capacity(parts * size);
    let to = SharedOutput(sums.as_mut_ptr());
    (0..parts * blocks * tiles).into_par_iter().for_each(|task| {
        let (part, block, t) = (task / (blocks * tiles), task / tiles % blocks, task % tiles);
        let (first, end) = (part * shape.images / parts, (part + 1) * shape.images / parts);
        let rows_from = block * rows;
        let rows = rows.min(taps * ci - rows_from).min(if unfolds { usize::MAX } else { ci - rows_from });
        with_scratch(0, steps * rows * width, |held| {
            held.fill(0.0);
            for image in (first..end).step_by(chunk) {
                let count = chunk.min(end - image);
                let scratch = if unfolds { count * out_side * taps * ci } else { 0 };
                with_scratch(1, scratch, |unfolded| {
                    let input = if unfolds {
                        unfold(shape, x, image, count, unfolded);
                        SharedOutput::of(unfolded).rows(0, taps * ci)
                    } else {
                        SharedOutput::of(x).rows(image * (x.len() / shape.images) + rows_from, ci)
                    };
                    let output = SharedOutput::of(dy).rows(image * out_side * co + t * width, co);
                    for (step, pairs) in pairs.iter().enumerate() {
                        let pairs = &pairs[..pairs.len() / chunk * count];
                        let sums = SharedOutput::of(held).rows(step * rows * width, width);
                        // SAFETY: rows of these images; `held` is this task's alone.
                        unsafe { accumulate_outer(tile, pairs, input, rows, output, sums) };
                    }
                });
            }
            // From [tap][in][out] to out×in×tap.
            for j in 0..width {
                // SAFETY: each task writes its own part, outputs and inputs, all inside the capacity.
                unsafe {
                    let mut to = to.at(part * size + ((t * width + j) * ci) * taps + rows_from * taps);
                    let from = held.as_ptr().add(j);
                    if unfolds {
                        for row in 0..rows {
                            to.add(row % ci * taps + row / ci).write(*from.add(row * width));
                        }
                    } else {
                        for i in 0..rows {
                            for tap in 0..taps {
                                to.add(tap).write(*from.add((tap * rows + i).wrapping_mul(width)));
                            }
                            to = to.add(taps);
                        }
                    }
                }
            }
        });
    });
    // SAFETY: the tasks cover all parts, outputs and inputs.
    unsafe { sums.set_len(parts * size) };
    if parts > 1 {
        let (total, others) = sums.split_at_mut(size);
        let others = &*others;
        total.par_chunks_mut(4096).enumerate().for_each(|(at, total)| {
            for part in others.chunks_exact(size) {
                for (total, value) in total.iter_mut().zip(&part[at * 4096..]) {
                    *total += value;
                }
            }
        });
        sums.truncate(size);
        sums.shrink_to_fit();
    }
    sums
}
