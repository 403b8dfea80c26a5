//! Orders to a training thread, and what it reports.

use crate::learning::prior::PriorUsed;
use crate::learning::prior::overlay_trial::OverlayChoice;
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;
use crate::remedy::Warning;

/// An order to a running training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainControl {
    /// Wait after the current batch.
    Pause,
    /// Go on.
    Resume,
    /// End after the current batch and keep the best epoch so far. Where a checkpoint was ordered too, it is written
    /// first.
    Stop,
    /// Write a checkpoint after the current step.
    Checkpoint,
}

/// What was measured in one epoch of pretraining.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PretrainEpoch {
    /// Counted from 1.
    pub epoch: usize,
    /// Number of pretraining epochs.
    pub epochs: usize,
    /// Mean loss of the pretraining task.
    pub loss: f64,
    /// How different the patches' features are: 0 when all patches look alike to the network.
    pub spread: f64,
    /// A sentence on how to read loss and spread.
    pub explanation: &'static str,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunPhase {
    /// Reading patches before anything is computed.
    Preparing,
    /// Learning features from patches without their labels.
    Pretraining {
        /// Counted from 1.
        epoch: usize,
        /// Number of pretraining epochs.
        epochs: usize,
    },
    /// Estimating π with networks trained on parts of the data.
    EstimatingPrior,
    /// Asking whether the picks are a random sample, with networks trained on parts of the data.
    TestingPicks,
    /// Trying the overlay with networks trained on parts of the data.
    TryingOverlay,
    /// Estimating π and trying the overlay with the same networks.
    EstimatingPriorAndTryingOverlay,
    /// Waiting for the GPU's programs to be compiled, during the first batch.
    CompilingKernels,
    /// Training epochs.
    Training,
    /// Scoring every patch after the training. Orders have no effect any more.
    Scoring,
}

impl std::fmt::Display for RunPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Preparing => "Preparing",
            Self::Pretraining { epoch, epochs } => {
                return write!(f, "Pretraining, epoch {epoch} of {epochs}");
            }
            Self::EstimatingPrior => "Estimating the fraction of particles (π)",
            Self::TestingPicks => "Testing whether the picks are a random sample",
            Self::TryingOverlay => "Tuning augmentation",
            Self::EstimatingPriorAndTryingOverlay => {
                "Estimating the fraction of particles (π), tuning augmentation"
            }
            Self::CompilingKernels => "Compiling kernels",
            Self::Training => "Training",
            Self::Scoring => "Scoring patches",
        })
    }
}

/// What a training thread reports.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainEvent {
    /// A phase begins.
    Phase(RunPhase),
    /// Progress within the current phase or epoch.
    Progress {
        /// Epoch, counted from 1; 0 before the first.
        epoch: usize,
        /// Number of epochs.
        epochs: usize,
        /// Batches done in this epoch.
        batch: usize,
        /// Batches of this epoch.
        batches: usize,
    },
    /// The class prior that the run uses.
    Prior(PriorUsed),
    /// The overlay factors that were tried before the run, and the one it uses.
    Overlay(OverlayChoice),
    /// An epoch is complete.
    Epoch {
        /// What was measured.
        metrics: Box<EpochMetrics>,
        /// Whether this epoch is the best so far, so that its weights score the patches.
        best: bool,
    },
    /// An epoch of pretraining is complete.
    Pretrained(PretrainEpoch),
    /// A warning for the person.
    Warning(Warning),
    /// A checkpoint that was asked for is written.
    Checkpoint {
        /// Epoch, counted from 1.
        epoch: usize,
        /// Batches done and batches in all, where the epoch was not complete.
        within: Option<(usize, usize)>,
    },
}
