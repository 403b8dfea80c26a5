//! One pass over the weights for the optimiser and one for the teacher.

use burn::backend::Flex;
use burn::tensor::{DType, Tensor, TensorData};
use rayon::prelude::*;

/// Values of a weight that one task works on.
const BLOCK: usize = 1 << 14;

/// The numbers of one AdamW step (Loshchilov & Hutter 2019).
#[derive(Debug, Clone, Copy)]
pub struct AdamStep {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Learning rate over 1 − β₁ᵗ.
    pub rate: f64,
    /// 1 − β₂ᵗ.
    pub correction2: f64,
    /// What the weights are multiplied with before the update.
    pub keep: f64,
    /// What the gradient is multiplied with.
    pub scale: f64,
}

/// Makes the step on weight, first and second moment (the weight's values, flat, like the gradient).
/// `None` hands the tensors back where they are not f32 tensors of the CPU.
pub fn adamw(
    step: AdamStep,
    weight: Tensor<1>,
    gradient: Tensor<1>,
    moments: Option<(Tensor<1>, Tensor<1>)>,
) -> Option<[Tensor<1>; 3]> {
    todo!()
}

/// t ← d·t + (1 − d)·s.
pub fn blend(teacher: Tensor<1>, student: Tensor<1>, decay: f64) -> Option<Tensor<1>> {
    todo!()
}
