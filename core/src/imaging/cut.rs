//! Cuts square patches around centres out of a micrograph and bins them by averaging.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::check;
use crate::error::{Error, Result};
use crate::image::Image;

/// How patches are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutSettings {
    /// Side of the box on the micrograph, px of the unbinned micrograph.
    pub box_size: usize,
    /// Whole number of px averaged to one in each direction; 1 leaves the pixels as they are.
    pub bin: usize,
    /// Outer px of the micrograph a box may not touch.
    #[serde(default)]
    pub margin: usize,
}

impl CutSettings {
    /// Side of the box that is really cut: `box_size`, rounded up to a multiple of `bin`.
    ///
    /// # Errors
    /// When box size or bin factor is 0, the bin factor larger than the box, or the box beyond
    /// 16384 px.
    pub fn effective_box(&self) -> Result<usize> {
        if self.box_size == 0 || self.bin == 0 || self.bin > self.box_size || self.box_size > Self::LARGEST {
            return Err(Error::request(
                format!("a box of {} px cannot be cut and binned by {}", self.box_size, self.bin),
                format!(
                    "choose a box size from 1 to {} px and a bin factor from 1 to the box size",
                    Self::LARGEST
                ),
            ));
        }
        Ok(self.box_size.div_ceil(self.bin) * self.bin)
    }

    /// Side of a patch, px: the box divided by the bin factor.
    ///
    /// # Errors
    /// As [`effective_box`](Self::effective_box).
    pub fn patch_size(&self) -> Result<usize> {
        Ok(self.effective_box()? / self.bin)
    }

    /// A sentence saying that the box was rounded; `None` where it was not.
    pub fn statement(&self) -> Option<String> {
        let effective = self.effective_box().ok()?;
        (effective != self.box_size).then(|| {
            format!(
                "box size {} px is no multiple of bin {}: boxes of {effective} px are cut",
                self.box_size, self.bin
            )
        })
    }

    /// The largest box size accepted, px.
    pub const LARGEST: usize = 16_384;
}

/// Which centres can be cut from an image of a given size; the three lists hold indices of the centres
/// asked for and together hold each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutPlan {
    /// Side of a patch, px after binning.
    pub size: usize,
    /// Side of the box on the micrograph, px.
    pub box_size: usize,
    /// Centres whose box lies inside the image and its margin.
    pub kept: Vec<usize>,
    /// Centres inside the image whose box would leave it or touch its margin.
    pub at_edge: Vec<usize>,
    /// Centres that lie outside the image: no box size would do.
    pub outside: Vec<usize>,
}

impl CutPlan {
    /// Sorts centres into those that can be cut and those too near an edge, without touching
    /// pixels.
    ///
    /// # Errors
    /// When the settings do not fit, or a centre is no finite number.
    pub fn new(width: usize, height: usize, centres: &[(f64, f64)], settings: &CutSettings) -> Result<Self> {
        let box_size = settings.effective_box()?;
        let mut plan = Self {
            size: box_size / settings.bin,
            box_size,
            kept: Vec::new(),
            at_edge: Vec::new(),
            outside: Vec::new(),
        };
        for (index, &centre) in centres.iter().enumerate() {
            if !centre.0.is_finite() || !centre.1.is_finite() {
                return Err(Error::request(
                    format!("pick {} lies at ({}, {}), which is no position", index + 1, centre.0, centre.1),
                    "correct or remove it",
                ));
            }
            match origin(width, height, centre, box_size, settings.margin) {
                Some(_) => plan.kept.push(index),
                None if inside(width, height, centre) => plan.at_edge.push(index),
                None => plan.outside.push(index),
            }
        }
        Ok(plan)
    }
}

/// Whether a centre lies on a pixel of the image; pixel *i* goes from *i* − ½ to *i* + ½.
fn inside(width: usize, height: usize, centre: (f64, f64)) -> bool {
    let along = |position: f64, length: usize| (-0.5..=length as f64 - 0.5).contains(&position);
    along(centre.0, width) && along(centre.1, height)
}

