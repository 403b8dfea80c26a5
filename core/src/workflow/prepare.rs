//! Turns a project into the plain arrays that a run works on: split, normaliser, pixels.

use super::contrast::run_contrast;
use super::pixels::{MAX_BYTES_IN_MEMORY, read};
use crate::error::{Error, Result};
use crate::imaging::normalise::Normaliser;
use crate::label::Label;
use crate::learning::config::RunConfig;
use crate::learning::data::TrainingData;
use crate::learning::infer::contrast::RunContrast;
use crate::progress::{ProgressSink, report};
use crate::project::{Fractions, PatchId, Project, Side, Split, SplitRequest};
use crate::remedy::Remedy;

/// What a run needs of a project.
pub struct Prepared {
    /// Normalised patches of the training and validation sides.
    pub data: TrainingData,
    /// Fitted on the training side.
    pub normaliser: Normaliser,
    /// The contrast of the patches of `data`, and by how much it lowers scores.
    pub contrast: Option<RunContrast>,
    /// The split the sides come from.
    pub split: Split,
    /// Patch of the project behind each patch of `data`.
    pub patches: Vec<PatchId>,
}

/// The split of a configuration: an earlier one of the same seed and shares that covers every patch,
/// so that runs are compared on the same patches, or a new one.
///
/// # Errors
/// As [`Project::make_split`].
fn split_for(project: &mut Project, config: &RunConfig, progress: ProgressSink<'_>) -> Result<Split> {
    if let Some(split) = known_split(project, config)? {
        return Ok(split);
    }
    let total = project.len();
    project.make_split(&split_request(config), &mut |done| report(progress, "Making the split", done, total))
}

/// The split a configuration asks for.
pub(super) fn split_request(config: &RunConfig) -> SplitRequest {
    let fractions = Fractions {
        train: 1.0 - config.split.validation - config.split.test,
        validation: config.split.validation,
        test: config.split.test,
    };
    SplitRequest { fractions, seed: config.split.seed, ..SplitRequest::default() }
}

/// The newest split of the configuration's seed and shares that covers every patch.
pub(super) fn known_split(project: &Project, config: &RunConfig) -> Result<Option<Split>> {
    let wanted = split_request(config).fractions;
    let same = |a: f64, b: f64| (a - b).abs() < 1e-9;
    for split in project.splits()?.into_iter().rev() {
        let matches = split.seed == config.split.seed
            && same(split.fractions.validation, wanted.validation)
            && same(split.fractions.test, wanted.test);
        if matches && !project.split_sides(split.id)?.contains(&Side::Unused) {
            return Ok(Some(split));
        }
    }
    Ok(None)
}

/// Reads and normalises what a run works on. `truth`, one entry per patch of the project, is passed
/// through for evaluation only.
///
/// # Errors
/// When the project is empty or cannot be split, a patch holds a value that is no finite number, or
/// memory does not suffice.
pub fn prepare(
    project: &mut Project,
    config: &RunConfig,
    truth: Option<&[Option<bool>]>,
    progress: ProgressSink<'_>,
) -> Result<Prepared> {
    // Before the split: an empty project has a better sentence than one that cannot be split.
    patch_size(project)?;
    let split = split_for(project, config, progress)?;
    let labels = project.labels()?;
    let prepared = prepare_with(project, config, split, &labels, truth, progress)?;
    project.set_normaliser(
        &serde_json::to_value(prepared.normaliser)
            .map_err(|e| Error::defect(format!("the normaliser cannot be stored: {e}")))?,
    )?;
    Ok(prepared)
}

/// As [`prepare`], for a run that began with this split and these labels, one for every patch.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with(
    project: &Project,
    config: &RunConfig,
    split: Split,
    all_labels: &[Label],
    truth: Option<&[Option<bool>]>,
    progress: ProgressSink<'_>,
) -> Result<Prepared> {
    let size = patch_size(project)?;
    let sides = project.split_sides(split.id)?;
    let train = on_side(&sides, Side::Train);
    let validation = on_side(&sides, Side::Validation);
    let patches: Vec<PatchId> = train.iter().chain(&validation).copied().collect();
    let (pixels, normaliser) = read(
        project.pixels(),
        patches.clone(),
        train.len(),
        config.normaliser,
        MAX_BYTES_IN_MEMORY,
        progress,
    )?;
    let contrast = run_contrast(project, &normaliser, all_labels, &train, &patches)?;
    let data = TrainingData {
        size,
        pixels,
        labels: patches
            .iter()
            .map(|&id| all_labels.get(id as usize).copied().unwrap_or(Label::Unlabeled))
            .collect(),
        train: (0..train.len()).collect(),
        validation: (train.len()..patches.len()).collect(),
        truth: truth
            .map(|truth| patches.iter().map(|&id| truth.get(id as usize).copied().flatten()).collect()),
    };
    Ok(Prepared { data, normaliser, contrast, split, patches })
}

/// Side of a patch, px.
///
/// # Errors
/// When the project holds no patches yet.
pub(super) fn patch_size(project: &Project) -> Result<usize> {
    project.size().filter(|_| !project.is_empty()).ok_or_else(|| {
        Error::request(format!("{} holds no patches yet", project.dir().display()), Remedy::ImportFirst)
    })
}

fn on_side(sides: &[Side], wanted: Side) -> Vec<PatchId> {
    (0..).zip(sides).filter(|(_, side)| **side == wanted).map(|(id, _)| id).collect()
}
