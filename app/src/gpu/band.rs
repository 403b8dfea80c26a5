//! The band-pass preview as a difference of two Gaussians: the weights with which `shaders/band_pass.wgsl`
//! convolves, and the same filter on the CPU for single pictures.

use vitrine_core::Image;
use vitrine_core::imaging::filters::{band_pass_mirrored, gaussian_response};

/// Largest share of a Gaussian's sum that truncating it may lose: half a step of an f16 near 1.
const TAIL: f64 = 1.0 / 4096.0;
/// The same for a narrow Gaussian that would reach farther than the wide one, which happens when it is about
/// one texel wide. Its weights fall off slowly and with alternating signs. Truncation then changes only the
/// finest structures, by at most this share; slopes and large structures, which may be much stronger, keep
/// their height.
const RIPPLE: f64 = 1.0 / 512.0;

/// Weights of two Gaussians along one axis, from the middle outwards. The narrow one minus the wide one
/// passes the band.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// Weight of the narrow and of the wide Gaussian at each distance in texels.
    pub weights: Vec<[f32; 2]>,
}

impl Kernel {
    /// The kernel that changes nothing.
    pub fn nothing() -> Self {
        Self { weights: vec![[1.0, 0.0]] }
    }

    /// The kernel for patches of `side` texels and periods in texels; `None` unless 0 < shortest < longest.
    ///
    /// The narrow Gaussian has half amplitude at the shortest period, the wide one at √(shortest² +
    /// longest²): then the difference is `narrow · (1 − half amplitude at the longest)`, the filter of
    /// [`band_pass_mirrored`]. A patch mirrored at its edges has the period 2 `side`, so only the
    /// frequencies k / (2 `side`) occur in it, and the weights are a sum over those: exact for a σ far
    /// below a texel, where a Gaussian read off at whole texels has another response, and for one far
    /// beyond the patch, where a cut-off one would keep part of the mean.
    pub fn new(side: usize, shortest: f64, longest: f64) -> Option<Self> {
        let sane = side > 0 && shortest > 0.0 && longest > shortest && longest.is_finite();
        let around = 2 * side;
        let wave: Vec<f64> =
            (0..around).map(|i| (std::f64::consts::PI * i as f64 / side as f64).cos()).collect();
        let along = |period: f64| -> Vec<f64> {
            let mut weights = vec![1.0; side + 1];
            for k in 1..=side {
                let response = gaussian_response(k as f64 / around as f64, period);
                if response < 1e-9 {
                    break;
                }
                // The last frequency is its own mirror image.
                let share = if k == side { response } else { 2.0 * response };
                for (d, weight) in weights.iter_mut().enumerate() {
                    *weight += share * wave[k * d % around];
                }
            }
            // One side away lies the same texel to the left and to the right.
            weights[side] *= 0.5;
            weights
        };
        let (narrow, wide) = sane.then(|| (along(shortest), along(shortest.hypot(longest))))?;
        let wide = cut(wide, TAIL, 1);
        let mut narrow = cut(narrow, TAIL, 1);
        if narrow.len() > wide.len() {
            narrow = cut(narrow, RIPPLE, wide.len());
        }
        let at = |weights: &[f64], d: usize| weights.get(d).copied().unwrap_or(0.0) as f32;
        let count = narrow.len().max(wide.len());
        Some(Self { weights: (0..count).map(|d| [at(&narrow, d), at(&wide, d)]).collect() })
    }

    /// How many texels the GPU reads to filter a patch of `side` texels.
    pub fn work(&self, side: usize) -> u64 {
        (side * side * 2 * (2 * self.weights.len() - 1)) as u64
    }
}

