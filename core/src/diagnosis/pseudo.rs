//! The configuration's own method for some epochs on the quick patches: what passes τ, whether the teacher
//! follows, whether p is calibrated, and whether the method does better than the plain classifier.

use super::finding::{Finding, Section, Series, Severity};
use super::probe::{Probe, prior_of, probe};
use super::quick::{QuickData, batches};
use super::stats::percent;
use super::{Clock, Depth, Examination, SharedData, Subject, TrainingCache, health, kinds, method, run};
use crate::device::ComputeDevice;
use crate::error::Result;
use crate::label::Label;
use crate::learning::config::{ConsistencyKind, RunConfig};
use crate::learning::eval::bins::calibration;
use crate::learning::infer::predict::probability;
use crate::project::Side;

/// Thresholds of the table.
const THRESHOLDS: [f64; 9] = [0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99];
/// Share of the unlabeled that should pass τ early on.
const HEALTHY_EARLY_RATE: (f64, f64) = (0.2, 0.8);

pub(super) fn examine(
    subject: &Subject,
    shared: &SharedData,
    depth: Depth,
    device: &ComputeDevice,
    memory: &mut TrainingCache,
    clock: &mut Clock<'_>,
) -> Result<Section> {
    let mut section = Section::new(Examination::PseudoLabels);
    let Some(quick) = &shared.quick else {
        section.skipped = Some(shared.untrained.clone());
        return Ok(section);
    };
    if quick.data.counts(&quick.data.train).unlabeled == 0 {
        section.skipped = Some("there are no unlabeled patches".to_owned());
        return Ok(section);
    }
    let config = &subject.config;
    let prior = prior_of(config, shared);
    let parts = if depth == Depth::Sweeps { 8 } else { 5 };
    clock.part(0, parts);
    let found = probe(config, prior, quick, device, clock)?;
    if let Some(why) = &found.diverged {
        section.findings.push(diverged(why));
        return Ok(section);
    }
    if let Some(last) = found.history.last() {
        section.say(format!(
            "{} epochs of the configuration on {} px: validation AUC {:.3}, mean p {:.2} ± {:.2}.",
            found.history.len(),
            quick.data.size,
            last.validation_auc_pu,
            last.p_mean,
            last.p_std
        ));
    }
    thresholds(config, &found, &mut section);
    teacher(subject, quick, &found, &mut section);
    calibrated(shared, quick, &mut section);
    let flags = health::watch(config, &found.history);
    // τ is judged above, with the table.
    let told = [kinds::HIGH_THRESHOLD, kinds::LOW_THRESHOLD, kinds::FELL, kinds::ABOVE_CEILING];
    for flag in flags.iter().filter(|f| !told.contains(&f.kind)) {
        section.findings.push(run::finding(config, &found.history, flag, Examination::PseudoLabels));
    }
    if let Some(auc) = found.last_auc() {
        let mut bench = method::Bench { quick, device, cache: memory, clock, parts };
        let estimate = shared.prior.as_ref().map(|estimate| estimate.estimate);
        method::compare(config, prior, estimate, auc, &mut bench, &mut section)?;
    }
    Ok(section)
}

fn diverged(why: &str) -> Finding {
    Finding::new(
        kinds::DIVERGED,
        Examination::PseudoLabels,
        Severity::Wrong,
        "The first epochs of this configuration diverge.",
        format!("A short run ended: {why}."),
        "Lower the learning rate by a factor of ten and clip the gradient.",
    )
}

fn thresholds(config: &RunConfig, found: &Probe, section: &mut Section) {
    let rates: Vec<(f64, f64)> = THRESHOLDS.iter().map(|&t| (t, found.rate(t))).collect();
    let shown: Vec<String> = rates.iter().map(|(t, r)| format!("{t}: {}", percent(*r))).collect();
    section.say(format!("Share of the unlabeled above τ in these epochs: {}.", shown.join(", ")));
    let particle: Vec<String> =
        THRESHOLDS.iter().map(|&t| format!("{t}: {}", percent(found.share_particle(t)))).collect();
    section.say(format!("Of those above τ, share that say particle: {}.", particle.join(", ")));
    let right: Vec<String> =
        THRESHOLDS.iter().filter_map(|&t| Some(format!("{t}: {}", percent(found.accuracy(t)?)))).collect();
    if !right.is_empty() {
        section.say(format!("For evaluation only, share of right ones among them: {}.", right.join(", ")));
    }
    section.series.push(Series {
        name: "rate_over_threshold",
        x_label: "τ".to_owned(),
        y_label: "share of the unlabeled at or above it".to_owned(),
        points: rates.iter().map(|(t, r)| [*t, *r]).collect(),
    });
    let c = &config.consistency;
    if c.kind != ConsistencyKind::Fixmatch || c.weight <= 0.0 {
        return;
    }
    let rate = found.rate(c.threshold);
    // Everything passes any τ where the answers run to one side; that is said on its own.
    let alike = health::watch(config, &found.history)
        .iter()
        .any(|f| matches!(f.kind, kinds::COLLAPSE | kinds::ONE_SIDED));
    let by_epoch: Vec<String> = found.history.iter().map(|m| percent(m.pseudo_label_rate)).collect();
    let best = rates
        .iter()
        .filter(|(t, r)| *t < 0.985 && (HEALTHY_EARLY_RATE.0..=HEALTHY_EARLY_RATE.1).contains(r))
        .min_by(|a, b| (a.1 - 0.5).abs().total_cmp(&(b.1 - 0.5).abs()))
        .copied();
    let evidence = |finding: Finding| {
        let mut finding = finding
            .with("τ", c.threshold.to_string())
            .with("pseudo-label rate by epoch", by_epoch.join(", "))
            .with("rate over τ", shown.join(", "));
        if let Some((t, r)) = best {
            finding = finding.with("τ that keeps it between 20 % and 80 %", format!("{t} ({})", percent(r)));
        }
        finding
    };
    if rate < HEALTHY_EARLY_RATE.0 {
        let to = best.map_or_else(
            || rates.iter().rev().find(|(_, r)| *r >= HEALTHY_EARLY_RATE.0).map_or(0.6, |(t, _)| *t),
            |(t, _)| t,
        );
        section.findings.push(
            evidence(Finding::new(
                kinds::HIGH_THRESHOLD,
                Examination::PseudoLabels,
                if rate < 0.05 { Severity::Wrong } else { Severity::Warning },
                format!("τ = {} lets only {} of the unlabeled through.", c.threshold, percent(rate)),
                format!(
                    "In the first {} epochs the consistency term has next to nothing to learn from, so its \
                     weight λ = {} has almost no effect.",
                    found.history.len(),
                    c.weight
                ),
                format!("Lower τ to {to}, with which {} pass.", percent(found.rate(to))),
            ))
            .change("consistency.threshold", c.threshold, to),
        );
    } else if rate > HEALTHY_EARLY_RATE.1 && !alike {
        // Before λ has risen a high rate does no harm.
        let risen = found.history.last().is_some_and(|m| m.consistency_weight > 0.3 * c.weight);
        let severity = if rate > 0.95 && risen { Severity::Warning } else { Severity::Note };
        let finding = evidence(Finding::new(
            if best.is_some() { kinds::LOW_THRESHOLD } else { kinds::SHORT_RAMP },
            Examination::PseudoLabels,
            severity,
            format!(
                "{} of the unlabeled pass τ = {} within the first {} epochs.",
                percent(rate),
                c.threshold,
                found.history.len()
            ),
            "Nearly every patch gets a pseudo-label before the network can tell particles, so early \
             mistakes are learned as truth."
                .to_owned(),
            match best {
                Some((t, r)) => format!("Raise τ to {t}, with which {} pass.", percent(r)),
                None => "No τ keeps it below 80 %: let λ rise over more epochs.".to_owned(),
            },
        ));
        section.findings.push(match best {
            Some((t, _)) => finding.change("consistency.threshold", c.threshold, t),
            None => finding,
        });
    }
}

