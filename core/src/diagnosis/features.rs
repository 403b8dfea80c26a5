//! Measures every patch without training: mean, spread, radial profile, spectrum, a thumbnail.

use rayon::prelude::*;

use super::Subject;
use crate::imaging::normalise::Normaliser;

/// Rings of a radial profile, from the centre to the edge of the inscribed circle.
pub const RINGS: usize = 16;
/// Bands of the power spectrum.
const BANDS: usize = 8;
/// Side of the thumbnails near-duplicates are looked for with.
pub const THUMB: usize = 12;

/// Measures of one patch. Values of a patch that is not usable are zeros.
#[derive(Debug, Clone, Default)]
pub struct PatchMeasures {
    /// Every pixel is a finite number.
    pub finite: bool,
    /// Every pixel is alike.
    pub constant: bool,
    /// Share of pixels at the patch's own smallest or largest value.
    pub at_limits: f64,
    /// Mean of the raw pixels.
    pub mean: f64,
    /// Standard deviation of the raw pixels.
    pub std: f64,
    /// Hash of the raw pixels.
    pub hash: u64,
    /// Mean by ring of the patch's own z-score.
    pub profile: [f64; RINGS],
    /// Mean of the normalised pixels outside the inscribed circle, where no particle lies.
    pub border_mean: f64,
    /// Standard deviation of them.
    pub border_std: f64,
    /// Mean of the normalised pixels.
    pub normal_mean: f64,
    /// Standard deviation of them.
    pub normal_std: f64,
    /// Logarithms of the shares of power in bands from low to high frequency.
    pub spectrum: [f64; BANDS],
    /// Shrunk copy with mean 0 and length 1, THUMB×THUMB.
    pub thumb: Vec<f32>,
}

impl PatchMeasures {
    /// Finite and not constant: can be trained on.
    pub fn usable(&self) -> bool {
        self.finite && !self.constant
    }

    /// The row the classifier gets that tries to tell groups apart: scale, spectrum and limits after
    /// normalisation.
    pub fn row(&self) -> Vec<f64> {
        let mut row = vec![self.normal_mean, self.normal_std, self.border_mean, self.border_std];
        row.extend(self.spectrum);
        row
    }
}

/// Geometry shared by all patches of one size.
struct Geometry {
    size: usize,
    /// Ring of each pixel; RINGS for the border.
    ring: Vec<usize>,
    /// Pixels a ring.
    count: [f64; RINGS + 1],
}

impl Geometry {
    fn new(size: usize) -> Self {
        let middle = (size as f64 - 1.0) / 2.0;
        let radius = size as f64 / 2.0;
        let mut count = [0.0; RINGS + 1];
        let ring = (0..size * size)
            .map(|i| {
                let (x, y) = ((i % size) as f64 - middle, (i / size) as f64 - middle);
                let ring = ((x.hypot(y) / radius * RINGS as f64) as usize).min(RINGS);
                count[ring] += 1.0;
                ring
            })
            .collect();
        Self { size, ring, count }
    }
}

/// Measures every patch; `normaliser` is the configuration's, where it could be fitted.
pub fn measure(subject: &Subject, normaliser: Option<&Normaliser>) -> Vec<PatchMeasures> {
    let geometry = Geometry::new(subject.size);
    let area = subject.size * subject.size;
    subject.pixels.par_chunks_exact(area).map(|patch| one(patch, &geometry, normaliser)).collect()
}

/// Marks of a patch that decide whether it can be used at all.
pub fn usable(patch: &[f32]) -> bool {
    let first = patch.first().copied().unwrap_or(f32::NAN);
    patch.iter().all(|v| v.is_finite()) && patch.iter().any(|v| *v != first)
}

