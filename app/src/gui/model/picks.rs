//! The places that a run has found on micrographs, as the view shows them.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use vitrine_core::picking::census::logit_of;
use vitrine_core::picking::choose::at_distance;
use vitrine_core::picking::picker::{Candidate, Candidates};
use vitrine_core::picking::shift::without_shift;
use vitrine_core::picking::worth::{Unseen, Worth, next};
use vitrine_core::project::{MicrographId, PickRules, Run};
use vitrine_core::workflow::found_picks::{OnOne, Survey};
use vitrine_core::workflow::round::Round;

use super::on_micrographs::MicrographProgress;
use super::open::OpenProject;
use super::pick_audit::PickAudit;
use super::score_maps::ScoreMaps;
use crate::gui::drafts::PickDraft;
use crate::gui::values::{Asked, FoundKey, RoundKey, SurveyKey};

/// Spacing of picks as a share of the box, where none is asked for: that of `vitrine pick`.
const SPACING: f64 = 1.0 / 3.0;
/// Number of micrographs over which the pace of picking is measured.
const PACE_OVER: usize = 12;
/// Maximum number of micrographs done from one frame to the next that may have been scored then.
const AT_ONCE: u64 = 2;

/// Counts over all micrographs.
#[derive(Debug, Clone)]
pub struct Surveyed {
    /// Places and thresholds.
    pub survey: Survey,
    /// The places of each micrograph.
    pub each: HashMap<MicrographId, OnOne>,
    /// The micrograph of each file.
    pub files: Arc<HashMap<PathBuf, MicrographId>>,
    /// Positives and negatives of the project by their score under the run, in the bars of the histogram; empty where
    /// the run has not scored them.
    pub labelled: [Vec<u64>; 2],
}

impl Surveyed {
    /// Picks on all micrographs at a common threshold; where a micrograph has one of its own, that one holds.
    pub fn picks(&self, threshold: f64, rules: &PickRules) -> u64 {
        let common = self.survey.at(threshold).map_or(0, |at| at.picks);
        self.with_own(common, threshold, rules)
    }

    fn with_own(&self, common: u64, threshold: f64, rules: &PickRules) -> u64 {
        let own = rules.own.iter().filter_map(|(id, own)| Some((&self.each.get(id)?.counts, *own)));
        let change = |counts: &vitrine_core::picking::score_counts::ScoreCounts, own: f64| {
            i64::from(counts.above(own)) - i64::from(counts.above(threshold))
        };
        let sum: i64 = own.map(|(counts, own)| change(counts, own)).sum();
        common.saturating_add_signed(sum)
    }

    /// The common threshold that gives about `picks` picks a micrograph on average.
    pub fn threshold_with(&self, picks: f64, rules: &PickRules) -> Option<f64> {
        let wanted = picks * self.survey.micrographs as f64;
        let off = |score: f64, common: u64| (self.with_own(common, score, rules) as f64 - wanted).abs();
        let known = self.survey.thresholds.iter().map(|at| (at.score, off(at.score, at.picks)));
        known.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(score, _)| score)
    }
}

/// The places of a micrograph at a distance from each other.
#[derive(Debug)]
struct Spaced {
    of: Arc<Candidates>,
    /// Px of the micrograph.
    distance: f32,
    places: Vec<Candidate>,
}

/// What a run has found.
#[derive(Debug, Default)]
pub struct PicksState {
    /// Places on the micrograph that is shown; `None` inside where it was not picked on.
    pub found: Asked<FoundKey, Option<Arc<Candidates>>>,
    /// Counts over all micrographs.
    pub survey: Asked<SurveyKey, Arc<Surveyed>>,
    /// The run beside the one it began with; `None` inside where it began from scratch.
    pub round: Asked<RoundKey, Option<Arc<Round>>>,
    /// Score maps, and how they are drawn.
    pub maps: ScoreMaps,
    /// The micrograph that was offered last, and why.
    pub offered: Option<(MicrographId, Worth)>,
    /// The audit of the picks.
    pub audit: PickAudit,
    /// Goes up whenever places may have come.
    pub revision: u64,
    /// Micrographs done by the run that picks, when the revision went up last.
    pub done: Option<u64>,
    /// Micrographs done by the run that picks, when the places of all were counted last.
    pub counted: u64,
    /// When the last micrographs were done, and how many there were then.
    times: VecDeque<(Instant, u64)>,
    /// The last answer of [`Self::spaced`].
    spaced: RefCell<Option<Spaced>>,
    /// Set while the run that picks is to wait.
    pub paused: Arc<AtomicBool>,
}

