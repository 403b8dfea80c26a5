//! The sample: simulated micrographs with known particles, for trying everything without data of one's own.
//!
//! One particle is projected in random orientations and imaged through a contrast transfer function that differs
//! from micrograph to micrograph. Coloured and white noise is added, and so is what misleads a picker: broken
//! particles, aggregates, a rounder and smaller contaminant, ice, and a carbon edge.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, StandardNormal};
use serde::{Deserialize, Serialize};

use super::simulate_model::{
    Ball, Optics, ParticleShape, add_gaussian, coloured_noise, project, random_rotation, white_noise,
};
use crate::error::{Error, Result};
use crate::image::Image;

/// Settings of the sample. The defaults give the sample of the demonstration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SampleSettings {
    /// Number of micrographs.
    pub micrographs: usize,
    /// Columns of a micrograph, px.
    pub width: usize,
    /// Rows of a micrograph, px.
    pub height: usize,
    /// Å per px.
    pub pixel_size: f64,
    /// Shape of the particle.
    pub shape: ParticleShape,
    /// Particle diameter, px.
    pub diameter: f64,
    /// Box size that suits the particle, px.
    pub box_size: usize,
    /// Particles of an average micrograph; single ones differ by a quarter either way.
    pub particles: usize,
    /// Broken particles and contaminants of an average micrograph.
    pub impostors: usize,
    /// Mean variance of a particle's image within its diameter over the variance of the white
    /// noise.
    pub snr: f64,
    /// Range of underfocus, Å.
    pub defocus: (f64, f64),
}

impl Default for SampleSettings {
    fn default() -> Self {
        Self {
            micrographs: 8,
            width: 1024,
            height: 1024,
            pixel_size: 4.0,
            shape: ParticleShape::default(),
            diameter: 48.0,
            box_size: 64,
            particles: 40,
            impostors: 36,
            snr: 0.12,
            defocus: (12_000.0, 30_000.0),
        }
    }
}

impl SampleSettings {
    /// # Errors
    /// When a value is out of its range.
    fn validate(&self) -> Result<()> {
        let side = 64..=8192;
        let shorter = self.width.min(self.height) as f64;
        let problem = if !side.contains(&self.width) || !side.contains(&self.height) {
            format!("micrographs of {} × {} px", self.width, self.height)
        } else if !(8.0..=shorter / 4.0).contains(&self.diameter) {
            format!("a particle of {} px", self.diameter)
        } else if !(0.1..=100.0).contains(&self.pixel_size) {
            format!("a pixel of {} Å", self.pixel_size)
        } else if !(1e-4..=1e4).contains(&self.snr) {
            format!("a signal-to-noise ratio of {}", self.snr)
        } else if self.particles > 100_000 || self.impostors > 100_000 {
            format!("{} particles and {} impostors", self.particles, self.impostors)
        } else if !(1.0..=1e6).contains(&self.defocus.0) || !(self.defocus.0..=1e6).contains(&self.defocus.1)
        {
            format!("a defocus from {} to {} Å", self.defocus.0, self.defocus.1)
        } else {
            return Ok(());
        };
        Err(Error::request(
            format!("the sample cannot be simulated with {problem}"),
            "use sides of 64 to 8192 px, a diameter of 8 px to a quarter of the side, and positive physical values",
        ))
    }
}

/// One simulated micrograph with its truth.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedMicrograph {
    /// The image, particles dark.
    pub image: Image,
    /// Centre of every whole, single particle, px.
    pub centres: Vec<(f64, f64)>,
    /// Relative contrast of each particle; 1 on average.
    pub strengths: Vec<f64>,
    /// Centres of objects that look like particles and are none, px.
    pub distractors: Vec<(f64, f64)>,
    /// Underfocus, Å.
    pub defocus: f64,
    /// Whether the image shows a carbon edge.
    pub carbon: bool,
}

