//! Statistics of a stream of pixels in bounded memory: moments, and percentiles of a sample.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Running mean and sum of squared deviations: each patch in two passes, patches merged by the
/// formula of Chan, Golub and LeVeque (1979), which is Welford's for blocks.
#[derive(Default)]
pub(super) struct Moments {
    pub count: f64,
    pub mean: f64,
    squares: f64,
}

impl Moments {
    pub fn add(&mut self, values: &[f32]) {
        if values.is_empty() {
            return;
        }
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let squares = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>();
        let total = self.count + n;
        let delta = mean - self.mean;
        self.mean += delta * n / total;
        self.squares += squares + delta * delta * self.count * n / total;
        self.count = total;
    }

    /// Population standard deviation.
    pub fn std(&self) -> f64 {
        (self.squares / self.count.max(1.0)).sqrt()
    }
}

/// A uniform sample of a stream in bounded memory: Li's algorithm L (1994), with a fixed seed.
pub(super) struct Reservoir {
    capacity: usize,
    values: Vec<f32>,
    random: ChaCha8Rng,
    weight: f64,
    /// Stream positions to pass over before the next one is taken.
    skip: u64,
}

impl Reservoir {
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            values: Vec::new(),
            random: ChaCha8Rng::seed_from_u64(0x5261_6e6b),
            weight: 1.0,
            skip: 0,
        }
    }

    pub fn add(&mut self, value: f32) {
        if self.values.len() < self.capacity {
            self.values.push(value);
            if self.values.len() == self.capacity {
                self.draw_skip();
            }
        } else if self.skip > 0 {
            self.skip -= 1;
        } else {
            let slot = self.random.random_range(0..self.capacity);
            self.values[slot] = value;
            self.draw_skip();
        }
    }

    fn draw_skip(&mut self) {
        // 1 − u lies in (0, 1], so the logarithms are finite or −0.
        let unit = |random: &mut ChaCha8Rng| 1.0 - random.random::<f64>();
        self.weight *= (unit(&mut self.random).ln() / self.capacity as f64).exp();
        // The cast saturates where the weight has become tiny: nothing more is taken then.
        self.skip = (unit(&mut self.random).ln() / (-self.weight).ln_1p()).floor() as u64;
    }

    /// Two percentiles, interpolated linearly between the sorted values (NumPy's default).
    pub fn percentiles(&mut self, low: f32, high: f32) -> (f64, f64) {
        self.values.sort_by(f32::total_cmp);
        let at = |percent: f32| {
            let place = f64::from(percent) / 100.0 * (self.values.len().max(1) - 1) as f64;
            let below = place.floor() as usize;
            let first = self.values.get(below).copied().map_or(f64::NAN, f64::from);
            let second = self.values.get(below + 1).copied().map_or(first, f64::from);
            first + (second - first) * (place - below as f64)
        };
        (at(low), at(high))
    }
}
