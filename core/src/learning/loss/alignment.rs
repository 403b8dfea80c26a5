//! The alignment term: pulls features of patches of the same class together.
//!
//! The noisy-pair robust supervised non-contrastive loss (NoiSNCL) of Zhao et al. 2025 ("Noisy-Pair Robust
//! Representation Alignment for Positive-Unlabeled Learning", arXiv 2510.01278), on the features before the last
//! layer. It compares features of a view under the student with features of a second view under the teacher.
//! Classes come from labels and pseudo-labels, so some pairs are wrong. Pairs that lie far apart are wrong more
//! often; the square root of the distance pulls them less strongly than the distance itself would.

use burn::tensor::{Device, Tensor, TensorData};

use crate::learning::data::sampler::Batch;
use crate::learning::loss::self_training::PseudoTarget;

/// Smallest 1 − cos, because the square root has no finite slope at 0.
const MIN_DISTANCE: f64 = 1e-4;

/// The class of each patch of a batch, in the order positive, unlabeled, negative. A patch of neither class is
/// compared only with itself.
pub struct Classes {
    /// 1 for the class "particle", else 0 (shape N).
    particle: Tensor<1>,
    /// 1 for the class "no particle", else 0 (shape N).
    other: Tensor<1>,
}

impl Classes {
    /// Classes by labels and by the pseudo-labels of self-training (`targets`, one for each patch of the run).
    pub fn by_targets(batch: &Batch, targets: &[PseudoTarget], device: &Device) -> Self {
        let of_unlabeled = |wanted| batch.unlabeled.iter().map(move |&patch| targets[patch] == wanted);
        let part = |positive: bool, wanted, negative: bool| {
            let known = |is: bool, patches: &[usize]| std::iter::repeat_n(is, patches.len());
            let all = known(positive, &batch.positive)
                .chain(of_unlabeled(wanted))
                .chain(known(negative, &batch.negative));
            let values: Vec<f32> = all.map(f32::from).collect();
            let count = values.len();
            Tensor::from_data(TensorData::new(values, [count]), device)
        };
        Self {
            particle: part(true, PseudoTarget::Positive, false),
            other: part(false, PseudoTarget::Negative, true),
        }
    }

    /// Classes by labels; of the unlabeled, the share π with the highest logits (shape U) are particles, the others
    /// are not. Equal logits get the same class. The ranking compares every pair on the device, which needs no
    /// readback.
    pub fn by_logits(batch: &Batch, prior: f64, logits: Tensor<1>) -> Self {
        let (device, count) = (logits.device(), batch.unlabeled.len());
        let higher = logits.clone().reshape([1, count]).greater(logits.reshape([count, 1]));
        let rank = higher.float().sum_dim(1).reshape([count]);
        let taken = (prior * count as f64).round();
        let of_unlabeled = rank.lower_elem(taken - 0.5).float();
        let known = |is: f64, patches: &[usize]| Tensor::<1>::full([patches.len()], is, &device);
        let joined = |positive: f64, of_unlabeled, negative: f64| {
            let parts = [
                (batch.positive.len(), known(positive, &batch.positive)),
                (count, of_unlabeled),
                (batch.negative.len(), known(negative, &batch.negative)),
            ];
            Tensor::cat(parts.into_iter().filter(|(len, _)| *len > 0).map(|(_, part)| part).collect(), 0)
        };
        Self {
            particle: joined(1.0, of_unlabeled.clone(), 0.0),
            other: joined(0.0, of_unlabeled.neg() + 1.0, 1.0),
        }
    }

    /// 1 where two patches have the same class (N×N).
    fn same(&self) -> Tensor<2> {
        let outer = |part: &Tensor<1>| {
            let count = part.dims()[0];
            part.clone().reshape([count, 1]) * part.clone().reshape([1, count])
        };
        outer(&self.particle) + outer(&self.other)
    }
}

