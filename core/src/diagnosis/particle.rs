//! What the labelled patches show without training. The mean radial profile of the positives says whether they are
//! centred, whether particles are dark or light, and how large the particle is in its box. Particles lie at random
//! angles, so their mean is round; patches without a particle in the middle average to nothing.

use super::features::RINGS;
use super::finding::{Finding, Section, Series, Severity};
use super::stats::{mean, percent};
use super::{Examination, SharedData, Subject, kinds};
use crate::device::ComputeDevice;
use crate::label::Label;
use crate::learning::general_model::general_model;
use crate::learning::infer::scorer::Scorer;
use crate::words::capitalised;

type Profile = [f64; RINGS];

/// Mean profile of a group, and how much of it is signal.
pub(super) struct Group {
    /// Patches.
    pub count: usize,
    /// Mean by ring.
    pub mean: Profile,
    /// Σ mean² − Σ variance of the mean: the squared length of the profile without the part noise adds.
    pub signal: f64,
    /// `signal` over its standard deviation if there were none.
    pub z: f64,
    /// `z` a patch: how alike the patches of the group are in what they show. Particles of one kind are
    /// alike; junk may be as strong, but of many kinds.
    pub alike: f64,
}

impl Group {
    pub(super) fn of(profiles: &[&Profile]) -> Option<Self> {
        let n = profiles.len() as f64;
        if profiles.len() < 5 {
            return None;
        }
        let mut mean = [0.0; RINGS];
        for profile in profiles {
            mean.iter_mut().zip(profile.iter()).for_each(|(m, v)| *m += v / n);
        }
        // Covariance of the mean: its trace is what noise adds to the squared length.
        let mut covariance = [[0.0; RINGS]; RINGS];
        for profile in profiles {
            for i in 0..RINGS {
                for j in 0..RINGS {
                    covariance[i][j] += (profile[i] - mean[i]) * (profile[j] - mean[j]) / (n - 1.0) / n;
                }
            }
        }
        let trace: f64 = (0..RINGS).map(|i| covariance[i][i]).sum();
        // Variance of the squared length of noise: 2·Σ over all entries squared.
        let spread = (2.0 * covariance.iter().flatten().map(|v| v * v).sum::<f64>()).sqrt();
        let signal = mean.iter().map(|m| m * m).sum::<f64>() - trace;
        let z = signal / spread.max(1e-30);
        Some(Self { count: profiles.len(), mean, signal, z, alike: z / n })
    }
}

/// Standard deviations from which a group has something in its centre.
const MIN_CENTRE_SIGNAL: f64 = 6.0;
/// How much more alike the patches of the other group must be for labels to count as exchanged; for the
/// unlabeled also how much stronger, since they are a mixture. Junk may be as strong as particles, but it
/// is of many kinds: in simulations right labels gave a ratio of 0.05 to 0.9, exchanged ones 4.7 and more.
const MIN_STRENGTH_RATIO: f64 = 1.2;
const MIN_LIKENESS_RATIO: f64 = 3.0;

pub(super) fn examine(subject: &Subject, shared: &SharedData) -> Section {
    let mut section = Section::new(Examination::Particle);
    let of = |label: Label| -> Vec<usize> {
        (0..subject.len()).filter(|&i| subject.labels[i] == label && shared.features[i].usable()).collect()
    };
    let positive = of(Label::Positive);
    let profiles = |patches: &[usize]| -> Vec<&Profile> {
        patches.iter().map(|&i| &shared.features[i].profile).collect()
    };
    let groups: Vec<(Label, Group)> =
        Label::ALL.into_iter().filter_map(|label| Some((label, Group::of(&profiles(&of(label)))?))).collect();
    for (label, group) in &groups {
        section.say(format!(
            "Mean profile of {} {label} patches: strength {:.3} ({:.0} standard deviations above noise).",
            group.count,
            group.signal.max(0.0),
            group.z
        ));
    }
    let Some((_, own)) = groups.iter().find(|(label, _)| *label == Label::Positive) else {
        section.say("Fewer than five usable positives: nothing can be said of their shape.");
        return section;
    };
    section.series.push(Series {
        name: "radial_profile",
        x_label: "distance from the centre, px".to_owned(),
        y_label: "mean of the positives, standard deviations of a patch".to_owned(),
        points: own
            .mean
            .iter()
            .enumerate()
            .map(|(i, v)| [(i as f64 + 0.5) * subject.size as f64 / 2.0 / RINGS as f64, *v])
            .collect(),
    });
    let inverted = inverted(subject, shared, &positive, &mut section);
    if !inverted {
        centred(subject, shared, own, &groups, &mut section);
        if own.z > MIN_CENTRE_SIGNAL {
            box_size(subject, own, &mut section);
        }
    }
    section
}

