//! The block that the networks are built of.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Device, Tensor};

use crate::learning::network::kernels::{ConvNorm, Mode, conv_norm};

/// Convolution, batch normalisation, ReLU.
#[derive(Module, Debug)]
pub struct ConvBlock {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvBlock {
    /// A block whose map has a place for every `stride`-th pixel, because it pads by half the kernel.
    pub(super) fn new(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Self {
        Self::padded(channels, kernel, stride, kernel / 2, device)
    }

    /// A block whose map is smaller, because no tap of the kernel reads beyond the edge.
    pub(super) fn unpadded(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Self {
        Self::padded(channels, kernel, stride, 0, device)
    }

    fn padded(channels: [usize; 2], kernel: usize, stride: usize, pad: usize, device: &Device) -> Self {
        Self {
            conv: Conv2dConfig::new(channels, [kernel, kernel])
                .with_stride([stride, stride])
                .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
                .with_bias(false)
                .init(device),
            norm: BatchNormConfig::new(channels[1]).init(device),
        }
    }

    /// norm(conv(x)) in Burn's own operations.
    pub(super) fn forward_linear(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.forward(self.conv.forward(x))
    }

    /// relu(norm(conv(x))) in Burn's own operations.
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        relu(self.forward_linear(x))
    }

    /// norm(conv(x)), plus the shortcut, through ReLU where `relu` is true, by our own kernels on channel-last images
    /// (N×H×W×C).
    pub(super) fn forward_own(
        &self,
        mode: Mode,
        x: Tensor<4>,
        shortcut: Option<Tensor<4>>,
        relu: bool,
    ) -> Tensor<4> {
        let norm = &self.norm;
        let block = ConvNorm {
            weights: self.conv.weight.val(),
            gamma: norm.gamma.val(),
            beta: norm.beta.val(),
            stride: self.conv.stride[0],
            padding: match self.conv.padding {
                PaddingConfig2d::Explicit(pad, ..) => pad,
                PaddingConfig2d::Valid | PaddingConfig2d::Same => 0,
            },
            epsilon: norm.epsilon,
            running: match mode {
                Mode::Training => [norm.running_mean.value_sync(), norm.running_var.value_sync()],
                Mode::Scoring => [norm.running_mean.value(), norm.running_var.value()],
            },
            shortcut,
            relu,
        };
        let running = block.running.clone();
        let (out, batch) = conv_norm(mode, x, block);
        if let Some(batch) = batch {
            // Updated as Burn's own layer does.
            let [mean, variance] = running.map(|old| old * (1.0 - norm.momentum));
            let [batch_mean, batch_variance] = batch.map(|new| new * norm.momentum);
            norm.running_mean.update(mean + batch_mean);
            norm.running_var.update(variance + batch_variance);
        }
        out
    }
}

/// N×1×H×W as N×H×W×1. With one channel the values keep their order.
pub(super) fn channel_last(x: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    x.reshape([n, h, w, c])
}

/// 3×3 means around every other place: N×C×H×W to N×C×⌈H/2⌉×⌈W/2⌉ with `pad` 1. With `pad` 0 no mean reads beyond the
/// edge: N×C×⌊(H−1)/2⌋×⌊(W−1)/2⌋.
pub(super) fn halve(x: Tensor<4>, pad: usize) -> Tensor<4> {
    let options = AvgPoolOptions {
        kernel_size: [3, 3],
        stride: [2, 2],
        padding: [(pad, pad), (pad, pad)],
        count_include_pad: true,
        ceil_mode: false,
    };
    avg_pool2d(x, options)
}

/// The answer of each of four blocks with [`halve`] after the first and the second, by name.
pub(super) fn activations_of_four(
    blocks: [&ConvBlock; 4],
    x: Tensor<4>,
    pad: usize,
) -> Vec<(String, Tensor<4>)> {
    let mut answers = Vec::new();
    let mut x = x;
    for (number, block) in blocks.into_iter().enumerate() {
        x = block.forward(x);
        answers.push((format!("block{}", number + 1), x.clone()));
        if number < 2 {
            x = halve(x, pad);
        }
    }
    answers
}
