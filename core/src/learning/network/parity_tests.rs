//! Our own kernels against Burn's operations: same logits, same gradients, same training.

use burn::module::{ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::TensorData;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::learning::loss::risk::cross_entropy;
use crate::learning::network::weights::{extract, to_vec};
use crate::learning::optim::adamw::AdamW;

fn patches(count: usize, size: usize, device: &Device) -> Tensor<4> {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let values: Vec<f32> = (0..count * size * size).map(|_| rng.random_range(-1.7..1.7)).collect();
    Tensor::from_data(TensorData::new(values, [count, 1, size, size]), device)
}

fn logits(network: &Network, x: Tensor<4>, own: bool) -> Tensor<1> {
    let features = if own { network.features(x) } else { global_mean(network.map_burn(middle(network, x))) };
    match network {
        Network::SmallCnn(network) => network.head(features),
        Network::Resnet18(network) => network.head(features),
        Network::SlidingCnn(network) => network.head(features),
    }
}

/// What the network reads of patches.
fn middle(network: &Network, x: Tensor<4>) -> Tensor<4> {
    match network {
        Network::SlidingCnn(_) => SlidingCnn::middle(x),
        Network::SmallCnn(_) | Network::Resnet18(_) => x,
    }
}

/// Every second patch is a particle.
fn loss(logits: Tensor<1>) -> Tensor<1> {
    let count = logits.dims()[0];
    let target: Vec<f32> = (0..count).map(|i| (i % 2) as f32).collect();
    let target = Tensor::from_data(TensorData::new(target, [count]), &logits.device());
    cross_entropy(logits, target).mean()
}

fn gradients(network: &Network, gradients: &GradientsParams) -> Vec<Vec<f32>> {
    struct Collect<'a>(&'a GradientsParams, Vec<Vec<f32>>);
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(param.id) {
                self.1.push(to_vec(gradient));
            }
        }
    }
    let mut collect = Collect(gradients, Vec::new());
    network.visit(&mut collect);
    collect.1
}

/// Largest difference as a share of the largest value.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(0.0f32, |m, v| m.max(v.abs())).max(1e-6);
    a.iter().zip(b).fold(0.0f32, |m, (a, b)| m.max((a - b).abs())) / largest
}

fn compare(backbone: Backbone, sizes: &[(usize, usize)]) {
    let device = Device::flex();
    for &(count, size) in sizes {
        let network = Network::new(backbone, 7, &device.clone().autodiff());
        let run = |own: bool| {
            // Running statistics are shared by clones, so each way has a network of its own.
            let network = Network::new(backbone, 7, &device.clone().autodiff());
            let x = Tensor::<4>::from_inner(patches(count, size, &device)).require_grad();
            let out = logits(&network, x.clone(), own);
            let grads = loss(out.clone()).backward();
            let dx = to_vec(x.grad(&grads).unwrap_or_else(|| panic!("no gradient of the input")));
            let gradients = gradients(&network, &GradientsParams::from_grads(grads, &network));
            let running = extract(&network.valid());
            (to_vec(out), dx, gradients, running)
        };
        let (own, burn) = (run(true), run(false));
        let what = format!("{backbone:?}, {count} patches of {size} px");
        assert!(difference(&own.0, &burn.0) < 1e-4, "{what}: logits {}", difference(&own.0, &burn.0));
        assert!(difference(&own.1, &burn.1) < 1e-3, "{what}: input {}", difference(&own.1, &burn.1));
        assert_eq!(own.2.len(), burn.2.len(), "{what}: all weights have gradients");
        for (i, (own, burn)) in own.2.iter().zip(&burn.2).enumerate() {
            assert!(difference(own, burn) < 1e-3, "{what}: gradient {i} {}", difference(own, burn));
        }
        for (name, burn) in &burn.3 {
            let found = difference(&own.3[name].values, &burn.values);
            assert!(found < 1e-5, "{what}: {name} {found}");
        }
        // Without automatic differentiation, with running statistics.
        let valid = network.valid();
        let scores = |own| to_vec(logits(&valid, patches(count, size, &device), own));
        assert!(difference(&scores(true), &scores(false)) < 1e-4, "{what}: scores");
    }
}

#[test]
fn the_small_network_is_the_same_in_both_ways() {
    compare(Backbone::SmallCnn, &[(6, 64), (5, 17), (33, 16)]);
}

#[test]
fn the_sliding_network_is_the_same_in_both_ways() {
    compare(Backbone::SlidingCnn, &[(6, 64), (33, 57)]);
}

#[test]
fn resnet18_is_the_same_in_both_ways() {
    compare(Backbone::Resnet18, &[(6, 64), (5, 37)]);
}

#[test]
fn training_stays_together() {
    let device = Device::flex();
    let train = |own: bool| {
        let mut network = Network::new(Backbone::SmallCnn, 7, &device.clone().autodiff());
        let mut optimizer = AdamW::new(1e-2);
        let mut losses = Vec::new();
        for _ in 0..8 {
            let value = loss(logits(&network, Tensor::from_inner(patches(16, 32, &device)), own));
            losses.extend(to_vec(value.clone()));
            let gradients = GradientsParams::from_grads(value.backward(), &network);
            network = optimizer.step(1e-3, network, gradients, None);
        }
        losses
    };
    let (own, burn) = (train(true), train(false));
    assert!(own[7] < 0.8 * own[0], "{own:?}");
    for (a, b) in own.iter().zip(&burn) {
        assert!((a - b).abs() < 2e-3, "{own:?} against {burn:?}");
    }
}
