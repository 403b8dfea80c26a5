//! The run that is training, from the events that its thread has reported.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vitrine_core::Warning;
use vitrine_core::device::DeviceChoice;
use vitrine_core::learning::prior::PriorUsed;
use vitrine_core::learning::prior::overlay_trial::OverlayChoice;
use vitrine_core::learning::train::events::{PretrainEpoch, RunPhase, TrainEvent};
use vitrine_core::learning::train::metrics::epoch_metrics::EpochMetrics;

use super::analysis::RunCurves;
use crate::gui::jobs::JobId;
use crate::gui::training::RunMemory;

/// The phase of a run, as the window sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum LivePhase {
    /// Running, in this phase.
    Running(RunPhase),
    /// Paused by the person.
    Paused,
    /// Ordered to stop; the current batch is still running.
    Stopping,
    /// Ended by its schedule, by a rule or by the person, with the reason if it ended early.
    Ended(Option<String>),
    /// Ended by an error, as a sentence.
    Failed(String),
}

/// A run since it was started from this window.
#[derive(Debug, Clone)]
pub struct LiveRun {
    /// The job it runs as.
    pub job: JobId,
    /// The run's name.
    pub name: String,
    /// The device, in words, until the project says it.
    pub device: String,
    /// The phase.
    pub phase: LivePhase,
    /// The phase it said last, also while it is paused.
    pub said_phase: RunPhase,
    /// The device that was chosen.
    pub choice: DeviceChoice,
    /// Whether the trainer has reported any event.
    pub has_reported: bool,
    /// Training has ended and the patches are being scored: orders have no effect any more.
    pub scoring: bool,
    /// Epoch, epochs, batch and batches of the last progress report.
    pub progress: Option<(usize, usize, usize, usize)>,
    /// π and the ends of its interval.
    pub prior: Option<PriorUsed>,
    /// The result of tuning the overlay.
    pub overlay: Option<OverlayChoice>,
    /// The last epoch of pretraining, where there is one.
    pub pretrained: Option<PretrainEpoch>,
    /// Epochs complete since it was started here.
    pub epochs: Vec<EpochMetrics>,
    /// The best epoch, counted from 1.
    pub best_epoch: Option<usize>,
    /// Warnings of the trainer.
    pub warnings: Vec<Warning>,
    /// Epoch of the last checkpoint that was asked for, and the batches done of it and in all where it was
    /// not complete.
    pub checkpoint: Option<(usize, Option<(usize, usize)>)>,
    /// The person has asked for a checkpoint that is not saved yet.
    pub checkpoint_asked: bool,
    /// When it was started here.
    pub started: Instant,
    /// All epochs, those before it went on included, for drawing.
    pub curves: Arc<RunCurves>,
    /// Memory that the run used when it was last measured.
    pub memory: Option<RunMemory>,
    /// The epoch under way and when it began.
    epoch_began: Option<(usize, Instant)>,
}

impl LiveRun {
    /// A run about to begin.
    pub fn new(job: JobId, name: String, choice: DeviceChoice) -> Self {
        Self {
            job,
            name,
            device: device_words(choice),
            choice,
            has_reported: false,
            scoring: false,
            phase: LivePhase::Running(RunPhase::Preparing),
            said_phase: RunPhase::Preparing,
            progress: None,
            prior: None,
            overlay: None,
            pretrained: None,
            epochs: Vec::new(),
            best_epoch: None,
            warnings: Vec::new(),
            checkpoint: None,
            checkpoint_asked: false,
            started: Instant::now(),
            curves: Arc::default(),
            memory: None,
            epoch_began: None,
        }
    }

    /// With the epochs it has behind it.
    pub fn with_history(mut self, is_baseline: bool, epochs: Vec<EpochMetrics>, best: Option<usize>) -> Self {
        self.best_epoch = best;
        self.curves = Arc::new(RunCurves::new(self.name.clone(), is_baseline, epochs));
        self
    }

