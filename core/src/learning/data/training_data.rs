//! The patches of a run with labels and split sides, as plain arrays.

use crate::error::{Error, Result};
use crate::label::{Label, LabelCounts};
use crate::learning::data::patch_store::PatchStore;

/// Normalised patches of one size with their labels, and the sides of the split.
#[derive(Clone)]
pub struct TrainingData {
    /// Side of a patch, px.
    pub size: usize,
    /// Normalised pixels (N×S×S).
    pub pixels: PatchStore,
    /// Label of each patch.
    pub labels: Vec<Label>,
    /// Patches of the training side, by index.
    pub train: Vec<usize>,
    /// Patches of the validation side, by index; disjoint from `train`.
    pub validation: Vec<usize>,
    /// Whether each patch is a particle, where known. Only for evaluation; never trained on.
    pub truth: Option<Vec<Option<bool>>>,
}

impl TrainingData {
    /// Checks that lengths agree and that pixels held as f32 are finite. Streamed and 16-bit patches were checked when
    /// they were read.
    ///
    /// # Errors
    /// When the number of labels and patches differ, or a pixel is no finite number.
    pub fn check(&self) -> Result<()> {
        let (patches, area) = (self.labels.len(), self.size * self.size);
        if self.pixels.count(area) != Some(patches) {
            return Err(Error::request(
                format!("there are {patches} labels for {:?} of {} px", self.pixels, self.size),
                "give one label per patch",
            ));
        }
        let bad = match &self.pixels {
            PatchStore::InMemory(pixels) => pixels.iter().position(|v| !v.is_finite()),
            PatchStore::Half(_) | PatchStore::Streamed(_) => None,
        };
        if let Some(bad) = bad {
            return Err(Error::request(
                format!("patch {} has a pixel that is no finite number", bad / area),
                "remove the patch or repair its file",
            ));
        }
        Ok(())
    }

    /// The patches of a side that have this label.
    pub fn with_label(&self, part: &[usize], label: Label) -> Vec<usize> {
        part.iter().copied().filter(|&i| self.labels[i] == label).collect()
    }

    /// Label counts of a side.
    pub fn counts(&self, part: &[usize]) -> LabelCounts {
        LabelCounts::of(part.iter().map(|&i| self.labels[i]))
    }

    /// Whether a patch is a particle, where the truth is known.
    pub(crate) fn is_particle(&self, patch: usize) -> Option<bool> {
        self.truth.as_ref().and_then(|truth| truth.get(patch).copied().flatten())
    }
}
