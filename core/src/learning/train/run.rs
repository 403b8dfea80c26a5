//! A whole run: check of the data, pretraining, preflight, epochs, checkpoints and the best epoch.

use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender};

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::imaging::normalise::Normaliser;
use crate::learning::config::{PretrainKind, RunConfig, SelectBy};
use crate::learning::data::TrainingData;
use crate::learning::infer::contrast::{ContrastRule, RunContrast};
use crate::learning::network::weights::{NamedTensors, extract};
use crate::learning::pretrain::{GeneralStart, initial_features};
use crate::learning::prior::PriorUsed;
use crate::learning::prior::binormal::Checked;
use crate::learning::prior::mean_image::mean_image_share;
use crate::learning::prior::pick_test::PickTest;
use crate::learning::train::channel::RunChannel;
use crate::learning::train::check_data::check_data;
use crate::learning::train::checkpoint::{
    Checkpoint, CheckpointHeader, FORMAT_VERSION, History, model_path, resume_path,
};
use crate::learning::train::events::{RunPhase, TrainControl, TrainEvent};
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;
use crate::learning::train::mid_epoch::MidEpochState;
use crate::learning::train::preflight::{Preflight, PriorEvidence, preflight};
use crate::learning::train::trainer::{AfterBatch, EpochObserver, Trainer};

/// Everything a run needs.
pub struct TrainJob {
    /// The configuration.
    pub config: RunConfig,
    /// The patches, normalised by `normaliser`.
    pub data: TrainingData,
    /// Fitted on the training side of `data`.
    pub normaliser: Normaliser,
    /// Where to compute.
    pub device: ComputeDevice,
    /// Folder for checkpoints; `None` writes nothing to disk. A pretraining of this run that the folder holds is
    /// resumed, or its weights are used if it was complete.
    pub folder: Option<PathBuf>,
    /// Checkpoint to resume from; `None` starts anew. A checkpoint of epoch 0 is a new run that begins with its
    /// weights ([`Checkpoint::into_initial_weights`]).
    pub resume: Option<Checkpoint>,
    /// An earlier estimate of π for the same labels, used where the configuration says `estimate`.
    pub known_prior: Option<PriorUsed>,
    /// An earlier test of the same picks with the same network.
    pub known_picks: Option<PickTest>,
    /// The contrast of each patch of `data`, and by how much it lowers scores. The rule goes into the checkpoints.
    pub contrast: Option<RunContrast>,
    /// Random unlabeled patches that a person has looked at; they enter a new estimate of π.
    pub checked: Checked,
}

/// Why a run ended before its last epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyEnd {
    /// It was ordered to stop.
    Stopped,
    /// Validation did not improve for as many epochs as the configuration allows.
    NoImprovement,
}

impl EarlyEnd {
    /// The text under which projects store it.
    pub const fn stored(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::NoImprovement => "validation no longer improves",
        }
    }
}

impl fmt::Display for EarlyEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.stored())
    }
}

/// The result of a run.
pub struct RunOutcome {
    /// Measures of every epoch.
    pub history: Vec<EpochMetrics>,
    /// The epoch whose weights score, counted from 1.
    pub best_epoch: usize,
    /// π and its interval.
    pub prior: PriorUsed,
    /// Why the run ended before its last epoch; `None` when it was complete.
    pub ended_early: Option<EarlyEnd>,
    /// The scoring network of the best epoch.
    pub model: Checkpoint,
}

/// Trains until the last epoch or an order to stop. The run continues when the receiver of `events` is gone.
///
/// # Errors
/// When the data does not fit the method, a loss diverges ([`Error::Training`]), or a checkpoint cannot be written;
/// [`Error::Cancelled`] when stopped before the first epoch was complete.
pub fn train(
    mut job: TrainJob,
    control: &Receiver<TrainControl>,
    events: &SyncSender<TrainEvent>,
) -> Result<RunOutcome> {
    check_data(&job.config, &job.data)?;
    let mut channel = RunChannel::new(control, events);
    let general = ask_general_model(&job)?;
    let begins_with_it = job.config.pretrain.kind == PretrainKind::General;
    let pretrained = match &general {
        Some(general) if begins_with_it && job.resume.is_none() => Some(general.weights().clone()),
        _ => pretrain_first(&job, &mut channel)?,
    };
    let (prior, picks) = settle_prior_and_overlay(&mut job, general.as_ref(), &mut channel)?;
    let mut run = Run::begin(job, prior, picks, general.as_ref(), pretrained.as_ref())?;
    let ended_early = run.train_epochs(&mut channel)?;
    run.into_outcome(ended_early)
}

