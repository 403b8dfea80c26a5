//! Finds or makes the pretrained weights that a run begins with.

use std::path::{Path, PathBuf};

use burn::module::Module;

use crate::device::ComputeDevice;
use crate::error::Result;
use crate::imaging::normalise::Normaliser;
use crate::learning::config::{PretrainKind, RunConfig};
use crate::learning::data::TrainingData;
use crate::learning::network::weights::{NamedTensors, extract, load};
use crate::learning::network::{Network, is_head};
use crate::learning::pretrain::masked::Masked;
use crate::learning::pretrain::simsiam::SimSiam;
use crate::learning::pretrain::training::Pretraining;
use crate::learning::pretrain::weights_file::{Pretrained, pretrained_path, pretraining_path};
use crate::learning::train::events::TrainEvent;

/// The weights, without the last layer, that a run begins with; `None` where the configuration has no pretraining.
/// Uses the finished pretraining of this run in `folder`, or resumes an interrupted one; leaves the weights in the
/// folder. `report` gets events and returns whether to go on.
///
/// # Errors
/// When weights do not fit, a loss is no finite number, the disk refuses, or [`crate::error::Error::Cancelled`].
/// Complete epochs stay in the folder.
pub(crate) fn initial_features(
    config: &RunConfig,
    data: &TrainingData,
    normaliser: &Normaliser,
    device: &ComputeDevice,
    folder: Option<&Path>,
    report: &mut dyn FnMut(TrainEvent) -> bool,
) -> Result<Option<NamedTensors>> {
    if matches!(config.pretrain.kind, PretrainKind::None | PretrainKind::General) {
        return Ok(None);
    }
    if let Some(path) = folder.map(pretrained_path).filter(|path| path.exists()) {
        let pretrained = Pretrained::load(&path)?;
        pretrained.require_fit(&path, config, normaliser)?;
        return Ok(Some(pretrained.features));
    }
    let pretrained = match config.pretrain.kind {
        // The run loads the general model itself, with its last layer.
        PretrainKind::None | PretrainKind::General => return Ok(None),
        PretrainKind::Weights => load_named_weights(config, normaliser)?,
        PretrainKind::Simsiam => {
            Pretraining::<SimSiam>::new(config, data, normaliser, device)?.run(folder, report)?
        }
        PretrainKind::Masked => {
            Pretraining::<Masked>::new(config, data, normaliser, device)?.run(folder, report)?
        }
    };
    if let Some(folder) = folder {
        pretrained.save(&pretrained_path(folder))?;
        // A file left behind only costs disk space.
        let _ = std::fs::remove_file(pretraining_path(folder));
    }
    Ok(Some(pretrained.features))
}

/// Reads the weights that a configuration names and checks that they fit.
///
/// # Errors
/// As [`Pretrained::load`] and [`Pretrained::require_fit`].
pub(crate) fn load_named_weights(config: &RunConfig, normaliser: &Normaliser) -> Result<Pretrained> {
    let path = PathBuf::from(config.pretrain.weights.trim());
    let pretrained = Pretrained::load(&path)?;
    pretrained.require_fit(&path, config, normaliser)?;
    Ok(pretrained)
}

/// Puts pretrained weights into a network. Its last layer keeps its own.
///
/// # Errors
/// A sentence that names the first weight that does not fit.
pub(crate) fn load_features(
    network: Network,
    features: &NamedTensors,
) -> std::result::Result<Network, String> {
    let mut all = extract(&network.valid());
    all.retain(|name, _| is_head(name));
    all.extend(features.iter().map(|(name, tensor)| (name.clone(), tensor.clone())));
    load(network, &all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::Tensor;

    use super::*;
    use crate::learning::config::Backbone;

    #[test]
    fn the_width_is_that_of_the_features_and_the_head_stays() {
        let device = ComputeDevice::cpu().inner;
        for backbone in [Backbone::SmallCnn, Backbone::Resnet18] {
            let network = Network::new(backbone, 1, &device).valid();
            let patch = Tensor::<4>::zeros([1, 1, 32, 32], &device);
            assert_eq!(network.features(patch).dims()[1], backbone.width());
            let mut features = extract(&Network::new(backbone, 2, &device).valid());
            features.retain(|name, _| !is_head(name));
            let before = extract(&network);
            let after = extract(&load_features(network, &features).unwrap());
            assert_eq!(before.len(), features.len() + 2, "weight and bias of the last layer");
            for (name, tensor) in &after {
                let expected = if is_head(name) { &before[name] } else { &features[name] };
                assert_eq!(tensor, expected, "{name}");
            }
        }
    }
}
