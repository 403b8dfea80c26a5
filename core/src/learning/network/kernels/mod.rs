//! The networks' layers on the CPU, in kernels of our own.
//!
//! Burn's CPU backend splits a convolution into copies, products and element-wise passes, which took most of a step.
//! Here a block (convolution, batch normalisation, shortcut, ReLU) is one operation for the automatic differentiation,
//! on channel-last images (N×H×W×C). Only f32 tensors of the CPU backend use these kernels ([`mode_of`]). On a GPU the
//! same networks run Burn's own operations; `parity_tests` of the network compares the two.
//!
//! `simd` and `gemm` are the inner loops. `conv` (with `conv_shape` and `unfold`), `norm` and `pool` are the layers on plain slices. `ops` makes them
//! operations of Burn. `mirror` makes the mirror images of patches. `update` is the arithmetic of optimiser and teacher.

// The loops run over lanes and rows of several arrays at once; iterators would hide which.
#![allow(clippy::needless_range_loop)]

mod conv;
mod conv_shape;
#[cfg(test)]
mod conv_tests;
mod gemm;
mod mirror;
mod norm;
mod ops;
mod pool;
mod simd;
mod unfold;
mod update;

pub use mirror::mirrored;
pub use ops::{ConvNorm, Mode, conv_norm, global_mean, max_pool, mode_of, on_cpu, smooth};
pub use update::{AdamStep, adamw, blend, sum_of_squares};