/// What the general model says of the patches, where the run begins with it or ranks by it.
fn ask_general_model(job: &TrainJob) -> Result<Option<GeneralStart>> {
    let asked = job.config.pretrain.kind == PretrainKind::General || job.config.self_training.general_model;
    asked.then(|| GeneralStart::find(&job.data, &job.device)).transpose()
}

/// The pretrained weights a new run begins with; `None` without pretraining and in a resumed run.
fn pretrain_first(job: &TrainJob, channel: &mut RunChannel<'_>) -> Result<Option<NamedTensors>> {
    if job.resume.is_some() {
        return Ok(None);
    }
    let folder = job.folder.as_deref();
    initial_features(&job.config, &job.data, &job.normaliser, &job.device, folder, &mut |event| {
        channel.report(event);
        channel.keep_going()
    })
}

/// The class prior of the run, and the test of its picks. Also puts the overlay factor of the preflight into the
/// configuration. A resumed run keeps the prior, the test and the factor with which it began.
fn settle_prior_and_overlay(
    job: &mut TrainJob,
    general: Option<&GeneralStart>,
    channel: &mut RunChannel<'_>,
) -> Result<(PriorUsed, Option<PickTest>)> {
    let resumed = job.resume.as_ref().filter(|checkpoint| checkpoint.header.has_trained());
    if let Some(checkpoint) = resumed {
        job.config.augmentation.weak = checkpoint.header.config.augmentation.weak;
        return Ok((checkpoint.header.prior, checkpoint.header.trial.picks()));
    }
    if let Some(general) = general.filter(|_| job.config.takes_prior_from_general_model()) {
        let scores = &general.scores;
        let second = mean_image_share(&job.data)?;
        // With too few scores the quick classifiers have to say it.
        let prior = PriorUsed::estimate(&scores.positive, &scores.unlabeled, job.checked, second)
            .map(|prior| prior.or_count(Some(general.count())));
        job.known_prior = job.known_prior.or(prior.ok());
    }
    let epochs = job.config.schedule.epochs;
    let report = channel.reporter();
    let progress = |batch, batches| {
        channel.report(TrainEvent::Progress { epoch: 0, epochs, batch, batches });
        channel.keep_going()
    };
    let evidence = PriorEvidence {
        known: job.known_prior,
        known_picks: job.known_picks,
        checked: job.checked,
        general_count: general.map(GeneralStart::count),
    };
    let Preflight { prior, overlay, picks } =
        preflight(&job.config, &job.data, &job.device, evidence, report, progress)?;
    job.config.augmentation.weak.overlay = overlay;
    job.config.augmentation.weak.overlay_trial = false;
    Ok((prior, picks))
}

/// A run under way.
struct Run {
    record: RunRecord,
    trainer: Trainer,
    /// Where the first epoch goes on, in a run resumed within an epoch.
    resume_at: Option<MidEpochState>,
    /// Whether the phase "training" was reported. On a GPU the first batch compiles kernels.
    is_training_reported: bool,
}

/// What a run keeps beside the trainer.
struct RunRecord {
    config: RunConfig,
    normaliser: Normaliser,
    contrast: Option<ContrastRule>,
    prior: PriorUsed,
    folder: Option<PathBuf>,
    history: Vec<EpochMetrics>,
    best: Option<BestEpoch>,
}

struct BestEpoch {
    epoch: usize,
    /// The value by which epochs are compared.
    value: f64,
    /// The weights that score.
    model: NamedTensors,
}

impl Run {
    /// Draws or loads the initial weights, or puts back the state of the checkpoint.
    fn begin(
        job: TrainJob,
        prior: PriorUsed,
        picks: Option<PickTest>,
        general: Option<&GeneralStart>,
        pretrained: Option<&NamedTensors>,
    ) -> Result<Self> {
        let TrainJob { config, data, normaliser, device, folder, resume, contrast, .. } = job;
        let mut trainer = Trainer::new(config.clone(), prior.value, data, &device);
        trainer.trial.take_picks(picks);
        if let Some(general) = general.filter(|_| config.self_training.general_model) {
            trainer.rank_with(general, &device, prior.is_told())?;
        }
        let resumed =
            resume.as_ref().map(|checkpoint| &checkpoint.header).filter(|header| header.has_trained());
        let contrast = match (resumed, contrast) {
            // The rule with which it began, also where that was none.
            (Some(header), Some(contrast)) => {
                header.contrast.inspect(|rule| trainer.lowers = contrast.lowers(rule))
            }
            (None, Some(contrast)) => trainer.take_contrast(&contrast),
            (Some(header), None) => header.contrast,
            (None, None) => None,
        };
        if contrast.is_some() && resumed.is_none() {
            trainer.warnings.push(
                "Particles stand out from their micrographs, so a patch or a place that stands out less than most of them \
                 gets a lower score."
                    .to_owned()
                    .into(),
            );
        }
        if let Some(features) = pretrained {
            trainer.start_from_features(features)?;
        }
        let mut record =
            RunRecord { config, normaliser, contrast, prior, folder, history: Vec::new(), best: None };
        let mut resume_at = None;
        if let Some(checkpoint) = resume {
            resume_at = checkpoint.header.mid_epoch.clone();
            record.history = checkpoint.header.history.epochs();
            let best = checkpoint.header.best;
            trainer.restore(checkpoint, &device)?;
            record.best = record.load_best(best, &trainer)?;
        }
        Ok(Self { record, trainer, resume_at, is_training_reported: device.is_cpu })
    }

