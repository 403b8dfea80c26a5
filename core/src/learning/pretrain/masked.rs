//! Masked reconstruction: squares hide half of a weak view, and the network learns to reconstruct the hidden pixels.
//!
//! He et al. 2022, "Masked autoencoders are scalable vision learners", with the input and the single linear layer of
//! SimMIM (Xie et al. 2022). The noise of a pixel cannot be predicted from the pixels around it (Krull et al. 2019,
//! "Noise2Void"), so the network learns to reconstruct what lies under the noise.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::learning::config::RunConfig;
use crate::learning::network::Network;
use crate::learning::network::init::seeded;
use crate::learning::pretrain::pretext::{Pretext, ViewSource};
use crate::learning::pretrain::weights_file::PretrainViews;
use crate::remedy::Warning;

/// Squares along a side of the patch.
const SQUARES: usize = 8;

/// A network with the layer that reconstructs pixels from its features.
#[derive(Module, Debug)]
pub(super) struct Masked {
    network: Network,
    /// From the features of a place of the feature map to the pixels that it stands for. Files store it as `draw`.
    draw: Linear,
}

impl Pretext for Masked {
    const EXPLANATION: &'static str = "The loss is the share of the variance behind the hidden squares that the network does not reconstruct; it is 1 where the \
         network only reconstructs the mean of each patch. Noise cannot be reconstructed. The spread says how different the \
         patches' features are.";

    fn warning((epoch, epochs): (usize, usize), loss: f64, _: f64) -> Option<Warning> {
        (epoch == epochs && loss >= 1.0).then(|| {
            let text = format!(
                "Pretraining has learned nothing in {epochs} epochs: behind the hidden squares the network reconstructs no more \
                 than the mean of each patch (loss {loss:.3}, 1 or more). Its weights are no better than random ones"
            );
            Warning::new(text, "raise pretrain.epochs or set pretrain.kind: none")
        })
    }

    fn views(config: &RunConfig) -> PretrainViews {
        PretrainViews::Weak(config.augmentation.weak)
    }

    fn new(config: &RunConfig, device: &Device) -> Self {
        let block = config.backbone.stride();
        let draw = LinearConfig::new(config.backbone.width(), block * block).init(device);
        Self {
            network: Network::new(config.backbone, config.seed, device),
            draw: seeded(draw, config.seed ^ 0x0D2A_33ED),
        }
    }

    fn network(&self) -> &Network {
        &self.network
    }

    fn loss(&self, mut views: ViewSource<'_>) -> (Tensor<1>, Tensor<2>) {
        let view = views.next_views();
        let [count, _, size, _] = view.dims();
        let hidden = hidden(count, size, views.rng, &view.device());
        let mean = view.clone().reshape([count, size * size]).mean_dim(1).reshape([count, 1, 1, 1]);
        let seen = view.clone() + (mean.clone() - view.clone()) * hidden.clone();
        let map = self.network.feature_map(Tensor::from_inner(seen));
        let [_, rows, columns, channels] = map.dims();
        let features = map.clone().inner().reshape([count, rows * columns, channels]).mean_dim(1);
        let drawn = self.pixels(map, size);
        (unexplained(drawn, &view, &mean, &hidden), features.reshape([count, channels]))
    }
}

impl Masked {
    /// N×1×S×S from the features of each place (N×H×W×C).
    fn pixels(&self, map: Tensor<4>, size: usize) -> Tensor<4> {
        let [count, rows, columns, channels] = map.dims();
        let drawn = self.draw.forward(map.reshape([count * rows * columns, channels]));
        let block = drawn.dims()[1].isqrt();
        let drawn = drawn.reshape([count, rows, columns, block, block]).permute([0, 1, 3, 2, 4]);
        let drawn = drawn.reshape([count, 1, rows * block, columns * block]);
        // The network rounds sides up.
        drawn.narrow(2, 0, size).narrow(3, 0, size)
    }
}

/// 1 on half of the squares of each patch, else 0 (N×1×S×S).
fn hidden(count: usize, size: usize, rng: &mut ChaCha8Rng, device: &Device) -> Tensor<4> {
    let squares = SQUARES.min(size);
    let mut values = vec![0.0f32; count * size * size];
    for patch in values.chunks_exact_mut(size * size) {
        let mut order: Vec<usize> = (0..squares * squares).collect();
        order.shuffle(rng);
        let mut is_hidden = vec![false; squares * squares];
        order.iter().take(squares * squares / 2).for_each(|&at| is_hidden[at] = true);
        for (at, value) in patch.iter_mut().enumerate() {
            let square = |position: usize| position * squares / size;
            *value = f32::from(is_hidden[square(at / size) * squares + square(at % size)]);
        }
    }
    Tensor::from_data(TensorData::new(values, [count, 1, size, size]), device)
}

