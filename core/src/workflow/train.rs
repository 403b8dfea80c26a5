//! Trains a run of a project: a new one, one that begins with the weights of another, or one that was stopped.

use serde_json::{Value, json};

use super::prepare::{Prepared, prepare, prepare_with};
pub use super::record::{Listen, RunResult};
use super::record::{drive, epoch_values};
use super::trained::trained_model;
use crate::atomic::write_atomically;
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::learning::config::check::cautions;
use crate::learning::config::presets::Preset;
use crate::learning::config::yaml;
use crate::learning::config::{PretrainConfig, PretrainKind, PriorConfig, RunConfig};
use crate::learning::pretrain::load_named_weights;
use crate::learning::pretrain::weights_file::pretraining_path;
use crate::learning::prior::PriorUsed;
use crate::learning::prior::best_bin::LabellingRateSuspicion;
use crate::learning::prior::pick_test::PickTest;
use crate::learning::train::check_data::check_data;
use crate::learning::train::checkpoint::{Checkpoint, CheckpointHeader, model_path, resume_path};
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;
use crate::learning::train::run::TrainJob;
use crate::progress::ProgressSink;
use crate::project::{NewRun, Project, Run, RunStatus, Split, SplitMethod};
use crate::remedy::Warning;
use crate::review::{checked, judged_sample};

/// A run about to be trained.
pub struct TrainRequest {
    /// Name of the run; `None` numbers it after `base_name`.
    pub name: Option<String>,
    /// Stem of numbered names, e.g. the preset's.
    pub base_name: String,
    /// The configuration.
    pub config: RunConfig,
    /// Where to compute.
    pub device: ComputeDevice,
    /// One entry per patch of the project where truth is known; for evaluation only.
    pub truth: Option<Vec<Option<bool>>>,
    /// A class prior estimated before for the same labels, so that it is not estimated again.
    pub known_prior: Option<PriorUsed>,
}

/// What a person should know about a configuration before the run.
fn config_warnings(config: &RunConfig, prepared: &Prepared) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let PriorConfig::Given(prior) = config.prior {
        let counts = prepared.data.counts(&prepared.data.train);
        let all = crate::label::LabelCounts::of(prepared.data.labels.iter().copied());
        warnings.extend(
            LabellingRateSuspicion::of(prior, counts.positive, counts.unlabeled)
                .or_else(|| LabellingRateSuspicion::of(prior, all.positive, all.unlabeled))
                .map(|suspicion| Warning::from(suspicion.to_string())),
        );
    }
    warnings.extend(cautions(config));
    warnings
}

/// What a person should know of a split that keeps nothing together though micrographs are known.
fn split_warning(project: &Project, split: &Split) -> Result<Option<Warning>> {
    let leaks = split.method == SplitMethod::Random && !project.micrographs()?.is_empty();
    Ok(leaks.then(|| {
        Warning::from(
            "There are too few micrographs with labels to split by, and their boxes overlap. So a particle can have patches \
             on both sides, and the validation AUC is too good. Label patches on more micrographs."
                .to_owned(),
        )
    }))
}

/// Trains a new run and scores every patch with it. Epochs, checkpoints and the way it ended are in
/// the project even when this process dies.
///
/// # Errors
/// When data and method do not fit, the loss diverges, the disk is full, or the name is taken. A run
/// that failed stays in the project with the reason.
pub fn train_run(
    project: &mut Project,
    request: TrainRequest,
    listen: Listen<'_>,
    progress: ProgressSink<'_>,
) -> Result<RunResult> {
    train_new(project, request, None, listen, progress)
}

/// Trains a new run with the labels of now that begins with the weights of an earlier one: after
/// relabelling, what was learnt stays, and only the rest is learnt anew. π is estimated again where the
/// configuration says so, since labelling takes particles out of the unlabeled.
///
/// # Errors
/// When `from` has no model, its network or normaliser is another than the new run's, or as
/// [`train_run`].
pub fn train_from(
    project: &mut Project,
    from: &str,
    request: TrainRequest,
    listen: Listen<'_>,
    progress: ProgressSink<'_>,
) -> Result<RunResult> {
    let from = project.run(from)?.name;
    let model = weights_to_begin_with(project, &from, &request.config)?;
    train_new(project, request, Some((from, model)), listen, progress)
}

/// The trained network of run `from`, with which a run of this configuration can begin.
///
/// # Errors
/// When there is no such run, it has no model, or its network is another than the configuration's.
pub(super) fn weights_to_begin_with(project: &Project, from: &str, config: &RunConfig) -> Result<Checkpoint> {
    let model = Checkpoint::load(&trained_model(project, from)?)?;
    if model.header.config.backbone != config.backbone {
        return Err(Error::request(
            format!("run '{from}' has another network than the new run"),
            "choose the same backbone, or start a new run",
        ));
    }
    Ok(model)
}

