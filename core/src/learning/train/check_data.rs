//! Refuses data from which a method cannot learn, before anything is computed.

use crate::error::{Error, Result};
use crate::learning::config::{ConsistencyKind, RiskKind, RunConfig};
use crate::learning::data::TrainingData;

/// Largest patch that a network takes, px.
const MAX_SIZE: usize = 512;

/// Checks that the training side holds the labels that the method needs, and that the network takes patches of this
/// size.
///
/// # Errors
/// When positives, unlabeled or negative patches are missing, or the patches are too small or too large.
pub fn check_data(config: &RunConfig, data: &TrainingData) -> Result<()> {
    data.check()?;
    let counts = data.counts(&data.train);
    let counted = format!(
        "the training split holds {} positive, {} unlabeled and {} negative patches",
        counts.positive, counts.unlabeled, counts.negative
    );
    if counts.positive == 0 {
        return Err(Error::request(
            format!("{counted}; the network cannot learn particles without positives"),
            "label some particles as positive",
        ));
    }
    if config.risk.kind == RiskKind::Supervised && counts.negative == 0 {
        return Err(Error::request(
            format!("{counted}; the supervised risk needs known negatives"),
            "label some negatives, or use risk.kind naive, which takes the unlabeled as negative",
        ));
    }
    let needs_unlabeled = config.risk.kind != RiskKind::Supervised
        || config.consistency.kind != ConsistencyKind::None
        || config.self_training.enabled;
    if needs_unlabeled && counts.unlabeled == 0 {
        return Err(Error::request(
            format!("{counted}; this method learns from unlabeled patches"),
            "import an unlabeled pool, or use risk.kind supervised",
        ));
    }
    let min_size = config.backbone.min_size();
    if !(min_size..=MAX_SIZE).contains(&data.size) {
        return Err(Error::request(
            format!("the network takes patches of {min_size} to {MAX_SIZE} px; these have {} px", data.size),
            "cut or bin the patches to another size",
        ));
    }
    Ok(())
}
