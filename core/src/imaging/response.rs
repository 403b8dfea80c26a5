//! How much each position of a micrograph looks like a blob of the particle's size. Blob candidates, the sign of
//! the contrast and the check for mirrored coordinates use it.

use serde::{Deserialize, Serialize};

use super::bin::bin;
use super::filters::{blob_scales, difference_of_gaussians};
use super::{Border, check_finite};
use crate::error::{Error, Result};
use crate::image::Image;

/// Whether particles are darker or lighter than their surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contrast {
    /// Darker, as in micrographs from the camera.
    Dark,
    /// Lighter, as in micrographs with inverted contrast.
    Light,
    /// Not known. Both are searched.
    Both,
}

/// Binned px across one particle diameter. This is enough to see a blob and quick to compute.
const PIXELS_PER_DIAMETER: f64 = 12.0;

/// A difference-of-Gaussians map of a binned micrograph, positive at light blobs, read at unbinned
/// coordinates.
pub struct ResponseMap {
    factor: usize,
    map: Image,
}

impl ResponseMap {
    /// Computes the map for particles of `diameter` px (unbinned). The mean of the difference over
    /// a flat image is 0.
    ///
    /// # Errors
    /// When the image holds a value that is no finite number, or the diameter is below 2 px or
    /// more than half the shorter side.
    pub fn new(image: &Image, diameter: f64) -> Result<Self> {
        check_finite(image)?;
        let shorter = image.width.min(image.height);
        // A NaN is in no range.
        if !(2.0..=shorter as f64 / 2.0).contains(&diameter) {
            return Err(Error::request(
                format!(
                    "a particle diameter of {diameter} px does not fit a micrograph of {} × {} px",
                    image.width, image.height
                ),
                "give the diameter in px of the unbinned micrograph, from 2 to half its shorter side",
            ));
        }
        let factor = ((diameter / PIXELS_PER_DIAMETER).floor() as usize).max(1);
        let small = bin(image, factor)?;
        let (inner, outer) = blob_scales(diameter / factor as f64);
        Ok(Self { factor, map: difference_of_gaussians(&small, inner, outer)? })
    }

    /// Px of the micrograph per px of the map.
    pub fn factor(&self) -> usize {
        self.factor
    }

    /// The map itself.
    pub fn map(&self) -> &Image {
        &self.map
    }

    /// Unbinned coordinate of a map coordinate.
    pub(crate) fn unbinned(&self, at: f64) -> f64 {
        at * self.factor as f64 + (self.factor as f64 - 1.0) / 2.0
    }

    /// The response at an unbinned coordinate, interpolated; `None` outside the map.
    pub fn at(&self, x: f64, y: f64) -> Option<f32> {
        let binned = |v: f64| (v - (self.factor as f64 - 1.0) / 2.0) / self.factor as f64;
        let (x, y) = (binned(x), binned(y));
        let inside = |v: f64, n: usize| v >= 0.0 && v <= (n - 1) as f64;
        if !inside(x, self.map.width) || !inside(y, self.map.height) {
            return None;
        }
        let (x0, y0) = (x.floor() as usize, y.floor() as usize);
        let (x1, y1) = ((x0 + 1).min(self.map.width - 1), (y0 + 1).min(self.map.height - 1));
        let (fx, fy) = ((x - x0 as f64) as f32, (y - y0 as f64) as f32);
        let upper = self.map.at(x0, y0) * (1.0 - fx) + self.map.at(x1, y0) * fx;
        let lower = self.map.at(x0, y1) * (1.0 - fx) + self.map.at(x1, y1) * fx;
        Some(upper * (1.0 - fy) + lower * fy)
    }

    /// The values of the map at least `margin` unbinned px from every edge, sorted.
    pub(crate) fn sorted_values(&self, margin: usize) -> Vec<f32> {
        let edge = margin.div_ceil(self.factor);
        let last = |n: usize| n.saturating_sub(edge);
        let mut values = Vec::new();
        for y in edge..last(self.map.height) {
            if edge < last(self.map.width) {
                values.extend_from_slice(&self.map.row(y)[edge..last(self.map.width)]);
            }
        }
        values.sort_by(f32::total_cmp);
        values
    }
}