fn centred(
    subject: &Subject,
    shared: &SharedData,
    own: &Group,
    groups: &[(Label, Group)],
    section: &mut Section,
) {
    let other = groups
        .iter()
        .filter(|(label, _)| *label != Label::Positive)
        .filter(|(label, g)| {
            g.z > MIN_CENTRE_SIGNAL
                && (*label == Label::Negative || g.signal > MIN_STRENGTH_RATIO * own.signal.max(0.0))
        })
        .filter(|(_, g)| g.alike > MIN_LIKENESS_RATIO * own.alike.max(0.0))
        .max_by(|a, b| a.1.alike.total_cmp(&b.1.alike));
    if let Some((Label::Negative, g)) = other {
        section.findings.push(swapped(own, g));
    } else if other.is_some() || (own.z < 3.0 && own.count >= 30) {
        section.findings.push(off_centre(own, other.map(|(_, g)| g)));
    } else if let Some((_, unlabeled)) = groups.iter().find(|(label, _)| *label == Label::Unlabeled) {
        diluted(subject, shared, own, unlabeled, section);
    }
}

fn swapped(own: &Group, g: &Group) -> Finding {
    Finding::new(
        kinds::SWAPPED,
        Examination::Particle,
        Severity::Wrong,
        "The labels look exchanged: the negative patches agree on something in their middle, the positives do not.",
        format!(
            "The mean of {} negative patches has a profile of strength {:.3} ({:.0} standard deviations above noise), that \
             of {} positives {:.3} ({:.0}); particles centred in their boxes are more alike than the rest.",
            g.count,
            g.signal,
            g.z,
            own.count,
            own.signal.max(0.0),
            own.z
        ),
        "Look at some of each, and exchange the labels positive and negative where they were read the wrong way round.",
    )
    .with("strength of the positives' profile", format!("{:.4}", own.signal))
    .with("strength of the negatives' profile", format!("{:.4}", g.signal))
    .with("how alike the patches are, positives and negatives", format!("{:.2} and {:.2}", own.alike, g.alike))
}

fn off_centre(own: &Group, unlabeled: Option<&Group>) -> Finding {
    let against = unlabeled.map_or_else(
        || "picks on particles reach far more, also where single particles cannot be seen".to_owned(),
        |g| format!("the unlabeled, of which only a part are particles, reach {:.3} ({:.0})", g.signal, g.z),
    );
    Finding::new(
        kinds::OFF_CENTRE,
        Examination::Particle,
        if unlabeled.is_some() { Severity::Wrong } else { Severity::Warning },
        "The mean of the positives shows no particle in the middle of the box.",
        format!(
            "{} positives average to a profile of strength {:.3}, {:.1} standard deviations above noise; {against}.",
            own.count,
            own.signal.max(0.0),
            own.z
        ),
        "Check the coordinates of the picks (y counted from the top or the bottom, binning) with a few patches, and \
         whether positive and unlabeled were read the right way round.",
    )
    .with("strength of the positives' profile", format!("{:.4}", own.signal))
    .with("standard deviations above noise", format!("{:.1}", own.z))
}

/// Patches of a label that the general model judges.
const JUDGED: usize = 300;
/// Share of the positives that the general model takes for particles from which most of them are. It took 75 % of picks
/// by hand of which 87 % were right, and 68 % of simulated ones of which 60 % were right.
const MIN_PARTICLE_SHARE: f64 = 0.72;
/// From here on it speaks for them, so that the mean images alone are no proof.
const MIN_SUPPORTING_SHARE: f64 = 0.5;

