//! What the steps of a run measured, and when it is read back from the device.
//!
//! To read is to wait for the device, and meanwhile nothing new is given to it. So on a GPU several steps are
//! read at once where the method lets them be.

use burn::tensor::Tensor;

use super::epoch_stats::EpochStats;
use super::weights::to_vec;
use crate::error::{Error, Result};

/// Steps that a GPU is given before it is asked what came of them.
const AT_ONCE: usize = 8;

/// What a batch measured, still on the device.
pub(super) struct Measured {
    /// Objective, total, risk, negatives' term, consistency, turned (shape 6).
    pub terms: Tensor<1>,
    /// p of the unlabeled.
    pub p: Probabilities,
    /// Patches taken in, each view once.
    pub patches: usize,
    /// Epoch and batch.
    pub place: (usize, usize),
}

/// p of the unlabeled of a batch (shape U).
pub(super) enum Probabilities {
    /// Read already, because pseudo-labels hang on them.
    Known(Vec<f32>),
    /// Only to be shown.
    OnDevice(Box<Tensor<1>>),
}

/// What the batches of a step measured, and the norm of its gradient.
pub(super) struct Step {
    /// One for each batch whose gradients went into the step.
    pub group: Vec<Measured>,
    /// Norm of the gradient before it was clipped (shape 1).
    pub norm: Tensor<1>,
}

/// Steps made and not read.
pub(super) struct Unread {
    steps: Vec<Step>,
    at_once: usize,
}

impl Unread {
    /// For a method that looks at what a step measured before it makes the next one, or for one that does not.
    pub fn new(is_looked_at: bool) -> Self {
        Self { steps: Vec::new(), at_once: if is_looked_at { 1 } else { AT_ONCE } }
    }

    /// Takes note of a step, made or about to be made.
    pub fn add(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Whether so many steps were made that they should be read.
    pub fn is_due(&self) -> bool {
        self.steps.len() >= self.at_once
    }

    /// Reads all of them.
    ///
    /// # Errors
    /// [`Error::Training`] when a loss or norm is no finite number.
    pub fn read(&mut self, stats: &mut EpochStats) -> Result<()> {
        take_in(&std::mem::take(&mut self.steps), stats)
    }
}

/// Reads what steps measured in one go.
///
/// # Errors
/// [`Error::Training`] when loss or norm are no finite numbers.
fn take_in(steps: &[Step], stats: &mut EpochStats) -> Result<()> {
    let mut parts = Vec::new();
    for step in steps {
        parts.push(step.norm.clone());
        for measured in &step.group {
            parts.push(measured.terms.clone());
            if let Probabilities::OnDevice(p) = &measured.p {
                parts.push(p.as_ref().clone());
            }
        }
    }
    if parts.is_empty() {
        return Ok(());
    }
    let values = to_vec(Tensor::cat(parts, 0));
    let mut rest = values.iter().copied();
    for step in steps {
        let norm = rest.next().unwrap_or(f32::NAN);
        let mut last = (0, 0);
        for measured in &step.group {
            let [objective, terms @ ..] = [(); 6].map(|()| rest.next().unwrap_or(f32::NAN));
            if !objective.is_finite() {
                return Err(diverged(measured.place, &format!("the loss is {objective}")));
            }
            match &measured.p {
                Probabilities::Known(p) => stats.probabilities(p),
                Probabilities::OnDevice(p) => {
                    stats.probabilities(&rest.by_ref().take(p.dims()[0]).collect::<Vec<_>>());
                }
            }
            stats.batch(measured.patches, terms);
            last = measured.place;
        }
        if !norm.is_finite() {
            return Err(diverged(last, &format!("the gradient norm is {norm}")));
        }
        stats.gradient_norm(norm);
    }
    Ok(())
}

fn diverged((epoch, batch): (usize, usize), problem: &str) -> Error {
    Error::Training {
        epoch,
        batch,
        problem: problem.to_owned(),
        mend: "lower optimizer.learning_rate or optimizer.gradient_clip".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::TensorData;

    use super::super::device::ComputeDevice;
    use super::*;

    fn tensor(values: &[f32]) -> Tensor<1> {
        Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &ComputeDevice::cpu().inner)
    }

    fn measured(objective: f32, p: Probabilities, batch: usize) -> Measured {
        let terms = tensor(&[objective, 1.0, 2.0, 3.0, 4.0, 0.0]);
        Measured { terms, p, patches: 5, place: (2, batch) }
    }

    fn on_device(p: &[f32]) -> Probabilities {
        Probabilities::OnDevice(Box::new(tensor(p)))
    }

    #[test]
    fn steps_are_read_together_and_each_number_finds_its_place() {
        let mut unread = Unread::new(false);
        let group =
            vec![measured(0.5, on_device(&[0.1, 0.3]), 1), measured(0.5, Probabilities::Known(vec![0.5]), 2)];
        unread.add(Step { group, norm: tensor(&[3.0]) });
        unread.add(Step { group: vec![measured(0.5, on_device(&[0.7]), 3)], norm: tensor(&[5.0]) });
        assert!(!unread.is_due(), "two of {AT_ONCE}");
        let mut stats = EpochStats::default();
        unread.read(&mut stats).unwrap();
        assert_eq!(stats.take_recent_probabilities(), [0.1, 0.3, 0.5, 0.7]);
        let metrics = stats.finish();
        assert_eq!((stats.patches, metrics.gradient_norm, metrics.loss), (15, 4.0, 1.0));
        assert_eq!((metrics.loss_risk, metrics.loss_negative, metrics.loss_consistency), (2.0, 3.0, 4.0));
        unread.read(&mut stats).unwrap();
        assert_eq!(stats.patches, 15, "nothing is read twice");
    }

    #[test]
    fn a_bad_step_is_named_among_those_read_together() {
        let step = |objective, norm: f32, batch| Step {
            group: vec![measured(objective, on_device(&[0.5]), batch)],
            norm: tensor(&[norm]),
        };
        let said = |second| {
            let steps = [step(0.5, 1.0, 7), second, step(0.5, 1.0, 9)];
            take_in(&steps, &mut EpochStats::default()).unwrap_err()
        };
        for error in [said(step(f32::NAN, 1.0, 8)), said(step(0.5, f32::INFINITY, 8))] {
            assert!(matches!(error, Error::Training { epoch: 2, batch: 8, .. }), "{error}");
        }
    }

    #[test]
    fn a_method_that_looks_at_what_was_measured_waits_for_every_step() {
        let mut unread = Unread::new(true);
        unread.add(Step { group: vec![measured(0.5, on_device(&[0.5]), 1)], norm: tensor(&[1.0]) });
        assert!(unread.is_due());
    }
}
