//! The configuration's own method for some epochs on the quick patches: what passes τ, whether the
//! teacher follows, whether p can be taken at its word, and whether the method does better than the
//! plain classifier.

use super::finding::{Finding, Section, Series, Severity};
use super::quick::{QuickData, baseline_config, batches, epochs_for};
use super::stats::{mean, percent};
use super::{Clock, Depth, Examination, Memory, Shared, Subject, health, kinds};
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::learning::config::{Backbone, ConsistencyKind, PriorConfig, RunConfig};
use crate::learning::data::TrainingData;
use crate::learning::eval::metrics::calibration;
use crate::learning::infer::predict::{TestTimeAugmentation, probability};
use crate::learning::prior::limited;
use crate::learning::train::epoch_metrics::EpochMetrics;
use crate::learning::train::trainer::{AfterBatch, Trainer};
use crate::project::Side;

/// Thresholds of the table.
pub(super) const THRESHOLDS: [f64; 9] = [0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99];
/// Steps of a probe.
const STEPS: usize = 100;
/// Unlabeled whose p is read after each epoch, at most.
const READ: usize = 800;
/// What should pass early on.
const HEALTHY: (f64, f64) = (0.2, 0.8);
/// What the method may lie below the plain classifier.
const LOSS: f64 = 0.08;

/// What a short run of a configuration showed.
pub(super) struct Probe {
    /// Every epoch.
    pub history: Vec<EpochMetrics>,
    /// After each epoch: p of who gives the pseudo-labels.
    pub p: Vec<Vec<f32>>,
    /// After each epoch: mean distance of teacher and student.
    pub gap: Vec<f64>,
    /// Spread of teacher's and student's p after the last epoch.
    pub spread: (f64, f64),
    /// For evaluation only: whether each of the patches behind `p` is a particle.
    pub truth: Vec<Option<bool>>,
    /// Why it ended early.
    pub diverged: Option<String>,
}

impl Probe {
    /// Mean validation AUC of the last two epochs.
    pub fn last_auc(&self) -> Option<f64> {
        let values: Vec<f64> = self
            .history
            .iter()
            .rev()
            .take(2)
            .map(|m| m.validation_auc_pu)
            .filter(|v| v.is_finite())
            .collect();
        (!values.is_empty()).then(|| mean(&values))
    }

    /// Mean share at or above τ over the epochs after the first.
    fn rate(&self, threshold: f64) -> f64 {
        let shares: Vec<f64> = self
            .p
            .iter()
            .skip(1)
            .map(|p| {
                let passing = p.iter().filter(|p| f64::from(p.max(1.0 - **p)) >= threshold).count();
                passing as f64 / p.len().max(1) as f64
            })
            .collect();
        mean(&shares)
    }

    /// Share that say "particle" among those at or above τ, over the epochs after the first.
    fn share_particle(&self, threshold: f64) -> f64 {
        let (mut particle, mut passing) = (0usize, 0usize);
        for p in self.p.iter().skip(1).flatten().filter(|p| f64::from(p.max(1.0 - **p)) >= threshold) {
            passing += 1;
            particle += usize::from(*p >= 0.5);
        }
        if passing > 0 { particle as f64 / passing as f64 } else { f64::NAN }
    }

    /// Share of right ones among those that pass after the last epoch, where truth is known.
    fn accuracy(&self, threshold: f64) -> Option<f64> {
        let last = self.p.last()?;
        let judged: Vec<bool> = last
            .iter()
            .zip(&self.truth)
            .filter(|(p, _)| f64::from(p.max(1.0 - **p)) >= threshold)
            .filter_map(|(p, truth)| Some((*p >= 0.5) == (*truth)?))
            .collect();
        (judged.len() >= 5)
            .then(|| judged.iter().filter(|right| **right).count() as f64 / judged.len() as f64)
    }
}

