//! The parts of the simulated sample: a particle made of Gaussian balls, its projections, coloured noise and the
//! contrast transfer function.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::filters::gaussian_blur;
use super::fourier::Spectrum;
use crate::error::Result;
use crate::image::Image;

/// A ball of density: centre and standard deviation as shares of the particle diameter, and mass.
#[derive(Debug, Clone, Copy)]
pub struct Ball {
    centre: [f64; 3],
    sigma: f64,
    mass: f64,
}

impl Ball {
    /// A ball at `radius` in the given (unit) direction.
    pub fn on_sphere(direction: [f64; 3], radius: f64, sigma: f64, mass: f64) -> Self {
        Self { centre: direction.map(|d| d * radius), sigma, mass }
    }

    /// Distance from the particle's centre at which 1.2 σ of the ball end.
    #[cfg(test)]
    pub fn reach(&self) -> f64 {
        self.centre.iter().map(|c| c * c).sum::<f64>().sqrt() + 1.2 * self.sigma
    }
}

const fn ball(x: f64, y: f64, z: f64, sigma: f64, mass: f64) -> Ball {
    Ball { centre: [x, y, z], sigma, mass }
}

/// Which particle is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParticleShape {
    /// Two bent arms of unlike length, a bridge that leaves a hole, and a small domain off the axis, so that no two
    /// views look alike and handedness exists.
    #[default]
    Bent,
    /// Four rings of seven balls on one axis: a long rectangle from the side, a ring from the end.
    Barrel,
}

impl ParticleShape {
    /// The Gaussian balls it is made of.
    pub fn balls(self) -> Vec<Ball> {
        match self {
            Self::Bent => BENT.to_vec(),
            Self::Barrel => {
                let ring = |x: f64| {
                    (0..7).map(move |i| {
                        let angle = f64::from(i) * std::f64::consts::TAU / 7.0;
                        ball(x, 0.19 * angle.cos(), 0.19 * angle.sin(), 0.055, 0.8)
                    })
                };
                [-0.39, -0.13, 0.13, 0.39].into_iter().flat_map(ring).collect()
            }
        }
    }

    /// About a third of it.
    pub fn broken(self) -> Vec<Ball> {
        let mut balls = self.balls();
        balls.truncate(balls.len() * 5 / 14);
        balls
    }
}

const BENT: [Ball; 14] = [
    ball(-0.36, -0.10, 0.02, 0.070, 1.0),
    ball(-0.25, -0.16, -0.08, 0.075, 1.1),
    ball(-0.22, 0.04, 0.10, 0.070, 1.0),
    ball(-0.12, 0.15, 0.04, 0.065, 0.9),
    ball(-0.14, -0.14, 0.12, 0.060, 0.7),
    ball(0.36, 0.12, -0.02, 0.070, 1.0),
    ball(0.26, 0.16, 0.10, 0.075, 1.1),
    ball(0.22, -0.06, -0.10, 0.070, 1.0),
    ball(0.12, -0.16, -0.04, 0.065, 0.9),
    ball(0.14, 0.15, -0.12, 0.060, 0.7),
    ball(0.00, 0.19, -0.03, 0.055, 0.7),
    ball(0.01, -0.20, 0.05, 0.055, 0.7),
    ball(0.10, 0.02, 0.28, 0.060, 1.2),
    ball(0.20, -0.22, 0.20, 0.050, 0.8),
];

/// A rotation matrix drawn uniformly from all rotations: a unit quaternion of four normal numbers.
pub fn random_rotation(random: &mut ChaCha8Rng) -> [[f64; 3]; 3] {
    let mut q: [f64; 4] = std::array::from_fn(|_| random.sample(StandardNormal));
    let length = q.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-12);
    q.iter_mut().for_each(|v| *v /= length);
    let [w, x, y, z] = q;
    [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
        [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
    ]
}

/// Adds the projection of rotated balls to the image. The projection of a Gaussian ball is a
/// Gaussian, so it is exact.
pub fn project(
    image: &mut Image,
    balls: &[Ball],
    rotation: &[[f64; 3]; 3],
    centre: (f64, f64),
    diameter: f64,
    strength: f64,
) {
    for ball in balls {
        let along = |row: &[f64; 3]| row.iter().zip(&ball.centre).map(|(r, c)| r * c).sum::<f64>() * diameter;
        let at = (centre.0 + along(&rotation[0]), centre.1 + along(&rotation[1]));
        add_gaussian(image, at, ball.sigma * diameter, strength * ball.mass);
    }
}

/// Adds a Gaussian of the given peak, cut off at 4 σ.
pub fn add_gaussian(image: &mut Image, (cx, cy): (f64, f64), sigma: f64, peak: f64) {
    let reach = 4.0 * sigma;
    let span = |c: f64, n: usize| {
        let first = (c - reach).ceil().clamp(0.0, n as f64) as usize;
        let end = ((c + reach).floor() + 1.0).clamp(0.0, n as f64) as usize;
        first..end.max(first)
    };
    let columns = span(cx, image.width);
    let weight = |at: usize, centre: f64| (-0.5 * ((at as f64 - centre) / sigma).powi(2)).exp();
    let along: Vec<f64> = columns.clone().map(|x| weight(x, cx)).collect();
    for y in span(cy, image.height) {
        let wy = peak * weight(y, cy);
        let row = &mut image.data[y * image.width..][columns.clone()];
        for (value, wx) in row.iter_mut().zip(&along) {
            *value += (wy * wx) as f32;
        }
    }
}

