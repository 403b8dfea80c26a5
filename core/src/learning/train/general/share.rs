//! How much of the general model's weights is in the weights that score.

use crate::learning::loss::self_training::Road;
use crate::learning::network::Network;
use crate::learning::optim::ema;

/// Steps to the largest share.
const STEPS: u32 = 5;

/// The share of the general model's weights in the weights that score. On the straight line between pretrained weights
/// and those trained from them some rank better than either end (WiSE-FT, Wortsman et al. 2022): few labels move the
/// weights further than they can tell.
pub(in crate::learning::train) struct GeneralShare {
    /// The general model, in validation form.
    pub network: Network,
    /// The largest share.
    pub most: f64,
    /// The share chosen after the last epoch of a run without pseudo-labels.
    pub chosen: Option<f64>,
}

impl GeneralShare {
    /// The share on this road. Where the run has restarted from the general model it is the largest: there the labels
    /// are a choice of the clearest particles, so no AUC on them can tell.
    pub fn on(&self, road: Option<Road>) -> f64 {
        match road {
            Some(Road::FromGeneralModel) => self.most,
            Some(Road::NoPseudoLabels) => self.chosen.unwrap_or(0.0),
            None => 0.0,
        }
    }

    /// The shares to try, ascending from 0.
    pub fn to_try(&self) -> impl Iterator<Item = f64> {
        let most = self.most;
        (0..=STEPS).map(move |step| most * f64::from(step) / f64::from(STEPS))
    }

    /// The share where too few validation positives are there to choose by.
    pub fn untried(&self) -> f64 {
        0.4 * self.most
    }

    /// The mean of trained weights and the general model's, which gets this share.
    pub fn mixed(&self, trained: Network, share: f64) -> Network {
        ema::update(trained, &self.network, 1.0 - share)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::module::Module;

    use super::*;
    use crate::device::ComputeDevice;
    use crate::learning::config::Backbone;
    use crate::learning::network::weights::extract;

    fn network(seed: u64) -> Network {
        Network::new(Backbone::SlidingCnn, seed, &ComputeDevice::cpu().inner).valid()
    }

    #[test]
    fn weights_are_averaged_by_the_share() {
        let share = GeneralShare { network: network(2), most: 0.5, chosen: None };
        let (trained, general) = (extract(&network(1)), extract(&network(2)));
        let mixed = extract(&share.mixed(network(1), 0.25));
        assert_eq!(mixed.len(), trained.len());
        for (name, tensor) in &mixed {
            let ends = trained[name].values.iter().zip(&general[name].values);
            for (value, (a, b)) in tensor.values.iter().zip(ends) {
                assert!((value - (0.75 * a + 0.25 * b)).abs() < 1e-6, "{name}");
            }
        }
    }

    #[test]
    fn the_road_says_which_share_scores() {
        let mut share = GeneralShare { network: network(2), most: 0.5, chosen: None };
        assert_eq!(share.on(None), 0.0);
        assert_eq!(share.on(Some(Road::FromGeneralModel)), 0.5);
        assert_eq!(share.on(Some(Road::NoPseudoLabels)), 0.0, "before the last epoch");
        share.chosen = Some(0.3);
        assert_eq!(share.on(Some(Road::NoPseudoLabels)), 0.3);
        let tried: Vec<f64> = share.to_try().collect();
        assert!(tried.len() == 6 && tried[0] == 0.0 && tried[5] == 0.5);
    }
}
