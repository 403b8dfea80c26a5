//! Binormal estimate of the class prior π, for picks that are not a random sample of the particles.
//!
//! Best bin estimation ([`crate::learning::prior::best_bin`]) assumes that labelled particles score like the
//! others. But people label the clear ones, which score higher. Then the best bin holds too few of the other
//! particles, and π̂ comes out too low, by half and more. Here this shift is part of the model.
//!
//! On the scale on which the positives are standard normal (the normal deviate of a score's rank among
//! them), the unlabeled are modelled as π·N(−δ, 1) + (1 − π)·N(−m, s²): unpicked particles, δ ≥ 0 below
//! the picks, and non-particles. A normal mixture on the scale of ranks is the binormal model of ROC curves
//! (Dorfman & Alf 1969, J. Math. Psychol. 6:487; Metz, Herman & Shen 1998, Stat. Med. 17:1033): it uses
//! only the order of the scores. Scores below all but a few of the positives are only counted, so the
//! distribution of clear non-particles (ice, carbon) does not matter.
//!
//! A few hundred scores do not determine δ, m, s and π without prior assumptions: δ has a half-normal prior
//! of scale 0.4, ln s a normal prior of scale 0.3 around 0, m (from δ + 0.75 to 5) and π (0 to 1) have uniform
//! priors. All combinations on a grid are weighted by prior × likelihood; π̂ is the posterior mean, the interval
//! its 5 % to 95 % quantiles. The likelihood is raised to the power n_p/(n_p + n_u), because ranks among n_p
//! positives are only known as precisely as n_p allows. The widths were set on simulated patches with known
//! truth.
//!
//! Random unlabeled patches that a person has checked ([`Checked`]) enter as what they are: k particles among n give
//! the factor π^k·(1 − π)^(n−k), at full weight.

use crate::learning::eval::metrics::{MetricError, check_count, check_finite};
use crate::learning::prior::best_bin::MIN_SCORES;

/// Range of normal deviates in which scores are counted in bins.
const RANGE: [f64; 2] = [-2.0, 2.4];
/// Bins in [`RANGE`].
const BINS: usize = 24;
/// Ranks below this many positives, or above all but one, are too coarse for separate bins.
const LOWEST_RANKS: f64 = 3.0;
/// Scale of the half-normal prior of δ.
const AHEAD_SCALE: f64 = 0.4;
/// Scale of the normal prior of ln s.
const SPREAD_SCALE: f64 = 0.3;
/// Non-particles lie at least this far below unpicked particles.
const GAP: f64 = 0.75;
/// Posterior weight outside the interval at either end.
const TAIL: f64 = 0.05;

/// The binormal estimate of π.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinormalPrior {
    /// Posterior mean of π.
    pub estimate: f64,
    /// Lower end of the 90 % interval.
    pub low: f64,
    /// Upper end of the 90 % interval.
    pub high: f64,
}

/// Random unlabeled patches that a person has looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checked {
    /// How many are particles.
    pub particles: u64,
    /// How many are none.
    pub others: u64,
}

impl Checked {
    /// How many were looked at.
    pub fn total(self) -> u64 {
        self.particles + self.others
    }

    /// Logarithm of the binomial likelihood of π, without its constant.
    fn log_likelihood(self, prior: f64) -> f64 {
        self.particles as f64 * prior.ln() + self.others as f64 * (1.0 - prior).ln()
    }
}

/// One of the mixtures that the scores allow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixture {
    /// Share of particles among the unlabeled, π.
    pub prior: f64,
    /// How far unpicked particles lie below the picks on the scale of ranks, δ.
    pub ahead: f64,
    /// How far non-particles lie below the picks, m.
    pub behind: f64,
    /// Standard deviation of the non-particles, s.
    pub spread: f64,
}

/// The mixtures that the scores allow, each as often as it is probable.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixtures {
    /// The estimate of π.
    pub prior: BinormalPrior,
    /// Mixtures at equal steps of the posterior's cumulative weight.
    pub drawn: Vec<Mixture>,
}

/// Mixtures drawn.
const DRAWN: usize = 2000;

/// Estimates π from out-of-fold scores of positives and unlabeled. Picks may score higher than unpicked particles.
///
/// # Errors
/// When either side has fewer than 10 scores, or a score is no finite number.
pub fn binormal_prior(
    positive: &[f32],
    unlabeled: &[f32],
    checked: Checked,
) -> Result<BinormalPrior, MetricError> {
    let posterior = Posterior::new(positive, unlabeled, checked)?;
    Ok(posterior.prior())
}