/// π a short run uses: as given, else as estimated.
pub(super) fn smaller(config: &RunConfig, shared: &Shared) -> f64 {
    match config.prior {
        PriorConfig::Given(value) => value,
        PriorConfig::Estimate(_) => shared.prior.as_ref().map_or(0.3, |p| limited(p.estimate)),
    }
}

/// Epochs of a probe.
fn epochs_of(config: &RunConfig, data: &TrainingData) -> usize {
    epochs_for(config, data, STEPS).min(16).min(config.schedule.epochs)
}

/// Validation AUC of a whole run of a probe's length, its decay included, with another learning rate;
/// `None` where it diverges or all its answers become the same.
pub(super) fn whole_run(
    config: &RunConfig,
    rate: f64,
    prior: f64,
    quick: &QuickData,
    device: &ComputeDevice,
    clock: &mut Clock<'_>,
) -> Result<Option<f64>> {
    let mut config = config.clone();
    config.optimizer.learning_rate = rate;
    config.schedule.epochs = epochs_of(&config, &quick.data);
    config.schedule.warm_up_epochs = config.schedule.warm_up_epochs.min(config.schedule.epochs / 6);
    let found = probe(&config, prior, quick, device, clock)?;
    let gone = found.diverged.is_some()
        || health::watch(&config, &found.history).iter().any(|f| f.kind == kinds::COLLAPSE);
    Ok(if gone { None } else { found.last_auc() })
}

/// Trains the first epochs of a run: the schedule keeps its full length, so learning rate and λ are
/// those a real run begins with. A run that diverges ends early and says so.
///
/// # Errors
/// When data and method do not fit, or [`Error::Cancelled`].
pub(super) fn probe(
    config: &RunConfig,
    prior: f64,
    quick: &QuickData,
    device: &ComputeDevice,
    clock: &mut Clock<'_>,
) -> Result<Probe> {
    let data: TrainingData = quick.data.clone();
    let mut config = config.clone();
    config.backbone = Backbone::SmallCnn;
    config.batch.unlabeled_per_epoch = 0;
    // Shifts are px of the full patch.
    config.augmentation.weak.shift /= quick.factor as f64;
    config.augmentation.strong.shift /= quick.factor as f64;
    if data.train.len() < 400 {
        config.batch.size = config.batch.size.min(32);
    }
    let epochs = epochs_of(&config, &data);
    let unlabeled: Vec<usize> =
        data.with_label(&data.train, Label::Unlabeled).into_iter().take(READ).collect();
    let truth = unlabeled.iter().map(|&i| data.truth.as_ref().and_then(|t| t[i])).collect();
    let by_teacher = config.teacher.enabled && config.teacher.pseudo_labels;
    let mut trainer = Trainer::new(config.clone(), prior, data, device);
    let mut found = Probe {
        history: Vec::new(),
        p: Vec::new(),
        gap: Vec::new(),
        spread: (f64::NAN, f64::NAN),
        truth,
        diverged: None,
    };
    for epoch in 1..=epochs {
        clock.within(epoch - 1, epochs)?;
        match trainer.run_epoch(epoch, |_, _| AfterBatch::Continue) {
            Ok(Some(metrics)) => found.history.push(metrics),
            Ok(None) => break,
            Err(error @ Error::Training { .. }) => {
                found.diverged = Some(error.to_string());
                break;
            }
            Err(error) => return Err(error),
        }
        let p = |logits: Vec<f32>| -> Vec<f32> { logits.into_iter().map(probability).collect() };
        let student = p(trainer.student_logits(&unlabeled)?);
        let scoring = if config.teacher.enabled {
            p(trainer.logits(&unlabeled, TestTimeAugmentation::None)?)
        } else {
            student.clone()
        };
        let gap = student.iter().zip(&scoring).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
        found.gap.push(gap / student.len().max(1) as f64);
        let spread =
            |p: &[f32]| super::stats::variance(&p.iter().map(|&v| f64::from(v)).collect::<Vec<_>>()).sqrt();
        found.spread = (spread(&scoring), spread(&student));
        found.p.push(if by_teacher { scoring } else { student });
    }
    Ok(found)
}

