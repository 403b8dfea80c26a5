//! Finds borders of a micrograph without image content: constant or replicated rows and columns, which
//! motion correction and file conversion leave behind.

use super::check;
use crate::error::Result;
use crate::image::Image;
use crate::remedy::{Remedy, Warning};

/// Width of the border without image content on each side, px; 0 where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Border {
    /// Columns at the left.
    pub left: usize,
    /// Columns at the right.
    pub right: usize,
    /// Rows at the top.
    pub top: usize,
    /// Rows at the bottom.
    pub bottom: usize,
}

impl Border {
    /// The widest of the four, px: a margin that is safe on every side.
    pub fn widest(&self) -> usize {
        self.left.max(self.right).max(self.top).max(self.bottom)
    }

    /// A warning when `margin` px do not cover the border; `None` when they do.
    pub fn warning(&self, margin: usize) -> Option<Warning> {
        (self.widest() > margin).then(|| {
            let text = format!(
                "the micrograph has no picture in its outer {} px (left {}, right {}, top {}, bottom {}): pixels there \
                 repeat the edge",
                self.widest(),
                self.left,
                self.right,
                self.top,
                self.bottom
            );
            Warning::new(text, Remedy::SetMargin(self.widest()))
        })
    }
}

/// Fewer repeated lines at the very edge are taken for chance. Farther in, twice as many are needed.
const THINNEST: usize = 4;
/// A line counts as repeated when it differs from the next one by less than this share of the
/// difference usual between neighbouring lines. Lossy compression leaves a little difference.
const REPEATED: f64 = 0.2;
/// Inward of repeated lines, the image begins where the difference reaches this share. Smoothing after the
/// replication leaves a seam.
const BEGUN: f64 = 0.8;
/// Repeated lines are searched in the outer eighth of the image.
const OUTER: usize = 8;

/// Measures how many lines at each side belong to the border. It compares the mean absolute difference between
/// a line and the next one with the median of that difference over the image. The innermost run of repeated
/// lines and everything outward of it is the border, since some files have other lines at the very edge. An
/// image without structure has no border, because there is nothing to compare with.
///
/// # Errors
/// When the image is empty.
pub fn replicated_border(image: &Image) -> Result<Border> {
    check(image)?;
    let (width, height) = (image.width, image.height);
    let mut rows = vec![0.0_f64; height.saturating_sub(1)];
    let mut columns = vec![0.0_f64; width.saturating_sub(1)];
    // The difference between rows is measured in the middle half of the columns and vice versa, so that the
    // borders of the other two sides do not dilute it.
    let (x0, x1) = (width / 4, (width - width / 4).max(1));
    let (y0, y1) = (height / 4, (height - height / 4).max(1));
    for (y, sum) in rows.iter_mut().enumerate() {
        let (a, b) = (&image.row(y)[x0..x1], &image.row(y + 1)[x0..x1]);
        *sum = a.iter().zip(b).map(|(p, q)| f64::from((p - q).abs())).sum::<f64>() / (x1 - x0) as f64;
    }
    for y in y0..y1 {
        for (sum, pair) in columns.iter_mut().zip(image.row(y).windows(2)) {
            *sum += f64::from((pair[0] - pair[1]).abs());
        }
    }
    columns.iter_mut().for_each(|sum| *sum /= (y1 - y0) as f64);
    Ok(Border {
        left: repeated(columns.iter().copied(), &columns),
        right: repeated(columns.iter().rev().copied(), &columns),
        top: repeated(rows.iter().copied(), &rows),
        bottom: repeated(rows.iter().rev().copied(), &rows),
    })
}

/// Number of lines from the edge to the first one that differs.
fn repeated(from_edge: impl Iterator<Item = f64>, all: &[f64]) -> usize {
    let mut sorted: Vec<f64> = all.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let Some(&usual) = sorted.get(sorted.len() / 2) else { return 0 };
    if usual <= 0.0 {
        return 0;
    }
    let outer: Vec<f64> = from_edge.take(all.len().div_ceil(OUTER)).collect();
    let mut border = 0;
    let mut run = 0;
    for (line, &difference) in outer.iter().enumerate() {
        run = if difference < REPEATED * usual { run + 1 } else { 0 };
        let at_edge = run == line + 1;
        if run >= if at_edge { THINNEST } else { 2 * THINNEST } {
            border = line + 1;
        }
    }
    if border > 0 {
        border += outer[border..].iter().take_while(|&&difference| difference < BEGUN * usual).count();
    }
    border
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    fn noise(width: usize, height: usize) -> Image {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(9);
        let data = (0..width * height).map(|_| random.random_range(0.0..100.0)).collect();
        Image { width, height, data }
    }

    #[test]
    fn finds_repeated_columns_and_constant_rows() {
        let mut image = noise(120, 100);
        for y in 0..100 {
            for x in 0..13 {
                image.data[y * 120 + x] = image.data[y * 120 + 13];
            }
        }
        for y in 90..100 {
            image.data[y * 120..(y + 1) * 120].fill(7.0);
        }
        let border = replicated_border(&image).unwrap();
        // Ten constant rows differ nine times by nothing.
        assert_eq!(border, Border { left: 13, right: 0, top: 0, bottom: 9 });
        assert!(border.warning(20).is_none());
        assert!(border.warning(12).unwrap().text.contains("13 px"));
    }

    #[test]
    fn looks_behind_a_frame() {
        let mut image = noise(200, 200);
        for y in 0..200 {
            for x in 5..18 {
                image.data[y * 200 + x] = image.data[y * 200 + 18];
            }
        }
        assert_eq!(replicated_border(&image).unwrap(), Border { left: 18, ..Border::default() });
    }

    #[test]
    fn none_in_noise_or_in_nothing() {
        assert_eq!(replicated_border(&noise(64, 64)).unwrap(), Border::default());
        assert_eq!(replicated_border(&Image::zeros(64, 64)).unwrap(), Border::default());
        assert_eq!(replicated_border(&Image::zeros(1, 1)).unwrap(), Border::default());
    }
}