impl PicksState {
    /// Whether the run that picks waits.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// The counts of the run that picks, as far as they are known.
    pub fn surveyed(&self, open: &OpenProject, draft: &PickDraft) -> Option<&Surveyed> {
        let run = run_of(open, draft)?;
        let (key, surveyed) = self.survey.last()?;
        (key.run == run.name).then_some(surveyed.as_ref())
    }

    /// How far the logits of a micrograph lie above those of the others; `None` where that is not known.
    pub fn shift(&self, open: &OpenProject, micrograph: MicrographId, draft: &PickDraft) -> Option<f64> {
        self.surveyed(open, draft)?.each.get(&micrograph)?.shift
    }

    /// The places that are picks, at a distance from each other, of a micrograph; the highest score first. Scores are
    /// without the shift of the micrograph where that is taken out.
    pub fn places(&self, open: &OpenProject, micrograph: MicrographId, draft: &PickDraft) -> Vec<Candidate> {
        let Some((key, Some(found))) = self.found.last() else { return Vec::new() };
        if key.micrograph != micrograph
            || Some(key.run.as_str()) != run_of(open, draft).map(|r| r.name.as_str())
        {
            return Vec::new();
        }
        let mut picks = self.spaced(found, distance_of(open, draft));
        if rules_of(open, draft).is_some_and(|rules| rules.without_shifts) {
            without_shift(&mut picks, self.shift(open, micrograph, draft).unwrap_or(0.0));
        }
        let least = logit_of(threshold_of(open, micrograph, draft));
        picks.retain(|place| f64::from(place.logit) >= least);
        picks
    }

    /// The places of a micrograph at a distance from each other, which takes a while with thousands and is asked for in every
    /// frame.
    fn spaced(&self, found: &Arc<Candidates>, distance: f32) -> Vec<Candidate> {
        let mut last = self.spaced.borrow_mut();
        match &*last {
            Some(known) if Arc::ptr_eq(&known.of, found) && known.distance == distance => {
                known.places.clone()
            }
            _ => {
                let places = at_distance(found, f64::from(distance));
                *last = Some(Spaced { of: Arc::clone(found), distance, places: places.clone() });
                places
            }
        }
    }

    /// Micrographs a second that the run picks on, over the last ones that it scored; `None` while that is not known.
    pub fn pace(&self) -> Option<f64> {
        let ((first, before), (last, after)) = (self.times.front()?, self.times.back()?);
        let seconds = last.duration_since(*first).as_secs_f64();
        (after > before && seconds > 0.0).then(|| (after - before) as f64 / seconds)
    }

    /// The run that picks has come so far; `None` where none picks.
    pub fn has_come_to(&mut self, done: Option<u64>) {
        if done != self.done {
            if done.unwrap_or(0) > self.done.unwrap_or(0) + AT_ONCE {
                // They were scored before, and say nothing of the pace.
                self.times.clear();
            }
            self.done = done;
            self.revision += 1;
            match done {
                Some(done) => self.times.push_back((Instant::now(), done)),
                None => {
                    self.times.clear();
                    self.counted = 0;
                }
            }
            if self.times.len() > PACE_OVER {
                self.times.pop_front();
            }
        }
        if self.is_paused() {
            // The time of a pause is no time of work.
            self.times.clear();
        }
    }

    /// The micrograph that nobody has corrected and that is most worth a look, but for the one that is shown.
    pub fn worth_a_look(
        &self,
        open: &OpenProject,
        shown: Option<MicrographId>,
        draft: &PickDraft,
    ) -> Option<(MicrographId, Worth)> {
        let each = &self.surveyed(open, draft)?.each;
        let (rules, common) = (rules_of(open, draft), f64::from(draft.threshold));
        let (mut seen, mut unseen) = (Vec::new(), Vec::new());
        // In the order of the project, so that the answer does not change from one try to the next.
        for mic in &open.micrographs {
            let Some(scores) = each.get(&mic.id).map(|one| &one.counts) else { continue };
            match open.progress(mic.id) {
                MicrographProgress::Corrected => seen.push(scores),
                MicrographProgress::Untouched if Some(mic.id) != shown => {
                    let threshold = rules.map_or(common, |rules| rules.threshold(mic.id, common));
                    unseen.push(Unseen { key: mic.id, scores, threshold });
                }
                MicrographProgress::Untouched | MicrographProgress::Excluded => {}
            }
        }
        next(&unseen, &seen)
    }
}