/// The share of the positives that the general model, which knows nothing of these labels, takes for particles, in
/// the contrast in which there are more; `None` where it cannot judge them.
fn by_general_model(subject: &Subject, shared: &SharedData) -> Option<f64> {
    let area = subject.size * subject.size;
    let positive: Vec<usize> = (0..subject.len())
        .filter(|&i| subject.labels[i] == Label::Positive && shared.features[i].usable())
        .collect();
    let step = positive.len().div_ceil(JUDGED).max(1);
    let shares = [false, true].into_iter().filter_map(|is_light| {
        let scorer = Scorer::new(&general_model(subject.size, is_light).ok()?, ComputeDevice::cpu()).ok()?;
        let mut pixels = Vec::new();
        for &patch in positive.iter().step_by(step) {
            let mut own = subject.pixels[patch * area..(patch + 1) * area].to_vec();
            if scorer.normaliser().apply(&mut own).is_ok() {
                pixels.extend(own);
            }
        }
        let scores = scorer.score(&pixels);
        let particles = scores.iter().filter(|score| **score >= 0.5).count();
        (!scores.is_empty()).then(|| particles as f64 / scores.len() as f64)
    });
    shares.max_by(f64::total_cmp)
}

/// The share of the positives' mean image that the unlabeled show can only reach 1 if nearly all of
/// them are particles, if they lie better in the middle of their boxes than the picks, or if many positives are none.
/// The general model tells the last from the others.
fn diluted(subject: &Subject, shared: &SharedData, own: &Group, unlabeled: &Group, section: &mut Section) {
    let dot: f64 = own.mean.iter().zip(&unlabeled.mean).map(|(a, b)| a * b).sum();
    let share = dot / own.signal.max(1e-30);
    if own.z < MIN_CENTRE_SIGNAL || unlabeled.z < MIN_CENTRE_SIGNAL || share < 0.95 {
        return;
    }
    let general = by_general_model(subject, shared);
    if let Some(general) = general.filter(|general| *general > MIN_PARTICLE_SHARE) {
        section.say(format!(
            "The unlabeled show the particle as strongly as the positives do ({share:.2} times), yet the \
             general model takes {} of the positives for particles. So either many of the unlabeled are \
             particles, or they are better centred in their boxes than the picks, and scores say little \
             about π: label the random sample of the review queues.",
            percent(general)
        ));
        return;
    }
    section.findings.push(
        Finding::new(
            kinds::MISLABELLED,
            Examination::Particle,
            if share > 1.0 && general.is_none_or(|general| general < MIN_SUPPORTING_SHARE) {
                Severity::Wrong
            } else {
                Severity::Warning
            },
            "The unlabeled show the particle as strongly as the positives do.",
            format!(
                "Their mean image holds {share:.2} times the positives' particle. Unless nearly all of them \
                 are particles, and clearer ones than the picks, many of the {} positives cannot be \
                 particles.",
                own.count
            ),
            "Look through some of the unlabeled. If most show the particle, take more places without one into the pool; if \
             not, look through the positives and set those without a particle to unlabeled or negative.",
        )
        .with("particle in the unlabeled's mean image, over that in the positives'", format!("{share:.3}"))
        .with(
            "positives that the general model takes for particles",
            general.map_or_else(|| "not judged".to_owned(), percent),
        ),
    );
}

/// Projections of patches on the direction in which positives vary most about zero.
fn projections(profiles: &[&Profile]) -> (Profile, Vec<f64>) {
    let n = profiles.len().max(1) as f64;
    let mut second = [[0.0; RINGS]; RINGS];
    for profile in profiles {
        for i in 0..RINGS {
            for j in 0..RINGS {
                second[i][j] += profile[i] * profile[j] / n;
            }
        }
    }
    // Power iteration from the row of the largest diagonal: never orthogonal to the answer.
    let start = (0..RINGS).max_by(|&a, &b| second[a][a].total_cmp(&second[b][b])).unwrap_or(0);
    let mut v = second[start];
    for _ in 0..100 {
        let next: Profile = std::array::from_fn(|i| (0..RINGS).map(|j| second[i][j] * v[j]).sum());
        let length = next.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-30);
        v = next.map(|x| x / length);
    }
    let projected = profiles.iter().map(|p| p.iter().zip(&v).map(|(a, b)| a * b).sum()).collect();
    (v, projected)
}

