//! Comparing runs: the numbers, computed from stored scores, the report, and its pictures.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::diagnose::history;
use crate::atomic::write_atomically;
use crate::diagnosis::health;
use crate::error::{Error, Result};
use crate::grayscale::to_grayscale;
use crate::label::Label;
use crate::learning::config::yaml;
use crate::learning::eval::metrics::{CorrectedAuc, auc, corrected_auc};
use crate::learning::prior::PriorUsed;
use crate::learning::train::checkpoint::{Checkpoint, model_path};
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;
use crate::project::{PatchId, Project, Run, ScoreKind, Side};
use crate::remedy::{Remedy, Warning};
use crate::report::figures;
use crate::report::metrics::metric_info;
use crate::report::{
    Against, Curves, EpochRow, PatchPicture, PriorSummary, ProjectFacts, ReportInput, RunSummary,
    ScoreSamples,
};
use crate::words::capitalised;

/// Patches per picture in the report.
const PATCHES_PER_PICTURE: usize = 40;
/// Patches side by side in a picture.
const PICTURE_COLUMNS: usize = 10;

/// Key of the validation AUC corrected for π, among the metrics of an epoch and of a run.
const VALIDATION_CORRECTED: &str = "validation_auc_corrected";

/// Scores of one side of the split by label; patches without a score are left out.
fn by_label(labels: &[Label], sides: &[Side], scores: &[f32], wanted: Side) -> ScoreSamples {
    let mut samples = ScoreSamples::default();
    for ((&label, &side), &score) in labels.iter().zip(sides).zip(scores) {
        if side != wanted || !score.is_finite() {
            continue;
        }
        match label {
            Label::Positive => samples.positive.push(score),
            Label::Unlabeled => samples.unlabeled.push(score),
            Label::Negative => samples.negative.push(score),
        }
    }
    samples
}

/// Everything that is compared of one run. `truth`, one entry per patch of the project, adds the AUC
/// on the unlabeled of test and validation side; it is for evaluation only.
///
/// # Errors
/// When the run does not exist or the project cannot be read.
pub fn summary(project: &Project, run: &Run, truth: Option<&[Option<bool>]>) -> Result<RunSummary> {
    let history = history(project, run)?;
    let epochs = epoch_rows(project, run, &history)?;
    let mut metrics = epoch_metrics(&epochs, run.best_epoch);
    let best =
        run.best_epoch.and_then(|best| history.iter().find(|measured| measured.epoch == best as usize));
    let mut corrected: Vec<(&str, CorrectedAuc)> = Vec::new();
    corrected.extend(best.and_then(EpochMetrics::corrected_auc).map(|value| (VALIDATION_CORRECTED, value)));
    let config = yaml::parse(&run.config, &run.name).ok();
    let model = model_path(&project.run_dir(&run.name));
    let header = match model.exists() {
        true => Some(Checkpoint::load(&model)?.header),
        false => None,
    };
    if let Some(header) = &header {
        metrics.insert("prior".to_owned(), header.prior.value);
        let overlay = header.config.augmentation.weak.overlay;
        if overlay > 0.0 || config.as_ref().is_some_and(|c| c.augmentation.weak.overlay_trial) {
            metrics.insert("overlay".to_owned(), overlay);
        }
    }
    let prior = header.as_ref().map(|header| header.prior);
    // A correction by a number that nobody knows would look like a measurement.
    let told = prior.filter(PriorUsed::is_told);
    if prior.is_some() && told.is_none() {
        corrected.clear();
        metrics.remove(VALIDATION_CORRECTED);
    }
    let mut warnings: Vec<Warning> = Vec::new();
    let judged = match (project.scores(run.id, ScoreKind::Teacher)?, run.split) {
        (Some(scores), Some(split)) => {
            let sides = project.split_sides(split)?;
            judge(&project.labels()?, &sides, &scores, told.map(|prior| prior.value), truth)?
        }
        (None, _) => {
            let score = Remedy::ScoreFirst { run: run.name.clone() };
            warnings.push(Warning::new(format!("Run {} has no scores yet", run.name), score));
            Judged::default()
        }
        (_, None) => {
            warnings.push(format!("Run {} has no split.", run.name).into());
            Judged::default()
        }
    };
    metrics.extend(judged.metrics);
    corrected.extend(judged.corrected.map(|value| ("test_auc_corrected", value)));
    if let Some(message) = &run.message {
        warnings.push(format!("Run {} {}: {message}.", run.name, run.status.as_str()).into());
    }
    if let Some(config) = config {
        let flags = health::watch(&config, &history);
        warnings.extend(flags.iter().map(|flag| Warning::from(capitalised(&flag.line()))));
    }
    let mut summary = RunSummary {
        name: run.name.clone(),
        is_baseline: is_baseline(run),
        config_yaml: run.config.clone(),
        seed: run.seed,
        device: run.device.clone(),
        epochs,
        metrics,
        curves: judged.curves,
        scores: judged.samples,
        threshold: Some(0.5),
        prior: prior
            .map(|p| PriorSummary { value: p.value, interval: p.estimated.then_some((p.low, p.high)) }),
        warnings,
        ..RunSummary::default()
    };
    for (key, value) in corrected {
        summary.set_corrected(key, value);
    }
    Ok(summary)
}

