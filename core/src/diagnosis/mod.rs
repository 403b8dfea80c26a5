//! What is wrong with data, configuration or run, why, and the corrected configuration.
//!
//! [`examine`] takes a [`Subject`] (pixels, labels, sides, a configuration and, where there is one, a
//! finished run), does one examination after the other and gives a [`Report`]. Nothing is printed and
//! nothing on the disk is touched; progress goes to a callback that may cancel.
//!
//! | file | what it looks for |
//! |---|---|
//! | `patches` | counts; patches that are not finite, constant, saturated |
//! | `duplicates` | equal, nearly equal and overlapping patches across sides and labels |
//! | `drift` | sides, labels and micrographs on different scales |
//! | `particle` | inverted contrast, box against particle, picks that are not centred, swapped labels |
//! | `baseline` | what a plain classifier learns in a minute |
//! | `labels` | positives that look like everything else |
//! | `curve` | whether more labels would help |
//! | `prior` | π against its estimates and the labelling rate |
//! | `selection` | picks that are no random sample of the particles |
//! | `gradients` | layers, dead units, step sizes, a learning-rate range test |
//! | `pseudo` | the configuration's own method for some epochs: pseudo-labels, τ, teacher |
//! | `numerics` | gradients against finite differences; CPU against GPU |
//! | `health` | rules over epoch measures; also watch every run while it trains |
//!
//! `ranking` puts causes above their consequences, `prescription` turns findings into a configuration.

mod baseline;
mod curve;
mod drift;
mod duplicates;
mod features;
pub mod finding;
mod gradients;
pub mod health;
mod labels;
mod linear;
mod numerics;
mod particle;
mod patches;
pub mod prescription;
mod prior;
mod pseudo;
mod quick;
mod ranking;
mod selection;
mod stats;

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::label::{Label, LabelCounts};
use crate::learning::config::RunConfig;
use crate::learning::device::ComputeDevice;
use crate::learning::events::EpochMetrics;
use crate::learning::weights::NamedTensors;
use crate::project::Side;
pub use finding::{ConfigChange, Evidence, Finding, Section, Series, Severity};

/// What is examined.
#[derive(Clone)]
pub struct Subject {
    /// Side of a patch, px.
    pub size: usize,
    /// N×S×S values as stored, not normalised; may hold values that are no finite numbers.
    pub pixels: Arc<Vec<f32>>,
    /// Label of each patch.
    pub labels: Vec<Label>,
    /// Side of each patch.
    pub sides: Vec<Side>,
    /// Micrograph of each patch, as an index into `micrograph_names`, where known.
    pub micrographs: Vec<Option<usize>>,
    /// Names of the micrographs.
    pub micrograph_names: Vec<String>,
    /// Box of each patch on its micrograph, where known.
    pub boxes: Vec<Option<BoxAt>>,
    /// Number of each patch in the project.
    pub ids: Vec<u32>,
    /// For evaluation only: whether each patch is a particle, where known.
    pub truth: Option<Vec<Option<bool>>>,
    /// Patches of the project; more than are held here when a sample of a large one is examined.
    pub total: usize,
    /// The configuration.
    pub config: RunConfig,
    /// What it is called.
    pub config_name: String,
    /// Why the patches cannot be split as the configuration wants, where they cannot; all are then on
    /// the training side.
    pub split_problem: Option<String>,
    /// A run that was trained with it.
    pub run: Option<RunRecord>,
}

/// The box of a patch, px of the unbinned micrograph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxAt {
    /// Column of the centre.
    pub x: f64,
    /// Row of the centre.
    pub y: f64,
    /// Side.
    pub side: f64,
}

/// What is known of a run.
#[derive(Debug, Clone, Default)]
pub struct RunRecord {
    /// Its name.
    pub name: String,
    /// Every epoch.
    pub history: Vec<EpochMetrics>,
    /// Weights that score, where they were kept.
    pub model: Option<NamedTensors>,
    /// How it ended, in words.
    pub ended: String,
}

