//! A micrograph for the screen at several resolutions: each level has half the rows and columns of the one before.
//!
//! Values are kept in 16 bits on a scale of the picture's own, two bytes a px instead of four. They are for looking
//! at only: patches are cut from the file.

use rayon::prelude::*;

use super::check;
use crate::error::Result;
use crate::grayscale::{percentiles, rank};
use crate::image::Image;

/// Maximum side of the last level, px.
const SMALLEST: usize = 256;
/// Values of which percentiles are taken.
const SAMPLE: usize = 1 << 14;
/// Percent of the values that may lie beyond the range that is told apart; twice its width is kept on each side.
const OUTLIERS: f32 = 0.05;
const TOP: f32 = 65_535.0;

/// One resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width × height` values on the scale of [`Pyramid::value`], row by row.
    pub values: Vec<u16>,
}

impl Level {
    /// Row `y`.
    pub fn row(&self, y: usize) -> &[u16] {
        self.values.get(y * self.width..(y + 1) * self.width).unwrap_or_default()
    }
}

/// A picture at several resolutions.
#[derive(Debug, Clone)]
pub struct Pyramid {
    /// The resolutions, the finest first; a level has half the sides of the one before, rounded up.
    pub levels: Vec<Level>,
    /// Value of level 0.
    low: f32,
    /// Value of level 65535.
    high: f32,
    /// Some values of the picture, ascending.
    sample: Vec<f32>,
}

impl Pyramid {
    /// Halves a picture until it has at most 256 px a side.
    ///
    /// # Errors
    /// When the picture is empty.
    pub fn new(image: &Image) -> Result<Self> {
        Self::of_rows(image, 1)
    }

    /// The pyramid of a picture of which only one row in `step` was read: the finest level holds means of `step` px of a row.
    /// Its [`Self::range`] is that of single px, so it looks like the whole picture.
    ///
    /// # Errors
    /// When there are no rows.
    pub fn of_rows(rows: &Image, step: usize) -> Result<Self> {
        check(rows)?;
        let stride = rows.data.len().div_ceil(SAMPLE).max(1) | 1;
        let mut sample: Vec<f32> =
            rows.data.iter().copied().step_by(stride).filter(|v| v.is_finite()).collect();
        sample.sort_unstable_by(f32::total_cmp);
        let (first, last) = percentiles(&rows.data, OUTLIERS);
        let span = (last - first).max(f32::MIN_POSITIVE);
        // A hot px does not take the grey levels of all others.
        let (low, high) = (first - 2.0 * span, last + 2.0 * span);
        let factor = TOP / (high - low);
        let scaled = |value: f32| ((value - low) * factor).clamp(0.0, TOP);
        let width = rows.width.div_ceil(step.max(1));
        let mut values = vec![0_u16; width * rows.height];
        values.par_chunks_mut(width).zip(rows.data.par_chunks(rows.width)).for_each(|(to, from)| {
            if step <= 1 {
                for (to, from) in to.iter_mut().zip(from) {
                    *to = scaled(*from) as u16;
                }
                return;
            }
            for (to, from) in to.iter_mut().zip(from.chunks(step)) {
                *to = (from.iter().map(|v| scaled(*v)).sum::<f32>() / from.len() as f32) as u16;
            }
        });
        let mut levels = vec![Level { width, height: rows.height, values }];
        while let Some(level) = levels.last().filter(|level| level.width.max(level.height) > SMALLEST) {
            levels.push(halved(level));
        }
        Ok(Self { levels, low, high, sample })
    }

    /// Columns and rows of the finest level.
    pub fn size(&self) -> (usize, usize) {
        self.levels.first().map_or((0, 0), |level| (level.width, level.height))
    }

    /// The value of the picture that a value of a level stands for.
    pub fn value(&self, level: u16) -> f32 {
        self.low + f32::from(level) / TOP * (self.high - self.low)
    }

    /// The values below and above which `clip` percent of the picture lie; those of
    /// [`crate::grayscale::clipped_range`] for another picture of the same values.
    pub fn range(&self, clip: f32) -> (f32, f32) {
        let at = rank(self.sample.len(), clip);
        let low = self.sample.get(at).copied().unwrap_or(0.0);
        let high = self.sample.len().checked_sub(1 + at).and_then(|at| self.sample.get(at));
        (low, high.copied().unwrap_or(1.0))
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.levels.iter().map(|level| level.values.len() * 2).sum()
    }

    /// The finest level whose sides are at most `side`, else the last.
    pub fn within(&self, side: usize) -> Option<&Level> {
        self.levels.iter().find(|level| level.width.max(level.height) <= side).or(self.levels.last())
    }
}

