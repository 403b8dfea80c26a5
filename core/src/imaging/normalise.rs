//! The normaliser. It is fitted on the training split, stored with the project and in every checkpoint, and
//! applied in the same way to training, validation, test and new patches.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::filters::background;
use super::running::{Moments, Reservoir};
use crate::error::{Error, Result};

/// The method that brings patches to a common scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum NormaliserKind {
    /// `(v − mean) / std` with mean and standard deviation of all pixels of the training split.
    GlobalMeanStd,
    /// Two percentiles of all training pixels become −1 and +1. Values outside them are not clipped.
    RobustPercentiles {
        /// Lower percentile, 0 to 100.
        low: f32,
        /// Upper percentile, above `low`, to 100.
        high: f32,
    },
    /// Each patch gets mean 0 and standard deviation 1 by itself; nothing is fitted.
    PerPatchZScore,
    /// Each patch is shifted and scaled so that its pixels outside a circle around the centre have
    /// mean 0 and standard deviation 1, as `relion_preprocess --norm` does; nothing is fitted.
    BackgroundRing {
        /// Radius of the circle as a share of half the patch side, above 0; RELION's usual value
        /// is 0.75. Beyond √2 nothing is left outside.
        radius_fraction: f32,
    },
}

impl NormaliserKind {
    /// A short description: "global mean and std".
    pub fn describe(&self) -> String {
        match self {
            Self::GlobalMeanStd => "mean and standard deviation of the training split".into(),
            Self::RobustPercentiles { low, high } => {
                format!("percentiles {low} and {high} of the training split")
            }
            Self::PerPatchZScore => "z-score of each patch".into(),
            Self::BackgroundRing { radius_fraction } => {
                format!("background outside {radius_fraction} of the half side of each patch")
            }
        }
    }
}

/// The map of a pixel v of one patch: (v − `offset`)/`scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Subtracted from each pixel.
    pub offset: f64,
    /// Divides each pixel after that; infinite where the whole patch becomes zero.
    pub scale: f64,
}

impl Affine {
    /// The normalised pixel.
    pub fn apply(&self, pixel: f32) -> f32 {
        ((f64::from(pixel) - self.offset) / self.scale) as f32
    }
}

/// A fitted normaliser. Two are equal when they map every patch to the same values. The JSON form (serde) keeps
/// this equality, because all numbers have 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Normaliser {
    /// The method.
    method: NormaliserKind,
    /// Side of the patches, px.
    size: usize,
    /// Subtracted from every pixel; 0 where the method measures each patch.
    offset: f32,
    /// Divides every pixel after that; 1 where the method measures each patch.
    scale: f32,
}

/// A normaliser as read from JSON, before its numbers are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    method: NormaliserKind,
    size: usize,
    offset: f32,
    scale: f32,
}

impl TryFrom<Stored> for Normaliser {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let Stored { method, size, offset, scale } = stored;
        validate(method, size)?;
        check_numbers(offset, scale)?;
        Ok(Self { method, size, offset, scale })
    }
}

/// Number of pixels kept for percentiles (4 MiB). Up to a million pixels the percentiles are exact; beyond that
/// they come from a sample and stray by about 0.05 percentage points at the median.
const RESERVOIR: usize = 1 << 20;

