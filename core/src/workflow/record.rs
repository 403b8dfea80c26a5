//! Runs the trainer on a thread of its own and records in the project what it reports: epochs, the model, scores, and how
//! the run ended.

use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};

use serde_json::{Map, Value, json};

use super::score::score_project;
use crate::device::ComputeDevice;
use crate::diagnosis::health;
use crate::error::{Error, Result};
use crate::learning::config::RunConfig;
use crate::learning::infer::scorer::Scorer;
use crate::learning::pretrain::weights_file::pretraining_path;
use crate::learning::prior::PriorUsed;
use crate::learning::train::checkpoint::{model_path, resume_path};
use crate::learning::train::events::{RunPhase, TrainControl, TrainEvent};
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;
use crate::learning::train::run::{EarlyEnd, RunOutcome, TrainJob, train};
use crate::progress::{ProgressSink, report};
use crate::project::{Project, Run, RunEnd, RunId, ScoreKind};
use crate::remedy::{Remedy, Warning};

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// The run's name.
    pub name: String,
    /// Id of the run.
    pub id: RunId,
    /// π and its interval.
    pub prior: PriorUsed,
    /// Epoch whose weights score.
    pub best_epoch: usize,
    /// Measures of that epoch.
    pub best: EpochMetrics,
    /// Epochs trained.
    pub epochs: usize,
    /// Why it ended before its last epoch, if it did.
    pub ended_early: Option<EarlyEnd>,
    /// Whether every patch was scored; not where that was cancelled.
    pub scored: bool,
}

/// Hears what the trainer says, and may answer with orders.
pub type Listen<'a> = &'a mut dyn FnMut(&TrainEvent, &Sender<TrainControl>);

/// Runs the trainer on its thread and writes down what it says.
///
/// # Errors
/// When the trainer fails, or the project cannot take its epochs; the run then has failed.
pub(super) fn drive(
    project: &mut Project,
    run: &Run,
    job: TrainJob,
    warnings: &[Warning],
    listen: Listen<'_>,
    progress: ProgressSink<'_>,
) -> Result<RunResult> {
    let (orders, control) = channel();
    let (say, hear) = sync_channel(256);
    for warning in warnings {
        listen(&TrainEvent::Warning(warning.clone()), &orders);
    }
    let device = job.device.clone();
    let began = std::time::Instant::now();
    tracing::info!(run = %run.name, %device, epochs = job.config.schedule.epochs, "a run begins");
    let watched = Watched {
        config: job.config.clone(),
        history: job.resume.as_ref().map_or_else(Vec::new, |checkpoint| checkpoint.header.history.epochs()),
    };
    let thread = std::thread::Builder::new()
        .name(format!("train {}", run.name))
        .spawn(move || train(job, &control, &say))
        .map_err(|e| Error::io("start a thread for", &run.name, e))?;
    let kept = record(project, run, &watched, &hear, &orders, listen);
    if kept.is_err() {
        // The project no longer takes epochs (full disk, say): training on would be for nothing.
        let _ = orders.send(TrainControl::Stop);
        while hear.recv().is_ok() {}
    }
    let outcome = thread.join().unwrap_or_else(|_| {
        Err(Error::request(
            "the training thread ended by a defect of the program or of the graphics driver",
            Remedy::TrainOnCpu,
        ))
    });
    let outcome = kept.and(outcome);
    match outcome {
        Ok(outcome) => {
            // Orders do nothing from here on.
            listen(&TrainEvent::Phase(RunPhase::Scoring), &orders);
            let ended = finish(project, run, outcome, device, progress);
            let seconds = began.elapsed().as_secs();
            match &ended {
                Ok(result) => tracing::info!(
                    run = %run.name, epochs = result.epochs, best_epoch = result.best_epoch, seconds, "a run has ended"
                ),
                Err(error) => {
                    tracing::error!(run = %run.name, seconds, %error, "the end of a run was not stored")
                }
            }
            ended
        }
        Err(Error::Cancelled) => {
            tracing::info!(run = %run.name, "a run was stopped before its first epoch was complete");
            let folder = project.run_dir(&run.name);
            let why = if resume_path(&folder).exists() {
                "stopped within the first epoch, after a checkpoint; it can be resumed"
            } else if pretraining_path(&folder).exists() {
                "stopped in pretraining, before the first epoch; it can be resumed"
            } else {
                "stopped before the first epoch was complete"
            };
            project.end_run(run.id, RunEnd::Stopped, Some(why))?;
            Err(Error::Cancelled)
        }
        Err(error) => {
            tracing::error!(run = %run.name, %error, "a run failed");
            // The first error is the one to show, even when the project cannot take it either.
            let _ = project.end_run(run.id, RunEnd::Failed, Some(&error.to_string()));
            Err(error)
        }
    }
}

/// What the health rules look at while a run trains.
struct Watched {
    config: RunConfig,
    history: Vec<EpochMetrics>,
}

fn record(
    project: &mut Project,
    run: &Run,
    watched: &Watched,
    hear: &Receiver<TrainEvent>,
    orders: &Sender<TrainControl>,
    listen: Listen<'_>,
) -> Result<()> {
    let mut history = watched.history.clone();
    while let Ok(event) = hear.recv() {
        if let TrainEvent::Epoch { metrics, best } = &event {
            let epoch = u32::try_from(metrics.epoch).unwrap_or(u32::MAX);
            project.record_epoch(run, epoch, &epoch_values(metrics), *best)?;
        }
        listen(&event, orders);
        if let TrainEvent::Epoch { metrics, .. } = &event {
            history.push((**metrics).clone());
            for flag in health::raised(&watched.config, &history) {
                listen(&TrainEvent::Warning(flag.line().into()), orders);
            }
        }
    }
    Ok(())
}

/// Measures by name, null where not measured.
pub(super) fn epoch_values(metrics: &EpochMetrics) -> Map<String, Value> {
    EpochMetrics::COLUMNS
        .iter()
        .zip(metrics.values())
        .skip(1)
        .map(|(&name, value)| (name.to_owned(), if value.is_finite() { json!(value) } else { Value::Null }))
        .collect()
}

fn finish(
    project: &mut Project,
    run: &Run,
    outcome: RunOutcome,
    device: ComputeDevice,
    progress: ProgressSink<'_>,
) -> Result<RunResult> {
    outcome.model.save(&model_path(&project.run_dir(&run.name)))?;
    let scorer = Scorer::new(&outcome.model, device)?;
    let scored = score_project(project, &scorer, progress);
    let scored = match scored {
        Ok(scores) => {
            project.set_scores(run.id, ScoreKind::Teacher, &scores)?;
            true
        }
        // The run itself is complete; `vitrine score` can be called any time.
        Err(Error::Cancelled) => false,
        Err(other) => return Err(other),
    };
    let stopped = outcome.ended_early == Some(EarlyEnd::Stopped);
    let end = if stopped { RunEnd::Stopped } else { RunEnd::Finished };
    project.end_run(run.id, end, outcome.ended_early.map(EarlyEnd::stored))?;
    let best = outcome
        .history
        .iter()
        .find(|metrics| metrics.epoch == outcome.best_epoch)
        .cloned()
        .unwrap_or_default();
    // Too late to be cancelled.
    let _ = report(progress, "Done", 1, 1);
    Ok(RunResult {
        name: run.name.clone(),
        id: run.id,
        prior: outcome.prior,
        best_epoch: outcome.best_epoch,
        best,
        epochs: outcome.history.len(),
        ended_early: outcome.ended_early,
        scored,
    })
}