pub(super) fn examine(
    subject: &Subject,
    shared: &Shared,
    depth: Depth,
    device: &ComputeDevice,
    memory: &mut Memory,
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
    let prior = smaller(config, shared);
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
        section.findings.push(health::finding(config, &found.history, flag, Examination::PseudoLabels));
    }
    clock.part(1, parts);
    compare(subject, shared, quick, &found, prior, device, memory, clock, parts, &mut section)?;
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
        .filter(|(t, r)| *t < 0.985 && (HEALTHY.0..=HEALTHY.1).contains(r))
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
    if rate < HEALTHY.0 {
        let to = best.map_or_else(
            || rates.iter().rev().find(|(_, r)| *r >= HEALTHY.0).map_or(0.6, |(t, _)| *t),
            |(t, _)| t,
        );
        section.findings.push(
            evidence(Finding::new(
                kinds::HIGH_THRESHOLD,
                Examination::PseudoLabels,
                if rate < 0.05 { Severity::Wrong } else { Severity::Warning },
                format!("τ = {} lets only {} of the unlabeled through.", c.threshold, percent(rate)),
                format!(
                    "In the first {} epochs the consistency term learns from next to nothing, and λ = {} weighs an empty sum.",
                    found.history.len(),
                    c.weight
                ),
                format!("Lower τ to {to}, with which {} pass.", percent(found.rate(to))),
            ))
            .change("consistency.threshold", c.threshold, to),
        );
    } else if rate > HEALTHY.1 && !alike {
        // Before λ has risen a high rate does no harm.
        let risen = found.history.last().is_some_and(|m| m.consistency_weight > 0.3 * c.weight);
        let severity = if rate > 0.95 && risen { Severity::Warning } else { Severity::Note };
        let finding = evidence(Finding::new(
            if best.is_some() { kinds::LOW_THRESHOLD } else { kinds::SHORT_RAMP },
            Examination::PseudoLabels,
            severity,
            format!("{} of the unlabeled pass τ = {} within the first {} epochs.", percent(rate), c.threshold, found.history.len()),
            "Nearly everything counts as known before the network can know it, so early mistakes are taught back.".to_owned(),
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
                        "With a decay of {} over {steps:.0} steps {} of its weights are still those it was drawn with, and it \
                         gives pseudo-labels, validation and scores.",
                        config.teacher.decay,
                        percent(left)
                    )
                } else {
                    format!("With a decay of {} it remembers {memory:.0} steps of {steps:.0}.", config.teacher.decay)
                },
                format!("Use a decay of {decay} with decay_warm_up: true."),
            )
            .with("steps of the run", format!("{steps:.0}"))
            .with("memory of the teacher, steps", format!("{memory:.0}"))
            .with("distance of teacher and student in the short run", found.gap.last().map_or_else(|| "–".to_owned(), |g| format!("{g:.3}")))
            .change("teacher.decay", config.teacher.decay, decay)
            .change("teacher.decay_warm_up", config.teacher.decay_warm_up, true),
        );
    }
}

