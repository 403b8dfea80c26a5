//! Patches that are on two sides of the split at once: equal, nearly equal, or cut from overlapping boxes.
//! Validation must not see what was trained on.

use std::collections::HashMap;

use rayon::prelude::*;

use super::features::THUMB;
use super::finding::{Finding, Section, Severity};
use super::stats::percent;
use super::{Examination, SharedData, Subject, kinds};
use crate::label::Label;
use crate::project::Side;

/// Correlation of thumbnails from which two patches are compared in full.
const MIN_THUMBNAIL_CORRELATION: f32 = 0.97;
/// Correlation of whole patches from which they count as nearly equal.
const MIN_CORRELATION: f64 = 0.97;
/// Patches a side compared all with all at most.
const MAX_PATCHES_PER_SIDE: usize = 6000;
/// Share of patches that are copies from which that is a warning rather than a note.
const MAX_COPIES_SHARE: f64 = 0.01;
/// Share of the smaller box two boxes must share to count.
const MIN_SHARED_AREA: f64 = 0.25;

pub(super) fn examine(subject: &Subject, shared: &SharedData) -> Section {
    let mut section = Section::new(Examination::Duplicates);
    let held: Vec<usize> = held_out(subject, shared);
    if held.is_empty() {
        section.skipped = Some("no patch is on the validation or test side".to_owned());
        return section;
    }
    let exact = exact(subject, shared, &mut section);
    near(subject, shared, &held, &exact, &mut section);
    overlaps(subject, &held, &mut section);
    section
}

fn held_out(subject: &Subject, shared: &SharedData) -> Vec<usize> {
    (0..subject.len())
        .filter(|&i| matches!(subject.sides[i], Side::Validation | Side::Test) && shared.features[i].usable())
        .collect()
}

fn patch(subject: &Subject, i: usize) -> &[f32] {
    let area = subject.size * subject.size;
    &subject.pixels[i * area..(i + 1) * area]
}

/// A new split keeps equal and overlapping patches together; another seed makes one.
fn new_split(subject: &Subject, finding: Finding) -> Finding {
    let seed = subject.config.split.seed;
    finding.change("split.seed", seed, seed.wrapping_add(1))
}

/// Groups of equal patches; returns the held-out patches that are also trained on.
fn exact(subject: &Subject, shared: &SharedData, section: &mut Section) -> Vec<usize> {
    let mut groups: HashMap<u64, Vec<usize>> = HashMap::new();
    for i in (0..subject.len()).filter(|&i| shared.features[i].usable()) {
        groups.entry(shared.features[i].hash).or_default().push(i);
    }
    // Equal hashes are a hint; equal pixels are the fact.
    let mut equal: Vec<Vec<usize>> = Vec::new();
    for group in groups.into_values().filter(|g| g.len() > 1) {
        let mut rest = group;
        while let Some(first) = rest.first().copied() {
            let (same, other): (Vec<usize>, Vec<usize>) =
                rest.into_iter().partition(|&i| patch(subject, i) == patch(subject, first));
            if same.len() > 1 {
                equal.push(same);
            }
            rest = other;
        }
    }
    equal.sort();
    let copies: usize = equal.iter().map(|g| g.len() - 1).sum();
    let on = |i: usize, train: bool| match subject.sides[i] {
        Side::Train => train,
        Side::Validation | Side::Test => !train,
        Side::Unused => false,
    };
    let mut leaked: Vec<usize> = Vec::new();
    let mut contradicting: Vec<usize> = Vec::new();
    for group in &equal {
        if group.iter().any(|&i| on(i, true)) {
            leaked.extend(group.iter().copied().filter(|&i| on(i, false)));
        }
        let has = |label| group.iter().any(|&i| subject.labels[i] == label);
        if has(Label::Positive) && has(Label::Negative) {
            contradicting.extend(group);
        }
    }
    section.say(format!("{copies} patches are exact copies of another."));
    let held = subject.sides.iter().filter(|s| matches!(s, Side::Validation | Side::Test)).count();
    if !leaked.is_empty() {
        let share = leaked.len() as f64 / held.max(1) as f64;
        section.findings.push(new_split(
            subject,
            Finding::new(
                kinds::LEAK,
                Examination::Duplicates,
                if share >= 0.01 || leaked.len() >= 5 { Severity::Wrong } else { Severity::Warning },
                format!(
                    "{} of {held} validation and test patches ({}) are exact copies of training patches.",
                    leaked.len(),
                    percent(share)
                ),
                "The network has seen them with their label, so validation measures memory and picks the epoch that \
                 remembers best.",
                "Make a new split, which keeps equal patches on one side, and remove the copies from the source.",
            )
            .with("copies across sides", leaked.len().to_string())
            .with("held-out patches", held.to_string())
            .about(subject.ids_of(leaked.iter().copied())),
        ));
    }
    if copies > 0 && leaked.is_empty() {
        let share = copies as f64 / subject.len().max(1) as f64;
        let again = equal.iter().flat_map(|group| group[1..].iter().copied());
        section.findings.push(
            Finding::new(
                kinds::COPIES,
                Examination::Duplicates,
                if share >= MAX_COPIES_SHARE { Severity::Warning } else { Severity::Note },
                format!("{copies} patches ({}) are exact copies of another.", percent(share)),
                "All copies of a patch are on one side of the split, so validation is honest. But each copy \
                 counts again, in training, in the class prior and in exports.",
                "Remove the second copies from the source, often a file that was imported twice under another name.",
            )
            .with("copies", copies.to_string())
            .about(subject.ids_of(again)),
        );
    }
    if !contradicting.is_empty() {
        section.findings.push(
            Finding::new(
                kinds::CONTRADICTION,
                Examination::Duplicates,
                Severity::Wrong,
                format!(
                    "{} patches with equal pixels are labelled positive and negative at once.",
                    contradicting.len()
                ),
                "One of the two labels of each is wrong, and training on both cancels what they teach.",
                "Look at them and keep one label.",
            )
            .with("patches", contradicting.len().to_string())
            .about(subject.ids_of(contradicting)),
        );
    }
    leaked
}

