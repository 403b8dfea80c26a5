//! Whether sides, labels and micrographs have the same scale after the configuration's normaliser. This is measured by
//! effect sizes of plain statistics, and by a small classifier that tries to tell the sides apart.

use std::collections::BTreeSet;

use serde_json::json;

use super::features::PatchMeasures;
use super::finding::{Finding, Section, Severity};
use super::linear::separability;
use super::stats::{difference, mean, quantile, variance};
use super::{Examination, SharedData, Subject, kinds};
use crate::imaging::normalise::NormaliserKind;
use crate::label::Label;
use crate::project::Side;

/// Reads one measure of a patch.
type Measure = fn(&PatchMeasures) -> f64;

/// Effect size (Cohen's d) from which sides count as different …
const MIN_EFFECT: f64 = 0.8;
/// … if it is also this many standard errors …
const MIN_STANDARD_ERRORS: f64 = 6.0;
/// … and this far in normalised units, where 1 is about a standard deviation of a patch.
const MIN_DIFFERENCE: f64 = 0.2;
/// Effect size from which labels count as different: particles differ from the rest by nature.
const MIN_LABEL_EFFECT: f64 = 1.5;
/// Effect size of the noise's colour from which labels come from different processing.
const MIN_COLOUR_EFFECT: f64 = 3.0;
/// AUC of the classifier above what chance and micrographs explain.
const MIN_EXCESS_AUC: f64 = 0.1;
/// Micrographs on a side from which they tell how it was prepared: one or two may be at another defocus.
const MIN_MICROGRAPHS: usize = 3;
/// Rows a side the classifier gets at most.
const MAX_ROWS_PER_SIDE: usize = 600;

pub(super) fn examine(subject: &Subject, shared: &SharedData) -> Section {
    let mut section = Section::new(Examination::Drift);
    let Some(normaliser) = &shared.normaliser else {
        section.skipped = Some(shared.untrained.clone());
        return section;
    };
    let each_patch = normaliser.offset_and_scale().is_none();
    section.say(format!("Normaliser: {}.", normaliser.kind().describe()));
    sides(subject, shared, each_patch, &mut section);
    labels(subject, shared, each_patch, &mut section);
    section
}

fn usable(subject: &Subject, shared: &SharedData, wanted: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..subject.len()).filter(|&i| shared.features[i].usable() && wanted(i)).collect()
}

fn values(shared: &SharedData, patches: &[usize], get: fn(&PatchMeasures) -> f64) -> Vec<f64> {
    patches.iter().map(|&i| get(&shared.features[i])).collect()
}

fn to_per_patch(subject: &Subject, finding: Finding) -> Finding {
    let now = serde_json::to_value(subject.config.normaliser).unwrap_or_default();
    let wanted = serde_json::to_value(NormaliserKind::PerPatchZScore).unwrap_or(json!({}));
    finding.change("normaliser", now, wanted)
}

/// Spread of the means of single micrographs on the training side.
fn between_micrographs(
    subject: &Subject,
    shared: &SharedData,
    train: &[usize],
    get: fn(&PatchMeasures) -> f64,
) -> Vec<f64> {
    let mut groups: Vec<Vec<f64>> = vec![Vec::new(); subject.micrograph_names.len()];
    for &i in train {
        if let Some(m) = subject.micrographs[i] {
            groups[m].push(get(&shared.features[i]));
        }
    }
    groups.iter().filter(|g| g.len() >= 5).map(|g| mean(g)).collect()
}

