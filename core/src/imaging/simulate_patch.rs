//! Simulated patches of many different particles with known truth, from which the general model learns.
//!
//! Every patch is drawn by itself: another particle, size, orientation, neighbourhood, defocus, noise and processing.
//! Patches without a particle show what misleads a picker: particles off centre, empty ice, contamination of other
//! sizes, aggregates, ice crystals and the edge of the carbon film. Particles are dark, as in a micrograph.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::filters::mean_and_std;
use super::fourier::Spectrum;
use super::simulate_model::{Ball, add_gaussian, project, random_rotation, white_noise};
use super::simulate_species::random_particle;
use crate::error::Result;
use crate::image::Image;

/// Side of a patch, px.
pub const PATCH_SIZE: usize = 64;
/// Diameters of the particles, px.
const DIAMETERS: std::ops::Range<f64> = 26.0..48.0;
/// What is simulated reaches beyond the patch, so that filters have no edge.
const CANVAS: usize = 96;
/// Different particles.
const SPECIES: u64 = 4000;

/// A patch and what it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedPatch {
    /// 64×64 px, row by row.
    pub pixels: Vec<f32>,
    /// Whether a particle lies in its centre.
    pub is_particle: bool,
}

/// What lies in the centre of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Particle,
    /// The nearest particle lies a quarter of its diameter or more away.
    OffCentre,
    Empty,
    Contamination,
    Aggregate,
    IceCrystal,
    CarbonEdge,
}

impl Content {
    fn random(random: &mut ChaCha8Rng) -> Self {
        match random.random_range(0..100) {
            0..50 => Self::Particle,
            50..70 => Self::OffCentre,
            70..86 => Self::Empty,
            86..91 => Self::Contamination,
            91..94 => Self::Aggregate,
            94..97 => Self::IceCrystal,
            _ => Self::CarbonEdge,
        }
    }
}

/// Draws patch `index` of a seed. The same two numbers give the same patch, whatever others are drawn.
///
/// # Errors
/// When a simulated value is no finite number, which would be a defect.
pub fn simulated_patch(seed: u64, index: u64) -> Result<SimulatedPatch> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(index);
    let species = random.random_range(0..SPECIES);
    let particle = particle_of(seed, species);
    let diameter = random.random_range(DIAMETERS);
    let content = Content::random(&mut random);

    let scene = Scene::draw(content, &particle, diameter, seed, &mut random);
    let transfer = Transfer::random(&mut random);
    // The unit of contrast is the particle alone, so that neighbours do not change it.
    let mut alone = Image::zeros(CANVAS, CANVAS);
    let middle = CANVAS as f64 / 2.0;
    project(&mut alone, &particle, &random_rotation(&mut random), (middle, middle), diameter, 1.0);
    let unit = spread_within(&transfer.image(&alone)?, diameter / 2.0).max(1e-6);
    let mut image = transfer.image(&scene.density)?;
    let signal = random.random_range(-2.1_f64..0.7).exp();
    image.data.iter_mut().for_each(|v| *v *= (signal / unit) as f32);

    let noise = noise(&transfer, &mut random)?;
    image.data.iter_mut().zip(&noise.data).for_each(|(v, n)| *v += n);
    if let Some(edge) = scene.carbon {
        edge.add(&mut image, &mut random)?;
    }
    let image = processed(image, &mut random)?;
    let first = (CANVAS - PATCH_SIZE) / 2;
    let rows = (first..first + PATCH_SIZE).map(|y| &image.data[y * CANVAS + first..][..PATCH_SIZE]);
    Ok(SimulatedPatch {
        pixels: rows.flatten().copied().collect(),
        is_particle: content == Content::Particle,
    })
}

fn particle_of(seed: u64, species: u64) -> Vec<Ball> {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x5EED_0F5E_C1E5);
    random.set_stream(species);
    random_particle(&mut random)
}

/// Density before imaging, and carbon that is added after it.
struct Scene {
    density: Image,
    carbon: Option<CarbonEdge>,
}

