//! Precision, recall, F1 and the area under their curve, with intervals over micrographs.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use crate::learning::eval::metrics::CurvePoint;

/// Samples of the bootstrap.
const RESAMPLES: usize = 1000;
/// Seed of the bootstrap: the same picks give the same intervals.
const SEED: u64 = 0x7069_636b;

/// A number with its 95 % interval over micrographs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Measured {
    /// The number; `None` where it is not defined (the precision of no picks).
    pub value: Option<f64>,
    /// 2.5th percentile of the bootstrap; `None` with fewer than two micrographs.
    pub low: Option<f64>,
    /// 97.5th percentile of the bootstrap.
    pub high: Option<f64>,
}

/// What happened on one micrograph, or on several together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Picks.
    pub picks: usize,
    /// Picks that found a centre.
    pub hits: usize,
    /// True centres.
    pub centres: usize,
}

impl Counts {
    /// Share of the picks that are hits.
    pub fn precision(&self) -> Option<f64> {
        (self.picks > 0).then(|| self.hits as f64 / self.picks as f64)
    }

    /// Share of the centres that were found.
    pub fn recall(&self) -> Option<f64> {
        (self.centres > 0).then(|| self.hits as f64 / self.centres as f64)
    }

    /// Harmonic mean of precision and recall: 2·hits / (picks + centres).
    pub fn f1(&self) -> Option<f64> {
        let all = self.picks + self.centres;
        (all > 0).then(|| 2.0 * self.hits as f64 / all as f64)
    }
}

/// Precision, recall and F1 of picks with a score at or above a threshold.
///
/// *Pooled* numbers count the picks of all micrographs together. *Macro* numbers are means over
/// micrographs; a micrograph on which a number is not defined (precision without picks, recall without
/// centres) does not enter its mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Lowest score accepted; `None` where all picks are.
    pub threshold: Option<f64>,
    /// Counts of all micrographs together.
    pub counts: Counts,
    /// Pooled precision.
    pub precision: Measured,
    /// Pooled recall.
    pub recall: Measured,
    /// Pooled F1.
    pub f1: Measured,
    /// Macro precision.
    pub macro_precision: Measured,
    /// Macro recall.
    pub macro_recall: Measured,
    /// Macro F1.
    pub macro_f1: Measured,
}

/// A pick after matching.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JudgedPick {
    /// Its score; 0 where picks have none.
    pub score: f64,
    /// Whether it found a centre.
    pub hit: bool,
    /// Index of its micrograph.
    pub micrograph: usize,
}

/// The picks of all micrographs after matching, the best score first.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    picks: Vec<JudgedPick>,
    centres: Vec<usize>,
}

impl Ranked {
    /// Sorts picks by score. `centres` holds the number of true centres of each micrograph.
    pub fn new(mut picks: Vec<JudgedPick>, centres: Vec<usize>) -> Self {
        // Adding 0.0 turns −0 into +0, which are equal scores but not equal under `total_cmp`.
        picks.sort_by(|a, b| (b.score + 0.0).total_cmp(&(a.score + 0.0)));
        Self { picks, centres }
    }

    /// The counts of each micrograph for picks with a score of at least `threshold`.
    pub fn counts(&self, threshold: Option<f64>) -> Vec<Counts> {
        let mut counts: Vec<Counts> =
            self.centres.iter().map(|&centres| Counts { centres, ..Counts::default() }).collect();
        for pick in self.picks.iter().take_while(|p| threshold.is_none_or(|t| p.score >= t)) {
            counts[pick.micrograph].picks += 1;
            counts[pick.micrograph].hits += usize::from(pick.hit);
        }
        counts
    }

    /// The numbers at a threshold, with intervals.
    pub fn at(&self, threshold: Option<f64>) -> Point {
        point(threshold, &self.counts(threshold))
    }

