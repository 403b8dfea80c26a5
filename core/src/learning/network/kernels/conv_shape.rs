//! The sizes of a convolution of channel-last images, and which pixels its taps read.

use super::gemm::Pair;

/// Output pixels of a task.
const TASK_PIXELS: usize = 512;

/// Sizes of one convolution with a square kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Images.
    pub images: usize,
    /// Rows and columns of the input.
    pub input: [usize; 2],
    /// Channels of the input.
    pub channels_in: usize,
    /// Channels of the output, a multiple of 8.
    pub channels_out: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Stride.
    pub stride: usize,
    /// Padding at each side.
    pub padding: usize,
}

impl ConvShape {
    /// Rows and columns of the output.
    pub fn output(&self) -> [usize; 2] {
        self.input.map(|side| (side + 2 * self.padding - self.kernel) / self.stride + 1)
    }
    /// Pixels of all input images.
    pub fn pixels_in(&self) -> usize {
        self.images * self.input[0] * self.input[1]
    }
    /// Pixels of all output images.
    pub fn pixels_out(&self) -> usize {
        let [h, w] = self.output();
        self.images * h * w
    }
    /// Taps of the kernel.
    pub fn taps(&self) -> usize {
        self.kernel * self.kernel
    }
    /// Number of weights.
    pub fn weights(&self) -> usize {
        self.taps() * self.channels_in * self.channels_out
    }
    /// Whether patches are copied out first, because a pixel has too few channels to fill a product.
    pub fn unfolds(&self) -> bool {
        !self.channels_in.is_multiple_of(8)
    }
    /// Images a task works on: enough pixels for full tiles, few enough to stay in the cache.
    pub fn group(&self) -> usize {
        let [h, w] = self.output();
        (TASK_PIXELS.div_ceil(h * w)).clamp(1, self.images)
    }
    /// Where each tap reads: for all pixels of `images` images, by tap.
    pub fn pairs(&self, images: usize) -> Vec<Vec<Pair>> {
        let [h, w] = self.input;
        let [oh, ow] = self.output();
        let inside = |o: usize, tap: usize, side: usize| {
            (o * self.stride + tap).checked_sub(self.padding).filter(|&i| i < side)
        };
        let mut taps = Vec::with_capacity(self.taps());
        for ky in 0..self.kernel {
            for kx in 0..self.kernel {
                let mut pairs = Vec::with_capacity(images * oh * ow);
                for n in 0..images {
                    for y in 0..oh {
                        let Some(iy) = inside(y, ky, h) else { continue };
                        for x in 0..ow {
                            let Some(ix) = inside(x, kx, w) else { continue };
                            pairs.push(Pair {
                                input: ((n * h + iy) * w + ix) as u32,
                                output: ((n * oh + y) * ow + x) as u32,
                            });
                        }
                    }
                }
                taps.push(pairs);
            }
        }
        taps
    }
}
