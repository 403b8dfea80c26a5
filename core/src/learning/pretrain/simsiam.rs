//! SimSiam (Chen & He 2021, "Exploring simple Siamese representation learning"): a predictor learns to predict the
//! projection of one strong view of a patch from that of another.
//!
//! The gradient flows through the predicting view only. Nothing pushes the projections of different patches apart, so
//! they may all become alike (a collapse); the spread shows whether they do.
//!
//! Departure from the paper: the projector ends without batch normalisation, which would scale a collapse away, so
//! that the spread shows it.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use crate::learning::config::RunConfig;
use crate::learning::network::Network;
use crate::learning::network::init::seeded;
use crate::learning::pretrain::pretext::{Pretext, ViewSource};
use crate::learning::pretrain::weights_file::PretrainViews;
use crate::remedy::Warning;

/// Two linear layers with batch normalisation and ReLU between them. The normalisation needs no weights, because the
/// layer after it has some, and no running statistics, because this part never scores.
#[derive(Module, Debug)]
struct Mlp {
    first: Linear,
    second: Linear,
}

impl Mlp {
    fn new(outer: usize, inner: usize, device: &Device) -> Self {
        Self {
            first: LinearConfig::new(outer, inner).init(device),
            second: LinearConfig::new(inner, outer).init(device),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = self.first.forward(x);
        let centred = x.clone() - x.mean_dim(0);
        let variance = centred.clone().powi_scalar(2).mean_dim(0);
        self.second.forward(relu(centred / (variance + 1e-5).sqrt()))
    }
}

/// A network with the heads of SimSiam.
#[derive(Module, Debug)]
pub(super) struct SimSiam {
    network: Network,
    projector: Mlp,
    predictor: Mlp,
}

/// Below this spread all patches look alike to the network.
const COLLAPSED: f64 = 0.1;

impl Pretext for SimSiam {
    const EXPLANATION: &'static str = "The loss falls towards -1 as both views of a patch become alike. The spread says how different the patches' features \
         are: about 1 is healthy, 0 means that all patches look alike to the network.";

    fn warning((epoch, _): (usize, usize), _: f64, spread: f64) -> Option<Warning> {
        (spread < COLLAPSED).then(|| {
            let text = format!(
                "Pretraining has collapsed by epoch {epoch}: all patches look alike to the network (spread {spread:.2}; about 1 \
                 is healthy, 0 is collapsed). Its weights are no better than random ones"
            );
            Warning::new(text, "lower pretrain.learning_rate, or set pretrain.kind: none")
        })
    }

    fn views(config: &RunConfig) -> PretrainViews {
        PretrainViews::Strong(config.augmentation.strong)
    }

    fn new(config: &RunConfig, device: &Device) -> Self {
        let width = config.backbone.width();
        Self {
            network: Network::new(config.backbone, config.seed, device),
            projector: seeded(Mlp::new(width, width, device), config.seed ^ 0x0051_A3E5),
            predictor: seeded(Mlp::new(width, width / 4, device), config.seed ^ 0x09ED_1C70),
        }
    }

    fn network(&self) -> &Network {
        &self.network
    }

    fn loss(&self, mut views: ViewSource<'_>) -> (Tensor<1>, Tensor<2>) {
        let count = views.patches.dims()[0];
        let input = Tensor::cat(vec![views.next_views(), views.next_views()], 0);
        let projected = self.projector.forward(self.network.features(Tensor::from_inner(input)));
        let predicted = self.predictor.forward(projected.clone());
        let halves = |x: Tensor<2>| [x.clone().narrow(0, 0, count), x.narrow(0, count, count)];
        let rows = projected.clone().inner();
        (simsiam_loss(halves(predicted), halves(projected)), rows)
    }
}

fn normalised(x: Tensor<2>) -> Tensor<2> {
    let length = (x.clone().powi_scalar(2).sum_dim(1) + 1e-12).sqrt();
    x / length
}

/// ½·D(p₁, z₂) + ½·D(p₂, z₁), where D is the negative cosine averaged over patches and z has no gradient (Chen & He
/// 2021, equations 1 to 4). Tensors are N×d; the result has shape 1 and lies between −1 and 1.
fn simsiam_loss(predicted: [Tensor<2>; 2], projected: [Tensor<2>; 2]) -> Tensor<1> {
    let [p1, p2] = predicted.map(normalised);
    let [z1, z2] = projected.map(|z| normalised(z.detach()));
    ((p1 * z2).sum_dim(1).mean() + (p2 * z1).sum_dim(1).mean()) * -0.5
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::device::ComputeDevice;
    use crate::learning::network::weights::to_vec;

    fn rows(values: &[f32]) -> Tensor<2> {
        let device = ComputeDevice::cpu().inner.autodiff();
        Tensor::from_data(TensorData::new(values.to_vec(), [values.len() / 2, 2]), &device)
    }

    #[test]
    fn the_loss_is_the_negative_cosine_of_either_view_with_the_other() {
        // Cosines of p1 with z2: 1 and 0; of p2 with z1: 0.6 and −1.
        let p = [rows(&[2.0, 0.0, 0.0, 3.0]), rows(&[3.0, 4.0, 1.0, 0.0])];
        let z = [rows(&[5.0, 0.0, -7.0, 0.0]), rows(&[0.5, 0.0, 1.0, 0.0])];
        let loss = to_vec(simsiam_loss(p, z).inner())[0];
        let expected = -0.5 * ((1.0 + 0.0) / 2.0 + (0.6 - 1.0) / 2.0);
        assert!((loss - expected).abs() < 1e-6, "{loss}, by hand {expected}");
    }

    #[test]
    fn only_the_prediction_has_a_gradient() {
        let p = rows(&[3.0, 4.0]).require_grad();
        let z = rows(&[1.0, 0.0]).require_grad();
        let gradients = simsiam_loss([p.clone(), p.clone()], [z.clone(), z.clone()]).backward();
        assert!(z.grad(&gradients).is_none_or(|g| to_vec(g).iter().all(|v| *v == 0.0)));
        // −d cos/dp with cos = p₁/|p|: −(1/5 − 3·3/125, −3·4/125).
        let found = to_vec(p.grad(&gradients).unwrap());
        for (found, expected) in found.iter().zip([-0.128, 0.096]) {
            assert!((found - expected).abs() < 1e-6, "{found}, by hand {expected}");
        }
    }

    #[test]
    fn a_collapse_warns() {
        assert!(SimSiam::warning((3, 5), -0.9, 0.9).is_none());
        let said = SimSiam::warning((3, 5), -1.0, 0.02).unwrap().text;
        assert!(said.contains("epoch 3") && said.contains("0.02") && said.contains("look alike"), "{said}");
    }
}
