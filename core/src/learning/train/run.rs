//! A whole run: prior, epochs, checkpoints, the best epoch, and orders from outside.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};

use burn::module::Module;

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::imaging::normalise::Normaliser;
use crate::learning::config::{ConsistencyKind, RiskKind, RunConfig, SelectBy};
use crate::learning::data::TrainingData;
use crate::learning::loss::consistency::RunningConfidence;
use crate::learning::network::weights::{NamedTensors, collect, restore};
use crate::learning::pretrain;
use crate::learning::prior::PriorUsed;
use crate::learning::train::checkpoint::{
    Checkpoint, CheckpointHeader, FORMAT_VERSION, History, WITHIN_EPOCH, model_path, resume_path,
};
use crate::learning::train::epoch_metrics::EpochMetrics;
use crate::learning::train::events::{RunPhase, TrainControl, TrainEvent};
use crate::learning::train::mid_epoch::WithinEpoch;
use crate::learning::train::preflight::{Asked, ask};
use crate::learning::train::trainer::{AfterBatch, Trainer};

/// Everything a run needs.
pub struct TrainJob {
    /// The method.
    pub config: RunConfig,
    /// The patches, normalised by `normaliser`.
    pub data: TrainingData,
    /// Fitted on `data.train`.
    pub normaliser: Normaliser,
    /// Where to compute.
    pub device: ComputeDevice,
    /// Folder for checkpoints; `None` keeps nothing on disk. A pretraining of this run in it is gone on
    /// with, or its weights are used.
    pub folder: Option<PathBuf>,
    /// Go on from this checkpoint instead of starting anew. One of epoch 0 is a new run that begins
    /// with its weights ([`Checkpoint::as_beginning`]).
    pub resume: Option<Checkpoint>,
    /// Where the configuration says `estimate`: an estimate made before for the same labels.
    pub known_prior: Option<PriorUsed>,
}

/// Why a run ended before its last epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyEnd {
    /// It was told to stop.
    Stopped,
    /// Early stopping: validation has not improved for as many epochs as the configuration allows.
    NoImprovement,
}

impl EarlyEnd {
    /// The words in the project's record and on the screen; never changes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::NoImprovement => "validation no longer improves",
        }
    }
}

/// What a run leaves behind.
pub struct RunOutcome {
    /// Every epoch.
    pub history: Vec<EpochMetrics>,
    /// The epoch whose weights score.
    pub best_epoch: usize,
    /// π and its interval.
    pub prior: PriorUsed,
    /// Why it ended before its last epoch; `None` where it did not.
    pub ended_early: Option<EarlyEnd>,
    /// The scoring network of the best epoch.
    pub model: Checkpoint,
}

/// Refuses data a method can never learn from, in one sentence.
///
/// # Errors
/// When positives, unlabeled or negatives the method needs are missing from the training split.
pub fn check_fit(config: &RunConfig, data: &TrainingData) -> Result<()> {
    data.check()?;
    let counts = data.counts(&data.train);
    let in_short = format!(
        "the training split holds {} positive, {} unlabeled and {} negative patches",
        counts.positive, counts.unlabeled, counts.negative
    );
    if counts.positive == 0 {
        return Err(Error::request(
            format!("{in_short}: there is nothing to learn a particle from"),
            "label some particles as positive",
        ));
    }
    if config.risk.kind == RiskKind::Supervised && counts.negative == 0 {
        return Err(Error::request(
            format!("{in_short}, and the supervised risk needs known negatives"),
            "label some negatives, or use risk.kind naive, which takes the unlabeled as negative",
        ));
    }
    let needs_unlabeled = config.risk.kind != RiskKind::Supervised
        || config.consistency.kind != ConsistencyKind::None
        || config.self_training.enabled;
    if needs_unlabeled && counts.unlabeled == 0 {
        return Err(Error::request(
            format!("{in_short}, and this method learns from unlabeled patches"),
            "import an unlabeled pool, or use risk.kind supervised",
        ));
    }
    let smallest = if config.backbone == crate::learning::config::Backbone::Resnet18 { 32 } else { 16 };
    if data.size < smallest || data.size > 512 {
        return Err(Error::request(
            format!("patches of {} px are outside the {smallest} to 512 px this network takes", data.size),
            "cut or bin the patches to another size",
        ));
    }
    Ok(())
}

