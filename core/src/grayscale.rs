//! Grey values for the screen, the report and exported pictures.
//!
//! A picture clips the darkest and the brightest [`CLIP_PERCENT`] of its values and maps the rest linearly
//! from black to white. Gallery, side panel, thumbnails, import preview, report and exported pictures all
//! take the range from [`clipped_range`], so a patch looks the same on every page.

/// Share of the values clipped at each end, percent. The gallery begins with it and can change it.
pub const CLIP_PERCENT: f32 = 0.5;

/// Maximum number of values that percentiles are taken from; more values move them by less than one grey level.
const MAX_SAMPLED: usize = 1 << 14;

/// Rank (0 for the smallest) of the lower percentile: `clip` percent of `count` values lie below it.
/// The upper percentile has the same rank counted from the largest value.
pub fn rank(count: usize, clip: f32) -> usize {
    let last = count.saturating_sub(1);
    let at = ((f64::from(clip) / 100.0) * last as f64).round() as usize;
    at.min(last / 2)
}

/// The values below and above which `clip` percent of the finite values lie (nearest rank); (0, 1) where
/// no value is finite. Large pictures are sampled at a fixed stride, so the answer is repeatable.
pub fn percentiles(values: &[f32], clip: f32) -> (f32, f32) {
    // An odd stride does not run along the columns of a picture of even width.
    let stride = values.len().div_ceil(MAX_SAMPLED).max(1) | 1;
    let mut sample: Vec<f32> = values.iter().copied().step_by(stride).filter(|v| v.is_finite()).collect();
    if sample.is_empty() {
        return (0.0, 1.0);
    }
    let last = sample.len() - 1;
    let at = rank(sample.len(), clip);
    let (_, low, _) = sample.select_nth_unstable_by(at, f32::total_cmp);
    let low = *low;
    let (_, high, _) = sample.select_nth_unstable_by(last - at, f32::total_cmp);
    (low, *high)
}

/// The values drawn black and white: [`percentiles`], or the extremes where the percentiles coincide.
pub fn clipped_range(values: &[f32], clip: f32) -> (f32, f32) {
    let (low, high) = percentiles(values, clip);
    if low < high {
        return (low, high);
    }
    let finite = values.iter().copied().filter(|v| v.is_finite());
    finite.fold((low, high), |(low, high), value| (low.min(value), high.max(value)))
}

/// A picture in 8-bit grey. Values outside the range of [`clipped_range`] become black or white, NaN becomes
/// black, and a picture of one value becomes mid-grey.
pub fn to_grayscale(values: &[f32]) -> Vec<u8> {
    levels(values, f64::from(u8::MAX)).map(|level| level as u8).collect()
}

/// A picture in 16-bit grey; otherwise as [`to_grayscale`].
pub fn to_grayscale_16(values: &[f32]) -> Vec<u16> {
    levels(values, f64::from(u16::MAX)).map(|level| level as u16).collect()
}

fn levels(values: &[f32], white: f64) -> impl Iterator<Item = f64> {
    let (low, high) = clipped_range(values, CLIP_PERCENT);
    values.iter().map(move |&value| (share(value, low, high) * white).round())
}

/// Where a value lies between black (`low`, 0) and white (`high`, 1), clipped to that; 0.5 where the range is
/// empty, NaN for NaN. `shaders/patch_grid.wgsl` does the same on the GPU.
pub fn share(value: f32, low: f32, high: f32) -> f64 {
    // In double precision, so that the widest ranges do not overflow.
    let span = f64::from(high) - f64::from(low);
    if span > 0.0 { ((f64::from(value) - f64::from(low)) / span).clamp(0.0, 1.0) } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_clip_both_ends() {
        let values: Vec<f32> = (0..=1000).map(|v| v as f32).collect();
        assert_eq!(percentiles(&values, 1.0), (10.0, 990.0));
        assert_eq!(percentiles(&values, 0.0), (0.0, 1000.0));
        assert_eq!(percentiles(&[], 1.0), (0.0, 1.0));
        assert_eq!(percentiles(&[f32::NAN, f32::INFINITY], 1.0), (0.0, 1.0));
        // Ranks never cross, however much is clipped.
        assert_eq!(percentiles(&[1.0, 2.0, 3.0], 90.0), (2.0, 2.0));
        // Values that are no finite number count for nothing.
        assert_eq!(percentiles(&[f32::NAN, 1.0, 2.0, f32::NEG_INFINITY], 0.0), (1.0, 2.0));
    }

    #[test]
    fn a_large_picture_is_sampled_without_running_along_its_columns() {
        // A bright column at every 64th pixel: an even stride would see only those columns or none.
        let side = 1024;
        let values: Vec<f32> =
            (0..side * side).map(|at| if at % 64 == 0 { 5.0 } else { (at % 97) as f32 / 97.0 }).collect();
        let (low, high) = percentiles(&values, 0.5);
        assert!(low < 0.02 && (high - 5.0).abs() < 1e-6, "{low} {high}");
    }

    #[test]
    fn grey_levels_by_hand() {
        // 201 values: rank round(0.005 · 200) = 1, so 1 becomes black and 199 white.
        let values: Vec<f32> = (0..=200).map(|v| v as f32).collect();
        let grey = to_grayscale(&values);
        assert_eq!((grey[0], grey[1], grey[100], grey[199], grey[200]), (0, 0, 128, 255, 255));
        assert_eq!(grey[50], (49.0_f64 / 198.0 * 255.0).round() as u8);
        let fine = to_grayscale_16(&values);
        assert_eq!((fine[1], fine[50], fine[199]), (0, (49.0_f64 / 198.0 * 65535.0).round() as u16, 65535));
    }

    #[test]
    fn flat_sparse_and_broken_pictures_have_a_grey_too() {
        assert_eq!(to_grayscale(&[7.0; 9]), [128; 9]);
        // One bright pixel among a thousand equal ones: both percentiles are 0, the extremes are not.
        let mut sparse = vec![0.0; 1000];
        sparse[500] = 4.0;
        let grey = to_grayscale(&sparse);
        assert_eq!((grey[0], grey[500]), (0, 255));
        assert_eq!(to_grayscale(&[f32::NAN, 0.0, 1.0, f32::INFINITY]), [0, 0, 255, 255]);
        assert_eq!(to_grayscale(&[f32::MIN, 0.0, f32::MAX]), [0, 128, 255]);
        assert!(to_grayscale(&[]).is_empty());
    }
}
