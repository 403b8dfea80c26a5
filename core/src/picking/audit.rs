//! The audit of picks: a person judges places that a run has found, in random order, and precision and recall of any
//! threshold follow from what they said. It assumes nothing of scores or of π.
//!
//! Every place has a rank that depends only on where it lies. The places with a score of a threshold or more, by rank, are a
//! random sample of the picks there; those below it are a random sample of the rest. Each group of
//! three questions holds two picks and one place below the threshold, in random order. The sample of each side ends at the first
//! place that nobody has judged. Labels that were set for another reason are taken as true where the sample meets them; which places were labelled
//! biases nothing.
//!
//! Another threshold divides one of the two samples: the part of it between both thresholds is a random sample of the
//! places there. In each part, with n of N places judged and k of them particles, the share of particles among the others is
//! drawn from Beta(k + ½, n − k + ½) (Jeffreys' prior) for the means, from Beta(k, n − k + 1) where it is to be low and from
//! Beta(k + 1, n − k) where it is to be high, whose quantiles are the bounds of Clopper and Pearson (*Biometrika* 26, 1934,
//! 404–413); their number is binomial. The lower ends of precision and recall are 5 % quantiles with few particles above the
//! threshold and many below it, the upper ends 95 % quantiles with many above and few below.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Binomial, Distribution};
use sha2::{Digest, Sha256};

use super::calibration::Calibration;
use super::census::{Census, Expectation, logit_of};
use super::picker::Candidate;
use crate::learning::eval::Share;
use crate::learning::prior::promise::summary;

/// Picks to be judged before the audit counts.
pub const ENOUGH_PICKS: usize = 20;
/// Places below the threshold to be judged before the audit counts.
pub const ENOUGH_BELOW: usize = 10;
/// Places kept: those of the lowest rank.
const MAX_PLACES: usize = 20_000;
/// Thresholds that may divide the sample, a hundredth apart.
const STEPS: usize = 99;
/// Answers that are drawn.
const DRAWN: usize = 500;
/// Seed of what is drawn, so that the same labels always give the same answer.
const SEED: u64 = 0x6175_6469;

/// A place of the audit.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditPlace {
    /// The file of its micrograph.
    pub file: Arc<Path>,
    /// Centre, px of the micrograph.
    pub x: f64,
    /// Centre, px, from the first stored row.
    pub y: f64,
    /// Its logit under the run.
    pub logit: f32,
    rank: u64,
}

/// The order in which the places of a run are judged: a random sample in memory that does not grow with their number.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    /// By rank.
    places: Vec<AuditPlace>,
}

/// How far the audit of a threshold is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditProgress {
    /// Judged of the picks.
    pub picks: usize,
    /// Judged of the places below the threshold.
    pub below: usize,
}

impl AuditProgress {
    /// Whether the audit counts.
    pub const fn is_enough(self) -> bool {
        self.picks >= ENOUGH_PICKS && self.below >= ENOUGH_BELOW
    }

    /// Whether the next place is to lie below the threshold.
    fn below_is_next(self) -> bool {
        let three = (self.picks / 2).min(self.below);
        let (picks, below) = (self.picks - 2 * three, self.below - three);
        // Which of the three it is, by a hash of their number.
        let place = ((three as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % 3;
        below == 0 && picks as u64 >= place
    }
}

/// What the places from a logit on are worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worth {
    /// The logit, to within a hundredth.
    pub logit: f64,
    /// Share of particles among them.
    pub precision: f64,
    /// 2·found / (picked + particles).
    pub f1: f64,
}

/// What a person has said in an audit.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The logit that divides the two samples.
    threshold: f64,
    /// Logit of each judged place, and whether it is a particle.
    sample: Vec<(f32, bool)>,
}

