//! What the trainer works on: normalised pixels and labels as plain arrays.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::error::{Error, Result};
use crate::label::{Label, LabelCounts};

/// Patches of one size with their labels, already normalised, and who trains and who validates.
#[derive(Clone)]
pub struct TrainingData {
    /// Side of a patch, px.
    pub size: usize,
    /// N×S×S values, normalised.
    pub pixels: Arc<Vec<f32>>,
    /// Label of each patch.
    pub labels: Vec<Label>,
    /// Patches to train on.
    pub train: Vec<usize>,
    /// Patches to validate on; disjoint from `train`.
    pub validation: Vec<usize>,
    /// For evaluation only: whether each patch is a particle, where known. Never trained on.
    pub truth: Option<Vec<Option<bool>>>,
}

impl TrainingData {
    /// Checks that lengths agree and pixels are finite.
    ///
    /// # Errors
    /// A sentence naming the first mismatch.
    pub fn check(&self) -> Result<()> {
        let patches = self.labels.len();
        if self.size == 0 || self.pixels.len() != patches * self.size * self.size {
            return Err(Error::request(
                format!(
                    "{patches} labels do not fit {} pixel values of {} px patches",
                    self.pixels.len(),
                    self.size
                ),
                "give one label per patch",
            ));
        }
        if let Some(bad) = self.pixels.iter().position(|v| !v.is_finite()) {
            return Err(Error::request(
                format!("patch {} holds a pixel that is no finite number", bad / (self.size * self.size)),
                "remove the patch or mend its file",
            ));
        }
        Ok(())
    }

    /// Patches of `part` with this label.
    pub fn with_label(&self, part: &[usize], label: Label) -> Vec<usize> {
        part.iter().copied().filter(|&i| self.labels[i] == label).collect()
    }

    /// Label counts of a part.
    pub fn counts(&self, part: &[usize]) -> LabelCounts {
        LabelCounts::of(part.iter().map(|&i| self.labels[i]))
    }
}

/// The pixels on the device: uploaded once, gathered per batch.
pub struct DevicePool {
    pixels: Tensor<2>,
    size: usize,
    device: Device,
}

impl DevicePool {
    /// Uploads N×S×S values.
    pub fn upload(pixels: &[f32], size: usize, device: &Device) -> Self {
        let count = pixels.len() / (size * size);
        let data = TensorData::new(pixels.to_vec(), [count, size * size]);
        Self { pixels: Tensor::from_data(data, device), size, device: device.clone() }
    }

    /// Patches by index as N×1×S×S.
    pub fn gather(&self, indices: &[usize]) -> Tensor<4> {
        let count = indices.len();
        let indices: Vec<i64> = indices.iter().map(|&i| i as i64).collect();
        let indices = Tensor::<1, Int>::from_data(TensorData::new(indices, [count]), &self.device);
        self.pixels.clone().select(0, indices).reshape([count, 1, self.size, self.size])
    }
}