impl Subject {
    /// Patches held.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Counts of the labels on a side.
    pub fn counts(&self, side: Side) -> LabelCounts {
        LabelCounts::of((0..self.len()).filter(|&i| self.sides[i] == side).map(|i| self.labels[i]))
    }

    /// Numbers in the project of these patches.
    pub(crate) fn ids_of(&self, patches: impl IntoIterator<Item = usize>) -> Vec<u32> {
        patches.into_iter().map(|i| self.ids[i]).collect()
    }

    fn check(&self) -> Result<()> {
        let n = self.len();
        let fits = self.size > 0
            && self.pixels.len() == n * self.size * self.size
            && [self.sides.len(), self.micrographs.len(), self.boxes.len(), self.ids.len()] == [n; 4]
            && self.truth.as_ref().is_none_or(|t| t.len() == n);
        if n == 0 || !fits {
            return Err(Error::request(
                format!("{n} labels do not fit the {} pixel values given with them", self.pixels.len()),
                "give one label, side and place per patch",
            ));
        }
        if self.size < 16 || self.size > 512 {
            return Err(Error::request(
                format!("patches of {} px are outside the 16 to 512 px the networks take", self.size),
                "cut or bin the patches to another size",
            ));
        }
        Ok(())
    }
}

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

/// Where the examination stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What is being done.
    pub examination: Examination,
    /// Share of the whole, 0 to 1.
    pub done: f64,
    /// Seconds to go, once that can be said.
    pub seconds_left: Option<f64>,
}

/// Hears of progress; answers whether to go on.
pub type Watch<'a> = &'a mut dyn FnMut(&Progress) -> bool;

/// Knows how far the whole is.
pub(crate) struct Clock<'a> {
    watch: Watch<'a>,
    started: Instant,
    depth: Depth,
    at: Examination,
    part: (usize, usize),
}

impl<'a> Clock<'a> {
    fn new(watch: Watch<'a>, depth: Depth) -> Self {
        Self { watch, started: Instant::now(), depth, at: Examination::Patches, part: (0, 1) }
    }

    fn begin(&mut self, examination: Examination) -> Result<()> {
        self.at = examination;
        self.part = (0, 1);
        self.within(0, 1)
    }

    /// The following work is part `number` (from 0) of `of` within the examination.
    fn part(&mut self, number: usize, of: usize) {
        self.part = (number, of.max(1));
    }

    /// Tells how far the part is.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the watcher says so.
    fn within(&mut self, done: usize, of: usize) -> Result<()> {
        let weight = |e: Examination| e.weight(self.depth);
        let total: f64 = Examination::ALL.into_iter().map(weight).sum();
        let before: f64 = Examination::ALL.into_iter().take_while(|e| *e != self.at).map(weight).sum();
        let inside = (self.part.0 as f64 + done as f64 / of.max(1) as f64) / self.part.1 as f64;
        let share = (before + weight(self.at) * inside) / total;
        let gone = self.started.elapsed().as_secs_f64();
        let left = (share > 0.02 && gone > 0.5).then(|| gone * (1.0 - share) / share);
        let progress = Progress { examination: self.at, done: share, seconds_left: left };
        if (self.watch)(&progress) { Ok(()) } else { Err(Error::Cancelled) }
    }
}

/// What was found, and what was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Version of the program.
    pub program: &'static str,
    /// Name of the configuration.
    pub config_name: String,
    /// Name of the run, where one was examined.
    pub run: Option<String>,
    /// How much was done.
    pub depth: Depth,
    /// Patches examined.
    pub patches: usize,
    /// Patches of the project.
    pub total: usize,
    /// Their labels.
    pub counts: LabelCounts,
    /// Where it was computed.
    pub device: String,
    /// Whether nothing of severity `wrong` or `warning` was found.
    pub healthy: bool,
    /// One sentence.
    pub verdict: String,
    /// All findings, causes above their consequences.
    pub findings: Vec<Finding>,
    /// What each examination looked at; their own findings are listed there too.
    pub sections: Vec<Section>,
    /// The corrected configuration, where findings change it.
    pub corrected: Option<RunConfig>,
    /// Wall-clock seconds.
    pub seconds: f64,
}

