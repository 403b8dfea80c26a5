//! Goes through the examinations one after the other and makes the report.

use std::time::Instant;

use super::finding::Severity;
use super::progress::{Clock, Depth, Examination, ExaminationSink};
use super::report::{self, Report};
use super::shared::{SharedData, TrainingCache};
use super::subject::Subject;
use super::{
    baseline, curve, drift, duplicates, features, gradients, labels, numerics, particle, patches,
    prescription, prior, pseudo, quick, ranking, run, selection,
};
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::label::LabelCounts;

/// Examines everything.
///
/// # Errors
/// When arrays do not fit each other or patches have a size no network takes, a training fails for
/// another reason than the data, or [`Error::Cancelled`].
pub fn examine(
    subject: &Subject,
    depth: Depth,
    device: &ComputeDevice,
    sink: ExaminationSink<'_>,
) -> Result<Report> {
    examine_again(subject, depth, device, &mut TrainingCache::default(), sink)
}

/// As [`examine`], with what is remembered of the same data.
///
/// # Errors
/// As [`examine`].
pub fn examine_again(
    subject: &Subject,
    depth: Depth,
    device: &ComputeDevice,
    memory: &mut TrainingCache,
    sink: ExaminationSink<'_>,
) -> Result<Report> {
    subject.check()?;
    let started = Instant::now();
    let mut clock = Clock::new(sink, depth);
    clock.begin(Examination::Patches)?;
    let normaliser = quick::fit_normaliser(subject);
    let untrained = match &normaliser {
        Err(error) => error.to_string(),
        Ok(_) if depth == Depth::Quick => "it needs short trainings, which were left out".to_owned(),
        Ok(_) => String::new(),
    };
    let features = features::measure(subject, normaliser.as_ref().ok());
    memory.fit(subject, &features, device);
    let mut shared = SharedData {
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
            Examination::Run => run::examine(subject),
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
    shared: &mut SharedData,
    device: &ComputeDevice,
    memory: &mut TrainingCache,
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
