//! Reads back what a run has found on micrographs so far: the places of one micrograph; and, over all of them, how many picks
//! a threshold gives, with which expected precision and recall.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::by_micrograph::{ByMicrograph, named};
use super::held_out::HeldOut;
use super::pick_work::{masks, unmasked};
use super::trained::trained_model;
use crate::error::{Error, Result};
use crate::imaging::Mask;
use crate::ingest::project_cut;
use crate::picking::audit::{Audit, Judged};
use crate::picking::census::{Census, Expectation, logit_of, score_of};
use crate::picking::choose::{Evidence, WhyNothing, at_distance};
use crate::picking::picker::{Candidate, Candidates};
use crate::picking::score_counts::ScoreCounts;
use crate::picking::shift::without_shift;
use crate::picking::store::{FileState, Store};
use crate::project::Project;
use crate::remedy::Warning;

/// Scores of which a survey tells, evenly spaced.
const STEPS: usize = 99;
/// Bars of the histogram.
const BARS: usize = 50;
/// Micrographs whose places are in memory at once.
const READ_AT_ONCE: usize = 64;

/// The places that a run has found.
pub struct FoundPicks {
    store: Store,
    run: String,
    masks: HashMap<PathBuf, Mask>,
}

/// What a threshold gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AtThreshold {
    /// A score at or above this is a pick.
    pub score: f64,
    /// Picks on all micrographs together.
    pub picks: u64,
    /// What is to be expected of them; `None` where too little is known.
    pub expected: Option<Expectation>,
    /// The F1 to be expected of them, by which a threshold is proposed.
    pub expected_f1: Option<f64>,
}

/// The places of one micrograph.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OnOne {
    /// Its places by score.
    pub counts: ScoreCounts,
    /// How far its logits lie above those of the others, by the medians of the places; `None` where it has too few.
    pub shift: Option<f64>,
}

/// The places of all micrographs.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Micrographs with places.
    pub micrographs: usize,
    /// Each of them, by file.
    pub each: HashMap<PathBuf, OnOne>,
    /// Whether scores are counted without the shift of their micrograph.
    pub without_shifts: bool,
    /// Whether scores of places that stand out less than most particles are lowered.
    pub lowered_by_contrast: bool,
    /// Places above the floor, at the distance asked for.
    pub places: u64,
    /// Places by score, in bars of equal width from 0 to 1.
    pub histogram: Vec<u64>,
    /// What thresholds give, ascending by score; what is expected follows from scores and π.
    pub thresholds: Vec<AtThreshold>,
    /// Why nothing is expected from scores and π, and what tells it.
    pub why_not: Option<Warning>,
    /// The order in which places are judged at random.
    pub audit: Audit,
    /// All places by score.
    pub census: Census,
}

impl Survey {
    /// What the threshold nearest to a score gives.
    pub fn at(&self, score: f64) -> Option<&AtThreshold> {
        self.thresholds.iter().min_by(|a, b| (a.score - score).abs().total_cmp(&(b.score - score).abs()))
    }

    /// Takes up what a person has said in the audit: it tells the F1 of thresholds where it is enough, else scores and π do.
    pub fn judge(&mut self, judged: Option<&Judged>) {
        let worth = judged.map(|judged| judged.worth(&self.census));
        for at in &mut self.thresholds {
            at.expected_f1 = match &worth {
                Some(worth) => {
                    let least = logit_of(at.score);
                    // The first logit that reaches the score; without one nothing is picked.
                    worth.get(worth.partition_point(|at| at.logit < least)).map(|at| at.f1)
                }
                None => at.expected.and_then(|expected| expected.f1()),
            };
        }
    }

    /// The threshold with the highest expected F1.
    pub fn best(&self) -> Option<&AtThreshold> {
        let known = self.thresholds.iter().filter_map(|at| Some((at, at.expected_f1?)));
        known.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
    }
}

impl FoundPicks {
    /// The places of a run of this name, for the box and bin factor of the project.
    ///
    /// # Errors
    /// When there is no such run, it has no network, or box and bin factor are not known.
    pub fn open(project: &Project, run: &str) -> Result<Self> {
        let cut = project_cut(project)?;
        let store = Store::open(&project.run_dir(run), &trained_model(project, run)?, cut)?;
        Ok(Self { store, run: run.to_owned(), masks: masks(project)? })
    }

    /// The places of one micrograph that are not ruled out; `None` where it was not picked on, or its file has changed
    /// since.
    pub fn on(&self, micrograph: &Path) -> Option<Candidates> {
        let found = self.store.read(&FileState::of(micrograph).ok()?)?;
        Some(self.masks.get(&named(micrograph)).map_or_else(|| found.clone(), |mask| unmasked(&found, mask)))
    }

    /// The places of one micrograph, at a distance from each other.
    fn spaced(&self, micrograph: &Path, distance: f64) -> Option<Vec<Candidate>> {
        Some(at_distance(&self.on(micrograph)?, distance))
    }

