//! One pass over the weights each: the optimiser's step, the teacher's average, the gradient's norm.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::ops::{contiguous, owned, primitive, values};
use super::simd::{Isa, compiled, run};

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
    pub correction: f64,
    /// What the weights are multiplied with before the update.
    pub keep: f64,
    /// What the gradient is multiplied with.
    pub scale: f32,
}

compiled!(adamw_block, adamw_block_avx2,
    (step: AdamStep, weight: &[f32], gradient: &mut [f32], first: &mut [f32], second: &mut [f32]) {
    let (beta1, rest1) = (step.beta1 as f32, (1.0 - step.beta1) as f32);
    let (beta2, rest2) = (step.beta2 as f32, (1.0 - step.beta2) as f32);
    let (epsilon, rate, keep) = (step.epsilon as f32, step.rate as f32, step.keep as f32);
    let correction = step.correction as f32;
    for (((w, g), m), v) in weight.iter().zip(gradient).zip(first).zip(second) {
        let scaled = *g * step.scale;
        *m = *m * beta1 + scaled * rest1;
        *v = *v * beta2 + scaled * scaled * rest2;
        *g = *w * keep - *m / ((*v / correction).sqrt() + epsilon) * rate;
    }
});

/// Makes the step on a weight of the CPU ([`super::on_cpu`]); all flat. Gives weight, first and second
/// moment. The new weight takes the gradient's memory.
pub fn adamw(
    step: AdamStep,
    weight: Tensor<1>,
    gradient: Tensor<1>,
    moments: Option<(Tensor<1>, Tensor<1>)>,
) -> [Tensor<1>; 3] {
    let isa = Isa::best();
    let (first, second) = moments.unwrap_or_else(|| (weight.zeros_like(), weight.zeros_like()));
    let weight = primitive(weight);
    let [mut gradient, mut first, mut second] = [gradient, first, second].map(|t| owned(primitive(t)));
    if values(&weight).len() <= BLOCK {
        // Waking another thread would cost more.
        let (g, m, v) = (gradient.storage_mut(), first.storage_mut(), second.storage_mut());
        run!(isa, adamw_block, adamw_block_avx2, (step, values(&weight), g, m, v));
        return [gradient, first, second].map(Tensor::from_primitive::<Flex>);
    }
    gradient
        .storage_mut::<f32>()
        .par_chunks_mut(BLOCK)
        .zip(first.storage_mut::<f32>().par_chunks_mut(BLOCK))
        .zip(second.storage_mut::<f32>().par_chunks_mut(BLOCK))
        .zip(values(&weight).par_chunks(BLOCK))
        .for_each(|(((g, m), v), w)| run!(isa, adamw_block, adamw_block_avx2, (step, w, g, m, v)));
    [gradient, first, second].map(Tensor::from_primitive::<Flex>)
}

compiled!(blend_block, blend_block_avx2, (average: &mut [f32], new: &[f32], decay: f32, rest: f32) {
    for (a, n) in average.iter_mut().zip(new) {
        *a = *a * decay + *n * rest;
    }
});

/// decay·average + (1 − decay)·new, for tensors of the CPU.
pub fn blend<const D: usize>(average: Tensor<D>, new: Tensor<D>, decay: f64) -> Tensor<D> {
    let isa = Isa::best();
    let (mut average, new): (FlexTensor, FlexTensor) =
        (owned(primitive(average)), contiguous(primitive(new)));
    average.storage_mut::<f32>().par_chunks_mut(BLOCK).zip(values(&new).par_chunks(BLOCK)).for_each(
        |(a, n)| {
            run!(isa, blend_block, blend_block_avx2, (a, n, decay as f32, (1.0 - decay) as f32));
        },
    );
    Tensor::from_primitive::<Flex>(average)
}

compiled!(squares_block, squares_block_avx2, (values: &[f32], sum: &mut f64) {
    let mut lanes = [0.0f32; 16];
    let (blocks, rest) = values.as_chunks::<16>();
    for block in blocks {
        for i in 0..16 {
            lanes[i] += block[i] * block[i];
        }
    }
    let rest: f64 = rest.iter().map(|&x| f64::from(x * x)).sum();
    *sum = lanes.iter().map(|&s| f64::from(s)).sum::<f64>() + rest;
});

/// Sum of the squares of a tensor of the CPU.
pub fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> f64 {
    let isa = Isa::best();
    let tensor = primitive(tensor);
    let of = |block: &[f32]| {
        let mut sum = 0.0;
        run!(isa, squares_block, squares_block_avx2, (block, &mut sum));
        sum
    };
    let values = values(&tensor);
    if values.len() <= BLOCK {
        return of(values);
    }
    let blocks: Vec<f64> = values.par_chunks(BLOCK).map(of).collect();
    blocks.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::network::weights::to_vec;
    use burn::tensor::{Device, TensorData};

    fn tensor(values: &[f32]) -> Tensor<1> {
        Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &Device::flex())
    }

    /// Below and above the size that is cut into tasks.
    #[test]
    fn two_steps_follow_the_published_formula() {
        for count in [5, BLOCK + 3] {
            let value = |i: usize, k: usize| ((i * 31 + k * 17) % 23) as f32 / 11.0 - 1.0;
            let mut weight: Vec<f64> = (0..count).map(|i| f64::from(value(i, 0))).collect();
            let (mut m, mut v) = (vec![0.0f64; count], vec![0.0f64; count]);
            let mut held = tensor(&(0..count).map(|i| value(i, 0)).collect::<Vec<_>>());
            let mut moments = None;
            for t in 1..=2 {
                let gradient: Vec<f32> = (0..count).map(|i| value(i, t)).collect();
                let step = AdamStep {
                    beta1: 0.9,
                    beta2: 0.999,
                    epsilon: 1e-8,
                    rate: 1e-2 / (1.0 - 0.9f64.powi(t as i32)),
                    correction: 1.0 - 0.999f64.powi(t as i32),
                    keep: 1.0 - 1e-2 * 0.1,
                    scale: 0.5,
                };
                let [new, first, second] = adamw(step, held, tensor(&gradient), moments);
                (held, moments) = (new, Some((first, second)));
                for i in 0..count {
                    let g = 0.5 * f64::from(gradient[i]);
                    m[i] = 0.9 * m[i] + 0.1 * g;
                    v[i] = 0.999 * v[i] + 0.001 * g * g;
                    let root = (v[i] / step.correction).sqrt() + 1e-8;
                    weight[i] = weight[i] * (1.0 - 1e-3) - step.rate * m[i] / root;
                }
            }
            for (i, (got, want)) in to_vec(held).iter().zip(&weight).enumerate() {
                assert!((f64::from(*got) - want).abs() < 1e-5, "{i} of {count}: {got} for {want}");
            }
        }
    }

    #[test]
    fn averages_and_sums_of_squares() {
        assert_eq!(to_vec(blend(tensor(&[1.0, 2.0]), tensor(&[3.0, 6.0]), 0.75)), [1.5, 3.0]);
        let count = 2 * BLOCK + 7;
        assert_eq!(sum_of_squares(tensor(&vec![2.0; count])), 4.0 * count as f64);
        assert_eq!(sum_of_squares(tensor(&[3.0, 4.0])), 25.0);
    }
}
