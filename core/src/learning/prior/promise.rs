//! What to expect of the unlabeled that a threshold accepts: how many of them are particles, and how many of the
//! particles are accepted, each with an interval.
//!
//! Neither can be counted, because nobody knows which of the unlabeled are particles. Both follow from the binormal
//! mixture ([`crate::learning::prior::binormal`]): at a threshold that a share r of the picks reaches, the normal
//! deviate is z = Φ⁻¹(1 − r), and a share R = 1 − Φ(z + δ) of the unpicked particles reaches it. Where a share a of the
//! unlabeled reaches it, π·R/a of these are particles, and the recall is a·precision/π. The scores allow many mixtures.
//! Each that was drawn gives an answer, with r and a drawn from their own uncertainty (Beta(k + ½, n − k + ½) for k of
//! n), and the particles among the accepted from a binomial distribution. The promise is the mean of the answers with
//! their 5 % and 95 % quantiles. The interval of the recall reaches further: to a·precision/π at the worst and the best
//! ends of precision and π, because unpicked particles may lag behind the picks more than any mixture allows.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Binomial, Distribution};
use serde::Serialize;

use crate::learning::eval::Share;
use crate::learning::prior::binormal::{Mixtures, normal};

/// Share of the answers outside the interval at either end.
const TAIL: f64 = 0.05;
/// Seed of what is drawn, so that a threshold always gets the same promise.
const SEED: u64 = 0x7072_6f6d;

/// What to expect of a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Promise {
    /// Share of particles among the accepted unlabeled; `None` where none is accepted.
    pub precision: Option<Share>,
    /// Share of the particles among the unlabeled that is accepted.
    pub recall: Share,
}

impl Promise {
    /// Whether the labels tell enough of the precision to act on. The recall is seldom told as well.
    pub fn tells(&self) -> bool {
        self.precision.is_none_or(|share| share.is_narrow())
    }
}

/// How many reach a threshold, and of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// How many.
    pub above: u64,
    /// Of how many.
    pub of: u64,
}

impl Reached {
    /// The share of all that reach it, as far as these few tell.
    fn share(self) -> Option<Beta<f64>> {
        Beta::new(self.above as f64 + 0.5, self.of.saturating_sub(self.above) as f64 + 0.5).ok()
    }
}

/// The promise of a threshold, given how many of the picks and of the unlabeled reach it. The picks must be among
/// those that the network did not learn from; the unlabeled are those of whom something is to be promised.
pub fn promise(mixtures: &Mixtures, picks: Reached, unlabeled: Reached) -> Option<Promise> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let (reached, accepted) = (picks.share()?, unlabeled.share()?);
    let (mut precisions, mut recalls) = (Vec::new(), Vec::new());
    for mixture in &mixtures.drawn {
        let z = deviate(1.0 - reached.sample(&mut random));
        let accepted = accepted.sample(&mut random);
        let found = mixture.prior * (1.0 - normal(z + mixture.ahead));
        let precision = (found / accepted).clamp(0.0, 1.0);
        recalls.push((accepted * precision / mixture.prior).min(1.0));
        if unlabeled.above > 0 {
            let number = Binomial::new(unlabeled.above, precision).ok()?.sample(&mut random);
            precisions.push(number as f64 / unlabeled.above as f64);
        }
    }
    let (precision, mut recall) = (summary(precisions), summary(recalls)?);
    if let Some(precision) = precision {
        // Precision and π do not err together as the mixtures have it: unpicked particles may lag further behind the
        // picks than any of them allows. So the recall reaches from the worst of both to the best of both.
        let accepted = unlabeled.above as f64 / unlabeled.of.max(1) as f64;
        recall.low = recall.low.min(accepted * precision.low / mixtures.prior.high);
        recall.high = recall.high.max((accepted * precision.high / mixtures.prior.low).min(1.0));
    }
    Some(Promise { precision, recall })
}

/// The promise of a threshold by a random sample of the unlabeled alone: the score of each patch, and whether it is a
/// particle. It assumes nothing of how scores are distributed, so it holds where the mixtures do not, with a wider
/// interval. `None` without a patch.
pub fn promise_by_sample(sample: &[(f32, bool)], threshold: f64) -> Option<Promise> {
    if sample.is_empty() {
        return None;
    }
    let (mut accepted, mut right, mut particles) = (0, 0, 0);
    for &(score, is_particle) in sample {
        let above = score >= threshold as f32;
        accepted += u64::from(above);
        particles += u64::from(is_particle);
        right += u64::from(above && is_particle);
    }
    let share = |hits: u64, of: u64| -> Option<Share> {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let beta = Reached { above: hits, of }.share()?;
        summary((0..DRAWN).map(|_| beta.sample(&mut random)).collect())
    };
    let precision = if accepted > 0 { share(right, accepted) } else { None };
    Some(Promise { precision, recall: share(right, particles)? })
}

/// Values drawn of a share.
const DRAWN: usize = 2000;

/// Mean with the 5 % and 95 % quantiles.
pub(crate) fn summary(mut values: Vec<f64>) -> Option<Share> {
    values.sort_by(f64::total_cmp);
    let at =
        |share: f64| values.get((share * values.len().saturating_sub(1) as f64).round() as usize).copied();
    let value = values.iter().sum::<f64>() / values.len() as f64;
    Some(Share { value, low: at(TAIL)?.min(value), high: at(1.0 - TAIL)?.max(value) })
}

