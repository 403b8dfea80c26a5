//! The class prior: the configured value against two estimates from scores, one from mean images,
//! and the labelling rate; with sweeps, what a wrong π does to short runs on this data.

use super::finding::{Evidence, Finding, Section, Series, Severity};
use super::particle::Group;
use super::probe::probe;
use super::{Clock, Depth, Examination, SharedData, Subject, kinds};
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::label::{Label, LabelCounts};
use crate::learning::config::{PriorConfig, RiskKind, RunConfig, SurrogateLoss};
use crate::learning::prior::best_bin::{LabellingRateSuspicion, PriorEstimate, estimate_prior};
use crate::learning::prior::binormal::{BinormalPrior, Checked, binormal_prior};
use crate::project::Side;

/// How far outside the interval a given prior must lie to be wrong.
pub(super) const INTERVAL_MARGIN: f64 = 0.03;
/// How far from the estimate.
const MAX_PRIOR_ERROR: f64 = 0.08;
/// Width of the interval from which π counts as unknown.
const MAX_INTERVAL_WIDTH: f64 = 0.4;

pub(super) fn examine(
    subject: &Subject,
    shared: &mut SharedData,
    depth: Depth,
    device: &ComputeDevice,
    clock: &mut Clock<'_>,
) -> Result<Section> {
    let mut section = Section::new(Examination::Prior);
    let all = LabelCounts::of(subject.labels.iter().copied());
    let train = subject.counts(Side::Train);
    let given = match subject.config.prior {
        PriorConfig::Given(value) => Some(value),
        PriorConfig::Estimate(_) => None,
    };
    section.say(match given {
        Some(value) => format!("Configured: π = {value}."),
        None => "Configured: estimate before the run.".to_owned(),
    });
    if let Some(rate) = all.labelling_rate() {
        section.say(format!(
            "Labelling rate P/(P+U) = {rate:.3}: how much was labelled, another number than π."
        ));
    }
    let suspicion = given.and_then(|value| {
        LabellingRateSuspicion::of(value, train.positive, train.unlabeled)
            .or_else(|| LabellingRateSuspicion::of(value, all.positive, all.unlabeled))
    });
    let (Some(quick), Some(scores)) = (&shared.quick, &shared.scores) else {
        section.skipped = Some(shared.untrained.clone());
        if let Some(suspicion) = suspicion {
            section.findings.push(labelling_rate(&suspicion, None));
        }
        return Ok(section);
    };
    let standard = scores.standardised(&quick.data);
    let of = |label| -> Vec<f32> {
        (0..standard.len())
            .filter(|&i| quick.data.labels[i] == label && standard[i].is_finite())
            .map(|i| standard[i])
            .collect()
    };
    let (positive, unlabeled) = (of(Label::Positive), of(Label::Unlabeled));
    let both = estimate_prior(&positive, &unlabeled)
        .and_then(|estimate| Ok((estimate, binormal_prior(&positive, &unlabeled, Checked::default())?)));
    let (estimate, binormal) = match both {
        Ok(both) => both,
        Err(error) => {
            section.skipped = Some(Error::from(error).to_string());
            return Ok(section);
        }
    };
    let by_image = image_estimate(subject, shared);
    section.say(format!(
        "Binormal mixture, which a run with `prior: estimate` uses, {:.3}, interval {:.3} to {:.3}. If the picks \
         are a random sample of the particles: best bin estimate (BBE) {:.3}, interval {:.3} to {:.3}; from the \
         density ratio {:.3}. From mean images {}.",
        binormal.estimate,
        binormal.low,
        binormal.high,
        estimate.estimate,
        estimate.low,
        estimate.high,
        estimate.cross_check,
        by_image.map_or_else(|| "–".to_owned(), |v| format!("{v:.3}"))
    ));
    if let Some(truth) = true_share(subject) {
        section.say(format!("For evaluation only: the true share among the unlabeled is {truth:.3}."));
    }
    for warning in &estimate.warnings {
        section.say(warning.clone());
    }
    if let Some(value) = given {
        judge(subject, value, suspicion, (&estimate, &binormal), by_image, &mut section);
    } else if estimate.high - estimate.low > MAX_INTERVAL_WIDTH {
        section.findings.push(unsure(subject, &estimate));
    }
    shared.prior = Some(estimate.clone());
    if depth == Depth::Sweeps {
        sweep(subject, shared, given, &estimate, device, clock, &mut section)?;
    }
    Ok(section)
}

