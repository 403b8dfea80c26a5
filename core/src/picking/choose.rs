//! Which of the scored places are picks: by a threshold, by an expected number, or by an expected precision.

use super::audit::Judged;
use super::census::{Census, Expectation, TOP, logit_of};
use super::peaks::spaced;
use super::picker::{Candidate, Candidates, FLOOR};
use crate::error::{Error, Result};
use crate::learning::prior::binormal::{Checked, Mixtures, binormal_mixtures};
use crate::learning::prior::promise::{Reached, promise};
use crate::remedy::Remedy;

/// What a person asks of the picks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Choice {
    /// A score (0 to 1) at or above this.
    Threshold(f64),
    /// So many picks a micrograph, on average over all.
    Expected(f64),
    /// The lowest threshold at which this share of the picks is expected to be particles.
    Precision(f64),
}

impl Choice {
    /// Refuses what cannot be meant.
    ///
    /// # Errors
    /// When a threshold or a precision does not lie in 0 to 1, or a number is not positive.
    pub fn check(self) -> Result<()> {
        let (what, value, fine) = match self {
            Self::Threshold(v) => ("a threshold", v, (0.0..=1.0).contains(&v)),
            Self::Expected(v) => ("an expected number", v, v.is_finite() && v > 0.0),
            Self::Precision(v) => ("a precision", v, v > 0.0 && v < 1.0),
        };
        if fine {
            return Ok(());
        }
        let range = match self {
            Self::Expected(_) => "give a positive number of picks a micrograph",
            _ => "give a number between 0 and 1",
        };
        Err(Error::request(format!("{value} is no value for {what}"), range))
    }
}

/// The places of a micrograph that lie at least `distance` px apart, the best first: of two nearer ones the better.
pub fn at_distance(found: &Candidates, distance: f64) -> Vec<Candidate> {
    let places: Vec<(f64, f64)> = found.places.iter().map(|p| (p.x, p.y)).collect();
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| found.places[b].logit.total_cmp(&found.places[a].logit));
    spaced(&places, &order, distance).into_iter().map(|at| found.places[at]).collect()
}

/// Fewer positives than this say too little of recall.
const MIN_POSITIVES: usize = 10;

/// What a precision is expected from.
#[derive(Debug, Clone, Copy)]
pub enum Evidence<'a> {
    /// The logits of particles on which the network did not learn, beside those of the places.
    Scores(&'a [f32]),
    /// What a person has said of places at random.
    Judged(&'a Judged),
    /// Nothing.
    Nothing(WhyNothing<'a>),
}

/// Why the scores of particles on which the network did not learn tell no precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyNothing<'a> {
    /// The patches of the project have no scores of this run.
    NotScored(&'a str),
    /// The labelled particles may be clearer than the others, so their scores do not say how high particles score.
    ClearPicks,
    /// The places have no shifts of their micrographs, and the scores of particles are known with them only.
    WithoutShifts,
}

impl WhyNothing<'_> {
    fn error(self) -> Error {
        match self {
            Self::NotScored(run) => Error::request(
                format!(
                    "an expected precision needs scores of particles that the run did not learn from, and the patches of the \
                     project have none of {run}"
                ),
                Remedy::ScoreFirst { run: run.to_owned() },
            ),
            Self::ClearPicks => Error::request(
                "the labelled particles look clearer than the others, or may be, so their scores do not say how many of the \
                 places are particles",
                Remedy::JudgePicks,
            ),
            Self::WithoutShifts => Error::request(
                "scores are counted without the shifts of their micrographs, and the scores of held-out particles are \
                 known with them only",
                Remedy::OneThreshold,
            ),
        }
    }
}

impl Evidence<'_> {
    /// Whether a precision can be expected from it, as far as that can be said before places are known.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(self) -> Result<()> {
        match self {
            Self::Scores(positives) => enough(positives).map(drop),
            Self::Judged(_) => Ok(()),
            Self::Nothing(why) => Err(why.error()),
        }
    }
}

/// The logits of particles that are not below every place that is kept.
fn enough(positives: &[f32]) -> Result<Vec<f32>> {
    let above: Vec<f32> = positives.iter().copied().filter(|p| *p >= FLOOR).collect();
    if above.len() >= MIN_POSITIVES {
        return Ok(above);
    }
    Err(Error::request(
        format!(
            "an expected precision needs scores of at least {MIN_POSITIVES} particles that the run did not learn from; \
             there are {}",
            above.len()
        ),
        Remedy::JudgePicks,
    ))
}

