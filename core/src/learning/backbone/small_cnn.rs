//! The quick network: four convolution blocks, about 98,000 weights.

use burn::module::Module;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::{ConvBlock, global_mean};

/// Convolutions 5×5/2, 3×3, 3×3, 3×3 with 16, 32, 64, 128 channels, pooled between, mean over the
/// patch, one linear layer. The first layer is wide and strided because single pixels of a cryo-EM
/// patch are mostly noise.
#[derive(Module, Debug)]
pub struct SmallCnn {
    block1: ConvBlock,
    block2: ConvBlock,
    block3: ConvBlock,
    block4: ConvBlock,
    pool: MaxPool2d,
    head: Linear,
}

impl SmallCnn {
    pub(super) fn new(device: &Device) -> Self {
        Self {
            block1: ConvBlock::new([1, 16], 5, 2, device),
            block2: ConvBlock::new([16, 32], 3, 1, device),
            block3: ConvBlock::new([32, 64], 3, 1, device),
            block4: ConvBlock::new([64, 128], 3, 1, device),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            head: LinearConfig::new(128, 1).init(device),
        }
    }

    pub(super) fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.block1.forward(x);
        let x = self.pool.forward(self.block2.forward(x));
        let x = self.pool.forward(self.block3.forward(x));
        global_mean(self.block4.forward(x))
    }

    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<1> {
        self.head.forward(self.features(x)).flatten(0, 1)
    }
}
