//! How much the pixels of a place spread, beside what is usual on its micrograph. A normaliser that brings each patch to
//! one standard deviation takes this away: empty ice then looks as rough as a particle.

use super::Border;
use crate::image::Image;

/// Side of the inner part of a patch that is measured, as a share of the patch's: about that of a particle, since a box is
/// 1.3 to 2.4 times as wide as one.
const INNER: f64 = 0.625;
/// Distance of the places at which a picture is measured, as a share of the patch's side.
const STEP: f64 = 0.25;

/// ln of the standard deviation of the `side` × `side` pixels from a column and a row on, in rows of `width`; `None` where
/// all are the same.
fn log_deviation(pixels: &[f32], width: usize, (left, top): (usize, usize), side: usize) -> Option<f64> {
    let row = |y: usize| &pixels[y * width + left..][..side];
    // Less a value of the place itself, so that the squares of large values do not swallow small differences.
    let about = row(top)[0];
    let (mut sum, mut squares) = (0.0, 0.0);
    for y in top..top + side {
        // Within a row in lanes of 32 bits, which is several times as fast; rows are short.
        let (mut row_sums, mut row_squares) = ([0.0_f32; 8], [0.0_f32; 8]);
        let (lanes, rest) = row(y).as_chunks::<8>();
        for values in lanes {
            for lane in 0..8 {
                let value = values[lane] - about;
                row_sums[lane] += value;
                row_squares[lane] += value * value;
            }
        }
        for value in rest {
            row_sums[0] += value - about;
            row_squares[0] += (value - about) * (value - about);
        }
        sum += row_sums.iter().map(|&v| f64::from(v)).sum::<f64>();
        squares += row_squares.iter().map(|&v| f64::from(v)).sum::<f64>();
    }
    let n = (side * side) as f64;
    let variance = squares / n - (sum / n).powi(2);
    (variance > 0.0).then(|| 0.5 * variance.ln()).filter(|spread| spread.is_finite())
}

/// Side and offset of the inner part of a patch, px.
fn inner(size: usize) -> (usize, usize) {
    let side = ((size as f64 * INNER).round() as usize).clamp(1, size);
    (side, (size - side) / 2)
}

/// ln of the standard deviation of the inner part of a patch (S×S), as it was cut; `None` where it is constant or empty.
pub fn log_spread(patch: &[f32], size: usize) -> Option<f64> {
    if size == 0 || patch.len() < size * size {
        return None;
    }
    let (side, offset) = inner(size);
    log_deviation(patch, size, (offset, offset), side)
}

/// [`log_spread`] at places all over a micrograph, `binned` by averaging `bin` × `bin` px as its patches of `size` px are.
/// `border`, in px of the unbinned micrograph, is left out.
pub fn log_spreads(binned: &Image, border: &Border, bin: usize, size: usize) -> Vec<f64> {
    let (side, _) = inner(size.max(1));
    let in_px = |length: usize| length.div_ceil(bin.max(1));
    let step = ((size as f64 * STEP).round() as usize).max(1);
    let along = |before: usize, length: usize, after: usize| {
        (in_px(before)..(length + 1).saturating_sub(in_px(after) + side)).step_by(step)
    };
    along(border.top, binned.height, border.bottom)
        .flat_map(|top| along(border.left, binned.width, border.right).map(move |left| (left, top)))
        .filter_map(|at| log_deviation(&binned.data, binned.width, at, side))
        .collect()
}

/// What is usual among spreads: the median; `None` of nothing.
pub fn usual_spread(mut spreads: Vec<f64>) -> Option<f64> {
    let middle = spreads.len() / 2;
    (!spreads.is_empty()).then(|| *spreads.select_nth_unstable_by(middle, f64::total_cmp).1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Rows of 1 and −1 in turn, times a factor.
    fn stripes(side: usize, factor: impl Fn(usize, usize) -> f32) -> Vec<f32> {
        (0..side * side)
            .map(|at| (if at % 2 == 0 { 1.0 } else { -1.0 }) * factor(at % side, at / side))
            .collect()
    }

    #[test]
    fn only_the_inner_part_of_a_patch_counts() {
        // Of 16 px the inner 10, from 3 on.
        let inside = |x: usize, y: usize| (3..13).contains(&x) && (3..13).contains(&y);
        let patch = stripes(16, |x, y| if inside(x, y) { 2.0 } else { 50.0 });
        assert!((log_spread(&patch, 16).unwrap() - 2.0f64.ln()).abs() < 1e-9);
        assert_eq!(log_spread(&[3.0; 64], 8), None, "a constant patch has no spread");
        assert_eq!(log_spread(&[], 0), None);
    }

    #[test]
    fn the_usual_spread_is_that_of_most_places_inside_the_border() {
        // A strong square in a corner, and a wide border of zeros at the left.
        let strong = |x: usize, y: usize| x > 70 && y > 70;
        let data = stripes(96, |x, y| match (x < 24, strong(x, y)) {
            (true, _) => 0.0,
            (_, true) => 9.0,
            _ => 3.0,
        });
        let picture = Image { width: 96, height: 96, data };
        let border = Border { left: 24, ..Border::default() };
        let usual = |border: &Border, bin| usual_spread(log_spreads(&picture, border, bin, 16));
        let found = usual(&border, 1).unwrap();
        assert!((found - 3.0f64.ln()).abs() < 1e-9, "{found}");
        // A border in px of the unbinned micrograph.
        assert_eq!(usual(&Border { left: 47, ..border }, 2), Some(found));
        assert_eq!(usual(&Border { left: 90, ..border }, 1), None);
    }
}
