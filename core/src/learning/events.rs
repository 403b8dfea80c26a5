//! What a training thread is told, and what it tells.

use serde::{Deserialize, Serialize};

/// Orders to a running training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainControl {
    /// Wait after the current batch.
    Pause,
    /// Go on.
    Resume,
    /// End after the current batch and keep the best epoch so far.
    Stop,
    /// Write a checkpoint at the end of this epoch.
    Checkpoint,
}

/// Everything measured in one epoch. NaN stands for "not measured", and is stored as null.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean total loss.
    pub loss: f64,
    /// Mean of the risk (or of the self-training loss).
    pub loss_risk: f64,
    /// Mean of the known negatives' term, already weighted.
    pub loss_negative: f64,
    /// Mean of the consistency term before λ.
    pub loss_consistency: f64,
    /// λ of this epoch after the ramp.
    pub consistency_weight: f64,
    /// Learning rate at the end of the epoch.
    pub learning_rate: f64,
    /// AUC, validation positives against validation unlabeled. Ceiling 1 − π/2.
    pub validation_auc_pu: f64,
    /// The highest value `validation_auc_pu` can reach: 1 − π/2.
    pub validation_auc_ceiling: f64,
    /// (AUC_PU − π/2)/(1 − π): AUC against true negatives if picks are a random sample of particles.
    pub validation_auc_corrected: f64,
    /// AUC, validation positives against known validation negatives.
    pub validation_auc_pn: f64,
    /// Average precision, validation positives against validation unlabeled.
    pub validation_average_precision: f64,
    /// Share of unlabeled samples whose weight in the consistency term (or self-training) is not 0.
    pub pseudo_label_rate: f64,
    /// The same for pseudo-labels "particle", as a share of all unlabeled samples.
    pub pseudo_label_rate_positive: f64,
    /// The same for pseudo-labels "no particle".
    pub pseudo_label_rate_negative: f64,
    /// Share of the pseudo-labels that are right; only where truth is supplied.
    pub pseudo_label_accuracy: f64,
    /// Mean of p on the unlabeled (weak view, who gives the pseudo-labels).
    pub p_mean: f64,
    /// Smallest p.
    pub p_min: f64,
    /// Largest p.
    pub p_max: f64,
    /// Standard deviation of p.
    pub p_std: f64,
    /// Mean norm of the gradient over all weights, before clipping.
    pub gradient_norm: f64,
    /// Share of steps in which nnPU's inner term was below −β.
    pub nnpu_turned_rate: f64,
    /// Wall-clock seconds of the epoch, validation included.
    pub seconds: f64,
    /// Patches taken in per second (each view counts once per patch).
    pub patches_per_second: f64,
}

impl EpochMetrics {
    /// Names of the columns, in the order of [`Self::values`].
    pub const COLUMNS: &'static [&'static str] = &[
        "epoch",
        "loss",
        "loss_risk",
        "loss_negative",
        "loss_consistency",
        "consistency_weight",
        "learning_rate",
        "validation_auc_pu",
        "validation_auc_ceiling",
        "validation_auc_corrected",
        "validation_auc_pn",
        "validation_average_precision",
        "pseudo_label_rate",
        "pseudo_label_rate_positive",
        "pseudo_label_rate_negative",
        "pseudo_label_accuracy",
        "p_mean",
        "p_min",
        "p_max",
        "p_std",
        "gradient_norm",
        "nnpu_turned_rate",
        "seconds",
        "patches_per_second",
    ];

    /// The values in the order of [`Self::COLUMNS`].
    pub fn values(&self) -> [f64; 24] {
        [
            self.epoch as f64,
            self.loss,
            self.loss_risk,
            self.loss_negative,
            self.loss_consistency,
            self.consistency_weight,
            self.learning_rate,
            self.validation_auc_pu,
            self.validation_auc_ceiling,
            self.validation_auc_corrected,
            self.validation_auc_pn,
            self.validation_average_precision,
            self.pseudo_label_rate,
            self.pseudo_label_rate_positive,
            self.pseudo_label_rate_negative,
            self.pseudo_label_accuracy,
            self.p_mean,
            self.p_min,
            self.p_max,
            self.p_std,
            self.gradient_norm,
            self.nnpu_turned_rate,
            self.seconds,
            self.patches_per_second,
        ]
    }

    /// The reverse of [`Self::values`].
    pub fn from_values(values: [f64; 24]) -> Self {
        let [
            epoch,
            loss,
            loss_risk,
            loss_negative,
            loss_consistency,
            consistency_weight,
            learning_rate,
            validation_auc_pu,
            validation_auc_ceiling,
            validation_auc_corrected,
            validation_auc_pn,
            validation_average_precision,
            pseudo_label_rate,
            pseudo_label_rate_positive,
            pseudo_label_rate_negative,
            pseudo_label_accuracy,
            p_mean,
            p_min,
            p_max,
            p_std,
            gradient_norm,
            nnpu_turned_rate,
            seconds,
            patches_per_second,
        ] = values;
        Self {
            epoch: epoch as usize,
            loss,
            loss_risk,
            loss_negative,
            loss_consistency,
            consistency_weight,
            learning_rate,
            validation_auc_pu,
            validation_auc_ceiling,
            validation_auc_corrected,
            validation_auc_pn,
            validation_average_precision,
            pseudo_label_rate,
            pseudo_label_rate_positive,
            pseudo_label_rate_negative,
            pseudo_label_accuracy,
            p_mean,
            p_min,
            p_max,
            p_std,
            gradient_norm,
            nnpu_turned_rate,
            seconds,
            patches_per_second,
        }
    }
}

/// What a training thread says while it works.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainEvent {
    /// A phase with a name a person understands: "Estimating the class prior", "Compiling kernels".
    Phase(String),
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
    /// An epoch is complete.
    Epoch {
        /// What was measured.
        metrics: Box<EpochMetrics>,
        /// Whether its weights are the ones that score, so far.
        best: bool,
    },
    /// A sentence a person should read.
    Warning(String),
    /// A checkpoint was written at the end of this epoch.
    Checkpoint(usize),
}
