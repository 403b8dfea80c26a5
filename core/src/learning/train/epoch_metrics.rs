//! Everything measured in one epoch.

use serde::{Deserialize, Serialize};

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
