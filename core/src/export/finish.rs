//! Patches of a stack as RELION's refinement wants them: background of mean 0 and standard deviation
//! 1, particles lighter than the ice.

/// How patches are finished before they are written.
pub(super) struct Finish {
    size: usize,
    normalise: bool,
    invert: bool,
    /// Whether a pixel lies outside the circle that RELION takes for the particle.
    outside: Vec<bool>,
}

/// Diameter of the circle around the particle as a share of the side, RELION's own value when it
/// extracts (`bg_diameter` of its Extract job).
const CIRCLE: f64 = 0.75;

impl Finish {
    /// For patches of `size` px a side.
    pub fn new(size: usize, normalise: bool, invert: bool) -> Self {
        let radius = CIRCLE * size as f64 / 2.0;
        // The centre is pixel size/2, counted from 0.
        let from_centre = |at: usize| at as f64 - (size / 2) as f64;
        let outside = (0..size * size)
            .map(|at| from_centre(at % size.max(1)).hypot(from_centre(at / size.max(1))) > radius)
            .collect();
        Self { size, normalise, invert, outside }
    }

    /// Subtracts the plane that fits the background best, and divides by the background's standard
    /// deviation (`normalise` with `do_ramp` in RELION's `normalize.cpp`); turns the contrast over.
    pub fn apply(&self, patch: &mut [f32]) {
        if self.normalise {
            self.normalise(patch);
        }
        if self.invert {
            for value in patch.iter_mut() {
                *value = -*value;
            }
        }
    }

    fn normalise(&self, patch: &mut [f32]) {
        let size = self.size;
        let place = |at: usize| ((at % size) as f64, (at / size) as f64);
        let background =
            || self.outside.iter().enumerate().filter(|(_, outside)| **outside).map(|(at, _)| at);
        let count = background().count() as f64;
        if count < 3.0 {
            return;
        }
        let value = |at: usize| patch.get(at).copied().map_or(0.0, f64::from);
        // The background lies evenly around its own middle, so the plane's slopes come apart.
        let mean = |of: &dyn Fn(usize) -> f64| background().map(of).sum::<f64>() / count;
        let (mx, my) = (mean(&|at| place(at).0), mean(&|at| place(at).1));
        let level = mean(&value);
        let (mut xx, mut xy, mut yy, mut xv, mut yv) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for at in background() {
            let (x, y) = (place(at).0 - mx, place(at).1 - my);
            let v = value(at) - level;
            xx += x * x;
            xy += x * y;
            yy += y * y;
            xv += x * v;
            yv += y * v;
        }
        let determinant = xx * yy - xy * xy;
        let (a, b) = if determinant.abs() > f64::EPSILON * xx * yy {
            ((xv * yy - yv * xy) / determinant, (yv * xx - xv * xy) / determinant)
        } else {
            (0.0, 0.0)
        };
        let plane = |at: usize| level + a * (place(at).0 - mx) + b * (place(at).1 - my);
        let variance = mean(&|at| (value(at) - plane(at)).powi(2));
        let scale = if variance > 0.0 { variance.sqrt().recip() } else { 1.0 };
        let finished: Vec<f32> =
            (0..patch.len()).map(|at| ((value(at) - plane(at)) * scale) as f32).collect();
        patch.copy_from_slice(&finished);
    }
}

#[cfg(test)]
mod tests {
    use super::Finish;

    #[test]
    fn the_background_gets_mean_0_and_deviation_1_and_loses_its_ramp() {
        let size = 32;
        // A ramp, a checkerboard of ±2 as noise, and a dark disc of −50.
        let mut patch: Vec<f32> = (0..size * size)
            .map(|at| {
                let (x, y) = ((at % size) as f32, (at / size) as f32);
                let disc = (x - 16.0).hypot(y - 16.0) < 6.0;
                let noise = if (at % size + at / size) % 2 == 0 { 2.0 } else { -2.0 };
                10.0 + 0.5 * x - 0.25 * y + noise - if disc { 50.0 } else { 0.0 }
            })
            .collect();
        Finish::new(size, true, true).apply(&mut patch);
        let outside: Vec<f64> = (0..size * size)
            .filter(|at| ((at % size) as f64 - 16.0).hypot((at / size) as f64 - 16.0) > 12.0)
            .filter_map(|at| patch.get(at).copied().map(f64::from))
            .collect();
        let mean = outside.iter().sum::<f64>() / outside.len() as f64;
        let deviation =
            (outside.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / outside.len() as f64).sqrt();
        assert!(mean.abs() < 1e-6 && (deviation - 1.0).abs() < 1e-6, "{mean} {deviation}");
        // Turned over, the dark disc is light: 50/2 above the background.
        let centre = f64::from(patch.get(16 * size + 16).copied().unwrap_or_default());
        assert!((centre.abs() - 25.0).abs() < 1.5 && centre > 0.0, "{centre}");
    }
}