/// White noise of standard deviation 1.
pub fn white_noise(width: usize, height: usize, random: &mut ChaCha8Rng) -> Image {
    let data = (0..width * height).map(|_| random.sample::<f32, _>(StandardNormal)).collect();
    Image { width, height, data }
}

/// Noise of standard deviation about 1 without structure finer than `sigma` px: blurred white
/// noise, rescaled by 2 σ √π, the factor by which a Gaussian blur of σ ≥ 1 px lowers it.
pub fn coloured_noise(width: usize, height: usize, sigma: f64, random: &mut ChaCha8Rng) -> Result<Image> {
    let mut noise = gaussian_blur(&white_noise(width, height, random), sigma)?;
    let scale = (2.0 * sigma * std::f64::consts::PI.sqrt()) as f32;
    noise.data.iter_mut().for_each(|v| *v *= scale);
    Ok(noise)
}

/// Optics of one micrograph.
#[derive(Debug, Clone, Copy)]
pub struct Optics {
    /// Å per px.
    pub pixel_size: f64,
    /// Underfocus, Å.
    pub defocus: f64,
    /// Envelope exp(−B f²/4), Å².
    pub b_factor: f64,
}

impl Optics {
    /// Contrast transfer at `f` cycles per Å: `−sin(π λ Δz f² − π/2 Cs λ³ f⁴ + asin A)` times the
    /// envelope (weak phase object; Rohou and Grigorieff 2015), 300 kV, Cs 2.7 mm, amplitude
    /// contrast 0.1. Negative at low frequency: density is dark.
    pub fn transfer(&self, f: f64) -> f64 {
        const WAVELENGTH: f64 = 0.019_687;
        const CS: f64 = 2.7e7;
        const AMPLITUDE: f64 = 0.1;
        let f2 = f * f;
        let phase = std::f64::consts::PI * WAVELENGTH * self.defocus * f2
            - 0.5 * std::f64::consts::PI * CS * WAVELENGTH.powi(3) * f2 * f2
            + AMPLITUDE.asin();
        -phase.sin() * (-self.b_factor * f2 / 4.0).exp()
    }

    /// The image a density gives.
    ///
    /// # Errors
    /// When the density holds a value that is no finite number.
    pub fn image(&self, density: &Image) -> Result<Image> {
        let spectrum = Spectrum::of(density)?;
        Ok(spectrum.times(|fx, fy| self.transfer(fx.hypot(fy) / self.pixel_size)).image())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn transfer_by_hand() {
        let optics = Optics { pixel_size: 4.0, defocus: 20_000.0, b_factor: 0.0 };
        assert!((optics.transfer(0.0) + 0.1).abs() < 1e-12);
        // First zero: π λ Δz f² − π/2 Cs λ³ f⁴ + asin 0.1 = π, the second term is 0.2 % of the first.
        let first = ((1.0 - 0.1_f64.asin() / std::f64::consts::PI) / (0.019_687 * 20_000.0)).sqrt();
        assert!(optics.transfer(first).abs() < 0.01);
        assert!(optics.transfer(0.5 * first) < -0.5 && optics.transfer(1.2 * first) > 0.5);
        let damped = Optics { b_factor: 100.0, ..optics };
        let ratio = damped.transfer(0.03) / optics.transfer(0.03);
        assert!((ratio - (-100.0 * 0.0009_f64 / 4.0).exp()).abs() < 1e-12);
    }

    #[test]
    fn rotations_are_rotations() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..20 {
            let r = random_rotation(&mut random);
            for i in 0..3 {
                for j in 0..3 {
                    let dot: f64 = (0..3).map(|k| r[i][k] * r[j][k]).sum();
                    assert!((dot - f64::from(u8::from(i == j))).abs() < 1e-12);
                }
            }
            let det = r[0][0] * (r[1][1] * r[2][2] - r[1][2] * r[2][1])
                - r[0][1] * (r[1][0] * r[2][2] - r[1][2] * r[2][0])
                + r[0][2] * (r[1][0] * r[2][1] - r[1][1] * r[2][0]);
            assert!((det - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn particle_fills_its_diameter() {
        for shape in [ParticleShape::Bent, ParticleShape::Barrel] {
            let reach = |b: &Ball| b.centre.iter().map(|c| c * c).sum::<f64>().sqrt() + 1.5 * b.sigma;
            let farthest = shape.balls().iter().map(reach).fold(0.0, f64::max);
            assert!((0.42..0.55).contains(&farthest), "{shape:?}: {farthest}");
        }
    }

    #[test]
    fn the_barrel_is_long_from_the_side_and_round_from_the_end() {
        let spread = |rotation: &[[f64; 3]; 3]| {
            let mut view = Image::zeros(64, 64);
            project(&mut view, &ParticleShape::Barrel.balls(), rotation, (32.0, 32.0), 40.0, 1.0);
            let moment = |of: fn(usize) -> f64| -> f64 {
                view.data.iter().enumerate().map(|(at, &v)| f64::from(v) * (of(at) - 32.0).powi(2)).sum()
            };
            moment(|at| (at % 64) as f64) / moment(|at| (at / 64) as f64)
        };
        let side = spread(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
        let end = spread(&[[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]);
        assert!(side > 3.0 && (end - 1.0).abs() < 0.05, "{side} {end}");
    }

    #[test]
    fn coloured_noise_has_unit_spread() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let noise = coloured_noise(256, 256, 3.0, &mut random).unwrap();
        let (mean, std) = {
            let values: Vec<f64> = noise.data.iter().map(|&v| f64::from(v)).collect();
            crate::imaging::filters::mean_and_std(&values)
        };
        assert!(mean.abs() < 0.2 && (std - 1.0).abs() < 0.1, "{mean} {std}");
    }
}
