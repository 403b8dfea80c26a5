//! The networks that a run trains.

use burn::module::Module;
use burn::tensor::Device;

use crate::learning::config::RunConfig;
use crate::learning::network::Network;

/// Student and teacher.
pub(super) struct Networks {
    /// Learns by gradients.
    pub student: Network,
    /// The moving average of the student, where the method has one. In validation form.
    pub teacher: Option<Network>,
}

impl Networks {
    /// Draws the initial weights.
    pub fn new(config: &RunConfig, device: &Device) -> Self {
        let student = Network::new(config.backbone, config.seed, &device.clone().autodiff());
        let teacher = config.teacher.enabled.then(|| student.valid());
        Self { student, teacher }
    }

    /// A copy that later training leaves alone. `clone` of a module would share its running statistics.
    pub fn copy(&self) -> Self {
        Self { student: self.student.valid().train(), teacher: self.teacher.as_ref().map(Module::valid) }
    }

    /// A copy of the network that scores, in validation form: of the teacher where there is one, else of the student.
    pub fn scoring(&self) -> Network {
        self.teacher.as_ref().unwrap_or(&self.student).valid()
    }

    /// The network whose scores become pseudo-labels, in validation form.
    pub fn labelling(&self, config: &RunConfig) -> Network {
        if config.teacher.pseudo_labels { self.scoring() } else { self.student.valid() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::device::ComputeDevice;
    use crate::learning::network::weights::{NamedTensors, extract, load};

    fn changed(weights: &NamedTensors) -> NamedTensors {
        let mut weights = weights.clone();
        weights.values_mut().flat_map(|tensor| &mut tensor.values).for_each(|value| *value += 1.0);
        weights
    }

    /// The running statistics of batch normalisation included, which clones of a module share.
    #[test]
    fn a_copy_stays_as_it_is_when_the_networks_change() {
        let mut config = RunConfig::default();
        config.teacher.enabled = true;
        let networks = Networks::new(&config, &ComputeDevice::cpu().inner);
        let before = extract(&networks.student.valid());
        let (copy, scoring) = (networks.copy(), networks.scoring());
        let _student = load(networks.student, &changed(&before)).unwrap();
        let _teacher = load(networks.teacher.unwrap(), &changed(&before)).unwrap();
        assert_eq!(extract(&copy.student.valid()), before);
        assert_eq!(extract(&copy.teacher.unwrap()), before);
        assert_eq!(extract(&scoring), before);
    }
}
