//! How good positions on micrographs are, measured against known centres.
//!
//! Picks and centres are matched one to one within half and within a quarter of the particle's diameter
//! ([`matching`]); precision, recall, F1 and average precision follow, with intervals over micrographs
//! ([`measures`]); where several pickers are compared, what they agree on is judged too ([`consensus`]).
//! Everything works on plain coordinates.
//!
//! Where the truth lacks particles, picks that found these count as false: **precision is a lower bound**.

pub mod consensus;
pub mod matching;
pub mod measures;

use serde::Serialize;

use crate::learning::eval::metrics::CurvePoint;
use consensus::Agreed;
use matching::{Hit, match_picks};
use measures::{Counts, JudgedPick, Measured, Point, Ranked};

/// Shares of the diameter within which a pick is a hit: one half and one quarter.
pub const DIVISORS: [u32; 2] = [2, 4];

/// The picks of one picker on one micrograph.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PicksHere {
    /// Positions, px of the unbinned micrograph.
    pub places: Vec<(f64, f64)>,
    /// A finite score a position; empty where the picker gives none.
    pub scores: Vec<f64>,
}

/// The picks of one picker.
#[derive(Debug, Clone, PartialEq)]
pub struct PickSet {
    /// Its name in tables.
    pub name: String,
    /// Whether positions have scores.
    pub scored: bool,
    /// Its picks, one entry a micrograph.
    pub micrographs: Vec<PicksHere>,
}

/// A picker judged within one radius.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Within {
    /// The radius is the diameter divided by this.
    pub divisor: u32,
    /// The radius, px.
    pub radius: f64,
    /// All picks, or those at or above the threshold asked for.
    pub given: Point,
    /// At the threshold with the highest pooled F1, chosen on these same picks; `None` without scores.
    pub best: Option<Point>,
    /// Area under the precision–recall curve; `None` without scores.
    pub average_precision: Option<Measured>,
    /// Precision over recall; empty without scores.
    pub curve: Vec<CurvePoint>,
    /// Median distance of the hits to their centres, px, at [`Judged::shown_threshold`]; `None` without a hit.
    pub median_distance: Option<f64>,
}

/// A picker on one micrograph, within half a diameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OnMicrograph {
    /// Counts at the threshold of [`Judged::shown_threshold`].
    pub counts: Counts,
    /// F1 there.
    pub f1: Option<f64>,
}

/// A picker judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// Name of the picker, as it is shown.
    pub name: String,
    /// Whether its picks have scores.
    pub scored: bool,
    /// All its picks on the micrographs judged.
    pub picks: usize,
    /// Within each of [`DIVISORS`].
    pub within: Vec<Within>,
    /// The threshold of the numbers by micrograph, of the pictures and of the consensus: the one asked for,
    /// else the best within half a diameter; `None` where all picks count.
    pub shown_threshold: Option<f64>,
    /// By micrograph, within half a diameter.
    pub micrographs: Vec<OnMicrograph>,
}

/// Pickers judged side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The particle's diameter, px.
    pub diameter: f64,
    /// Names of the micrographs judged.
    pub micrographs: Vec<String>,
    /// True centres on them.
    pub centres: usize,
    /// One entry a picker, in the order in which they were named.
    pub sets: Vec<Judged>,
    /// What at least 1, 2, … of them found within half a diameter; empty for one picker.
    pub consensus: Vec<Agreed>,
}

/// The matching of one picker's picks on every micrograph, one entry a pick.
pub fn hits(set: &PickSet, centres: &[Vec<(f64, f64)>], radius: f64) -> Vec<Vec<Option<Hit>>> {
    set.micrographs
        .iter()
        .zip(centres)
        .map(|(here, centres)| {
            match_picks(&here.places, set.scored.then_some(here.scores.as_slice()), centres, radius)
        })
        .collect()
}

/// Judges pickers against the centres of each micrograph (px). `diameter` is that of the particle, px, and
/// positive; `threshold` counts only scored picks at or above it.
pub fn judge(
    sets: &[PickSet],
    micrographs: Vec<String>,
    centres: &[Vec<(f64, f64)>],
    diameter: f64,
    threshold: Option<f64>,
) -> Evaluation {
    let judged: Vec<Judged> = sets.iter().map(|set| judge_one(set, centres, diameter, threshold)).collect();
    let consensus = if sets.len() > 1 {
        let accepted: Vec<Vec<Vec<(f64, f64)>>> = sets
            .iter()
            .zip(&judged)
            .map(|(set, judged)| {
                set.micrographs.iter().map(|here| accepted(here, judged.shown_threshold)).collect()
            })
            .collect();
        consensus::agreed(&accepted, centres, diameter / f64::from(DIVISORS[0]))
    } else {
        Vec::new()
    };
    Evaluation { diameter, micrographs, centres: centres.iter().map(Vec::len).sum(), sets: judged, consensus }
}

/// Positions with a score at or above the threshold.
fn accepted(here: &PicksHere, threshold: Option<f64>) -> Vec<(f64, f64)> {
    let fits = |at: usize| match (threshold, here.scores.get(at)) {
        (Some(least), Some(&score)) => score >= least,
        _ => true,
    };
    here.places.iter().enumerate().filter(|(at, _)| fits(*at)).map(|(_, &place)| place).collect()
}

