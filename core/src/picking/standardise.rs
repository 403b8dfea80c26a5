//! A whole picture on the scale on which a network saw its patches: every pixel normalised by the box
//! around it.

use rayon::prelude::*;

use crate::error::Result;
use crate::image::Image;
use crate::imaging::normalise::{Normaliser, NormaliserKind};

/// Rows that one task normalises. Sums over boxes begin anew in each, so rounding cannot pile up.
const BAND: usize = 64;

/// Normalises a picture (px of the patches) so that a network can be slid over it.
///
/// Kinds that have one scale for all patches do to each pixel what they do to patches; the map of a network
/// then says of a place what it says of the patch there. Kinds with a scale of each patch take, for every
/// pixel, the box of the patch size around it; this is nearly what the patch around a place gets, but not
/// quite, so the map only proposes. Where the box is constant the pixel becomes 0. At the edges the box is
/// the part of it that lies inside.
///
/// # Errors
/// When the picture is empty or holds a value that is no finite number.
pub fn standardise(image: &Image, normaliser: &Normaliser) -> Result<Image> {
    crate::imaging::check_finite(image)?;
    let mut out = Image::zeros(image.width, image.height);
    if let Some((offset, scale)) = normaliser.offset_and_scale() {
        out.data.par_iter_mut().zip(&image.data).for_each(|(out, v)| *out = (v - offset) / scale);
        return Ok(out);
    }
    let size = normaliser.size();
    let radius = match normaliser.kind() {
        NormaliserKind::BackgroundRing { radius_fraction } => {
            Some(f64::from(radius_fraction) * size as f64 / 2.0)
        }
        _ => None,
    };
    let width = image.width;
    out.data.par_chunks_mut(BAND * width).enumerate().for_each(|(band, out)| {
        normalise_band(image, size, radius, band * BAND, out);
    });
    Ok(out)
}

/// Number of pixels, their sum and the sum of their squares.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Sums {
    fn less(self, other: Self) -> Self {
        Self {
            count: self.count - other.count,
            sum: self.sum - other.sum,
            squares: self.squares - other.squares,
        }
    }

    /// The pixel on the scale of these pixels; 0 where they are all alike.
    fn scale(&self, pixel: f64) -> f32 {
        if self.count < 1.0 {
            return 0.0;
        }
        let mean = self.sum / self.count;
        let variance = self.squares / self.count - mean * mean;
        // What is left of rounding is no spread.
        if variance <= 1e-10 * (self.squares / self.count).max(f64::MIN_POSITIVE) {
            return 0.0;
        }
        ((pixel - mean) / variance.sqrt()) as f32
    }
}

/// Prefix sums of the rows that a band looks at.
struct Rows {
    first: usize,
    width: usize,
    /// Each row `width + 1` long: sum and sum of squares of the pixels before a column.
    prefix: Vec<(f64, f64)>,
}

impl Rows {
    fn new(image: &Image, rows: std::ops::Range<usize>) -> Self {
        let mut prefix = Vec::with_capacity(rows.len() * (image.width + 1));
        for y in rows.clone() {
            let (mut sum, mut squares) = (0.0, 0.0);
            prefix.push((sum, squares));
            for &v in image.row(y) {
                let v = f64::from(v);
                sum += v;
                squares += v * v;
                prefix.push((sum, squares));
            }
        }
        Self { first: rows.start, width: image.width, prefix }
    }

    fn add(&self, to: &mut Sums, row: usize, columns: std::ops::Range<usize>) {
        let line = &self.prefix[(row - self.first) * (self.width + 1)..][..self.width + 1];
        let (low, high) = (line[columns.start], line[columns.end]);
        to.count += columns.len() as f64;
        to.sum += high.0 - low.0;
        to.squares += high.1 - low.1;
    }
}