    /// Trains the epochs that are left. Returns why the run ended early, if it did.
    fn train_epochs(&mut self, channel: &mut RunChannel<'_>) -> Result<Option<EarlyEnd>> {
        let phase = if self.is_training_reported { RunPhase::Training } else { RunPhase::CompilingKernels };
        channel.report(TrainEvent::Phase(phase));
        let mut epoch = self.record.history.len() + 1;
        while epoch <= self.epochs() {
            let Some(metrics) = self.train_epoch(epoch, channel)? else {
                return Ok(Some(EarlyEnd::Stopped));
            };
            self.finish_epoch(epoch, metrics, channel)?;
            if !self.trainer.is_in_second_course(epoch) && self.record.has_stopped_improving(epoch) {
                return Ok(Some(EarlyEnd::NoImprovement));
            }
            epoch += 1;
        }
        Ok(None)
    }

    /// Epochs of the run. A failed trial of self-training and a second course make it longer.
    fn epochs(&self) -> usize {
        self.trainer.epochs()
    }

    /// Trains one epoch and reports its progress; `None` when it was stopped.
    fn train_epoch(&mut self, epoch: usize, channel: &mut RunChannel<'_>) -> Result<Option<EpochMetrics>> {
        let from = self.resume_at.take();
        let epochs = self.trainer.expected_epochs();
        let mut observer = EpochProgress {
            epoch,
            epochs,
            record: &self.record,
            is_training_reported: &mut self.is_training_reported,
            channel,
        };
        self.trainer
            .run_observed_epoch(epoch, from.as_ref(), &mut observer)
            .map_err(|error| self.record.name_last_checkpoint(error))
    }

    /// Records the epoch, writes the checkpoints and reports.
    fn finish_epoch(
        &mut self,
        epoch: usize,
        mut metrics: EpochMetrics,
        channel: &mut RunChannel<'_>,
    ) -> Result<()> {
        if !self.record.prior.is_told() {
            // A correction by a number that nobody knows would look like a measurement.
            metrics.validation_auc_corrected = f64::NAN;
        }
        let improved = self.record.add_epoch(epoch, &metrics, &self.trainer);
        if improved {
            self.record.save_model(&self.trainer)?;
        }
        if self.record.save_state(&self.trainer, None)? {
            channel.report_checkpoint(epoch, None);
        }
        channel.report(TrainEvent::Epoch { metrics: Box::new(metrics), best: improved });
        for warning in self.trainer.take_warnings() {
            channel.report(TrainEvent::Warning(warning));
        }
        Ok(())
    }

    fn into_outcome(self, ended_early: Option<EarlyEnd>) -> Result<RunOutcome> {
        let model = self.record.model(&self.trainer).ok_or(Error::Cancelled)?;
        let RunRecord { history, prior, .. } = self.record;
        Ok(RunOutcome { history, best_epoch: model.header.epoch, prior, ended_early, model })
    }
}

impl RunRecord {
    /// Adds the measures of an epoch. Keeps its weights and returns true when it is the best so far.
    fn add_epoch(&mut self, epoch: usize, metrics: &EpochMetrics, trainer: &Trainer) -> bool {
        self.history.push(metrics.clone());
        if trainer.is_in_second_course(epoch) {
            // What was measured is not what scores: that is still the first course.
            return false;
        }
        let value = selection_value(&self.config, metrics);
        // At the end of a second course the trainer has chosen already.
        let is_chosen = trainer.trial.first_course().is_some();
        let improved = is_chosen || self.best.as_ref().is_none_or(|best| value >= best.value);
        if improved {
            self.best = Some(BestEpoch { epoch, value, model: extract(&trainer.scoring_network()) });
        }
        improved
    }

    /// Whether the last improvement lies as many epochs back as the configuration allows.
    fn has_stopped_improving(&self, epoch: usize) -> bool {
        let patience = self.config.schedule.early_stopping_patience;
        let best_epoch = self.best.as_ref().map_or(epoch, |best| best.epoch);
        patience > 0 && epoch - best_epoch >= patience
    }

