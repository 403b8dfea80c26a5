//! Rules over the measures of epochs. They use nothing but the configuration and [`EpochMetrics`], so the same rules
//! watch a run while it trains ([`raised`], called after every epoch) and judge a stored one ([`watch`]).

use serde::Serialize;

use super::finding::Severity;
use super::kinds;
use super::stats::percent;
use crate::learning::config::{
    ConsistencyKind, PretrainKind, PriorConfig, RiskKind, RunConfig, SelectBy, SurrogateLoss,
};
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;

/// A rule that was broken, and when first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flag {
    /// One of [`kinds`].
    pub kind: &'static str,
    /// The epoch in which it was first seen, counted from 1.
    pub epoch: usize,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence with the numbers of that epoch.
    pub what: String,
    /// One sentence: what to do.
    pub advice: &'static str,
}

impl Flag {
    /// The flag as one line for a log.
    pub fn line(&self) -> String {
        format!("{} (since epoch {}): {} {}", self.severity.as_str(), self.epoch, self.what, self.advice)
    }
}

/// Severity and sentence of a broken rule; looks at the newest epoch and those before it.
type Rule = fn(&RunConfig, &[EpochMetrics], &EpochMetrics) -> Option<(Severity, String)>;

/// Kind, rule, and what to do.
const RULES: &[(&str, Rule, &str)] = &[
    (kinds::DIVERGED, diverged, "Lower optimizer.learning_rate, or set optimizer.gradient_clip to 1."),
    (
        kinds::VANISHED,
        vanished,
        "Look for dead layers (the diagnosis finds them), and start anew with a lower learning rate.",
    ),
    (
        kinds::COLLAPSE,
        collapsed,
        "Stop the run; the diagnosis writes a configuration that does not collapse.",
    ),
    (
        kinds::ONE_SIDED,
        one_sided,
        "Stop before the run collapses; the diagnosis writes a configuration that does not.",
    ),
    (
        kinds::HIGH_THRESHOLD,
        nothing_passes,
        "Lower consistency.threshold; the diagnosis says which τ lets 20 % to 80 % through.",
    ),
    (
        kinds::LOW_THRESHOLD,
        everything_passes,
        "Raise consistency.threshold, or lengthen consistency.ramp_up_epochs.",
    ),
    (
        kinds::AT_CHANCE,
        at_chance,
        "Examine it (diagnosis): the data, the learning rate or the prior is wrong.",
    ),
    (kinds::FELL, fell, "Lower λ or the learning rate, or stop earlier."),
    (kinds::ABOVE_CEILING, above_ceiling, "Lower the prior, or write prior: estimate."),
    (kinds::ALWAYS_CLAMPED, always_clamped, "Lower the prior or the learning rate."),
];

/// Every rule broken in these epochs, each with the epoch in which it was first broken, in order of
/// epochs.
pub fn watch(config: &RunConfig, history: &[EpochMetrics]) -> Vec<Flag> {
    let mut flags = Vec::new();
    for &(kind, rule, advice) in RULES {
        let first = (1..=history.len()).find_map(|n| {
            let newest = history.get(n - 1)?;
            rule(config, &history[..n - 1], newest).map(|found| (newest.epoch, found))
        });
        if let Some((epoch, (severity, what))) = first {
            flags.push(Flag { kind, epoch, severity, what, advice });
        }
    }
    // A run that has collapsed is not also told that its pseudo-labels are one-sided; one that began so is.
    if let Some(fallen) = flags.iter().find(|f| f.kind == kinds::COLLAPSE).map(|f| f.epoch) {
        flags.retain(|f| f.kind != kinds::ONE_SIDED || f.epoch < fallen);
    }
    flags.sort_by_key(|flag| flag.epoch);
    flags
}

/// The rules first broken in the newest epoch: what to tell a person now.
pub fn raised(config: &RunConfig, history: &[EpochMetrics]) -> Vec<Flag> {
    let newest = history.last().map_or(0, |m| m.epoch);
    watch(config, history).into_iter().filter(|flag| flag.epoch == newest).collect()
}