/// The measures of a run by epoch; what was not measured is left out, and a corrected AUC where the AUC lies above
/// its ceiling.
fn epoch_rows(project: &Project, run: &Run, history: &[EpochMetrics]) -> Result<Vec<EpochRow>> {
    let rows = project.metrics(run.id)?.into_iter().zip(history);
    Ok(rows
        .map(|(row, measured)| {
            let mut values: BTreeMap<String, f64> =
                row.values.iter().filter_map(|(k, v)| Some((k.clone(), v.as_f64()?))).collect();
            if measured.validation_auc_corrected.is_nan() {
                values.remove(VALIDATION_CORRECTED);
            }
            EpochRow { epoch: row.epoch as usize, values }
        })
        .collect())
}

/// What is compared of a run's epochs: the best one's measures, the last one's pseudo-labels, epochs and seconds.
fn epoch_metrics(epochs: &[EpochRow], best: Option<u32>) -> BTreeMap<String, f64> {
    let mut metrics: BTreeMap<String, f64> = BTreeMap::new();
    if let Some(best) = best.and_then(|e| epochs.iter().find(|row| row.epoch == e as usize)) {
        let shown = best.values.iter().filter(|(key, _)| metric_info(key).is_some());
        metrics.extend(shown.map(|(key, value)| (key.clone(), *value)));
        metrics.insert("best_epoch".to_owned(), best.epoch as f64);
    }
    if let Some(last) = epochs.last() {
        // Pseudo-labels are judged where the run ended, not where validation was best.
        for key in ["pseudo_label_rate", "pseudo_label_accuracy"] {
            if let Some(value) = last.values.get(key) {
                metrics.insert(key.to_owned(), *value);
            }
        }
    }
    metrics.insert("epochs".to_owned(), epochs.len() as f64);
    let seconds = epochs.iter().filter_map(|row| row.values.get("seconds")).sum();
    metrics.insert("seconds".to_owned(), seconds);
    metrics
}

/// What the scores of a run say.
#[derive(Default)]
struct Judged {
    metrics: BTreeMap<String, f64>,
    /// AUC of the test side corrected for π.
    corrected: Option<CorrectedAuc>,
    /// Against unlabeled and against negatives, on the validation side.
    curves: Vec<Curves>,
    /// Scores of the validation side by label.
    samples: ScoreSamples,
}

/// Judges scores on the test and validation side; labels, sides and scores have one entry per patch.
fn judge(
    labels: &[Label],
    sides: &[Side],
    scores: &[f32],
    prior: Option<f64>,
    truth: Option<&[Option<bool>]>,
) -> Result<Judged> {
    let mut metrics = BTreeMap::new();
    let mut corrected = None;
    let test = by_label(labels, sides, scores, Side::Test);
    if !test.positive.is_empty() && !test.unlabeled.is_empty() {
        let value = auc(&test.positive, &test.unlabeled)?;
        metrics.insert("test_auc_pu".to_owned(), value);
        corrected = prior.map(|prior| corrected_auc(value, prior)).transpose()?;
    }
    if !test.positive.is_empty() && !test.negative.is_empty() {
        metrics.insert("test_auc_pn".to_owned(), auc(&test.positive, &test.negative)?);
    }
    if let Some(value) = truth.map(|truth| truth_auc(labels, sides, scores, truth)).transpose()?.flatten() {
        metrics.insert("truth_auc".to_owned(), value);
    }
    let samples = by_label(labels, sides, scores, Side::Validation);
    let mut curves = Vec::new();
    for (against, other) in [(Against::Unlabeled, &samples.unlabeled), (Against::Negative, &samples.negative)]
    {
        if !samples.positive.is_empty() && !other.is_empty() {
            curves.push(Curves::measure(&samples.positive, other, against)?);
        }
    }
    Ok(Judged { metrics, corrected, curves, samples })
}

