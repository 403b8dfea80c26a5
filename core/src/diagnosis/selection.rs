//! Whether the picks are a random sample of the particles; PU learning and every estimate of π assume so. Without the
//! other particles' labels a bias cannot be proved, but three traces of it can be seen: whole micrographs without a
//! pick, a ranking that contradicts the known π, and picks that show their particle more strongly than the unlabeled
//! patches which the classifier takes for particles.

use super::finding::{Finding, Section, Severity};
use super::particle::Group;
use super::stats::{difference, mean, percent};
use super::{Examination, SharedData, Subject, kinds, prior};
use crate::label::Label;
use crate::learning::config::PriorConfig;

/// Share of the unlabeled on micrographs without a pick from which it is said.
const MIN_UNPICKED_SHARE: f64 = 0.2;
/// Effect size from which picks count as stronger than other particles …
const MIN_EFFECT: f64 = 0.45;
/// … if it is also this many standard errors. On simulated sets with picks at random d stayed between
/// −0.2 and 0.2 and below 1.5 errors.
const MIN_STANDARD_ERRORS: f64 = 3.0;

pub(super) fn examine(subject: &Subject, shared: &SharedData) -> Section {
    let mut section = Section::new(Examination::Selection);
    coverage(subject, &mut section);
    ceiling(subject, shared, &mut section);
    strength(shared, &mut section);
    section
}

fn coverage(subject: &Subject, section: &mut Section) {
    let mut counts = vec![[0usize; 2]; subject.micrograph_names.len()];
    for (micrograph, label) in subject.micrographs.iter().zip(&subject.labels) {
        let Some(m) = micrograph else { continue };
        match label {
            Label::Positive => counts[*m][0] += 1,
            Label::Unlabeled => counts[*m][1] += 1,
            Label::Negative => {}
        }
    }
    let [positives, unlabeled] = counts.iter().fold([0, 0], |sum, c| [sum[0] + c[0], sum[1] + c[1]]);
    let with_unlabeled = counts.iter().filter(|c| c[1] > 0).count();
    if positives == 0 || unlabeled == 0 || with_unlabeled < 3 {
        section.say("Too little is known of micrographs to see whether some were left out.");
        return;
    }
    // Only where an even hand would have picked something.
    let expected = |c: &[usize; 2]| c[1] as f64 * positives as f64 / unlabeled as f64;
    let empty: Vec<usize> =
        (0..counts.len()).filter(|&m| counts[m][0] == 0 && expected(&counts[m]) >= 5.0).collect();
    let share = empty.iter().map(|&m| counts[m][1]).sum::<usize>() as f64 / unlabeled as f64;
    section.say(format!(
        "{} of {with_unlabeled} micrographs hold no pick although at least five would be expected there; {} of the \
         unlabeled lie on them.",
        empty.len(),
        percent(share)
    ));
    if share >= MIN_UNPICKED_SHARE {
        let names: Vec<&str> = empty.iter().take(3).map(|&m| subject.micrograph_names[m].as_str()).collect();
        section.findings.push(
            Finding::new(
                kinds::BIASED_PICKS,
                Examination::Selection,
                Severity::Warning,
                format!("{} of the unlabeled lie on micrographs without a single pick.", percent(share)),
                format!(
                    "Particles there ({}{}) have another defocus and ice than the picked ones; π is \
                     estimated too low, and such particles are taken for junk.",
                    names.join(", "),
                    if empty.len() > names.len() { ", …" } else { "" }
                ),
                "Pick some particles on every micrograph, or leave those micrographs out of the pool.",
            )
            .with("micrographs without a pick", empty.len().to_string())
            .with("share of the unlabeled on them", format!("{share:.3}")),
        );
    }
}