/// Runs to the end, or until told to stop. Events go to `events`; when nobody listens any more the
/// run goes on all the same.
///
/// # Errors
/// Data that does not fit the method, a diverged loss ([`Error::Training`]), a disk that refuses a
/// checkpoint, or [`Error::Cancelled`] when stopped before the first epoch was complete.
pub fn train(
    job: TrainJob,
    control: &Receiver<TrainControl>,
    events: &SyncSender<TrainEvent>,
) -> Result<RunOutcome> {
    let TrainJob { mut config, data, normaliser, device, folder, resume, known_prior } = job;
    check_fit(&config, &data)?;
    let say = |event| {
        // A listener that went away does not stop a run.
        let _ = events.send(event);
    };
    let mut orders = Orders { control, stop: false, checkpoint: false };

    let pretrained = match &resume {
        Some(_) => None,
        None => pretrain::beginning(&config, &data, &normaliser, &device, folder.as_deref(), &mut |event| {
            say(event);
            orders.poll();
            !orders.stop
        })?,
    };

    let begun = resume.as_ref().filter(|checkpoint| checkpoint.header.is_begun());
    let prior = match begun {
        Some(checkpoint) => {
            // What came of the trial of the overlay is in the configuration of the run that began.
            config.augmentation.weak = checkpoint.header.config.augmentation.weak;
            checkpoint.header.prior
        }
        None => {
            let mut progress = |done, of| {
                let epochs = config.schedule.epochs;
                say(TrainEvent::Progress { epoch: 0, epochs, batch: done, batches: of });
                orders.poll();
                !orders.stop
            };
            let Asked { prior, overlay } = ask(&config, &data, &device, known_prior, say, &mut progress)?;
            config.augmentation.weak.overlay = overlay;
            config.augmentation.weak.overlay_trial = false;
            prior
        }
    };

    let epochs = config.schedule.epochs;
    let mut trainer = Trainer::new(config.clone(), prior.value, data, &device);
    if let Some(features) = pretrained {
        trainer.begin_with(&features)?;
    }
    let mut history: Vec<EpochMetrics> = Vec::new();
    let mut best: Option<(usize, f64, NamedTensors)> = None;
    let mut within = None;
    if let Some(checkpoint) = resume {
        within = checkpoint.header.within.clone();
        history = checkpoint.header.history.epochs();
        best = trainer.resume(checkpoint, folder.as_deref(), &device)?;
    }
    let mut ended_early = None;
    say(TrainEvent::Phase(if device.is_cpu { RunPhase::Training } else { RunPhase::CompilingKernels }));
    let header =
        |trainer: &Trainer, history: &[EpochMetrics], best, within: Option<WithinEpoch>| CheckpointHeader {
            format: if within.is_some() { WITHIN_EPOCH } else { FORMAT_VERSION },
            program: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: history.len(),
            size: normaliser.size(),
            config: config.clone(),
            normaliser,
            prior,
            best,
            consistency: trainer.confidence.state(),
            trial: trainer.trial.clone(),
            optimizer_steps: trainer.optimizer.steps(),
            history: History::of(history),
            within,
        };
    let chosen =
        |best: &Option<(usize, f64, NamedTensors)>| best.as_ref().map(|(epoch, value, _)| (*epoch, *value));
    let first = history.len() + 1;
    let mut epoch = first - 1;
    while epoch < epochs + trainer.trial.lost_epochs() {
        epoch += 1;
        let epochs = epochs + trainer.trial.lost_epochs();
        let mut announced = epoch > first || device.is_cpu;
        // Asked for and not written yet.
        let pending = Cell::new(false);
        let outcome = trainer.run_epoch_from(
            epoch,
            within.take().as_ref(),
            |batch, batches| {
                if !announced {
                    announced = true;
                    say(TrainEvent::Phase(RunPhase::Training));
                }
                say(TrainEvent::Progress { epoch, epochs, batch, batches });
                orders.poll();
                if orders.stop {
                    return AfterBatch::Stop;
                }
                if std::mem::take(&mut orders.checkpoint) && folder.is_some() {
                    pending.set(true);
                    return AfterBatch::Keep;
                }
                AfterBatch::Continue
            },
            |trainer, place| {
                let Some(folder) = &folder else { return Ok(()) };
                let within = Some((place.batch, place.batches));
                let header = header(trainer, &history, chosen(&best), Some(place));
                trainer.checkpoint(header).save(&resume_path(folder))?;
                pending.set(false);
                say(TrainEvent::Checkpoint { epoch, within });
                Ok(())
            },
        );
        let outcome = outcome.map_err(|error| name_last_good(error, folder.as_deref(), history.len()))?;
        let Some(metrics) = outcome else {
            ended_early = Some(EarlyEnd::Stopped);
            break;
        };
        history.push(metrics.clone());
        let value = selection_value(&config, &metrics);
        let improved = best.as_ref().is_none_or(|(_, held, _)| value >= *held);
        if improved {
            best = Some((epoch, value, collect(&trainer.scoring_network())));
        }
        let header = header(&trainer, &history, chosen(&best), None);
        if let Some(folder) = &folder {
            if improved && let Some((epoch, _, model)) = &best {
                let header = CheckpointHeader { epoch: *epoch, ..header.clone() };
                model_only(header, model.clone()).save(&model_path(folder))?;
            }
            trainer.checkpoint(header).save(&resume_path(folder))?;
            if pending.get() || std::mem::take(&mut orders.checkpoint) {
                say(TrainEvent::Checkpoint { epoch, within: None });
            }
        }
        say(TrainEvent::Epoch { metrics: Box::new(metrics), best: improved });
        for sentence in trainer.take_news() {
            say(TrainEvent::Warning(sentence));
        }
        let patience = config.schedule.early_stopping_patience;
        let best_epoch = best.as_ref().map_or(epoch, |(epoch, ..)| *epoch);
        if patience > 0 && epoch - best_epoch >= patience {
            ended_early = Some(EarlyEnd::NoImprovement);
            break;
        }
    }
    let Some((best_epoch, value, model)) = best else {
        return Err(Error::Cancelled);
    };
    let header = header(&trainer, &history, Some((best_epoch, value)), None);
    let model = model_only(CheckpointHeader { epoch: best_epoch, ..header }, model);
    Ok(RunOutcome { history, best_epoch, prior, ended_early, model })
}