/// The mixtures behind [`binormal_prior`], by which everything that depends on π is judged with its uncertainty.
///
/// # Errors
/// As [`binormal_prior`].
pub fn binormal_mixtures(
    positive: &[f32],
    unlabeled: &[f32],
    checked: Checked,
) -> Result<Mixtures, MetricError> {
    let posterior = Posterior::new(positive, unlabeled, checked)?;
    Ok(Mixtures { prior: posterior.prior(), drawn: posterior.draw(DRAWN) })
}

/// Weights of all mixtures on a grid.
struct Posterior {
    /// Values of π.
    priors: Vec<f64>,
    /// The other parameters; `weights` has one entry per value of π for each.
    shapes: Vec<[f64; 3]>,
    /// Logarithms of the weights.
    log_weights: Vec<f64>,
    /// The largest of them.
    largest: f64,
}

impl Posterior {
    fn new(positive: &[f32], unlabeled: &[f32], checked: Checked) -> Result<Self, MetricError> {
        check_count(positive, "positive", MIN_SCORES)?;
        check_count(unlabeled, "unlabeled", MIN_SCORES)?;
        check_finite(positive, "positive")?;
        check_finite(unlabeled, "unlabeled")?;
        let edges = edges(positive.len());
        let counts = counts(positive, unlabeled, &edges);
        let power = positive.len() as f64 / (positive.len() + unlabeled.len()) as f64;

        let priors: Vec<f64> = (0..100).map(|i| (f64::from(i) + 0.5) / 100.0).collect();
        let aheads: Vec<f64> = (0..=15).map(|i| f64::from(i) * 0.1).collect();
        let behinds: Vec<f64> = (3..=25).map(|i| f64::from(i) * 0.2).collect();
        let spreads: Vec<f64> = (-4..=4).map(|i| (f64::from(i) * 0.15).exp()).collect();
        let particles: Vec<Vec<f64>> = aheads.iter().map(|&ahead| shares(&edges, -ahead, 1.0)).collect();

        let (mut shapes, mut log_weights) = (Vec::new(), Vec::new());
        for &behind in &behinds {
            for &spread in &spreads {
                let rest = shares(&edges, -behind, spread);
                let spread_cost = (spread.ln() / SPREAD_SCALE).powi(2) / 2.0;
                for (&ahead, particle) in aheads.iter().zip(&particles) {
                    if behind < ahead + GAP {
                        continue;
                    }
                    let cost = spread_cost + (ahead / AHEAD_SCALE).powi(2) / 2.0;
                    shapes.push([ahead, behind, spread]);
                    log_weights.extend(priors.iter().map(|&prior| {
                        let likelihood: f64 = counts
                            .iter()
                            .zip(particle.iter().zip(&rest))
                            .map(|(count, (p, n))| count * (prior * p + (1.0 - prior) * n).max(1e-12).ln())
                            .sum();
                        power * likelihood - cost + checked.log_likelihood(prior)
                    }));
                }
            }
        }
        let largest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Ok(Self { priors, shapes, log_weights, largest })
    }

    /// Weights relative to the largest, shape by shape, all values of π for each.
    fn weights(&self) -> impl Iterator<Item = f64> {
        self.log_weights.iter().map(|log_weight| (log_weight - self.largest).exp())
    }

    /// Mean and interval of π.
    fn prior(&self) -> BinormalPrior {
        let mut of_prior = vec![0.0; self.priors.len()];
        for (at, weight) in self.weights().enumerate() {
            of_prior[at % self.priors.len()] += weight;
        }
        let total: f64 = of_prior.iter().sum();
        let estimate =
            self.priors.iter().zip(&of_prior).map(|(prior, weight)| prior * weight).sum::<f64>() / total;
        BinormalPrior {
            estimate,
            low: below(&of_prior, TAIL * total).min(estimate),
            high: below(&of_prior, (1.0 - TAIL) * total).max(estimate),
        }
    }

