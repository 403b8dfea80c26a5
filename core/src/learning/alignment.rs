//! Alignment of features: views of patches that are taken for the same class are asked to look alike.
//!
//! The noisy-pair robust supervised non-contrastive loss (NoiSNCL) of Zhao et al. 2025 ("Noisy-Pair Robust
//! Representation Alignment for Positive-Unlabeled Learning", arXiv 2510.01278), on the features before the last
//! layer: those of a view under the network in training, and those of a second view under its average. Who is
//! taken for what comes from labels and pseudo-labels, so some pairs are wrong. The square root of the distance
//! gives pairs that are far apart, which are wrong more often, a smaller pull than the distance itself would.

use burn::tensor::{Tensor, TensorData};

use super::sampler::Batch;
use super::self_training::PseudoTarget;

/// Smallest 1 − cos: the square root has no slope at 0.
const LEAST_DISTANCE: f64 = 1e-4;

/// What each patch of a batch is taken for, in the order positive, unlabeled, negative: `Some(true)` particle,
/// `Some(false)` no particle, `None` neither, so that it is only compared with itself.
///
/// Where self-training has set `targets`, these; before, of the unlabeled the π of the batch with the highest
/// logits (U), which are asked for only then: a GPU has to be waited for to read them.
pub fn classes(
    batch: &Batch,
    prior: f64,
    targets: Option<&[PseudoTarget]>,
    logits: impl FnOnce() -> Vec<f32>,
) -> Vec<Option<bool>> {
    let mut classes = vec![Some(true); batch.positive.len()];
    match targets {
        Some(targets) => classes.extend(batch.unlabeled.iter().map(|&patch| match targets[patch] {
            PseudoTarget::Positive => Some(true),
            PseudoTarget::Negative => Some(false),
            PseudoTarget::LeftOut => None,
        })),
        None => {
            let logits = logits();
            let mut order: Vec<usize> = (0..logits.len()).collect();
            order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
            let taken = (prior * logits.len() as f64).round() as usize;
            let mut of_unlabeled = vec![Some(false); logits.len()];
            order.iter().take(taken).for_each(|&at| of_unlabeled[at] = Some(true));
            classes.extend(of_unlabeled);
        }
    }
    classes.extend(std::iter::repeat_n(Some(false), batch.negative.len()));
    classes
}

/// The term before its weight: with x = 1 − cos between the features of view i (N×C, with gradient) and of the
/// second view of j (N×C, without), the mean over i of the mean over all j of i's class of 2·x for j = i and
/// 2·√x otherwise.
pub fn alignment_loss(first: Tensor<2>, second: Tensor<2>, classes: &[Option<bool>]) -> Tensor<1> {
    let count = classes.len();
    let device = second.device();
    let (mut same, mut others) = (vec![0.0f32; count * count], vec![0.0f32; count * count]);
    for (i, class) in classes.iter().enumerate() {
        let of_class = |j: usize| j == i || (class.is_some() && classes[j] == *class);
        let weight = 2.0 / (count * (0..count).filter(|&j| of_class(j)).count()) as f32;
        for j in (0..count).filter(|&j| of_class(j)) {
            let matrix = if i == j { &mut same } else { &mut others };
            matrix[i * count + j] = weight;
        }
    }
    let matrix = |weights| {
        Tensor::<2>::from_inner(Tensor::from_data(TensorData::new(weights, [count, count]), &device))
    };
    let cosine = unit(first).matmul(Tensor::from_inner(unit(second)).transpose());
    let distance = (cosine.neg() + 1.0).clamp_min(LEAST_DISTANCE);
    (distance.clone() * matrix(same) + distance.sqrt() * matrix(others)).sum()
}

/// Rows of length 1.
fn unit(features: Tensor<2>) -> Tensor<2> {
    let length = (features.clone() * features.clone()).sum_dim(1).sqrt();
    features / (length + 1e-6)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::device::ComputeDevice;
    use super::super::weights::to_vec;
    use super::*;

    #[test]
    fn labels_and_pseudo_labels_say_who_is_alike() {
        let batch = Batch { positive: vec![7], unlabeled: vec![0, 1, 2], negative: vec![9] };
        let (yes, no) = (Some(true), Some(false));
        // π = 0.3 of three unlabeled is one.
        assert_eq!(classes(&batch, 0.3, None, || vec![0.1, 0.9, -3.0]), [yes, no, yes, no, no]);
        let targets = [PseudoTarget::Negative, PseudoTarget::LeftOut, PseudoTarget::Positive];
        assert_eq!(classes(&batch, 0.3, Some(&targets), || unreachable!()), [yes, no, None, yes, no]);
    }

    #[test]
    fn the_loss_by_hand() {
        let device = ComputeDevice::cpu().inner;
        let tensor = |values: [f32; 6], device: &_| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), [3, 2]), device)
        };
        // First views along x, y and x; second ones along x, the diagonal and x.
        let first = tensor([2.0, 0.0, 0.0, 3.0, 1.0, 0.0], &device.clone().autodiff());
        let second = tensor([1.0, 0.0, 1.0, 1.0, 5.0, 0.0], &device);
        let loss = |classes: &[Option<bool>]| {
            to_vec(alignment_loss(first.clone(), second.clone(), classes).inner())[0]
        };
        let half = 1.0 - 0.5f32.sqrt();
        let least = LEAST_DISTANCE as f32;
        // Each only with itself: 2·(0 + half + 0)/3, where 0 is the least.
        assert!((loss(&[None; 3]) - 2.0 * (half + 2.0 * least) / 3.0).abs() < 1e-5);
        // The first two are of one class: the pairs (0, 1) and (1, 0) count by their root.
        let first_row = (least + half.sqrt()) / 2.0;
        let second_row = (half + 1.0) / 2.0;
        let expected = 2.0 * (first_row + second_row + least) / 3.0;
        assert!((loss(&[Some(true), Some(true), Some(false)]) - expected).abs() < 1e-5);
    }

    #[test]
    fn it_has_a_slope_where_views_are_equal() {
        let device = ComputeDevice::cpu().inner;
        let values = || TensorData::new(vec![1.0f32, 0.0, 1.0, 0.0], [2, 2]);
        let first = Tensor::<2>::from_data(values(), &device.clone().autodiff()).require_grad();
        let second = Tensor::<2>::from_data(values(), &device);
        let gradients = alignment_loss(first.clone(), second, &[Some(true); 2]).backward();
        let slope = to_vec(first.grad(&gradients).unwrap().reshape([4]));
        assert!(slope.iter().all(|v| v.is_finite()), "{slope:?}");
    }
}