impl Report {
    /// The worst severity found.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|f| f.severity).max()
    }

    /// The curve of this name, where it was measured.
    pub fn series(&self, name: &str) -> Option<&Series> {
        self.sections.iter().flat_map(|s| &s.series).find(|s| s.name == name)
    }
}

/// What examinations share; filled as far as it goes.
struct Shared {
    features: Vec<features::Features>,
    normaliser: Option<crate::imaging::normalise::Normaliser>,
    quick: Option<quick::QuickData>,
    scores: Option<quick::OutOfFold>,
    /// Why there are no quick trainings.
    untrained: String,
    /// π as far as it was estimated.
    prior: Option<crate::learning::prior::PriorEstimate>,
    /// AUC of the plain classifier, against unlabeled.
    baseline_auc: Option<f64>,
}

/// What was trained on the data alone, kept between examinations of the same data: examining a second
/// configuration then takes a fraction of the time. [`examine_again`] forgets it by itself when data,
/// labels, sides, seed, normaliser or device are others.
#[derive(Default)]
pub struct Memory {
    key: u64,
    quick: Option<(quick::QuickData, quick::OutOfFold)>,
    curve: Option<Vec<(usize, f64)>>,
    reference: Option<((usize, usize, bool), Option<f64>)>,
}

impl Memory {
    /// Forgets what belongs to other data.
    fn fit(&mut self, subject: &Subject, features: &[features::Features], device: &ComputeDevice) {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        features.iter().for_each(|f| f.hash.hash(&mut hasher));
        (&subject.labels, &subject.sides, subject.size, subject.config.seed).hash(&mut hasher);
        subject.truth.hash(&mut hasher);
        format!("{:?} {device}", subject.config.normaliser).hash(&mut hasher);
        let key = hasher.finish();
        if key != self.key {
            *self = Self { key, ..Self::default() };
        }
    }
}

/// Examines everything.
///
/// # Errors
/// When arrays do not fit each other or patches have a size no network takes, a training fails for
/// another reason than the data, or [`Error::Cancelled`].
pub fn examine(subject: &Subject, depth: Depth, device: &ComputeDevice, watch: Watch<'_>) -> Result<Report> {
    examine_again(subject, depth, device, &mut Memory::default(), watch)
}