    /// The places of micrographs one after the other, as [`Self::spaced`] has them. All cores read some of them ahead.
    fn each(
        &self,
        micrographs: &[PathBuf],
        distance: f64,
        go_on: &dyn Fn() -> Result<()>,
        take: &mut dyn FnMut(&Path, Vec<Candidate>),
    ) -> Result<()> {
        for some in micrographs.chunks(READ_AT_ONCE) {
            go_on()?;
            let read: Vec<_> = some.par_iter().map(|micrograph| self.spaced(micrograph, distance)).collect();
            for (micrograph, places) in some.iter().zip(read) {
                if let Some(places) = places {
                    take(micrograph, places);
                }
            }
        }
        Ok(())
    }

    /// Counts over micrographs; places nearer than `distance` px to a better one do not count. `without_shifts` takes the
    /// shift of each micrograph out of its scores first. `go_on` is asked now and then.
    ///
    /// # Errors
    /// When labels or scores of the project cannot be read, or [`Error::Cancelled`].
    pub fn survey(
        &self,
        project: &Project,
        micrographs: &[PathBuf],
        distance: f64,
        without_shifts: bool,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Survey> {
        let mut by = ByMicrograph::default();
        let mut tally = Tally::new();
        self.each(micrographs, distance, go_on, &mut |micrograph, places| {
            by.note(micrograph, &places);
            // Shifts are known only when all micrographs are: then they are read again.
            if !without_shifts {
                tally.add(micrograph, &places);
            }
        })?;
        by.settle();
        if without_shifts {
            self.each(micrographs, distance, go_on, &mut |micrograph, mut places| {
                without_shift(&mut places, by.measured_shift(micrograph).unwrap_or(0.0));
                tally.add(micrograph, &places);
            })?;
        }
        let Tally { census, mut audit, histogram, mut each } = tally;
        audit.settle();
        for (micrograph, one) in &mut each {
            one.shift = by.measured_shift(micrograph);
        }
        let count = each.len();
        let scores: Vec<f64> = (1..=STEPS).map(|step| step as f64 / (STEPS + 1) as f64).collect();
        let logits: Vec<f64> = scores.iter().map(|&score| logit_of(score)).collect();
        let held_out = HeldOut::of(project, &self.run);
        let lowered_by_contrast = held_out.as_ref().is_ok_and(|known| known.lowered_by_contrast);
        let known = match without_shifts {
            true => census.expectations(&logits, Evidence::Nothing(WhyNothing::WithoutShifts)),
            false => held_out.and_then(|held_out| census.expectations(&logits, held_out.evidence())),
        };
        let (expected, why_not) = match known {
            Ok(expected) => (expected, None),
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => (vec![None; logits.len()], Some((&error).into())),
        };
        let thresholds = scores.into_iter().zip(&logits).zip(expected);
        let thresholds = thresholds.map(|((score, &logit), expected)| AtThreshold {
            score,
            picks: census.above(logit),
            expected,
            expected_f1: None,
        });
        let mut survey = Survey {
            micrographs: count,
            each,
            without_shifts,
            lowered_by_contrast,
            places: census.len(),
            histogram,
            thresholds: thresholds.collect(),
            why_not,
            audit,
            census,
        };
        survey.judge(None);
        Ok(survey)
    }
}

/// What is counted over all micrographs.
struct Tally {
    census: Census,
    audit: Audit,
    histogram: Vec<u64>,
    each: HashMap<PathBuf, OnOne>,
}

impl Tally {
    fn new() -> Self {
        Self {
            census: Census::default(),
            audit: Audit::default(),
            histogram: vec![0; BARS],
            each: HashMap::new(),
        }
    }

    fn add(&mut self, micrograph: &Path, places: &[Candidate]) {
        for place in places {
            let score = score_of(f64::from(place.logit));
            let bar = ((score * BARS as f64) as usize).min(BARS - 1);
            self.histogram[bar] += 1;
        }
        self.census.add(places);
        self.audit.add(micrograph, places);
        let one = OnOne { counts: ScoreCounts::of(places), shift: None };
        self.each.insert(micrograph.to_owned(), one);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn survey() -> Survey {
        let at = |score: f64, picks: u64, precision: f64, recall: f64| {
            let expected = Expectation {
                precision,
                low: 0.0,
                high: 1.0,
                recall,
                recall_low: 0.0,
                recall_high: 1.0,
                judged: 0,
            };
            AtThreshold { score, picks, expected: Some(expected), expected_f1: expected.f1() }
        };
        Survey {
            micrographs: 10,
            places: 2000,
            thresholds: vec![at(0.25, 900, 0.5, 0.9), at(0.5, 600, 0.8, 0.8), at(0.75, 300, 0.9, 0.4)],
            ..Survey::default()
        }
    }

    #[test]
    fn the_best_threshold_balances_precision_and_recall() {
        // F1: 0.643, 0.8, 0.554.
        assert_eq!(survey().best().unwrap().score, 0.5);
        assert_eq!(survey().at(0.6).unwrap().score, 0.5);
        let blind = Survey {
            thresholds: vec![AtThreshold { score: 0.5, picks: 1, expected: None, expected_f1: None }],
            ..survey()
        };
        assert_eq!(blind.best(), None);
    }
}