/// Calibration of the plain classifier on known labels.
fn calibrated(shared: &Shared, quick: &QuickData, section: &mut Section) {
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

/// A single change to try: in words, key, value before and after, the configuration, and π.
type Trial = (String, &'static str, serde_json::Value, serde_json::Value, RunConfig, f64);

/// The method against the plain classifier on the same patches and epochs; where it loses clearly,
/// single changes are tried, and the one that helps most is advised.
#[allow(clippy::too_many_arguments)]
fn compare(
    subject: &Subject,
    shared: &Shared,
    quick: &QuickData,
    found: &Probe,
    prior: f64,
    device: &ComputeDevice,
    memory: &mut Memory,
    clock: &mut Clock<'_>,
    parts: usize,
    section: &mut Section,
) -> Result<()> {
    let mut plain = baseline_config(&subject.config);
    plain.schedule = subject.config.schedule;
    plain.augmentation.weak.shift *= quick.factor as f64;
    // What the plain classifier reaches depends on the data and on the length of the run only.
    let key = (plain.schedule.epochs, plain.schedule.warm_up_epochs, plain.schedule.cosine);
    let reference = match memory.reference {
        Some((held, value)) if held == key => value,
        _ => probe(&plain, 0.5, quick, device, clock)?.last_auc(),
    };
    memory.reference = Some((key, reference));
    let (Some(ours), Some(theirs)) = (found.last_auc(), reference) else { return Ok(()) };
    section.say(format!("Over the same epochs the plain classifier reaches a validation AUC of {theirs:.3}, the configuration {ours:.3}."));
    if ours >= theirs - LOSS || theirs < 0.6 {
        return Ok(());
    }
    let config = &subject.config;
    let mut trials: Vec<Trial> = Vec::new();
    let mut lower = config.clone();
    lower.optimizer.learning_rate = (config.optimizer.learning_rate / 10.0).max(1e-7);
    let rates = (config.optimizer.learning_rate, lower.optimizer.learning_rate);
    trials.push((
        format!("learning rate {:e}", rates.1),
        "optimizer.learning_rate",
        rates.0.into(),
        rates.1.into(),
        lower,
        prior,
    ));
    let mut higher = config.clone();
    higher.optimizer.learning_rate = (config.optimizer.learning_rate * 10.0).min(1e-3);
    if higher.optimizer.learning_rate > config.optimizer.learning_rate {
        let to = higher.optimizer.learning_rate;
        trials.push((
            format!("learning rate {to:e}"),
            "optimizer.learning_rate",
            rates.0.into(),
            to.into(),
            higher,
            prior,
        ));
    }
    if config.consistency.kind != ConsistencyKind::None && config.consistency.weight > 0.0 {
        let mut without = config.clone();
        without.consistency.weight = 0.0;
        trials.push((
            "λ = 0".to_owned(),
            "consistency.weight",
            config.consistency.weight.into(),
            0.0.into(),
            without,
            prior,
        ));
    }
    if let (PriorConfig::Given(value), Some(estimate)) = (config.prior, &shared.prior) {
        let other = limited(estimate.estimate);
        let changed = RunConfig { prior: PriorConfig::Given(other), ..config.clone() };
        trials.push((format!("π = {other:.2}"), "prior", value.into(), "estimate".into(), changed, other));
    }
    let mut tried = Vec::new();
    let mut best: Option<(f64, usize)> = None;
    for (number, trial) in trials.iter().enumerate() {
        clock.part(2 + number.min(parts - 3), parts);
        let value = probe(&trial.4, trial.5, quick, device, clock)?.last_auc().unwrap_or(0.0);
        tried.push(format!("{}: {value:.3}", trial.0));
        if best.is_none_or(|(held, _)| value > held) {
            best = Some((value, number));
        }
    }
    let helps =
        best.filter(|(value, _)| *value > ours + LOSS / 2.0).map(|(value, number)| (value, &trials[number]));
    let finding = Finding::new(
        kinds::METHOD_LOSES,
        Examination::PseudoLabels,
        Severity::Warning,
        format!("In its first epochs the method does worse than a plain classifier (AUC {ours:.3} against {theirs:.3})."),
        format!("Single changes tried on the same patches: {}.", tried.join("; ")),
        match &helps {
            Some((value, trial)) => format!("Use {}: validation AUC {value:.3} in the same epochs.", trial.0),
            None => "No single change helped: train the plain classifier beside it and compare.".to_owned(),
        },
    )
    .with("validation AUC of the configuration", format!("{ours:.3}"))
    .with("validation AUC of the plain classifier", format!("{theirs:.3}"))
    .with("changes tried", tried.join("; "));
    section.findings.push(match helps {
        Some((_, trial)) => finding.change(trial.1, trial.2.clone(), trial.3.clone()),
        None => finding,
    });
    Ok(())
}