/// Which particles a person picks first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PickBias {
    /// Every particle is equally likely. The SCAR assumption of PU learning holds.
    None,
    /// Particles of high contrast are more likely, as with human pickers. The SCAR assumption does not hold.
    Conspicuous,
}

impl SimulatedMicrograph {
    /// Indices of `share` (0 to 1, clamped) of the particles, in ascending order, as a person would
    /// have picked them.
    pub fn picks(&self, share: f64, bias: PickBias, seed: u64) -> Vec<usize> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut order: Vec<usize> = (0..self.centres.len()).collect();
        match bias {
            PickBias::None => order.shuffle(&mut random),
            PickBias::Conspicuous => {
                // Weighted sampling without replacement by exponential clocks: the rate doubles
                // with every tenth of strength.
                let mut clocks: Vec<(f64, usize)> = order
                    .iter()
                    .map(|&i| {
                        let wait: f64 = Exp1.sample(&mut random);
                        (wait / (10.0 * (self.strengths[i] - 1.0)).exp2(), i)
                    })
                    .collect();
                clocks.sort_by(|a, b| a.0.total_cmp(&b.0));
                order = clocks.into_iter().map(|(_, i)| i).collect();
            }
        }
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        order.truncate((share * order.len() as f64).round() as usize);
        order.sort_unstable();
        order
    }
}

/// Simulates micrograph `index` of a sample. The same settings, seed and index give the same
/// micrograph, whatever others are made.
///
/// # Errors
/// When a setting is out of its range.
pub fn sample_micrograph(settings: &SampleSettings, seed: u64, index: usize) -> Result<SimulatedMicrograph> {
    settings.validate()?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(index as u64);
    let SampleSettings { width, height, diameter, .. } = *settings;
    let optics = Optics {
        pixel_size: settings.pixel_size,
        defocus: random.random_range(settings.defocus.0..=settings.defocus.1),
        b_factor: 300.0,
    };
    // Every fourth micrograph has a carbon edge, starting with the third.
    let carbon = (index % 4 == 2).then(|| Carbon::random(width, height, &mut random));

    let mut layout = Layout { settings, carbon: carbon.as_ref(), placed: Vec::new() };
    let mut density = Image::zeros(width, height);
    let particle = settings.shape.balls();
    let particles = vary(settings.particles, &mut random);
    let centres = layout.place(particles, diameter, &mut random);
    let mut strengths = Vec::with_capacity(centres.len());
    for &centre in &centres {
        let strength = (1.0 + 0.15 * random.sample::<f64, _>(StandardNormal)).clamp(0.5, 1.5);
        project(&mut density, &particle, &random_rotation(&mut random), centre, diameter, strength);
        strengths.push(strength);
    }
    let impostors = vary(settings.impostors, &mut random);
    let distractors = add_distractors(&mut density, &mut layout, impostors, &mut random);

    let unit = unit_variance(&particle, diameter, &optics)?;
    let scale = (1.0 / unit.sqrt()) as f32;
    density.data.iter_mut().for_each(|v| *v *= scale);
    add_structure(&mut density, carbon.as_ref(), &mut random)?;
    let mut image = optics.image(&density)?;
    finish(&mut image, settings, carbon.as_ref(), &mut random);
    Ok(SimulatedMicrograph {
        image,
        centres,
        strengths,
        distractors,
        defocus: optics.defocus,
        carbon: carbon.is_some(),
    })
}

/// A number within a quarter of `mean`.
fn vary(mean: usize, random: &mut ChaCha8Rng) -> usize {
    (mean as f64 * random.random_range(0.75..=1.25)).round() as usize
}

