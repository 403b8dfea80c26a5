//! The run that is training, as far as its thread has told.

use std::time::Instant;

use vitrine_core::learning::events::{EpochMetrics, TrainEvent};

use crate::gui::jobs::JobId;

/// How far a run is, seen from the window.
#[derive(Debug, Clone, PartialEq)]
pub enum LivePhase {
    /// Under way; what it does in words.
    Running(String),
    /// Waiting for the person.
    Paused,
    /// Told to stop, ending its batch.
    Stopping,
    /// Ended by its schedule, by a rule or by the person; why where it ended early.
    Ended(Option<String>),
    /// Ended by an error, as a sentence.
    Failed(String),
}

/// A run since it was started from this window.
#[derive(Debug, Clone)]
pub struct LiveRun {
    /// The job it runs as.
    pub job: JobId,
    /// Its name.
    pub name: String,
    /// The device, in words.
    pub device: String,
    /// How far it is.
    pub phase: LivePhase,
    /// Epoch, epochs, batch, batches of the last progress told.
    pub progress: Option<(usize, usize, usize, usize)>,
    /// π with the ends of its interval.
    pub prior: Option<(f64, f64, f64)>,
    /// Epochs complete.
    pub epochs: Vec<EpochMetrics>,
    /// The best of them, counted from 1.
    pub best_epoch: Option<usize>,
    /// Sentences to read.
    pub warnings: Vec<String>,
    /// Epoch of the last checkpoint.
    pub checkpoint: Option<usize>,
    /// When it was started here.
    pub started: Instant,
}

impl LiveRun {
    /// A run about to begin.
    pub fn new(job: JobId, name: String, device: String) -> Self {
        Self {
            job,
            name,
            device,
            phase: LivePhase::Running("Preparing".to_owned()),
            progress: None,
            prior: None,
            epochs: Vec::new(),
            best_epoch: None,
            warnings: Vec::new(),
            checkpoint: None,
            started: Instant::now(),
        }
    }

    /// Whether its thread is still at work.
    pub const fn is_running(&self) -> bool {
        matches!(self.phase, LivePhase::Running(_) | LivePhase::Paused | LivePhase::Stopping)
    }

    /// Takes up what the trainer said.
    pub fn hear(&mut self, event: TrainEvent) {
        match event {
            TrainEvent::Phase(words) => {
                if matches!(self.phase, LivePhase::Running(_)) {
                    self.phase = LivePhase::Running(words);
                }
            }
            TrainEvent::Progress { epoch, epochs, batch, batches } => {
                self.progress = Some((epoch, epochs, batch, batches));
            }
            TrainEvent::Prior(estimate, low, high) => self.prior = Some((estimate, low, high)),
            TrainEvent::Epoch { metrics, best } => {
                if best {
                    self.best_epoch = Some(metrics.epoch);
                }
                self.epochs.push(*metrics);
            }
            TrainEvent::Warning(sentence) => self.warnings.push(sentence),
            TrainEvent::Checkpoint(epoch) => self.checkpoint = Some(epoch),
        }
    }
}
