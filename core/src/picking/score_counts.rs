//! The scores of one micrograph's places in few numbers, so that changing the micrograph's own threshold reads no file.

use super::census::score_of;
use super::picker::Candidate;

/// Scores at which places are counted: a hundredth apart, from 0.01 to 0.99.
const STEPS: usize = 99;

/// How many places of a micrograph reach each score.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScoreCounts {
    /// All places.
    places: u32,
    /// Places at or above each score, the lowest score first; empty without places.
    above: Vec<u32>,
}

impl ScoreCounts {
    /// Counts places.
    pub fn of(places: &[Candidate]) -> Self {
        let mut above = vec![0_u32; STEPS];
        for place in places {
            let score = score_of(f64::from(place.logit));
            // Steps that it reaches: those up to its own hundredth.
            let reached = ((score * (STEPS + 1) as f64 + 1e-9).floor() as usize).min(STEPS);
            if let Some(step) = reached.checked_sub(1).and_then(|last| above.get_mut(last)) {
                *step += 1;
            }
        }
        for at in (1..STEPS).rev() {
            let higher = above[at];
            above[at - 1] += higher;
        }
        Self { places: u32::try_from(places.len()).unwrap_or(u32::MAX), above }
    }

    /// All places.
    pub const fn places(&self) -> u32 {
        self.places
    }

    /// Places at or above a score, to the nearest hundredth.
    pub fn above(&self, score: f64) -> u32 {
        match (score * (STEPS + 1) as f64).round() as usize {
            0 => self.places,
            step => self.above.get(step.min(STEPS) - 1).copied().unwrap_or(0),
        }
    }

    /// Places from one score up to another.
    pub fn between(&self, low: f64, high: f64) -> u32 {
        self.above(low).saturating_sub(self.above(high))
    }

    /// How differently the scores of two micrographs are spread: the largest difference of the shares above a score
    /// (the distance of Kolmogorov and Smirnov), from 0 to 1.
    pub fn distance(&self, other: &Self) -> f64 {
        let share = |counts: &Self, at: usize| {
            f64::from(counts.above.get(at).copied().unwrap_or(0)) / f64::from(counts.places.max(1))
        };
        (0..STEPS).map(|at| (share(self, at) - share(other, at)).abs()).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::super::census::logit_of;
    use super::*;

    fn counts(scores: &[f64]) -> ScoreCounts {
        let place = |&score: &f64| Candidate { x: 0.0, y: 0.0, logit: logit_of(score) as f32 };
        ScoreCounts::of(&scores.iter().map(place).collect::<Vec<_>>())
    }

    #[test]
    fn places_are_counted_by_score() {
        let known = counts(&[0.003, 0.255, 0.5, 0.9, 0.9999]);
        assert_eq!((known.places(), known.above(0.0), known.above(0.01)), (5, 5, 4));
        assert_eq!((known.above(0.25), known.above(0.26), known.above(0.99)), (4, 3, 1));
        assert_eq!((known.above(0.5), known.above(0.51), known.between(0.2, 0.95)), (3, 2, 3));
        assert_eq!(ScoreCounts::default().above(0.5), 0);
    }

    #[test]
    fn the_distance_is_that_of_the_shares() {
        let (low, high) = (counts(&[0.1, 0.2, 0.3, 0.4]), counts(&[0.6, 0.7]));
        assert_eq!(low.distance(&high), 1.0);
        assert_eq!(low.distance(&low), 0.0);
        assert_eq!(low.distance(&counts(&[0.15, 0.25, 0.35, 0.9])), 0.25);
    }
}