/// Broken particles, contaminants, aggregates and ice; returns the centres of all.
fn add_distractors(
    density: &mut Image,
    layout: &mut Layout<'_>,
    impostors: usize,
    random: &mut ChaCha8Rng,
) -> Vec<(f64, f64)> {
    let SampleSettings { diameter, shape, .. } = *layout.settings;
    let (particle, broken) = (shape.balls(), shape.broken());
    let still = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let mut centres = layout.place(impostors, diameter, random);
    for (i, &centre) in centres.iter().enumerate() {
        let rotation = random_rotation(random);
        match i % 3 {
            // A third of a particle; of the bent one, an arm.
            0 => project(density, &broken, &rotation, centre, diameter, 1.1),
            // A round, smooth contaminant of half to two thirds of the diameter.
            1 => {
                let size = diameter * random.random_range(0.5..0.66);
                project(density, &shell(random), &still, centre, size, 1.0);
            }
            // Unfolded: the particle's own balls, scattered.
            _ => {
                for &ball in &particle {
                    let spread = |r: &mut ChaCha8Rng| r.sample::<f64, _>(StandardNormal) * 0.26 * diameter;
                    let at = (centre.0 + spread(random), centre.1 + spread(random));
                    project(density, &[ball], &rotation, at, diameter * 0.9, 1.0);
                }
            }
        }
    }
    // Aggregates: particles on top of each other.
    for centre in layout.place(random.random_range(1..=2), 1.6 * diameter, random) {
        for _ in 0..random.random_range(4..=7) {
            let at = |c: f64, r: &mut ChaCha8Rng| c + r.sample::<f64, _>(StandardNormal) * 0.5 * diameter;
            let at = (at(centre.0, random), at(centre.1, random));
            project(density, &particle, &random_rotation(random), at, diameter, 1.0);
        }
        centres.push(centre);
    }
    // Ice: smooth, and far denser than protein.
    for centre in layout.place(random.random_range(2..=4), 1.2 * diameter, random) {
        let sigma = diameter * random.random_range(0.12..0.25);
        let peak = random.random_range(4.0..9.0);
        for _ in 0..3 {
            let at = |c: f64, r: &mut ChaCha8Rng| c + r.sample::<f64, _>(StandardNormal) * 0.5 * sigma;
            let at = (at(centre.0, random), at(centre.1, random));
            add_gaussian(density, at, sigma * random.random_range(0.7..1.3), peak);
        }
        centres.push(centre);
    }
    centres
}

/// A round body of twenty overlapping balls.
fn shell(random: &mut ChaCha8Rng) -> Vec<Ball> {
    (0..20).map(|_| Ball::on_sphere(random_rotation(random)[0], 0.3, 0.14, 0.45)).collect()
}

/// Mean variance of a particle's image inside its diameter, over a fixed set of views: the unit of
/// the signal-to-noise ratio.
fn unit_variance(particle: &[Ball], diameter: f64, optics: &Optics) -> Result<f64> {
    const VIEWS: usize = 16;
    let side = (diameter * 2.0).ceil() as usize;
    let centre = side as f64 / 2.0;
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut sum = 0.0;
    for _ in 0..VIEWS {
        let mut view = Image::zeros(side, side);
        project(&mut view, particle, &random_rotation(&mut random), (centre, centre), diameter, 1.0);
        let view = optics.image(&view)?;
        let inside: Vec<f64> = (0..side * side)
            .filter(|i| ((i % side) as f64 - centre).hypot((i / side) as f64 - centre) <= diameter / 2.0)
            .map(|i| f64::from(view.data[i]))
            .collect();
        sum += super::filters::mean_and_std(&inside).1.powi(2);
    }
    Ok(sum / VIEWS as f64)
}

/// What lies in the beam beside the particles: the structure of ice, and of carbon where it is.
fn add_structure(density: &mut Image, carbon: Option<&Carbon>, random: &mut ChaCha8Rng) -> Result<()> {
    let (width, height) = (density.width, density.height);
    let ice = coloured_noise(width, height, 1.5, random)?;
    let drift = coloured_noise(width, height, 9.0, random)?;
    for ((value, a), b) in density.data.iter_mut().zip(&ice.data).zip(&drift.data) {
        *value += 0.5 * a + 0.35 * b;
    }
    if let Some(carbon) = carbon {
        let texture = coloured_noise(width, height, 1.2, random)?;
        for y in 0..height {
            for x in 0..width {
                let cover = carbon.cover(x as f64, y as f64) as f32;
                density.data[y * width + x] += cover * 3.0 * texture.data[y * width + x];
            }
        }
    }
    Ok(())
}

