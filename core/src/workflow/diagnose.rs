//! Turns a project into the subject of a diagnosis, and diagnoses it.

use std::sync::Arc;

use super::prepare::{known_split, patch_size, split_request};
use crate::device::ComputeDevice;
use crate::diagnosis::{self, BoxAt, Depth, Report, RunRecord, Subject, sample_by_label};
use crate::error::{Error, Result};
use crate::label::Label;
use crate::learning::config::RunConfig;
use crate::learning::config::yaml;
use crate::learning::eval::metrics::CorrectedAuc;
use crate::learning::random::{Stream, generator};
use crate::learning::train::checkpoint::{Checkpoint, model_path};
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;
use crate::project::{PatchId, Project, Run, Side};

/// Patches of one label that are examined at most: unlabeled, positive, negative.
const MAX_PATCHES_BY_LABEL: [usize; 3] = [12_000, 5_000, 5_000];

/// What is to be examined.
#[derive(Debug, Clone)]
pub struct DiagnoseRequest {
    /// The configuration; `None` takes that of the run.
    pub config: Option<RunConfig>,
    /// What it is called.
    pub config_name: String,
    /// A run of the project whose epochs and network are examined too, on the labels it began with.
    pub run: Option<String>,
    /// How much is done.
    pub depth: Depth,
    /// Where to compute.
    pub device: ComputeDevice,
    /// For evaluation only: one entry per patch of the project.
    pub truth: Option<Vec<Option<bool>>>,
}

/// The epochs of a stored run; what was not measured is NaN.
///
/// # Errors
/// When the project cannot be read.
pub fn history(project: &Project, run: &Run) -> Result<Vec<EpochMetrics>> {
    let rows = project.metrics(run.id)?;
    let of = |row: crate::project::StoredMetrics| {
        let value =
            |name: &&str| row.values.get(*name).and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN);
        let mut values = vec![f64::from(row.epoch)];
        values.extend(EpochMetrics::COLUMNS.iter().skip(1).map(value));
        let mut metrics = EpochMetrics::from_values(&values)?;
        // Older versions stored a corrected AUC above 1.
        metrics.validation_auc_corrected =
            metrics.corrected_auc().and_then(CorrectedAuc::value).unwrap_or(f64::NAN);
        Some(metrics)
    };
    Ok(rows.into_iter().filter_map(of).collect())
}

/// What the diagnosis examines of a project, with the configuration. Reads only.
///
/// # Errors
/// When the project is empty or cannot be read, or the run does not exist.
pub fn subject(project: &Project, request: &DiagnoseRequest) -> Result<Subject> {
    let size = patch_size(project)?;
    let run = request.run.as_deref().map(|name| project.run(name)).transpose()?;
    let (config, config_name) = match (&request.config, &run) {
        (Some(config), _) => (config.clone(), request.config_name.clone()),
        (None, Some(run)) => {
            (yaml::parse(&run.config, &run.name)?, format!("the configuration of {}", run.name))
        }
        (None, None) => {
            return Err(Error::request("there is nothing to examine with", "name a configuration or a run"));
        }
    };
    let all_labels = match &run {
        Some(run) => project.labels_at(run.journal_position)?,
        None => project.labels()?,
    };
    let (sides, split_problem) = sides(project, &config, run.as_ref())?;
    let patches = chosen(&all_labels, config.seed);
    let area = size * size;
    let values = patches.len().checked_mul(area).ok_or_else(|| too_large(patches.len(), size))?;
    let mut pixels: Vec<f32> = Vec::new();
    pixels.try_reserve_exact(values).map_err(|_| too_large(patches.len(), size))?;
    pixels.resize(values, 0.0);
    let stored = project.pixels();
    for (slot, &id) in pixels.chunks_exact_mut(area).zip(&patches) {
        stored.get(id, slot)?;
    }
    let micrographs = project.micrographs()?;
    let index: std::collections::HashMap<_, usize> =
        micrographs.iter().enumerate().map(|(i, m)| (m.id, i)).collect();
    let box_sides: std::collections::HashMap<_, f64> = project
        .sources()?
        .into_iter()
        .map(|s| {
            // Without a box size: as many px as the patch has, times what was binned.
            let bin = s.info.bin.unwrap_or(1.0).max(1.0);
            (s.id, s.info.box_size.unwrap_or(size as f64 * bin))
        })
        .collect();
    let places = project.places()?;
    let place = |id: PatchId| places.get(id as usize);
    let run = run.map(|run| record(project, &run)).transpose()?;
    Ok(Subject {
        size,
        pixels: Arc::new(pixels),
        labels: patches
            .iter()
            .map(|&id| all_labels.get(id as usize).copied().unwrap_or(Label::Unlabeled))
            .collect(),
        sides: patches.iter().map(|&id| sides.get(id as usize).copied().unwrap_or(Side::Unused)).collect(),
        micrographs: patches.iter().map(|&id| index.get(&place(id)?.micrograph?).copied()).collect(),
        micrograph_names: micrographs.into_iter().map(|m| m.name).collect(),
        boxes: patches
            .iter()
            .map(|&id| {
                let place = place(id)?;
                let (x, y) = place.xy?;
                Some(BoxAt { x, y, side: *box_sides.get(&place.source)? })
            })
            .collect(),
        truth: request
            .truth
            .as_ref()
            .map(|truth| patches.iter().map(|&id| truth.get(id as usize).copied().flatten()).collect()),
        ids: patches,
        total: project.len(),
        config,
        config_name,
        split_problem,
        run,
    })
}

/// Sides of the run's split, of a known split of the configuration, or of the one a run would make.
fn sides(project: &Project, config: &RunConfig, run: Option<&Run>) -> Result<(Vec<Side>, Option<String>)> {
    if let Some(split) = run.and_then(|run| run.split) {
        return Ok((project.split_sides(split)?, None));
    }
    if let Some(split) = known_split(project, config)? {
        return Ok((project.split_sides(split.id)?, None));
    }
    match project.plan_split(&split_request(config), &mut |_| Ok(())) {
        Ok((_, sides)) => Ok((sides, None)),
        Err(Error::Request { problem, .. }) => Ok((vec![Side::Train; project.len()], Some(problem))),
        Err(other) => Err(other),
    }
}

/// All patches of a small project, a random sample of each label of a large one, by id.
fn chosen(labels: &[Label], seed: u64) -> Vec<PatchId> {
    sample_by_label(MAX_PATCHES_BY_LABEL, &mut generator(seed, 0, Stream::DiagnosisSample), |label| {
        (0..).zip(labels).filter(|(_, l)| **l == label).map(|(id, _)| id).collect()
    })
}

fn record(project: &Project, run: &Run) -> Result<RunRecord> {
    let model = model_path(&project.run_dir(&run.name));
    Ok(RunRecord {
        name: run.name.clone(),
        history: history(project, run)?,
        model: if model.exists() { Some(Checkpoint::load(&model)?.model) } else { None },
        ended: match &run.message {
            Some(message) => format!("{}: {message}", run.status.as_str()),
            None => run.status.as_str().to_owned(),
        },
    })
}

fn too_large(patches: usize, size: usize) -> Error {
    Error::request(
        format!("{patches} patches of {size} px do not fit into memory at once"),
        "examine on a machine with more memory",
    )
}

/// Examines a project.
///
/// # Errors
/// As [`subject`] and [`diagnosis::examine`].
pub fn diagnose(
    project: &Project,
    request: &DiagnoseRequest,
    sink: diagnosis::ExaminationSink<'_>,
) -> Result<Report> {
    diagnosis::examine(&subject(project, request)?, request.depth, &request.device, sink)
}
