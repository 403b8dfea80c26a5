//! The quick network: four convolution blocks, about 164,000 weights.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Device, Tensor};

use crate::learning::network::block::ConvBlock;
use crate::learning::network::kernels::{self, Mode};

/// Convolutions 5×5/2, 3×3, 3×3, 3×3 with 24, 48, 96, 128 channels, 3×3 mean at every other place
/// after the first and the second, mean over the patch, one linear layer. The first layer is wide because
/// single pixels of a cryo-EM patch are mostly noise. The means smooth before places are left out, so that
/// the answer does not hang on a shift by one pixel (Zhang 2019, "Making convolutional networks
/// shift-invariant again"); strides in their place were worse on real and simulated patches.
#[derive(Module, Debug)]
pub struct SmallCnn {
    block1: ConvBlock,
    block2: ConvBlock,
    block3: ConvBlock,
    block4: ConvBlock,
    head: Linear,
}

impl SmallCnn {
    pub(super) fn new(device: &Device) -> Self {
        Self {
            block1: ConvBlock::new([1, 24], 5, 2, device),
            block2: ConvBlock::new([24, 48], 3, 1, device),
            block3: ConvBlock::new([48, 96], 3, 1, device),
            block4: ConvBlock::new([96, 128], 3, 1, device),
            head: LinearConfig::new(128, 1).init(device),
        }
    }

    /// Features of each place, N×C×H×W.
    pub(super) fn map(&self, x: Tensor<4>) -> Tensor<4> {
        let x = halve(self.block2.forward(halve(self.block1.forward(x))));
        self.block4.forward(self.block3.forward(x))
    }

    pub(super) fn activations(&self, x: Tensor<4>) -> Vec<(String, Tensor<4>)> {
        let mut answers = Vec::new();
        let mut x = x;
        for (number, block) in
            [&self.block1, &self.block2, &self.block3, &self.block4].into_iter().enumerate()
        {
            x = block.forward(x);
            answers.push((format!("block{}", number + 1), x.clone()));
            if number < 2 {
                x = halve(x);
            }
        }
        answers
    }

    /// [`Self::map`] through our own kernels, channel-last.
    pub(super) fn map_own(&self, mode: Mode, x: Tensor<4>) -> Tensor<4> {
        let block = |block: &ConvBlock, x| block.forward_own(mode, x, None, true);
        let x = kernels::smooth(mode, block(&self.block1, x), 1);
        let x = kernels::smooth(mode, block(&self.block2, x), 1);
        block(&self.block4, block(&self.block3, x))
    }

    pub(super) fn head(&self, features: Tensor<2>) -> Tensor<1> {
        self.head.forward(features).flatten(0, 1)
    }
}

/// 3×3 means around every other place: N×C×H×W to N×C×⌈H/2⌉×⌈W/2⌉.
fn halve(x: Tensor<4>) -> Tensor<4> {
    let options = AvgPoolOptions {
        kernel_size: [3, 3],
        stride: [2, 2],
        padding: [(1, 1), (1, 1)],
        count_include_pad: true,
        ceil_mode: false,
    };
    avg_pool2d(x, options)
}