/// Whether the learning rate has risen long enough for the numbers to mean something.
fn warm(config: &RunConfig, epoch: usize, epochs: usize) -> bool {
    epoch - before_course(config, epoch) >= config.schedule.warm_up_epochs + epochs
}

/// Epochs before the course that this epoch belongs to: a run that learns once more from fresh weights begins anew.
fn before_course(config: &RunConfig, epoch: usize) -> usize {
    let first = config.schedule.epochs;
    let may = config.self_training.second_start && config.pretrain.kind == PretrainKind::General;
    if may && epoch > first { first } else { 0 }
}

fn diverged(_: &RunConfig, before: &[EpochMetrics], m: &EpochMetrics) -> Option<(Severity, String)> {
    if m.loss.is_infinite() || m.gradient_norm.is_infinite() {
        return Some((Severity::Wrong, "Loss or gradient is no longer a finite number.".to_owned()));
    }
    let mut norms: Vec<f64> = before.iter().map(|m| m.gradient_norm).filter(|n| n.is_finite()).collect();
    norms.sort_by(f64::total_cmp);
    let usual = norms.get(norms.len() / 2).copied();
    let limit = usual.map_or(1e3, |usual| (30.0 * usual).max(100.0));
    (m.gradient_norm > limit).then(|| {
        (
            Severity::Wrong,
            format!(
                "The gradient norm is {:.0}{}.",
                m.gradient_norm,
                usual.map_or_else(String::new, |u| format!(", where it used to be {u:.2}"))
            ),
        )
    })
}

fn vanished(_: &RunConfig, before: &[EpochMetrics], m: &EpochMetrics) -> Option<(Severity, String)> {
    // At the end of a run that has learned everything, a small gradient is as it should be.
    let learned = before.iter().chain([m]).any(|m| m.validation_auc_pu > 0.65 || m.validation_auc_pn > 0.65);
    (m.gradient_norm < 1e-5 && !learned).then(|| {
        (
            Severity::Wrong,
            format!("The gradient has vanished (norm {:.1e}) and nothing was learned.", m.gradient_norm),
        )
    })
}

fn collapsed(config: &RunConfig, _: &[EpochMetrics], m: &EpochMetrics) -> Option<(Severity, String)> {
    if !warm(config, m.epoch, 1) {
        return None;
    }
    let flat = m.p_std < 0.02;
    let extreme = m.p_mean < 0.03 || m.p_mean > 0.97;
    // Without pseudo-labels the rate is not measured; flat and extreme is then enough.
    let accepted = m.pseudo_label_rate.is_nan() || m.pseudo_label_rate > 0.9;
    (flat && extreme && accepted).then(|| {
        let rate = if m.pseudo_label_rate.is_finite() {
            format!("pseudo-label rate {}, ", percent(m.pseudo_label_rate))
        } else {
            String::new()
        };
        (
            Severity::Wrong,
            format!(
                "Every patch gets the same answer: {rate}mean p {:.3}, spread {:.3}; the run has collapsed.",
                m.p_mean, m.p_std
            ),
        )
    })
}

/// "Nothing is a particle" costs π under the sigmoid loss, and there its gradient dies out.
pub(super) fn saturates(config: &RunConfig) -> bool {
    matches!(config.risk.kind, RiskKind::Nnpu | RiskKind::Upu) && config.risk.loss == SurrogateLoss::Sigmoid
}

/// π as the run used it, read back from the ceiling 1 − π/2 that is stored with every epoch.
fn prior_of(m: &EpochMetrics) -> Option<f64> {
    let prior = 2.0 * (1.0 - m.validation_auc_ceiling);
    (prior.is_finite() && prior > 0.0).then_some(prior)
}