impl Normaliser {
    /// Fits to the patches of the training split, in one pass and bounded memory. The same patches
    /// in the same order give the same normaliser. Kinds that fit nothing still read every patch,
    /// so that a bad one is found here.
    ///
    /// # Errors
    /// When parameters are out of range, there is no patch, a patch has another size or holds a
    /// value that is no finite number, or all training pixels are alike.
    pub fn fit<P: AsRef<[f32]>>(
        kind: NormaliserKind,
        size: usize,
        patches: impl IntoIterator<Item = P>,
    ) -> Result<Self> {
        validate(kind, size)?;
        let mut moments = Moments::default();
        let mut sample = Reservoir::new(RESERVOIR);
        let mut count = 0_usize;
        for patch in patches {
            let patch = patch.as_ref();
            check_patch(patch, size).map_err(|problem| {
                Error::request(
                    format!("training patch {count} {problem}"),
                    "leave it out of the training split",
                )
            })?;
            match kind {
                NormaliserKind::GlobalMeanStd => moments.add(patch),
                NormaliserKind::RobustPercentiles { .. } => patch.iter().for_each(|&v| sample.add(v)),
                NormaliserKind::PerPatchZScore | NormaliserKind::BackgroundRing { .. } => {}
            }
            count += 1;
        }
        if count == 0 {
            return Err(Error::request(
                "the training split holds no patch to fit the normaliser to",
                "put patches into the training split",
            ));
        }
        let (offset, scale) = match kind {
            NormaliserKind::GlobalMeanStd => (moments.mean, moments.std()),
            NormaliserKind::RobustPercentiles { low, high } => {
                let (low, high) = sample.percentiles(low, high);
                ((high + low) / 2.0, (high - low) / 2.0)
            }
            NormaliserKind::PerPatchZScore | NormaliserKind::BackgroundRing { .. } => (0.0, 1.0),
        };
        let (offset, scale) = (offset as f32, scale as f32);
        check_numbers(offset, scale)?;
        Ok(Self { method: kind, size, offset, scale })
    }

    /// The z-score of each patch, for which nothing is fitted.
    ///
    /// # Errors
    /// When `size` is 0.
    pub fn of_each_patch(size: usize) -> Result<Self> {
        validate(NormaliserKind::PerPatchZScore, size)?;
        Ok(Self { method: NormaliserKind::PerPatchZScore, size, offset: 0.0, scale: 1.0 })
    }

    /// The method.
    pub fn kind(&self) -> NormaliserKind {
        self.method
    }

    /// Side of the patches it was fitted to, px.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Offset and scale of every pixel; `None` where the method measures each patch.
    pub fn offset_and_scale(&self) -> Option<(f32, f32)> {
        match self.method {
            NormaliserKind::GlobalMeanStd | NormaliserKind::RobustPercentiles { .. } => {
                Some((self.offset, self.scale))
            }
            NormaliserKind::PerPatchZScore | NormaliserKind::BackgroundRing { .. } => None,
        }
    }

    /// Normalises one patch in place. A patch whose pixels are all alike becomes all zeros with the
    /// two kinds that look at each patch by itself.
    ///
    /// # Errors
    /// When the patch has another size or holds a value that is no finite number, or when only its
    /// background is constant (a masked particle), which gives the background ring no scale.
    pub fn apply(&self, patch: &mut [f32]) -> Result<()> {
        let affine = self.affine(patch)?;
        patch.iter_mut().for_each(|value| *value = affine.apply(*value));
        Ok(())
    }

