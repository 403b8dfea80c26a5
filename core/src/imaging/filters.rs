//! Filters and radial statistics of one image.

use rayon::prelude::*;

use super::check;
use super::fourier::Spectrum;
use crate::error::{Error, Result};
use crate::image::Image;

/// Gaussian blur with standard deviation `sigma` px: separable, cut off at 4 σ, the image
/// mirrored at its edges. A `sigma` of 0 gives the image itself.
///
/// # Errors
/// When `sigma` is negative, no finite number or larger than the longer side.
pub fn gaussian_blur(image: &Image, sigma: f64) -> Result<Image> {
    check(image)?;
    if !sigma.is_finite() || sigma < 0.0 || sigma > image.width.max(image.height) as f64 {
        return Err(Error::request(
            format!(
                "a blur of σ = {sigma} px does not fit an image of {} × {} px",
                image.width, image.height
            ),
            "choose a σ from 0 to the longer side",
        ));
    }
    if sigma < 1e-6 {
        return Ok(image.clone());
    }
    let kernel = gaussian_kernel(sigma);
    let reach = kernel.len() / 2;
    let (width, height) = (image.width, image.height);

    let mut across = Image::zeros(width, height);
    across.data.par_chunks_mut(width).enumerate().for_each_init(
        || vec![0.0_f32; width + 2 * reach],
        |padded, (y, out)| {
            let row = image.row(y);
            for (k, value) in padded.iter_mut().enumerate() {
                *value = row[mirrored_index(k as i64 - reach as i64, width)];
            }
            add_shifted(out, &kernel, |k| &padded[k..k + width]);
        },
    );
    let mut out = Image::zeros(width, height);
    out.data.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        add_shifted(row, &kernel, |k| across.row(mirrored_index((y + k) as i64 - reach as i64, height)));
    });
    Ok(out)
}

/// `out += Σ kernel[k] · line(k)`.
fn add_shifted<'a>(out: &mut [f32], kernel: &[f32], line: impl Fn(usize) -> &'a [f32]) {
    for (k, &weight) in kernel.iter().enumerate() {
        for (value, &source) in out.iter_mut().zip(line(k)) {
            *value += weight * source;
        }
    }
}

