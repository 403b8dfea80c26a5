//! The audit of picks: which place a person is asked about, and how many were judged.

use std::collections::HashMap;
use std::path::PathBuf;

use vitrine_core::Label;
use vitrine_core::picking::audit::{AuditPlace, AuditProgress, Judged, nearest, reach};
use vitrine_core::project::{EntryId, MicrographId};

use super::micrographs::MicrographsState;
use super::open::OpenProject;
use crate::gui::values::SurveyKey;

/// A place that a person is asked about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AskedPlace {
    /// Its micrograph.
    pub micrograph: MicrographId,
    /// Centre, px of the micrograph.
    pub xy: [f64; 2],
    /// Score that the run gave it, 0 to 1.
    pub score: f32,
}

/// What the state of an audit depends on: when it changes, what was judged is counted again.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditKey {
    /// The places.
    pub survey: SurveyKey,
    /// The labels.
    pub journal: EntryId,
    /// Serial number of the newest place on its way into the project.
    pub coming: Option<u64>,
    /// Score from which on a place is a pick.
    pub threshold: f32,
    /// Whether a person is being asked.
    pub running: bool,
}

/// The audit of the picks of a run.
#[derive(Debug, Default)]
pub struct PickAudit {
    /// Whether a person is being asked.
    pub running: bool,
    /// The place they are asked about.
    pub asked: Option<AskedPlace>,
    /// How many were judged at the threshold of the panel.
    pub progress: AuditProgress,
    /// What was said, where it is enough to count.
    pub judged: Option<Judged>,
    /// What all this was counted for.
    pub key: Option<AuditKey>,
}

impl PickAudit {
    /// The place that a person is asked about, if it lies on this micrograph.
    pub fn asked_on(&self, micrograph: MicrographId) -> Option<AskedPlace> {
        self.asked.filter(|asked| asked.micrograph == micrograph)
    }
}

/// Whether a person took a place of a run for a particle: by the labelled patch beside it, or one that is being cut. `None`
/// where nobody has judged it. `distance` is that of picks, px.
pub fn judged_at(
    open: &OpenProject,
    state: &MicrographsState,
    files: &HashMap<PathBuf, MicrographId>,
    distance: f32,
    place: &AuditPlace,
) -> Option<bool> {
    let micrograph = *files.get(place.file.as_ref())?;
    let away = |x: f64, y: f64| (x - place.x).hypot(y - place.y);
    let patches = open.on_micrographs.patches(micrograph).iter().filter_map(|&patch| {
        let label = open.columns.labels.get(patch as usize).copied()?;
        let [x, y] = open.columns.xy_of(patch).filter(|_| label != Label::Unlabeled)?;
        Some((away(f64::from(x), f64::from(y)), label == Label::Positive))
    });
    let coming =
        state.marking.iter().map(|marking| &marking.mark).filter(|mark| mark.micrograph == micrograph);
    let coming =
        coming.flat_map(|mark| mark.places.iter().map(|&[x, y]| (away(x, y), mark.label == Label::Positive)));
    nearest(patches.chain(coming), reach(f64::from(distance)))
}