/// A given π against the ranking. Where picks are a random sample, at least a share π of the unlabeled
/// keeps up with them at every score, and the AUC against unlabeled stays below 1 − π/2. If the ranking
/// leaves no room for the given π while the mean image does, which choosing the better-seen particles
/// changes little, the picks are told from other particles too.
fn ceiling(subject: &Subject, shared: &SharedData, section: &mut Section) {
    let (Some(prior), Some(auc), PriorConfig::Given(given)) =
        (&shared.prior, shared.baseline_auc, subject.config.prior)
    else {
        return;
    };
    let limit = 1.0 - given / 2.0;
    section.say(format!(
        "With π = {given} the AUC against unlabeled can reach {limit:.3} if picks are a random sample; it is {auc:.3}."
    ));
    // A labelling rate or an estimate of another kind that is below as well: then π is wrong.
    let Some(image) = prior::image_estimate(subject, shared).filter(|v| *v >= given - prior::INTERVAL_MARGIN)
    else {
        return;
    };
    if auc < 0.62 || !prior::above(given, prior) {
        return;
    }
    section.findings.push(
        Finding::new(
            kinds::BIASED_PICKS,
            Examination::Selection,
            Severity::Warning,
            "The classifier tells the picks not only from non-particles but also from other particles: they \
             are not a random sample.",
            format!(
                "The unlabeled that rank like picks allow π = {:.2} (at most {:.2}), the AUC of {auc:.3} stands against a \
                 limit of {limit:.3}, but π is given as {given} and the mean image allows {image:.2}; unpicked particles \
                 will be scored too low.",
                prior.estimate, prior.high
            ),
            "Pick every particle of a few areas instead of the best of all, or label some faint ones; if π was only \
             guessed, write prior: estimate.",
        )
        .with("given π", given.to_string())
        .with("π by ranking (BBE)", format!("{:.3} ({:.3} to {:.3})", prior.estimate, prior.low, prior.high))
        .with("π by mean images", format!("{image:.3}"))
        .with("AUC against unlabeled, and its limit 1 − π/2", format!("{auc:.3}, {limit:.3}")),
    );
}

fn strength(shared: &SharedData, section: &mut Section) {
    let (Some(quick), Some(scores), Some(prior)) = (&shared.quick, &shared.scores, &shared.prior) else {
        section.say(format!("Picks were not compared with other likely particles: {}.", shared.untrained));
        return;
    };
    if shared.baseline_auc.is_none_or(|auc| auc < 0.62) || prior.estimate < 0.02 {
        section.say("The classifier is too weak to name other likely particles.");
        return;
    }
    let standard = scores.standardised(&quick.data);
    let of = |label| -> Vec<usize> {
        (0..standard.len()).filter(|&i| quick.data.labels[i] == label && standard[i].is_finite()).collect()
    };
    let positive = of(Label::Positive);
    let mut likely = of(Label::Unlabeled);
    likely.sort_by(|&a, &b| standard[b].total_cmp(&standard[a]));
    // As many as there should be: chosen for their scores, they are if anything the stronger ones.
    likely.truncate((prior.estimate * likely.len() as f64).round() as usize);
    let profile = |i: usize| &shared.features[quick.origin[i]].profile;
    let Some(group) = Group::of(&positive.iter().map(|&i| profile(i)).collect::<Vec<_>>()) else { return };
    if group.z < 10.0 || likely.len() < 20 {
        section.say(
            "The particle's profile is too weak, or other likely particles too few, to compare strengths.",
        );
        return;
    }
    let length = group.mean.iter().map(|v| v * v).sum::<f64>().sqrt();
    let shows = |patches: &[usize]| -> Vec<f64> {
        patches
            .iter()
            .map(|&i| profile(i).iter().zip(&group.mean).map(|(a, b)| a * b).sum::<f64>() / length)
            .collect()
    };
    let (picked, others) = (shows(&positive), shows(&likely));
    let Some(d) = difference(&picked, &others) else { return };
    section.say(format!(
        "Strength of the particle's profile: {:.2} in the picks, {:.2} in the {} unlabeled most like them (d = {:.2}).",
        mean(&picked),
        mean(&others),
        likely.len(),
        d.effect
    ));
    if d.effect > MIN_EFFECT && d.t > MIN_STANDARD_ERRORS {
        section.findings.push(
            Finding::new(
                kinds::BIASED_PICKS,
                Examination::Selection,
                Severity::Warning,
                "The picks show their particle more strongly than other likely particles do.",
                format!(
                    "{:.2} against {:.2} (d = {:.1}): the clearest particles were picked first, so π = \
                     {:.2} is likely a lower limit, and faint particles will be scored too low.",
                    mean(&picked),
                    mean(&others),
                    d.effect,
                    prior.estimate
                ),
                "Pick every particle of a few areas instead of the best of all, or label some faint ones.",
            )
            .with("strength in the picks", format!("{:.3}", mean(&picked)))
            .with("strength in other likely particles", format!("{:.3}", mean(&others)))
            .with("effect size d", format!("{:.2}", d.effect)),
        );
    }
}
