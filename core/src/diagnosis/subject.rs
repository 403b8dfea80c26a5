//! What is examined: the data, a configuration and, where there is one, a finished run.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::label::{Label, LabelCounts};
use crate::learning::config::RunConfig;
use crate::learning::network::weights::NamedTensors;
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;
use crate::project::Side;

/// What is examined.
#[derive(Clone)]
pub struct Subject {
    /// Side of a patch, px.
    pub size: usize,
    /// N×S×S values as stored, not normalised; may hold values that are no finite numbers.
    pub pixels: Arc<Vec<f32>>,
    /// Label of each patch.
    pub labels: Vec<Label>,
    /// Side of each patch.
    pub sides: Vec<Side>,
    /// Micrograph of each patch, as an index into `micrograph_names`, where known.
    pub micrographs: Vec<Option<usize>>,
    /// Names of the micrographs.
    pub micrograph_names: Vec<String>,
    /// Box of each patch on its micrograph, where known.
    pub boxes: Vec<Option<BoxAt>>,
    /// Number of each patch in the project.
    pub ids: Vec<u32>,
    /// For evaluation only: whether each patch is a particle, where known.
    pub truth: Option<Vec<Option<bool>>>,
    /// Patches of the project; more than are held here when a sample of a large one is examined.
    pub total: usize,
    /// The configuration.
    pub config: RunConfig,
    /// What it is called.
    pub config_name: String,
    /// Why the patches cannot be split as the configuration wants, where they cannot; all are then on
    /// the training side.
    pub split_problem: Option<String>,
    /// A run that was trained with it.
    pub run: Option<RunRecord>,
}

/// The box of a patch, px of the unbinned micrograph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxAt {
    /// Column of the centre.
    pub x: f64,
    /// Row of the centre.
    pub y: f64,
    /// Side.
    pub side: f64,
}

/// What is known of a run.
#[derive(Debug, Clone, Default)]
pub struct RunRecord {
    /// Name of the run.
    pub name: String,
    /// Every epoch.
    pub history: Vec<EpochMetrics>,
    /// Weights that score, where they were kept.
    pub model: Option<NamedTensors>,
    /// How it ended, in words.
    pub ended: String,
}

impl Subject {
    /// Patches held.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Counts of the labels on a side.
    pub fn counts(&self, side: Side) -> LabelCounts {
        LabelCounts::of((0..self.len()).filter(|&i| self.sides[i] == side).map(|i| self.labels[i]))
    }

    /// Numbers in the project of these patches.
    pub(crate) fn ids_of(&self, patches: impl IntoIterator<Item = usize>) -> Vec<u32> {
        patches.into_iter().map(|i| self.ids[i]).collect()
    }

    pub(super) fn check(&self) -> Result<()> {
        let n = self.len();
        let fits = self.size > 0
            && self.pixels.len() == n * self.size * self.size
            && [self.sides.len(), self.micrographs.len(), self.boxes.len(), self.ids.len()] == [n; 4]
            && self.truth.as_ref().is_none_or(|t| t.len() == n);
        if n == 0 || !fits {
            return Err(Error::request(
                format!("{n} labels do not fit the {} pixel values given with them", self.pixels.len()),
                "give one label, side and place per patch",
            ));
        }
        if self.size < 16 || self.size > 512 {
            return Err(Error::request(
                format!("patches of {} px are outside the 16 to 512 px the networks take", self.size),
                "cut or bin the patches to another size",
            ));
        }
        Ok(())
    }
}