/// Adds to a diverged run's error which checkpoint is still good.
fn name_last_good(error: Error, folder: Option<&std::path::Path>, epochs: usize) -> Error {
    match (error, folder) {
        (Error::Training { epoch, batch, problem, remedy }, Some(folder)) if epochs > 0 => {
            let path = resume_path(folder);
            let remedy = format!("{remedy}; still good: epoch {epochs} in {}", path.display()).into();
            Error::Training { epoch, batch, problem, remedy }
        }
        (error, _) => error,
    }
}

fn model_only(header: CheckpointHeader, model: NamedTensors) -> Checkpoint {
    let none = NamedTensors::new;
    Checkpoint {
        header,
        model,
        student: none(),
        teacher: none(),
        optimizer: none(),
        student_before: none(),
        teacher_before: none(),
    }
}

/// What epochs are compared by: larger is better. Without validation positives the newest is best.
fn selection_value(config: &RunConfig, metrics: &EpochMetrics) -> f64 {
    match config.schedule.select_by {
        SelectBy::Last => metrics.epoch as f64,
        SelectBy::ValidationAuc if metrics.validation_auc_pu.is_finite() => metrics.validation_auc_pu,
        SelectBy::ValidationAuc if metrics.validation_auc_pn.is_finite() => metrics.validation_auc_pn,
        SelectBy::ValidationAuc => 0.0,
    }
}

