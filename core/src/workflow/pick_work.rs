//! The results of picking as they come: the places of each micrograph outside its masks, how many are picks, and the files
//! written of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::by_micrograph::{ByMicrograph, named};
use super::held_out::HeldOut;
use super::judged_places::{CorrectedPicks, JudgedPlaces};
use super::pick_output::{Output, PicksOn};
use super::pick_request::{PickRequest, PickSummary};
use crate::error::{Error, Result};
use crate::imaging::Mask;
use crate::imaging::cut::CutSettings;
use crate::picking::audit::{Audit, Judged};
use crate::picking::census::{Census, logit_of, score_of};
use crate::picking::choose::{Choice, Evidence, WhyNothing, at_distance};
use crate::picking::picker::{Candidate, Candidates};
use crate::picking::shift::without_shift;
use crate::picking::store::{FileState, Store};
use crate::project::Project;
use crate::remedy::{Remedy, Warning};

/// Pixel sizes that differ by more than this share are told.
const PIXEL_SIZE_DIFFERS: f64 = 0.03;

/// Why nothing is expected of all micrographs together.
const OWN: &str = "some micrographs have thresholds of their own";

/// What is ruled out on the micrographs of the project, by file as [`named`] names it.
pub(super) fn masks(project: &Project) -> Result<HashMap<PathBuf, Mask>> {
    let mut masks = project.masks()?;
    let files = project.micrographs()?.into_iter();
    Ok(files
        .filter_map(|mic| Some((named(&project.micrograph_file(&mic.path?)), masks.remove(&mic.id)?)))
        .collect())
}

/// The places that a mask leaves.
pub(super) fn unmasked(found: &Candidates, mask: &Mask) -> Candidates {
    let places = found.places.iter().filter(|place| !mask.covers(place.x, place.y));
    Candidates { places: places.copied().collect(), ..*found }
}

/// Whether the threshold is known only with the places of all micrographs.
fn waits(request: &PickRequest, by: &ByMicrograph) -> bool {
    by.needs_all() || !matches!(request.choice, Choice::Threshold(_))
}

/// What picking gathers.
pub(super) struct Work {
    pub(super) summary: PickSummary,
    census: Census,
    /// The order in which places are judged at random.
    audit: Audit,
    /// Where a person has said what is there, when picking began.
    judged: JudgedPlaces,
    output: Output,
    /// The micrographs that have places, for the output.
    done: Vec<FileState>,
    /// What is ruled out, by file.
    masks: HashMap<PathBuf, Mask>,
    /// What the project says of single micrographs.
    by: ByMicrograph,
    /// The logit that the choice has meant so far.
    settled: Option<f64>,
    /// Why the threshold of a watch is not known yet.
    not_settled: Option<Error>,
}

impl Work {
    /// Begins the files that are to be written, and reads what the project says of its micrographs.
    pub(super) fn new(
        project: &Project,
        request: &PickRequest,
        cut: &CutSettings,
        distance: f64,
    ) -> Result<Self> {
        let by = match request.one_threshold {
            true => ByMicrograph::default(),
            false => ByMicrograph::of(project, &request.run)?,
        };
        // A table that has to wait for its threshold is begun anew only once that is known.
        let table = request.table.as_deref().filter(|_| !waits(request, &by));
        Ok(Self {
            summary: PickSummary {
                distance,
                box_size: cut.box_size,
                bin: cut.bin,
                out: request.out.clone(),
                table: request.table.clone(),
                ..PickSummary::default()
            },
            census: Census::default(),
            audit: Audit::default(),
            judged: JudgedPlaces::of(project, distance)?,
            output: Output::create(request.out.as_deref(), &request.names, table, request.export.is_some())?,
            done: Vec::new(),
            masks: masks(project)?,
            by,
            settled: None,
            not_settled: None,
        })
    }

    /// Whether a micrograph is excluded as a whole.
    pub(super) fn is_excluded(&self, file: &Path) -> bool {
        self.masks.get(&named(file)).is_some_and(|mask| mask.excluded)
    }

