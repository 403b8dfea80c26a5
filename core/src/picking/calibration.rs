//! How likely a place of some logit is a particle, by places that a person has judged.

/// Spread that is believed of the shift and of the slope before anything was judged.
const SHIFT_STD: f64 = 2.0;
const SLOPE_STD: f64 = 0.5;
/// Steps of Newton's method; it has converged long before.
const STEPS: usize = 25;

/// The chance 1/(1 + exp(−(shift + slope·logit))) of a place to be a particle (Platt 1999). Two numbers are learned from few
/// answers, where shares at every threshold would be chance. What a place was judged for may depend on its logit, for the
/// chance is asked given the logit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    shift: f64,
    slope: f64,
}

impl Calibration {
    /// The most probable calibration, given the logit of each judged place and whether it is a particle. It begins as shift
    /// 0 and slope 1, the score as it is, from which normal priors hold it.
    pub fn fit(sample: &[(f32, bool)]) -> Self {
        let (mut shift, mut slope) = (0.0, 1.0);
        for _ in 0..STEPS {
            // Gradient and curvature of the negative log posterior.
            let (mut ga, mut gb) = (shift / SHIFT_STD.powi(2), (slope - 1.0) / SLOPE_STD.powi(2));
            let (mut aa, mut ab, mut bb) = (SHIFT_STD.powi(-2), 0.0, SLOPE_STD.powi(-2));
            for &(logit, particle) in sample {
                let x = f64::from(logit);
                let p = Self { shift, slope }.chance(x);
                let (off, weight) = (p - f64::from(u8::from(particle)), p * (1.0 - p));
                ga += off;
                gb += off * x;
                aa += weight;
                ab += weight * x;
                bb += weight * x * x;
            }
            let determinant = aa * bb - ab * ab;
            // Short steps: from far away a whole one may overshoot.
            let limit = |step: f64| step.clamp(-1.0, 1.0);
            shift -= limit((bb * ga - ab * gb) / determinant);
            slope -= limit((aa * gb - ab * ga) / determinant);
        }
        Self { shift, slope: slope.max(0.0) }
    }

    /// The chance of a place of this logit to be a particle.
    pub fn chance(&self, logit: f64) -> f64 {
        1.0 / (1.0 + (-(self.shift + self.slope * logit)).exp())
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn without_answers_scores_mean_what_they_say() {
        let known = Calibration::fit(&[]);
        assert!((known.chance(0.0) - 0.5).abs() < 1e-9 && (known.chance(2.0) - 0.8808).abs() < 1e-4);
    }

    #[test]
    fn many_answers_give_the_chances_back() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let truth = Calibration { shift: -1.5, slope: 0.6 };
        let sample: Vec<(f32, bool)> = (0..4000)
            .map(|_| {
                let logit: f64 = random.random_range(-5.0..6.0);
                (logit as f32, random.random_bool(truth.chance(logit)))
            })
            .collect();
        let found = Calibration::fit(&sample);
        assert!(
            (found.shift - truth.shift).abs() < 0.15 && (found.slope - truth.slope).abs() < 0.06,
            "{found:?}"
        );
    }

    #[test]
    fn answers_that_agree_do_not_run_away() {
        let all = [(8.0, true); 30];
        let found = Calibration::fit(&all);
        assert!(found.chance(-6.0) < 0.5 && found.chance(8.0) > 0.9, "{found:?}");
        let none = [(8.0, false); 30];
        let found = Calibration::fit(&none);
        assert!(found.chance(8.0) < 0.2 && found.slope >= 0.0 && found.shift.is_finite(), "{found:?}");
    }
}
