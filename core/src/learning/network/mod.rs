//! The networks. They take patches (N×1×H×W) and return one logit for each (N); a large logit means "particle".

mod block;
pub(crate) mod init;
pub(crate) mod kernels;
#[cfg(test)]
mod parity_tests;
mod resnet18;
mod sliding_cnn;
mod small_cnn;
pub(crate) mod tensor_file;
pub mod weights;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

pub use resnet18::Resnet18;
pub use sliding_cnn::SlidingCnn;
pub use small_cnn::SmallCnn;

use crate::learning::config::Backbone;
use block::channel_last;
use init::seeded;
use kernels::Mode;

/// One of the networks.
#[derive(Module, Debug)]
// One value lives per run; boxing the large variant would buy nothing.
#[allow(clippy::large_enum_variant)]
pub enum Network {
    /// See [`SmallCnn`].
    SmallCnn(SmallCnn),
    /// See [`Resnet18`].
    Resnet18(Resnet18),
    /// See [`SlidingCnn`].
    SlidingCnn(SlidingCnn),
}

impl Backbone {
    /// The name in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SmallCnn => "small_cnn",
            Self::Resnet18 => "resnet18",
            Self::SlidingCnn => "sliding_cnn",
        }
    }

    /// Whether the network can be slid over a whole micrograph.
    pub const fn slides(self) -> bool {
        matches!(self, Self::SlidingCnn)
    }

    /// Number of features of a patch.
    pub const fn width(self) -> usize {
        match self {
            Self::SmallCnn | Self::SlidingCnn => 128,
            Self::Resnet18 => 512,
        }
    }

    /// Side of the square that one place of [`Network::feature_map`] stands for, px.
    pub const fn stride(self) -> usize {
        match self {
            Self::SmallCnn | Self::SlidingCnn => 8,
            Self::Resnet18 => 32,
        }
    }

    /// Smallest side of a patch that the network takes, px.
    pub(crate) const fn min_size(self) -> usize {
        match self {
            Self::SmallCnn | Self::SlidingCnn => 16,
            Self::Resnet18 => 32,
        }
    }
}

/// Whether a weight of this name belongs to the last layer, which pretraining leaves out.
pub(crate) fn is_head(name: &str) -> bool {
    name.split('.').any(|part| part == "head")
}

impl Network {
    /// Builds the network with initial weights that depend on `seed` alone, so that they are the same on every device.
    pub fn new(backbone: Backbone, seed: u64, device: &Device) -> Self {
        let network = match backbone {
            Backbone::SmallCnn => Self::SmallCnn(SmallCnn::new(device)),
            Backbone::Resnet18 => Self::Resnet18(Resnet18::new(device)),
            Backbone::SlidingCnn => Self::SlidingCnn(SlidingCnn::new(device)),
        };
        seeded(network, seed ^ 0x5EED_1417)
    }

    /// Logits (N) of patches (N×1×H×W).
    pub fn forward(&self, patches: Tensor<4>) -> Tensor<1> {
        self.head(self.features(patches))
    }

    /// Logits (N) of features (N×C).
    pub fn head(&self, features: Tensor<2>) -> Tensor<1> {
        match self {
            Self::SmallCnn(network) => network.head(features),
            Self::Resnet18(network) => network.head(features),
            Self::SlidingCnn(network) => network.head(features),
        }
    }

    /// Features (N×C) before the last layer: the mean of [`Self::feature_map`] over the patch.
    pub fn features(&self, patches: Tensor<4>) -> Tensor<2> {
        let patches = match self {
            Self::SlidingCnn(_) => SlidingCnn::middle(patches),
            Self::SmallCnn(_) | Self::Resnet18(_) => patches,
        };
        match kernels::mode_of(&patches) {
            Some(mode) => kernels::global_mean(mode, self.map_own(mode, patches)),
            None => global_mean(self.map_burn(patches)),
        }
    }

    /// Features of each place, channel-last: N×⌈H/s⌉×⌈W/s⌉×C, where s is [`Backbone::stride`].
    pub fn feature_map(&self, patches: Tensor<4>) -> Tensor<4> {
        match kernels::mode_of(&patches) {
            Some(mode) => self.map_own(mode, patches),
            None => self.map_burn(patches).permute([0, 2, 3, 1]),
        }
    }

    /// Features of each place, channel-last, by our own kernels on the CPU.
    fn map_own(&self, mode: Mode, patches: Tensor<4>) -> Tensor<4> {
        match self {
            Self::SmallCnn(network) => network.map_own(mode, channel_last(patches)),
            Self::Resnet18(network) => network.map_own(mode, channel_last(patches)),
            Self::SlidingCnn(network) => network.map_own(mode, channel_last(patches)),
        }
    }

    /// Features of each place (N×C×H×W) by Burn's own operations, on any device.
    fn map_burn(&self, patches: Tensor<4>) -> Tensor<4> {
        match self {
            Self::SmallCnn(network) => network.map(patches),
            Self::Resnet18(network) => network.map(patches),
            Self::SlidingCnn(network) => network.map(patches),
        }
    }

    /// Whether the network can be slid over a whole picture.
    pub(crate) fn slides(&self) -> bool {
        matches!(self, Self::SlidingCnn(_))
    }

    /// The output of each ReLU (N×C×H×W), with the name of its block.
    pub fn activations(&self, patches: Tensor<4>) -> Vec<(String, Tensor<4>)> {
        match self {
            Self::SmallCnn(network) => network.activations(patches),
            Self::Resnet18(network) => network.activations(patches),
            Self::SlidingCnn(network) => network.activations(patches),
        }
    }
}

/// Mean over rows and columns: N×C×H×W to N×C.
fn global_mean(x: Tensor<4>) -> Tensor<2> {
    let [n, c, h, w] = x.dims();
    x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c])
}