    /// Mixtures at equal steps of the cumulative weight (systematic sampling, so no chance enters).
    fn draw(&self, number: usize) -> Vec<Mixture> {
        let total: f64 = self.weights().sum();
        let step = total / number as f64;
        let (mut sum, mut next) = (0.0, step / 2.0);
        let mut drawn = Vec::with_capacity(number);
        for (at, weight) in self.weights().enumerate() {
            sum += weight;
            while sum >= next && drawn.len() < number {
                let [ahead, behind, spread] = self.shapes[at / self.priors.len()];
                drawn.push(Mixture { prior: self.priors[at % self.priors.len()], ahead, behind, spread });
                next += step;
            }
        }
        drawn
    }
}

/// The point of [0, 1] below which `wanted` of the weight lies; each weight is spread evenly over its cell.
fn below(weights: &[f64], wanted: f64) -> f64 {
    let mut sum = 0.0;
    for (cell, &weight) in weights.iter().enumerate() {
        if sum + weight >= wanted && weight > 0.0 {
            return (cell as f64 + (wanted - sum) / weight) / weights.len() as f64;
        }
        sum += weight;
    }
    1.0
}

/// Normal deviates between the bins; the outermost bins are open. Few positives give fewer bins.
fn edges(positives: usize) -> Vec<f64> {
    let ranks = positives as f64 + 1.0;
    let step = (RANGE[1] - RANGE[0]) / BINS as f64;
    (0..=BINS)
        .map(|i| RANGE[0] + step * i as f64)
        .filter(|&edge| normal(edge) * ranks >= LOWEST_RANKS && normal(-edge) * ranks >= 1.0)
        .collect()
}

/// How many unlabeled scores fall into each bin by their rank among the positives. A score between two
/// positives may lie anywhere between them, so it counts for the bins there in parts.
fn counts(positive: &[f32], unlabeled: &[f32], edges: &[f64]) -> Vec<f64> {
    let mut sorted = positive.to_vec();
    sorted.sort_by(f32::total_cmp);
    let ranks = sorted.len() as f64 + 1.0;
    let levels: Vec<f64> = edges.iter().map(|&edge| normal(edge)).collect();
    let mut counts = vec![0.0; edges.len() + 1];
    for &score in unlabeled {
        let lower = sorted.partition_point(|&p| p < score) as f64;
        let upper = sorted.partition_point(|&p| p <= score) as f64;
        let (from, to) = (lower / ranks, (upper + 1.0) / ranks);
        let mut start = from;
        for (bin, count) in counts.iter_mut().enumerate() {
            let end = levels.get(bin).copied().unwrap_or(1.0).min(to);
            if end > start {
                *count += (end - start) / (to - from);
                start = end;
            }
        }
    }
    counts
}

/// Shares of N(`mean`, `spread`²) in the bins.
fn shares(edges: &[f64], mean: f64, spread: f64) -> Vec<f64> {
    let mut below = 0.0;
    let ends = edges.iter().map(|&edge| normal((edge - mean) / spread)).chain([1.0]);
    ends.map(|end| end - std::mem::replace(&mut below, end)).collect()
}

/// Distribution function of the standard normal.
pub(crate) fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_all_scores_and_all_shares() {
        let edges = edges(343);
        assert_eq!(edges.len(), BINS + 1);
        let positive: Vec<f32> = (0..343).map(|i| i as f32).collect();
        let unlabeled: Vec<f32> = (-100..500).map(|i| i as f32 * 0.7).collect();
        let sum: f64 = counts(&positive, &unlabeled, &edges).iter().sum();
        assert!((sum - 600.0).abs() < 1e-9, "{sum}");
        let sum: f64 = shares(&edges, -1.3, 0.8).iter().sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        // Φ(1.959964) = 0.975.
        assert!((normal(1.959964) - 0.975).abs() < 1e-7);
    }

    #[test]
    fn few_positives_part_few_bins() {
        // Edges with at least 3 of 11 ranks below and 1 above: Φ⁻¹(3/11) = −0.60 to Φ⁻¹(10/11) = 1.34.
        let edges = edges(10);
        assert!(edges.first().is_some_and(|&e| (-0.61..-0.4).contains(&e)), "{edges:?}");
        assert!(edges.last().is_some_and(|&e| (1.1..1.34).contains(&e)), "{edges:?}");
    }

    #[test]
    fn weight_is_spread_over_its_cell() {
        assert!((below(&[1.0, 1.0, 2.0, 0.0], 1.5) - 0.375).abs() < 1e-12);
        assert!((below(&[0.0, 4.0], 4.0) - 1.0).abs() < 1e-12);
    }
}