impl Audit {
    /// Adds the places of a micrograph that are at a distance from each other.
    pub fn add(&mut self, file: &Path, places: &[Candidate]) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file: Arc<Path> = PathBuf::from(file).into();
        self.places.extend(places.iter().map(|place| AuditPlace {
            file: Arc::clone(&file),
            x: place.x,
            y: place.y,
            logit: place.logit,
            rank: rank(&name, place),
        }));
        if self.places.len() > 2 * MAX_PLACES {
            self.places.select_nth_unstable_by_key(MAX_PLACES, |place| place.rank);
            self.places.truncate(MAX_PLACES);
        }
    }

    /// All places are there: puts them in order.
    pub fn settle(&mut self) {
        self.places.sort_by_key(|place| place.rank);
        self.places.truncate(MAX_PLACES);
    }

    /// The places with this logit or more, or those below it, in the order in which they are judged.
    fn side(&self, logit: f64, picks: bool) -> impl Iterator<Item = &AuditPlace> {
        self.places.iter().filter(move |place| (f64::from(place.logit) >= logit) == picks)
    }

    /// How many places of either side were judged, up to the first that was not. `judged` says of a place whether a person
    /// took it for a particle; `None` where nobody has judged it.
    pub fn progress(&self, logit: f64, judged: &dyn Fn(&AuditPlace) -> Option<bool>) -> AuditProgress {
        let count = |picks| self.side(logit, picks).take_while(|place| judged(place).is_some()).count();
        AuditProgress { picks: count(true), below: count(false) }
    }

    /// The place to judge next; of three in a row two are picks and one lies below the threshold, so that nobody knows
    /// beforehand which it is. `None` when every place was judged.
    pub fn next(&self, logit: f64, judged: &dyn Fn(&AuditPlace) -> Option<bool>) -> Option<&AuditPlace> {
        let done = self.progress(logit, judged);
        let first = |picks: bool, done: usize| self.side(logit, picks).nth(done);
        let (pick, below) = (first(true, done.picks), first(false, done.below));
        if done.below_is_next() { below.or(pick) } else { pick.or(below) }
    }

    /// What was judged, at the threshold at which most was; `None` where nowhere enough was.
    pub fn judged(&self, judged: &dyn Fn(&AuditPlace) -> Option<bool>) -> Option<Judged> {
        let mut known: Vec<Option<Option<bool>>> = vec![None; self.places.len()];
        let mut of = |at: usize| *known[at].get_or_insert_with(|| judged(&self.places[at]));
        let mut best: Option<(usize, Judged)> = None;
        for step in 1..=STEPS {
            let threshold = logit_of(step as f64 / (STEPS + 1) as f64);
            let mut sample = Vec::new();
            let (mut open, mut counts) = ([true; 2], [0; 2]);
            for (at, place) in self.places.iter().enumerate() {
                let side = usize::from(f64::from(place.logit) < threshold);
                if !open[side] {
                    continue;
                }
                match of(at) {
                    Some(particle) => {
                        sample.push((place.logit, particle));
                        counts[side] += 1;
                    }
                    None => open[side] = false,
                }
                if open == [false; 2] {
                    break;
                }
            }
            let enough = AuditProgress { picks: counts[0], below: counts[1] }.is_enough();
            if enough && best.as_ref().is_none_or(|(most, _)| sample.len() > *most) {
                best = Some((sample.len(), Judged { threshold, sample }));
            }
        }
        best.map(|(_, judged)| judged)
    }
}

impl Judged {
    /// What is to be expected of the places with a logit or more; `None` where there is none. `census` counts all places.
    pub fn expect(&self, census: &Census, logit: f64) -> Option<Expectation> {
        let picked = census.above(logit);
        if picked == 0 {
            return None;
        }
        let (low, high) = (self.threshold.min(logit), self.threshold.max(logit));
        let (above, between) = (census.above(high), census.above(low));
        let parts = [
            self.part(above, |place| place >= high),
            self.part(between.saturating_sub(above), |place| place >= low && place < high),
            self.part(census.len().saturating_sub(between), |place| place < low),
        ];
        // Whether the part between both thresholds is picked.
        let takes_between = logit <= self.threshold;
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mut shares = |picks: Lean, rest: Lean| -> Option<[Share; 2]> {
            let (mut precisions, mut recalls) = (Vec::with_capacity(DRAWN), Vec::with_capacity(DRAWN));
            let leans = [picks, if takes_between { picks } else { rest }, rest];
            for _ in 0..DRAWN {
                let mut drawn = [0.0; 3];
                for ((number, part), lean) in drawn.iter_mut().zip(&parts).zip(leans) {
                    *number = part.draw(lean, &mut random)?;
                }
                let [above, between, below] = drawn;
                let found = if takes_between { above + between } else { above };
                precisions.push((found / picked as f64).min(1.0));
                let all = above + between + below;
                recalls.push(if all > 0.0 { found / all } else { 1.0 });
            }
            Some([summary(precisions)?, summary(recalls)?])
        };
        let [precision, recall] = shares(Lean::Middle, Lean::Middle)?;
        let [low, recall_low] = shares(Lean::Low, Lean::High)?;
        let [high, recall_high] = shares(Lean::High, Lean::Low)?;
        Some(Expectation {
            precision: precision.value,
            low: low.low.min(precision.value),
            high: high.high.max(precision.value),
            recall: recall.value,
            recall_low: recall_low.low.min(recall.value),
            recall_high: recall_high.high.max(recall.value),
            judged: self.sample.len() as u64,
        })
    }

