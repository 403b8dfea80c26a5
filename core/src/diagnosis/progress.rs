//! The examinations in their order, the depths of an examination, and its progress.

use std::time::Instant;

use serde::Serialize;

use crate::error::{Error, Result};

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// Only what needs no training: seconds.
    Quick,
    /// With the short trainings.
    #[default]
    Standard,
    /// Also sweeps of π, τ and the learning rate, a short training each.
    Sweeps,
}

/// The examinations, in the order in which they are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Examination {
    /// Counts and broken patches.
    Patches,
    /// Equal, nearly equal and overlapping patches.
    Duplicates,
    /// Scales of sides, labels and micrographs.
    Drift,
    /// Contrast, box and centring.
    Particle,
    /// The plain classifier.
    Baseline,
    /// Positives that look like everything else.
    Labels,
    /// AUC over the number of labels.
    LearningCurve,
    /// The class prior.
    Prior,
    /// Whether picks are a random sample of the particles.
    Selection,
    /// Layers, units, steps, learning rate.
    Gradients,
    /// The configuration's own method for some epochs.
    PseudoLabels,
    /// Finite differences, CPU against GPU.
    Numerics,
    /// The epochs of a finished run.
    Run,
}

impl Examination {
    /// All of them, in the order in which they are done.
    pub const ALL: [Self; 13] = [
        Self::Patches,
        Self::Duplicates,
        Self::Drift,
        Self::Particle,
        Self::Baseline,
        Self::Labels,
        Self::LearningCurve,
        Self::Prior,
        Self::Selection,
        Self::Gradients,
        Self::PseudoLabels,
        Self::Numerics,
        Self::Run,
    ];

    /// The heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Patches => "Patches",
            Self::Duplicates => "Duplicates and leakage",
            Self::Drift => "Normalisation",
            Self::Particle => "Particle, contrast and box",
            Self::Baseline => "Plain classifier first",
            Self::Labels => "Wrong labels",
            Self::LearningCurve => "Number of labels",
            Self::Prior => "Class prior",
            Self::Selection => "Choice of picks",
            Self::Gradients => "Gradient flow and learning rate",
            Self::PseudoLabels => "Pseudo-labels",
            Self::Numerics => "Numerics",
            Self::Run => "The run",
        }
    }

    /// Rough share of the time, for the estimate of what is left.
    const fn weight(self, depth: Depth) -> f64 {
        let trains = !matches!(depth, Depth::Quick);
        match self {
            Self::Baseline if trains => 30.0,
            Self::LearningCurve if trains => 50.0,
            Self::Prior if matches!(depth, Depth::Sweeps) => 90.0,
            Self::Gradients if matches!(depth, Depth::Sweeps) => 60.0,
            Self::Gradients if trains => 15.0,
            Self::PseudoLabels if matches!(depth, Depth::Sweeps) => 60.0,
            Self::PseudoLabels if trains => 40.0,
            Self::Numerics if trains => 4.0,
            Self::Patches => 2.0,
            _ => 1.0,
        }
    }
}

/// How far the examination is. Unlike [`crate::progress::Progress`] it counts the whole, whose parts take very
/// different times, so that the time to go can be told.
#[derive(Debug, Clone, PartialEq)]
pub struct ExaminationProgress {
    /// What is being done.
    pub examination: Examination,
    /// Share of the whole, 0 to 1.
    pub done: f64,
    /// Seconds to go, once that can be said.
    pub seconds_left: Option<f64>,
}

/// Takes the progress; answers whether to go on.
pub type ExaminationSink<'a> = &'a mut dyn FnMut(&ExaminationProgress) -> bool;

/// Knows how far the whole is.
pub(crate) struct Clock<'a> {
    sink: ExaminationSink<'a>,
    started: Instant,
    depth: Depth,
    at: Examination,
    part: (usize, usize),
}

impl<'a> Clock<'a> {
    pub(super) fn new(sink: ExaminationSink<'a>, depth: Depth) -> Self {
        Self { sink, started: Instant::now(), depth, at: Examination::Patches, part: (0, 1) }
    }

    pub(super) fn begin(&mut self, examination: Examination) -> Result<()> {
        self.at = examination;
        self.part = (0, 1);
        self.within(0, 1)
    }

    /// The following work is part `number` (from 0) of `of` within the examination.
    pub(super) fn part(&mut self, number: usize, of: usize) {
        self.part = (number, of.max(1));
    }

    /// Tells how far the part is.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the watcher says so.
    pub(super) fn within(&mut self, done: usize, of: usize) -> Result<()> {
        let weight = |e: Examination| e.weight(self.depth);
        let total: f64 = Examination::ALL.into_iter().map(weight).sum();
        let before: f64 = Examination::ALL.into_iter().take_while(|e| *e != self.at).map(weight).sum();
        let inside = (self.part.0 as f64 + done as f64 / of.max(1) as f64) / self.part.1 as f64;
        let share = (before + weight(self.at) * inside) / total;
        let gone = self.started.elapsed().as_secs_f64();
        let left = (share > 0.02 && gone > 0.5).then(|| gone * (1.0 - share) / share);
        let progress = ExaminationProgress { examination: self.at, done: share, seconds_left: left };
        if (self.sink)(&progress) { Ok(()) } else { Err(Error::Cancelled) }
    }
}