    /// The map that [`Self::apply`] uses for this patch.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn affine(&self, patch: &[f32]) -> Result<Affine> {
        check_patch(patch, self.size)
            .map_err(|problem| Error::request(format!("a patch {problem}"), "leave it out"))?;
        let (offset, scale) = match self.method {
            NormaliserKind::GlobalMeanStd | NormaliserKind::RobustPercentiles { .. } => {
                (f64::from(self.offset), f64::from(self.scale))
            }
            _ if patch.iter().all(|v| *v == patch[0]) => (f64::from(patch[0]), f64::INFINITY),
            NormaliserKind::PerPatchZScore => {
                let mut moments = Moments::default();
                moments.add(patch);
                (moments.mean, moments.std())
            }
            NormaliserKind::BackgroundRing { radius_fraction } => {
                match background(patch, self.size, ring_radius(radius_fraction, self.size)) {
                    Some((mean, std)) if std > 0.0 => (mean, std),
                    _ => {
                        return Err(Error::request(
                            "the background of a patch is constant, as after masking, and gives no scale",
                            "use a z-score of each patch for masked particles",
                        ));
                    }
                }
            }
        };
        let affine = Affine { offset, scale };
        // A spread of a denormal number can throw values beyond 32 bits.
        if patch.iter().any(|v| !affine.apply(*v).is_finite()) {
            return Err(Error::request(
                format!(
                    "normalising a patch by offset {offset} and scale {scale} leaves the range of 32 bits"
                ),
                "leave the patch out",
            ));
        }
        Ok(affine)
    }

    /// Sixteen hexadecimal digits that are equal exactly when the normalisers are.
    fn fingerprint(&self) -> String {
        let (tag, a, b) = match self.method {
            NormaliserKind::GlobalMeanStd => (0_u8, 0.0, 0.0),
            NormaliserKind::RobustPercentiles { low, high } => (1, low, high),
            NormaliserKind::PerPatchZScore => (2, 0.0, 0.0),
            NormaliserKind::BackgroundRing { radius_fraction } => (3, radius_fraction, 0.0),
        };
        let mut hash = Sha256::new();
        hash.update([tag]);
        hash.update((self.size as u64).to_le_bytes());
        for number in [a, b, self.offset, self.scale] {
            // −0 equals 0 and must hash alike.
            hash.update((number + 0.0_f32).to_le_bytes());
        }
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Fails when `other` differs from this normaliser, so that no model sees data on another scale.
    ///
    /// # Errors
    /// When `other` differs.
    pub fn require_same(&self, other: &Self) -> Result<()> {
        if self == other {
            return Ok(());
        }
        let show = |n: &Self| {
            let numbers =
                n.offset_and_scale().map_or(String::new(), |(o, s)| format!(", offset {o}, scale {s}"));
            format!("{} for {} px{numbers} [{}]", n.kind().describe(), n.size, n.fingerprint())
        };
        Err(Error::request(
            format!("the model was trained with the normaliser '{}', not '{}'", show(self), show(other)),
            "use the normaliser stored with the model, or train again",
        ))
    }
}

/// Radius in px of the circle of [`NormaliserKind::BackgroundRing`].
fn ring_radius(fraction: f32, size: usize) -> f64 {
    f64::from(fraction) * size as f64 / 2.0
}

/// Fails for an offset or a scale that is not finite or would divide by zero.
fn check_numbers(offset: f32, scale: f32) -> Result<()> {
    if offset.is_finite() && scale.is_normal() && scale > 0.0 {
        return Ok(());
    }
    Err(Error::request(
        format!("the training pixels have offset {offset} and spread {scale}, which gives no scale"),
        "use patches that are not all alike, wider percentiles, or a z-score of each patch",
    ))
}

fn validate(kind: NormaliserKind, size: usize) -> Result<()> {
    if size == 0 || size > 16_384 {
        return Err(Error::request(
            format!("patches of {size} px cannot be normalised"),
            "use 1 to 16384 px",
        ));
    }
    match kind {
        NormaliserKind::RobustPercentiles { low, high } if !(0.0 <= low && low < high && high <= 100.0) => {
            Err(Error::request(
                format!("percentiles {low} and {high} are no range"),
                "use two numbers from 0 to 100, the lower first, such as 1 and 99",
            ))
        }
        NormaliserKind::BackgroundRing { radius_fraction } => {
            // RELION's own check is the same: a circle that leaves too few pixels gives no statistics.
            let flat = vec![0.0; size * size];
            let usable = radius_fraction > 0.0
                && background(&flat, size, ring_radius(radius_fraction, size)).is_some();
            if usable {
                Ok(())
            } else {
                Err(Error::request(
                    format!(
                        "a background circle of {radius_fraction} of the half side leaves no background in patches of {size} px"
                    ),
                    "use a fraction between 0 and 1, such as 0.75",
                ))
            }
        }
        _ => Ok(()),
    }
}

