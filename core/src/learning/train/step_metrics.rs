//! What the steps of a run measured, and when it is read back from the device.
//!
//! To read is to wait for the device, and meanwhile nothing new is given to it. So on a GPU several steps are
//! read at once: nothing that a step does hangs on what the host has read of the one before.

use burn::tensor::Tensor;

use crate::error::{Error, Result};
use crate::learning::loss::consistency::PseudoLabels;
use crate::learning::network::weights::to_vec;
use crate::learning::train::epoch_totals::EpochStats;

/// Steps that a GPU is given before it is asked what came of them.
pub(crate) const AT_ONCE: usize = 8;

/// What a batch measured, still on the device.
pub(crate) struct Measured {
    /// Objective, total, risk, negatives' term, consistency, turned (shape 6).
    pub terms: Tensor<1>,
    /// p of the unlabeled (shape U); `None` where there are none.
    pub p: Option<Tensor<1>>,
    /// Pseudo-labels of the unlabeled that count, and which of them are particles, where truth is known.
    pub pseudo: Option<(PseudoLabels, Vec<Option<bool>>)>,
    /// Patches taken in, each view once.
    pub patches: usize,
    /// Epoch and batch.
    pub place: (usize, usize),
}

/// What the batches of a step measured, and the norm of its gradient.
pub(crate) struct Step {
    /// One for each batch whose gradients went into the step.
    pub group: Vec<Measured>,
    /// Norm of the gradient before it was clipped (shape 1).
    pub norm: Tensor<1>,
}

/// Steps made and not read.
#[derive(Default)]
pub(crate) struct Unread {
    steps: Vec<Step>,
}

impl Unread {
    /// Takes note of a step, made or about to be made.
    pub fn add(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Whether so many steps were made that they should be read.
    pub fn is_due(&self) -> bool {
        self.steps.len() >= AT_ONCE
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
            parts.extend(measured.p.clone());
            if let Some((labels, _)) = &measured.pseudo {
                parts.extend([labels.target.clone(), labels.weight.clone()]);
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
            let mut next = |of: &Tensor<1>| rest.by_ref().take(of.dims()[0]).collect::<Vec<_>>();
            if let Some(p) = &measured.p {
                stats.probabilities(&next(p));
            }
            if let Some((labels, truth)) = &measured.pseudo {
                let (target, weight) = (next(&labels.target), next(&labels.weight));
                stats.pseudo_labels(target.into_iter().zip(weight), truth.iter().copied());
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
        remedy: "lower optimizer.learning_rate or optimizer.gradient_clip".into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::device::ComputeDevice;

    fn tensor(values: &[f32]) -> Tensor<1> {
        Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &ComputeDevice::cpu().inner)
    }

    fn measured(objective: f32, p: &[f32], batch: usize) -> Measured {
        let terms = tensor(&[objective, 1.0, 2.0, 3.0, 4.0, 0.0]);
        Measured { terms, p: Some(tensor(p)), pseudo: None, patches: 5, place: (2, batch) }
    }

    #[test]
    fn steps_are_read_together_and_each_number_finds_its_place() {
        let mut unread = Unread::default();
        let labels = PseudoLabels { target: tensor(&[1.0, 0.0]), weight: tensor(&[0.5, 0.0]) };
        let with_labels = Measured {
            pseudo: Some((labels, vec![Some(false), Some(true)])),
            ..measured(0.5, &[0.1, 0.3], 1)
        };
        let empty = Measured { p: None, ..measured(0.5, &[], 2) };
        unread.add(Step { group: vec![with_labels, empty], norm: tensor(&[3.0]) });
        unread.add(Step { group: vec![measured(0.5, &[0.7], 3)], norm: tensor(&[5.0]) });
        assert!(!unread.is_due(), "two of {AT_ONCE}");
        let mut stats = EpochStats::default();
        unread.read(&mut stats).unwrap();
        let metrics = stats.finish();
        assert_eq!((stats.patches, metrics.gradient_norm, metrics.loss), (15, 4.0, 1.0));
        assert_eq!((metrics.loss_risk, metrics.loss_negative, metrics.loss_consistency), (2.0, 3.0, 4.0));
        assert!((metrics.p_mean - 1.1 / 3.0).abs() < 1e-6 && (metrics.p_max - 0.7).abs() < 1e-6);
        assert_eq!((metrics.pseudo_label_rate, metrics.pseudo_label_accuracy), (0.5, 0.0));
        unread.read(&mut stats).unwrap();
        assert_eq!(stats.patches, 15, "nothing is read twice");
    }

    #[test]
    fn a_bad_step_is_named_among_those_read_together() {
        let step = |objective, norm: f32, batch| Step {
            group: vec![measured(objective, &[0.5], batch)],
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
}