fn judge_one(set: &PickSet, centres: &[Vec<(f64, f64)>], diameter: f64, threshold: Option<f64>) -> Judged {
    let threshold = threshold.filter(|_| set.scored);
    let numbers: Vec<usize> = centres.iter().map(Vec::len).collect();
    let mut shown = threshold;
    let mut by_micrograph = Vec::new();
    let within = DIVISORS
        .iter()
        .map(|&divisor| {
            let radius = diameter / f64::from(divisor);
            let mut distances = Vec::new();
            let mut picks = Vec::new();
            for (micrograph, hits) in hits(set, centres, radius).into_iter().enumerate() {
                for (at, hit) in hits.into_iter().enumerate() {
                    let score = set.micrographs[micrograph].scores.get(at).copied().unwrap_or(0.0);
                    distances.extend(hit.map(|h| (score, h.distance)));
                    picks.push(JudgedPick { score, hit: hit.is_some(), micrograph });
                }
            }
            let ranked = Ranked::new(picks, numbers.clone());
            let best = if set.scored { ranked.best_threshold() } else { None };
            if divisor == DIVISORS[0] {
                shown = threshold.or(best);
                by_micrograph = ranked.counts(shown);
            }
            distances.retain(|(score, _)| shown.is_none_or(|least| *score >= least));
            Within {
                divisor,
                radius,
                given: ranked.at(threshold),
                best: best.map(|best| ranked.at(Some(best))),
                average_precision: set.scored.then(|| ranked.average_precision()),
                curve: if set.scored { ranked.curve() } else { Vec::new() },
                median_distance: median(distances.into_iter().map(|(_, away)| away).collect()),
            }
        })
        .collect();
    Judged {
        name: set.name.clone(),
        scored: set.scored,
        picks: set.micrographs.iter().map(|here| here.places.len()).sum(),
        within,
        shown_threshold: shown,
        micrographs: by_micrograph
            .into_iter()
            .map(|counts| OnMicrograph { counts, f1: counts.f1() })
            .collect(),
    }
}

/// The middle value, of an even number the mean of the middle two.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some((upper + lower) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, picks: &[(f64, f64, f64)]) -> PickSet {
        let here = PicksHere {
            places: picks.iter().map(|&(x, y, _)| (x, y)).collect(),
            scores: picks.iter().map(|&(_, _, score)| score).collect(),
        };
        PickSet { name: name.to_owned(), scored: true, micrographs: vec![here] }
    }

    /// Diameter 40: half is 20 px, a quarter 10 px.
    #[test]
    fn both_radii_the_thresholds_and_the_median_distance_by_hand() {
        let centres = vec![vec![(100.0, 100.0), (200.0, 100.0), (300.0, 100.0)]];
        let picks = [(104.0, 100.0, 0.9), (215.0, 100.0, 0.8), (500.0, 500.0, 0.3)];
        let judged = judge(&[set("a", &picks)], vec!["m".into()], &centres, 40.0, None);
        let [half, quarter] = [&judged.sets[0].within[0], &judged.sets[0].within[1]];
        assert_eq!(half.given.counts, Counts { picks: 3, hits: 2, centres: 3 });
        assert_eq!(quarter.given.counts, Counts { picks: 3, hits: 1, centres: 3 });
        // Distances 4 and 15.
        assert_eq!(half.median_distance, Some(9.5));
        assert_eq!(quarter.median_distance, Some(4.0));
        // F1 at 0.9, 0.8, 0.3: 2/4, 4/5, 4/6.
        assert_eq!(judged.sets[0].shown_threshold, Some(0.8));
        assert_eq!(half.best.map(|b| b.counts), Some(Counts { picks: 2, hits: 2, centres: 3 }));
        assert_eq!(judged.sets[0].micrographs[0].f1, Some(0.8));
        assert!(judged.consensus.is_empty());
        // A threshold that was asked for takes the place of the best.
        let strict = judge(&[set("a", &picks)], vec!["m".into()], &centres, 40.0, Some(0.85));
        assert_eq!(strict.sets[0].within[0].given.counts, Counts { picks: 1, hits: 1, centres: 3 });
        assert_eq!(
            (strict.sets[0].shown_threshold, strict.sets[0].within[0].median_distance),
            (Some(0.85), Some(4.0))
        );
    }

    #[test]
    fn without_scores_all_picks_count_and_nothing_is_ranked() {
        let mut plain = set("plain", &[(0.0, 0.0, 0.0), (50.0, 0.0, 0.0)]);
        plain.scored = false;
        plain.micrographs[0].scores.clear();
        let centres = vec![vec![(1.0, 0.0)]];
        let judged = judge(
            &[plain, set("a", &[(0.0, 0.0, 0.5), (9.0, 9.0, 0.1)])],
            vec!["m".into()],
            &centres,
            20.0,
            None,
        );
        let half = &judged.sets[0].within[0];
        assert_eq!(half.given.counts, Counts { picks: 2, hits: 1, centres: 1 });
        assert_eq!((half.best, half.average_precision, half.curve.len()), (None, None, 0));
        // The scored picker is taken at its best threshold: one place is shared, one only of the first.
        assert_eq!(judged.consensus[0].point.counts.picks, 2);
        assert_eq!(judged.consensus[1].point.counts, Counts { picks: 1, hits: 1, centres: 1 });
    }
}