/// As [`examine`], with what is remembered of the same data.
///
/// # Errors
/// As [`examine`].
pub fn examine_again(
    subject: &Subject,
    depth: Depth,
    device: &ComputeDevice,
    memory: &mut Memory,
    watch: Watch<'_>,
) -> Result<Report> {
    subject.check()?;
    let started = Instant::now();
    let mut clock = Clock::new(watch, depth);
    clock.begin(Examination::Patches)?;
    let normaliser = quick::fit_normaliser(subject);
    let untrained = match &normaliser {
        Err(error) => error.to_string(),
        Ok(_) if depth == Depth::Quick => "it needs short trainings, which were left out".to_owned(),
        Ok(_) => String::new(),
    };
    let features = features::measure(subject, normaliser.as_ref().ok());
    memory.fit(subject, &features, device);
    let mut shared = Shared {
        features,
        normaliser: normaliser.ok(),
        quick: None,
        scores: None,
        untrained,
        prior: None,
        baseline_auc: None,
    };
    let mut sections = Vec::new();
    for examination in Examination::ALL {
        let began = Instant::now();
        clock.begin(examination)?;
        if examination == Examination::Baseline && depth > Depth::Quick {
            train_baseline(subject, &mut shared, device, memory, &mut clock)?;
        }
        let mut section = match examination {
            Examination::Patches => patches::examine(subject, &shared),
            Examination::Duplicates => duplicates::examine(subject, &shared),
            Examination::Drift => drift::examine(subject, &shared),
            Examination::Particle => particle::examine(subject, &shared),
            Examination::Baseline => baseline::examine(subject, &mut shared),
            Examination::Labels => labels::examine(subject, &shared),
            Examination::LearningCurve => curve::examine(subject, &shared, device, memory, &mut clock)?,
            Examination::Prior => prior::examine(subject, &mut shared, depth, device, &mut clock)?,
            Examination::Selection => selection::examine(subject, &shared),
            Examination::Gradients => gradients::examine(subject, &shared, depth, device, &mut clock)?,
            Examination::PseudoLabels => {
                pseudo::examine(subject, &shared, depth, device, memory, &mut clock)?
            }
            Examination::Numerics => numerics::examine(subject, &shared, device)?,
            Examination::Run => health::examine(subject),
        };
        section.seconds = began.elapsed().as_secs_f64();
        sections.push(section);
    }
    clock.begin(Examination::Run)?;
    let findings = ranking::rank(sections.iter().flat_map(|s| s.findings.clone()).collect());
    let corrected = prescription::corrected(&subject.config, &findings)?;
    let seconds = started.elapsed().as_secs_f64();
    let healthy = findings.iter().all(|f| f.severity == Severity::Note);
    Ok(Report {
        program: concat!("vitrine ", env!("CARGO_PKG_VERSION")),
        config_name: subject.config_name.clone(),
        run: subject.run.as_ref().map(|run| run.name.clone()),
        depth,
        patches: subject.len(),
        total: subject.total,
        counts: LabelCounts::of(subject.labels.iter().copied()),
        device: device.to_string(),
        healthy,
        verdict: verdict(&findings),
        findings,
        sections,
        corrected,
        seconds,
    })
}

/// Prepares the quick data and trains the plain classifier. Data that cannot be trained on is no
/// error here: the examinations before have said why, and the later ones name the reason.
fn train_baseline(
    subject: &Subject,
    shared: &mut Shared,
    device: &ComputeDevice,
    memory: &mut Memory,
    clock: &mut Clock<'_>,
) -> Result<()> {
    if let Some((quick, scores)) = memory.quick.clone() {
        shared.quick = Some(quick);
        shared.scores = Some(scores);
        return Ok(());
    }
    let Some(normaliser) = &shared.normaliser else { return Ok(()) };
    let made = quick::QuickData::new(subject, &shared.features, normaliser).and_then(|quick| {
        let scores = quick::OutOfFold::new(&quick, &subject.config, device, clock)?;
        Ok((quick, scores))
    });
    match made {
        Ok((quick, scores)) => {
            memory.quick = Some((quick.clone(), scores.clone()));
            shared.quick = Some(quick);
            shared.scores = Some(scores);
        }
        Err(Error::Cancelled) => return Err(Error::Cancelled),
        Err(error) => shared.untrained = error.to_string(),
    }
    Ok(())
}

fn verdict(findings: &[Finding]) -> String {
    let count = |s: Severity| findings.iter().filter(|f| f.severity == s).count();
    let (wrong, warnings) = (count(Severity::Wrong), count(Severity::Warning));
    match findings.first() {
        Some(first) if first.severity > Severity::Note => {
            let and = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
            let counted = match (wrong, warnings) {
                (0, w) => and(w, "warning"),
                (n, 0) => and(n, "thing") + " wrong",
                (n, w) => format!("{} wrong, {}", and(n, "thing"), and(w, "warning")),
            };
            format!("{counted}; first: {}", first.what)
        }
        _ => "Nothing was found that would stand in the way of training.".to_owned(),
    }
}

