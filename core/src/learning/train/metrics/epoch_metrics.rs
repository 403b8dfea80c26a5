//! The list of measures of an epoch.

use serde::{Deserialize, Serialize};

use crate::learning::eval::metrics::{AboveCeiling, CorrectedAuc};

/// The name under which a measure is stored: its field's, or another that older projects use.
macro_rules! stored_name {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $stored:literal) => {
        $stored
    };
}

/// Declares the struct, the stored names of its measures, and the conversion to plain numbers and back.
macro_rules! epoch_metrics {
    ($($(#[$doc:meta])* $name:ident $(stored $stored:literal)?,)*) => {
        /// Everything measured in one epoch. NaN means "not measured" and is stored as null.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        pub struct EpochMetrics {
            /// Counted from 1.
            pub epoch: usize,
            $($(#[$doc])* $(#[serde(rename = $stored)])? pub $name: f64,)*
        }

        impl EpochMetrics {
            /// Stored names of the measures, in the order of [`Self::values`].
            pub const COLUMNS: &'static [&'static str] = &["epoch", $(stored_name!($name $($stored)?)),*];

            /// The values in the order of [`Self::COLUMNS`].
            pub fn values(&self) -> Vec<f64> {
                vec![self.epoch as f64, $(self.$name),*]
            }

            /// The reverse of [`Self::values`]; `None` when their number is not that of the columns.
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
    /// Mean of the risk, or of the self-training loss that replaces it.
    loss_risk,
    /// Mean of the weighted term of the known negatives.
    loss_negative,
    /// Mean of the consistency term before λ.
    loss_consistency,
    /// λ at the end of the epoch.
    consistency_weight,
    /// Learning rate at the end of the epoch.
    learning_rate,
    /// AUC of validation positives against validation unlabeled. Its ceiling is 1 − π/2.
    validation_auc_pu,
    /// The highest value `validation_auc_pu` can reach: 1 − π/2.
    validation_auc_ceiling,
    /// (AUC_PU − π/2)/(1 − π): AUC against true negatives if picks are a random sample of particles. NaN where
    /// `validation_auc_pu` lies above its ceiling; read it through [`Self::corrected_auc`].
    validation_auc_corrected,
    /// AUC of validation positives against known validation negatives.
    validation_auc_pn,
    /// Average precision of validation positives against validation unlabeled.
    validation_average_precision,
    /// Share of the unlabeled samples whose weight in the consistency term (or in self-training) is not 0.
    pseudo_label_rate,
    /// Share of the unlabeled samples with the pseudo-label "particle".
    pseudo_label_rate_positive,
    /// Share of the unlabeled samples with the pseudo-label "no particle".
    pseudo_label_rate_negative,
    /// Share of the pseudo-labels that are right; measured only where the truth is given.
    pseudo_label_accuracy,
    /// Mean of p over the unlabeled: the p that pseudo-labels are made of.
    p_mean,
    /// Smallest p of the unlabeled.
    p_min,
    /// Largest p of the unlabeled.
    p_max,
    /// Standard deviation of p of the unlabeled.
    p_std,
    /// Mean norm of the gradient over all weights, before clipping.
    gradient_norm,
    /// Share of the batches in which nnPU's inner term was below −β, so that it was clamped.
    nnpu_clamped_rate stored "nnpu_turned_rate",
    /// Wall-clock seconds of the epoch, validation included.
    seconds,
    /// Views that went through the network per second.
    patches_per_second,
}

impl EpochMetrics {
    /// The validation AUC corrected for π; `None` where it was not measured. Runs of older versions hold a number
    /// here even where the AUC lies above its ceiling. This method never returns it.
    pub fn corrected_auc(&self) -> Option<CorrectedAuc> {
        let (auc, ceiling) = (self.validation_auc_pu, self.validation_auc_ceiling);
        if auc > ceiling {
            return Some(CorrectedAuc::AboveCeiling(AboveCeiling { auc, ceiling }));
        }
        Some(self.validation_auc_corrected).filter(|value| value.is_finite()).map(CorrectedAuc::Value)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_measure_keeps_its_stored_name() {
        assert!(EpochMetrics::COLUMNS.contains(&"nnpu_turned_rate"));
        let metrics = EpochMetrics { epoch: 3, nnpu_clamped_rate: 0.25, ..EpochMetrics::default() };
        assert_eq!(serde_json::to_value(&metrics).unwrap()["nnpu_turned_rate"], 0.25);
        assert_eq!(EpochMetrics::from_values(&metrics.values()).unwrap(), metrics);
        assert_eq!(metrics.values().len(), EpochMetrics::COLUMNS.len());
    }
}