/// Normalises the rows from `top` on that `out` has room for.
fn normalise_band(image: &Image, size: usize, radius: Option<f64>, top: usize, out: &mut [f32]) {
    let (width, height) = (image.width, image.height);
    let count = out.len() / width;
    // The centre of a patch is its pixel size/2.
    let (before, after) = (size / 2, size - size / 2);
    let rows = Rows::new(image, top.saturating_sub(before)..(top + count - 1 + after).min(height));
    let inside = |at: usize, length: usize| at.saturating_sub(before)..(at + after).min(length);
    // Half widths of the disc by distance of the row from its centre.
    let disc: Vec<(isize, isize)> = radius.map_or_else(Vec::new, |radius| {
        let reach = radius.floor() as isize;
        (-reach..=reach)
            .map(|dy| (dy, (radius * radius - (dy * dy) as f64).max(0.0).sqrt().floor() as isize))
            .collect()
    });
    let mut columns: Vec<(f64, f64)> = vec![(0.0, 0.0); width];
    let mut held = top..top;
    for (offset, out) in out.chunks_exact_mut(width).enumerate() {
        let y = top + offset;
        let wanted = inside(y, height);
        if offset == 0 {
            held = wanted.start..wanted.start;
        }
        for row in held.end..wanted.end {
            for (sum, &v) in columns.iter_mut().zip(image.row(row)) {
                sum.0 += f64::from(v);
                sum.1 += f64::from(v) * f64::from(v);
            }
        }
        for row in held.start..wanted.start {
            for (sum, &v) in columns.iter_mut().zip(image.row(row)) {
                sum.0 -= f64::from(v);
                sum.1 -= f64::from(v) * f64::from(v);
            }
        }
        held = wanted.clone();
        let line = image.row(y);
        let mut box_sums = Sums::default();
        let mut over = 0..0;
        for (x, out) in out.iter_mut().enumerate() {
            let across = inside(x, width);
            for column in &columns[over.end..across.end] {
                box_sums.sum += column.0;
                box_sums.squares += column.1;
            }
            for column in &columns[over.start..across.start] {
                box_sums.sum -= column.0;
                box_sums.squares -= column.1;
            }
            over = across.clone();
            box_sums.count = (across.len() * wanted.len()) as f64;
            let mut sums = box_sums;
            if !disc.is_empty() {
                let mut particle = Sums::default();
                for &(dy, half) in &disc {
                    let Some(row) = y.checked_add_signed(dy).filter(|row| wanted.contains(row)) else {
                        continue;
                    };
                    let from = x.saturating_sub(half as usize).max(across.start);
                    let to = (x + half as usize + 1).min(across.end);
                    if from < to {
                        rows.add(&mut particle, row, from..to);
                    }
                }
                sums = sums.less(particle);
            }
            *out = sums.scale(f64::from(line[x]));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    fn noise(width: usize, height: usize) -> Image {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let data = (0..width * height).map(|_| 1000.0 + random.random_range(0.0..50.0)).collect();
        Image { width, height, data }
    }

    fn patch_at(image: &Image, x: usize, y: usize, size: usize) -> Vec<f32> {
        let (left, top) = (x - size / 2, y - size / 2);
        (0..size * size).map(|at| image.at(left + at % size, top + at / size)).collect()
    }

    /// The centre pixel of each patch gets the value that the patch's own normaliser gives it.
    #[test]
    fn the_centre_of_a_patch_is_normalised_as_the_patch_is() {
        let image = noise(150, 170);
        let kinds = [
            NormaliserKind::PerPatchZScore,
            NormaliserKind::BackgroundRing { radius_fraction: 0.75 },
            NormaliserKind::GlobalMeanStd,
        ];
        for size in [16, 25] {
            for kind in kinds {
                let normaliser = Normaliser::fit(kind, size, [patch_at(&image, 60, 60, size)]).unwrap();
                let whole = standardise(&image, &normaliser).unwrap();
                for (x, y) in [(30, 30), (77, 63), (77, 64), (78, 128), (130, 150)] {
                    let mut patch = patch_at(&image, x, y, size);
                    normaliser.apply(&mut patch).unwrap();
                    let (found, wanted) = (whole.at(x, y), patch[size / 2 * size + size / 2]);
                    assert!(
                        (found - wanted).abs() < 2e-3,
                        "{kind:?} {size} at {x}, {y}: {found} for {wanted}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_constant_becomes_zero() {
        let mut image = noise(80, 80);
        image.data[..80 * 40].fill(7.5);
        let normaliser =
            Normaliser::fit(NormaliserKind::PerPatchZScore, 16, [patch_at(&noise(80, 80), 20, 20, 16)])
                .unwrap();
        let whole = standardise(&image, &normaliser).unwrap();
        assert!(whole.data[..80 * 30].iter().all(|v| *v == 0.0));
        assert!(whole.data[80 * 50..].iter().any(|v| v.abs() > 1.0));
        assert!(whole.data.iter().all(|v| v.is_finite()));
        image.data[7] = f32::NAN;
        assert!(standardise(&image, &normaliser).is_err());
    }
}
