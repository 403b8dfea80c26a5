//! The section `pretrain` of a configuration: learning without labels before the run trains.

use serde::{Deserialize, Serialize};

/// Where the initial weights come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PretrainKind {
    /// Random initial weights.
    None,
    /// SimSiam on the patches, without labels (Chen & He 2021).
    Simsiam,
    /// Masked reconstruction on the patches, without labels (He et al. 2022, Xie et al. 2022).
    Masked,
    /// The weights of an earlier pretraining, from a file.
    Weights,
    /// The general model that ships with the program ([`crate::learning::general_model`]), its last layer included.
    General,
}

/// Pretraining without labels, before the run trains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainConfig {
    /// Where the initial weights come from.
    pub kind: PretrainKind,
    /// Passes over the training side, 1 to 10000.
    pub epochs: usize,
    /// Patches per step, 4 to 4096.
    pub batch_size: usize,
    /// Peak learning rate, 1e-7 to 0.1.
    pub learning_rate: f64,
    /// The file of [`PretrainKind::Weights`]; empty otherwise.
    pub weights: String,
}

impl Default for PretrainConfig {
    fn default() -> Self {
        Self {
            kind: PretrainKind::None,
            epochs: 40,
            batch_size: 64,
            learning_rate: 1e-3,
            weights: String::new(),
        }
    }
}