fn one(patch: &[f32], geometry: &Geometry, normaliser: Option<&Normaliser>) -> PatchMeasures {
    let mut found = PatchMeasures { finite: patch.iter().all(|v| v.is_finite()), ..PatchMeasures::default() };
    found.hash = hash(patch);
    if !found.finite {
        return found;
    }
    let n = patch.len() as f64;
    let (low, high) =
        patch.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    found.constant = low == high;
    found.at_limits = patch.iter().filter(|v| **v == low || **v == high).count() as f64 / n;
    (found.mean, found.std) = moments(patch.iter().map(|&v| f64::from(v)));
    if found.constant {
        return found;
    }
    for (&value, &ring) in patch.iter().zip(&geometry.ring) {
        if ring < RINGS {
            found.profile[ring] += (f64::from(value) - found.mean) / found.std;
        }
    }
    found.profile.iter_mut().zip(&geometry.count).for_each(|(sum, count)| *sum /= count.max(1.0));
    let mut normal = patch.to_vec();
    let applied = normaliser.is_none_or(|normaliser| normaliser.apply(&mut normal).is_ok());
    if applied {
        (found.normal_mean, found.normal_std) = moments(normal.iter().map(|&v| f64::from(v)));
        let border = normal.iter().zip(&geometry.ring).filter(|(_, r)| **r == RINGS);
        (found.border_mean, found.border_std) = moments(border.map(|(v, _)| f64::from(*v)));
    }
    found.spectrum = spectrum(patch, geometry.size);
    found.thumb = thumb(patch, geometry.size);
    found
}

fn moments(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        n += 1.0;
        let delta = value - mean;
        mean += delta / n;
        squares += delta * (value - mean);
    }
    if n > 0.0 { (mean, (squares / n).sqrt()) } else { (0.0, 0.0) }
}

/// FNV-1a over the bit patterns, four bytes at a time; equal pixels give equal hashes, and whoever
/// relies on a match compares the pixels.
fn hash(patch: &[f32]) -> u64 {
    patch.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, value| {
        // −0 equals 0.
        (hash ^ u64::from((value + 0.0).to_bits())).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
    })
}

/// Log shares of the variance in octaves of blur: the difference between averages over squares of
/// 1, 2, 4, … px. A few additions a pixel say as much of the noise's colour as a transform.
fn spectrum(patch: &[f32], size: usize) -> [f64; BANDS] {
    let mut powers = [0.0; BANDS];
    let mut level: Vec<f64> = patch.iter().map(|&v| f64::from(v)).collect();
    let mut side = size;
    let mut before = moments(level.iter().copied()).1.powi(2);
    let total = before.max(1e-30);
    for power in &mut powers {
        if side < 4 {
            break;
        }
        (level, side) = halve(&level, side);
        let now = moments(level.iter().copied()).1.powi(2);
        *power = ((before - now).max(0.0) / total).max(1e-6);
        before = now;
    }
    powers.map(|p| if p > 0.0 { f64::ln(p) } else { 0.0 })
}

fn halve(level: &[f64], side: usize) -> (Vec<f64>, usize) {
    let half = side / 2;
    let mut out = Vec::with_capacity(half * half);
    for y in 0..half {
        for x in 0..half {
            let at = 2 * y * side + 2 * x;
            out.push((level[at] + level[at + 1] + level[at + side] + level[at + side + 1]) / 4.0);
        }
    }
    (out, half)
}

fn thumb(patch: &[f32], size: usize) -> Vec<f32> {
    let side = THUMB.min(size);
    let mut out = vec![0.0f64; side * side];
    let mut count = vec![0.0f64; side * side];
    for (i, &value) in patch.iter().enumerate() {
        let at = (i / size * side / size) * side + i % size * side / size;
        out[at] += f64::from(value);
        count[at] += 1.0;
    }
    out.iter_mut().zip(&count).for_each(|(sum, n)| *sum /= n.max(1.0));
    let mean = out.iter().sum::<f64>() / out.len() as f64;
    out.iter_mut().for_each(|v| *v -= mean);
    let length = out.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-30);
    out.iter().map(|v| (v / length) as f32).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_disc_has_a_profile_and_a_flat_patch_is_constant() {
        let size = 16;
        let geometry = Geometry::new(size);
        let disc: Vec<f32> = (0..256)
            .map(|i| {
                let (x, y) = ((i % size) as f64 - 7.5, (i / size) as f64 - 7.5);
                if x.hypot(y) < 4.0 { 1.0 } else { 0.0 }
            })
            .collect();
        let found = one(&disc, &geometry, None);
        assert!(found.usable() && found.profile[1] > 1.0 && found.profile[RINGS - 1] < 0.0);
        assert_eq!(found.at_limits, 1.0);
        assert!((found.thumb.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
        assert!(one(&[3.0; 256], &geometry, None).constant);
        let mut broken = disc.clone();
        broken[7] = f32::NAN;
        assert!(!one(&broken, &geometry, None).finite);
        assert!(!usable(&broken) && !usable(&[1.0; 9]) && usable(&disc));
        assert_ne!(hash(&disc), hash(&broken));
    }
}