/// Share of sorted values below `value`, ties counted half: 0 to 1, 0.5 for the median.
pub(crate) fn rank(sorted: &[f32], value: f32) -> f64 {
    let below = sorted.partition_point(|&v| v < value);
    let up_to = sorted.partition_point(|&v| v <= value);
    (below + up_to) as f64 / 2.0 / sorted.len().max(1) as f64
}

/// Estimates from known particles of any number of micrographs whether particles are dark or light.
#[derive(Debug, Clone, Default)]
pub struct ContrastEstimate {
    sum: f64,
    count: usize,
}

impl ContrastEstimate {
    /// Adds the particles of one micrograph: the rank of the response at each among all places.
    ///
    /// # Errors
    /// As [`ResponseMap::new`].
    pub fn add(&mut self, image: &Image, positives: &[(f64, f64)], diameter: f64) -> Result<()> {
        self.add_map(&ResponseMap::new(image, diameter)?, positives, 0);
        Ok(())
    }

    /// As [`add`](Self::add), from a map that is there already.
    pub(crate) fn add_map(&mut self, map: &ResponseMap, positives: &[(f64, f64)], margin: usize) {
        let sorted = map.sorted_values(margin);
        for &(x, y) in positives {
            if let Some(value) = map.at(x, y) {
                self.sum += rank(&sorted, value) - 0.5;
                self.count += 1;
            }
        }
    }

    /// The sign, when the mean rank is more than four standard errors (of random places: 1/√(12 n))
    /// from one half; else [`Contrast::Both`].
    pub fn contrast(&self) -> Contrast {
        if self.count == 0 {
            return Contrast::Both;
        }
        let n = self.count as f64;
        let standard_errors = self.sum / n * (12.0 * n).sqrt();
        if standard_errors > 4.0 {
            Contrast::Light
        } else if standard_errors < -4.0 {
            Contrast::Dark
        } else {
            Contrast::Both
        }
    }
}

/// The margin that leaves out a border without image content, px.
pub(crate) fn margin_for(border: &Border, margin: usize) -> usize {
    border.widest().max(margin)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn with_blob(value: f32) -> Image {
        let mut image = Image::zeros(300, 240);
        for y in 0..240 {
            for x in 0..300 {
                // Weak texture, so that ranks mean something.
                image.data[y * 300 + x] = ((x * 7 + y * 13) % 11) as f32 * 0.01;
                if (x as f64 - 200.0).hypot(y as f64 - 80.0) < 18.0 {
                    image.data[y * 300 + x] += value;
                }
            }
        }
        image
    }

    #[test]
    fn peaks_at_the_blob_in_unbinned_coordinates() {
        let map = ResponseMap::new(&with_blob(5.0), 36.0).unwrap();
        assert_eq!(map.factor(), 3);
        let peak = map.at(200.0, 80.0).unwrap();
        for (x, y) in [(188.0, 80.0), (212.0, 80.0), (200.0, 68.0), (200.0, 92.0)] {
            assert!(map.at(x, y).unwrap() < peak);
        }
        assert!(
            map.at(-5.0, 80.0).is_none() && map.at(200.0, 239.9).is_none() && map.at(f64::NAN, 1.0).is_none()
        );
        assert!(ResponseMap::new(&with_blob(1.0), f64::NAN).is_err());
        assert!(ResponseMap::new(&with_blob(1.0), 121.0).is_err());
    }

    #[test]
    fn contrast_sign_needs_evidence() {
        for (value, expected) in [(5.0, Contrast::Light), (-5.0, Contrast::Dark)] {
            let mut estimate = ContrastEstimate::default();
            estimate.add(&with_blob(value), &[(200.0, 80.0); 3], 36.0).unwrap();
            assert_eq!(estimate.contrast(), Contrast::Both);
            estimate.add(&with_blob(value), &[(200.0, 80.0); 5], 36.0).unwrap();
            assert_eq!(estimate.contrast(), expected);
        }
        assert_eq!(ContrastEstimate::default().contrast(), Contrast::Both);
    }

    #[test]
    fn rank_counts_ties_half() {
        let sorted = [1.0, 2.0, 2.0, 3.0];
        assert_eq!(rank(&sorted, 2.0), 0.5);
        assert_eq!(rank(&sorted, 0.0), 0.0);
        assert_eq!(rank(&sorted, 9.0), 1.0);
    }
}
