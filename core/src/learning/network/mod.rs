//! The networks: patches N×1×H×W in, one logit a patch out (N). Large means "particle".

pub(crate) mod kernels;
#[cfg(test)]
mod parity_tests;
mod resnet18;
mod small_cnn;
pub mod weights;

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

pub use resnet18::Resnet18;
pub use small_cnn::SmallCnn;

use crate::learning::config::Backbone;
use kernels::{ConvNorm, Mode, conv_norm};

/// One of the networks.
#[derive(Module, Debug)]
// One value lives per run; boxing the large variant would buy nothing.
#[allow(clippy::large_enum_variant)]
pub enum Network {
    /// See [`SmallCnn`].
    SmallCnn(SmallCnn),
    /// See [`Resnet18`].
    Resnet18(Resnet18),
}

impl Backbone {
    /// Numbers by which the network describes a patch.
    pub const fn width(self) -> usize {
        match self {
            Self::SmallCnn => 128,
            Self::Resnet18 => 512,
        }
    }

    /// Pixels along a side that one place of [`Network::feature_map`] stands for.
    pub const fn stride(self) -> usize {
        match self {
            Self::SmallCnn => 8,
            Self::Resnet18 => 32,
        }
    }
}

impl Network {
    /// Builds the network with weights drawn from `seed` alone (He et al. 2015 for convolutions), so
    /// that they are the same on every device.
    pub fn new(backbone: Backbone, seed: u64, device: &Device) -> Self {
        let network = match backbone {
            Backbone::SmallCnn => Self::SmallCnn(SmallCnn::new(device)),
            Backbone::Resnet18 => Self::Resnet18(Resnet18::new(device)),
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
        }
    }

    /// Features (N×C) before the last layer, for similarity: the mean of [`Self::feature_map`] over the patch.
    pub fn features(&self, patches: Tensor<4>) -> Tensor<2> {
        match kernels::on(&patches) {
            Some(mode) => kernels::global_mean(mode, self.map_own(mode, patches)),
            None => global_mean(self.map_burn(patches)),
        }
    }

    /// Features of each place, channel-last: N×⌈H/s⌉×⌈W/s⌉×C s being the backbone's stride.
    pub fn feature_map(&self, patches: Tensor<4>) -> Tensor<4> {
        match kernels::on(&patches) {
            Some(mode) => self.map_own(mode, patches),
            None => self.map_burn(patches).permute([0, 2, 3, 1]),
        }
    }

    /// Channel-last features of each place through our own kernels.
    fn map_own(&self, mode: Mode, patches: Tensor<4>) -> Tensor<4> {
        match self {
            Self::SmallCnn(network) => network.map_own(mode, channel_last(patches)),
            Self::Resnet18(network) => network.map_own(mode, channel_last(patches)),
        }
    }

    /// Features of each place (N×C×H×W) in Burn's own operations, on any device.
    fn map_burn(&self, patches: Tensor<4>) -> Tensor<4> {
        match self {
            Self::SmallCnn(network) => network.map(patches),
            Self::Resnet18(network) => network.map(patches),
        }
    }

    /// What comes out behind each rectifier (N×C×H×W) with the name of its block, for looking inside.
    pub fn activations(&self, patches: Tensor<4>) -> Vec<(String, Tensor<4>)> {
        match self {
            Self::SmallCnn(network) => network.activations(patches),
            Self::Resnet18(network) => network.activations(patches),
        }
    }
}

/// The module with weights drawn from `seed` alone.
pub(crate) fn seeded<M: Module>(module: M, seed: u64) -> M {
    module.map(&mut SeededInit { rng: ChaCha8Rng::seed_from_u64(seed), path: Vec::new() })
}

/// Draws weights on the host: the device's own generator differs between devices and threads.
struct SeededInit {
    rng: ChaCha8Rng,
    path: Vec<String>,
}

impl ModuleMapper for SeededInit {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let is_bias = self.path.last().is_some_and(|name| name == "bias");
        // Scales, offsets and running statistics keep their ones and zeros; only the bias of a
        // linear layer would start at random.
        if D < 2 && !is_bias {
            return param;
        }
        let (id, tensor, mapper) = param.consume();
        if is_bias {
            let zeros = tensor.zeros_like().set_require_grad(tensor.is_require_grad());
            return Param::from_mapped_value(id, zeros, mapper);
        }
        let dims = tensor.dims();
        // Convolutions are stored out×in×k×k, linear layers in×out.
        let fan_in: usize = if D == 2 { dims[0] } else { dims[1..].iter().product() };
        let gain = if D == 2 { 1.0 } else { 2.0 };
        let deviation = (gain / fan_in as f64).sqrt();
        let count: usize = dims.iter().product();
        let values: Vec<f32> = match Normal::new(0.0, deviation) {
            Ok(normal) => (0..count).map(|_| normal.sample(&mut self.rng) as f32).collect(),
            Err(_) => vec![0.0; count],
        };
        let device = tensor.device();
        let drawn = Tensor::<D>::from_data(TensorData::new(values, dims), &device)
            .set_require_grad(tensor.is_require_grad());
        Param::from_mapped_value(id, drawn, mapper)
    }
}

/// Convolution, batch normalisation, ReLU.
#[derive(Module, Debug)]
pub struct ConvBlock {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvBlock {
    fn new(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Self {
        let pad = kernel / 2;
        Self {
            conv: Conv2dConfig::new(channels, [kernel, kernel])
                .with_stride([stride, stride])
                .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
                .with_bias(false)
                .init(device),
            norm: BatchNormConfig::new(channels[1]).init(device),
        }
    }

    fn forward_linear(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.forward(self.conv.forward(x))
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        relu(self.forward_linear(x))
    }

    /// The same through our own kernels, on channel-last images (N×H×W×C): norm(conv(x)), plus the
    /// shortcut, through ReLU if asked.
    fn forward_own(&self, mode: Mode, x: Tensor<4>, shortcut: Option<Tensor<4>>, relu: bool) -> Tensor<4> {
        let norm = &self.norm;
        let block = ConvNorm {
            weights: self.conv.weight.val(),
            gamma: norm.gamma.val(),
            beta: norm.beta.val(),
            stride: self.conv.stride[0],
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
            // As Burn's own layer keeps them.
            let [mean, variance] = running.map(|old| old * (1.0 - norm.momentum));
            let [batch_mean, batch_variance] = batch.map(|new| new * norm.momentum);
            norm.running_mean.update(mean + batch_mean);
            norm.running_var.update(variance + batch_variance);
        }
        out
    }
}

/// N×1×H×W as N×H×W×1: one channel looks the same either way.
fn channel_last(x: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    x.reshape([n, h, w, c])
}

/// Mean over rows and columns: N×C×H×W to N×C.
fn global_mean(x: Tensor<4>) -> Tensor<2> {
    let [n, c, h, w] = x.dims();
    x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c])
}