fn sides(subject: &Subject, shared: &SharedData, each_patch: bool, section: &mut Section) {
    let train = usable(subject, shared, |i| subject.sides[i] == Side::Train);
    let measures: [(&str, Measure); 2] =
        [("patch mean", |f| f.normal_mean), ("patch standard deviation", |f| f.normal_std)];
    let raw: [(&str, Measure); 2] = [("mean", |f| f.mean), ("standard deviation", |f| f.std)];
    let mut drifted = false;
    for side in [Side::Validation, Side::Test] {
        let held = usable(subject, shared, |i| subject.sides[i] == side);
        if held.len() < 8 || train.len() < 8 {
            continue;
        }
        let raw: Vec<String> = raw
            .iter()
            .filter_map(|(name, get)| {
                let d = difference(&values(shared, &held, *get), &values(shared, &train, *get))?;
                Some(format!("{name} d = {:.2}", d.effect))
            })
            .collect();
        section.say(format!("{side} against train, raw pixels: {}.", raw.join(", ")));
        for (name, get) in measures {
            let (a, b) = (values(shared, &held, get), values(shared, &train, get));
            let Some(d) = difference(&a, &b) else { continue };
            let gap = mean(&a) - mean(&b);
            section.say(format!(
                "{side} against train, normalised {name}: {:.2} against {:.2}.",
                mean(&a),
                mean(&b)
            ));
            if gap.abs() < MIN_DIFFERENCE
                || d.effect.abs() < MIN_EFFECT
                || d.t.abs() < MIN_STANDARD_ERRORS
                || drifted
            {
                continue;
            }
            drifted = true;
            let means = between_micrographs(subject, shared, &train, get);
            let spread = variance(&means).sqrt();
            let by_micrograph = means.len() >= 3 && gap.abs() < 2.5 * spread;
            let (kind, what) = if by_micrograph {
                (
                    kinds::MICROGRAPH_DRIFT,
                    format!("Micrographs are on different scales, so {side} and training side are too."),
                )
            } else {
                (kinds::SPLIT_DRIFT, format!("The {side} side is on another scale than the training side."))
            };
            section.findings.push(to_per_patch(
                subject,
                Finding::new(
                    kind,
                    Examination::Drift,
                    Severity::Wrong,
                    what,
                    format!(
                        "After normalising ({}) the {name} is {:.2} there and {:.2} on the training side (d = {:.1}), so \
                         the network is judged on brightness it has never seen.",
                        subject.config.normaliser.describe(),
                        mean(&a),
                        mean(&b),
                        d.effect
                    ),
                    "Normalise every patch by itself (per_patch_z_score), and prepare all files alike.",
                )
                .with(format!("{name}, {side}"), format!("{:.3}", mean(&a)))
                .with(format!("{name}, train"), format!("{:.3}", mean(&b)))
                .with("effect size d", format!("{:.2}", d.effect))
                .with("spread between training micrographs", format!("{spread:.3}")),
            ));
        }
        if !drifted {
            tell_apart(subject, shared, &train, &held, side, section);
        }
    }
    if !drifted && !each_patch {
        micrographs(subject, shared, &train, section);
    }
}

fn rows(shared: &SharedData, patches: &[usize]) -> Vec<Vec<f64>> {
    let step = patches.len().div_ceil(MAX_ROWS_PER_SIDE).max(1);
    patches.iter().step_by(step).map(|&i| shared.features[i].row()).collect()
}

/// The classifier: can the sides be told apart better than single micrographs can?
fn tell_apart(
    subject: &Subject,
    shared: &SharedData,
    train: &[usize],
    held: &[usize],
    side: Side,
    section: &mut Section,
) {
    let seed = subject.config.seed;
    let held_micrographs: BTreeSet<usize> = held.iter().filter_map(|&i| subject.micrographs[i]).collect();
    if (1..MIN_MICROGRAPHS).contains(&held_micrographs.len()) {
        section.say(format!(
            "The {side} side holds patches of {} micrographs. That is too few to distinguish another \
             preparation from another defocus or ice thickness.",
            held_micrographs.len()
        ));
        return;
    }
    let Some(found) = separability(&rows(shared, held), &rows(shared, train), seed) else { return };
    // What a micrograph is told from the others by (defocus, ice) is no fault of the preparation.
    let mut natural = Vec::new();
    for m in 0..subject.micrograph_names.len() {
        let (own, rest): (Vec<usize>, Vec<usize>) =
            train.iter().partition(|&&i| subject.micrographs[i] == Some(m));
        if own.len() >= 8 && rest.len() >= 8 {
            natural.extend(separability(&rows(shared, &own), &rows(shared, &rest), seed));
        }
    }
    let usual = if natural.len() >= 3 { quantile(&natural, 1.0).max(0.5) } else { 0.65 };
    section.say(format!(
        "A classifier tells {side} from train by scale and noise with AUC {found:.2}{}.",
        if natural.len() >= 3 {
            format!("; single training micrographs from the others with up to {usual:.2}")
        } else {
            String::new()
        }
    ));
    if found > usual + MIN_EXCESS_AUC && found > 0.75 {
        section.findings.push(
            Finding::new(
                kinds::SPLIT_DRIFT,
                Examination::Drift,
                Severity::Wrong,
                format!("The {side} side was prepared differently from the training side."),
                format!(
                    "A classifier that sees only scale and noise colour tells them apart with AUC {found:.2}, where single \
                     micrographs reach at most {usual:.2}; the network is judged on another kind of picture."
                ),
                "Prepare all files with the same filter, binning and normalisation, and import again.",
            )
            .with(format!("AUC {side} against train"), format!("{found:.3}"))
            .with("AUC that micrographs alone explain", format!("{usual:.3}")),
        );
    }
}

