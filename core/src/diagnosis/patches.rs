//! Counts, and patches that carry no information: not finite, constant, saturated.

use super::finding::{Finding, Section, Severity};
use super::stats::percent;
use super::{Examination, SharedData, Subject, kinds};
use crate::label::{Label, LabelCounts};
use crate::learning::config::RiskKind;
use crate::project::Side;
use crate::words::capitalised;

/// Share of constant patches from which they are `wrong` rather than a warning.
const MAX_CONSTANT_SHARE: f64 = 0.01;
/// Share of pixels at the limits from which a patch counts as saturated.
const MIN_SATURATED_PIXELS: f64 = 0.2;

pub(super) fn examine(subject: &Subject, shared: &SharedData) -> Section {
    let mut section = Section::new(Examination::Patches);
    let counts = LabelCounts::of(subject.labels.iter().copied());
    section.say(format!(
        "{} patches of {} px{}: {} positive, {} unlabeled, {} negative; labelling rate P/(P+U) = {}.",
        subject.len(),
        subject.size,
        if subject.total > subject.len() {
            format!(" (a sample of {})", subject.total)
        } else {
            String::new()
        },
        counts.positive,
        counts.unlabeled,
        counts.negative,
        counts.labelling_rate().map_or_else(|| "–".to_owned(), |r| format!("{r:.3}")),
    ));
    for side in [Side::Train, Side::Validation, Side::Test] {
        let on = subject.counts(side);
        if on.total() > 0 {
            section.say(format!(
                "{side}: {} positive, {} unlabeled, {} negative.",
                on.positive, on.unlabeled, on.negative
            ));
        }
    }
    per_micrograph(subject, &mut section);
    missing(subject, &mut section);
    unsplit(subject, &mut section);
    broken(subject, shared, &mut section);
    section
}

fn per_micrograph(subject: &Subject, section: &mut Section) {
    let mut counts = vec![LabelCounts::default(); subject.micrograph_names.len()];
    let mut unknown = 0;
    for (micrograph, &label) in subject.micrographs.iter().zip(&subject.labels) {
        match micrograph.and_then(|m| counts.get_mut(m)) {
            Some(counts) => *counts.get_mut(label) += 1,
            None => unknown += 1,
        }
    }
    counts.retain(|c| c.total() > 0);
    if counts.is_empty() {
        section.say("No patch says from which micrograph it comes.");
        return;
    }
    let range = |label: Label| {
        let of = || counts.iter().map(|c| c.get(label));
        format!("{} to {} {label}", of().min().unwrap_or(0), of().max().unwrap_or(0))
    };
    section.say(format!(
        "{} micrographs with {}, {} and {} each{}.",
        counts.len(),
        range(Label::Positive),
        range(Label::Unlabeled),
        range(Label::Negative),
        if unknown > 0 { format!("; {unknown} patches of an unknown one") } else { String::new() },
    ));
}

fn missing(subject: &Subject, section: &mut Section) {
    let train = subject.counts(Side::Train);
    let lack = if train.positive == 0 {
        Some(("positives", "label some particles as positive"))
    } else if subject.config.risk.kind == RiskKind::Supervised && train.negative == 0 {
        Some((
            "known negatives, which the supervised risk needs",
            "label some negatives, or use risk.kind: naive",
        ))
    } else if subject.config.risk.kind != RiskKind::Supervised && train.unlabeled == 0 {
        Some(("unlabeled patches, which this method learns from", "import an unlabeled pool"))
    } else {
        None
    };
    if let Some((what, advice)) = lack {
        section.findings.push(
            Finding::new(
                kinds::MISSING_LABELS,
                Examination::Patches,
                Severity::Wrong,
                format!("The training side holds no {what}."),
                format!(
                    "It has {} positive, {} unlabeled and {} negative patches, so no run of {} can begin.",
                    train.positive, train.unlabeled, train.negative, subject.config_name
                ),
                format!("{}.", capitalised(advice)),
            )
            .with("positives on the training side", train.positive.to_string())
            .with("unlabeled on the training side", train.unlabeled.to_string()),
        );
    }
}

fn unsplit(subject: &Subject, section: &mut Section) {
    let Some(problem) = &subject.split_problem else { return };
    if section.findings.iter().any(|f| f.kind == kinds::MISSING_LABELS) {
        return;
    }
    section.findings.push(Finding::new(
        kinds::MISSING_LABELS,
        Examination::Patches,
        Severity::Wrong,
        "The patches cannot be split into a training set and a validation set.",
        format!("{problem}."),
        "Label more patches, on more micrographs.",
    ));
}

fn broken(subject: &Subject, shared: &SharedData, section: &mut Section) {
    let of = |wanted: &dyn Fn(&super::features::PatchMeasures) -> bool| -> Vec<usize> {
        (0..subject.len()).filter(|&i| wanted(&shared.features[i])).collect()
    };
    let n = subject.len() as f64;
    let by_label = |patches: &[usize]| {
        let c = LabelCounts::of(patches.iter().map(|&i| subject.labels[i]));
        format!("{} positive, {} unlabeled, {} negative", c.positive, c.unlabeled, c.negative)
    };
    let not_finite = of(&|f| !f.finite);
    if !not_finite.is_empty() {
        section.findings.push(
            Finding::new(
                kinds::NOT_FINITE,
                Examination::Patches,
                Severity::Wrong,
                format!("Patches with pixels that are no finite numbers: {}.", not_finite.len()),
                format!(
                    "One NaN in a batch turns the loss into NaN, so training refuses them ({}).",
                    by_label(&not_finite)
                ),
                "Repair the files they come from, or leave them out, and import again.",
            )
            .with("patches", by_label(&not_finite))
            .about(subject.ids_of(not_finite)),
        );
    }
    let constant = of(&|f| f.finite && f.constant);
    if !constant.is_empty() {
        let share = constant.len() as f64 / n;
        let labelled = constant.iter().any(|&i| subject.labels[i] != Label::Unlabeled);
        let severity =
            if share >= MAX_CONSTANT_SHARE || labelled { Severity::Wrong } else { Severity::Warning };
        section.findings.push(
            Finding::new(
                kinds::CONSTANT,
                Examination::Patches,
                severity,
                format!(
                    "Patches with the same value in every pixel: {} ({}).",
                    constant.len(),
                    percent(share)
                ),
                format!(
                    "They show nothing, yet each counts as a {} example; the network learns a label for \
                     empty patches ({}).",
                    if labelled { "labelled" } else { "training" },
                    by_label(&constant)
                ),
                "Leave them out of the import; they usually lie beyond a micrograph's edge or are padding.",
            )
            .with("patches", by_label(&constant))
            .about(subject.ids_of(constant)),
        );
    }
    let saturated = of(&|f| f.usable() && f.at_limits > MIN_SATURATED_PIXELS);
    if !saturated.is_empty() {
        let share = saturated.len() as f64 / n;
        let severity = if share >= 0.1 { Severity::Warning } else { Severity::Note };
        section.findings.push(
            Finding::new(
                kinds::SATURATED,
                Examination::Patches,
                severity,
                format!(
                    "Patches with more than a fifth of their pixels at their own darkest or lightest value: {} ({}).",
                    saturated.len(),
                    percent(share)
                ),
                format!(
                    "Values above and below were clipped, so their detail is lost ({}).",
                    by_label(&saturated)
                ),
                "Export the micrographs with a wider value range (32-bit float) and import again.",
            )
            .with("patches", by_label(&saturated))
            .about(subject.ids_of(saturated)),
        );
    }
    if section.findings.is_empty() {
        section.say("Every patch is finite and has contrast.");
    }
}