/// Share of the variance of the hidden pixels that `drawn` does not explain (shape 1): 1 where it is the mean of each
/// patch, 0 where it is the pixels.
fn unexplained(drawn: Tensor<4>, view: &Tensor<4>, mean: &Tensor<4>, hidden: &Tensor<4>) -> Tensor<1> {
    let off = (drawn - Tensor::from_inner(view.clone())).powi_scalar(2) * Tensor::from_inner(hidden.clone());
    let variance = ((view.clone() - mean.clone()).powi_scalar(2) * hidden.clone()).sum();
    off.sum() / Tensor::from_inner(variance + 1e-6)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::device::ComputeDevice;
    use crate::learning::config::Backbone;
    use crate::learning::network::weights::to_vec;
    use crate::learning::random::{Stream, generator};

    fn masked(backbone: Backbone) -> Masked {
        let config = RunConfig { backbone, ..RunConfig::default() };
        Masked::new(&config, &ComputeDevice::cpu().inner.autodiff())
    }

    #[test]
    fn a_useless_pretraining_warns_at_the_end() {
        assert!(Masked::warning((4, 4), 0.93, 0.05).is_none());
        assert!(Masked::warning((1, 4), 1.3, 0.05).is_none(), "it has only begun");
        assert!(Masked::warning((4, 4), 1.01, 0.9).unwrap().text.contains("1.010"));
    }

    #[test]
    fn half_of_each_patch_is_hidden_by_squares() {
        let device = ComputeDevice::cpu().inner;
        let values = to_vec(hidden(2, 16, &mut generator(1, 1, Stream::WeakViews), &device));
        for patch in values.chunks(256) {
            assert_eq!(patch.iter().sum::<f32>(), 128.0);
            // Pixels of one 2×2 square go together.
            for (y, x) in (0..16).flat_map(|y| (0..16).map(move |x| (y, x))) {
                assert_eq!(patch[y * 16 + x], patch[(y / 2 * 2) * 16 + x / 2 * 2]);
            }
        }
        assert_ne!(values[..256], values[256..]);
    }

    #[test]
    fn a_place_draws_the_pixels_it_stands_for() {
        for (backbone, size) in [(Backbone::SmallCnn, 20usize), (Backbone::Resnet18, 40)] {
            let masked = masked(backbone);
            let device = ComputeDevice::cpu().inner.autodiff();
            let map = masked.network.feature_map(Tensor::zeros([2, 1, size, size], &device));
            let block = backbone.stride();
            assert_eq!(map.dims()[1], size.div_ceil(block));
            // The features of the first place alone: only its block is drawn, and the second patch stays empty.
            let [n, h, w, c] = map.dims();
            let mut values = vec![0.0f32; n * h * w * c];
            values[..c].fill(1.0);
            let map = Tensor::from_data(TensorData::new(values, [n, h, w, c]), &device);
            let drawn = to_vec(masked.pixels(map, size).inner());
            assert_eq!(drawn.len(), 2 * size * size);
            for (at, value) in drawn.iter().enumerate() {
                let inside = at < size * size && at / size < block && at % size < block;
                assert_eq!(*value != 0.0, inside, "pixel {at} of {backbone:?}");
            }
        }
    }

    #[test]
    fn the_loss_is_the_share_of_the_variance_left_unexplained() {
        let device = ComputeDevice::cpu().inner;
        let tensor = |values: [f32; 4]| {
            Tensor::<4>::from_data(TensorData::new(values.to_vec(), [1, 1, 2, 2]), &device)
        };
        let (view, hidden) = (tensor([1.0, 5.0, 2.0, 4.0]), tensor([1.0, 1.0, 0.0, 0.0]));
        let mean = Tensor::full([1, 1, 1, 1], 3.0, &device);
        let loss =
            |drawn| to_vec(unexplained(Tensor::from_inner(tensor(drawn)), &view, &mean, &hidden).inner())[0];
        assert!((loss([3.0; 4]) - 1.0).abs() < 1e-5);
        // What is drawn where nothing is hidden does not count.
        assert!(loss([1.0, 5.0, 9.0, 9.0]) < 1e-5);
        assert!((loss([1.0, 3.0, 2.0, 4.0]) - 0.5).abs() < 1e-5);
    }
}