/// Weights of a Gaussian at whole px, sum 1.
fn gaussian_kernel(sigma: f64) -> Vec<f32> {
    let reach = (4.0 * sigma).ceil().max(1.0) as i64;
    let weights: Vec<f64> = (-reach..=reach).map(|k| (-0.5 * (k as f64 / sigma).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| (w / sum) as f32).collect()
}

/// Index mirrored at the edges, the edge pixel repeated: −1 → 0, n → n−1.
fn mirrored_index(index: i64, n: usize) -> usize {
    let n = n as i64;
    let folded = index.rem_euclid(2 * n);
    (if folded < n { folded } else { 2 * n - 1 - folded }) as usize
}

/// Difference of Gaussians `G(inner) − G(outer)`: positive where a light blob of the inner scale
/// stands on a darker surround.
///
/// # Errors
/// As [`gaussian_blur`], and when `inner ≥ outer`.
pub fn difference_of_gaussians(image: &Image, inner: f64, outer: f64) -> Result<Image> {
    if inner.is_nan() || outer.is_nan() || inner >= outer {
        return Err(Error::request(
            format!(
                "a difference of Gaussians needs an inner σ below the outer one, not {inner} and {outer}"
            ),
            "swap the two",
        ));
    }
    let mut narrow = gaussian_blur(image, inner)?;
    let wide = gaussian_blur(image, outer)?;
    for (n, w) in narrow.data.iter_mut().zip(&wide.data) {
        *n -= w;
    }
    Ok(narrow)
}

/// The two σ of a difference of Gaussians that answers most strongly to a disc of `diameter` px:
/// their geometric mean is r/√2, the scale at which the Laplacian of a Gaussian peaks for a disc
/// of radius r (Lindeberg 1998), and their ratio is 1.6, with which the difference approximates
/// that Laplacian (Marr and Hildreth 1980).
pub fn blob_scales(diameter: f64) -> (f64, f64) {
    let sigma = diameter / 2.0 / std::f64::consts::SQRT_2;
    let half_ratio = 1.6_f64.sqrt();
    (sigma / half_ratio, sigma * half_ratio)
}

/// What a Gaussian low-pass with half amplitude at `period` px leaves of the amplitude at `frequency`
/// cycles per px: exp(−ln 2 · (f·p)²), which is 1/2 at f = 1/p. The blur that does this has the standard
/// deviation σ = p·√(ln 2 / 2)/π ≈ 0.187 p, because the Fourier transform of a normalised Gaussian is
/// exp(−2π²σ²f²) (Bracewell, The Fourier Transform and Its Applications, table of pairs).
pub fn gaussian_response(frequency: f64, period: f64) -> f64 {
    (-std::f64::consts::LN_2 * (frequency * period).powi(2)).exp()
}

/// Keeps the structures whose period lies between `shortest` and `longest` px, with soft edges
/// (Gaussian flanks, half height at the two limits; [`gaussian_response`]). A limit of `None` leaves
/// that side open. The mean is kept when `longest` is open.
///
/// # Errors
/// When a period is not positive, when `shortest ≥ longest`, or when the image holds a value that
/// is no finite number.
pub fn band_pass(image: &Image, shortest: Option<f64>, longest: Option<f64>) -> Result<Image> {
    let wrong = |period: Option<f64>| period.is_some_and(|p| !p.is_finite() || p <= 0.0);
    let crossed = matches!((shortest, longest), (Some(s), Some(l)) if s >= l);
    if wrong(shortest) || wrong(longest) || crossed {
        return Err(Error::request(
            format!("a band from {shortest:?} to {longest:?} px is no band"),
            "give positive periods, the shorter one first",
        ));
    }
    let pass = |fx: f64, fy: f64| {
        let f = (fx * fx + fy * fy).sqrt();
        let below = |period: f64| gaussian_response(f, period);
        shortest.map_or(1.0, below) * longest.map_or(1.0, |p| 1.0 - below(p))
    };
    Ok(Spectrum::of(image)?.times(pass).image())
}

/// [`band_pass`] with mirrored instead of periodic boundaries (the edge pixel is repeated), for images whose
/// opposite edges do not match. It is the difference of two Gaussians, G(shortest) − G(√(shortest² + longest²)):
/// the product of two Gaussian responses is the response with the sum of the squared periods.
///
/// # Errors
/// As [`band_pass`].
pub fn band_pass_mirrored(image: &Image, shortest: f64, longest: f64) -> Result<Image> {
    check(image)?;
    let (width, height) = (image.width, image.height);
    // Five σ of the wider Gaussian; half a side on each side is a whole period of the mirrored image.
    let far = (5.0 * 0.19 * shortest.hypot(longest)).clamp(1.0, 1e9).ceil() as usize;
    let (left, top) = (far.min(width.div_ceil(2)), far.min(height.div_ceil(2)));
    let around = |side: usize, before: usize| {
        if 2 * before >= side { 2 * side } else { side + 2 * before }
    };
    let (wide, high) = (around(width, left), around(height, top));
    let mut whole = Image::zeros(wide, high);
    for (y, row) in whole.data.chunks_exact_mut(wide).enumerate() {
        let source = image.row(mirrored_index(y as i64 - top as i64, height));
        for (x, value) in row.iter_mut().enumerate() {
            *value = source[mirrored_index(x as i64 - left as i64, width)];
        }
    }
    let passed = band_pass(&whole, Some(shortest), Some(longest))?;
    let rows = (0..height).flat_map(|y| &passed.row(y + top)[left..left + width]);
    Ok(Image { width, height, data: rows.copied().collect() })
}

/// Mean of |F|²/(pixel count) on rings of frequency; ring `i` of `n = ⌊shorter side / 2⌋ + 1` is
/// the frequency `0.5·i/(n−1)` cycles per px. White noise of variance v gives v on every ring but
/// the first, which holds the mean.
///
/// # Errors
/// When the image is empty or holds a value that is no finite number.
pub fn radial_power(image: &Image) -> Result<Vec<f64>> {
    let spectrum = Spectrum::of(image)?;
    let last = image.width.min(image.height) / 2;
    let mut rings = vec![(0.0, 0_u64); last + 1];
    spectrum.powers(|fx, fy, power| {
        let ring = (fx.hypot(fy) * 2.0 * last as f64).round() as usize;
        if let Some((sum, count)) = rings.get_mut(ring) {
            *sum += power;
            *count += 1;
        }
    });
    let pixels = image.data.len() as f64;
    Ok(rings
        .into_iter()
        .map(|(sum, count)| if count > 0 { sum / count as f64 / pixels } else { 0.0 })
        .collect())
}

/// Mean and standard deviation (population) of the pixels of a square patch of `size` px farther
/// than `radius` px from its centre pixel `(size/2, size/2)`, the origin RELION uses. `None` when
/// fewer than two pixels lie outside, or the patch is not `size × size`.
pub fn background(patch: &[f32], size: usize, radius: f64) -> Option<(f64, f64)> {
    if size == 0 || size.checked_mul(size) != Some(patch.len()) {
        return None;
    }
    let centre = (size / 2) as f64;
    let outside = |x: usize, y: usize| {
        let (dx, dy) = (x as f64 - centre, y as f64 - centre);
        dx * dx + dy * dy > radius * radius
    };
    let mut values = Vec::with_capacity(patch.len());
    for (y, row) in patch.chunks_exact(size).enumerate() {
        values.extend(row.iter().enumerate().filter(|&(x, _)| outside(x, y)).map(|(_, &v)| f64::from(v)));
    }
    (values.len() >= 2).then(|| mean_and_std(&values))
}

/// Mean and population standard deviation in two passes; (0, 0) of nothing.
pub(crate) fn mean_and_std(values: &[f64]) -> (f64, f64) {
    if values.is_empty() {
        return (0.0, 0.0);
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn impulse(size: usize) -> Image {
        let mut image = Image::zeros(size, size);
        image.data[(size / 2) * size + size / 2] = 1.0;
        image
    }

    #[test]
    fn blur_of_an_impulse_is_a_gaussian() {
        let size = 41;
        let out = gaussian_blur(&impulse(size), 2.5).unwrap();
        assert!((out.data.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        let peak = 1.0 / (std::f32::consts::TAU * 6.25);
        assert!((out.at(20, 20) - peak).abs() < 1e-4);
        let beside = peak * (-0.5_f32 * (9.0 + 16.0) / 6.25).exp();
        assert!((out.at(23, 24) - beside).abs() < 1e-5);
    }

    #[test]
    fn blur_keeps_a_constant_and_refuses_nonsense() {
        let flat = Image { width: 7, height: 3, data: vec![4.0; 21] };
        for value in gaussian_blur(&flat, 3.0).unwrap().data {
            assert!((value - 4.0).abs() < 1e-5);
        }
        assert!(gaussian_blur(&flat, f64::NAN).is_err());
        assert!(gaussian_blur(&flat, -1.0).is_err());
        assert!(gaussian_blur(&flat, 1e9).is_err());
        assert!(difference_of_gaussians(&flat, 2.0, 1.0).is_err());
    }

    #[test]
    fn mirrored_index_folds() {
        let got: Vec<_> = (-4..8).map(|i| mirrored_index(i, 3)).collect();
        assert_eq!(got, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]);
    }

    #[test]
    fn blob_scale_fits_its_disc_best() {
        let size = 101;
        let disc = |diameter: f64| {
            let mut image = Image::zeros(size, size);
            for y in 0..size {
                for x in 0..size {
                    if (x as f64 - 50.0).hypot(y as f64 - 50.0) <= diameter / 2.0 {
                        image.data[y * size + x] = 1.0;
                    }
                }
            }
            image
        };
        let answer = |assumed: f64| {
            let (inner, outer) = blob_scales(assumed);
            difference_of_gaussians(&disc(24.0), inner, outer).unwrap().at(50, 50)
        };
        assert!(answer(24.0) > answer(14.0) && answer(24.0) > answer(40.0));
    }

    #[test]
    fn band_pass_keeps_its_band() {
        let size = 64;
        let wave = |cycles: f64| {
            let data = (0..size * size)
                .map(|i| (std::f64::consts::TAU * cycles * (i % size) as f64 / size as f64).sin() as f32)
                .collect();
            Image { width: size, height: size, data }
        };
        let std = |image: &Image| {
            let values: Vec<f64> = image.data.iter().map(|&v| f64::from(v)).collect();
            mean_and_std(&values).1
        };
        let kept =
            |cycles: f64| std(&band_pass(&wave(cycles), Some(4.0), Some(32.0)).unwrap()) / std(&wave(cycles));
        assert!(kept(6.0) > 0.8 && kept(1.0) < 0.2 && kept(30.0) < 0.2);
        // Half height at the limit itself: period 4 = 16 cycles of 64; the long limit costs nothing there.
        assert!((kept(16.0) - 0.5).abs() < 1e-3, "{}", kept(16.0));
        assert!(band_pass(&wave(1.0), Some(8.0), Some(4.0)).is_err());
    }

    #[test]
    fn white_noise_is_flat() {
        use rand::RngExt;
        use rand::SeedableRng;
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let data = (0..128 * 128).map(|_| random.random_range(-1.0..1.0_f32)).collect();
        let power = radial_power(&Image { width: 128, height: 128, data }).unwrap();
        // Uniform on ±1 has variance 1/3.
        for (ring, value) in power.iter().enumerate().skip(6) {
            assert!((value - 1.0 / 3.0).abs() < 0.12, "ring {ring}: {value}");
        }
    }

    #[test]
    fn a_gaussian_response_is_that_of_a_blur() {
        let (size, period, k) = (64, 9.0, 5.0);
        assert!((gaussian_response(1.0 / period, period) - 0.5).abs() < 1e-12);
        let wave = |x: usize| (std::f64::consts::TAU * k * x as f64 / size as f64).cos() as f32;
        let mut image = Image::zeros(size, 1);
        for (x, value) in image.data.iter_mut().enumerate() {
            *value = wave(x);
        }
        let sigma = period * (std::f64::consts::LN_2 / 2.0).sqrt() / std::f64::consts::PI;
        let blurred = gaussian_blur(&image, sigma).unwrap();
        // Away from the mirrored edges, where the wave is no wave.
        let share = gaussian_response(k / size as f64, period) as f32;
        for x in 16..48 {
            assert!((blurred.data[x] - share * wave(x)).abs() < 1e-4, "{x}");
        }
    }

    #[test]
    fn a_mirrored_band_pass_is_a_difference_of_mirrored_gaussians() {
        let data = (0..40 * 31).map(|i| ((i * 37 + i / 7) % 53) as f32).collect();
        let image = Image { width: 40, height: 31, data };
        let sigma = |period: f64| period * (std::f64::consts::LN_2 / 2.0).sqrt() / std::f64::consts::PI;
        // The last: all but the mean.
        for (short, long) in [(8.0, 20.0), (10.0, 60.0), (6.0, 110.0)] {
            let got = band_pass_mirrored(&image, short, long).unwrap();
            let both = sigma(short).hypot(sigma(long)).min(30.9);
            let wanted = difference_of_gaussians(&image, sigma(short), both).unwrap();
            for (a, b) in got.data.iter().zip(&wanted.data) {
                assert!((a - b).abs() < 0.02, "{short} to {long}: {a} {b}");
            }
        }
        assert!(band_pass_mirrored(&image, 9.0, 3.0).is_err());
        assert!(band_pass_mirrored(&image, 3.0, f64::NAN).is_err());
        let flat = Image { width: 5, height: 5, data: vec![3.0; 25] };
        assert!(band_pass_mirrored(&flat, 2.0, 1e9).unwrap().data.iter().all(|v| v.abs() < 1e-5));
    }

    #[test]
    fn background_by_hand() {
        // Size 4, centre pixel (2, 2), radius 2: dx² + dy² > 4 holds at (0,0), (1,0), (3,0), (0,1)
        // and (0,3) only.
        let mut patch = vec![100.0_f32; 16];
        for (at, value) in [(0, 1.0), (1, 2.0), (3, 3.0), (4, 4.0), (12, 5.0)] {
            patch[at] = value;
        }
        let (mean, std) = background(&patch, 4, 2.0).unwrap();
        assert!((mean - 3.0).abs() < 1e-12);
        assert!((std - 2.0_f64.sqrt()).abs() < 1e-12);
        assert!(background(&patch, 4, 9.0).is_none());
        assert!(background(&patch, 5, 1.0).is_none());
    }
}
