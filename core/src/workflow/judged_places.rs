//! Which places of a run a person has judged: those beside a labelled patch. What they rejected is no pick, and what they marked
//! as a particle is one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::by_micrograph::named;
use crate::error::Result;
use crate::imaging::Mask;
use crate::ingest::imported_labels;
use crate::label::Label;
use crate::picking::audit::{AuditPlace, nearest, reach};
use crate::picking::picker::Candidate;
use crate::project::{MicrographId, Project};

/// The logit of a particle that a person has marked where the run picks none: a score that rounds to 1.
const MARKED: f32 = 16.0;

/// A patch that carries a label.
#[derive(Debug, Clone, Copy)]
struct JudgedPatch {
    x: f64,
    y: f64,
    particle: bool,
    /// It was no positive when it was imported.
    by_person: bool,
}

/// The picks of a micrograph after what a person has said of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CorrectedPicks {
    /// The picks, the highest score first.
    pub(super) picks: Vec<Candidate>,
    /// Picks of the run that a person has rejected.
    pub(super) rejected: u64,
    /// Particles that a person has marked and the run does not pick.
    pub(super) added: u64,
}

/// The patches that carry a label, by the file of their micrograph.
#[derive(Debug, Default)]
pub(super) struct JudgedPlaces {
    by_file: HashMap<PathBuf, Vec<JudgedPatch>>,
    /// So far from a place a patch still is that place, px.
    near: f64,
}

impl JudgedPlaces {
    /// The labels of a project. Places lie at least `distance` px apart, so a patch within half of it belongs to one.
    ///
    /// # Errors
    /// When the project cannot be read.
    pub(super) fn of(project: &Project, distance: f64) -> Result<Self> {
        let files: HashMap<MicrographId, PathBuf> = project
            .micrographs()?
            .into_iter()
            .filter_map(|mic| Some((mic.id, named(&project.micrograph_file(&mic.path?)))))
            .collect();
        let mut by_file: HashMap<PathBuf, Vec<JudgedPatch>> = HashMap::new();
        let each = project.places()?.into_iter().zip(project.labels()?).zip(imported_labels(project)?);
        for ((place, label), imported) in each {
            let particle = match label {
                Label::Positive => true,
                Label::Negative => false,
                Label::Unlabeled => continue,
            };
            if let (Some(file), Some((x, y))) = (place.micrograph.and_then(|id| files.get(&id)), place.xy) {
                let patch = JudgedPatch { x, y, particle, by_person: imported != Label::Positive };
                by_file.entry(file.clone()).or_default().push(patch);
            }
        }
        Ok(Self { by_file, near: reach(distance) })
    }

    /// How many patches carry a label.
    pub(super) fn len(&self) -> usize {
        self.by_file.values().map(Vec::len).sum()
    }

    /// How many patches of a micrograph carry a label.
    pub(super) fn on(&self, file: &Path) -> usize {
        self.by_file.get(&named(file)).map_or(0, Vec::len)
    }

    /// Whether a person took a place for a particle; `None` where nobody has judged it.
    pub(super) fn at(&self, place: &AuditPlace) -> Option<bool> {
        let patches = self.by_file.get(&named(&place.file))?.iter();
        let distance = |patch: &JudgedPatch| (patch.x - place.x).hypot(patch.y - place.y);
        nearest(patches.map(|patch| (distance(patch), patch.particle)), self.near)
    }

    /// The picks of a micrograph, of its `places`, from a logit on: without those that a person has rejected, and with the
    /// particles that a person has marked outside of the `mask`. Positives that came with a file are not added: they may be what
    /// is to be cleaned.
    pub(super) fn corrected(
        &self,
        file: &Path,
        places: &[Candidate],
        least: f64,
        mask: Option<&Mask>,
    ) -> CorrectedPicks {
        let mut corrected = CorrectedPicks::default();
        let picks = places.iter().filter(|place| f64::from(place.logit) >= least);
        let Some(patches) = self.by_file.get(&named(file)) else {
            corrected.picks = picks.copied().collect();
            return corrected;
        };
        for pick in picks {
            let distance = |patch: &JudgedPatch| (patch.x - pick.x).hypot(patch.y - pick.y);
            match nearest(patches.iter().map(|patch| (distance(patch), patch.particle)), self.near) {
                Some(false) => corrected.rejected += 1,
                Some(true) | None => corrected.picks.push(*pick),
            }
        }
        let marked = patches.iter().filter(|patch| patch.particle && patch.by_person);
        for patch in marked.filter(|patch| mask.is_none_or(|mask| !mask.covers(patch.x, patch.y))) {
            if corrected.picks.iter().all(|pick| (patch.x - pick.x).hypot(patch.y - pick.y) > self.near) {
                corrected.picks.push(Candidate { x: patch.x, y: patch.y, logit: MARKED });
                corrected.added += 1;
            }
        }
        corrected.picks.sort_by(|a, b| b.logit.total_cmp(&a.logit));
        corrected
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::Region;

    #[test]
    fn rejected_picks_leave_and_marked_particles_join() {
        let file = PathBuf::from("/mics/a.mrc");
        let patch = |x, particle, by_person| JudgedPatch { x, y: 0.0, particle, by_person };
        let patches = vec![
            patch(101.0, false, true),
            patch(202.0, true, true),
            patch(300.0, true, true),
            patch(400.0, true, false),
            patch(502.0, true, true),
            // The same particle, marked twice.
            patch(504.0, true, true),
        ];
        let judged = JudgedPlaces { by_file: [(file.clone(), patches)].into(), near: 10.0 };
        let place = |x, logit| Candidate { x, y: 0.0, logit };
        let places = [place(200.0, 3.0), place(100.0, 2.0), place(600.0, 1.0), place(500.0, -2.0)];
        let corrected = judged.corrected(&file, &places, 0.0, None);
        let at: Vec<f64> = corrected.picks.iter().map(|pick| pick.x).collect();
        // 100 was rejected; 300 and 502, below the threshold, were marked; 400 came with a file.
        assert_eq!(at, [300.0, 502.0, 200.0, 600.0]);
        assert_eq!((corrected.rejected, corrected.added), (1, 2));
        let square = [[290.0, -10.0], [310.0, -10.0], [310.0, 10.0], [290.0, 10.0]];
        let mask = Mask { excluded: false, regions: vec![Region::Polygon(square.to_vec())] };
        assert_eq!(judged.corrected(&file, &places, 0.0, Some(&mask)).added, 1, "300 is ruled out");
        let elsewhere = judged.corrected(Path::new("/mics/b.mrc"), &places, 0.0, None);
        assert_eq!(elsewhere.picks, places[..3]);
        assert_eq!((elsewhere.rejected, elsewhere.added), (0, 0));
    }
}