    pub(super) fn note_pixel_size(&mut self, path: &Path, found: Option<f64>, trained: Option<f64>) {
        let (Some(found), Some(trained)) = (found, trained) else { return };
        if (found / trained - 1.0).abs() > PIXEL_SIZE_DIFFERS && self.summary.notes.is_empty() {
            self.summary.notes.push(format!(
                "{} has {found} Å per px, the run learned from micrographs with {trained}: particles have another size \
                 there than the network knows",
                path.display()
            ));
        }
    }

    /// The places of a micrograph that are not ruled out, at the distance asked for.
    fn places(&self, file: &Path, found: &Candidates) -> Vec<Candidate> {
        match self.masks.get(&named(file)) {
            None => at_distance(found, self.summary.distance),
            Some(mask) => at_distance(&unmasked(found, mask), self.summary.distance),
        }
    }

    /// Takes up the places of a micrograph; its picks are written at once where the threshold is known.
    pub(super) fn add(&mut self, state: FileState, found: &Candidates, request: &PickRequest) -> Result<()> {
        let places = self.places(&state.path, found);
        self.by.note(&state.path, &places);
        self.census.add(&places);
        self.audit.add(&state.path, &places);
        self.summary.micrographs += 1;
        self.summary.own_thresholds += u64::from(self.by.is_own(&state.path));
        if let Choice::Threshold(score) = request.choice
            && !waits(request, &self.by)
        {
            let least = self.by.least(&state.path, logit_of(score));
            let corrected = self.corrected(&state.path, &places, least, request);
            self.output.add(&state.path, found.size, &corrected.picks)?;
        }
        self.done.push(state);
        Ok(())
    }

    /// The picks of a micrograph from a logit on, after what a person has said of them.
    fn corrected(
        &self,
        file: &Path,
        places: &[Candidate],
        least: f64,
        request: &PickRequest,
    ) -> CorrectedPicks {
        if request.as_scored {
            let picks = places.iter().filter(|place| f64::from(place.logit) >= least);
            return CorrectedPicks { picks: picks.copied().collect(), ..CorrectedPicks::default() };
        }
        self.judged.corrected(file, places, least, self.masks.get(&named(file)))
    }

    /// Counts on the micrographs with labels how many picks a person has rejected, and how many particles they have added.
    fn count_corrections(&mut self, store: &Store, request: &PickRequest, logit: f64) {
        let (mut rejected, mut added) = (0, 0);
        for state in self.done.iter().filter(|state| self.judged.on(&state.path) > 0) {
            if let Some(found) = store.read(state) {
                let least = self.by.least(&state.path, logit);
                let corrected =
                    self.corrected(&state.path, &self.places(&state.path, &found), least, request);
                rejected += corrected.rejected;
                added += corrected.added;
            }
        }
        self.summary.picks = (self.summary.picks + added).saturating_sub(rejected);
        (self.summary.rejected, self.summary.added) = (rejected, added);
    }

    /// What a precision is expected from.
    fn evidence<'a>(&self, judged: Option<&'a Judged>, held_out: &'a HeldOut) -> Evidence<'a> {
        match judged {
            Some(judged) => Evidence::Judged(judged),
            None if self.by.needs_all() => Evidence::Nothing(WhyNothing::WithoutShifts),
            None => held_out.evidence(),
        }
    }