/// What the pseudo-labels of an epoch say against what π says: (share "particle" among them, π).
fn one_sided(config: &RunConfig, _: &[EpochMetrics], m: &EpochMetrics) -> Option<(Severity, String)> {
    let prior = prior_of(m)?;
    let hard = config.consistency.kind == ConsistencyKind::Fixmatch && config.consistency.weight > 0.0;
    if !hard || self_training(config, m.epoch) || !warm(config, m.epoch, 2) || m.pseudo_label_rate < 0.3 {
        return None;
    }
    let share = m.pseudo_label_rate_positive / m.pseudo_label_rate;
    (share < 0.1 * prior && m.p_mean < 0.4 * prior).then(|| {
        (
            // Where the loss saturates, next to no label "particle" is already the way to a collapse; the
            // logistic loss mostly finds back.
            if m.p_mean < 0.25 * prior
                || (saturates(config) && share < 0.02 * prior && m.pseudo_label_rate > 0.5)
            {
                Severity::Wrong
            } else {
                Severity::Warning
            },
            format!(
                "{} of the unlabeled have a pseudo-label, and only {} of those say particle where π = {prior:.2}; mean p \
                 is {:.3}.",
                percent(m.pseudo_label_rate),
                percent(share),
                m.p_mean
            ),
        )
    })
}

pub(super) fn uses_threshold(config: &RunConfig) -> bool {
    config.consistency.kind == ConsistencyKind::Fixmatch && config.consistency.weight > 0.0
}

fn self_training(config: &RunConfig, epoch: usize) -> bool {
    config.self_training.enabled && epoch >= config.self_training.start_epoch
}

fn nothing_passes(config: &RunConfig, _: &[EpochMetrics], m: &EpochMetrics) -> Option<(Severity, String)> {
    // The first epochs after the warm-up are unsure by right; from then on an empty term is a fault.
    let due = warm(config, m.epoch, 2);
    (uses_threshold(config) && !self_training(config, m.epoch) && due && m.pseudo_label_rate < 0.02).then(
        || {
            (
                Severity::Wrong,
                format!(
                    "Only {} of the unlabeled pass τ = {}: the consistency term has nothing to learn from.",
                    percent(m.pseudo_label_rate),
                    config.consistency.threshold
                ),
            )
        },
    )
}

fn everything_passes(config: &RunConfig, _: &[EpochMetrics], m: &EpochMetrics) -> Option<(Severity, String)> {
    let early = m.epoch <= 3.max(config.schedule.epochs / 10);
    let weighs = m.consistency_weight > 0.1 * config.consistency.weight;
    (uses_threshold(config)
        && !self_training(config, m.epoch)
        && early
        && weighs
        // Where all answers are alike everything passes any τ; that is another fault.
        && m.p_std > 0.1
        && m.pseudo_label_rate > 0.95)
        .then(|| {
            (
                Severity::Warning,
                format!(
                    "Already {} of the unlabeled pass τ = {} in epoch {}, before the network can know.",
                    percent(m.pseudo_label_rate),
                    config.consistency.threshold,
                    m.epoch
                ),
            )
        })
}

fn at_chance(config: &RunConfig, before: &[EpochMetrics], m: &EpochMetrics) -> Option<(Severity, String)> {
    let value = |m: &EpochMetrics| {
        if m.validation_auc_pu.is_finite() { m.validation_auc_pu } else { m.validation_auc_pn }
    };
    let recent: Vec<f64> = before.iter().rev().take(2).chain([m]).map(value).collect();
    let due = warm(config, m.epoch, 5) && recent.len() == 3 && recent.iter().all(|v| v.is_finite());
    (due && recent.iter().all(|v| *v < 0.58)).then(|| {
        (
            Severity::Wrong,
            format!("Validation AUC is {:.3} after {} epochs; chance is 0.5.", value(m), m.epoch),
        )
    })
}

fn fell(config: &RunConfig, before: &[EpochMetrics], m: &EpochMetrics) -> Option<(Severity, String)> {
    // Where the general model is asked the run may begin anew at that epoch. It then no longer ranks what people pick
    // above the other particles, and its validation AUC is lower for a good reason.
    let start = config.self_training.start_epoch;
    let asked = config.self_training.enabled && config.self_training.general_model;
    let course = before_course(config, m.epoch);
    let since = if asked && m.epoch >= start && course == 0 { start } else { course + 1 };
    let before: Vec<&EpochMetrics> = before.iter().filter(|m| m.epoch >= since).collect();
    let best = before.iter().map(|m| m.validation_auc_pu).filter(|v| v.is_finite()).fold(f64::NAN, f64::max);
    let last = before.last().map_or(f64::NAN, |m| m.validation_auc_pu);
    // Two epochs in a row: one bad batch at a high learning rate is no fault.
    (warm(config, m.epoch, 3) && m.validation_auc_pu < best - 0.1 && last < best - 0.1).then(|| {
        (
            Severity::Warning,
            format!(
                "Validation AUC has fallen from {best:.3} to {:.3}; {} is kept.",
                m.validation_auc_pu,
                match config.schedule.select_by {
                    SelectBy::Last => "the last epoch",
                    SelectBy::ValidationAuc => "the best epoch",
                }
            ),
        )
    })
}

