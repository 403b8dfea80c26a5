//! The networks that a run trains.

use burn::module::Module;
use burn::tensor::Device;

use crate::learning::config::RunConfig;
use crate::learning::network::Network;

/// Student and teacher.
#[derive(Clone)]
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

    /// The network that scores, in validation form: the teacher where there is one, else the student.
    pub fn scoring(&self) -> Network {
        self.teacher.clone().unwrap_or_else(|| self.student.valid())
    }

    /// The network whose scores become pseudo-labels, in validation form.
    pub fn labelling(&self, config: &RunConfig) -> Network {
        if config.teacher.pseudo_labels { self.scoring() } else { self.student.valid() }
    }
}