/// For evaluation only: AUC of the unlabeled that are particles against those that are none, outside of the training
/// side; `None` where either are missing.
fn truth_auc(
    labels: &[Label],
    sides: &[Side],
    scores: &[f32],
    truth: &[Option<bool>],
) -> Result<Option<f64>> {
    let known = |wanted: bool| -> Vec<f32> {
        (0..scores.len())
            .filter(|&i| {
                sides[i] != Side::Train
                    && labels[i] == Label::Unlabeled
                    && truth.get(i).copied().flatten() == Some(wanted)
                    && scores[i].is_finite()
            })
            .map(|i| scores[i])
            .collect()
    };
    let (particles, others) = (known(true), known(false));
    if particles.is_empty() || others.is_empty() {
        return Ok(None);
    }
    Ok(Some(auc(&particles, &others)?))
}

/// Whether a stored run is a baseline; see [`RunConfig::is_baseline`](crate::learning::config::RunConfig::is_baseline).
pub fn is_baseline(run: &Run) -> bool {
    yaml::parse(&run.config, &run.name).is_ok_and(|config| config.is_baseline())
}

/// The runs to compare: those named, or all that have at least one epoch.
///
/// # Errors
/// When a name is unknown, or there is nothing to compare.
pub fn summaries(
    project: &Project,
    names: &[String],
    truth: Option<&[Option<bool>]>,
) -> Result<Vec<RunSummary>> {
    let runs: Vec<Run> = if names.is_empty() {
        project.runs()?.into_iter().filter(|run| run.best_epoch.is_some()).collect()
    } else {
        names.iter().map(|name| project.run(name)).collect::<Result<_>>()?
    };
    if runs.is_empty() {
        return Err(Error::request("the project has no trained run to compare", Remedy::TrainFirst));
    }
    runs.iter().map(|run| summary(project, run, truth)).collect()
}

/// What the report says of a project.
fn facts(project: &Project) -> Result<ProjectFacts> {
    let mut facts = Vec::new();
    let mut fact = |what: &str, value: String| facts.push((what.to_owned(), value));
    fact("Patches", project.len().to_string());
    if let Some(size) = project.size() {
        fact("Patch size", format!("{size} × {size} px"));
    }
    fact("Micrographs", project.micrographs()?.len().to_string());
    for source in project.sources()? {
        if let Some(scale) = source.info.pixel_size {
            fact("Pixel size", format!("{scale:.3} Å/px"));
            break;
        }
    }
    if let Some(kind) =
        project.normaliser()?.as_ref().and_then(|n| n.pointer("/method/kind")).and_then(Value::as_str)
    {
        fact("Normaliser", kind.replace('_', " "));
    }
    Ok(ProjectFacts {
        name: project
            .dir()
            .file_name()
            .map_or_else(|| "project".to_owned(), |n| n.to_string_lossy().into_owned()),
        counts: project.label_counts()?,
        facts,
    })
}

/// Writes the report: one self-contained HTML file.
///
/// # Errors
/// When the project cannot be read or the disk refuses.
pub fn write_report(project: &Project, runs: Vec<RunSummary>, path: &Path) -> Result<()> {
    let patches = match pictured_run(project, &runs)? {
        Some((name, scores)) => {
            pictures(project, &name, &scores)?.into_iter().map(|(_, picture)| picture).collect()
        }
        None => Vec::new(),
    };
    let facts = facts(project)?;
    let input = ReportInput {
        title: format!("{}: comparison of {} runs", facts.name, runs.len()),
        made: format!("Vitrine {}, {}", env!("CARGO_PKG_VERSION"), today()),
        project: facts,
        runs,
        patches,
        warnings: Vec::new(),
    };
    crate::report::html::write(&input, path)
}

/// Writes the pictures of the report as files of their own (SVG plots, PNG patches) into a folder that
/// is made where it is missing; returns their paths.
///
/// # Errors
/// When the project cannot be read or the disk refuses.
pub fn write_pictures(project: &Project, runs: &[RunSummary], dir: &Path) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
    let mut files: Vec<(String, Option<Vec<u8>>)> = Vec::new();
    let mut plot =
        |name: &str, svg: Option<String>| files.push((format!("{name}.svg"), svg.map(String::into_bytes)));
    plot("auc_over_epochs", figures::auc_over_epochs(runs)?);
    plot("pseudo_labels", figures::pseudo_labels(runs)?);
    plot("losses", figures::losses(runs)?);
    for against in [Against::Unlabeled, Against::Negative] {
        plot(&format!("roc_{}", against.as_str()), figures::roc(runs, against)?);
        plot(&format!("precision_recall_{}", against.as_str()), figures::precision_recall(runs, against)?);
    }
    for run in runs {
        plot(&format!("scores_{}", run.name), figures::score_histograms(run)?);
    }
    if let Some((name, scores)) = pictured_run(project, runs)? {
        for (file, picture) in pictures(project, &name, &scores)? {
            files.push((format!("{file}.png"), Some(picture.png)));
        }
    }
    let mut written = Vec::new();
    for (name, bytes) in files {
        if let Some(bytes) = bytes {
            let path = dir.join(name);
            write_atomically(&path, &bytes)?;
            written.push(path);
        }
    }
    Ok(written)
}