/// Shot noise, the thickness of ice and carbon, and the camera's arbitrary gain and offset.
fn finish(image: &mut Image, settings: &SampleSettings, carbon: Option<&Carbon>, random: &mut ChaCha8Rng) {
    let (width, height) = (image.width, image.height);
    let noise = white_noise(width, height, random);
    let sigma = (1.0 / settings.snr).sqrt();
    let slope: (f64, f64) = (random.random_range(-0.3..0.3), random.random_range(-0.3..0.3));
    let gain = random.random_range(3.0..6.0);
    let offset = random.random_range(80.0..140.0);
    for y in 0..height {
        for x in 0..width {
            let at = y * width + x;
            let (u, v) = (x as f64 / width as f64 - 0.5, y as f64 / height as f64 - 0.5);
            // Thicker ice is darker and gives less contrast.
            let thickness = slope.0 * u + slope.1 * v;
            let shade = -2.0 * thickness - carbon.map_or(0.0, |c| 2.5 * c.cover(x as f64, y as f64));
            let signal = f64::from(image.data[at]) * (1.0 - thickness);
            let value = signal + shade + sigma * f64::from(noise.data[at]);
            image.data[at] = (offset + gain * value) as f32;
        }
    }
}

/// The edge of the carbon film: a large circle that reaches into the picture.
struct Carbon {
    centre: (f64, f64),
    radius: f64,
}

impl Carbon {
    fn random(width: usize, height: usize, random: &mut ChaCha8Rng) -> Self {
        let (w, h) = (width as f64, height as f64);
        let angle = random.random_range(0.0..std::f64::consts::TAU);
        let radius = 1.5 * w.max(h);
        // The circle's edge passes a third of the way from the middle to the side.
        let distance = radius + random.random_range(0.25..0.35) * w.min(h);
        Self { centre: (w / 2.0 + distance * angle.cos(), h / 2.0 + distance * angle.sin()), radius }
    }

    /// Distance to the edge, px; positive on the carbon.
    fn depth(&self, x: f64, y: f64) -> f64 {
        self.radius - (x - self.centre.0).hypot(y - self.centre.1)
    }

    /// 1 on the carbon, 0 off it, with an edge of a few px.
    fn cover(&self, x: f64, y: f64) -> f64 {
        1.0 / (1.0 + (-self.depth(x, y) / 2.0).exp())
    }
}

/// Keeps things apart and off the carbon.
struct Layout<'a> {
    settings: &'a SampleSettings,
    carbon: Option<&'a Carbon>,
    /// Centre and radius of what is there already.
    placed: Vec<(f64, f64, f64)>,
}

impl Layout<'_> {
    /// Up to `count` places for things of `diameter` px; fewer when there is no room.
    fn place(&mut self, count: usize, diameter: f64, random: &mut ChaCha8Rng) -> Vec<(f64, f64)> {
        let radius = diameter / 2.0;
        let (w, h) = (self.settings.width as f64 - 1.0, self.settings.height as f64 - 1.0);
        let mut places = Vec::new();
        if w <= diameter || h <= diameter {
            return places;
        }
        for _ in 0..count.saturating_mul(100) {
            if places.len() == count {
                break;
            }
            let (x, y) = (random.random_range(radius..w - radius), random.random_range(radius..h - radius));
            let on_carbon = self.carbon.is_some_and(|c| c.depth(x, y) > -radius);
            let touches = |&(px, py, r): &(f64, f64, f64)| (px - x).hypot(py - y) < 1.02 * (r + radius);
            if !on_carbon && !self.placed.iter().any(touches) {
                self.placed.push((x, y, radius));
                places.push((x, y));
            }
        }
        places
    }
}