/// Orders that arrived.
struct Orders<'a> {
    control: &'a Receiver<TrainControl>,
    stop: bool,
    checkpoint: bool,
}

impl Orders<'_> {
    /// Takes in what has arrived; waits while paused. A controller that went away orders nothing.
    fn poll(&mut self) {
        let mut paused = false;
        loop {
            let order = if paused {
                self.control.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.control.try_recv()
            };
            match order {
                Ok(TrainControl::Pause) => paused = true,
                Ok(TrainControl::Resume) => paused = false,
                Ok(TrainControl::Stop) => {
                    self.stop = true;
                    paused = false;
                }
                Ok(TrainControl::Checkpoint) => self.checkpoint = true,
                Err(_) => return,
            }
        }
    }
}

impl Trainer {
    /// Puts pretrained weights in place of the first ones, all but the last layer's.
    fn begin_with(&mut self, features: &NamedTensors) -> Result<()> {
        self.student = pretrain::put_into(self.student.clone(), features).map_err(|problem| {
            Error::request(
                format!("the pretrained weights do not fit the network: {problem}"),
                "use other weights, or pretrain on this project",
            )
        })?;
        self.teacher = self.teacher.take().map(|_| self.student.valid());
        Ok(())
    }

    /// The whole state between two steps of the optimiser.
    fn checkpoint(&self, header: CheckpointHeader) -> Checkpoint {
        Checkpoint {
            header,
            model: NamedTensors::new(),
            student: collect(&self.student.valid()),
            teacher: self.teacher.as_ref().map(collect).unwrap_or_default(),
            optimizer: self.optimizer.state(),
            student_before: self.before_trial.as_ref().map(|(s, _)| collect(&s.valid())).unwrap_or_default(),
            teacher_before: self
                .before_trial
                .as_ref()
                .and_then(|(_, t)| t.as_ref())
                .map(collect)
                .unwrap_or_default(),
        }
    }

    /// Puts back what [`Self::checkpoint`] took, and finds the best weights so far in the folder.
    fn resume(
        &mut self,
        checkpoint: Checkpoint,
        folder: Option<&std::path::Path>,
        device: &ComputeDevice,
    ) -> Result<Option<(usize, f64, NamedTensors)>> {
        let Checkpoint { header, student, teacher, optimizer, student_before, teacher_before, .. } =
            checkpoint;
        let misfit = |problem: String| {
            Error::request(format!("the checkpoint does not fit the run: {problem}"), "start a new run")
        };
        self.student = restore(self.student.clone(), &student).map_err(misfit)?;
        if let Some(network) = self.teacher.take() {
            self.teacher = Some(restore(network, &teacher).map_err(misfit)?);
        }
        self.optimizer.restore(header.optimizer_steps, optimizer, &device.inner);
        // A run that begins with the weights of another one has statistics and a trial of its own.
        if header.is_begun() {
            self.confidence = RunningConfidence::new(header.consistency, &device.inner);
            self.trial = header.trial;
        }
        // While a trial lasts, and within the epoch in which it begins.
        if !student_before.is_empty() {
            let student = restore(self.student.clone(), &student_before).map_err(misfit)?;
            let teacher = match &self.teacher {
                Some(network) => Some(restore(network.clone(), &teacher_before).map_err(misfit)?),
                None => None,
            };
            self.before_trial = Some((student, teacher));
        }
        let Some((epoch, value)) = header.best else { return Ok(None) };
        let model = match folder {
            Some(folder) => Checkpoint::load(&model_path(folder))?.model,
            None => collect(&self.scoring_network()),
        };
        Ok(Some((epoch, value, model)))
    }
}
