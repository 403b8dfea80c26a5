//! Estimates how many positives are no particles: the share of the positives that scores like non-particles. The
//! reasoning is that of the class prior, applied to the other end of the ranking: among the lowest scores nearly all
//! patches are non-particles, so a share η of wrong positives shows there as a ratio F_P/F_other that does not fall to
//! zero.

use super::finding::{Finding, Section, Severity};
use super::particle::Group;
use super::stats::{mean, percent, variance};
use super::{Examination, SharedData, Subject, kinds};
use crate::label::Label;
use crate::learning::config::PriorConfig;
use crate::learning::prior::best_bin::estimate_prior;

/// Lower limit of the share from which it is `wrong`.
const MAX_WRONG_SHARE: f64 = 0.12;
/// AUC below which scores say nothing of single labels.
const MIN_AUC: f64 = 0.62;

pub(super) fn examine(subject: &Subject, shared: &SharedData) -> Section {
    let mut section = Section::new(Examination::Labels);
    let (Some(quick), Some(scores)) = (&shared.quick, &shared.scores) else {
        section.skipped = Some(shared.untrained.clone());
        return section;
    };
    let against = |label| scores.auc(&quick.data, label).unwrap_or(0.0);
    if against(Label::Unlabeled).max(against(Label::Negative)) < MIN_AUC {
        section.skipped = Some(format!(
            "the plain classifier is too weak (below {MIN_AUC}) to say anything of single labels"
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
    contradiction(subject, shared, &standard, estimate, &mut section);
    if low < MAX_WRONG_SHARE {
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

/// How far π by known negatives must lie above the configured π, in standard errors and in itself.
const MIN_STANDARD_ERRORS: f64 = 2.0;
const MIN_PRIOR_EXCESS: f64 = 0.15;
/// Share of positives scoring like non-particles that goes with it.
const MIN_ALIKE_SHARE: f64 = 0.3;
/// How far above π the unlabeled must be as coherent as the positives.
const MIN_COHERENCE_EXCESS: f64 = 0.25;

/// π from how much better positives are told from known negatives than from the unlabeled, with its
/// standard error: AUC_PU = π/2 + (1 − π)·AUC_PN where unlabeled non-particles are like the known ones
/// and picks like the other particles. Known negatives that are harder than the rest make it smaller,
/// wrong positives larger. Errors by the structural components of DeLong et al. (1988). `None` where
/// known negatives can hardly be told.
fn by_negatives(positive: &[f32], unlabeled: &[f32], negative: &[f32]) -> Option<(f64, f64)> {
    if positive.len() < 20 || unlabeled.len() < 20 || negative.len() < 20 {
        return None;
    }
    let share = |of: &[f32], x: f32| -> f64 {
        let won: f64 = of
            .iter()
            .map(|&y| match x.total_cmp(&y) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            })
            .sum();
        won / of.len() as f64
    };
    let beats: Vec<[f64; 2]> = positive.iter().map(|&x| [share(unlabeled, x), share(negative, x)]).collect();
    let auc = |k: usize| mean(&beats.iter().map(|b| b[k]).collect::<Vec<_>>());
    let (pu, pn) = (auc(0), auc(1));
    let beaten =
        |by: &[f32]| variance(&by.iter().map(|&y| share(positive, y)).collect::<Vec<_>>()) / by.len() as f64;
    let gap = variance(&beats.iter().map(|b| b[1] - b[0]).collect::<Vec<_>>()) / positive.len() as f64;
    let error_pn = (variance(&beats.iter().map(|b| b[1]).collect::<Vec<_>>()) / positive.len() as f64
        + beaten(negative))
    .sqrt();
    let told = pn - 0.5;
    (told > 3.0 * error_pn)
        .then(|| ((pn - pu) / told, (gap + beaten(unlabeled) + beaten(negative)).sqrt() / told))
}

/// A given π that neither the known negatives nor the mean images agree with, because the positives
/// hold no more particles than the unlabeled do.
fn contradiction(
    subject: &Subject,
    shared: &SharedData,
    standard: &[f32],
    like_others: f64,
    section: &mut Section,
) {
    let (Some(quick), PriorConfig::Given(given)) = (&shared.quick, subject.config.prior) else { return };
    let of = |label| -> Vec<f32> {
        (0..standard.len())
            .filter(|&i| quick.data.labels[i] == label && standard[i].is_finite())
            .map(|i| standard[i])
            .collect()
    };
    let Some((share, error)) =
        by_negatives(&of(Label::Positive), &of(Label::Unlabeled), &of(Label::Negative))
    else {
        return;
    };
    section.say(format!(
        "By the known negatives {share:.2} ± {error:.2} of the unlabeled are like the positives."
    ));
    let group = |label| {
        let profiles: Vec<_> = (0..subject.len())
            .filter(|&i| subject.labels[i] == label && shared.features[i].usable())
            .map(|i| &shared.features[i].profile)
            .collect();
        Group::of(&profiles)
    };
    let (Some(p), Some(u)) = (group(Label::Positive), group(Label::Unlabeled)) else { return };
    // Of a mixture with a share π of particles the mean is π times theirs, and its square counts.
    let coherent = (u.alike.max(0.0) / p.alike.max(1e-9)).sqrt();
    let far = share - given > MIN_PRIOR_EXCESS && share - given > MIN_STANDARD_ERRORS * error;
    if !far || like_others < MIN_ALIKE_SHARE || coherent < given + MIN_COHERENCE_EXCESS {
        return;
    }
    section.findings.push(
        Finding::new(
            kinds::MISLABELLED,
            Examination::Labels,
            Severity::Wrong,
            "The positives are hardly more often particles than the unlabeled are.",
            format!(
                "With π = {given} the plain classifier should tell them apart far better: it puts {share:.2} ± {error:.2} of the \
                 unlabeled with the positives, and the unlabeled's mean image is {} as coherent as the positives'.",
                percent(coherent)
            ),
            "Look through the positives with the lowest scores and set wrong ones to unlabeled or negative; if all are \
             right, π is far larger than configured.",
        )
        .with("configured π", given.to_string())
        .with("share of the unlabeled that are like the positives", format!("{share:.3} ± {error:.3}"))
        .with("coherence of the unlabeled over that of the positives", format!("{coherent:.2}"))
        .with("share of positives that score like non-particles, at most", format!("{like_others:.2}")),
    );
}

fn rough_prior(scores: &[f32], positive: &[usize], unlabeled: &[usize]) -> f64 {
    let of = |patches: &[usize]| -> Vec<f32> { patches.iter().map(|&i| scores[i]).collect() };
    estimate_prior(&of(positive), &of(unlabeled)).map_or(0.0, |e| e.estimate.min(0.9))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::learning::random::{Stream, generator};
    use rand::RngExt;

    #[test]
    fn known_negatives_give_the_share_of_a_mixture() {
        let mut rng = generator(5, 0, Stream::EpochOrder);
        let mut draw = |n: usize, mean: f32| -> Vec<f32> {
            (0..n).map(|_| mean + (0..6).map(|_| rng.random_range(-1.0..1.0)).sum::<f32>()).collect()
        };
        let (positive, negative) = (draw(400, 3.0), draw(400, 0.0));
        for share in [0.1, 0.5] {
            let particles = (1000.0 * share) as usize;
            let unlabeled = [draw(particles, 3.0), draw(1000 - particles, 0.0)].concat();
            let (found, error) = by_negatives(&positive, &unlabeled, &negative).unwrap();
            assert!((found - share).abs() < 3.0 * error && error < 0.06, "{share}: {found} ± {error}");
        }
        assert!(by_negatives(&negative, &positive, &draw(400, 0.0)).is_none());
    }
}
