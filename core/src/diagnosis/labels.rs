//! Positives that look like everything else: the share of the positives that scores like
//! non-particles, by the same reasoning as the class prior, from the other end. In the lowest scores
//! nearly only non-particles are left, so a share η of wrong positives shows there as a ratio
//! F_P/F_other that does not fall to nothing.

use super::finding::{Finding, Section, Severity};
use super::stats::percent;
use super::{Examination, Shared, Subject, kinds};
use crate::label::Label;
use crate::learning::prior::estimate_prior;

/// Lower limit of the share from which it is `wrong`.
const MANY: f64 = 0.12;
/// AUC below which scores say nothing of single labels.
const NEEDED: f64 = 0.62;

pub(super) fn examine(subject: &Subject, shared: &Shared) -> Section {
    let mut section = Section::new(Examination::Labels);
    let (Some(quick), Some(scores)) = (&shared.quick, &shared.scores) else {
        section.skipped = Some(shared.untrained.clone());
        return section;
    };
    let against = |label| scores.auc(&quick.data, label).unwrap_or(0.0);
    if against(Label::Unlabeled).max(against(Label::Negative)) < NEEDED {
        section.skipped = Some(format!(
            "the plain classifier is too weak (below {NEEDED}) to say anything of single labels"
        ));
        return section;
    }
    let standard = scores.standardised(&quick.data);
    let of = |label| -> Vec<usize> {
        (0..standard.len()).filter(|&i| quick.data.labels[i] == label && standard[i].is_finite()).collect()
    };
    let negatives = of(Label::Negative);
    let (reference, share_of_rest) = if negatives.len() >= 50 {
        (negatives, 1.0)
    } else {
        // The lowest unlabeled are non-particles, which make up 1 − π of them.
        let unlabeled = of(Label::Unlabeled);
        let prior = rough_prior(&standard, &of(Label::Positive), &unlabeled);
        (unlabeled, 1.0 - prior)
    };
    let turned = |patches: &[usize]| -> Vec<f32> { patches.iter().map(|&i| -standard[i]).collect() };
    let positives = of(Label::Positive);
    let Ok(found) = estimate_prior(&turned(&reference), &turned(&positives)) else {
        section.skipped = Some("there are too few scores".to_owned());
        return section;
    };
    let (estimate, low, high) =
        (found.estimate * share_of_rest, found.low * share_of_rest, found.high * share_of_rest);
    section.say(format!(
        "Of {} positives at most {} ({} to {}) score like non-particles.",
        positives.len(),
        percent(estimate),
        percent(low),
        percent(high)
    ));
    if low < MANY {
        return section;
    }
    let mut suspects = positives.clone();
    suspects.sort_by(|&a, &b| standard[a].total_cmp(&standard[b]));
    suspects.truncate((estimate * positives.len() as f64).round() as usize);
    section.findings.push(
        Finding::new(
            kinds::MISLABELLED,
            Examination::Labels,
            Severity::Wrong,
            format!("About {} of the positives look like everything else.", percent(estimate)),
            format!(
                "Out of fold they score as low as patches that are no particles; with {} to {} of {} labels wrong the \
                 network learns the mistakes too.",
                percent(low),
                percent(high),
                positives.len()
            ),
            "Look through the positives with the lowest scores and set wrong ones to unlabeled or negative.",
        )
        .with("share of positives that score like non-particles", format!("{estimate:.3}"))
        .with("interval", format!("{low:.3} to {high:.3}"))
        .about(subject.ids_of(suspects.into_iter().map(|i| quick.origin[i]))),
    );
    section
}

fn rough_prior(scores: &[f32], positive: &[usize], unlabeled: &[usize]) -> f64 {
    let of = |patches: &[usize]| -> Vec<f32> { patches.iter().map(|&i| scores[i]).collect() };
    estimate_prior(&of(positive), &of(unlabeled)).map_or(0.0, |e| e.estimate.min(0.9))
}
