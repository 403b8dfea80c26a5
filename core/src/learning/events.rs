//! What a training thread is told, and what it tells.

use serde::{Deserialize, Serialize};

use super::overlay_fit::OverlayChoice;

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

/// Declares the measures once: the struct, the names of the columns, and the way to plain numbers
/// and back.
macro_rules! epoch_metrics {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Everything measured in one epoch. NaN stands for "not measured", and is stored as null.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        pub struct EpochMetrics {
            /// Counted from 1.
            pub epoch: usize,
            $($(#[$doc])* pub $name: f64,)*
        }

        impl EpochMetrics {
            /// Names of the columns, in the order of [`Self::values`].
            pub const COLUMNS: &'static [&'static str] = &["epoch", $(stringify!($name)),*];

            /// The values in the order of [`Self::COLUMNS`].
            pub fn values(&self) -> Vec<f64> {
                vec![self.epoch as f64, $(self.$name),*]
            }

            /// The reverse of [`Self::values`]; `None` when there are not as many as columns.
            pub fn from_values(values: &[f64]) -> Option<Self> {
                let [epoch, $($name),*] = *values else { return None };
                Some(Self { epoch: epoch as usize, $($name),* })
            }
        }
    };
}

epoch_metrics! {
    /// Mean total loss.
    loss,
    /// Mean of the risk (or of the self-training loss).
    loss_risk,
    /// Mean of the known negatives' term, already weighted.
    loss_negative,
    /// Mean of the consistency term before λ.
    loss_consistency,
    /// λ of this epoch after the ramp.
    consistency_weight,
    /// Learning rate at the end of the epoch.
    learning_rate,
    /// AUC, validation positives against validation unlabeled. Ceiling 1 − π/2.
    validation_auc_pu,
    /// The highest value `validation_auc_pu` can reach: 1 − π/2.
    validation_auc_ceiling,
    /// (AUC_PU − π/2)/(1 − π): AUC against true negatives if picks are a random sample of particles.
    validation_auc_corrected,
    /// AUC, validation positives against known validation negatives.
    validation_auc_pn,
    /// Average precision, validation positives against validation unlabeled.
    validation_average_precision,
    /// Share of unlabeled samples whose weight in the consistency term (or self-training) is not 0.
    pseudo_label_rate,
    /// The same for pseudo-labels "particle", as a share of all unlabeled samples.
    pseudo_label_rate_positive,
    /// The same for pseudo-labels "no particle".
    pseudo_label_rate_negative,
    /// Share of the pseudo-labels that are right; only where truth is supplied.
    pseudo_label_accuracy,
    /// Mean of p on the unlabeled (weak view, who gives the pseudo-labels).
    p_mean,
    /// Smallest p.
    p_min,
    /// Largest p.
    p_max,
    /// Standard deviation of p.
    p_std,
    /// Mean norm of the gradient over all weights, before clipping.
    gradient_norm,
    /// Share of steps in which nnPU's inner term was below −β.
    nnpu_turned_rate,
    /// Wall-clock seconds of the epoch, validation included.
    seconds,
    /// Patches taken in per second (each view counts once per patch).
    patches_per_second,
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
            Self::TryingOverlay => "Trying the overlay",
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
