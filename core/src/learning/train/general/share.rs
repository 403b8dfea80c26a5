//! The share of the general model's weights in the weights that score.

use burn::module::Module;

use super::moments::mean_and_std;
use crate::error::{Error, Result};
use crate::learning::network::Network;
use crate::learning::network::weights::{extract, load};
use crate::learning::optim::ema;

/// Steps to the largest share.
const STEPS: u32 = 5;
/// Validation positives below which the general model gets its largest share.
const VERY_FEW: usize = 10;

/// The share of the general model's weights in the weights that score. On the straight line between pretrained weights
/// and those trained from them some rank better than either end (WiSE-FT, Wortsman et al. 2022): few labels move the
/// weights further than they can tell.
pub(in crate::learning::train) struct GeneralShare {
    /// The general model, in validation form.
    pub network: Network,
    /// The largest share.
    pub most: f64,
}

impl GeneralShare {
    /// The shares to try, ascending from 0.
    pub fn to_try(&self) -> impl Iterator<Item = f64> {
        let most = self.most;
        (0..=STEPS).map(move |step| most * f64::from(step) / f64::from(STEPS))
    }

    /// Whether `positives`, a number of validation positives, is below [`VERY_FEW`].
    pub fn is_very_few(&self, positives: usize) -> bool {
        positives < VERY_FEW
    }

    /// The share for a number of validation positives that is too small to choose it by. With a contrast rule it is the largest
    /// share: few labels mainly teach the network to reject empty ice, and the contrast rule already does that.
    pub fn for_few(&self, positives: usize, has_contrast: bool) -> f64 {
        if has_contrast || self.is_very_few(positives) { self.most } else { 0.6 * self.most }
    }

    /// The mean of trained weights and the general model's, which gets this share.
    pub fn mix(&self, trained: &Network, share: f64) -> Network {
        ema::update(trained.valid(), &self.network, 1.0 - share)
    }
}

/// The network with its last layer scaled and shifted so that its logits of some patches, `found`, get the mean and the
/// standard deviation of `wanted`. The ranking stays. Averaged weights have smaller activations than either network, so
/// their logits mean less than those of a trained network. The network as it is where the logits do not spread.
///
/// # Errors
/// When the network does not take weights that are its own, which is a defect.
pub(in crate::learning::train) fn rescaled(
    network: Network,
    found: &[f32],
    wanted: &[f32],
) -> Result<Network> {
    let (found, wanted) = (mean_and_std(found), mean_and_std(wanted));
    let scale = wanted.1 / found.1;
    if !scale.is_finite() || scale <= 0.0 {
        return Ok(network);
    }
    with_logits_changed(network, scale, wanted.0 - scale * found.0)
}

/// The network with its last layer changed so that logits become `scale`·logit + `shift`.
///
/// # Errors
/// When the network does not take weights that are its own, which is a defect.
pub(in crate::learning::train) fn with_logits_changed(
    network: Network,
    scale: f64,
    shift: f64,
) -> Result<Network> {
    let mut weights = extract(&network);
    for (name, tensor) in &mut weights {
        let is_bias = name.ends_with("head.bias");
        if is_bias || name.ends_with("head.weight") {
            let shift = if is_bias { shift } else { 0.0 };
            tensor.values.iter_mut().for_each(|v| *v = (f64::from(*v) * scale + shift) as f32);
        }
    }
    load(network, &weights)
        .map_err(|problem| Error::defect(format!("a network does not take its own weights: {problem}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::device::ComputeDevice;
    use crate::imaging::normalise::Normaliser;
    use crate::learning::config::Backbone;
    use crate::learning::infer::scorer::Scorer;

    fn network(seed: u64) -> Network {
        Network::new(Backbone::SlidingCnn, seed, &ComputeDevice::cpu().inner).valid()
    }

    #[test]
    fn weights_are_averaged_by_the_share() {
        let share = GeneralShare { network: network(2), most: 0.5 };
        let network_one = network(1);
        let (trained, general) = (extract(&network_one), extract(&network(2)));
        let mixed = extract(&share.mix(&network_one, 0.25));
        // Nothing of the networks that are averaged changes; clones of a module share their running statistics.
        assert_eq!(extract(&network_one), trained);
        assert_eq!(extract(&share.network), general);
        assert_eq!(mixed.len(), trained.len());
        for (name, tensor) in &mixed {
            let ends = trained[name].values.iter().zip(&general[name].values);
            for (value, (a, b)) in tensor.values.iter().zip(ends) {
                assert!((value - (0.75 * a + 0.25 * b)).abs() < 1e-6, "{name}");
            }
        }
        assert_eq!(
            [share.for_few(9, false), share.for_few(20, false), share.for_few(20, true)],
            [0.5, 0.3, 0.5]
        );
        let tried: Vec<f64> = share.to_try().collect();
        assert!(tried.len() == 6 && tried[0] == 0.0 && tried[5] == 0.5);
    }

    #[test]
    fn logits_get_the_spread_that_is_wanted_and_keep_their_order() {
        let logits = |network: &Network| {
            let normaliser = Normaliser::of_each_patch(64).unwrap();
            let scorer = Scorer::from_network(network.clone(), normaliser, ComputeDevice::cpu());
            let pixels: Vec<f32> = (0..8 * 64 * 64).map(|i| ((i * i) as f32 * 0.37).sin()).collect();
            scorer.logits(&pixels)
        };
        let before = logits(&network(3));
        let after = logits(&rescaled(network(3), &before, &[-4.0, 0.0, 2.0]).unwrap());
        let (mean, std) = mean_and_std(&after);
        let (wanted_mean, wanted_std) = mean_and_std(&[-4.0, 0.0, 2.0]);
        assert!((mean - wanted_mean).abs() < 1e-3 && (std - wanted_std).abs() < 1e-3, "{mean} {std}");
        let order = |values: &[f32]| {
            let mut at: Vec<usize> = (0..values.len()).collect();
            at.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
            at
        };
        assert_eq!(order(&before), order(&after));
        // Nothing to go by: as it is.
        assert_eq!(extract(&rescaled(network(3), &[1.0, 1.0], &[0.0, 1.0]).unwrap()), extract(&network(3)));
    }
}