    /// Estimated time to the end, at the pace of the last epochs; `None` before there is an estimate.
    pub fn time_left(&self) -> Option<Duration> {
        let (epoch, epochs, batch, batches) = self.progress?;
        if self.scoring || epoch == 0 || batches == 0 || !matches!(self.phase, LivePhase::Running(_)) {
            return None;
        }
        let here = batch as f64 / batches as f64;
        let recent: Vec<f64> =
            self.epochs.iter().rev().take(5).map(|m| m.seconds).filter(|s| s.is_finite()).collect();
        let per_epoch = if recent.is_empty() {
            // Within the first epoch: what is done of it has taken so long.
            let (_, began) = self.epoch_began?;
            if here < 0.1 {
                return None;
            }
            began.elapsed().as_secs_f64() / here
        } else {
            recent.iter().sum::<f64>() / recent.len() as f64
        };
        let left = per_epoch * (epochs.saturating_sub(epoch) as f64 + (1.0 - here).max(0.0));
        Duration::try_from_secs_f64(left).ok()
    }

    /// Share of all its epochs that is done; `None` before the first.
    pub fn share(&self) -> Option<f32> {
        let (epoch, epochs, batch, batches) = self.progress.filter(|(epoch, ..)| *epoch > 0)?;
        let done = (epoch - 1) as f32 + batch as f32 / batches.max(1) as f32;
        Some((done / epochs.max(1) as f32).clamp(0.0, 1.0))
    }

    /// Whether something of it can be gone on from when it is stopped now: a complete epoch, or a checkpoint.
    pub fn keeps_something(&self) -> bool {
        self.best_epoch.is_some() || self.checkpoint.is_some() || self.pretrained.is_some()
    }

    /// Patches per second of the last epoch.
    pub fn pace(&self) -> Option<f64> {
        self.epochs.last().map(|m| m.patches_per_second).filter(|p| p.is_finite())
    }

    /// Whether its thread is still at work.
    pub const fn is_running(&self) -> bool {
        matches!(self.phase, LivePhase::Running(_) | LivePhase::Paused | LivePhase::Stopping)
    }

    /// Whether it can still be told to pause, stop or write a checkpoint.
    pub const fn takes_orders(&self) -> bool {
        self.is_running() && !self.scoring
    }

    /// Takes up an event of the trainer.
    pub fn take_event(&mut self, event: TrainEvent) {
        self.has_reported = true;
        match event {
            // Also of a run that was told to stop, for it has.
            TrainEvent::Phase(RunPhase::Scoring) => {
                self.scoring = true;
                self.phase = LivePhase::Running(RunPhase::Scoring);
            }
            TrainEvent::Phase(phase) => {
                self.said_phase = phase;
                if matches!(self.phase, LivePhase::Running(_)) {
                    self.phase = LivePhase::Running(phase);
                }
            }
            TrainEvent::Progress { epoch, epochs, batch, batches } => {
                if self.epoch_began.is_none_or(|(known, _)| known != epoch) {
                    self.epoch_began = Some((epoch, Instant::now()));
                }
                self.progress = Some((epoch, epochs, batch, batches));
            }
            TrainEvent::Prior(prior) => self.prior = Some(prior),
            TrainEvent::Overlay(choice) => self.overlay = Some(choice),
            TrainEvent::Epoch { metrics, best } => {
                if best {
                    self.best_epoch = Some(metrics.epoch);
                }
                // Views hold the curves only while they draw, so nothing is copied here.
                Arc::make_mut(&mut self.curves).push((*metrics).clone());
                self.epochs.push(*metrics);
            }
            TrainEvent::Pretrained(epoch) => self.pretrained = Some(epoch),
            TrainEvent::Warning(warning) => self.warnings.push(warning),
            TrainEvent::Checkpoint { epoch, within } => {
                self.checkpoint = Some((epoch, within));
                self.checkpoint_asked = false;
            }
        }
    }
}

fn device_words(choice: DeviceChoice) -> String {
    match choice {
        DeviceChoice::Auto => "the best device".to_owned(),
        DeviceChoice::Cpu => "the CPU".to_owned(),
        DeviceChoice::Gpu(number) => format!("GPU {number}"),
    }
}
