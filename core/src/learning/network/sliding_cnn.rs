//! The network that scores patches and whole micrographs alike: four convolution blocks without padding.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::module::{adaptive_avg_pool2d, interpolate};
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor};

use crate::learning::network::block::{ConvBlock, activations_of_four, channel_last, halve};
use crate::learning::network::kernels::{self, Mode};

/// The layers of [`super::SmallCnn`] without padding: convolutions 5×5/2, 3×3, 3×3, 3×3 with 24, 48, 96, 128 channels,
/// 3×3 means at every other place after the first and the second, one linear layer. A place of its map sees 57 px
/// and nothing beyond, so a place in a micrograph has the logit of the patch around it. With padding the network would
/// learn where the border of a patch is, and a micrograph has no such borders.
///
/// Of a patch of 57 to 64 px it reads the 57 px in the middle, which leave exactly one place. Patches of another size
/// are brought to 64 px first, and then to mean 0 and standard deviation 1 each, because averaging takes noise away.
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
    /// Side to which patches of another size than [`Self::FIELD`] to this are brought, px.
    pub const SIDE: usize = 64;

    pub(super) fn new(device: &Device) -> Self {
        Self {
            block1: ConvBlock::unpadded([1, 24], 5, 2, device),
            block2: ConvBlock::unpadded([24, 48], 3, 1, device),
            block3: ConvBlock::unpadded([48, 96], 3, 1, device),
            block4: ConvBlock::unpadded([96, 128], 3, 1, device),
            head: LinearConfig::new(128, 1).init(device),
        }
    }

    /// How many px of a patch (of `size` px) one px of the network's input stands for.
    pub fn reduction(size: usize) -> f64 {
        if (Self::FIELD..=Self::SIDE).contains(&size) { 1.0 } else { size as f64 / Self::SIDE as f64 }
    }

    /// First row and column of the part of a patch of `size` px that the network reads. The middle of the part is
    /// the pixel `size/2`, the centre of a patch.
    pub const fn offset(size: usize) -> usize {
        (size / 2).saturating_sub(Self::FIELD / 2)
    }

    /// The middle of patches (N×1×S×S to N×1×57×57), which are brought to 64 px first where they have another size.
    pub(super) fn middle(patches: Tensor<4>) -> Tensor<4> {
        let size = patches.dims()[2];
        let patches = match Self::reduction(size) {
            1.0 => patches,
            factor => standardised(resized(patches, factor)),
        };
        let offset = Self::offset(patches.dims()[2]);
        patches.narrow(2, offset, Self::FIELD).narrow(3, offset, Self::FIELD)
    }

    /// Features of each place, N×C×H×W.
    pub(super) fn map(&self, x: Tensor<4>) -> Tensor<4> {
        self.deep(self.shallow(x))
    }

    fn shallow(&self, x: Tensor<4>) -> Tensor<4> {
        self.block2.forward(halve(self.block1.forward(x), 0))
    }

    fn deep(&self, x: Tensor<4>) -> Tensor<4> {
        self.block4.forward(self.block3.forward(halve(x, 0)))
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
        let blocks = [&self.block1, &self.block2, &self.block3, &self.block4];
        activations_of_four(blocks, Self::middle(x), 0)
    }

    pub(super) fn head(&self, features: Tensor<2>) -> Tensor<1> {
        self.head.forward(features).flatten(0, 1)
    }

    /// Logits of every fourth place of pictures (N×1×H×W), as four maps (N×h×w): those at even rows and even columns,
    /// even and odd, odd and even, odd and odd. The place (r, c) of the four together sees the pixels from (4r, 4c)
    /// on. What the last three layers need at a stride of 8 is computed four times, the rest once.
    pub(in crate::learning) fn slide(&self, pictures: Tensor<4>) -> [Tensor<3>; 4] {
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

/// Patches (N×1×S×S) with 64 px along a side: means of what falls into a pixel, or, of smaller patches, values between
/// their pixels.
fn resized(patches: Tensor<4>, factor: f64) -> Tensor<4> {
    let size = [SlidingCnn::SIDE; 2];
    if factor > 1.0 {
        return adaptive_avg_pool2d(patches, size);
    }
    interpolate(
        patches,
        InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false).with_output_size(size),
    )
}

/// Each patch with mean 0 and standard deviation 1.
fn standardised(patches: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = patches.dims();
    let flat = patches.reshape([n, c * h * w]);
    let centred = flat.clone() - flat.mean_dim(1);
    let deviation = centred.clone().powi_scalar(2).mean_dim(1).sqrt();
    (centred / (deviation + 1e-6)).reshape([n, c, h, w])
}
