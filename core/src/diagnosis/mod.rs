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
pub mod kinds;
mod labels;
mod linear;
mod numerics;
mod particle;
mod patches;
pub mod prescription;
mod prior;
mod progress;
mod pseudo;
mod quick;
mod ranking;
mod report;
mod selection;
mod stats;
mod subject;

use std::time::Instant;

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::label::LabelCounts;
pub use finding::{ConfigChange, Evidence, Finding, Section, Series, Severity};
pub(crate) use progress::Clock;
pub use progress::{Depth, Examination, Progress, Watch};
pub use report::Report;
pub use subject::{BoxAt, RunRecord, Subject};

/// What examinations share; filled as far as it goes.
struct Shared {
    features: Vec<features::Features>,
    normaliser: Option<crate::imaging::normalise::Normaliser>,
    quick: Option<quick::QuickData>,
    scores: Option<quick::OutOfFold>,
    /// Why there are no quick trainings.
    untrained: String,
    /// π as far as it was estimated.
    prior: Option<crate::learning::prior::best_bin::PriorEstimate>,
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
        config: subject.config.clone(),
        run: subject.run.as_ref().map(|run| run.name.clone()),
        depth,
        patches: subject.len(),
        total: subject.total,
        counts: LabelCounts::of(subject.labels.iter().copied()),
        device: device.to_string(),
        healthy,
        verdict: report::verdict(&findings),
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
