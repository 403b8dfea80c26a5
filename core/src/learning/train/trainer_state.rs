//! Takes the state of a trainer as a checkpoint, and puts it back.

use burn::module::Module;

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::learning::loss::consistency::RunningConfidence;
use crate::learning::network::weights::{NamedTensors, extract, load};
use crate::learning::pretrain::load_features;
use crate::learning::train::checkpoint::{Checkpoint, CheckpointHeader};
use crate::learning::train::networks::Networks;
use crate::learning::train::trainer::Trainer;

impl Trainer {
    /// Puts pretrained weights in place of the initial ones, except for the last layer.
    ///
    /// # Errors
    /// When the weights do not fit the network.
    pub(super) fn start_from_features(&mut self, features: &NamedTensors) -> Result<()> {
        self.networks.student =
            load_features(self.networks.student.clone(), features).map_err(|problem| {
                Error::request(
                    format!("the pretrained weights do not fit the network: {problem}"),
                    "use other weights, or pretrain on this project",
                )
            })?;
        self.networks.teacher = self.networks.teacher.take().map(|_| self.networks.student.valid());
        Ok(())
    }

    /// The whole state between two steps of the optimiser.
    pub(super) fn checkpoint(&self, header: CheckpointHeader) -> Checkpoint {
        let student = |networks: &Networks| extract(&networks.student.valid());
        let teacher = |networks: &Networks| networks.teacher.as_ref().map(extract).unwrap_or_default();
        let before = self.set_aside.as_ref();
        Checkpoint {
            student: student(&self.networks),
            teacher: teacher(&self.networks),
            optimizer: self.optimizer.state(),
            student_before: before.map(student).unwrap_or_default(),
            teacher_before: before.map(teacher).unwrap_or_default(),
            ..Checkpoint::empty(header)
        }
    }

    /// Puts back what [`Self::checkpoint`] took.
    ///
    /// # Errors
    /// When the weights do not fit the networks.
    pub(super) fn restore(&mut self, checkpoint: Checkpoint, device: &ComputeDevice) -> Result<()> {
        let Checkpoint { header, student, teacher, optimizer, student_before, teacher_before, .. } =
            checkpoint;
        self.networks = self.networks.with_weights(&student, &teacher)?;
        self.optimizer.restore(header.optimizer_steps, optimizer, &device.inner);
        // A run that begins with the weights of another one has its own statistics and its own trial.
        if header.has_trained() {
            self.confidence = RunningConfidence::new(header.consistency, &device.inner);
            self.trial = header.trial;
        }
        // The checkpoint holds these while the trial lasts, and within the epoch in which it begins.
        if !student_before.is_empty() {
            self.set_aside = Some(self.networks.with_weights(&student_before, &teacher_before)?);
            if self.trial.first_course().is_some() {
                self.settled = self.set_aside.as_ref().map(Networks::scoring);
            }
        }
        Ok(())
    }
}

impl Networks {
    /// The same networks with other weights.
    fn with_weights(&self, student: &NamedTensors, teacher: &NamedTensors) -> Result<Self> {
        let misfit = |problem: String| {
            Error::request(format!("the checkpoint does not fit the run: {problem}"), "start a new run")
        };
        let own = self.copy();
        let student = load(own.student, student).map_err(misfit)?;
        let teacher = own.teacher.map(|network| load(network, teacher)).transpose().map_err(misfit)?;
        Ok(Self { student, teacher })
    }
}