fn true_share(subject: &Subject) -> Option<f64> {
    let truth = subject.truth.as_ref()?;
    let known: Vec<bool> = (0..subject.len())
        .filter(|&i| subject.labels[i] == Label::Unlabeled)
        .filter_map(|i| truth[i])
        .collect();
    (!known.is_empty()).then(|| known.iter().filter(|t| **t).count() as f64 / known.len() as f64)
}

/// ⟨m_U, m_P⟩/⟨m_P, m_P⟩ of the mean profiles: the share of particles among the unlabeled where
/// everything else averages to nothing.
pub(super) fn image_estimate(subject: &Subject, shared: &SharedData) -> Option<f64> {
    let of = |label| {
        let profiles: Vec<_> = (0..subject.len())
            .filter(|&i| subject.labels[i] == label && shared.features[i].usable())
            .map(|i| &shared.features[i].profile)
            .collect();
        Group::of(&profiles)
    };
    let (p, u) = (of(Label::Positive)?, of(Label::Unlabeled)?);
    let dot: f64 = p.mean.iter().zip(&u.mean).map(|(a, b)| a * b).sum();
    (p.z > 10.0).then(|| (dot / p.signal).clamp(0.0, 1.0))
}

fn labelling_rate(suspicion: &LabellingRateSuspicion, estimate: Option<&PriorEstimate>) -> Finding {
    let value = suspicion.prior;
    let outside =
        estimate.is_some_and(|e| value < e.low - INTERVAL_MARGIN || value > e.high + INTERVAL_MARGIN);
    let severity = if outside { Severity::Wrong } else { Severity::Warning };
    let why = match estimate {
        Some(e) if outside => {
            format!(
                "The data says π = {:.3} (interval {:.3} to {:.3}); {suspicion}",
                e.estimate, e.low, e.high
            )
        }
        Some(e) => format!(
            "It may be right by chance, since the interval of the estimate, {:.3} to {:.3}, holds it; {suspicion}",
            e.low, e.high
        ),
        None => suspicion.to_string(),
    };
    let finding = Finding::new(
        kinds::LABELLING_RATE,
        Examination::Prior,
        severity,
        format!("The configured prior {value} is the labelling rate, not the share of particles among the unlabeled."),
        why,
        "Write prior: estimate, or the share of particles among the unlabeled if it is known.",
    )
    .with("configured", value.to_string())
    .change("prior", value, "estimate");
    match estimate {
        Some(e) => with_estimates(finding, e),
        None => finding,
    }
}

fn with_estimates(finding: Finding, e: &PriorEstimate) -> Finding {
    finding
        .with("BBE", format!("{:.3} ({:.3} to {:.3})", e.estimate, e.low, e.high))
        .with("density ratio", format!("{:.3}", e.cross_check))
}

/// Whether both estimates from the ranking lie clearly below a value.
pub(super) fn above(value: f64, e: &PriorEstimate) -> bool {
    value > e.high + INTERVAL_MARGIN
        && value - e.estimate > MAX_PRIOR_ERROR
        && e.cross_check < value - INTERVAL_MARGIN
}

fn judge(
    subject: &Subject,
    value: f64,
    suspicion: Option<LabellingRateSuspicion>,
    (e, binormal): (&PriorEstimate, &BinormalPrior),
    by_image: Option<f64>,
    section: &mut Section,
) {
    // Non-particles that look like particles push BBE up, never down, so a value below the interval
    // is only wrong where the other estimates are above it too. Picks of the best-seen particles push BBE
    // down, but neither the mixture nor the mean image, which must then agree that a value above the interval
    // is too high.
    let above =
        above(value, e) && value > binormal.high && by_image.is_none_or(|v| v < value - INTERVAL_MARGIN);
    let others_above =
        e.cross_check > value + INTERVAL_MARGIN && by_image.is_none_or(|v| v > value + INTERVAL_MARGIN);
    let below = value < e.low - INTERVAL_MARGIN && e.estimate - value > MAX_PRIOR_ERROR && others_above;
    if let Some(suspicion) = suspicion {
        section.findings.push(labelling_rate(&suspicion, Some(e)));
        return;
    }
    if !above && !below {
        return;
    }
    let used = subject.config.trains_with_prior();
    let effect = if above {
        "the risk takes non-particles for missed particles and pulls scores up"
    } else {
        "the risk pushes particles among the unlabeled down with the rest"
    };
    let mut finding = Finding::new(
        kinds::WRONG_PRIOR,
        Examination::Prior,
        if used { Severity::Wrong } else { Severity::Warning },
        format!("The configured prior {value} does not fit the data, which says {:.2}.", e.estimate),
        if used {
            format!(
                "The interval is {:.3} to {:.3} and the second estimate {:.3}; with π = {value} {effect}.",
                e.low, e.high, e.cross_check
            )
        } else {
            format!(
                "The interval is {:.3} to {:.3}; this method does not train with π, but the corrected AUC shown is wrong.",
                e.low, e.high
            )
        },
        "Write prior: estimate, so that every run estimates it from its own labels.",
    )
    .with("configured", value.to_string())
    .change("prior", value, "estimate");
    finding = with_estimates(finding, e);
    if let Some(v) = by_image {
        finding = finding.with("mean images", format!("{v:.3}"));
    }
    section.findings.push(finding);
}