/// The plain classifier that a run is compared with: same seed, split, network, pixels, prior and
/// length, so that the method is the only difference.
///
/// # Errors
/// When the preset cannot be read, which is a defect of the program.
pub fn baseline_of(config: &RunConfig) -> Result<RunConfig> {
    let mut baseline = yaml::preset(Preset::SupervisedBaseline)?;
    baseline.seed = config.seed;
    baseline.split = config.split;
    baseline.backbone = config.backbone;
    baseline.normaliser = config.normaliser;
    baseline.prior = config.prior;
    baseline.schedule.epochs = config.schedule.epochs;
    baseline.schedule.warm_up_epochs =
        baseline.schedule.warm_up_epochs.min(config.schedule.epochs.saturating_sub(1));
    Ok(baseline)
}

fn train_new(
    project: &mut Project,
    request: TrainRequest,
    from: Option<(String, Checkpoint)>,
    listen: Listen<'_>,
    progress: ProgressSink<'_>,
) -> Result<RunResult> {
    let TrainRequest { name, base_name, mut config, device, truth, known_prior } = request;
    let mut warnings = Vec::new();
    if let Some((from, _)) = &from
        && config.pretrain.kind != PretrainKind::None
    {
        config.pretrain = PretrainConfig::default();
        let text = format!("This run begins with the weights of {from}, so there is no pretraining");
        warnings.push(Warning::from(text));
    }
    let prepared = prepare(project, &config, truth.as_deref(), progress)?;
    check_data(&config, &prepared.data)?;
    if config.pretrain.kind == PretrainKind::Weights {
        // Before there is a run that could only fail.
        load_named_weights(&config, &prepared.normaliser)?;
    }
    let name = match name {
        Some(name) => name,
        None => free_name(project, &base_name)?,
    };
    let run = project.create_run(&NewRun {
        name,
        config: yaml::to_yaml(&config)?,
        seed: config.seed,
        versions: versions(),
        began_with: from.as_ref().map(|(from, _)| from.clone()),
        device: device.to_string(),
        normaliser: serde_json::to_value(prepared.normaliser).unwrap_or(Value::Null),
        split: Some(prepared.split.id),
        columns: EpochMetrics::COLUMNS.iter().skip(1).map(|&c| c.to_owned()).collect(),
    })?;
    let folder = project.run_dir(&run.name);
    write_atomically(&folder.join("config.yaml"), yaml::to_yaml(&config)?.as_bytes())?;
    warnings.extend(config_warnings(&config, &prepared));
    warnings.extend(split_warning(project, &prepared.split)?);
    let earlier = found_earlier(project, &run, &config)?;
    let job = TrainJob {
        config,
        data: prepared.data,
        normaliser: prepared.normaliser,
        contrast: prepared.contrast,
        device,
        folder: Some(folder),
        resume: from.map(|(_, model)| model.into_initial_weights()),
        known_prior: known_prior.or(earlier.prior),
        known_picks: earlier.picks,
        checked: checked(&judged_sample(project)?),
    };
    drive(project, &run, job, &warnings, listen, progress)
}

/// What earlier runs with the same split and labels have found before they trained.
#[derive(Default)]
struct Earlier {
    /// Their estimate of π, so that all runs are judged by one number and none waits for it again.
    prior: Option<PriorUsed>,
    /// Their test of the picks with the same network.
    picks: Option<PickTest>,
}

/// What the newest runs that have it found before they trained. `config` is that of the run which asks.
fn found_earlier(project: &Project, run: &Run, config: &RunConfig) -> Result<Earlier> {
    let mut found = Earlier::default();
    for earlier in project.runs()?.into_iter().rev() {
        let model = model_path(&project.run_dir(&earlier.name));
        let same = earlier.id != run.id
            && earlier.split == run.split
            && earlier.normaliser == run.normaliser
            && model.exists();
        // A broken configuration or file is the other run's problem.
        let Some(its) = yaml::parse(&earlier.config, &earlier.name).ok().filter(|_| same) else { continue };
        // The general model's estimate is another one, and asking for it costs nothing.
        let has_prior = found.prior.is_none() && !its.takes_prior_from_general_model();
        let tested = |config: &RunConfig| config.self_training.test_picks;
        let has_picks =
            found.picks.is_none() && tested(config) && tested(&its) && its.backbone == config.backbone;
        if !(has_prior || has_picks)
            || project.labels_at(earlier.journal_position)? != project.labels_at(run.journal_position)?
        {
            continue;
        }
        let Ok(CheckpointHeader { prior, trial, .. }) = Checkpoint::load(&model).map(|c| c.header) else {
            continue;
        };
        if has_prior && prior.estimated {
            found.prior = Some(prior);
        }
        if has_picks {
            found.picks = trial.picks();
        }
    }
    Ok(found)
}

