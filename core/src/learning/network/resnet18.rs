//! ResNet-18 with one input channel, for patches of 32 to 256 px.

use burn::module::Module;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use crate::learning::network::block::ConvBlock;
use crate::learning::network::kernels::{self, Mode};

/// Two 3×3 convolutions with a shortcut (He et al. 2016, figure 2).
#[derive(Module, Debug)]
pub struct BasicBlock {
    first: ConvBlock,
    second: ConvBlock,
    shortcut: Option<ConvBlock>,
}

impl BasicBlock {
    fn new(channels: [usize; 2], stride: usize, device: &Device) -> Self {
        let [_, out] = channels;
        Self {
            first: ConvBlock::new(channels, 3, stride, device),
            second: ConvBlock::new([out, out], 3, 1, device),
            shortcut: (stride != 1 || channels[0] != out)
                .then(|| ConvBlock::new(channels, 1, stride, device)),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shortcut = match &self.shortcut {
            Some(block) => block.forward_linear(x.clone()),
            None => x.clone(),
        };
        relu(self.second.forward_linear(self.first.forward(x)) + shortcut)
    }

    fn forward_own(&self, mode: Mode, x: Tensor<4>) -> Tensor<4> {
        let shortcut = match &self.shortcut {
            Some(block) => block.forward_own(mode, x.clone(), None, false),
            None => x.clone(),
        };
        self.second.forward_own(mode, self.first.forward_own(mode, x, None, true), Some(shortcut), true)
    }
}

/// He et al. 2016, table 1, column "18-layer", with one input channel and one output.
#[derive(Module, Debug)]
pub struct Resnet18 {
    stem: ConvBlock,
    pool: MaxPool2d,
    blocks: Vec<BasicBlock>,
    head: Linear,
}

impl Resnet18 {
    pub(super) fn new(device: &Device) -> Self {
        let mut blocks = Vec::with_capacity(8);
        let mut width = 64;
        for (out, stride) in [(64, 1), (128, 2), (256, 2), (512, 2)] {
            blocks.push(BasicBlock::new([width, out], stride, device));
            blocks.push(BasicBlock::new([out, out], 1, device));
            width = out;
        }
        Self {
            stem: ConvBlock::new([1, 64], 7, 2, device),
            pool: MaxPool2dConfig::new([3, 3])
                .with_strides([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(),
            blocks,
            head: LinearConfig::new(512, 1).init(device),
        }
    }

    /// Features of each place, N×C×H×W.
    pub(super) fn map(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.pool.forward(self.stem.forward(x));
        self.blocks.iter().fold(x, |x, block| block.forward(x))
    }

    pub(super) fn activations(&self, x: Tensor<4>) -> Vec<(String, Tensor<4>)> {
        let mut x = self.stem.forward(x);
        let mut answers = vec![("stem".to_owned(), x.clone())];
        x = self.pool.forward(x);
        for (number, block) in self.blocks.iter().enumerate() {
            answers.push((format!("blocks.{number}.first"), block.first.forward(x.clone())));
            x = block.forward(x);
            answers.push((format!("blocks.{number}"), x.clone()));
        }
        answers
    }

    /// [`Self::map`] through our own kernels, channel-last.
    pub(super) fn map_own(&self, mode: Mode, x: Tensor<4>) -> Tensor<4> {
        let x = kernels::max_pool(mode, self.stem.forward_own(mode, x, None, true));
        self.blocks.iter().fold(x, |x, block| block.forward_own(mode, x))
    }

    pub(super) fn head(&self, features: Tensor<2>) -> Tensor<1> {
        self.head.forward(features).flatten(0, 1)
    }
}