fn above_ceiling(
    config: &RunConfig,
    before: &[EpochMetrics],
    m: &EpochMetrics,
) -> Option<(Severity, String)> {
    let over = |m: &EpochMetrics| m.validation_auc_pu > m.validation_auc_ceiling + 0.02;
    let given = matches!(config.prior, PriorConfig::Given(_));
    (given && over(m) && before.last().is_some_and(over)).then(|| {
        (
            Severity::Warning,
            format!(
                "Validation AUC {:.3} lies above the {:.3} that the prior allows: fewer of the unlabeled are particles.",
                m.validation_auc_pu, m.validation_auc_ceiling
            ),
        )
    })
}

fn always_clamped(
    config: &RunConfig,
    before: &[EpochMetrics],
    m: &EpochMetrics,
) -> Option<(Severity, String)> {
    let nearly = |m: &EpochMetrics| m.nnpu_clamped_rate > 0.9;
    (config.risk.kind == RiskKind::Nnpu && nearly(m) && before.last().is_some_and(nearly)).then(|| {
        (
            Severity::Warning,
            format!(
                "nnPU turned {} of the steps: the prior is too high or the network has memorised the \
                 positives.",
                percent(m.nnpu_clamped_rate)
            ),
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::learning::config::yaml::parse;

    fn fixmatch() -> RunConfig {
        parse("prior: 0.3\nconsistency:\n  kind: fixmatch\n  threshold: 0.95\n  ramp_up_epochs: 0\n", "test")
            .unwrap()
    }

    fn healthy(epoch: usize) -> EpochMetrics {
        EpochMetrics {
            epoch,
            loss: 0.4,
            consistency_weight: 0.3,
            validation_auc_pu: 0.7 + 0.01 * epoch as f64,
            validation_auc_ceiling: 0.85,
            pseudo_label_rate: 0.4,
            pseudo_label_rate_positive: 0.1,
            p_mean: 0.3,
            p_std: 0.25,
            gradient_norm: 1.0,
            nnpu_clamped_rate: 0.2,
            ..EpochMetrics::default()
        }
    }

    fn with(n: usize, fault: usize, change: impl Fn(&mut EpochMetrics)) -> Vec<EpochMetrics> {
        let mut history: Vec<EpochMetrics> = (1..=n).map(healthy).collect();
        history.iter_mut().filter(|m| m.epoch >= fault).for_each(change);
        history
    }

    #[test]
    fn a_healthy_run_raises_nothing() {
        assert_eq!(watch(&fixmatch(), &with(12, 99, |_| ())), Vec::new());
    }

    /// A run that begins anew from the general model falls to where that stands, and is judged from there on.
    #[test]
    fn a_run_that_begins_anew_is_compared_with_itself() {
        let asks = crate::learning::config::yaml::load("recommended").unwrap();
        let start = asks.self_training.start_epoch;
        let anew = with(36, start, |m| m.validation_auc_pu = 0.75);
        let fell = |config: &RunConfig, history: &[EpochMetrics]| {
            watch(config, history).iter().any(|flag| flag.kind == kinds::FELL)
        };
        assert!(!fell(&asks, &anew));
        assert!(fell(&fixmatch(), &anew), "another run has lost what it had learned");
        let lost = with(36, start + 3, |m| m.validation_auc_pu = 0.6);
        assert!(fell(&asks, &lost), "it falls after its new beginning");
        // Fresh weights know nothing at first.
        let fresh = with(38, 37, |m| m.validation_auc_pu = 0.55);
        let raised = |config: &RunConfig| watch(config, &fresh).iter().filter(|flag| flag.epoch > 36).count();
        assert_eq!(raised(&asks), 0);
        let mut once = asks;
        once.self_training.second_start = false;
        assert!(raised(&once) > 0);
    }

    #[test]
    fn a_collapse_is_flagged_in_its_epoch_and_only_once() {
        let history = with(8, 5, |m| (m.pseudo_label_rate, m.p_mean, m.p_std) = (1.0, 0.001, 0.002));
        let raised_in: Vec<usize> = (1..=8)
            .filter(|&n| raised(&fixmatch(), &history[..n]).iter().any(|f| f.kind == kinds::COLLAPSE))
            .collect();
        assert_eq!(raised_in, [5]);
        let flag = &watch(&fixmatch(), &history)[0];
        assert_eq!((flag.kind, flag.severity, flag.epoch), (kinds::COLLAPSE, Severity::Wrong, 5));
        assert!(flag.what.contains("100 %") && flag.what.contains("0.001"), "{}", flag.what);
        // Few particles: mean p is low, but p is not flat.
        let rare = with(8, 5, |m| (m.pseudo_label_rate, m.p_mean, m.p_std) = (0.99, 0.02, 0.1));
        assert!(watch(&fixmatch(), &rare).iter().all(|f| f.kind != kinds::COLLAPSE));
    }

    #[test]
    fn an_empty_consistency_term_is_flagged_two_epochs_after_the_warm_up() {
        let flags = watch(&fixmatch(), &with(6, 1, |m| m.pseudo_label_rate = 0.0));
        assert_eq!((flags[0].kind, flags[0].epoch), (kinds::HIGH_THRESHOLD, 3));
        let none = parse("prior: 0.3\n", "test").unwrap();
        assert!(watch(&none, &with(6, 1, |m| m.pseudo_label_rate = 0.0)).is_empty());
    }

    #[test]
    fn one_sided_pseudo_labels_are_flagged_before_the_collapse() {
        // π = 0.3 from the ceiling 0.85.
        let history = with(8, 4, |m| {
            (m.pseudo_label_rate, m.pseudo_label_rate_positive, m.p_mean, m.p_std) = (0.7, 0.0, 0.05, 0.06);
        });
        let flags = watch(&fixmatch(), &history);
        assert_eq!(
            (flags[0].kind, flags[0].epoch, flags[0].severity),
            (kinds::ONE_SIDED, 4, Severity::Wrong)
        );
        let even =
            with(8, 4, |m| (m.pseudo_label_rate, m.pseudo_label_rate_positive, m.p_mean) = (0.7, 0.2, 0.3));
        assert!(watch(&fixmatch(), &even).is_empty());
    }

    #[test]
    fn the_other_rules_fire_on_their_fault() {
        let config = fixmatch();
        let kind = |history: &[EpochMetrics]| watch(&config, history).first().map(|f| (f.kind, f.epoch));
        assert_eq!(kind(&with(6, 4, |m| m.gradient_norm = 500.0)), Some((kinds::DIVERGED, 4)));
        assert_eq!(kind(&with(3, 1, |m| m.pseudo_label_rate = 0.99)), Some((kinds::LOW_THRESHOLD, 1)));
        let alike = |m: &mut EpochMetrics| (m.pseudo_label_rate, m.p_std) = (0.99, 0.05);
        assert_eq!(kind(&with(3, 1, alike)), None);
        assert_eq!(kind(&with(9, 1, |m| m.validation_auc_pu = 0.51)), Some((kinds::AT_CHANCE, 6)));
        assert_eq!(kind(&with(9, 6, |m| m.validation_auc_pu = 0.6)), Some((kinds::FELL, 7)));
        assert_eq!(kind(&with(9, 6, |m| m.validation_auc_pu = 0.9)), Some((kinds::ABOVE_CEILING, 7)));
        assert_eq!(kind(&with(9, 6, |m| m.nnpu_clamped_rate = 1.0)), Some((kinds::ALWAYS_CLAMPED, 7)));
        let vanish = |m: &mut EpochMetrics| (m.gradient_norm, m.validation_auc_pu) = (1e-9, 0.5);
        assert_eq!(kind(&with(2, 1, vanish)), Some((kinds::VANISHED, 1)));
    }
}
