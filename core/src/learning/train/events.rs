//! What a training thread is told, and what it tells.

use crate::learning::prior::overlay_trial::OverlayChoice;
use crate::learning::train::epoch_metrics::EpochMetrics;

/// Orders to a running training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainControl {
    /// Wait after the current batch.
    Pause,
    /// Go on.
    Resume,
    /// End after the current batch and keep the best epoch so far.
    Stop,
    /// Write a checkpoint after the current step.
    Checkpoint,
}

/// What was measured in one epoch of pretraining.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PretrainEpoch {
    /// Counted from 1.
    pub epoch: usize,
    /// Epochs of pretraining in all.
    pub epochs: usize,
    /// Mean loss of what the network is asked to learn.
    pub loss: f64,
    /// How far apart the patches lie for the network, 0 where all look alike.
    pub spread: f64,
    /// What loss and spread say, in words.
    pub meaning: &'static str,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunPhase {
    /// Reading patches, before anything is computed.
    Preparing,
    /// Learning features from unlabeled patches first.
    Pretraining {
        /// Counted from 1.
        epoch: usize,
        /// In all.
        epochs: usize,
    },
    /// Networks on parts of the data, to estimate π.
    EstimatingPrior,
    /// Networks on parts of the data with and without the overlay.
    TryingOverlay,
    /// Both at once.
    AskingThePatches,
    /// The first batch on a GPU waits for the GPU's programs.
    CompilingKernels,
    /// Epochs.
    Training,
    /// The training has ended; every patch gets its score. Orders do nothing any more.
    Scoring,
}

impl std::fmt::Display for RunPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Preparing => "Preparing",
            Self::Pretraining { epoch, epochs } => {
                return write!(f, "Pretraining, epoch {epoch} of {epochs}");
            }
            Self::EstimatingPrior => "Estimating the class prior",
            Self::TryingOverlay => "Tuning augmentation",
            Self::AskingThePatches => "Estimating the class prior, trying the overlay",
            Self::CompilingKernels => "Compiling kernels",
            Self::Training => "Training",
            Self::Scoring => "Scoring patches",
        })
    }
}

/// What a training thread says while it works.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainEvent {
    /// Another phase begins.
    Phase(RunPhase),
    /// Progress within the current phase or epoch.
    Progress {
        /// Epoch, counted from 1; 0 before the first.
        epoch: usize,
        /// Epochs in all.
        epochs: usize,
        /// Batches done in this epoch.
        batch: usize,
        /// Batches of this epoch.
        batches: usize,
    },
    /// The estimated class prior, as `(estimate, low, high)`.
    Prior(f64, f64, f64),
    /// The overlay that was tried before the run, and how much of it is used.
    Overlay(OverlayChoice),
    /// An epoch is complete.
    Epoch {
        /// What was measured.
        metrics: Box<EpochMetrics>,
        /// Whether its weights are the ones that score, so far.
        best: bool,
    },
    /// An epoch of pretraining is complete.
    Pretrained(PretrainEpoch),
    /// A sentence a person should read.
    Warning(String),
    /// A checkpoint that was asked for is written.
    Checkpoint {
        /// Epoch, counted from 1.
        epoch: usize,
        /// Batches done of it and in all, when it was not complete.
        within: Option<(usize, usize)>,
    },
}