/// The kinds of findings.
pub mod kinds {
    macro_rules! kinds {
        ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
            $($(#[$doc])* pub const $constant: &str = $name;)*
            /// Every kind.
            pub const ALL: &[&str] = &[$($name),*];
        };
    }
    kinds! {
        /// Pixels that are no finite numbers.
        NOT_FINITE = "not_finite";
        /// Patches without any contrast.
        CONSTANT = "constant_patches";
        /// Many pixels at the limits of the value range.
        SATURATED = "saturated_patches";
        /// A label the method needs is missing.
        MISSING_LABELS = "missing_labels";
        /// Positives and negatives seem exchanged.
        SWAPPED = "swapped_labels";
        /// Positives show nothing in their centre.
        OFF_CENTRE = "picks_off_centre";
        /// Part of the patches has inverted contrast.
        INVERTED = "inverted_contrast";
        /// The box is too small or too large.
        BOX_SIZE = "box_size";
        /// Equal patches on two sides.
        LEAK = "leaked_duplicates";
        /// Nearly equal patches on two sides.
        NEAR_LEAK = "near_duplicates";
        /// Boxes on two sides share area.
        OVERLAP = "overlapping_boxes";
        /// Equal patches with contradicting labels.
        CONTRADICTION = "contradicting_labels";
        /// Sides are on different scales.
        SPLIT_DRIFT = "split_drift";
        /// Labels are on different scales.
        LABEL_DRIFT = "label_drift";
        /// Micrographs are on different scales.
        MICROGRAPH_DRIFT = "micrograph_drift";
        /// Some of the positives look like everything else.
        MISLABELLED = "mislabelled_positives";
        /// Too few positives.
        FEW_POSITIVES = "too_few_positives";
        /// The plain classifier learns next to nothing.
        WEAK_BASELINE = "weak_baseline";
        /// Picks are no random sample of the particles.
        BIASED_PICKS = "biased_picks";
        /// The given prior is the labelling rate.
        LABELLING_RATE = "labelling_rate_as_prior";
        /// The given prior is outside what the data says.
        WRONG_PRIOR = "wrong_prior";
        /// π cannot be narrowed down.
        UNSURE_PRIOR = "uncertain_prior";
        /// The learning rate is too high.
        HIGH_RATE = "learning_rate_too_high";
        /// The learning rate is too low.
        LOW_RATE = "learning_rate_too_low";
        /// Layers without gradient, or units that never answer.
        DEAD_LAYERS = "dead_layers";
        /// No pseudo-label passes.
        HIGH_THRESHOLD = "threshold_too_high";
        /// Nearly every pseudo-label passes from the start.
        LOW_THRESHOLD = "threshold_too_low";
        /// Pseudo-labels say nearly only "no particle", far fewer particles than π.
        ONE_SIDED = "one_sided_pseudo_labels";
        /// λ rises before pseudo-labels can be trusted.
        SHORT_RAMP = "ramp_up_too_short";
        /// The teacher stays where it began.
        STUCK_TEACHER = "teacher_does_not_follow";
        /// p can not be taken at its word.
        CALIBRATION = "badly_calibrated";
        /// All predictions become the same.
        COLLAPSE = "collapsed";
        /// The method does worse than the plain classifier.
        METHOD_LOSES = "method_loses_to_baseline";
        /// A gradient that finite differences do not confirm.
        WRONG_GRADIENT = "wrong_gradient";
        /// CPU and GPU disagree.
        DEVICES_DISAGREE = "devices_disagree";
        /// Loss or gradient is no finite number, or explodes.
        DIVERGED = "diverged";
        /// The gradient has vanished.
        VANISHED = "vanished_gradient";
        /// Nothing is learned for epochs.
        AT_CHANCE = "at_chance";
        /// Validation has fallen from its best.
        FELL = "validation_fell";
        /// Validation AUC above what π allows.
        ABOVE_CEILING = "above_ceiling";
        /// nnPU turns nearly every step.
        ALWAYS_TURNED = "nnpu_always_turned";
    }
}
