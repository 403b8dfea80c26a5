//! What a pretraining method is.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use crate::learning::config::RunConfig;
use crate::learning::data::augment::Augmenter;
use crate::learning::network::Network;
use crate::learning::pretrain::weights_file::PretrainViews;
use crate::remedy::Warning;

/// Makes views of the patches of a batch.
pub(super) struct ViewSource<'a> {
    /// The patches (N×1×S×S).
    pub patches: Tensor<4>,
    /// Which views to make.
    pub views: PretrainViews,
    pub augmenter: &'a Augmenter,
    pub rng: &'a mut ChaCha8Rng,
}

impl ViewSource<'_> {
    /// A new view of each patch (N×1×S×S).
    pub fn next_views(&mut self) -> Tensor<4> {
        let patches = self.patches.clone();
        match &self.views {
            PretrainViews::Strong(settings) => self.augmenter.strong(patches, settings, self.rng),
            PretrainViews::Weak(settings) => self.augmenter.weak(patches, settings, self.rng),
        }
    }
}

/// A task that a network learns from patches without labels: the network with the heads that the task needs.
pub(super) trait Pretext: Module {
    /// A sentence on how to read loss and spread.
    const EXPLANATION: &'static str;

    /// A warning after an epoch (`place` is the epoch and the number of epochs) with this mean loss and mean spread.
    fn warning(place: (usize, usize), loss: f64, spread: f64) -> Option<Warning>;

    /// The views from which the network learns.
    fn views(config: &RunConfig) -> PretrainViews;

    /// The task before its first step. The network has the initial weights of the same run without pretraining.
    fn new(config: &RunConfig, device: &Device) -> Self;

    /// The network without its heads.
    fn network(&self) -> &Network;

    /// The loss of a batch (shape 1), and one row for each patch, without gradient. The [`spread`] of the rows says
    /// whether patches look different to the network.
    fn loss(&self, views: ViewSource<'_>) -> (Tensor<1>, Tensor<2>);
}

/// √d times the standard deviation of rows scaled to length 1, averaged over the d columns (Chen & He 2021, section
/// 4.1). It is about 1 when rows point in all directions, and 0 when all point the same way.
pub(super) fn spread(rows: &[f32], columns: usize) -> f64 {
    let count = rows.len() / columns.max(1);
    if count == 0 {
        return 0.0;
    }
    let (mut sum, mut squares) = (vec![0.0f64; columns], vec![0.0f64; columns]);
    for row in rows.chunks_exact(columns) {
        let length = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt().max(1e-12);
        for (column, &value) in row.iter().enumerate() {
            let value = f64::from(value) / length;
            sum[column] += value;
            squares[column] += value * value;
        }
    }
    let deviation = |(sum, squares): (&f64, &f64)| {
        let mean = sum / count as f64;
        (squares / count as f64 - mean * mean).max(0.0).sqrt()
    };
    let mean = sum.iter().zip(&squares).map(deviation).sum::<f64>() / columns as f64;
    mean * (columns as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_one_in_all_directions_and_zero_in_one() {
        // Unit vectors along ±x and ±y: deviation √½ in either column, times √2.
        assert!((spread(&[1.0, 0.0, -4.0, 0.0, 0.0, 2.0, 0.0, -1.0], 2) - 1.0).abs() < 1e-12);
        assert!(spread(&[1.0, 1.0, 5.0, 5.0, 0.1, 0.1], 2) < 1e-6);
        assert_eq!(spread(&[], 2), 0.0);
    }
}
