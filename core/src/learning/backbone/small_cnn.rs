//! The quick network: four convolution blocks, about 164,000 weights.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::{ConvBlock, global_mean};

/// Convolutions 5×5/2, 3×3/2, 3×3/2, 3×3 with 24, 48, 96, 128 channels, mean over the patch, one
/// linear layer. The first layer is wide because single pixels of a cryo-EM patch are mostly noise;
/// strides instead of pooling, because on the CPU the pooling passes cost more than the convolutions.
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
            block2: ConvBlock::new([24, 48], 3, 2, device),
            block3: ConvBlock::new([48, 96], 3, 2, device),
            block4: ConvBlock::new([96, 128], 3, 1, device),
            head: LinearConfig::new(128, 1).init(device),
        }
    }

    pub(super) fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.block2.forward(self.block1.forward(x));
        global_mean(self.block4.forward(self.block3.forward(x)))
    }

    pub(super) fn activations(&self, x: Tensor<4>) -> Vec<(String, Tensor<4>)> {
        let blocks = [&self.block1, &self.block2, &self.block3, &self.block4];
        let mut x = x;
        let mut answers = Vec::with_capacity(blocks.len());
        for (number, block) in blocks.into_iter().enumerate() {
            x = block.forward(x);
            answers.push((format!("block{}", number + 1), x.clone()));
        }
        answers
    }

    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<1> {
        self.head.forward(self.features(x)).flatten(0, 1)
    }
}