impl Scene {
    fn draw(content: Content, particle: &[Ball], diameter: f64, seed: u64, random: &mut ChaCha8Rng) -> Self {
        let mut density = Image::zeros(CANVAS, CANVAS);
        let middle = CANVAS as f64 / 2.0;
        let mut put = |balls: &[Ball], (dx, dy): (f64, f64), size: f64, random: &mut ChaCha8Rng| {
            let strength = (1.0 + 0.15 * random.sample::<f64, _>(StandardNormal)).clamp(0.5, 1.5);
            project(
                &mut density,
                balls,
                &random_rotation(random),
                (middle + dx, middle + dy),
                size,
                strength,
            );
        };
        let mut placed: Vec<(f64, f64)> = Vec::new();
        let mut carbon = None;
        match content {
            Content::Particle => {
                let at = polar(random.random_range(0.0..3.0), random);
                put(particle, at, diameter, random);
                placed.push(at);
            }
            Content::OffCentre => {
                let at = polar(random.random_range(0.25 * diameter..1.2 * diameter), random);
                put(particle, at, diameter, random);
                placed.push(at);
            }
            Content::Empty => {}
            Content::Contamination => {
                let size = if random.random_bool(0.6) {
                    random.random_range(0.2..0.5) * diameter
                } else {
                    random.random_range(1.7..2.6) * diameter
                };
                let other = particle_of(seed, random.random_range(0..SPECIES));
                put(&other, polar(random.random_range(0.0..4.0), random), size, random);
                placed.push((0.0, 0.0));
            }
            Content::Aggregate => {
                for _ in 0..random.random_range(4..9) {
                    put(particle, polar(random.random_range(0.1..0.9) * diameter, random), diameter, random);
                }
                placed.push((0.0, 0.0));
            }
            Content::IceCrystal | Content::CarbonEdge => {}
        }
        // Neighbours do not touch as a rule; one in twelve overlaps.
        let wanted = [0, 0, 1, 1, 2, 3, 5][random.random_range(0..7)];
        let nearest = if random.random_bool(1.0 / 12.0) { 0.7 } else { 1.02 };
        for _ in 0..wanted {
            let at = polar(random.random_range(0.5 * diameter..64.0), random);
            let is_free = placed.iter().all(|p| (p.0 - at.0).hypot(p.1 - at.1) > nearest * diameter);
            let at_centre = at.0.hypot(at.1) < 0.35 * diameter;
            if is_free && !at_centre {
                put(particle, at, diameter, random);
                placed.push(at);
            }
        }
        let crystals = match content {
            Content::IceCrystal => 1,
            Content::Particle => usize::from(random.random_bool(0.05)),
            _ => usize::from(random.random_bool(0.12)),
        };
        let typical = density.data.iter().fold(0.0_f32, |a, b| a.max(*b)).max(3.0);
        for _ in 0..crystals {
            let distance = match content {
                Content::IceCrystal => random.random_range(0.0..12.0),
                _ => random.random_range(diameter..64.0),
            };
            let (dx, dy) = polar(distance, random);
            let sigma = random.random_range(0.08..0.7) * diameter;
            let peak = f64::from(typical)
                * random.random_range(0.7..5.0)
                * if random.random_bool(0.15) { -1.0 } else { 1.0 };
            for _ in 0..random.random_range(1..4) {
                let (jx, jy) = polar(0.4 * sigma, random);
                add_gaussian(&mut density, (middle + dx + jx, middle + dy + jy), sigma, peak / 2.0);
            }
        }
        if content == Content::CarbonEdge {
            carbon = Some(CarbonEdge::random(random));
        }
        Self { density, carbon }
    }
}

/// A place at a distance in a random direction.
fn polar(distance: f64, random: &mut ChaCha8Rng) -> (f64, f64) {
    let angle = random.random_range(0.0..std::f64::consts::TAU);
    (distance * angle.cos(), distance * angle.sin())
}

/// How density becomes contrast: plain, or a contrast transfer function with its first zero at `zero` cycles per px.
struct Transfer {
    /// First zero and share of amplitude contrast.
    ctf: Option<(f64, f64)>,
    /// Envelope exp(−B f²), px².
    envelope: f64,
}

