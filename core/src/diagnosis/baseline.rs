//! Trains a plain classifier first. If it learns nothing from the labels, no semi-supervised method will, and the
//! fault is in the data.

use super::finding::{Finding, Section, Severity};
use super::{Examination, SharedData, Subject, kinds};
use crate::label::Label;
use crate::learning::eval::metrics::Ranking;

/// AUC from which semi-supervised training makes sense.
const MIN_AUC: f64 = 0.6;

pub(super) fn examine(_subject: &Subject, shared: &mut SharedData) -> Section {
    let mut section = Section::new(Examination::Baseline);
    let (Some(quick), Some(scores)) = (&shared.quick, &shared.scores) else {
        section.skipped = Some(shared.untrained.clone());
        return section;
    };
    let of = |label| scores.of(&quick.data, label);
    let (positive, unlabeled, negative) = (of(Label::Positive), of(Label::Unlabeled), of(Label::Negative));
    let pu = scores.auc(&quick.data, Label::Unlabeled);
    let pn = (negative.len() >= 20).then(|| scores.auc(&quick.data, Label::Negative)).flatten();
    shared.baseline_auc = pu.or(pn);
    let Some(value) = pu.or(pn) else {
        section.skipped = Some("there is nothing to compare the positives with".to_owned());
        return section;
    };
    let others = if pu.is_some() { &unlabeled } else { &negative };
    let error = Ranking::new(&positive, others).ok().and_then(|r| r.auc_standard_error().ok()).unwrap_or(0.1);
    let shown = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| format!("{v:.3}"));
    section.say(format!(
        "Out of fold on {} positives, {} unlabeled and {} negatives of {} px: AUC against unlabeled {} (± {error:.3}), \
         against known negatives {}.",
        positive.len(),
        unlabeled.len(),
        negative.len(),
        quick.data.size,
        shown(pu),
        shown(pn)
    ));
    // Against known negatives particles among the unlabeled do not blur the picture.
    let best = pn.unwrap_or(value).max(value);
    if best < MIN_AUC {
        let sure = best + 2.0 * error < MIN_AUC;
        section.findings.push(
            Finding::new(
                kinds::WEAK_BASELINE,
                Examination::Baseline,
                if sure { Severity::Wrong } else { Severity::Warning },
                format!("A plain classifier hardly tells the picks from the rest (AUC {best:.2}, chance is 0.5)."),
                format!(
                    "Semi-supervised training builds on what a classifier has learned, and below an AUC of \
                     {MIN_AUC} that is too little: of {} positives it ranks only {:.0} % above a random \
                     other patch.",
                    positive.len(),
                    best * 100.0
                ),
                "Mend the data before the method. No examination above found why: look at some picks, at their \
                 coordinates and at the box size.",
            )
            .with("AUC against unlabeled", shown(pu))
            .with("AUC against known negatives", shown(pn))
            .with("standard error", format!("{error:.3}")),
        );
    } else {
        section.say(format!("Above {MIN_AUC}: semi-supervised training has something to build on."));
    }
    section
}