/// The term before its weight. With x = 1 − cos between the features of view i (`first`, N×C, with gradient) and of
/// the second view of j (`second`, N×C, without gradient), it is the mean over i of the mean over all j of i's
/// class of 2·x where j = i, and 2·√x otherwise.
pub fn alignment_loss(first: Tensor<2>, second: Tensor<2>, classes: &Classes) -> Tensor<1> {
    let count = first.dims()[0];
    let itself = Tensor::<2>::eye(count, &second.device());
    let others = classes.same() * (itself.clone().neg() + 1.0);
    let of_class = others.clone().sum_dim(1) + 1.0;
    let weighted = |pairs: Tensor<2>| Tensor::from_inner(pairs / of_class.clone() * (2.0 / count as f64));
    let cosine = unit(first).matmul(Tensor::from_inner(unit(second)).transpose());
    let distance = (cosine.neg() + 1.0).clamp_min(MIN_DISTANCE);
    (distance.clone() * weighted(itself) + distance.sqrt() * weighted(others)).sum()
}

/// Scales rows to length 1.
fn unit(features: Tensor<2>) -> Tensor<2> {
    let length = (features.clone() * features.clone()).sum_dim(1).sqrt();
    features / (length + 1e-6)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::device::ComputeDevice;
    use crate::learning::network::weights::to_vec;

    /// What each patch is taken for: `+` particle, `-` none, `?` neither.
    fn signs(classes: &Classes) -> String {
        let of = |part: &Tensor<1>| to_vec(part.clone());
        let both = of(&classes.particle).into_iter().zip(of(&classes.other));
        both.map(|pair| {
            if pair == (1.0, 0.0) {
                '+'
            } else if pair == (0.0, 1.0) {
                '-'
            } else {
                '?'
            }
        })
        .collect()
    }

    #[test]
    fn labels_and_pseudo_labels_say_who_is_alike() {
        let device = ComputeDevice::cpu().inner;
        let batch = Batch { positive: vec![7], unlabeled: vec![0, 1, 2], negative: vec![9] };
        let logits = Tensor::from_data(TensorData::new(vec![0.1f32, 0.9, -3.0], [3]), &device);
        // π = 0.3 of three unlabeled is one, 0.1 none.
        assert_eq!(signs(&Classes::by_logits(&batch, 0.3, logits.clone())), "+-+--");
        assert_eq!(signs(&Classes::by_logits(&batch, 0.1, logits.clone())), "+----");
        let alone = Batch { positive: Vec::new(), negative: Vec::new(), ..batch.clone() };
        assert_eq!(signs(&Classes::by_logits(&alone, 0.6, logits)), "++-");
        let targets = [PseudoTarget::Negative, PseudoTarget::Ignored, PseudoTarget::Positive];
        assert_eq!(signs(&Classes::by_targets(&batch, &targets, &device)), "+-?+-");
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
        let loss = |particle: [f32; 3], other: [f32; 3]| {
            let part = |of: [f32; 3]| Tensor::from_data(TensorData::new(of.to_vec(), [3]), &device);
            let classes = Classes { particle: part(particle), other: part(other) };
            to_vec(alignment_loss(first.clone(), second.clone(), &classes).inner())[0]
        };
        let half = 1.0 - 0.5f32.sqrt();
        let least = MIN_DISTANCE as f32;
        // Each only with itself: 2·(0 + half + 0)/3, where 0 is the least.
        assert!((loss([0.0; 3], [0.0; 3]) - 2.0 * (half + 2.0 * least) / 3.0).abs() < 1e-5);
        // The first two are of one class: the pairs (0, 1) and (1, 0) count by their root.
        let first_row = (least + half.sqrt()) / 2.0;
        let second_row = (half + 1.0) / 2.0;
        let expected = 2.0 * (first_row + second_row + least) / 3.0;
        assert!((loss([1.0, 1.0, 0.0], [0.0, 0.0, 1.0]) - expected).abs() < 1e-5);
    }

    #[test]
    fn it_has_a_slope_where_views_are_equal() {
        let device = ComputeDevice::cpu().inner;
        let values = || TensorData::new(vec![1.0f32, 0.0, 1.0, 0.0], [2, 2]);
        let first = Tensor::<2>::from_data(values(), &device.clone().autodiff()).require_grad();
        let second = Tensor::<2>::from_data(values(), &device);
        let ones = || Tensor::ones([2], &device);
        let classes = Classes { particle: ones(), other: ones() * 0.0 };
        let gradients = alignment_loss(first.clone(), second, &classes).backward();
        let slope = to_vec(first.grad(&gradients).unwrap().reshape([4]));
        assert!(slope.iter().all(|v| v.is_finite()), "{slope:?}");
    }
}
