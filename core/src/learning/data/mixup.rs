//! Mixup (Zhang et al. 2018): the network learns from mixtures of two patches and of their labels.
//!
//! Each batch draws one share λ, and a partner for each view. The view becomes λ·view + (1 − λ)·partner, and the loss
//! λ·(loss with its own label) + (1 − λ)·(loss with the partner's label).

use burn::tensor::{Int, Tensor, TensorData};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};

/// The mixup of one batch.
pub struct Mix {
    /// λ, the share of a view that stays its own.
    pub share: f64,
    /// Index of the partner of each view.
    partner: Vec<i64>,
}

impl Mix {
    /// Draws partners for `count` views and a share from Beta(`alpha`, `alpha`); `None` where `alpha` is 0.
    pub fn draw(count: usize, alpha: f64, rng: &mut ChaCha8Rng) -> Option<Self> {
        let share = Beta::new(alpha, alpha).ok()?.sample(rng);
        let mut partner: Vec<i64> = (0..count as i64).collect();
        partner.shuffle(rng);
        Some(Self { share, partner })
    }

    /// The mixed views (N×1×S×S).
    pub fn mix(&self, views: Tensor<4>) -> Tensor<4> {
        let partners = views.clone().select(0, self.indices(&self.partner, &views.device()));
        views * self.share + partners * (1.0 - self.share)
    }

    /// Logits (N) of mixed views, reordered: at the place of each patch, the logit of the view into which it was
    /// mixed as the partner.
    pub fn by_partner(&self, logits: Tensor<1>) -> Tensor<1> {
        let mut of = vec![0; self.partner.len()];
        for (view, &partner) in self.partner.iter().enumerate() {
            of[partner as usize] = view as i64;
        }
        let indices = self.indices(&of, &logits.device());
        logits.select(0, indices)
    }

    fn indices(&self, of: &[i64], device: &burn::tensor::Device) -> Tensor<1, Int> {
        Tensor::from_data(TensorData::new(of.to_vec(), [of.len()]), device)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::device::ComputeDevice;
    use crate::learning::network::weights::to_vec;
    use crate::learning::random::{Stream, generator};

    #[test]
    fn logits_return_to_the_partner() {
        let device = ComputeDevice::cpu().inner;
        let views = Tensor::<4>::from_data(TensorData::new(vec![0.0f32, 10.0, 100.0], [3, 1, 1, 1]), &device);
        let mix = Mix { share: 0.75, partner: vec![2, 0, 1] };
        let mixed = to_vec(mix.mix(views).reshape([3]));
        assert_eq!(mixed, [25.0, 7.5, 77.5]);
        // Patch 0 was mixed into view 1, patch 1 into view 2, patch 2 into view 0.
        let logits = Tensor::<1>::from_data(TensorData::new(vec![0.0f32, 1.0, 2.0], [3]), &device);
        assert_eq!(to_vec(mix.by_partner(logits)), [1.0, 2.0, 0.0]);
    }

    #[test]
    fn shares_are_uniform_at_one_and_partners_a_permutation() {
        let mut rng = generator(1, 1, Stream::WeakViews);
        assert!(Mix::draw(4, 0.0, &mut rng).is_none());
        let shares: Vec<f64> = (0..400).map(|_| Mix::draw(4, 1.0, &mut rng).unwrap().share).collect();
        assert!((shares.iter().sum::<f64>() / 400.0 - 0.5).abs() < 0.05);
        let mut partner = Mix::draw(50, 1.0, &mut rng).unwrap().partner;
        assert_ne!(partner, (0..50).collect::<Vec<_>>());
        partner.sort_unstable();
        assert_eq!(partner, (0..50).collect::<Vec<_>>());
    }
}