/// Half the sides, each value the mean of two by two; at an odd edge of those there are.
fn halved(level: &Level) -> Level {
    let (width, height) = (level.width.div_ceil(2), level.height.div_ceil(2));
    let mut values = vec![0_u16; width * height];
    values.par_chunks_mut(width).enumerate().for_each(|(y, out)| {
        let first = level.row(2 * y);
        let second = if 2 * y + 1 < level.height { level.row(2 * y + 1) } else { first };
        let (pairs, odd) = first.as_chunks::<2>();
        let (pairs_below, odd_below) = second.as_chunks::<2>();
        for ((out, a), b) in out.iter_mut().zip(pairs).zip(pairs_below) {
            let sum: u32 = a.iter().chain(b).map(|&v| u32::from(v)).sum();
            *out = ((sum + 2) / 4) as u16;
        }
        if let (Some(out), [a], [b]) = (out.last_mut(), odd, odd_below) {
            *out = (u32::from(*a) + u32::from(*b)).div_ceil(2) as u16;
        }
    });
    Level { width, height, values }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_halved_by_averaging_also_at_odd_edges() {
        // Values 0, 100, 200 … 1400 in five columns and three rows.
        let level = Level { width: 5, height: 3, values: (0..15).map(|v| v * 100).collect() };
        let half = halved(&level);
        assert_eq!((half.width, half.height), (3, 2));
        // (0+1+5+6)/4 = 3, (2+3+7+8)/4 = 5, (4+9)/2 = 6.5; the last row is counted twice.
        assert_eq!(half.values, [300, 500, 650, 1050, 1250, 1400]);
    }

    #[test]
    fn values_come_back_and_a_hot_pixel_takes_no_grey_levels() {
        let mut data: Vec<f32> = (0..600 * 500).map(|v| (v % 1000) as f32 / 10.0).collect();
        data[77_777] = 1e9;
        let image = Image { width: 600, height: 500, data };
        let pyramid = Pyramid::new(&image).unwrap();
        let sides: Vec<_> = pyramid.levels.iter().map(|l| (l.width, l.height)).collect();
        assert_eq!(sides, [(600, 500), (300, 250), (150, 125)]);
        let first = &pyramid.levels[0];
        for at in [0, 5, 999, 123_456] {
            let (value, was) = (pyramid.value(first.values[at]), image.data[at]);
            assert!((value - was).abs() < 0.02, "{value} {was}");
        }
        assert_eq!(first.values[77_777], u16::MAX);
        let (low, high) = pyramid.range(1.0);
        assert!((low - 1.0).abs() < 0.5 && (high - 99.0).abs() < 0.5, "{low} {high}");
        assert_eq!(pyramid.within(300).unwrap().width, 300);
        assert_eq!(pyramid.within(10).unwrap().width, 150);
        assert_eq!(pyramid.bytes(), (600 * 500 + 300 * 250 + 150 * 125) * 2);
    }

    #[test]
    fn a_pyramid_of_some_rows_looks_like_that_of_all() {
        // Noise about a slope from left to right.
        let value = |at: usize| (at * at % 10_007) as f32 / 100.0 + (at % 1000) as f32 / 10.0;
        let image = Image { width: 1000, height: 800, data: (0..800_000).map(value).collect() };
        let rows = image.data.chunks(1000).skip(2).step_by(4).flatten().copied().collect();
        let rough = Pyramid::of_rows(&Image { width: 1000, height: 200, data: rows }, 4).unwrap();
        let whole = Pyramid::new(&image).unwrap();
        assert_eq!(rough.size(), (250, 200));
        let level = whole.levels.iter().find(|level| level.width == 250).unwrap();
        assert_eq!(level.height, 200);
        let (first, last) = (whole.range(1.0), rough.range(1.0));
        assert!((first.0 - last.0).abs() < 3.0 && (first.1 - last.1).abs() < 3.0, "{first:?} {last:?}");
        // Means of four px in a row instead of sixteen in a square: the slope is there.
        let mean = |pyramid: &Pyramid, level: &Level, column: usize| {
            let sum: f32 = (0..level.height).map(|y| pyramid.value(level.row(y)[column])).sum();
            sum / level.height as f32
        };
        for column in [0, 100, 249] {
            let (rough, whole) = (mean(&rough, &rough.levels[0], column), mean(&whole, level, column));
            assert!((rough - whole).abs() < 6.0, "{rough} {whole}");
        }
    }

    #[test]
    fn a_flat_picture_has_a_pyramid_too() {
        let image = Image { width: 3, height: 2, data: vec![7.0; 6] };
        let pyramid = Pyramid::new(&image).unwrap();
        assert_eq!((pyramid.levels.len(), pyramid.size(), pyramid.range(0.5)), (1, (3, 2), (7.0, 7.0)));
        assert!(Pyramid::new(&Image::zeros(0, 0)).is_err());
    }
}