/// Goes on with a run that was stopped or interrupted, from its last checkpoint: its last complete epoch,
/// also one of its pretraining, or a place within an epoch where the person asked for one.
///
/// # Errors
/// When there is no checkpoint, the split or normaliser of now are not those of the run, or as
/// [`train_run`].
pub fn resume_run(
    project: &mut Project,
    name: &str,
    device: ComputeDevice,
    truth: Option<Vec<Option<bool>>>,
    listen: Listen<'_>,
    progress: ProgressSink<'_>,
) -> Result<RunResult> {
    let run = project.run(name)?;
    let folder = project.run_dir(name);
    let path = resume_path(&folder);
    let stored = yaml::parse(&run.config, name);
    // Before its first epoch a run has only what pretraining left, if that.
    let pretrains = stored.as_ref().is_ok_and(|config| {
        // The general model leaves nothing behind.
        !matches!(config.pretrain.kind, PretrainKind::None | PretrainKind::General)
    });
    let checkpoint = if path.exists() || !pretrains { Some(Checkpoint::load(&path)?) } else { None };
    let config = match &checkpoint {
        Some(checkpoint) => checkpoint.header.config.clone(),
        None => stored?,
    };
    if let Some(CheckpointHeader { epoch, trial, .. }) = checkpoint.as_ref().map(|c| &c.header)
        && *epoch >= config.schedule.epochs + trial.lost_epochs()
    {
        return Err(Error::request(
            format!("run '{name}' has trained all of its {epoch} epochs"),
            "start a new run, with more epochs if it should train longer",
        ));
    }
    let split = project.splits()?.into_iter().find(|split| Some(split.id) == run.split).ok_or_else(|| {
        Error::request(format!("run '{name}' has no split to go on with"), "start a new run")
    })?;
    // The labels the run began with: a run that changed its mind half way could not be repeated.
    let labels = project.labels_at(run.journal_position)?;
    let prepared = prepare_with(project, &config, split, &labels, truth.as_deref(), progress)?;
    let known = match &checkpoint {
        Some(checkpoint) => checkpoint.header.normaliser,
        None => serde_json::from_value(run.normaliser.clone()).map_err(|e| {
            Error::request(format!("the normaliser of run '{name}' cannot be read: {e}"), "start a new run")
        })?,
    };
    known.require_same(&prepared.normaliser)?;
    let header = checkpoint.as_ref().map(|c| &c.header);
    let epoch = u32::try_from(header.map_or(0, |h| h.epoch)).unwrap_or(u32::MAX);
    let best = header.and_then(|h| h.best).and_then(|(epoch, _)| u32::try_from(epoch).ok());
    let run = project.resume_run(name, epoch, best)?;
    if let Some(checkpoint) = &checkpoint {
        refill(project, &run, checkpoint, best)?;
    }
    let warnings = config_warnings(&config, &prepared);
    let earlier = found_earlier(project, &run, &config)?;
    let job = TrainJob {
        config,
        data: prepared.data,
        normaliser: prepared.normaliser,
        contrast: prepared.contrast,
        device,
        folder: Some(folder),
        resume: checkpoint,
        known_prior: earlier.prior,
        known_picks: earlier.picks,
        checked: checked(&judged_sample(project)?),
    };
    drive(project, &run, job, &warnings, listen, progress)
}

/// Whether a run that did not end by itself has something to go on from: a complete epoch, a checkpoint
/// within its first one, or part of its pretraining.
pub fn can_resume(project: &Project, run: &Run) -> bool {
    let folder = project.run_dir(&run.name);
    matches!(run.status, RunStatus::Stopped | RunStatus::Interrupted | RunStatus::Failed)
        && (run.best_epoch.is_some() || resume_path(&folder).exists() || pretraining_path(&folder).exists())
}

/// A process killed between writing a checkpoint and recording its epoch leaves the record one epoch
/// short; the checkpoint has the numbers.
fn refill(project: &mut Project, run: &Run, checkpoint: &Checkpoint, best: Option<u32>) -> Result<()> {
    let known: Vec<u32> = project.metrics(run.id)?.into_iter().map(|m| m.epoch).collect();
    for metrics in checkpoint.header.history.epochs() {
        let epoch = u32::try_from(metrics.epoch).unwrap_or(u32::MAX);
        if !known.contains(&epoch) {
            project.record_epoch(run, epoch, &epoch_values(&metrics), best == Some(epoch))?;
        }
    }
    Ok(())
}

/// `base-1`, `base-2`, … the first that is free.
///
/// # Errors
/// When the runs cannot be read.
pub fn free_name(project: &Project, base: &str) -> Result<String> {
    let taken: Vec<String> = project.runs()?.into_iter().map(|run| run.name).collect();
    let name = |n: usize| format!("{base}-{n}");
    Ok((1..).map(name).find(|name| !taken.contains(name)).unwrap_or_else(|| base.to_owned()))
}

/// Versions stored with each run.
pub fn versions() -> Value {
    json!({
        "vitrine": env!("CARGO_PKG_VERSION"),
        "burn": crate::device::BURN_VERSION,
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
    })
}
