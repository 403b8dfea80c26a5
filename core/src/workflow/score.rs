//! Scores the patches of a project, and of files that are in no project.

use std::collections::BTreeMap;
use std::path::Path;

use super::contrast::{Beside, FileContrast, contrasts};
use super::trained::trained_model;
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::formats::PatchInfo;
use crate::imaging::cut::CutSettings;
use crate::ingest::{ImportPreview, IngestRequest, ingest};
use crate::label::Label;
use crate::learning::infer::contrast::{ContrastRule, PatchContrast, lowered};
use crate::learning::infer::predict::probability;
use crate::learning::infer::scorer::Scorer;
use crate::learning::train::checkpoint::Checkpoint;
use crate::learning::train::events::RunPhase;
use crate::progress::{ProgressSink, report};
use crate::project::{PatchId, PixelType, Project, ScoreKind};
use crate::read_ahead::{in_parts, read_normalised};
use crate::remedy::Remedy;

/// The network of a run, ready to score.
///
/// # Errors
/// When the run does not exist or has no complete epoch yet.
pub fn scorer(project: &Project, run: &str, device: ComputeDevice) -> Result<Scorer> {
    Scorer::new(&Checkpoint::load(&trained_model(project, run)?)?, device)
}

/// A score for every patch of the project, in order.
///
/// # Errors
/// When the run was trained on patches of another size, or a pixel cannot be read.
pub fn score_project(project: &Project, scorer: &Scorer, progress: ProgressSink<'_>) -> Result<Vec<f32>> {
    score_beside(project, scorer, &Beside::Unlabeled(&project.labels()?), progress)
}

/// As [`score_project`]. `beside` says what the contrast of patches is measured beside.
fn score_beside(
    project: &Project,
    scorer: &Scorer,
    beside: &Beside<'_>,
    progress: ProgressSink<'_>,
) -> Result<Vec<f32>> {
    let logits = project_logits(project, scorer, progress)?;
    let Some(rule) = scorer.contrast() else { return Ok(probabilities(&logits, &[])) };
    let all: Vec<PatchId> = (0..).take(project.len()).collect();
    Ok(probabilities(&logits, &lowers(rule, contrasts(project, beside, &all)?)))
}

/// The network's logit of every patch of the project, in order, which contrast has not lowered.
///
/// # Errors
/// As [`score_project`].
pub(super) fn project_logits(
    project: &Project,
    scorer: &Scorer,
    progress: ProgressSink<'_>,
) -> Result<Vec<f32>> {
    let pixels = project.pixels();
    check_size(scorer.size(), pixels.size(), project.dir())?;
    let read = |from: usize, part: &mut [f32]| read_normalised(&pixels, scorer.normaliser(), from, part);
    logits_of(scorer, project.len(), read, progress)
}

/// By how much a rule lowers the logits of patches.
pub(super) fn lowers(rule: ContrastRule, patches: Vec<Option<PatchContrast>>) -> Vec<f32> {
    patches.into_iter().map(|patch| rule.lowers_patch_by(patch)).collect()
}

/// Scores p in [0, 1] of logits, each lowered by its number, where there is one.
pub(super) fn probabilities(logits: &[f32], lowers: &[f32]) -> Vec<f32> {
    let by = lowers.iter().copied().chain(std::iter::repeat(0.0));
    logits.iter().zip(by).map(|(&logit, by)| probability(lowered(logit, by))).collect()
}

/// Logits of `total` patches that `read` gives normalised, as [`in_parts`].
fn logits_of(
    scorer: &Scorer,
    total: usize,
    read: impl FnMut(usize, &mut [f32]) -> Result<()> + Send,
    progress: ProgressSink<'_>,
) -> Result<Vec<f32>> {
    let mut logits = Vec::with_capacity(total);
    in_parts(total, scorer.size() * scorer.size(), scorer.chunk_size(), read, |part| {
        logits.extend(scorer.logits(&part));
        report(progress, RunPhase::Scoring.to_string(), logits.len(), total)
    })?;
    Ok(logits)
}

/// One line of a score table.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRow {
    /// Place in the input (or patch number in the project), counted from 0.
    pub id: u64,
    /// Micrograph's name, where known.
    pub micrograph: Option<String>,
    /// Centre on the micrograph, px, where known.
    pub xy: Option<(f64, f64)>,
    /// Label, where the input has one.
    pub label: Option<Label>,
    /// p in [0, 1].
    pub score: f32,
}

/// Scores the patches of a reader in its order.
///
/// # Errors
/// When the patches have another size than the run was trained on, or cannot be read.
pub fn score_dataset(
    dataset: &mut crate::formats::Dataset,
    path: &Path,
    scorer: &Scorer,
    progress: ProgressSink<'_>,
) -> Result<Vec<ScoreRow>> {
    let reader = &mut dataset.reader;
    let size = scorer.size();
    check_size(size, reader.size(), path)?;
    let total = reader.len();
    let (mut contrast, normaliser) = (FileContrast::default(), scorer.normaliser());
    let has_rule = scorer.contrast().is_some();
    let read = |from: usize, part: &mut [f32]| {
        part.chunks_exact_mut(size * size).enumerate().try_for_each(|(offset, patch)| {
            reader.read(from + offset, patch)?;
            if has_rule {
                contrast.add(patch, size);
            }
            normaliser.apply(patch)
        })
    };
    let logits = logits_of(scorer, total, read, progress)?;
    // Their columns may take much memory, and nobody asks for them here.
    let info = |id| PatchInfo { columns: BTreeMap::new(), ..reader.info(id) };
    let infos: Vec<PatchInfo> = (0..total).map(info).collect();
    let lowers = scorer.contrast().map(|rule| lowers(rule, contrast.contrasts(&infos))).unwrap_or_default();
    let rows = (0..).zip(probabilities(&logits, &lowers)).zip(infos).map(|((id, score), info)| ScoreRow {
        id,
        micrograph: info.micrograph,
        xy: info.xy,
        label: info.label,
        score,
    });
    Ok(rows.collect())
}