/// Every `step`-th of a list that is too long.
fn thin(patches: Vec<usize>) -> Vec<usize> {
    let step = patches.len().div_ceil(MAX_PATCHES_PER_SIDE).max(1);
    patches.into_iter().step_by(step).collect()
}

fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let n = a.len() as f64;
    let mean = |v: &[f32]| v.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (&x, &y) in a.iter().zip(b) {
        let (x, y) = (f64::from(x) - ma, f64::from(y) - mb);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    ab / (aa * bb).sqrt().max(1e-30)
}

fn near(subject: &Subject, shared: &SharedData, held: &[usize], exact: &[usize], section: &mut Section) {
    let train: Vec<usize> = (0..subject.len())
        .filter(|&i| subject.sides[i] == Side::Train && shared.features[i].usable())
        .collect();
    let held: Vec<usize> = held.iter().copied().filter(|i| !exact.contains(i)).collect();
    let (train, held) = (thin(train), thin(held));
    let thumb = |i: usize| &shared.features[i].thumb;
    let width = THUMB.min(subject.size).pow(2);
    let alike: Vec<(usize, f64)> = held
        .par_iter()
        .filter_map(|&h| {
            let mine = thumb(h);
            train
                .iter()
                .filter(|&&t| {
                    let other = thumb(t);
                    (0..width).map(|k| mine[k] * other[k]).sum::<f32>() > MIN_THUMBNAIL_CORRELATION
                })
                .map(|&t| correlation(patch(subject, h), patch(subject, t)))
                .max_by(f64::total_cmp)
                .filter(|c| *c > MIN_CORRELATION)
                .map(|c| (h, c))
        })
        .collect();
    section.say(format!(
        "{} of {} held-out patches correlate above {MIN_CORRELATION} with a training patch without being equal to it.",
        alike.len(),
        held.len()
    ));
    if alike.is_empty() {
        return;
    }
    let share = alike.len() as f64 / held.len() as f64;
    // No change of the configuration: a new split keeps equal patches together, not similar ones.
    section.findings.push(
        Finding::new(
            kinds::NEAR_LEAK,
            Examination::Duplicates,
            if share >= 0.02 { Severity::Wrong } else { Severity::Warning },
            format!(
                "{} held-out patches ({}) are nearly equal to a training patch.",
                alike.len(),
                percent(share)
            ),
            format!(
                "They are probably copies that were rescaled or saved again, so validation measures memory; \
                 the closest correlates at {:.4}.",
                alike.iter().map(|a| a.1).fold(0.0, f64::max)
            ),
            "Remove the second copies from the source and import again, every patch with its micrograph.",
        )
        .with("correlation limit", MIN_CORRELATION.to_string())
        .with("patches above it", alike.len().to_string())
        .about(subject.ids_of(alike.into_iter().map(|a| a.0))),
    );
}

fn overlaps(subject: &Subject, held: &[usize], section: &mut Section) {
    let mut trained: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut known = 0;
    for i in 0..subject.len() {
        if let (Some(m), Some(_)) = (subject.micrographs[i], subject.boxes[i]) {
            known += 1;
            if subject.sides[i] == Side::Train {
                trained.entry(m).or_default().push(i);
            }
        }
    }
    if known == 0 {
        section.say("Patches carry no places on micrographs, so overlaps of boxes cannot be seen.");
        return;
    }
    let shares_area = |a: usize, b: usize| match (subject.boxes[a], subject.boxes[b]) {
        (Some(a), Some(b)) => {
            let along =
                |p: f64, q: f64| ((a.side + b.side) / 2.0 - (p - q).abs()).clamp(0.0, a.side.min(b.side));
            along(a.x, b.x) * along(a.y, b.y) > MIN_SHARED_AREA * a.side.min(b.side).powi(2)
        }
        _ => false,
    };
    let overlapping: Vec<usize> = held
        .iter()
        .copied()
        .filter(|&h| {
            let near = subject.micrographs[h].and_then(|m| trained.get(&m));
            near.is_some_and(|near| near.iter().any(|&t| shares_area(h, t)))
        })
        .collect();
    section.say(format!(
        "{} of {} held-out boxes share more than a quarter of their area with a training box.",
        overlapping.len(),
        held.len()
    ));
    if overlapping.is_empty() {
        return;
    }
    let share = overlapping.len() as f64 / held.len().max(1) as f64;
    section.findings.push(new_split(
        subject,
        Finding::new(
            kinds::OVERLAP,
            Examination::Duplicates,
            if share >= 0.05 { Severity::Wrong } else { Severity::Warning },
            format!("{} held-out boxes ({}) overlap training boxes.", overlapping.len(), percent(share)),
            "Part of the same particle, with the same noise, lies on both sides, so validation flatters the network.",
            "Make a new split by micrograph or by overlap.",
        )
        .with("overlapping held-out boxes", overlapping.len().to_string())
        .about(subject.ids_of(overlapping)),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_of_scaled_copies_is_one() {
        let a = [1.0, 2.0, 4.0, 3.0];
        let b = a.map(|v| 3.0 * v - 7.0);
        assert!((correlation(&a, &b) - 1.0).abs() < 1e-12);
        assert!((correlation(&a, &a.map(|v| -v)) + 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_long_list_is_thinned() {
        assert_eq!(thin((0..10).collect()).len(), 10);
        assert!(thin((0..20_000).collect()).len() <= MAX_PATCHES_PER_SIDE);
    }
}
