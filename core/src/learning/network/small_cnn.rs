//! The quick network: four convolution blocks, about 164,000 weights.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::learning::network::block::{ConvBlock, activations_of_four, halve};
use crate::learning::network::kernels::{self, Mode};

/// Four convolutions (5×5 with stride 2, then three 3×3) with 24, 48, 96 and 128 channels, a 3×3 mean with stride 2 after
/// the first and the second, the mean over the patch, and one linear layer. The first kernel is wide because single
/// pixels of a cryo-EM patch are mostly noise. The means smooth before the stride drops places, so a shift by one pixel
/// hardly changes the output (Zhang 2019, "Making convolutional networks shift-invariant again"). Plain strides gave worse
/// results on real and simulated patches.
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
        let x = halve(self.block1.forward(x), 1);
        let x = halve(self.block2.forward(x), 1);
        self.block4.forward(self.block3.forward(x))
    }

    pub(super) fn activations(&self, x: Tensor<4>) -> Vec<(String, Tensor<4>)> {
        let blocks = [&self.block1, &self.block2, &self.block3, &self.block4];
        activations_of_four(blocks, x, 1)
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