/// The run whose patches are shown, with its scores: the last that is no baseline.
fn pictured_run(project: &Project, runs: &[RunSummary]) -> Result<Option<(String, Vec<f32>)>> {
    let Some(run) = runs.iter().rfind(|run| !run.is_baseline).or(runs.last()) else { return Ok(None) };
    let id = project.run(&run.name)?.id;
    Ok(project.scores(id, ScoreKind::Teacher)?.map(|scores| (run.name.clone(), scores)))
}

fn today() -> String {
    jiff::Zoned::now().strftime("%Y-%m-%d %H:%M").to_string()
}

/// Montages a person can judge a run by: the unlabeled with the highest scores, those in the middle,
/// those with the lowest, and the positives the run believes least; each with a name for its file.
fn pictures(project: &Project, run: &str, scores: &[f32]) -> Result<Vec<(&'static str, PatchPicture)>> {
    let labels = project.labels()?;
    let ranked = |label: Label| {
        let mut ids: Vec<usize> =
            (0..scores.len()).filter(|&i| labels[i] == label && scores[i].is_finite()).collect();
        ids.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        ids
    };
    let unlabeled = ranked(Label::Unlabeled);
    let positive = ranked(Label::Positive);
    let tail = |ids: &[usize]| {
        ids[ids.len().saturating_sub(PATCHES_PER_PICTURE)..].iter().rev().copied().collect::<Vec<_>>()
    };
    let nearest_half = {
        let mut ids = unlabeled.clone();
        ids.sort_by(|&a, &b| (scores[a] - 0.5).abs().total_cmp(&(scores[b] - 0.5).abs()));
        ids
    };
    let sets: [(&str, &str, Vec<usize>); 4] = [
        ("highest_unlabeled", "Unlabeled with the highest scores", unlabeled.clone()),
        ("least_sure_unlabeled", "Unlabeled the run is least sure of", nearest_half),
        ("lowest_unlabeled", "Unlabeled with the lowest scores", tail(&unlabeled)),
        ("lowest_positive", "Positives with the lowest scores: worth a second look", tail(&positive)),
    ];
    let mut pictures = Vec::new();
    for (file, caption, ids) in sets {
        let ids: Vec<usize> = ids.into_iter().take(PATCHES_PER_PICTURE).collect();
        if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
            let range = format!("{:.3} to {:.3}", scores[*first], scores[*last]);
            let caption = format!("{caption} (run {run}, scores {range})");
            pictures.push((file, PatchPicture { caption, png: montage(project, &ids)? }));
        }
    }
    Ok(pictures)
}

/// Patches side by side as an 8-bit PNG, each with the grey values of [`to_grayscale`].
///
/// # Errors
/// When a patch cannot be read.
pub fn montage(project: &Project, ids: &[usize]) -> Result<Vec<u8>> {
    let size = project.size().unwrap_or(1);
    let pixels = project.pixels();
    let gap = 2;
    let columns = PICTURE_COLUMNS.min(ids.len()).max(1);
    let rows = ids.len().div_ceil(columns).max(1);
    let (width, height) = (columns * (size + gap) - gap, rows * (size + gap) - gap);
    let mut canvas = vec![255u8; width * height];
    let mut patch = vec![0.0f32; size * size];
    for (place, &id) in ids.iter().enumerate() {
        pixels.get(PatchId::try_from(id).unwrap_or(PatchId::MAX), &mut patch)?;
        let grey = to_grayscale(&patch);
        let (left, top) = ((place % columns) * (size + gap), (place / columns) * (size + gap));
        for y in 0..size {
            let from = (top + y) * width + left;
            canvas[from..from + size].copy_from_slice(&grey[y * size..(y + 1) * size]);
        }
    }
    let picture = image::GrayImage::from_raw(width as u32, height as u32, canvas)
        .ok_or_else(|| Error::defect("a picture of patches could not be made"))?;
    let mut png = Cursor::new(Vec::new());
    picture
        .write_to(&mut png, image::ImageFormat::Png)
        .map_err(|e| Error::defect(format!("a picture of patches could not be made: {e}")))?;
    Ok(png.into_inner())
}
