//! What the trainer works on: normalised pixels and labels as plain arrays.

use crate::error::{Error, Result};
use crate::label::{Label, LabelCounts};
use crate::learning::data::patch_store::PatchStore;

/// Patches of one size with their labels, already normalised, and who trains and who validates.
#[derive(Clone)]
pub struct TrainingData {
    /// Side of a patch, px.
    pub size: usize,
    /// N×S×S values, normalised.
    pub pixels: PatchStore,
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
    /// Checks that lengths agree and held pixels are finite; who streams them, or holds them in 16 bits, has looked
    /// at each.
    ///
    /// # Errors
    /// A sentence naming the first mismatch.
    pub fn check(&self) -> Result<()> {
        let (patches, area) = (self.labels.len(), self.size * self.size);
        if self.pixels.count(area) != Some(patches) {
            return Err(Error::request(
                format!("{patches} labels do not fit {:?} of {} px patches", self.pixels, self.size),
                "give one label per patch",
            ));
        }
        let bad = match &self.pixels {
            PatchStore::Held(pixels) => pixels.iter().position(|v| !v.is_finite()),
            PatchStore::Half(_) | PatchStore::Streamed(_) => None,
        };
        if let Some(bad) = bad {
            return Err(Error::request(
                format!("patch {} holds a pixel that is no finite number", bad / area),
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