    /// Runs of equal score: (score, hits, picks) of those at or above it, the best score first.
    fn levels(&self) -> impl Iterator<Item = (f64, usize, usize)> + '_ {
        let (mut hits, mut picks) = (0, 0);
        self.picks.chunk_by(|a, b| a.score == b.score).map(move |level| {
            hits += level.iter().filter(|p| p.hit).count();
            picks += level.len();
            (level[0].score, hits, picks)
        })
    }

    /// Precision (y) over recall (x), one point a distinct score, from the best score down. The first
    /// point repeats the first precision at recall 0.
    pub fn curve(&self) -> Vec<CurvePoint> {
        let centres = self.centres.iter().sum::<usize>().max(1) as f64;
        let points: Vec<CurvePoint> = self
            .levels()
            .map(|(_, hits, picks)| CurvePoint { x: hits as f64 / centres, y: hits as f64 / picks as f64 })
            .collect();
        let start = points.first().map(|p| CurvePoint { x: 0.0, y: p.y });
        start.into_iter().chain(points).collect()
    }

    /// The threshold with the highest pooled F1, among equals the highest; `None` without picks.
    pub fn best_threshold(&self) -> Option<f64> {
        let centres = self.centres.iter().sum::<usize>();
        let mut best: Option<(f64, f64)> = None;
        for (score, hits, picks) in self.levels() {
            let f1 = 2.0 * hits as f64 / (picks + centres) as f64;
            if best.is_none_or(|(_, most)| f1 > most) {
                best = Some((score, f1));
            }
        }
        best.map(|(score, _)| score)
    }

    /// Area under the precision–recall curve as average precision: Σ (Rₖ − Rₖ₋₁)·Pₖ over the distinct
    /// scores from the best down, without interpolation (the definition of scikit-learn). Recall counts all
    /// centres, so centres that no pick found, however low its score, cost area.
    pub fn average_precision(&self) -> Measured {
        let ones = vec![1; self.centres.len()];
        let samples = resamples(self.centres.len());
        let drawn: Vec<f64> =
            samples.par_iter().filter_map(|weights| self.weighted_average_precision(weights)).collect();
        with_interval(self.weighted_average_precision(&ones), drawn)
    }

    /// Average precision where micrograph `m` counts `weights[m]` times.
    fn weighted_average_precision(&self, weights: &[u32]) -> Option<f64> {
        let centres: usize = self.centres.iter().zip(weights).map(|(&n, &w)| n * w as usize).sum();
        if centres == 0 {
            return None;
        }
        let (mut hits, mut picks, mut area) = (0_usize, 0_usize, 0.0);
        for level in self.picks.chunk_by(|a, b| a.score == b.score) {
            let mut new = 0;
            for pick in level {
                let weight = weights[pick.micrograph] as usize;
                picks += weight;
                new += if pick.hit { weight } else { 0 };
            }
            hits += new;
            if picks > 0 {
                area += new as f64 * hits as f64 / picks as f64;
            }
        }
        Some(area / centres as f64)
    }
}

/// The numbers of picks that were counted, with intervals.
pub fn point(threshold: Option<f64>, counts: &[Counts]) -> Point {
    let samples = resamples(counts.len());
    let measure = |of: &(dyn Fn(&[u32]) -> Option<f64> + Sync)| {
        let ones = vec![1; counts.len()];
        with_interval(of(&ones), samples.par_iter().filter_map(|weights| of(weights)).collect())
    };
    let pooled = |of: fn(&Counts) -> Option<f64>| measure(&move |weights: &[u32]| of(&sum(counts, weights)));
    let averaged =
        |of: fn(&Counts) -> Option<f64>| measure(&move |weights: &[u32]| mean(counts, weights, of));
    Point {
        threshold,
        counts: sum(counts, &vec![1; counts.len()]),
        precision: pooled(Counts::precision),
        recall: pooled(Counts::recall),
        f1: pooled(Counts::f1),
        macro_precision: averaged(Counts::precision),
        macro_recall: averaged(Counts::recall),
        macro_f1: averaged(Counts::f1),
    }
}

fn sum(counts: &[Counts], weights: &[u32]) -> Counts {
    counts.iter().zip(weights).fold(Counts::default(), |total, (one, &weight)| Counts {
        picks: total.picks + weight as usize * one.picks,
        hits: total.hits + weight as usize * one.hits,
        centres: total.centres + weight as usize * one.centres,
    })
}

fn mean(counts: &[Counts], weights: &[u32], of: fn(&Counts) -> Option<f64>) -> Option<f64> {
    let (mut total, mut number) = (0.0, 0.0);
    for (one, &weight) in counts.iter().zip(weights) {
        if let Some(value) = of(one) {
            total += f64::from(weight) * value;
            number += f64::from(weight);
        }
    }
    (number > 0.0).then(|| total / number)
}

/// How often each micrograph is drawn in each sample of the bootstrap (Efron 1979): `count` draws with
/// replacement. None for fewer than two micrographs, which say nothing of their spread.
fn resamples(count: usize) -> Vec<Vec<u32>> {
    if count < 2 {
        return Vec::new();
    }
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    (0..RESAMPLES)
        .map(|_| {
            let mut weights = vec![0; count];
            for _ in 0..count {
                weights[random.random_range(0..count)] += 1;
            }
            weights
        })
        .collect()
}