fn unsure(subject: &Subject, e: &PriorEstimate) -> Finding {
    let finding = Finding::new(
        kinds::UNSURE_PRIOR,
        Examination::Prior,
        if subject.config.trains_with_prior() { Severity::Warning } else { Severity::Note },
        format!("π lies somewhere between {:.2} and {:.2}.", e.low, e.high),
        format!(
            "{} positives and {} unlabeled do not narrow it down further, and a method that uses π inherits the doubt.",
            e.positives, e.unlabeled
        ),
        "Label more positives, or give π if it is known from other runs.",
    );
    with_estimates(finding, e)
}

/// Short runs with different π: AUC of validation positives against validation unlabeled.
fn sweep(
    subject: &Subject,
    shared: &SharedData,
    given: Option<f64>,
    e: &PriorEstimate,
    device: &ComputeDevice,
    clock: &mut Clock<'_>,
    section: &mut Section,
) -> Result<()> {
    let Some(quick) = &shared.quick else { return Ok(()) };
    let mut values = vec![0.05, 0.1, 0.2, 0.3, 0.5, 0.7, e.estimate.clamp(0.02, 0.95)];
    values.extend(given);
    values.sort_by(f64::total_cmp);
    values.dedup_by(|a, b| (*a - *b).abs() < 0.015);
    // A method that does not train with π from its first epochs on would show nothing.
    let mut swept = subject.config.clone();
    if !swept.risk.kind.uses_prior() {
        swept.risk.kind = RiskKind::Nnpu;
        swept.risk.loss = SurrogateLoss::Logistic;
        section.say("Swept with nnPU, since the configured risk does not use π.");
    }
    let (mut points, mut answers) = (Vec::new(), Vec::new());
    for (number, &value) in values.iter().enumerate() {
        clock.part(number, values.len());
        let config = RunConfig { prior: PriorConfig::Given(value), ..swept.clone() };
        let found = probe(&config, value, quick, device, clock)?;
        if let (Some(auc), Some(last)) = (found.last_auc(), found.history.last()) {
            points.push([value, auc]);
            answers.push([value, last.p_mean]);
        }
    }
    let shown = |points: &[[f64; 2]]| -> String {
        points.iter().map(|p| format!("{:.2}: {:.3}", p[0], p[1])).collect::<Vec<_>>().join(", ")
    };
    section.say(format!("Short runs, validation AUC by π: {}.", shown(&points)));
    section.say(format!("Their mean p over the unlabeled, by π: {}.", shown(&answers)));
    let at = |of: &[[f64; 2]], wanted: f64| {
        of.iter().min_by(|a, b| (a[0] - wanted).abs().total_cmp(&(b[0] - wanted).abs())).map(|p| p[1])
    };
    for finding in &mut section.findings {
        for (name, value) in
            given.map(|v| ("as configured", v)).into_iter().chain([("as estimated", e.estimate)])
        {
            if let (Some(auc), Some(p)) = (at(&points, value), at(&answers, value)) {
                finding.evidence.push(Evidence {
                    what: format!("short run with π {name} ({value:.2})"),
                    value: format!("validation AUC {auc:.3}, mean p {p:.3}"),
                });
            }
        }
    }
    section.series.push(Series {
        name: "prior_sweep_mean_p",
        x_label: "π".to_owned(),
        y_label: "mean p over the unlabeled".to_owned(),
        points: answers,
    });
    section.series.push(Series {
        name: "prior_sweep",
        x_label: "π".to_owned(),
        y_label: "validation AUC, positives against unlabeled".to_owned(),
        points,
    });
    Ok(())
}