impl Census {
    /// The logit that a choice means. Only a precision needs the evidence.
    ///
    /// # Errors
    /// When a precision was asked for and there are too few positives or places, or no threshold reaches it.
    pub fn threshold(&self, choice: Choice, evidence: Evidence<'_>) -> Result<f64> {
        match choice {
            Choice::Threshold(score) => Ok(logit_of(score)),
            Choice::Expected(number) => Ok(self.with_at_most(number * self.micrographs as f64)),
            Choice::Precision(wanted) => {
                let (found, remedy) = match self.known(evidence)? {
                    Known::Particles(known) => {
                        (known.lowest(self, wanted), "ask for a lower precision, or train with more labels")
                    }
                    Known::Judged(judged) => (
                        lowest(judged.worth(self).into_iter().map(|at| (at.logit, at.precision)), wanted),
                        "ask for a lower precision, or train with the judged picks",
                    ),
                };
                found.map_err(|highest| {
                    let why = "no threshold is expected to give a precision of";
                    Error::request(format!("{why} {wanted}; the highest is {highest:.2}"), remedy)
                })
            }
        }
    }

    /// What is to be expected at a threshold; see [`Self::threshold`].
    ///
    /// # Errors
    /// When there are too few positives or places.
    pub fn expect(&self, logit: f64, evidence: Evidence<'_>) -> Result<Option<Expectation>> {
        Ok(self.known(evidence)?.at(self, logit))
    }

    /// As [`Self::expect`] at several thresholds: what takes time is done once.
    ///
    /// # Errors
    /// As [`Self::expect`].
    pub fn expectations(&self, logits: &[f64], evidence: Evidence<'_>) -> Result<Vec<Option<Expectation>>> {
        let known = self.known(evidence)?;
        Ok(logits.iter().map(|&logit| known.at(self, logit)).collect())
    }

    fn known<'a>(&self, evidence: Evidence<'a>) -> Result<Known<'a>> {
        match evidence {
            Evidence::Scores(positives) => Ok(Known::Particles(self.particles(enough(positives)?)?)),
            Evidence::Judged(judged) => Ok(Known::Judged(judged)),
            Evidence::Nothing(why) => Err(why.error()),
        }
    }

    /// Whether there are enough places for a precision.
    pub(crate) fn has_enough(&self) -> bool {
        self.sample.len() >= MIN_POSITIVES
    }

    /// How many of the places are particles: their share is the class prior of positives against places.
    fn particles(&self, positives: Vec<f32>) -> Result<Particles> {
        if !self.has_enough() {
            return Err(Error::request(
                format!(
                    "an expected precision needs at least {MIN_POSITIVES} places; there are {}",
                    self.sample.len()
                ),
                "pick on more micrographs, or choose a threshold or an expected number",
            ));
        }
        let mixtures = binormal_mixtures(&positives, &self.sample, Checked::default())?;
        Ok(Particles { mixtures, positives })
    }
}

/// What is known of the places of a census.
enum Known<'a> {
    Particles(Particles),
    Judged(&'a Judged),
}

impl Known<'_> {
    fn at(&self, census: &Census, logit: f64) -> Option<Expectation> {
        match self {
            Self::Particles(particles) => particles.at(census, logit),
            Self::Judged(judged) => judged.expect(census, logit),
        }
    }
}

/// Particles among the places of a census.
struct Particles {
    mixtures: Mixtures,
    positives: Vec<f32>,
}

/// The first logit with the precision that is wanted, of logits that ascend; the highest precision where there is none.
fn lowest(precisions: impl Iterator<Item = (f64, f64)>, wanted: f64) -> std::result::Result<f64, f64> {
    let mut highest = 0.0_f64;
    for (logit, precision) in precisions {
        if precision >= wanted {
            return Ok(logit);
        }
        highest = highest.max(precision);
    }
    Err(highest)
}

impl Particles {
    /// The lowest logit at which a precision is expected; the highest that is expected where there is none.
    fn lowest(&self, census: &Census, wanted: f64) -> std::result::Result<f64, f64> {
        let logits =
            (0..).map(|step| f64::from(FLOOR) + 0.05 * f64::from(step)).take_while(|logit| *logit < TOP);
        lowest(logits.filter_map(|logit| Some((logit, self.at(census, logit)?.precision))), wanted)
    }