/// What is wrong with a patch, as the end of a sentence.
fn check_patch(patch: &[f32], size: usize) -> std::result::Result<(), String> {
    if patch.is_empty() || patch.len() != size * size {
        return Err(format!("holds {} values where {size} × {size} belong", patch.len()));
    }
    match patch.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(at) => Err(format!("is {} at column {}, row {}", patch[at], at % size, at / size)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GLOBAL: NormaliserKind = NormaliserKind::GlobalMeanStd;
    const Z: NormaliserKind = NormaliserKind::PerPatchZScore;

    #[test]
    fn global_by_hand() {
        // 0..8: mean 3.5, variance (n²−1)/12 = 5.25.
        let patches = [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]];
        let fitted = Normaliser::fit(GLOBAL, 2, patches).unwrap();
        assert_eq!(fitted.offset_and_scale(), Some((3.5, 5.25_f64.sqrt() as f32)));
        let mut patch = [3.5, 3.5 + 5.25_f32.sqrt(), 0.0, 7.0];
        fitted.apply(&mut patch).unwrap();
        assert!(patch[0] == 0.0 && (patch[1] - 1.0).abs() < 1e-6 && patch[2] == -patch[3]);
    }

    #[test]
    fn global_survives_a_large_offset() {
        let patches: Vec<Vec<f32>> =
            (0..50).map(|_| vec![16_777_000.0, 16_777_002.0, 16_777_002.0, 16_777_000.0]).collect();
        let fitted = Normaliser::fit(GLOBAL, 2, &patches).unwrap();
        assert_eq!(fitted.offset_and_scale(), Some((16_777_001.0, 1.0)));
    }

    #[test]
    fn percentiles_by_hand() {
        // Percentile p of the 100 values 0, 1 … 99 is 0.99·p.
        let patch: Vec<f32> = (0..100).map(|v| v as f32).collect();
        let kind = NormaliserKind::RobustPercentiles { low: 10.0, high: 90.0 };
        let fitted = Normaliser::fit(kind, 10, [&patch]).unwrap();
        let (offset, scale) = fitted.offset_and_scale().unwrap();
        assert!((offset - 49.5).abs() < 1e-5 && (scale - (89.1 - 9.9) / 2.0).abs() < 1e-5);
        let mut copy = patch.clone();
        fitted.apply(&mut copy).unwrap();
        assert!((copy[99] - 1.25).abs() < 1e-5);
    }

    #[test]
    fn percentiles_of_a_long_stream_are_close_and_repeatable() {
        let mut reservoir = Reservoir::new(4096);
        let mut again = Reservoir::new(4096);
        for i in 0..400_000_u32 {
            // Ordered stream: a sample that favoured the start would show at once.
            reservoir.add(i as f32);
            again.add(i as f32);
        }
        let (low, high) = reservoir.percentiles(10.0, 50.0);
        assert!((low - 40_000.0).abs() < 8_000.0, "{low}");
        assert!((high - 200_000.0).abs() < 12_000.0, "{high}");
        assert_eq!((low, high), again.percentiles(10.0, 50.0));
    }

    #[test]
    fn z_score_by_hand_and_constant_is_zero() {
        let fitted = Normaliser::fit(Z, 2, [[1.0; 4]]).unwrap();
        let mut patch = [1.0, 1.0, 3.0, 3.0];
        fitted.apply(&mut patch).unwrap();
        assert_eq!(patch, [-1.0, -1.0, 1.0, 1.0]);
        let mut flat = [7.5; 4];
        fitted.apply(&mut flat).unwrap();
        assert_eq!(flat, [0.0; 4]);
    }

    #[test]
    fn background_ring_as_relion() {
        // The background of this 4 px patch outside radius 2 is 1..=5: mean 3, std √2.
        let kind = NormaliserKind::BackgroundRing { radius_fraction: 1.0 };
        let fitted = Normaliser::fit(kind, 4, [[0.0; 16]]).unwrap();
        let mut patch = [100.0_f32; 16];
        for (at, value) in [(0, 1.0), (1, 2.0), (3, 3.0), (4, 4.0), (12, 5.0)] {
            patch[at] = value;
        }
        fitted.apply(&mut patch).unwrap();
        assert!((patch[0] + 2.0_f32.sqrt()).abs() < 1e-6 && patch[3].abs() < 1e-6);
        assert!((patch[10] - 97.0 / 2.0_f32.sqrt()).abs() < 1e-4);
        let mut masked = [0.0_f32; 16];
        masked[10] = 1.0;
        assert!(fitted.apply(&mut masked).unwrap_err().to_string().contains("masking"));
        let mut flat = [2.0; 16];
        fitted.apply(&mut flat).unwrap();
        assert_eq!(flat, [0.0; 16]);
    }

    #[test]
    fn refuses_bad_input() {
        assert!(Normaliser::fit(GLOBAL, 2, Vec::<Vec<f32>>::new()).is_err());
        let error = Normaliser::fit(Z, 2, [[0.0, 1.0, f32::NAN, 2.0]]).unwrap_err().to_string();
        assert!(error.contains("training patch 0 is NaN at column 0, row 1"), "{error}");
        assert!(Normaliser::fit(GLOBAL, 2, [vec![1.0; 9]]).is_err());
        assert!(Normaliser::fit(GLOBAL, 2, [[5.0; 4]]).is_err());
        for (low, high) in [(50.0, 50.0), (-1.0, 99.0), (1.0, 101.0), (f32::NAN, 99.0)] {
            assert!(Normaliser::fit(NormaliserKind::RobustPercentiles { low, high }, 2, [[1.0; 4]]).is_err());
        }
        for radius_fraction in [0.0, -1.0, 2.0, f32::NAN] {
            assert!(
                Normaliser::fit(NormaliserKind::BackgroundRing { radius_fraction }, 8, [[1.0; 64]]).is_err()
            );
        }
        let fitted = Normaliser::fit(GLOBAL, 2, [[0.0, 1.0, 2.0, 3.0]]).unwrap();
        assert!(fitted.apply(&mut [0.0; 9]).is_err());
        assert!(fitted.apply(&mut [0.0, f32::INFINITY, 0.0, 0.0]).is_err());
    }

    #[test]
    fn json_keeps_identity_and_other_normalisers_are_refused() {
        let one = Normaliser::fit(GLOBAL, 2, [[0.1, 0.7, 0.31, 12.3]]).unwrap();
        let text = serde_json::to_string(&one).unwrap();
        let back: Normaliser = serde_json::from_str(&text).unwrap();
        assert_eq!(one, back, "{text}");
        assert_eq!(one.fingerprint(), back.fingerprint());
        one.require_same(&back).unwrap();
        let other = Normaliser::fit(GLOBAL, 2, [[0.1, 0.7, 0.31, 12.31]]).unwrap();
        let z = Normaliser::fit(Z, 2, [[0.0; 4]]).unwrap();
        let bigger = Normaliser::fit(Z, 3, [[0.0; 9]]).unwrap();
        for (a, b) in [(&one, &other), (&one, &z), (&z, &bigger)] {
            assert_ne!(a.fingerprint(), b.fingerprint());
            let error = a.require_same(b).unwrap_err().to_string();
            assert!(error.contains("train again"), "{error}");
        }
        for bad in [text.replace("global_mean_std", "guess"), text.replace("\"scale\":", "\"scale\":-")] {
            assert!(serde_json::from_str::<Normaliser>(&bad).is_err(), "{bad}");
        }
        let ring =
            Normaliser::fit(NormaliserKind::BackgroundRing { radius_fraction: 0.7 }, 8, [[0.0; 64]]).unwrap();
        let text = serde_json::to_string(&ring).unwrap();
        assert_eq!(ring, serde_json::from_str(&text).unwrap(), "{text}");
    }
}