/// Two normal distributions at ±m with one spread: (m, spread, share at +m), by EM.
fn mirrored_mixture(values: &[f64]) -> (f64, f64, f64) {
    let n = values.len() as f64;
    let mut m = values.iter().map(|v| v.abs()).sum::<f64>() / n;
    let mut spread = (values.iter().map(|v| v * v).sum::<f64>() / n).sqrt().max(1e-12) / 2.0;
    let mut share: f64 = 0.5;
    for _ in 0..200 {
        let plus: Vec<f64> = values
            .iter()
            .map(|v| {
                // ln of the ratio of the two densities.
                let odds = (share / (1.0 - share)).ln() + 2.0 * v * m / (spread * spread);
                1.0 / (1.0 + (-odds).exp())
            })
            .collect();
        share = (plus.iter().sum::<f64>() / n).clamp(1e-6, 1.0 - 1e-6);
        m = values.iter().zip(&plus).map(|(v, q)| v * (2.0 * q - 1.0)).sum::<f64>() / n;
        let square = values
            .iter()
            .zip(&plus)
            .map(|(v, q)| q * (v - m).powi(2) + (1.0 - q) * (v + m).powi(2))
            .sum::<f64>();
        spread = (square / n).sqrt().max(1e-9);
    }
    (m.abs(), spread, if m >= 0.0 { share } else { 1.0 - share })
}

/// Smaller share from which contrast counts as inverted in part of the data.
const MIN_INVERTED_SHARE: f64 = 0.1;
/// Distance of the two heaps over their spread from which single patches say so.
const MIN_SEPARATION: f64 = 1.3;

fn inverted(subject: &Subject, shared: &SharedData, positive: &[usize], section: &mut Section) -> bool {
    if positive.len() < 20 {
        return false;
    }
    let profiles: Vec<&Profile> = positive.iter().map(|&i| &shared.features[i].profile).collect();
    let (direction, projected) = projections(&profiles);
    let (m, spread, share) = mirrored_mixture(&projected);
    let minority = share.min(1.0 - share);
    section.say(format!(
        "Along their strongest direction the positives lie at ±{m:.2} with a spread of {spread:.2}; {} on the smaller side.",
        percent(minority)
    ));
    let by_patch = minority >= MIN_INVERTED_SHARE && m / spread >= MIN_SEPARATION;
    // Whole micrographs of the other sign show even where single patches are too noisy.
    let mut groups: Vec<Vec<f64>> = vec![Vec::new(); subject.micrograph_names.len()];
    for (&i, &value) in positive.iter().zip(&projected) {
        if let Some(m) = subject.micrographs[i] {
            groups[m].push(value);
        }
    }
    let sign = |g: &Vec<f64>| mean(g) / (super::stats::variance(g) / g.len() as f64).sqrt().max(1e-12);
    let signs: Vec<f64> = groups.iter().filter(|g| g.len() >= 4).map(sign).collect();
    let (up, down) =
        (signs.iter().filter(|z| **z > 4.0).count(), signs.iter().filter(|z| **z < -4.0).count());
    let by_micrograph = up > 0 && down > 0;
    if !by_patch && !by_micrograph {
        return false;
    }
    let larger_is_plus = if by_patch { share >= 0.5 } else { up >= down };
    let odd: Vec<usize> = (0..subject.len())
        .filter(|&i| shared.features[i].usable())
        .filter(|&i| {
            let value: f64 = shared.features[i].profile.iter().zip(&direction).map(|(a, b)| a * b).sum();
            subject.labels[i] == Label::Positive && (value > 0.0) != larger_is_plus
        })
        .collect();
    let told = if by_micrograph {
        format!(
            "{} of {} micrographs have particles of one sign, {} of the other",
            up.max(down),
            signs.len(),
            up.min(down)
        )
    } else {
        format!(
            "{} of the positives have the opposite sign, two groups {:.1} spreads from zero",
            percent(minority),
            m / spread
        )
    };
    section.findings.push(
        Finding::new(
            kinds::INVERTED,
            Examination::Particle,
            Severity::Wrong,
            "The contrast of part of the patches is inverted: particles are dark in some and light in others.",
            format!(
                "{}; {} positives are of the rarer sign, and a network must learn two opposite pictures from {} labels.",
                capitalised(&told),
                odd.len(),
                positive.len()
            ),
            "Invert the micrographs of one sign (multiply by −1) and import them again, so that particles are dark or \
             light everywhere.",
        )
        .with("positives of the rarer sign", odd.len().to_string())
        .with("share on the smaller side", format!("{minority:.3}"))
        .with("distance from zero over spread", format!("{:.2}", m / spread))
        .with("micrographs clearly of one and the other sign", format!("{up} and {down}"))
        .about(subject.ids_of(odd)),
    );
    true
}