fn teacher(subject: &Subject, quick: &QuickData, found: &Probe, section: &mut Section) {
    let config = &subject.config;
    if !config.teacher.enabled {
        return;
    }
    if let Some(gap) = found.gap.last() {
        section.say(format!(
            "Teacher and student differ by {gap:.3} on average; their p spread by {:.2} and {:.2}.",
            found.spread.0, found.spread.1
        ));
    }
    // Steps of the whole run on the whole data, not of the probe.
    let train = subject.counts(Side::Train);
    let scale = train.unlabeled as f64 / quick.data.counts(&quick.data.train).unlabeled.max(1) as f64;
    let per_epoch = batches(config, &quick.data) as f64 * scale / config.optimizer.accumulation as f64;
    let steps = per_epoch * config.schedule.epochs as f64;
    let memory = 1.0 / (1.0 - config.teacher.decay);
    // Share of the first, random weights left in the average at the end.
    let left = if config.teacher.decay_warm_up { 0.0 } else { (steps * config.teacher.decay.ln()).exp() };
    section.say(format!(
        "The teacher averages over about {memory:.0} steps; the run has about {steps:.0}{}.",
        if config.teacher.decay_warm_up { ", with a short memory at first" } else { "" }
    ));
    let lags = config.teacher.decay_warm_up && memory > steps;
    if left > 0.1 || lags {
        let decay = (1.0 - 10.0 / steps.max(20.0)).clamp(0.5, 0.999);
        let decay = (decay * 1000.0).floor() / 1000.0;
        section.findings.push(
            Finding::new(
                kinds::STUCK_TEACHER,
                Examination::PseudoLabels,
                if left > 0.1 { Severity::Wrong } else { Severity::Warning },
                "The teacher does not follow the student within this run.",
                if left > 0.1 {
                    format!(
                        "With a decay of {} over {steps:.0} steps {} of its weights are still the random \
                         initial ones, and it gives pseudo-labels, validation and scores.",
                        config.teacher.decay,
                        percent(left)
                    )
                } else {
                    format!(
                        "With a decay of {} it remembers {memory:.0} steps of {steps:.0}.",
                        config.teacher.decay
                    )
                },
                format!("Use a decay of {decay} with decay_warm_up: true."),
            )
            .with("steps of the run", format!("{steps:.0}"))
            .with("memory of the teacher, steps", format!("{memory:.0}"))
            .with(
                "distance of teacher and student in the short run",
                found.gap.last().map_or_else(|| "–".to_owned(), |g| format!("{g:.3}")),
            )
            .change("teacher.decay", config.teacher.decay, decay)
            .change("teacher.decay_warm_up", config.teacher.decay_warm_up, true),
        );
    }
}

/// Calibration of the plain classifier on known labels.
fn calibrated(shared: &SharedData, quick: &QuickData, section: &mut Section) {
    let Some(scores) = &shared.scores else { return };
    let p = |label| -> Vec<f32> { scores.of(&quick.data, label).into_iter().map(probability).collect() };
    let (positive, negative) = (p(Label::Positive), p(Label::Negative));
    if positive.len() < 20 || negative.len() < 20 {
        section.say("Calibration needs known negatives; there are too few.");
        return;
    }
    if let Ok((_, error)) = calibration(&positive, &negative, 10, None) {
        section.say(format!(
            "Calibration of the plain classifier on known labels: expected error {error:.2}{}.",
            if error > 0.2 { " (its p is a ranking, not a probability)" } else { "" }
        ));
    }
}