/// The normal deviate below which a share of the standard normal lies, by bisection; within ±8.
fn deviate(share: f64) -> f64 {
    let (mut low, mut high) = (-8.0, 8.0);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if normal(middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand::RngExt;
    use rand_distr::Normal;

    use super::*;
    use crate::learning::prior::binormal::{Checked, binormal_mixtures};

    /// Scores of picks and of unlabeled patches, and which of the latter are particles.
    struct Drawn {
        picks: Vec<f32>,
        unlabeled: Vec<f32>,
        is_particle: Vec<bool>,
    }

    fn drawn(prior: f64, ahead: f64, behind: f64, number: [usize; 2], random: &mut ChaCha8Rng) -> Drawn {
        let normal = Normal::new(0.0, 1.0).unwrap();
        let picks = (0..number[0]).map(|_| normal.sample(random) as f32).collect();
        let is_particle: Vec<bool> = (0..number[1]).map(|_| random.random_bool(prior)).collect();
        let unlabeled = is_particle
            .iter()
            .map(|&particle| (normal.sample(random) - if particle { ahead } else { behind }) as f32)
            .collect();
        Drawn { picks, unlabeled, is_particle }
    }

    fn reached(scores: &[f32], threshold: f32) -> Reached {
        let above = scores.iter().filter(|score| **score >= threshold).count() as u64;
        Reached { above, of: scores.len() as u64 }
    }

    /// Over π from 0.1 to 0.6, picks that are clearer than other particles or not, and classes near or far: with and
    /// without a random sample the intervals hold the truth at least as often as they say, and the sample narrows them.
    #[test]
    fn promises_hold_the_truth_in_nine_of_ten_cases() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut widths = [0.0; 2];
        for (sampled, width) in [0, 40].into_iter().zip(&mut widths) {
            let (mut cases, mut precise, mut recalled) = (0, 0, 0);
            for prior in [0.1, 0.3, 0.6] {
                for (ahead, behind) in [(0.0, 2.0), (0.4, 2.5), (0.0, 3.5), (0.7, 3.0)] {
                    let Drawn { picks, unlabeled, is_particle } =
                        drawn(prior, ahead, behind, [80, 600], &mut random);
                    let particles = is_particle[..sampled].iter().filter(|p| **p).count() as u64;
                    let checked = Checked { particles, others: sampled as u64 - particles };
                    let mixtures = binormal_mixtures(&picks, &unlabeled, checked).unwrap();
                    let all = is_particle.iter().filter(|p| **p).count() as f64;
                    for threshold in [-1.2, -0.5, 0.0, 0.5] {
                        let (p, u) = (reached(&picks, threshold), reached(&unlabeled, threshold));
                        let promise = promise(&mixtures, p, u).unwrap();
                        let found = unlabeled
                            .iter()
                            .zip(&is_particle)
                            .filter(|(score, particle)| **score >= threshold && **particle)
                            .count() as f64;
                        let holds = |share: Share, truth: f64| (share.low..=share.high).contains(&truth);
                        let precision = promise.precision.unwrap();
                        cases += 1;
                        precise += usize::from(holds(precision, found / u.above as f64));
                        recalled += usize::from(holds(promise.recall, found / all));
                        *width += precision.high - precision.low;
                    }
                }
            }
            assert!(precise * 10 >= cases * 9, "{precise} of {cases} precisions, {sampled} sampled");
            assert!(recalled * 10 >= cases * 8, "{recalled} of {cases} recalls, {sampled} sampled");
        }
        assert!(widths[1] < 0.8 * widths[0], "a random sample narrows: {widths:?}");
    }

    #[test]
    fn nothing_accepted_has_no_precision() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let Drawn { picks, unlabeled, .. } = drawn(0.3, 0.0, 3.0, [50, 300], &mut random);
        let mixtures = binormal_mixtures(&picks, &unlabeled, Checked::default()).unwrap();
        let (p, u) = (reached(&picks, 1e3), reached(&unlabeled, 1e3));
        let promise = promise(&mixtures, p, u).unwrap();
        assert_eq!(promise.precision, None);
        assert!(promise.recall.value < 0.05);
        // The same question has the same answer.
        assert_eq!(super::promise(&mixtures, p, u), Some(promise));
    }

    #[test]
    fn a_sample_promises_what_it_holds() {
        // 40 patches: of 20 above the threshold 15 are particles, of 20 below 5.
        let sample: Vec<(f32, bool)> =
            (0..40).map(|i| (i as f32 / 40.0, (5..10).contains(&i) || (20..35).contains(&i))).collect();
        let promise = promise_by_sample(&sample, 0.5).unwrap();
        let (precision, recall) = (promise.precision.unwrap(), promise.recall);
        assert!((precision.value - 15.5 / 21.0).abs() < 0.01, "{precision:?}");
        assert!((recall.value - 15.5 / 21.0).abs() < 0.01, "{recall:?}");
        assert_eq!(promise_by_sample(&[], 0.5), None);
        assert_eq!(promise_by_sample(&sample, 2.0).unwrap().precision, None);
    }

    #[test]
    fn deviates_undo_the_distribution() {
        for z in [-3.0, -0.5, 0.0, 1.7] {
            assert!((deviate(normal(z)) - z).abs() < 1e-9, "{z}");
        }
    }
}