/// Smallest distance of two picks, px of the micrograph.
pub fn distance_of(open: &OpenProject, draft: &PickDraft) -> f32 {
    let side = open.cut.as_ref().map_or(0.0, |cut| cut.box_size as f64);
    draft.distance.unwrap_or((side * SPACING) as f32)
}

/// What is kept of the run that picks beyond one threshold for all micrographs.
pub fn rules_of<'a>(open: &'a OpenProject, draft: &PickDraft) -> Option<&'a PickRules> {
    open.pick_rules.get(&run_of(open, draft)?.id)
}

/// The score from which on a place of a micrograph is a pick.
pub fn threshold_of(open: &OpenProject, micrograph: MicrographId, draft: &PickDraft) -> f64 {
    if let Some((_, moved)) = draft.moved.filter(|(id, _)| *id == micrograph) {
        return f64::from(moved);
    }
    let common = f64::from(draft.threshold);
    rules_of(open, draft).map_or(common, |rules| rules.threshold(micrograph, common))
}

/// The run that picks: the one chosen, else the newest whose network can be slid over a micrograph.
pub fn run_of<'a>(open: &'a OpenProject, draft: &PickDraft) -> Option<&'a Run> {
    let mut runs = open.runs.iter().rev().filter(|run| run.best_epoch.is_some());
    match &draft.run {
        Some(name) => runs.find(|run| run.name == *name),
        None => runs.find(|run| open.run_list.can_pick(run.id)),
    }
}

#[cfg(test)]
mod tests {
    use vitrine_core::picking::score_counts::ScoreCounts;
    use vitrine_core::workflow::found_picks::AtThreshold;

    use super::*;

    /// Two micrographs with places at these scores.
    fn surveyed(scores: [&[f64]; 2]) -> Surveyed {
        let one = |scores: &[f64]| {
            let place = |&score: &f64| Candidate { x: 0.0, y: 0.0, logit: logit_of(score) as f32 };
            let counts = ScoreCounts::of(&scores.iter().map(place).collect::<Vec<_>>());
            OnOne { counts, shift: None }
        };
        let each = HashMap::from([(MicrographId(1), one(scores[0])), (MicrographId(2), one(scores[1]))]);
        let at = |score: f64| {
            let picks = each.values().map(|one| u64::from(one.counts.above(score))).sum();
            AtThreshold { score, picks, expected: None, expected_f1: None }
        };
        let survey = Survey {
            micrographs: 2,
            places: 8,
            thresholds: vec![at(0.25), at(0.5), at(0.75)],
            ..Survey::default()
        };
        Surveyed { survey, each, files: Arc::default(), labelled: [Vec::new(), Vec::new()] }
    }

    #[test]
    fn thresholds_of_single_micrographs_count_in_sums_and_in_what_a_number_asks_for() {
        let surveyed = surveyed([&[0.3, 0.6, 0.8, 0.9], &[0.3, 0.31, 0.6, 0.9]]);
        let plain = PickRules::default();
        assert_eq!((surveyed.picks(0.5, &plain), surveyed.picks(0.75, &plain)), (5, 3));
        let own = PickRules { own: [(MicrographId(2), 0.25)].into(), ..PickRules::default() };
        assert_eq!((surveyed.picks(0.5, &own), surveyed.picks(0.75, &own)), (7, 6));
        // Two a micrograph: with a threshold of its own the second has four already.
        assert_eq!(surveyed.threshold_with(1.5, &plain), Some(0.75));
        assert_eq!(surveyed.threshold_with(3.5, &plain), Some(0.25));
        assert_eq!(surveyed.threshold_with(3.5, &own), Some(0.5));
    }
}
