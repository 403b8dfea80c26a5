//! The epochs of a finished run: the rules of [`health`](super::health) that it broke, as findings.

use super::finding::{Finding, Section};
use super::health::{Flag, saturates, uses_threshold, watch};
use super::stats::percent;
use super::{Examination, Subject, kinds, prescription};
use crate::learning::config::{PriorConfig, RunConfig};
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;

/// Judges the epochs of the subject's run.
pub(super) fn examine(subject: &Subject) -> Section {
    let Some(run) = &subject.run else {
        return Section::skipped(Examination::Run, "no run was named");
    };
    let mut section = Section::new(Examination::Run);
    if run.history.is_empty() {
        section.skipped = Some(format!("run {} has no complete epoch", run.name));
        return section;
    }
    if let Some(last) = run.history.last() {
        section.say(format!(
            "Run {}, {} epochs{}: AUC against unlabeled {:.3}, pseudo-label rate {}, p {:.2} ± {:.2}, gradient norm {:.2}.",
            run.name,
            run.history.len(),
            if run.ended.is_empty() { String::new() } else { format!(" ({})", run.ended) },
            last.validation_auc_pu,
            percent(last.pseudo_label_rate),
            last.p_mean,
            last.p_std,
            last.gradient_norm
        ));
    }
    section.findings = watch(&subject.config, &run.history)
        .into_iter()
        .map(|flag| finding(&subject.config, &run.history, &flag, Examination::Run))
        .collect();
    section
}

/// Why a broken rule matters.
fn why(kind: &str) -> &'static str {
    match kind {
        kinds::DIVERGED => "Steps that large undo everything learned before them.",
        kinds::VANISHED => "Without a gradient further epochs change nothing.",
        kinds::COLLAPSE => {
            "What is left of the ranking is rounding, and pseudo-labels that all agree keep the network there."
        }
        kinds::ONE_SIDED => {
            "They teach that nothing is a particle; every epoch lowers p further, until all patches get the same answer."
        }
        kinds::HIGH_THRESHOLD => "The unlabeled then add nothing to what the labels teach.",
        kinds::LOW_THRESHOLD => "Early mistakes are then learned as truth.",
        kinds::AT_CHANCE => "The network has learned nothing that holds for patches it has not seen.",
        kinds::FELL => "What was learned first is being lost again.",
        kinds::ABOVE_CEILING => {
            "Positives against unlabeled cannot reach more than 1 − π/2, so π is too large."
        }
        kinds::ALWAYS_CLAMPED => "The risk then works against what it has learned in nearly every step.",
        _ => "It was seen while training.",
    }
}

/// A flag as a finding, with the numbers of its epoch and the change that answers it.
pub(super) fn finding(
    config: &RunConfig,
    history: &[EpochMetrics],
    flag: &Flag,
    examination: Examination,
) -> Finding {
    let mut finding = Finding::new(
        flag.kind,
        examination,
        flag.severity,
        flag.what.clone(),
        format!(
            "{} First seen in epoch {} of {}{}.",
            why(flag.kind),
            flag.epoch,
            // A second course makes a run longer than its configuration says.
            config.schedule.epochs.max(history.len()),
            match history.len().saturating_sub(flag.epoch) {
                0 => String::new(),
                n => format!(", and {n} more were trained"),
            }
        ),
        flag.advice,
    );
    if let Some(m) = history.iter().find(|m| m.epoch == flag.epoch) {
        finding = finding
            .with("pseudo-label rate", percent(m.pseudo_label_rate))
            .with("mean and spread of p", format!("{:.3} ± {:.3}", m.p_mean, m.p_std))
            .with("validation AUC", format!("{:.3}", m.validation_auc_pu))
            .with("gradient norm", format!("{:.3e}", m.gradient_norm));
    }
    let c = &config.consistency;
    match flag.kind {
        // Labels by p have lost the particle side; labels by rank from both ends cannot.
        kinds::COLLAPSE | kinds::ONE_SIDED if uses_threshold(config) => {
            finding.advice = "Use the method of the preset overlay: its pseudo-labels come by rank from both ends of the ranking, so \
                              the particle side never runs dry."
                .to_owned();
            finding.changes = prescription::to_overlay(config);
            finding
        }
        // The logistic loss keeps pulling.
        kinds::COLLAPSE | kinds::ONE_SIDED if saturates(config) => {
            finding.advice =
                "Use risk.loss: logistic, whose gradient does not die out where every patch is called no \
                              particle."
                    .to_owned();
            finding.change("risk.loss", "sigmoid", "logistic")
        }
        kinds::HIGH_THRESHOLD => finding.change("consistency.threshold", c.threshold, c.threshold.min(0.75)),
        kinds::LOW_THRESHOLD => {
            finding.change("consistency.ramp_up_epochs", c.ramp_up_epochs, c.ramp_up_epochs.max(30))
        }
        kinds::ABOVE_CEILING | kinds::ALWAYS_CLAMPED => match config.prior {
            PriorConfig::Given(value) => finding.change("prior", value, "estimate"),
            PriorConfig::Estimate(_) => finding,
        },
        _ => finding,
    }
}
