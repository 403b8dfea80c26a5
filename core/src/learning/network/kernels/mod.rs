//! The networks' layers on the CPU, in kernels of our own.
//!
//! Burn's CPU backend takes a convolution apart into copies, products and element-wise passes; most of
//! a step went into those. Here a block (convolution, batch normalisation, shortcut, ReLU) is one
//! operation for the automatic differentiation, on channel-last images (N×H×W×C). Only f32 tensors of
//! the CPU backend take this way ([`on`]); on a GPU the same networks run as Burn's own operations, and
//! `backbone` holds a test that both say the same.
//!
//! `simd` and `gemm` are the inner loops, `conv`, `norm` and `pool` the layers on plain slices, `ops`
//! their place in Burn, `update` the arithmetic of optimiser and teacher.

// The loops run over lanes and rows of several arrays at once; iterators would hide which.
#![allow(clippy::needless_range_loop)]

mod conv;
#[cfg(test)]
mod conv_tests;
mod gemm;
mod norm;
mod ops;
mod pool;
mod simd;
mod update;

pub use ops::{ConvNorm, Mode, conv_norm, global_mean, max_pool, on, on_cpu, smooth};
pub use update::{AdamStep, adamw, blend, squares};
