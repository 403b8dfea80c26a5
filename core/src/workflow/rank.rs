//! Ranks patches before anybody has labelled any: a run of the general model, which learned from simulated particles.
//!
//! What it leaves behind is a run like any other, without epochs: its scores feed gallery, queues and export, it picks
//! on micrographs, and a run can begin with its weights.

use serde_json::{Map, Value, json};

use super::contrast::{Beside, contrasts};
use super::score::{lowers, probabilities, project_logits};
use super::train::{free_name, versions};
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::imaging::Contrast;
use crate::label::Label;
use crate::learning::config::{RunConfig, yaml};
use crate::learning::eval::metrics::Ranking;
use crate::learning::general_model::{ContrastFit, MIN_PATCHES, PATCH_SIZE, contrast_fit, general_model};
use crate::learning::infer::contrast::ContrastRule;
use crate::learning::infer::predict::probability;
use crate::learning::infer::scorer::Scorer;
use crate::learning::train::checkpoint::{Checkpoint, model_path};
use crate::progress::ProgressSink;
use crate::project::{NewRun, PatchId, Project, RunEnd, ScoreKind};

/// What is ranked, and how.
#[derive(Debug, Clone)]
pub struct RankRequest {
    /// Name of the run; `None` takes the first free of `general-1`, `general-2`, …
    pub name: Option<String>,
    /// Whether particles are dark or light; [`Contrast::Both`] finds out.
    pub contrast: Contrast,
    /// Where to compute.
    pub device: ComputeDevice,
}

/// What ranking did.
#[derive(Debug, Clone, PartialEq)]
pub struct RankResult {
    /// Name of the run that holds the scores.
    pub run: String,
    /// Whether particles were taken for light; dark otherwise.
    pub is_light: bool,
    /// Patches scored.
    pub patches: usize,
    /// Patches with a score of 0.5 or more.
    pub above_half: usize,
    /// AUC of the positives against the unlabeled, where there are enough of both.
    pub auc_pu: Option<f64>,
}

/// Scores every patch of the project with the general model and stores the scores as a run.
///
/// A project without patches gets the run too: it can pick on micrographs.
///
/// # Errors
/// When the name is taken, a patch cannot be read, the disk refuses, or [`Error::Cancelled`]; nothing is stored then.
pub fn rank(project: &mut Project, request: RankRequest, progress: ProgressSink<'_>) -> Result<RankResult> {
    let size = project.size().filter(|_| !project.is_empty()).unwrap_or(PATCH_SIZE);
    let labels = project.labels()?;
    let mut best: Option<Ranked> = None;
    let tried: &[bool] = match request.contrast {
        Contrast::Dark => &[false],
        Contrast::Light => &[true],
        // Without a patch there is nothing to tell by; micrographs from the camera are dark.
        Contrast::Both if project.is_empty() => &[false],
        Contrast::Both => &[false, true],
    };
    for &is_light in tried {
        let model = general_model(size, is_light)?;
        let logits = if project.is_empty() {
            Vec::new()
        } else {
            project_logits(project, &Scorer::new(&model, request.device.clone())?, progress)?
        };
        let scores = probabilities(&logits, &[]);
        let ranked = Ranked { evidence: evidence(&scores, &labels)?, is_light, model, logits, scores };
        if best.as_ref().is_none_or(|best| ranked.evidence > best.evidence) {
            best = Some(ranked);
        }
    }
    let mut ranked = best.ok_or_else(|| Error::defect("no contrast was tried"))?;
    // As of every run, the AUC is that of the network alone.
    let auc_pu = auc_pu(&ranked.scores, &labels);
    ranked.lower_by_contrast(project, &labels)?;
    store(project, request, ranked, auc_pu)
}

/// The scores with one contrast.
struct Ranked {
    evidence: ContrastFit,
    is_light: bool,
    model: Checkpoint,
    logits: Vec<f32>,
    scores: Vec<f32>,
}

impl Ranked {
    /// Lowers the scores of patches that stand out from their micrographs less than those of which the model is sure, if these
    /// stand out; the rule goes into the model.
    fn lower_by_contrast(&mut self, project: &Project, labels: &[Label]) -> Result<()> {
        let all: Vec<PatchId> = (0..).take(project.len()).collect();
        let patches = contrasts(project, &Beside::Unlabeled(labels), &all)?;
        let header = &mut self.model.header;
        header.contrast = ContrastRule::fit_by_scores(&patches, &self.scores);
        header.contrast_by_scores = patches.iter().all(Option::is_none);
        if let Some(rule) = self.model.header.contrast {
            self.scores = probabilities(&self.logits, &lowers(rule, patches));
        }
        Ok(())
    }
}

/// How well a contrast suits the patches.
fn evidence(scores: &[f32], labels: &[Label]) -> Result<ContrastFit> {
    let [positive, unlabeled] = by_label(scores, labels);
    // Where all patches are known negatives they have to do.
    let all_negative = positive.is_empty() && unlabeled.is_empty();
    contrast_fit(&positive, if all_negative { scores } else { &unlabeled })
}

/// Scores of positives and of unlabeled patches.
fn by_label(scores: &[f32], labels: &[Label]) -> [Vec<f32>; 2] {
    [Label::Positive, Label::Unlabeled].map(|wanted| {
        scores.iter().zip(labels).filter(|(_, label)| **label == wanted).map(|(score, _)| *score).collect()
    })
}

fn auc_pu(scores: &[f32], labels: &[Label]) -> Option<f64> {
    let [positive, unlabeled] = by_label(scores, labels);
    if positive.len() < MIN_PATCHES || unlabeled.len() < MIN_PATCHES {
        return None;
    }
    Ranking::new(&positive, &unlabeled).ok().map(|ranking| ranking.auc())
}

fn store(
    project: &mut Project,
    request: RankRequest,
    ranked: Ranked,
    auc_pu: Option<f64>,
) -> Result<RankResult> {
    let name = match request.name {
        Some(name) => name,
        None => free_name(project, "general")?,
    };
    let config: &RunConfig = &ranked.model.header.config;
    let run = project.create_run(&NewRun {
        name,
        config: yaml::to_yaml(config)?,
        seed: config.seed,
        versions: versions(),
        began_with: None,
        device: request.device.to_string(),
        normaliser: serde_json::to_value(ranked.model.header.normaliser)
            .map_err(|e| Error::defect(format!("the normaliser cannot be stored: {e}")))?,
        // It learned from none of the project's patches.
        split: None,
        columns: vec!["validation_auc_pu".to_owned()],
    })?;
    let done = (|| {
        ranked.model.save(&model_path(&project.run_dir(&run.name)))?;
        let mut values = Map::new();
        values.insert("validation_auc_pu".to_owned(), auc_pu.map_or(Value::Null, |auc| json!(auc)));
        project.record_epoch(&run, 0, &values, true)?;
        if !project.is_empty() {
            project.set_scores(run.id, ScoreKind::Teacher, &ranked.scores)?;
        }
        project.end_run(run.id, RunEnd::Finished, None)
    })();
    if let Err(error) = done {
        // The first error is the one to show, even when the project cannot take it either.
        let _ = project.end_run(run.id, RunEnd::Failed, Some(&error.to_string()));
        return Err(error);
    }
    let half = probability(0.0);
    Ok(RankResult {
        run: run.name,
        is_light: ranked.is_light,
        patches: ranked.scores.len(),
        above_half: ranked.scores.iter().filter(|score| **score >= half).count(),
        auc_pu,
    })
}
