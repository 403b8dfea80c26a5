//! Exports a trained network for other programs: weights as safetensors, and a card that describes them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::trained::trained_model;
use crate::atomic::write_atomically;
use crate::error::{Error, Result};
use crate::imaging::normalise::Normaliser;
use crate::learning::config::{Backbone, RunConfig};
use crate::learning::infer::contrast::ContrastRule;
use crate::learning::network::tensor_file::{TensorBytes, pack};
use crate::learning::prior::PriorUsed;
use crate::learning::train::checkpoint::Checkpoint;
use crate::progress::{ProgressSink, report};
use crate::project::Project;
use crate::remedy::Remedy;

/// What the weights are and how to use them, written beside them as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelCard {
    /// Program and version.
    pub program: String,
    /// The run.
    pub run: String,
    /// The network.
    pub backbone: Backbone,
    /// Shape of the input.
    pub input: String,
    /// Meaning of the output.
    pub output: String,
    /// Side of the patches, px.
    pub size: usize,
    /// Å per px of the training patches, where known and the same for all.
    pub pixel_size: Option<f64>,
    /// What must be done to pixels first.
    pub normaliser: Normaliser,
    /// π of the run.
    pub prior: PriorUsed,
    /// Epoch the weights are of.
    pub epoch: usize,
    /// Journal position of the labels the run began with.
    pub journal_position: i64,
    /// The run's configuration.
    pub config: RunConfig,
    /// By how much the program lowers logits of patches of little contrast, where the run has a rule for it: by
    /// `for_patches` × `slope` × (`floor` − contrast) where that is above 0, but not below
    /// [`FLOOR_LOGIT`](crate::learning::infer::contrast::FLOOR_LOGIT), and by less where few patches tell what is usual.
    /// Contrast is ln of the standard deviation of the inner part of a patch, less what is usual on its micrograph.
    pub contrast: Option<ContrastRule>,
    /// Shape of each weight.
    pub weights: BTreeMap<String, Vec<usize>>,
    /// SHA-256 of the safetensors file.
    pub sha256: String,
}

/// Writes the scoring network of a run to `out` and its card beside it (`.json`).
///
/// # Errors
/// When the run has no model, a file exists and `force` is off, the disk refuses, or
/// [`Error::Cancelled`]; then nothing was written.
pub fn export_model(
    project: &Project,
    run: &str,
    out: &Path,
    force: bool,
    progress: ProgressSink<'_>,
) -> Result<ModelCard> {
    const STEPS: usize = 3;
    report(progress, "Reading the network", 0, STEPS)?;
    let stored = project.run(run)?;
    let path = trained_model(project, run)?;
    if out.extension().is_none_or(|e| e != "safetensors") {
        return Err(Error::request(
            format!("{} is no name for a model", out.display()),
            "end the name in .safetensors",
        ));
    }
    let card_path = out.with_extension("json");
    for target in [out, &card_path] {
        if target.exists() && !force {
            return Err(Error::request(format!("{} exists already", target.display()), Remedy::AllowReplace));
        }
    }
    let checkpoint = Checkpoint::load(&path)?;
    report(progress, "Packing the weights", 1, STEPS)?;
    let tensors = checkpoint.model.iter().map(|(name, tensor)| TensorBytes::of(name.clone(), tensor));
    let bytes = pack(out, tensors, None)?;
    let header = checkpoint.header;
    let mut scales: Vec<Option<f64>> = project.sources()?.into_iter().map(|s| s.info.pixel_size).collect();
    scales.dedup();
    let card = ModelCard {
        program: format!("Vitrine {}", header.program),
        run: run.to_owned(),
        backbone: header.config.backbone,
        input: format!("N×1×{0}×{0}, float32, normalised as `normaliser` says", header.size),
        output: "one logit a patch; score = 1/(1 + exp(−logit)); lower the logit by the `contrast` rule first, where there is one"
            .to_owned(),
        size: header.size,
        pixel_size: if scales.len() == 1 { scales[0] } else { None },
        normaliser: header.normaliser,
        prior: header.prior,
        epoch: header.epoch,
        journal_position: stored.journal_position.0,
        config: header.config,
        contrast: header.contrast,
        weights: checkpoint.model.iter().map(|(name, t)| (name.clone(), t.shape.clone())).collect(),
        sha256: Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect(),
    };
    let text = serde_json::to_vec_pretty(&card)
        .map_err(|e| Error::defect(format!("{}: cannot be written: {e}", card_path.display())))?;
    // From here on both files or none: the weights without their card would be of no use.
    report(progress, "Writing weights and card", 2, STEPS)?;
    write_atomically(out, &bytes)?;
    write_atomically(&card_path, &text)?;
    Ok(card)
}
