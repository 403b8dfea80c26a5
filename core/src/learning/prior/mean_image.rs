//! A second estimate of π, from mean images, on which no network has any influence.
//!
//! If a share π of a mixture are particles, its mean image is π times that of the particles, plus what the rest shows on
//! average. Where the rest averages to nothing, ⟨m_U, m_P⟩/⟨m_P, m_P⟩ = π, with the mean radial profiles m of unlabeled and
//! positives. Contamination that looks like particles makes the estimate too high, and so do unlabeled particles that are
//! better centred in their boxes than the picks. It is therefore not used for training. But where it contradicts the estimate
//! from scores, neither can be believed.

use crate::error::Result;
use crate::label::Label;
use crate::learning::data::TrainingData;

/// Rings from the centre to the edge of the inscribed circle.
const RINGS: usize = 16;
/// Patches of one label that are averaged at most.
const MAX_PATCHES: usize = 3000;
/// Fewer patches of a label have no mean image worth the name.
const MIN_PATCHES: usize = 20;
/// How many times the noise of their mean the positives' profile must be.
const MIN_SIGNAL: f64 = 10.0;

/// ⟨m_U, m_P⟩/⟨m_P, m_P⟩ of the mean radial profiles of the training patches (N×S×S), limited to 0 to 1; `None` where
/// there are too few patches, or the positives show nothing on average.
///
/// # Errors
/// When a patch cannot be read.
pub fn mean_image_share(data: &TrainingData) -> Result<Option<f64>> {
    let rings = Rings::new(data.size);
    let mut patch = vec![0.0; data.size * data.size];
    let mut profiles_of = |label| -> Result<Vec<[f64; RINGS]>> {
        let patches = data.with_label(&data.train, label);
        let step = patches.len().div_ceil(MAX_PATCHES).max(1);
        let mut profiles = Vec::new();
        for index in patches.into_iter().step_by(step) {
            data.pixels.read(index, &mut patch)?;
            profiles.push(rings.profile(&patch));
        }
        Ok(profiles)
    };
    let (positive, unlabeled) = (profiles_of(Label::Positive)?, profiles_of(Label::Unlabeled)?);
    if positive.len() < MIN_PATCHES || unlabeled.len() < MIN_PATCHES {
        return Ok(None);
    }
    Ok(share(&positive, &unlabeled))
}

fn share(positive: &[[f64; RINGS]], unlabeled: &[[f64; RINGS]]) -> Option<f64> {
    let (p, u) = (mean(positive), mean(unlabeled));
    let dot = |a: &[f64; RINGS], b: &[f64; RINGS]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // What noise adds to the squared length: the variance of the mean.
    let count = positive.len() as f64;
    let noise = positive
        .iter()
        .map(|profile| profile.iter().zip(&p).map(|(v, m)| (v - m).powi(2)).sum::<f64>())
        .sum::<f64>()
        / (count * (count - 1.0));
    let signal = dot(&p, &p) - noise;
    (signal > MIN_SIGNAL * noise).then(|| (dot(&p, &u) / signal).clamp(0.0, 1.0))
}

fn mean(profiles: &[[f64; RINGS]]) -> [f64; RINGS] {
    let mut mean = [0.0; RINGS];
    for profile in profiles {
        mean.iter_mut().zip(profile).for_each(|(m, v)| *m += v / profiles.len() as f64);
    }
    mean
}

/// Which ring each pixel lies in.
struct Rings {
    /// `RINGS` outside the inscribed circle.
    of_pixel: Vec<usize>,
    count: [f64; RINGS],
}

impl Rings {
    fn new(size: usize) -> Self {
        let centre = (size as f64 - 1.0) / 2.0;
        let mut count = [0.0; RINGS];
        let mut of_pixel = Vec::with_capacity(size * size);
        for y in 0..size {
            for x in 0..size {
                let distance = (x as f64 - centre).hypot(y as f64 - centre);
                let ring = ((distance / (size as f64 / 2.0) * RINGS as f64) as usize).min(RINGS);
                if let Some(count) = count.get_mut(ring) {
                    *count += 1.0;
                }
                of_pixel.push(ring);
            }
        }
        Self { of_pixel, count }
    }

    /// Mean by ring, relative to the mean of the patch.
    fn profile(&self, patch: &[f32]) -> [f64; RINGS] {
        let mean = patch.iter().map(|&v| f64::from(v)).sum::<f64>() / patch.len().max(1) as f64;
        let mut profile = [0.0; RINGS];
        for (&value, &ring) in patch.iter().zip(&self.of_pixel) {
            if let Some(sum) = profile.get_mut(ring) {
                *sum += f64::from(value) - mean;
            }
        }
        profile.iter_mut().zip(&self.count).for_each(|(sum, count)| *sum /= count.max(1.0));
        profile
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::learning::data::patch_store::PatchStore;

    /// Discs in noise as positives; of the unlabeled `particles` of 400 are discs of this contrast.
    fn data(particles: usize, contrast: f64) -> TrainingData {
        let (size, mut random) = (32, ChaCha8Rng::seed_from_u64(3));
        let mut pixels = Vec::new();
        for patch in 0..600 {
            let height = match patch {
                0..200 => 1.0,
                p if p < 200 + particles => contrast,
                _ => 0.0,
            };
            for i in 0..size * size {
                let inside = ((i % size) as f64 - 15.5).hypot((i / size) as f64 - 15.5) < 9.0;
                let value = random.random_range(-2.0..2.0) + if inside { height } else { 0.0 };
                pixels.push(value as f32);
            }
        }
        let labels =
            (0..600).map(|p| if p < 200 { Label::Positive } else { Label::Unlabeled }).collect::<Vec<_>>();
        TrainingData {
            size,
            pixels: PatchStore::InMemory(pixels.into()),
            train: (0..600).collect(),
            labels,
            validation: Vec::new(),
            truth: None,
        }
    }

    #[test]
    fn the_mean_image_of_a_mixture_holds_its_share() {
        let found = mean_image_share(&data(120, 1.0)).unwrap().unwrap();
        assert!((found - 0.3).abs() < 0.05, "{found}");
        // Particles that are clearer than the picks count for more.
        assert!(mean_image_share(&data(120, 2.0)).unwrap().unwrap() > 0.5);
        // Picks that show nothing say nothing.
        let mut swapped = data(0, 1.0);
        swapped.labels.reverse();
        assert_eq!(mean_image_share(&swapped).unwrap(), None);
    }
}