    /// What thresholds are worth, ascending: with the chance of each place to be a particle as the answers calibrate its score.
    /// It serves to choose a threshold. Shares of few answers at each one would choose by chance; [`Self::expect`] says
    /// what is known of the one that was chosen.
    pub fn worth(&self, census: &Census) -> Vec<Worth> {
        let known = Calibration::fit(&self.sample);
        let all: f64 = census.by_logit().map(|(logit, count)| count as f64 * known.chance(logit)).sum();
        let (mut places, mut found) = (0.0, 0.0);
        let mut worth: Vec<Worth> = census
            .by_logit()
            .rev()
            .filter(|(_, count)| *count > 0)
            .map(|(logit, count)| {
                places += count as f64;
                found += count as f64 * known.chance(logit);
                Worth { logit, precision: found / places, f1: 2.0 * found / (places + all) }
            })
            .collect();
        worth.reverse();
        worth
    }

    fn part(&self, places: u64, within: impl Fn(f64) -> bool) -> Part {
        let judged = self.sample.iter().filter(|(logit, _)| within(f64::from(*logit)));
        let (mut of, mut particles) = (0_u64, 0_u64);
        for (_, particle) in judged {
            of += 1;
            particles += u64::from(*particle);
        }
        Part { particles, others: of - particles, open: places.saturating_sub(of) }
    }
}

/// Which way an unknown share is to err.
#[derive(Debug, Clone, Copy)]
enum Lean {
    Low,
    Middle,
    High,
}

/// Places on one side of a threshold, or between two.
struct Part {
    /// Particles among the judged.
    particles: u64,
    /// The others among the judged.
    others: u64,
    /// Places that nobody has judged.
    open: u64,
}

impl Part {
    /// A number of particles that is possible.
    fn draw(&self, lean: Lean, random: &mut ChaCha8Rng) -> Option<f64> {
        let (particles, others) = (self.particles as f64, self.others as f64);
        let (a, b) = match lean {
            Lean::Low => (particles, others + 1.0),
            Lean::Middle => (particles + 0.5, others + 0.5),
            Lean::High => (particles + 1.0, others),
        };
        // The ends of what is possible, where nothing speaks against them.
        let share = match (a, b) {
            (0.0, _) => 0.0,
            (_, 0.0) => 1.0,
            (a, b) => Beta::new(a, b).ok()?.sample(random).clamp(0.0, 1.0),
        };
        let more = Binomial::new(self.open, share).ok()?.sample(random);
        Some(particles + more as f64)
    }
}

/// How far a patch may lie from a place that it judges, px, where places are at least `distance` px apart.
pub fn reach(distance: f64) -> f64 {
    (0.5 * distance).max(1.0)
}

/// What the nearest of some judgements says, given their distances, px, if it lies within `reach`.
pub fn nearest(judgements: impl Iterator<Item = (f64, bool)>, reach: f64) -> Option<bool> {
    let near = judgements.filter(|(distance, _)| *distance <= reach);
    near.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, particle)| particle)
}