/// Radius (as a share of half the box) within which 90 % of the profile's signal lies.
fn extent(profile: &Profile) -> f64 {
    // Towards the edge a particle that fits has come back to its surround.
    let surround = mean(&profile[RINGS - 2..]);
    let weight: Vec<f64> =
        profile.iter().enumerate().map(|(i, v)| (i as f64 + 0.5) * (v - surround).powi(2)).collect();
    let total: f64 = weight.iter().sum();
    let mut sum = 0.0;
    for (i, w) in weight.iter().enumerate() {
        sum += w;
        if sum >= 0.9 * total {
            return (i as f64 + 1.0) / RINGS as f64;
        }
    }
    1.0
}

fn box_size(subject: &Subject, own: &Group, section: &mut Section) {
    let extent = extent(&own.mean);
    let edge = own.mean[RINGS - 3..].windows(2).map(|w| (w[1] - w[0]).abs()).sum::<f64>();
    let height = own.mean.iter().map(|v| v.abs()).fold(0.0, f64::max);
    section.say(format!(
        "The particle's signal ends at {} of the half box ({:.0} of {:.0} px).",
        percent(extent),
        extent * subject.size as f64 / 2.0,
        subject.size as f64 / 2.0
    ));
    let finding = |what: &str, why: String, advice: &str| {
        Finding::new(kinds::BOX_SIZE, Examination::Particle, Severity::Warning, what, why, advice)
            .with("radius with 90 % of the signal, share of the half box", format!("{extent:.2}"))
            .with(
                "change over the outer rings, share of the height",
                format!("{:.2}", edge / height.max(1e-9)),
            )
    };
    if extent >= 0.95 && edge > 0.15 * height {
        section.findings.push(finding(
            "The box cuts the particle off.",
            format!(
                "The mean profile of the positives still changes by {} of its height over the outer rings.",
                percent(edge / height)
            ),
            "Import again with a box of about 1.5 times the particle's diameter.",
        ));
    } else if extent < 0.3 {
        section.findings.push(finding(
            "The box is much larger than the particle.",
            format!(
                "Nine tenths of the signal lie within {} of the half box, so {} of the pixels are only noise.",
                percent(extent),
                percent(1.0 - extent * extent)
            ),
            "Import again with a smaller box, about 1.5 times the particle's diameter.",
        ));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::learning::random::{Stream, generator};
    use rand::RngExt;

    /// Profiles with a dip of `depth` in the middle and noise.
    fn made(n: usize, depth: impl Fn(usize) -> f64, seed: u64) -> Vec<Profile> {
        let mut rng = generator(seed, 0, Stream::EpochOrder);
        (0..n)
            .map(|k| {
                std::array::from_fn(|i| {
                    let dip = if i < 6 { -depth(k) } else { 0.0 };
                    dip + (0..6).map(|_| rng.random_range(-0.5..0.5)).sum::<f64>()
                })
            })
            .collect()
    }

    #[test]
    fn a_group_with_signal_stands_out_and_noise_does_not() {
        let (signal, noise) = (made(100, |_| 1.0, 1), made(100, |_| 0.0, 2));
        let signal = Group::of(&signal.iter().collect::<Vec<_>>()).unwrap();
        let noise = Group::of(&noise.iter().collect::<Vec<_>>()).unwrap();
        assert!(signal.z > 20.0 && (signal.signal - 6.0).abs() < 1.5, "{} {}", signal.z, signal.signal);
        assert!(noise.z.abs() < 3.5, "{}", noise.z);
    }

    #[test]
    fn a_mirrored_mixture_is_told_from_one_heap() {
        let half = made(200, |k| if k % 2 == 0 { 1.5 } else { -1.5 }, 3);
        let (_, values) = projections(&half.iter().collect::<Vec<_>>());
        let (m, spread, share) = mirrored_mixture(&values);
        assert!(m / spread > MIN_SEPARATION && (share - 0.5).abs() < 0.1, "{m} {spread} {share}");
        let one = made(200, |_| 1.5, 4);
        let (_, values) = projections(&one.iter().collect::<Vec<_>>());
        let (m, spread, share) = mirrored_mixture(&values);
        assert!(
            share.min(1.0 - share) < MIN_INVERTED_SHARE || m / spread < MIN_SEPARATION,
            "{m} {spread} {share}"
        );
        let none = made(200, |_| 0.0, 5);
        let (_, values) = projections(&none.iter().collect::<Vec<_>>());
        let (m, spread, share) = mirrored_mixture(&values);
        assert!(
            share.min(1.0 - share) < MIN_INVERTED_SHARE || m / spread < MIN_SEPARATION,
            "{m} {spread} {share}"
        );
    }
}