    /// Settles the threshold over all micrographs, counts, and writes what has waited for it.
    pub(super) fn settle(&mut self, store: &Store, request: &PickRequest, held_out: &HeldOut) -> Result<()> {
        if self.summary.micrographs == 0 {
            return Ok(());
        }
        self.by.settle();
        let (census, mut audit) = self.common(store);
        audit.settle();
        // Where a micrograph has a threshold of its own, nothing is expected of all together.
        let own = self.summary.own_thresholds > 0;
        let answered = audit.judged(&|place| self.judged.at(place));
        let judged = answered.as_ref().filter(|_| !own);
        let evidence = self.evidence(judged, held_out);
        let logit = match census.threshold(request.choice, evidence) {
            Ok(logit) => logit,
            Err(_) if own && answered.is_some() => {
                return Err(Error::request(
                    format!("{OWN}, so answers to random picks tell no precision"),
                    Remedy::OneThreshold,
                ));
            }
            Err(error) => match self.in_a_watch(request, &census, error)? {
                Some(logit) => logit,
                None => return Ok(()),
            },
        };
        self.not_settled = None;
        self.settled = Some(logit);
        self.summary.threshold = score_of(logit);
        self.summary.places = self.census.len();
        self.summary.without_shifts = self.by.needs_all();
        self.summary.picks = match self.by.is_plain() {
            true => self.census.above(logit),
            false => self.count(store, logit),
        };
        self.count_corrections(store, request, logit);
        // Too little evidence is no error where nobody asked for a precision.
        (self.summary.expected, self.summary.why_not_expected) = match own {
            true => (None, Some(Warning::new(OWN, Remedy::OneThreshold))),
            false => match census.expect(logit, evidence) {
                Ok(expected) => (expected, None),
                Err(error) => (None, Some((&error).into())),
            },
        };
        let wanted = request.out.is_some() || request.table.is_some() || request.export.is_some();
        if wanted && waits(request, &self.by) {
            let (out, table) = (request.out.as_deref(), request.table.as_deref());
            let mut output = Output::create(out, &request.names, table, request.export.is_some())?;
            for state in &self.done {
                if let Some(found) = store.read(state) {
                    let (places, least) =
                        (self.places(&state.path, &found), self.by.least(&state.path, logit));
                    let corrected = self.corrected(&state.path, &places, least, request);
                    output.add(&state.path, found.size, &corrected.picks)?;
                }
            }
            self.output = output;
        }
        Ok(())
    }

    /// The threshold of a watch where the places of all micrographs so far tell none: the last one, or `None` while there are
    /// too few places, which the next micrographs may bring.
    fn in_a_watch(&mut self, request: &PickRequest, census: &Census, error: Error) -> Result<Option<f64>> {
        if !request.watch {
            return Err(error);
        }
        if let Some(logit) = self.settled {
            let note = format!("the threshold is that of the micrographs before: {}", error.problem());
            if !self.summary.notes.contains(&note) {
                self.summary.notes.push(note);
            }
            return Ok(Some(logit));
        }
        if census.has_enough() {
            return Err(error);
        }
        self.not_settled = Some(error);
        Ok(None)
    }

    /// What came of it, and the picks where an export wants them.
    ///
    /// # Errors
    /// When a watch has ended before its threshold was known.
    pub(super) fn end(self) -> Result<(PickSummary, Vec<PicksOn>)> {
        self.not_settled.map_or(Ok((self.summary, self.output.gathered())), Err)
    }

    /// The places of micrographs on which the common threshold holds, without the shifts that are taken out: their number by
    /// score, and their random order.
    fn common(&self, store: &Store) -> (Census, Audit) {
        if self.by.is_plain() {
            return (self.census.clone(), self.audit.clone());
        }
        let (mut census, mut audit) = (Census::default(), Audit::default());
        for state in self.done.iter().filter(|state| !self.by.is_own(&state.path)) {
            if let Some(found) = store.read(state) {
                let mut places = self.places(&state.path, &found);
                without_shift(&mut places, self.by.shift(&state.path));
                census.add(&places);
                audit.add(&state.path, &places);
            }
        }
        (census, audit)
    }

    /// Picks where each micrograph has a logit of its own.
    fn count(&self, store: &Store, logit: f64) -> u64 {
        let picks = |state: &FileState| {
            let least = self.by.least(&state.path, logit);
            let places = self.places(&state.path, &store.read(state)?);
            Some(places.iter().filter(|place| f64::from(place.logit) >= least).count() as u64)
        };
        self.done.iter().filter_map(picks).sum()
    }
}