/// The rank of a place: the same whenever the same micrograph is picked with the same result, wherever its file lies.
fn rank(name: &str, place: &Candidate) -> u64 {
    let tenths = |v: f64| ((v * 10.0).round() as i64).to_le_bytes();
    let hash = Sha256::new()
        .chain_update(name.as_bytes())
        .chain_update(tenths(place.x))
        .chain_update(tenths(place.y))
        .finalize();
    hash.iter().take(8).fold(0, |rank, &byte| (rank << 8) | u64::from(byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashMap;

    use rand::RngExt;
    use rand_distr::Normal;

    use super::*;

    /// Places of some micrographs, of which a share π are particles, with the truth of each.
    struct Drawn {
        audit: Audit,
        census: Census,
        places: Vec<Candidate>,
        is_particle: HashMap<(i64, i64), bool>,
    }

    fn drawn(seed: u64, prior: f64) -> Drawn {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (particle, rest) = (Normal::new(1.0, 1.5).unwrap(), Normal::new(-2.5, 1.5).unwrap());
        let (mut audit, mut census) = (Audit::default(), Census::default());
        let (mut all, mut is_particle) = (Vec::new(), HashMap::new());
        for micrograph in 0..5_u32 {
            let file = PathBuf::from(format!("m{micrograph}_{seed}.mrc"));
            let places: Vec<Candidate> = (0..400_u32)
                .map(|at| {
                    let truth = random.random_bool(prior);
                    let logit: f64 =
                        if truth { particle.sample(&mut random) } else { rest.sample(&mut random) };
                    let (x, y) = (f64::from(at), f64::from(micrograph));
                    is_particle.insert((at.into(), micrograph.into()), truth);
                    Candidate { x, y, logit: logit.max(-5.9) as f32 }
                })
                .collect();
            audit.add(&file, &places);
            census.add(&places);
            all.extend(places);
        }
        audit.settle();
        Drawn { audit, census, places: all, is_particle }
    }

    impl Drawn {
        fn truth(&self, x: f64, y: f64) -> bool {
            self.is_particle[&(x as i64, y as i64)]
        }

        /// Precision and recall by the truth.
        fn true_shares(&self, logit: f64) -> (f64, f64) {
            let picked: Vec<_> = self.places.iter().filter(|p| f64::from(p.logit) >= logit).collect();
            let found = picked.iter().filter(|p| self.truth(p.x, p.y)).count() as f64;
            let all = self.is_particle.values().filter(|p| **p).count() as f64;
            (found / picked.len() as f64, found / all)
        }

        /// Judges `number` places at a threshold, in the order in which the audit asks for them.
        fn judge(&self, number: usize, logit: f64) -> HashMap<(i64, i64), bool> {
            let mut said = HashMap::new();
            for _ in 0..number {
                let place = self.audit.next(logit, &|place| in_said(&said, place)).unwrap();
                let key = (place.x as i64, place.y as i64);
                said.insert(key, self.is_particle[&key]);
            }
            said
        }
    }

    fn in_said(said: &HashMap<(i64, i64), bool>, place: &AuditPlace) -> Option<bool> {
        said.get(&(place.x as i64, place.y as i64)).copied()
    }

    #[test]
    fn the_nearest_judgement_within_reach_counts() {
        let near = |all: &[(f64, bool)]| nearest(all.iter().copied(), reach(20.0));
        assert_eq!(near(&[(9.0, false), (3.0, true)]), Some(true));
        assert_eq!(near(&[(10.5, true)]), None);
        assert_eq!(near(&[]), None);
        assert_eq!(reach(0.0), 1.0);
    }

    #[test]
    fn of_three_places_in_a_row_one_lies_below_and_nobody_knows_which() {
        let drawn = drawn(1, 0.3);
        let (mut places, mut before) = (Vec::new(), 0);
        for number in 0..=60 {
            let said = drawn.judge(number, 0.0);
            let done = drawn.audit.progress(0.0, &|place| in_said(&said, place));
            assert_eq!(done.picks + done.below, number);
            if number % 3 == 0 {
                assert_eq!(done.below, number / 3, "{number}");
            }
            if done.below > before {
                places.push((number + 2) % 3);
                before = done.below;
            }
            assert_eq!(done.is_enough(), number >= 30);
            assert_eq!(drawn.audit.judged(&|place| in_said(&said, place)).is_some(), number >= 30);
        }
        for place in 0..3 {
            let times = places.iter().filter(|known| **known == place).count();
            assert!((3..12).contains(&times), "{places:?}");
        }
    }

    #[test]
    fn intervals_hold_the_truth_in_nine_of_ten_cases_also_at_other_thresholds() {
        let (mut cases, mut precise, mut recalled, mut width) = (0_u32, 0, 0, 0.0);
        for seed in 0..60 {
            let drawn = drawn(seed, [0.1, 0.3, 0.6][seed as usize % 3]);
            let answers = [30, 60][seed as usize % 2];
            let said = drawn.judge(answers, 0.0);
            let judged = drawn.audit.judged(&|place| in_said(&said, place)).unwrap();
            assert_eq!(judged.sample.len(), answers);
            for logit in [-1.5, -0.5, 0.0, 0.7, 1.5] {
                let expected = judged.expect(&drawn.census, logit).unwrap();
                let (precision, recall) = drawn.true_shares(logit);
                cases += 1;
                precise += u32::from((expected.low..=expected.high).contains(&precision));
                recalled += u32::from((expected.recall_low..=expected.recall_high).contains(&recall));
                width += expected.high - expected.low;
            }
        }
        assert!(precise * 10 >= cases * 9, "{precise} of {cases} precisions");
        assert!(recalled * 10 >= cases * 9, "{recalled} of {cases} recalls");
        assert!(width / f64::from(cases) < 0.45, "they tell something: {}", width / f64::from(cases));
    }

    /// Somebody has confirmed nearly all picks on one micrograph, without an audit. The sample stops where it meets the first
    /// place that nobody has judged, and what was confirmed elsewhere counts for nothing.
    #[test]
    fn labels_set_for_another_reason_are_no_sample() {
        let drawn = drawn(3, 0.3);
        let confirmed = |place: &AuditPlace| (place.y == 2.0).then_some(true);
        let done = drawn.audit.progress(0.0, &confirmed);
        assert!(done.picks < 5 && done.below < 5, "{done:?}");
        assert_eq!(drawn.audit.judged(&confirmed), None);
    }

    #[test]
    fn a_threshold_is_chosen_near_the_best() {
        for seed in 0..6 {
            let drawn = drawn(seed, 0.3);
            let said = drawn.judge(60, 0.0);
            let judged = drawn.audit.judged(&|place| in_said(&said, place)).unwrap();
            let worth = judged.worth(&drawn.census);
            assert!(worth.windows(2).all(|pair| pair[0].logit < pair[1].logit));
            let f1 = |logit: f64| {
                let (precision, recall) = drawn.true_shares(logit);
                2.0 * precision * recall / (precision + recall).max(1e-9)
            };
            let chosen = worth.iter().max_by(|a, b| a.f1.total_cmp(&b.f1)).unwrap();
            let best = worth.iter().map(|worth| f1(worth.logit)).fold(0.0, f64::max);
            assert!(f1(chosen.logit) > best - 0.04, "{} of {best}", f1(chosen.logit));
            assert!((chosen.precision - drawn.true_shares(chosen.logit).0).abs() < 0.15, "{chosen:?}");
        }
    }

    #[test]
    fn what_was_judged_completely_is_certain() {
        let drawn = drawn(4, 0.3);
        let all = |place: &AuditPlace| Some(drawn.truth(place.x, place.y));
        assert_eq!(drawn.audit.next(0.0, &all), None);
        let judged = drawn.audit.judged(&all).unwrap();
        // The census counts to within a hundredth of a logit.
        for logit in [-1.0, 0.0, 1.0] {
            let expected = judged.expect(&drawn.census, logit).unwrap();
            let (precision, recall) = drawn.true_shares(logit);
            assert!((expected.precision - precision).abs() < 0.02, "{expected:?} {precision}");
            assert!((expected.recall - recall).abs() < 0.02, "{expected:?} {recall}");
            assert!(expected.high - expected.low < 0.03, "{expected:?}");
        }
        assert_eq!(judged.expect(&drawn.census, 29.0), None);
    }

    #[test]
    fn the_order_depends_on_places_alone_and_memory_stays() {
        let place = |x: f64| Candidate { x, y: 3.0, logit: 0.0 };
        let places: Vec<Candidate> = (0..60_000).map(|x| place(f64::from(x))).collect();
        let (mut one, mut other) = (Audit::default(), Audit::default());
        one.add(Path::new("a/m.mrc"), &places);
        for part in places.chunks(7_000).rev() {
            other.add(Path::new("b/m.mrc"), part);
        }
        one.settle();
        other.settle();
        assert_eq!(one.places.len(), MAX_PLACES);
        let xs = |audit: &Audit| audit.places.iter().map(|p| p.x as u32).collect::<Vec<_>>();
        assert_eq!(xs(&one), xs(&other));
        assert!(xs(&one).windows(2).any(|pair| pair[0] > pair[1]), "not as they lie");
    }
}