/// Drops the outermost weights as long as together they stay below `share` of the sum and at least `least`
/// weights are left, then scales the rest so that both sides sum to 1.
fn cut(mut weights: Vec<f64>, share: f64, least: usize) -> Vec<f64> {
    let total = |weights: &[f64]| weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    let limit = share * total(&weights);
    let mut dropped = 0.0;
    while weights.len() > least.max(1) {
        dropped += 2.0 * weights.last().map_or(0.0, |last| last.abs());
        if dropped > limit {
            break;
        }
        weights.pop();
    }
    let sum = total(&weights);
    weights.iter().map(|w| w / sum).collect()
}

/// Filters an image on the CPU; `unit` is the length of a px in the unit of the band. An image that holds a
/// value that is not finite cannot be filtered and is returned unchanged.
pub fn band_passed(image: Image, [shortest, longest]: [f32; 2], unit: f32) -> Image {
    let px = |period: f32| f64::from(period) / f64::from(unit.max(1e-6));
    band_pass_mirrored(&image, px(shortest), px(longest)).unwrap_or(image)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What the shader does, in 64 bits.
    fn convolved(values: &[f64], kernel: &Kernel, which: usize) -> Vec<f64> {
        let n = values.len() as i64;
        let mirrored = |at: i64| {
            let up = if at < 0 { -1 - at } else { at };
            values[(if up >= n { 2 * n - 1 - up } else { up }) as usize]
        };
        (0..n)
            .map(|x| {
                (0..).zip(&kernel.weights).fold(0.0, |sum, (d, weights)| {
                    let both = if d == 0 { mirrored(x) } else { mirrored(x - d) + mirrored(x + d) };
                    sum + f64::from(weights[which]) * both
                })
            })
            .collect()
    }

    #[test]
    fn both_gaussians_have_half_amplitude_at_their_period() {
        for (side, short, long) in [(64, 3.0, 40.0), (48, 0.7, 9.0), (33, 6.0, 400.0), (16, 2.5, 1e7)] {
            let kernel = Kernel::new(side, short, long).unwrap();
            assert!(kernel.weights.len() <= side + 1);
            for k in [0, 1, 2, side / 3, side - 1] {
                // The waves that fit a mirrored patch.
                let wave =
                    |x: usize| (std::f64::consts::PI * k as f64 * (x as f64 + 0.5) / side as f64).cos();
                let values: Vec<f64> = (0..side).map(wave).collect();
                for (which, period) in [(0, short), (1, short.hypot(long))] {
                    let share = gaussian_response(k as f64 / (2 * side) as f64, period);
                    for (x, value) in convolved(&values, &kernel, which).into_iter().enumerate() {
                        let wanted = share * wave(x);
                        // Only the finest waves feel that a very narrow Gaussian is cut off.
                        let most = if which == 0 && k > side / 2 { 2.5e-3 } else { 6e-4 };
                        assert!((value - wanted).abs() < most, "{side} {short} {long} {k}: {value} {wanted}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_band_has_no_kernel() {
        for (side, short, long) in
            [(0, 2.0, 3.0), (8, 3.0, 3.0), (8, -1.0, 2.0), (8, f64::NAN, 2.0), (8, 1.0, f64::INFINITY)]
        {
            assert_eq!(Kernel::new(side, short, long), None, "{side} {short} {long}");
        }
        assert_eq!(Kernel::nothing().work(10), 200);
        // Gaussians reach some σ, not across the patch, also one of half a texel.
        assert!(Kernel::new(512, 10.0, 40.0).unwrap().weights.len() < 40);
        assert!(Kernel::new(512, 2.5, 20.0).unwrap().weights.len() < 80);
    }

    #[test]
    fn a_picture_that_holds_no_number_stays_as_it_is() {
        let mut image = Image { width: 4, height: 4, data: vec![1.0; 16] };
        assert!(band_passed(image.clone(), [2.0, 8.0], 1.0).data.iter().all(|v| v.abs() < 1e-6));
        image.data[3] = f32::INFINITY;
        assert_eq!(band_passed(image.clone(), [2.0, 8.0], 1.0).data, image.data);
    }
}