/// Upper left pixel of the box around `centre`, whose fraction of a px is cut off: the centre is pixel
/// `box/2` of the box. RELION cuts there too (`(long int)xcoor` and `FIRST_XMIPP_INDEX` in its
/// `preprocessing.cpp`), so that the patch a person labels is the one RELION extracts. `None` when the
/// box leaves the image less its margin.
pub(crate) fn origin(
    width: usize,
    height: usize,
    centre: (f64, f64),
    box_size: usize,
    margin: usize,
) -> Option<(usize, usize)> {
    let along = |position: f64, length: usize| {
        let first = position.trunc() - (box_size / 2) as f64;
        let last = first + box_size as f64;
        (first >= margin as f64 && last <= length as f64 - margin as f64).then_some(first as usize)
    };
    Some((along(centre.0, width)?, along(centre.1, height)?))
}

/// Patches of one micrograph.
#[derive(Debug, Clone, PartialEq)]
pub struct CutResult {
    /// Side of a patch, px.
    pub size: usize,
    /// `kept.len() × size × size` values, patch by patch, row by row.
    pub pixels: Vec<f32>,
    /// Index of the centre of each patch.
    pub kept: Vec<usize>,
    /// Indices of the centres inside the image whose box would leave it; nothing was cut for them.
    pub at_edge: Vec<usize>,
    /// Indices of the centres outside the image; nothing was cut for them.
    pub outside: Vec<usize>,
    /// A sentence to show, where the box size had to be rounded.
    pub statement: Option<String>,
}

/// Cuts and bins the box around every centre (px of the unbinned micrograph, without their fraction;
/// the centre falls on pixel `box/2` of the box). Centres whose box would leave the
/// image or touch its margin are returned in `at_edge`, those outside the image in `outside`.
///
/// # Errors
/// When the settings do not fit, a centre or a pixel inside a box is no finite number, or the
/// patches do not fit into memory.
pub fn cut(image: &Image, centres: &[(f64, f64)], settings: &CutSettings) -> Result<CutResult> {
    check(image)?;
    let plan = CutPlan::new(image.width, image.height, centres, settings)?;
    let area = plan.size * plan.size;
    let total = plan.kept.len().checked_mul(area);
    let mut pixels = Vec::new();
    if total.is_none_or(|n| pixels.try_reserve_exact(n).is_err()) {
        return Err(Error::request(
            format!("{} patches of {} px do not fit into memory", plan.kept.len(), plan.size),
            "choose a larger bin factor, or fewer picks at a time",
        ));
    }
    pixels.resize(plan.kept.len() * area, 0.0_f32);
    pixels
        .par_chunks_mut(area)
        .zip(plan.kept.par_iter())
        .try_for_each(|(patch, &index)| cut_patch(image, centres[index], settings, patch).map(|_| ()))?;
    Ok(CutResult {
        size: plan.size,
        pixels,
        kept: plan.kept,
        at_edge: plan.at_edge,
        outside: plan.outside,
        statement: settings.statement(),
    })
}

/// Adds the sum of each `BIN` values of a row. The same for every bin factor; known when compiled it is faster.
fn add_blocks<const BIN: usize>(row: &[f32], sums: &mut [f64]) {
    for (sum, block) in sums.iter_mut().zip(row.as_chunks::<BIN>().0) {
        *sum += block.iter().map(|&v| f64::from(v)).sum::<f64>();
    }
}

