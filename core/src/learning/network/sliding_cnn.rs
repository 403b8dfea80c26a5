//! The network that scores patches and whole micrographs alike: four convolution blocks without padding.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Device, Tensor};

use crate::learning::network::block::{ConvBlock, channel_last};
use crate::learning::network::kernels::{self, Mode};

/// The layers of [`super::SmallCnn`] without padding: convolutions 5×5/2, 3×3, 3×3, 3×3 with 24, 48, 96, 128 channels,
/// 3×3 means at every other place after the first and the second, one linear layer. A place of its map sees 57 px
/// and nothing beyond, so a place in a micrograph has the logit of the patch around it. Padding would tell the network
/// where the border of the patch is, and a micrograph has no such borders.
///
/// Of a patch it reads the 57 px in the middle, which leave exactly one place. It does not see the outermost pixels
/// of larger patches.
#[derive(Module, Debug)]
pub struct SlidingCnn {
    block1: ConvBlock,
    block2: ConvBlock,
    block3: ConvBlock,
    block4: ConvBlock,
    head: Linear,
}

impl SlidingCnn {
    /// Pixels along a side that one place sees.
    pub const FIELD: usize = 57;
    /// Pixels from a place of the map that `slide` makes to the next.
    pub const SLIDE_STRIDE: usize = 4;

    pub(super) fn new(device: &Device) -> Self {
        Self {
            block1: ConvBlock::unpadded([1, 24], 5, 2, device),
            block2: ConvBlock::unpadded([24, 48], 3, 1, device),
            block3: ConvBlock::unpadded([48, 96], 3, 1, device),
            block4: ConvBlock::unpadded([96, 128], 3, 1, device),
            head: LinearConfig::new(128, 1).init(device),
        }
    }

    /// First row and column of the part of a patch of `size` px that the network reads. The middle of the part is
    /// the pixel `size/2`, the centre of a patch.
    pub const fn offset(size: usize) -> usize {
        (size / 2).saturating_sub(Self::FIELD / 2)
    }

    /// The middle of patches (N×1×S×S to N×1×57×57).
    pub(super) fn middle(patches: Tensor<4>) -> Tensor<4> {
        let [_, _, rows, columns] = patches.dims();
        let side = |length: usize| (Self::offset(length), Self::FIELD.min(length));
        let ((top, height), (left, width)) = (side(rows), side(columns));
        patches.narrow(2, top, height).narrow(3, left, width)
    }

    /// Features of each place, N×C×H×W.
    pub(super) fn map(&self, x: Tensor<4>) -> Tensor<4> {
        self.deep(self.shallow(x))
    }

    fn shallow(&self, x: Tensor<4>) -> Tensor<4> {
        self.block2.forward(halve(self.block1.forward(x)))
    }

    fn deep(&self, x: Tensor<4>) -> Tensor<4> {
        self.block4.forward(self.block3.forward(halve(x)))
    }

    /// [`Self::map`] through our own kernels, channel-last.
    pub(super) fn map_own(&self, mode: Mode, x: Tensor<4>) -> Tensor<4> {
        self.deep_own(mode, self.shallow_own(mode, x))
    }

    fn shallow_own(&self, mode: Mode, x: Tensor<4>) -> Tensor<4> {
        let x = kernels::smooth(mode, self.block1.forward_own(mode, x, None, true), 0);
        self.block2.forward_own(mode, x, None, true)
    }

    fn deep_own(&self, mode: Mode, x: Tensor<4>) -> Tensor<4> {
        let x = self.block3.forward_own(mode, kernels::smooth(mode, x, 0), None, true);
        self.block4.forward_own(mode, x, None, true)
    }

    pub(super) fn activations(&self, x: Tensor<4>) -> Vec<(String, Tensor<4>)> {
        let mut answers = Vec::new();
        let mut x = Self::middle(x);
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

    pub(super) fn head(&self, features: Tensor<2>) -> Tensor<1> {
        self.head.forward(features).flatten(0, 1)
    }

    /// Logits of every fourth place of pictures (N×1×H×W), as four maps (N×h×w): those at even rows and even columns,
    /// even and odd, odd and even, odd and odd. The place (r, c) of the four together sees the pixels from (4r, 4c)
    /// on. What the last three layers need at a stride of 8 is computed four times, the rest once.
    pub(super) fn slide(&self, pictures: Tensor<4>) -> [Tensor<3>; 4] {
        let own = kernels::mode_of(&pictures);
        // Rows and columns are dimensions 1 and 2 of channel-last maps, else 2 and 3.
        let (shallow, rows) = match own {
            Some(mode) => (self.shallow_own(mode, channel_last(pictures)), 1),
            None => (self.shallow(pictures), 2),
        };
        [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(dy, dx)| {
            let dims = shallow.dims();
            let part =
                shallow.clone().narrow(rows, dy, dims[rows] - dy).narrow(rows + 1, dx, dims[rows + 1] - dx);
            let features = match own {
                Some(mode) => self.deep_own(mode, part),
                None => self.deep(part).permute([0, 2, 3, 1]),
            };
            let [images, height, width, channels] = features.dims();
            self.head(features.reshape([images * height * width, channels])).reshape([images, height, width])
        })
    }
}

/// 3×3 means around every other place, none of them beyond the edge: N×C×H×W to N×C×⌊(H−1)/2⌋×⌊(W−1)/2⌋.
fn halve(x: Tensor<4>) -> Tensor<4> {
    let options = AvgPoolOptions {
        kernel_size: [3, 3],
        stride: [2, 2],
        padding: [(0, 0), (0, 0)],
        count_include_pad: true,
        ceil_mode: false,
    };
    avg_pool2d(x, options)
}
