//! Jobs that read or compute what the picking panel shows: places, counts over all micrographs, the score map, and what
//! changed since the run before.

use std::path::PathBuf;
use std::sync::Arc;

use vitrine_core::Label;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::workflow::found_picks::FoundPicks;
use vitrine_core::workflow::round::round;
use vitrine_core::workflow::score_map::score_map;

use super::outcome::{Outcome, PickOutcome};
use super::state::App;
use crate::gui::command::PickOn;
use crate::gui::jobs::JobKind;
use crate::gui::model::Surveyed;
use crate::gui::values::{FoundKey, MapKey, RoundKey, SurveyKey};

/// Micrographs on which the picks of two runs are compared at most, spread over all.
const MAX_COMPARED: usize = 300;

impl App {
    pub(super) fn read_found(&mut self, key: FoundKey) {
        if self.jobs.has(JobKind::FoundPicks) {
            return;
        }
        let file = self.micrograph(key.micrograph);
        let store = self.handle();
        self.model.picks.found.ask(key.clone());
        let asked = key.clone();
        self.jobs.ask(
            JobKind::FoundPicks,
            self.scope(),
            "Reading picks",
            move |_| {
                // Without a file nothing was found on it.
                let Ok(file) = file?.1 else { return Ok(None) };
                Ok(FoundPicks::open(&store?, &key.run)?.on(&file).map(Arc::new))
            },
            move |found| Outcome::Pick(PickOutcome::Found(asked, found)),
        );
    }

    pub(super) fn read_survey(&mut self, key: SurveyKey) {
        if self.jobs.has(JobKind::Survey) {
            return;
        }
        let files = self.micrograph_files(PickOn::All);
        let store = self.handle();
        let scores = self.model.project.as_ref().and_then(|open| {
            let scores = open.scores.as_ref().filter(|scores| scores.name == key.run)?;
            Some((Arc::clone(&scores.values), Arc::clone(&open.columns)))
        });
        self.model.picks.survey.ask(key.clone());
        let asked = key.clone();
        self.jobs.ask(
            JobKind::Survey,
            self.scope(),
            "Counting picks",
            move |job| {
                let store = store?;
                let found = FoundPicks::open(&store, &key.run)?;
                let paths: Vec<PathBuf> = files.iter().map(|(_, path)| path.clone()).collect();
                let (distance, without) = (f64::from(key.distance), key.without_shifts);
                let mut survey =
                    found.survey(&store, &paths, distance, without, &|| job.check_cancelled())?;
                let by_file = files.iter().map(|(id, path)| (path.clone(), *id)).collect();
                let each = files.iter().filter_map(|(id, path)| Some((*id, survey.each.remove(path)?)));
                let each = each.collect();
                let bars = survey.histogram.len().max(1);
                let mut labelled = [Vec::new(), Vec::new()];
                if let Some((scores, columns)) = scores {
                    labelled = [vec![0; bars], vec![0; bars]];
                    for (&score, label) in scores.iter().zip(&columns.labels) {
                        let which = match label {
                            Label::Positive => 0,
                            Label::Negative => 1,
                            Label::Unlabeled => continue,
                        };
                        if score.is_finite() {
                            let bar = ((score * bars as f32) as usize).min(bars - 1);
                            labelled[which][bar] += 1;
                        }
                    }
                }
                Ok(Arc::new(Surveyed { survey, each, files: Arc::new(by_file), labelled }))
            },
            move |survey| Outcome::Pick(PickOutcome::Surveyed(asked, survey)),
        );
    }

    pub(super) fn read_map(&mut self, key: MapKey) {
        if self.jobs.has(JobKind::ScoreMap) || !self.model.picks.maps.of(&key).is_not_asked() {
            return;
        }
        let file = self.micrograph(key.micrograph);
        let store = self.handle();
        self.model.picks.maps.ask(key.clone());
        let asked = key.clone();
        self.jobs.ask(
            JobKind::ScoreMap,
            self.scope(),
            "Computing the score map",
            move |job| {
                let (store, file) = (store?, file?.1?);
                let device = ComputeDevice::open(DeviceChoice::Auto)?;
                let map = score_map(&store, &key.run, &file, device, &|| job.check_cancelled())?;
                Ok(Arc::new(map))
            },
            move |map| Outcome::Pick(PickOutcome::Map(asked, map)),
        );
    }

    pub(super) fn read_round(&mut self, key: RoundKey) {
        if self.jobs.has(JobKind::Round) {
            return;
        }
        let files = self.micrograph_files(PickOn::All);
        let store = self.handle();
        self.model.picks.round.ask(key.clone());
        let asked = key.clone();
        self.jobs.ask(
            JobKind::Round,
            self.scope(),
            "Comparing with the run before",
            move |job| {
                let step = files.len().div_ceil(MAX_COMPARED).max(1);
                let paths: Vec<PathBuf> = files.into_iter().step_by(step).map(|(_, path)| path).collect();
                let chosen = (f64::from(key.threshold), f64::from(key.distance));
                let found = round(&store?, &key.run, &paths, chosen, &|| job.check_cancelled())?;
                Ok(found.map(Arc::new))
            },
            move |round| Outcome::Pick(PickOutcome::Round(asked, round)),
        );
    }
}