/// Cuts one patch into `out` (`size × size` values), for callers that stream many. Returns whether
/// it was cut: `false` when the box would leave the image, and then `out` is untouched.
///
/// # Errors
/// When the settings do not fit, `out` has another length, or a pixel inside the box is no finite
/// number.
pub fn cut_patch(image: &Image, centre: (f64, f64), settings: &CutSettings, out: &mut [f32]) -> Result<bool> {
    check(image)?;
    let box_size = settings.effective_box()?;
    let bin = settings.bin;
    let size = box_size / bin;
    if out.len() != size * size {
        return Err(Error::request(
            format!("a patch of {size} × {size} px does not fit into {} values", out.len()),
            "give room for exactly one patch",
        ));
    }
    let Some((left, top)) = origin(image.width, image.height, centre, box_size, settings.margin) else {
        return Ok(false);
    };
    let share = 1.0 / (bin as f64 * bin as f64);
    let mut sums = vec![0.0_f64; size];
    for (y, target) in out.chunks_exact_mut(size).enumerate() {
        sums.fill(0.0);
        for dy in 0..bin {
            let row = &image.row(top + y * bin + dy)[left..left + box_size];
            match bin {
                2 => add_blocks::<2>(row, &mut sums),
                3 => add_blocks::<3>(row, &mut sums),
                4 => add_blocks::<4>(row, &mut sums),
                _ => {
                    for (sum, block) in sums.iter_mut().zip(row.chunks_exact(bin)) {
                        *sum += block.iter().map(|&v| f64::from(v)).sum::<f64>();
                    }
                }
            }
        }
        for (x, (value, sum)) in target.iter_mut().zip(&sums).enumerate() {
            *value = (sum * share) as f32;
            if !value.is_finite() {
                return Err(Error::request(
                    format!(
                        "the box around pick ({}, {}) holds a value that is no finite number near column {}, row {}",
                        centre.0,
                        centre.1,
                        left + x * bin,
                        top + y * bin
                    ),
                    "replace values that are not finite numbers, or leave the micrograph out",
                ));
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ramp(width: usize, height: usize) -> Image {
        Image { width, height, data: (0..width * height).map(|v| v as f32).collect() }
    }

    #[test]
    fn averages_the_right_pixels() {
        // 10 columns; box 4 around (5, 4): columns 3..7, rows 2..6; first square 23 24 33 34.
        let settings = CutSettings { box_size: 4, bin: 2, margin: 0 };
        let out = cut(&ramp(10, 10), &[(5.4, 4.9)], &settings).unwrap();
        assert_eq!(out.size, 2);
        assert_eq!(out.pixels, vec![28.5, 30.5, 48.5, 50.5]);
        assert_eq!((out.kept, out.at_edge, out.statement), (vec![0], vec![], None));
    }

    #[test]
    fn counts_what_is_at_the_edge() {
        let settings = CutSettings { box_size: 4, bin: 1, margin: 0 };
        // Box of 4 around c covers c−2..c+2: 2 and 8 just fit into 0..10.
        let centres = [(2.9, 2.0), (1.9, 5.0), (8.9, 8.0), (9.4, 5.0), (-3e300, 5.0), (5.0, 1e18)];
        let out = cut(&ramp(10, 10), &centres, &settings).unwrap();
        assert_eq!(out.kept, vec![0, 2]);
        assert_eq!((out.at_edge, out.outside), (vec![1, 3], vec![4, 5]));
        let inner = CutSettings { margin: 1, ..settings };
        assert_eq!(cut(&ramp(10, 10), &centres, &inner).unwrap().kept, Vec::<usize>::new());
        let wide = CutSettings { margin: usize::MAX, ..settings };
        assert_eq!(cut(&ramp(10, 10), &[(5.0, 5.0)], &wide).unwrap().at_edge, vec![0]);
    }

    #[test]
    fn rounds_the_box_and_says_so() {
        let settings = CutSettings { box_size: 7, bin: 3, margin: 0 };
        let out = cut(&ramp(20, 20), &[(10.0, 10.0)], &settings).unwrap();
        assert_eq!((out.size, out.pixels.len()), (3, 9));
        assert!(out.statement.unwrap().contains("9 px"));
    }

    #[test]
    fn refuses_what_cannot_be_cut() {
        let settings = CutSettings { box_size: 4, bin: 2, margin: 0 };
        assert!(cut(&ramp(10, 10), &[(f64::NAN, 3.0)], &settings).is_err());
        let mut bad = ramp(10, 10);
        bad.data[34] = f32::INFINITY;
        let error = cut(&bad, &[(5.0, 4.0)], &settings).unwrap_err().to_string();
        assert!(error.contains("column 3, row 2"), "{error}");
        // The bad pixel lies outside this box.
        assert!(cut(&bad, &[(8.0, 8.0)], &settings).is_ok());
        for (box_size, bin) in [(0, 1), (4, 0), (4, 5), (usize::MAX, 2)] {
            assert!(cut(&ramp(10, 10), &[], &CutSettings { box_size, bin, margin: 0 }).is_err());
        }
        let short = Image { width: 10, height: 10, data: vec![0.0; 99] };
        assert!(cut(&short, &[(5.0, 5.0)], &settings).is_err());
        assert!(cut_patch(&ramp(10, 10), (5.0, 5.0), &settings, &mut [0.0; 5]).is_err());
    }
}