fn micrographs(subject: &Subject, shared: &SharedData, train: &[usize], section: &mut Section) {
    let means = between_micrographs(subject, shared, train, |f| f.normal_mean);
    let stds = between_micrographs(subject, shared, train, |f| f.normal_std);
    if means.len() < 3 {
        return;
    }
    let spread = variance(&means).sqrt();
    let ratio = quantile(&stds, 1.0) / quantile(&stds, 0.0).max(1e-9);
    section.say(format!(
        "Between {} training micrographs the normalised mean spreads by {spread:.2}, the contrast by a factor of \
         {ratio:.2}.",
        means.len()
    ));
    if spread > 0.5 || ratio > 1.8 {
        section.findings.push(to_per_patch(
            subject,
            Finding::new(
                kinds::MICROGRAPH_DRIFT,
                Examination::Drift,
                Severity::Warning,
                "Micrographs are on different scales.",
                format!(
                    "Their normalised means spread by {spread:.2} standard deviations and their contrast by a factor of \
                     {ratio:.2}, which is larger than what a particle changes."
                ),
                "Normalise every patch by itself (per_patch_z_score).",
            )
            .with("spread of the means", format!("{spread:.3}"))
            .with("largest over smallest contrast", format!("{ratio:.3}")),
        ));
    }
}

fn labels(subject: &Subject, shared: &SharedData, each_patch: bool, section: &mut Section) {
    let of = |label| usable(subject, shared, |i| subject.labels[i] == label);
    let unlabeled = of(Label::Unlabeled);
    for label in [Label::Positive, Label::Negative] {
        let patches = of(label);
        if patches.len() < 8 || unlabeled.len() < 8 {
            continue;
        }
        // Outside the inscribed circle no particle lies, so labels should not differ there.
        let mut measures: Vec<(&str, Measure, f64, bool)> =
            vec![("noise colour", |f| f.spectrum[0] - f.spectrum[1], MIN_COLOUR_EFFECT, false)];
        if !each_patch {
            measures.push(("mean outside the particle", |f| f.border_mean, MIN_LABEL_EFFECT, true));
            measures.push((
                "standard deviation outside the particle",
                |f| f.border_std,
                MIN_LABEL_EFFECT,
                true,
            ));
        }
        for (name, get, limit, by_scale) in measures {
            let (a, b) = (values(shared, &patches, get), values(shared, &unlabeled, get));
            let Some(d) = difference(&a, &b) else { continue };
            section.say(format!("{label} against unlabeled, {name}: d = {:.2}.", d.effect));
            if d.effect.abs() < limit
                || d.t.abs() < MIN_STANDARD_ERRORS
                || (mean(&a) - mean(&b)).abs() < MIN_DIFFERENCE
            {
                continue;
            }
            let finding = Finding::new(
                kinds::LABEL_DRIFT,
                Examination::Drift,
                Severity::Wrong,
                format!("The {label} patches were prepared differently from the unlabeled ones."),
                format!(
                    "Their {name} is {:.2} against {:.2} (d = {:.1}), so a network can tell the labels apart without \
                     looking at the particle, and will.",
                    mean(&a),
                    mean(&b),
                    d.effect
                ),
                if by_scale {
                    "Normalise every patch by itself (per_patch_z_score), and cut all patches from the same micrographs \
                     by one import."
                } else {
                    "Cut all patches from the same micrographs by one import, with one binning and filter."
                },
            )
            .with(format!("{name}, {label}"), format!("{:.3}", mean(&a)))
            .with(format!("{name}, unlabeled"), format!("{:.3}", mean(&b)))
            .with("effect size d", format!("{:.2}", d.effect));
            section.findings.push(if by_scale { to_per_patch(subject, finding) } else { finding });
            break;
        }
    }
}