    /// The best epoch of a resumed run, with its weights from the folder.
    fn load_best(&self, best: Option<(usize, f64)>, trainer: &Trainer) -> Result<Option<BestEpoch>> {
        let Some((epoch, value)) = best else { return Ok(None) };
        let model = match &self.folder {
            Some(folder) => Checkpoint::load(&model_path(folder))?.model,
            None => extract(&trainer.scoring_network()),
        };
        Ok(Some(BestEpoch { epoch, value, model }))
    }

    fn header(&self, trainer: &Trainer) -> CheckpointHeader {
        CheckpointHeader {
            format: FORMAT_VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.history.len(),
            size: self.normaliser.size(),
            config: self.config.clone(),
            normaliser: self.normaliser,
            prior: self.prior,
            contrast: self
                .contrast
                .map(|rule| ContrastRule { for_patches: trainer.contrast_for_patches(), ..rule }),
            contrast_by_scores: false,
            best: self.best.as_ref().map(|best| (best.epoch, best.value)),
            consistency: trainer.confidence.state(),
            trial: trainer.trial.clone(),
            optimizer_steps: trainer.optimizer.steps(),
            history: History::from_epochs(&self.history),
            mid_epoch: None,
        }
    }

    /// The weights that score; `None` before the first epoch is complete.
    fn model(&self, trainer: &Trainer) -> Option<Checkpoint> {
        let best = self.best.as_ref()?;
        let header = CheckpointHeader { epoch: best.epoch, ..self.header(trainer) };
        Some(Checkpoint { model: best.model.clone(), ..Checkpoint::empty(header) })
    }

    /// Writes the weights that score.
    fn save_model(&self, trainer: &Trainer) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        self.model(trainer).map_or(Ok(()), |model| model.save(&model_path(folder)))
    }

    /// Writes the state from which the run can be resumed. Returns false where the run writes nothing to disk.
    fn save_state(&self, trainer: &Trainer, mid_epoch: Option<MidEpochState>) -> Result<bool> {
        let Some(folder) = &self.folder else { return Ok(false) };
        trainer.checkpoint(self.header(trainer).at(mid_epoch)).save(&resume_path(folder))?;
        Ok(true)
    }

    /// Adds to the error of a diverged run which checkpoint is still good.
    fn name_last_checkpoint(&self, error: Error) -> Error {
        let epochs = self.history.len();
        match (error, self.folder.clone()) {
            (Error::Training { epoch, batch, problem, remedy }, Some(folder)) if epochs > 0 => {
                let path = resume_path(&folder);
                let remedy = format!("{remedy}; still good: epoch {epochs} in {}", path.display()).into();
                Error::Training { epoch, batch, problem, remedy }
            }
            (error, _) => error,
        }
    }
}

/// The value by which epochs are compared; larger is better. Without validation positives the newest epoch is the
/// best.
fn selection_value(config: &RunConfig, metrics: &EpochMetrics) -> f64 {
    match config.schedule.select_by {
        SelectBy::Last => metrics.epoch as f64,
        SelectBy::ValidationAuc if metrics.validation_auc_pu.is_finite() => metrics.validation_auc_pu,
        SelectBy::ValidationAuc if metrics.validation_auc_pn.is_finite() => metrics.validation_auc_pn,
        SelectBy::ValidationAuc => 0.0,
    }
}

/// Reports the progress of an epoch and carries out orders between its batches.
struct EpochProgress<'a, 'c> {
    epoch: usize,
    epochs: usize,
    record: &'a RunRecord,
    is_training_reported: &'a mut bool,
    channel: &'a mut RunChannel<'c>,
}

impl EpochObserver for EpochProgress<'_, '_> {
    fn after_batch(&mut self, batch: usize, batches: usize) -> AfterBatch {
        if !std::mem::replace(self.is_training_reported, true) {
            self.channel.report(TrainEvent::Phase(RunPhase::Training));
        }
        let (epoch, epochs) = (self.epoch, self.epochs);
        self.channel.report(TrainEvent::Progress { epoch, epochs, batch, batches });
        let goes_on = self.channel.keep_going();
        match (goes_on, self.channel.wants_checkpoint() && self.record.folder.is_some()) {
            (true, false) => AfterBatch::Continue,
            (true, true) => AfterBatch::SaveState,
            (false, true) => AfterBatch::SaveAndStop,
            (false, false) => AfterBatch::Stop,
        }
    }

    fn save_state(&mut self, trainer: &Trainer, state: MidEpochState) -> Result<()> {
        let within = Some((state.batch, state.batches));
        self.record.save_state(trainer, Some(state))?;
        self.channel.report_checkpoint(self.epoch, within);
        Ok(())
    }
}