    /// The promise of a threshold; `None` where nothing is picked.
    fn at(&self, census: &Census, logit: f64) -> Option<Expectation> {
        let found = self.positives.iter().filter(|p| f64::from(**p) >= logit).count() as u64;
        let positives = Reached { above: found, of: self.positives.len() as u64 };
        let places = Reached { above: census.above(logit), of: census.len() };
        let promise = promise(&self.mixtures, positives, places)?;
        let precision = promise.precision?;
        Some(Expectation {
            precision: precision.value,
            low: precision.low,
            high: precision.high,
            recall: promise.recall.value,
            recall_low: promise.recall.low,
            recall_high: promise.recall.high,
            judged: 0,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, Normal};

    use super::*;
    use crate::imaging::Border;

    const NONE: Evidence<'static> = Evidence::Scores(&[]);

    fn place(x: f64, logit: f32) -> Candidate {
        Candidate { x, y: 0.0, logit }
    }

    #[test]
    fn of_two_near_places_the_better_is_a_pick() {
        let found = Candidates {
            size: (100, 100),
            border: Border::default(),
            places: vec![place(0.0, 1.0), place(5.0, 3.0), place(20.0, 2.0)],
        };
        let kept: Vec<f64> = at_distance(&found, 10.0).iter().map(|p| p.x).collect();
        assert_eq!(kept, [5.0, 20.0]);
    }

    #[test]
    fn an_expected_number_is_an_average_over_micrographs() {
        let mut census = Census::default();
        census.add(&[place(0.0, 4.0), place(1.0, 3.0), place(2.0, 2.0)]);
        census.add(&[place(0.0, 1.0)]);
        // 1.5 a micrograph are three in all.
        let logit = census.threshold(Choice::Expected(1.5), NONE).unwrap();
        assert_eq!(census.above(logit), 3);
        assert!(logit > 1.0 && logit < 2.0 + 1e-9, "{logit}");
        assert_eq!(census.above(census.threshold(Choice::Expected(100.0), NONE).unwrap()), 4);
        assert!((census.threshold(Choice::Threshold(0.5), NONE).unwrap()).abs() < 1e-12);
        assert_eq!(census.threshold(Choice::Threshold(0.0), NONE).unwrap(), f64::NEG_INFINITY);
    }

    /// 3,000 particles with logits of 2 ± 1 among 9,000 other places of −1 ± 1.
    #[test]
    fn the_expected_precision_is_near_the_true_one() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let (particle, rest) = (Normal::new(2.0, 1.0).unwrap(), Normal::new(-1.0, 1.0).unwrap());
        let draw = |of: &Normal<f64>, random: &mut ChaCha8Rng| of.sample(random) as f32;
        let particles: Vec<f32> = (0..3000).map(|_| draw(&particle, &mut random)).collect();
        let others: Vec<f32> = (0..9000).map(|_| draw(&rest, &mut random)).collect();
        let positives: Vec<f32> = (0..400).map(|_| draw(&particle, &mut random)).collect();
        let mut census = Census::default();
        let all: Vec<Candidate> = particles.iter().chain(&others).map(|&logit| place(0.0, logit)).collect();
        census.add(&all);
        let logit = census.threshold(Choice::Precision(0.9), Evidence::Scores(&positives)).unwrap();
        let above = |scores: &[f32]| scores.iter().filter(|s| f64::from(**s) >= logit).count() as f64;
        let true_precision = above(&particles) / (above(&particles) + above(&others));
        assert!((true_precision - 0.9).abs() < 0.05, "{true_precision} at {logit}");
        let expected = census.expect(logit, Evidence::Scores(&positives)).unwrap().unwrap();
        assert!(expected.low <= true_precision && true_precision <= expected.high, "{expected:?}");
        assert!(census.threshold(Choice::Precision(0.9), Evidence::Scores(&positives[..5])).is_err());
        let refused =
            census.threshold(Choice::Precision(0.9), Evidence::Nothing(WhyNothing::ClearPicks)).unwrap_err();
        assert!(refused.to_string().contains("clearer"), "{refused}");
        assert!(census.threshold(Choice::Threshold(0.5), Evidence::Nothing(WhyNothing::ClearPicks)).is_ok());
        assert_eq!(census.expect(29.0, Evidence::Scores(&positives)).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for choice in [
            Choice::Threshold(1.5),
            Choice::Threshold(f64::NAN),
            Choice::Expected(0.0),
            Choice::Precision(1.0),
            Choice::Precision(0.0),
        ] {
            assert!(choice.check().is_err(), "{choice:?}");
        }
        assert!(Choice::Threshold(0.0).check().is_ok() && Choice::Expected(0.5).check().is_ok());
    }
}