/// The number with the percentile interval of its bootstrap samples.
fn with_interval(value: Option<f64>, mut samples: Vec<f64>) -> Measured {
    samples.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * samples.len().saturating_sub(1) as f64).round() as usize;
        samples.get(place).copied().filter(|_| value.is_some())
    };
    Measured { value, low: at(0.025), high: at(0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(score: f64, hit: bool, micrograph: usize) -> JudgedPick {
        JudgedPick { score, hit, micrograph }
    }

    /// Two micrographs with 2 and 3 centres; five picks.
    fn ranked() -> Ranked {
        let picks = vec![
            pick(0.7, true, 1),
            pick(0.9, true, 0),
            pick(0.8, false, 0),
            pick(0.7, false, 1),
            pick(0.1, true, 1),
        ];
        Ranked::new(picks, vec![2, 3])
    }

    fn near(value: Option<f64>, wanted: f64) {
        assert!(value.is_some_and(|v| (v - wanted).abs() < 1e-12), "{value:?} for {wanted}");
    }

    #[test]
    fn precision_recall_and_f1_by_hand() {
        let all = ranked().at(None);
        assert_eq!(all.counts, Counts { picks: 5, hits: 3, centres: 5 });
        near(all.precision.value, 3.0 / 5.0);
        near(all.recall.value, 3.0 / 5.0);
        near(all.f1.value, 6.0 / 10.0);
        // Micrograph 0: 1 of 2 picks, 1 of 2 centres; micrograph 1: 2 of 3 and 2 of 3.
        near(all.macro_precision.value, (0.5 + 2.0 / 3.0) / 2.0);
        near(all.macro_recall.value, (0.5 + 2.0 / 3.0) / 2.0);
        near(all.macro_f1.value, (0.5 + 2.0 / 3.0) / 2.0);
        // At 0.8: 1 of 2 picks; micrograph 1 has none, so it has no precision and an F1 of 0.
        let strict = ranked().at(Some(0.8));
        assert_eq!(strict.counts, Counts { picks: 2, hits: 1, centres: 5 });
        near(strict.macro_precision.value, 0.5);
        near(strict.macro_recall.value, 0.25);
        near(strict.macro_f1.value, 0.25);
    }

    #[test]
    fn average_precision_and_curve_by_hand() {
        // Levels: 0.9 (1 of 1), 0.8 (1 of 2), 0.7 (2 of 4), 0.1 (3 of 5), of 5 centres.
        let ranked = ranked();
        near(ranked.average_precision().value, (1.0 * 1.0 + 0.0 + 1.0 * 2.0 / 4.0 + 1.0 * 3.0 / 5.0) / 5.0);
        let curve: Vec<(f64, f64)> = ranked.curve().iter().map(|p| (p.x, p.y)).collect();
        assert_eq!(curve, [(0.0, 1.0), (0.2, 1.0), (0.2, 0.5), (0.4, 0.5), (0.6, 0.6)]);
        // F1 at the levels: 2/6, 2/7, 4/9, 6/10.
        assert_eq!(ranked.best_threshold(), Some(0.1));
    }

    #[test]
    fn of_two_thresholds_with_the_same_f1_the_higher_is_taken() {
        // 1 of 1 pick and 2 of 4 picks of 2 centres: F1 2/3 both.
        let picks = vec![pick(0.9, true, 0), pick(0.5, true, 0), pick(0.5, false, 0), pick(0.5, false, 0)];
        let ranked = Ranked::new(picks, vec![2]);
        assert_eq!(ranked.best_threshold(), Some(0.9));
        // One micrograph says nothing of the spread over micrographs.
        let point = ranked.at(None);
        assert_eq!((point.f1.low, point.f1.high), (None, None));
    }

    #[test]
    fn nothing_to_divide_by_is_not_a_number() {
        let empty = Ranked::new(Vec::new(), vec![0, 0]);
        let point = empty.at(None);
        assert_eq!([point.precision.value, point.recall.value, point.f1.value], [None; 3]);
        assert_eq!(empty.average_precision().value, None);
        assert_eq!(empty.best_threshold(), None);
        near(Ranked::new(Vec::new(), vec![4]).at(None).recall.value, 0.0);
    }

    #[test]
    fn the_interval_of_two_micrographs_runs_from_the_worse_to_the_better() {
        // 40 micrographs would give a narrow one; two give samples of (0,0), (0,1), (1,1) only.
        let ranked = Ranked::new(vec![pick(0.5, true, 0), pick(0.5, false, 1)], vec![1, 1]);
        let f1 = ranked.at(None).macro_f1;
        assert_eq!((f1.value, f1.low, f1.high), (Some(0.5), Some(0.0), Some(1.0)));
        let area = ranked.average_precision();
        assert_eq!((area.value, area.low, area.high), (Some(0.25), Some(0.0), Some(1.0)));
        assert_eq!(ranked.average_precision(), area, "the same picks give the same interval");
    }
}
