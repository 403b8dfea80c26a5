//! Detects picks whose y coordinate counts from the bottom. The check compares the image at the given picks with
//! the image at the same picks mirrored top to bottom. It needs no truth.
//!
//! At particles, the response of a difference of Gaussians of the particle's size is shifted to one side (dark or
//! light). At random positions, and so at wrongly mirrored picks, it is not. Each response is replaced by its rank
//! among all positions of its micrograph (0 to 1), so that micrographs are comparable and outliers do no harm. The
//! *signal* of a set of picks is `|2·mean rank − 1|`: 0 for random positions, 1 when every pick ranks above every
//! other position. It equals `|2·AUC − 1|` for telling picks from random positions by the response.

use super::border::replicated_border;
use super::response::{ResponseMap, margin_for, rank};
use crate::error::Result;
use crate::image::Image;

/// Scales compared, as multiples of the diameter. The diameter is often only guessed from the box.
const SCALES: [f64; 3] = [0.625, 1.0, 1.6];
/// The check gives no verdict on fewer picks.
const MIN_PICKS: usize = 20;
/// The check gives no verdict when the mirrored signal is lower, however significant the difference.
const FAINTEST: f64 = 0.15;
/// Minimum ratio of the mirrored signal to the given one.
const RATIO: f64 = 2.0;
/// Number of standard errors by which the mirrored signal must exceed the given one. With 5, random picks are called
/// mirrored about once in a million times.
const STANDARD_ERRORS: f64 = 5.0;

/// How well the picks fit the image as given and mirrored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MirrorVerdict {
    /// Signal at the given picks, the highest over the scales; 0 random, 1 perfect.
    pub given: f64,
    /// Signal at the mirrored picks, the highest over the scales.
    pub mirrored: f64,
    /// How many picks were compared: those inside the image both ways.
    pub picks: usize,
    /// Difference of the two signals at the scale where the mirrored one is highest, in standard
    /// errors (paired by pick); negative when the given picks fit better, 0 when nothing was compared.
    pub standard_errors: f64,
    /// Whether the mirrored coordinates fit clearly better: at least 20 picks, a mirrored signal of
    /// 0.15 and twice the given one, and a difference of five standard errors.
    pub clearly_better: bool,
}

/// Collects the comparison over a sample of micrographs, one at a time.
#[derive(Debug, Clone)]
pub struct MirrorCheck {
    diameter: f64,
    /// Per scale: ranks of each pick as given and mirrored.
    ranks: [Vec<(f64, f64)>; SCALES.len()],
}

impl MirrorCheck {
    /// Starts a check for particles of about `diameter` px (unbinned). Half the box size is good enough where the
    /// diameter is not known.
    pub fn new(diameter: f64) -> Self {
        Self { diameter, ranks: [const { Vec::new() }; SCALES.len()] }
    }

    /// Adds one micrograph and its picks (centres, y as given). Picks that lie outside the picture
    /// in either orientation are left out; a border without a picture is kept clear of.
    ///
    /// # Errors
    /// When the image holds a value that is no finite number or the diameter does not fit it.
    pub fn add(&mut self, image: &Image, picks: &[(f64, f64)]) -> Result<()> {
        let margin = margin_for(&replicated_border(image)?, 0);
        let shorter = image.width.min(image.height) as f64;
        let inside = |v: f64, n: usize| v >= margin as f64 && v <= n as f64 - 1.0 - margin as f64;
        let last = image.height as f64 - 1.0;
        for (scale, ranks) in SCALES.iter().zip(&mut self.ranks) {
            let diameter = self.diameter * scale;
            // Larger scales may not fit a small image; the diameter itself must.
            if *scale > 1.0 && diameter > shorter / 2.0 {
                continue;
            }
            let map = ResponseMap::new(image, diameter.max(2.0))?;
            let sorted = map.sorted_values(margin);
            for &(x, y) in picks {
                if !inside(x, image.width) || !inside(y, image.height) {
                    continue;
                }
                if let (Some(given), Some(mirrored)) = (map.at(x, y), map.at(x, last - y)) {
                    ranks.push((rank(&sorted, given), rank(&sorted, mirrored)));
                }
            }
        }
        Ok(())
    }

    /// Judges what has been added so far.
    pub fn verdict(&self) -> MirrorVerdict {
        let mut verdict = MirrorVerdict {
            given: 0.0,
            mirrored: 0.0,
            picks: 0,
            standard_errors: 0.0,
            clearly_better: false,
        };
        for ranks in self.ranks.iter().filter(|r| !r.is_empty()) {
            let n = ranks.len() as f64;
            let given = ranks.iter().map(|r| 2.0 * r.0 - 1.0).sum::<f64>() / n;
            let mirrored = ranks.iter().map(|r| 2.0 * r.1 - 1.0).sum::<f64>() / n;
            verdict.picks = verdict.picks.max(ranks.len());
            verdict.given = verdict.given.max(given.abs());
            if mirrored.abs() > verdict.mirrored {
                verdict.mirrored = mirrored.abs();
                // Each orientation is held to its own side, so that the mean is |mirrored| − |given|.
                let (a, b) = (given.signum(), mirrored.signum());
                let gain: Vec<f64> = ranks.iter().map(|r| b * (r.1 - 0.5) - a * (r.0 - 0.5)).collect();
                let mean = gain.iter().sum::<f64>() / n;
                let variance = gain.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
                // A spread of 0 says nothing of its error; it happens with one pick repeated.
                verdict.standard_errors = if variance > 0.0 { mean / (variance / n).sqrt() } else { 0.0 };
            }
        }
        verdict.clearly_better = verdict.picks >= MIN_PICKS
            && verdict.mirrored >= FAINTEST
            && verdict.mirrored >= RATIO * verdict.given
            && verdict.standard_errors >= STANDARD_ERRORS;
        verdict
    }
}