impl Transfer {
    fn random(random: &mut ChaCha8Rng) -> Self {
        let ctf = random.random_bool(0.65).then(|| {
            let zero = random.random_range(0.09_f64.ln()..0.6_f64.ln()).exp();
            // With a phase plate the low frequencies have full contrast.
            let amplitude = if random.random_bool(0.1) {
                random.random_range(0.5..1.0)
            } else {
                random.random_range(0.05..0.3)
            };
            (zero, amplitude)
        });
        Self { ctf, envelope: random.random_range(0.0..12.0) }
    }

    /// Contrast transfer at `f` cycles per px: −sin(π((1−a)(f/f₀)² + a)) with the first zero at f₀, where the phase
    /// πa = asin A stands for the amplitude contrast A, times the envelope. Dense is dark.
    fn at(&self, f: f64) -> f64 {
        let envelope = (-self.envelope * f * f).exp();
        match self.ctf {
            None => -envelope,
            Some((zero, amplitude)) => {
                let a = amplitude.clamp(0.0, 1.0).asin() / std::f64::consts::PI;
                -(std::f64::consts::PI * ((1.0 - a) * (f / zero).powi(2) + a)).sin() * envelope
            }
        }
    }

    fn image(&self, density: &Image) -> Result<Image> {
        Ok(Spectrum::of(density)?.times(|fx, fy| self.at(fx.hypot(fy))).image())
    }
}

/// Standard deviation of all pixels.
fn spread(image: &Image) -> f64 {
    let values: Vec<f64> = image.data.iter().map(|&v| f64::from(v)).collect();
    mean_and_std(&values).1
}

/// Standard deviation of the pixels within a radius of the middle.
fn spread_within(image: &Image, radius: f64) -> f64 {
    let middle = CANVAS as f64 / 2.0;
    let inside: Vec<f64> = image
        .data
        .iter()
        .enumerate()
        .filter(|(at, _)| ((at % CANVAS) as f64 - middle).hypot((at / CANVAS) as f64 - middle) <= radius)
        .map(|(_, &v)| f64::from(v))
        .collect();
    mean_and_std(&inside).1
}

/// Noise of standard deviation 1: of the camera, with a spectrum that falls more or less, and of the ice, which the
/// microscope images like the particle.
fn noise(transfer: &Transfer, random: &mut ChaCha8Rng) -> Result<Image> {
    let slope = random.random_range(0.0..1.2);
    let mut total = coloured(random, |f| (f + 0.02).powf(-slope))?;
    let ice = random.random_range(0.0..0.7_f32);
    let structure = coloured(random, |f| transfer.at(f))?;
    for (value, ice_value) in total.data.iter_mut().zip(&structure.data) {
        *value = (*value + ice * ice_value) / (1.0 + ice * ice).sqrt();
    }
    Ok(total)
}

/// Noise of standard deviation 1 with this amplitude at a frequency.
fn coloured(random: &mut ChaCha8Rng, amplitude: impl Fn(f64) -> f64 + Sync) -> Result<Image> {
    let spectrum = Spectrum::of(&white_noise(CANVAS, CANVAS, random))?;
    let mut image =
        spectrum.times(|fx, fy| if fx == 0.0 && fy == 0.0 { 0.0 } else { amplitude(fx.hypot(fy)) }).image();
    let std = spread(&image);
    let scale = if std > 0.0 { (1.0 / std) as f32 } else { 0.0 };
    image.data.iter_mut().for_each(|v| *v *= scale);
    Ok(image)
}

