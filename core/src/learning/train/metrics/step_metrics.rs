//! What the batches of a step measured, while it still lies on the device.

use burn::tensor::Tensor;

use crate::error::{Error, Result};
use crate::learning::loss::consistency::PseudoLabels;
use crate::learning::readback::{DeviceValues, PendingReadback};
use crate::learning::train::metrics::epoch_totals::EpochTotals;

/// What to do where a run diverges.
const LOWER: &str = "lower optimizer.learning_rate or optimizer.gradient_clip";

/// What a batch measured.
pub(in crate::learning::train) struct BatchMetrics {
    /// Objective, total loss, risk, term of the negatives, consistency term, nnPU clamped (shape 6).
    pub terms: Tensor<1>,
    /// p of the unlabeled (shape U); `None` where the batch holds none.
    pub p: Option<Tensor<1>>,
    /// Pseudo-labels of the unlabeled for the consistency term, and for each patch whether it is a particle where
    /// the truth is known.
    pub pseudo: Option<(PseudoLabels, Vec<Option<bool>>)>,
    /// Views that went through the network.
    pub patches: usize,
    /// Epoch and batch, both counted from 1.
    pub place: (usize, usize),
}

/// What a step of the optimiser measured.
pub(in crate::learning::train) struct StepMetrics {
    /// One for each batch whose gradients went into the step.
    pub batches: Vec<BatchMetrics>,
    /// Norm of the gradient before clipping (shape 1).
    pub gradient_norm: Tensor<1>,
}

impl DeviceValues for StepMetrics {
    fn tensors(&self) -> Vec<Tensor<1>> {
        let mut tensors = vec![self.gradient_norm.clone()];
        for batch in &self.batches {
            tensors.push(batch.terms.clone());
            tensors.extend(batch.p.clone());
            if let Some((labels, _)) = &batch.pseudo {
                tensors.extend([labels.target.clone(), labels.weight.clone()]);
            }
        }
        tensors
    }
}

/// Reads all pending steps and adds them to the totals of the epoch.
///
/// # Errors
/// [`Error::Training`] when a loss or gradient norm is no finite number; it names the first such batch.
pub(in crate::learning::train) fn read_steps(
    pending: &mut PendingReadback<StepMetrics>,
    totals: &mut EpochTotals,
) -> Result<()> {
    for (step, values) in pending.read() {
        add_step(step, values, totals)?;
    }
    Ok(())
}

fn add_step(step: StepMetrics, values: Vec<Vec<f32>>, totals: &mut EpochTotals) -> Result<()> {
    let mut values = values.into_iter();
    let mut next = || values.next().unwrap_or_default();
    let norm = next().first().copied().unwrap_or(f32::NAN);
    let mut last = (0, 0);
    for batch in step.batches {
        let terms = next();
        let [objective, terms @ ..]: [f32; 6] =
            std::array::from_fn(|i| terms.get(i).copied().unwrap_or(f32::NAN));
        if !objective.is_finite() {
            return Err(Error::diverged(batch.place, format!("the loss is {objective}"), LOWER));
        }
        if batch.p.is_some() {
            totals.add_probabilities(&next());
        }
        if let Some((_, truth)) = batch.pseudo {
            let (target, weight) = (next(), next());
            totals.add_pseudo_labels(target.into_iter().zip(weight), truth.into_iter());
        }
        totals.add_batch(batch.patches, terms);
        last = batch.place;
    }
    if !norm.is_finite() {
        return Err(Error::diverged(last, format!("the gradient norm is {norm}"), LOWER));
    }
    totals.add_gradient_norm(norm);
    Ok(())
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

    fn batch(objective: f32, p: &[f32], number: usize) -> BatchMetrics {
        let terms = tensor(&[objective, 1.0, 2.0, 3.0, 4.0, 0.0]);
        BatchMetrics { terms, p: Some(tensor(p)), pseudo: None, patches: 5, place: (2, number) }
    }

    fn read(steps: impl IntoIterator<Item = StepMetrics>) -> Result<EpochTotals> {
        let (mut pending, mut totals) = (PendingReadback::default(), EpochTotals::default());
        steps.into_iter().for_each(|step| pending.push(step));
        read_steps(&mut pending, &mut totals)?;
        Ok(totals)
    }

    #[test]
    fn each_number_is_added_where_it_belongs() {
        let labels = PseudoLabels { target: tensor(&[1.0, 0.0]), weight: tensor(&[0.5, 0.0]) };
        let with_labels = BatchMetrics {
            pseudo: Some((labels, vec![Some(false), Some(true)])),
            ..batch(0.5, &[0.1, 0.3], 1)
        };
        let without_unlabeled = BatchMetrics { p: None, ..batch(0.5, &[], 2) };
        let totals = read([
            StepMetrics { batches: vec![with_labels, without_unlabeled], gradient_norm: tensor(&[3.0]) },
            StepMetrics { batches: vec![batch(0.5, &[0.7], 3)], gradient_norm: tensor(&[5.0]) },
        ])
        .unwrap();
        let metrics = totals.means();
        assert_eq!((totals.patches, metrics.gradient_norm, metrics.loss), (15, 4.0, 1.0));
        assert_eq!((metrics.loss_risk, metrics.loss_negative, metrics.loss_consistency), (2.0, 3.0, 4.0));
        assert!((metrics.p_mean - 1.1 / 3.0).abs() < 1e-6 && (metrics.p_max - 0.7).abs() < 1e-6);
        assert_eq!((metrics.pseudo_label_rate, metrics.pseudo_label_accuracy), (0.5, 0.0));
    }

    #[test]
    fn the_error_names_the_first_bad_batch_among_steps_read_together() {
        let step = |objective, norm: f32, number| StepMetrics {
            batches: vec![batch(objective, &[0.5], number)],
            gradient_norm: tensor(&[norm]),
        };
        let error = |second| read([step(0.5, 1.0, 7), second, step(0.5, 1.0, 9)]).unwrap_err();
        for error in [error(step(f32::NAN, 1.0, 8)), error(step(0.5, f32::INFINITY, 8))] {
            assert!(matches!(error, Error::Training { epoch: 2, batch: 8, .. }), "{error}");
        }
    }
}
