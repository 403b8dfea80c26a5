//! Changes to a configuration that a command line or a form makes on top of a file.

use crate::error::{Error, Result};
use crate::learning::config::check::first_violation;
use crate::learning::config::{EstimateWord, PretrainKind, PriorConfig, RunConfig};

/// Changes to a configuration that a command line or a form makes on top of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Another seed.
    pub seed: Option<u64>,
    /// Another number of epochs.
    pub epochs: Option<usize>,
    /// A prior as a person writes it: a number or `estimate`.
    pub prior: Option<String>,
    /// Pretrain on the project's patches first, in this way.
    pub pretrain: Option<PretrainKind>,
    /// Begin with the pretrained weights of this file.
    pub pretrained: Option<String>,
}

impl Overrides {
    /// The configuration with the changes made, checked.
    ///
    /// # Errors
    /// [`Error::Config`] when a changed value is out of range or contradicts another.
    pub fn apply(&self, mut config: RunConfig) -> Result<RunConfig> {
        if let Some(seed) = self.seed {
            config.seed = seed;
        }
        if let Some(epochs) = self.epochs {
            // A short trial keeps the shape of the run.
            let whole = config.schedule.epochs.max(1);
            let moved = |epoch: usize| match epoch {
                0 => 0,
                epoch => (epoch - 1) * epochs / whole + 1,
            };
            config.self_training.start_epoch = moved(config.self_training.start_epoch);
            config.schedule.restart_epoch = moved(config.schedule.restart_epoch);
            config.schedule.epochs = epochs;
            config.schedule.warm_up_epochs = config.schedule.warm_up_epochs.min(epochs.saturating_sub(1));
        }
        if let Some(prior) = &self.prior {
            config.prior = match prior.as_str() {
                "estimate" => PriorConfig::Estimate(EstimateWord::Estimate),
                number => PriorConfig::Given(number.parse().map_err(|_| {
                    let problem = format!("'{number}' is no class prior");
                    Error::config("prior", problem, "write a number between 0 and 1, or estimate")
                })?),
            };
        }
        if let Some(kind) = self.pretrain {
            config.pretrain.kind = kind;
            config.pretrain.weights.clear();
        }
        if let Some(weights) = &self.pretrained {
            config.pretrain.kind = PretrainKind::Weights;
            config.pretrain.weights.clone_from(weights);
        }
        match first_violation(&config) {
            None => Ok(config),
            Some(violation) => Err(Error::config("configuration", violation.problem, violation.remedy)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::learning::config::presets::Preset;
    use crate::learning::config::yaml::{parse, preset};

    #[test]
    fn a_shorter_run_keeps_its_shape() {
        let config = parse(
            "self_training:\n  start_epoch: 41\nschedule:\n  epochs: 60\n  restart_epoch: 41\n  warm_up_epochs: 2\n",
            "t",
        )
        .unwrap();
        let with = |epochs| {
            Overrides { epochs: Some(epochs), ..Overrides::default() }.apply(config.clone()).unwrap()
        };
        let short = with(6);
        assert_eq!((short.self_training.start_epoch, short.schedule.restart_epoch), (5, 5));
        let one = with(1);
        assert_eq!((one.schedule.warm_up_epochs, one.self_training.start_epoch), (0, 1));
        assert_eq!(with(60), config);
        let never =
            Overrides { epochs: Some(6), ..Overrides::default() }.apply(RunConfig::default()).unwrap();
        assert_eq!(never.schedule.restart_epoch, 0);
    }

    #[test]
    fn the_thorough_preset_is_the_recommended_one_with_longer_phases() {
        let thorough = preset(Preset::Thorough).unwrap();
        let longer = Overrides { epochs: Some(thorough.schedule.epochs), ..Overrides::default() };
        let mut recommended = longer.apply(preset(Preset::Recommended).unwrap()).unwrap();
        assert!(thorough.schedule.epochs > 36 && recommended.self_training.start_epoch > 25);
        recommended.description.clone_from(&thorough.description);
        assert_eq!(recommended, thorough);
    }
}