/// What happens between camera and patch: uneven ice, and filters as averaging, denoising and background subtraction
/// apply them.
fn processed(mut image: Image, random: &mut ChaCha8Rng) -> Result<Image> {
    let std = spread(&image);
    let tilt = std * random.random_range(0.0_f64..1.0).powi(3) * 2.0;
    let (tx, ty) = polar(tilt / CANVAS as f64 * 2.0, random);
    for (at, value) in image.data.iter_mut().enumerate() {
        *value += (tx * (at % CANVAS) as f64 + ty * (at / CANVAS) as f64) as f32;
    }
    let low = if random.random_bool(0.5) { random.random_range(0.3_f64..1.7) } else { 0.0 };
    let high = if random.random_bool(0.3) { random.random_range(14.0_f64..40.0) } else { 0.0 };
    if low == 0.0 && high == 0.0 {
        return Ok(image);
    }
    // The frequency response of a Gaussian of σ px is exp(−2π²σ²f²).
    let gaussian = |sigma: f64, f: f64| (-2.0 * (std::f64::consts::PI * sigma * f).powi(2)).exp();
    let response = move |f: f64| gaussian(low, f) * if high > 0.0 { 1.0 - gaussian(high, f) } else { 1.0 };
    Ok(Spectrum::of(&image)?.times(|fx, fy| response(fx.hypot(fy))).image())
}

/// The edge of the carbon film: a step with a texture of its own on one side.
struct CarbonEdge {
    /// Unit normal and distance from the middle, px.
    normal: (f64, f64),
    distance: f64,
    /// Step and texture, in standard deviations of the noise.
    step: f64,
    texture: f64,
}

impl CarbonEdge {
    fn random(random: &mut ChaCha8Rng) -> Self {
        Self {
            normal: polar(1.0, random),
            distance: random.random_range(-40.0..40.0),
            step: random.random_range(0.3..3.0),
            texture: random.random_range(0.0..1.5),
        }
    }

    fn add(&self, image: &mut Image, random: &mut ChaCha8Rng) -> Result<()> {
        let texture = coloured(random, |f| (-(f / 0.12).powi(2)).exp())?;
        let middle = CANVAS as f64 / 2.0;
        for (at, value) in image.data.iter_mut().enumerate() {
            let (x, y) = ((at % CANVAS) as f64 - middle, (at / CANVAS) as f64 - middle);
            let depth = x * self.normal.0 + y * self.normal.1 - self.distance;
            let cover = 1.0 / (1.0 + (-depth / 1.5).exp());
            *value += (cover * (self.texture * f64::from(texture.data[at]) - self.step)) as f32;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_repeatable_finite_and_of_both_kinds() {
        let patches: Vec<SimulatedPatch> = (0..300).map(|i| simulated_patch(1, i).unwrap()).collect();
        assert_eq!(patches[7], simulated_patch(1, 7).unwrap());
        assert_ne!(patches[7], simulated_patch(2, 7).unwrap());
        assert!(patches.iter().all(|p| p.pixels.len() == PATCH_SIZE * PATCH_SIZE));
        assert!(patches.iter().all(|p| p.pixels.iter().all(|v| v.is_finite())));
        let particles = patches.iter().filter(|p| p.is_particle).count();
        assert!((110..190).contains(&particles), "half are particles: {particles}");
    }

    #[test]
    fn particles_are_dark_in_the_middle() {
        // Over many patches the middle of those with a particle is darker, in standard deviations of each patch.
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for index in 0..600 {
            let patch = simulated_patch(3, index).unwrap();
            let values: Vec<f64> = patch.pixels.iter().map(|&v| f64::from(v)).collect();
            let (mean, std) = super::super::filters::mean_and_std(&values);
            let middle = |at: &usize| {
                let (x, y) = (at % PATCH_SIZE, at / PATCH_SIZE);
                (24..40).contains(&x) && (24..40).contains(&y)
            };
            let inside: Vec<f64> =
                (0..values.len()).filter(middle).map(|at| (values[at] - mean) / std).collect();
            let level = inside.iter().sum::<f64>() / inside.len() as f64;
            if patch.is_particle { with.push(level) } else { without.push(level) }
        }
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        assert!(mean(&with) < mean(&without) - 0.1, "{} {}", mean(&with), mean(&without));
    }

    #[test]
    fn the_first_zero_lies_where_it_was_asked() {
        let transfer = Transfer { ctf: Some((0.2, 0.1)), envelope: 0.0 };
        assert!((transfer.at(0.0) + 0.1).abs() < 1e-12);
        assert!(transfer.at(0.2).abs() < 1e-12 && transfer.at(0.1) < -0.5 && transfer.at(0.24) > 0.1);
    }
}