/// Scores the patches cut at coordinates on micrographs. Rows stand in the order of the pick files as
/// given, then of the picks in each; `id` counts the rows. Also returns what was found, with every
/// pick that was left out.
///
/// # Errors
/// When micrographs and picks do not fit together, or the box does not give the run's patch size.
pub fn score_picks(
    request: &IngestRequest,
    scorer: &Scorer,
    progress: ProgressSink<'_>,
) -> Result<(Vec<ScoreRow>, ImportPreview)> {
    // The import does all that is needed (matching names, cutting, edges), into a project that is
    // thrown away.
    let scratch =
        tempfile::tempdir().map_err(|e| Error::io("create a folder in", std::env::temp_dir(), e))?;
    let mut project = Project::create(&scratch.path().join("picks"), Some(scorer.size()), PixelType::F32)?;
    let summary = ingest(&mut project, request, progress)?;
    let cut = CutSettings {
        box_size: request.box_size.unwrap_or(scorer.size() * request.bin),
        bin: request.bin,
        margin: 0,
    };
    let scores = score_beside(&project, scorer, &Beside::Micrographs(&cut), progress)?;
    let end = PatchId::try_from(project.len()).unwrap_or(PatchId::MAX);
    let mut ordered: Vec<_> = project
        .patches(0..end)?
        .into_iter()
        .zip(project_rows(&project, &scores)?)
        .map(|(patch, row)| ((patch.place.source, patch.source_index), row))
        .collect();
    ordered.sort_by_key(|(place, _)| *place);
    let rows = (0..).zip(ordered).map(|(id, (_, row))| ScoreRow { id, ..row }).collect();
    Ok((rows, summary.found))
}

/// Patches of the project whose score under a run is at least `at_least` and below `below`.
///
/// # Errors
/// When the run does not exist or has no scores.
pub fn patches_by_score(
    project: &Project,
    run: &str,
    at_least: Option<f32>,
    below: Option<f32>,
) -> Result<Vec<PatchId>> {
    let id = project.run(run)?.id;
    let scores = project.scores(id, ScoreKind::Teacher)?.ok_or_else(|| {
        Error::request(
            format!("the run '{run}' has no scores yet"),
            Remedy::ScoreFirst { run: run.to_owned() },
        )
    })?;
    let inside = |s: f32| s.is_finite() && at_least.is_none_or(|t| s >= t) && below.is_none_or(|t| s < t);
    Ok((0..).zip(scores).filter(|(_, score)| inside(*score)).map(|(id, _)| id).collect())
}

/// Lines for every patch of a project with scores already computed.
///
/// # Errors
/// When the project cannot be read.
pub fn project_rows(project: &Project, scores: &[f32]) -> Result<Vec<ScoreRow>> {
    let names: std::collections::HashMap<_, _> =
        project.micrographs()?.into_iter().map(|m| (m.id, m.name)).collect();
    let labels = project.labels()?;
    let rows = project.places()?.into_iter().zip(labels).zip(scores).enumerate();
    Ok(rows
        .map(|(id, ((place, label), &score))| ScoreRow {
            id: id as u64,
            micrograph: place.micrograph.and_then(|m| names.get(&m).cloned()),
            xy: place.xy,
            label: Some(label),
            score,
        })
        .collect())
}

/// Writes `id,micrograph,x,y,label,score`, atomically; empty cells where nothing is known.
///
/// # Errors
/// [`Error::Io`] when the disk refuses.
pub fn write_csv(path: &Path, rows: &[ScoreRow]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |e: csv::Error| Error::io("write", path, std::io::Error::other(e));
    writer.write_record(["id", "micrograph", "x", "y", "label", "score"]).map_err(failed)?;
    for row in rows {
        let xy = row.xy.map(|(x, y)| (x.to_string(), y.to_string())).unwrap_or_default();
        writer
            .write_record([
                row.id.to_string(),
                row.micrograph.clone().unwrap_or_default(),
                xy.0,
                xy.1,
                row.label.map_or_else(String::new, |l| l.to_string()),
                row.score.to_string(),
            ])
            .map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|e| Error::io("write", path, e.into_error()))?;
    crate::atomic::write_atomically(path, &bytes)
}

fn check_size(wanted: usize, found: usize, place: &Path) -> Result<()> {
    if wanted == found {
        return Ok(());
    }
    Err(Error::format(
        place,
        format!("its patches are {found} px wide, but the run was trained on {wanted} px"),
        format!("cut or bin the patches to {wanted} px, or use a run trained on {found} px"),
    ))
}
