//! Random particles of many shapes, for the patches from which the general model learns.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::simulate_model::{Ball, random_rotation};

type Point = [f64; 3];

/// Draws a particle that nobody has seen: globule, shell, ring, barrel, lobes or rod, often symmetric. The farthest
/// balls reach half a diameter from the centre.
pub(super) fn random_particle(random: &mut ChaCha8Rng) -> Vec<Ball> {
    let mut points = match random.random_range(0..12) {
        0..=3 => ellipsoid(false, random),
        4..=5 => ellipsoid(true, random),
        6..=7 => rings(random),
        8..=9 => lobes(random),
        10 => rod(random),
        _ => {
            // Two shapes side by side, as a complex of two domains.
            let shift = direction(random).map(|d| d * random.random_range(0.3..0.8));
            let mut both = ellipsoid(random.random_bool(0.3), random);
            let scale = random.random_range(0.4..0.9);
            both.extend(lobes(random).into_iter().map(|p| std::array::from_fn(|i| scale * p[i] + shift[i])));
            both
        }
    };
    let partner: Option<[f64; 3]> = match random.random_range(0..6) {
        // Inverted through the centre, and turned by half a turn about an axis.
        0 => Some([-1.0, -1.0, -1.0]),
        1 => Some([-1.0, -1.0, 1.0]),
        _ => None,
    };
    if let Some(signs) = partner {
        let copies: Vec<Point> = points.iter().map(|p| std::array::from_fn(|i| signs[i] * p[i])).collect();
        points.extend(copies);
    }
    let sigma = random.random_range(0.05..0.11);
    into_balls(&points, sigma, random)
}

/// Centres the points, brings their reach to half a diameter and gives each a mass.
fn into_balls(points: &[Point], sigma: f64, random: &mut ChaCha8Rng) -> Vec<Ball> {
    let count = points.len().max(1) as f64;
    let middle: Point = std::array::from_fn(|i| points.iter().map(|p| p[i]).sum::<f64>() / count);
    let centred = points.iter().map(|p| -> Point { std::array::from_fn(|i| p[i] - middle[i]) });
    let reach = centred.clone().map(|p| length(&p)).fold(1e-6, f64::max);
    let scale = (0.5 - 1.2 * sigma) / reach;
    let uneven = random.random_range(0.0..0.5);
    centred
        .map(|p| {
            let mass = (1.0 + uneven * random.sample::<f64, _>(StandardNormal)).clamp(0.2, 2.5);
            let radius = length(&p);
            let towards = if radius > 0.0 { p.map(|v| v / radius) } else { [1.0, 0.0, 0.0] };
            Ball::on_sphere(towards, radius * scale, sigma, mass)
        })
        .collect()
}

fn length(p: &Point) -> f64 {
    p.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn direction(random: &mut ChaCha8Rng) -> Point {
    random_rotation(random)[0]
}

/// Points in an ellipsoid, or on its surface.
fn ellipsoid(hollow: bool, random: &mut ChaCha8Rng) -> Vec<Point> {
    let axes = [1.0, random.random_range(0.35..1.0), random.random_range(0.35..1.0)];
    let count = random.random_range(20..48);
    (0..count)
        .map(|_| {
            let radius = if hollow { 1.0 } else { random.random::<f64>().cbrt() };
            let towards = direction(random);
            std::array::from_fn(|i| towards[i] * radius * axes[i])
        })
        .collect()
}

/// One to four rings of subunits on one axis.
fn rings(random: &mut ChaCha8Rng) -> Vec<Point> {
    let (number, fold) = (random.random_range(1..=4), random.random_range(4..=10));
    let (rise, twist) = (random.random_range(0.3..0.7), random.random_range(0.0..1.0));
    let twin = random.random_bool(0.4).then(|| random.random_range(0.4..0.75));
    (0..number * fold)
        .flat_map(|at| {
            let (ring, unit) = (at / fold, at % fold);
            let angle = std::f64::consts::TAU * (unit as f64 + twist * ring as f64) / fold as f64;
            let height = rise * (ring as f64 - 0.5 * (number as f64 - 1.0));
            let point = move |radius: f64| [radius * angle.cos(), radius * angle.sin(), height];
            std::iter::once(point(1.0)).chain(twin.map(point))
        })
        .collect()
}

/// Two to five lobes around the centre.
fn lobes(random: &mut ChaCha8Rng) -> Vec<Point> {
    let size = random.random_range(0.25..0.5);
    (0..random.random_range(2..=5))
        .flat_map(|_| {
            let reach = random.random_range(0.35..0.9);
            let centre = direction(random).map(|d| d * reach);
            (0..random.random_range(5..11))
                .map(|_| {
                    let (towards, radius) = (direction(random), size * random.random::<f64>().cbrt());
                    std::array::from_fn(|i| centre[i] + towards[i] * radius)
                })
                .collect::<Vec<Point>>()
        })
        .collect()
}

/// A bent rod.
fn rod(random: &mut ChaCha8Rng) -> Vec<Point> {
    let (bend, width) = (random.random_range(0.0..0.6), random.random_range(0.08..0.25));
    let count = random.random_range(14..30);
    (0..count)
        .map(|at| {
            let along = 2.0 * at as f64 / (count - 1) as f64 - 1.0;
            let towards = direction(random);
            [along + width * towards[0], bend * along * along + width * towards[1], width * towards[2]]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn particles_reach_half_a_diameter_and_differ() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let particles: Vec<Vec<Ball>> = (0..200).map(|_| random_particle(&mut random)).collect();
        for particle in &particles {
            let reach = particle.iter().map(Ball::reach).fold(0.0, f64::max);
            assert!((0.49..=0.51).contains(&reach), "{reach}");
        }
        let counts: std::collections::BTreeSet<usize> = particles.iter().map(Vec::len).collect();
        assert!(counts.len() > 20, "{counts:?}");
    }
}
