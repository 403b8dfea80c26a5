//! The method of a configuration against the plain classifier, on the same patches and for as many epochs.

use serde_json::Value;

use super::finding::{Finding, Section, Severity};
use super::probe::probe;
use super::quick::{QuickData, baseline_config};
use super::{Clock, Examination, TrainingCache, kinds};
use crate::device::ComputeDevice;
use crate::error::Result;
use crate::learning::config::{ConsistencyKind, PriorConfig, RunConfig};
use crate::learning::prior::limited;

/// Validation AUC by which the method may lie below the plain classifier.
const MAX_AUC_LOSS: f64 = 0.08;
/// Validation AUC of the plain classifier below which the two are not compared.
const MIN_REFERENCE_AUC: f64 = 0.6;

/// What the probes are trained with.
pub(super) struct Bench<'a, 'c> {
    pub quick: &'a QuickData,
    pub device: &'a ComputeDevice,
    pub cache: &'a mut TrainingCache,
    pub clock: &'a mut Clock<'c>,
    /// Parts of the examination, for the progress: the method's own probe is part 0, the plain classifier part
    /// 1, the changes that are tried share the others.
    pub parts: usize,
}

impl Bench<'_, '_> {
    /// Validation AUC after the probe's epochs; `None` where it could not be measured.
    fn auc(&mut self, config: &RunConfig, prior: f64) -> Result<Option<f64>> {
        Ok(probe(config, prior, self.quick, self.device, self.clock)?.last_auc())
    }
}

/// A single change of the configuration to try.
struct Trial {
    /// In words: "λ = 0".
    words: String,
    /// Dotted path of the key.
    key: &'static str,
    from: Value,
    to: Value,
    /// The configuration with the change.
    config: RunConfig,
    /// π of the probe.
    prior: f64,
}

/// Compares the method's validation AUC in its probe (`ours`, trained with `prior`) with the plain classifier's.
/// Where it loses clearly, tries single changes and advises the one that helps most. `estimate` is π as it was
/// estimated, where it was.
///
/// # Errors
/// When data and method do not fit, or [`crate::Error::Cancelled`].
pub(super) fn compare(
    config: &RunConfig,
    prior: f64,
    estimate: Option<f64>,
    ours: f64,
    bench: &mut Bench<'_, '_>,
    section: &mut Section,
) -> Result<()> {
    bench.clock.part(1, bench.parts);
    let Some(theirs) = plain_auc(config, bench)? else { return Ok(()) };
    section.say(format!(
        "Over the same epochs the plain classifier reaches a validation AUC of {theirs:.3}, the configuration {ours:.3}."
    ));
    if ours >= theirs - MAX_AUC_LOSS || theirs < MIN_REFERENCE_AUC {
        return Ok(());
    }
    let trials = trials(config, prior, estimate);
    let mut values = Vec::new();
    for (number, trial) in trials.iter().enumerate() {
        bench.clock.part(2 + number.min(bench.parts - 3), bench.parts);
        values.push(bench.auc(&trial.config, trial.prior)?.unwrap_or(0.0));
    }
    section.findings.push(finding(ours, theirs, &trials, &values));
    Ok(())
}

/// Validation AUC of the plain classifier over as many epochs. It depends on the data and on the length of the run
/// only, so it is trained once for all configurations of that length.
fn plain_auc(config: &RunConfig, bench: &mut Bench<'_, '_>) -> Result<Option<f64>> {
    let mut plain = baseline_config(config);
    plain.schedule = config.schedule;
    plain.augmentation.weak.shift *= bench.quick.factor as f64;
    let key = (plain.schedule.epochs, plain.schedule.warm_up_epochs, plain.schedule.cosine);
    let auc = match bench.cache.reference {
        Some((of, auc)) if of == key => auc,
        _ => bench.auc(&plain, 0.5)?,
    };
    bench.cache.reference = Some((key, auc));
    Ok(auc)
}

/// The changes to try: a lower and a higher learning rate, no consistency term, the estimated π.
fn trials(config: &RunConfig, prior: f64, estimate: Option<f64>) -> Vec<Trial> {
    let rate = config.optimizer.learning_rate;
    let with_rate = |to: f64| {
        let mut changed = config.clone();
        changed.optimizer.learning_rate = to;
        Trial {
            words: format!("learning rate {to:e}"),
            key: "optimizer.learning_rate",
            from: rate.into(),
            to: to.into(),
            config: changed,
            prior,
        }
    };
    let mut trials = vec![with_rate((rate / 10.0).max(1e-7))];
    let higher = (rate * 10.0).min(1e-3);
    if higher > rate {
        trials.push(with_rate(higher));
    }
    if config.consistency.kind != ConsistencyKind::None && config.consistency.weight > 0.0 {
        let mut without = config.clone();
        without.consistency.weight = 0.0;
        trials.push(Trial {
            words: "λ = 0".to_owned(),
            key: "consistency.weight",
            from: config.consistency.weight.into(),
            to: 0.0.into(),
            config: without,
            prior,
        });
    }
    if let (PriorConfig::Given(value), Some(estimate)) = (config.prior, estimate) {
        let other = limited(estimate);
        trials.push(Trial {
            words: format!("π = {other:.2}"),
            key: "prior",
            from: value.into(),
            to: "estimate".into(),
            config: RunConfig { prior: PriorConfig::Given(other), ..config.clone() },
            prior: other,
        });
    }
    trials
}

/// The finding that the method loses, with the change that helps most where one helps. `values` are the validation
/// AUCs of `trials`.
fn finding(ours: f64, theirs: f64, trials: &[Trial], values: &[f64]) -> Finding {
    let mut best: Option<(f64, &Trial)> = None;
    for (trial, &value) in trials.iter().zip(values) {
        if best.is_none_or(|(highest, _)| value > highest) {
            best = Some((value, trial));
        }
    }
    let helps = best.filter(|(value, _)| *value > ours + MAX_AUC_LOSS / 2.0);
    let tried: Vec<String> =
        trials.iter().zip(values).map(|(trial, value)| format!("{}: {value:.3}", trial.words)).collect();
    let tried = tried.join("; ");
    let finding = Finding::new(
        kinds::METHOD_LOSES,
        Examination::PseudoLabels,
        Severity::Warning,
        format!(
            "In its first epochs the method does worse than a plain classifier (AUC {ours:.3} against {theirs:.3})."
        ),
        format!("Single changes tried on the same patches: {tried}."),
        match helps {
            Some((value, trial)) => {
                format!("Use {}: validation AUC {value:.3} in the same epochs.", trial.words)
            }
            None => "No single change helped: train the plain classifier beside it and compare.".to_owned(),
        },
    )
    .with("validation AUC of the configuration", format!("{ours:.3}"))
    .with("validation AUC of the plain classifier", format!("{theirs:.3}"))
    .with("changes tried", tried);
    match helps {
        Some((_, trial)) => finding.change(trial.key, trial.from.clone(), trial.to.clone()),
        None => finding,
    }
}
