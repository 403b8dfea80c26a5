//! Which places of a run a person has judged: those beside a labelled patch.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::by_micrograph::named;
use crate::error::Result;
use crate::label::Label;
use crate::picking::audit::{AuditPlace, nearest, reach};
use crate::project::{MicrographId, Project};

/// The patches that carry a label, by the file of their micrograph.
#[derive(Debug, Default)]
pub(super) struct JudgedPlaces {
    by_file: HashMap<PathBuf, Vec<(f64, f64, bool)>>,
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
        let mut by_file: HashMap<PathBuf, Vec<(f64, f64, bool)>> = HashMap::new();
        for (place, label) in project.places()?.into_iter().zip(project.labels()?) {
            let particle = match label {
                Label::Positive => true,
                Label::Negative => false,
                Label::Unlabeled => continue,
            };
            if let (Some(file), Some((x, y))) = (place.micrograph.and_then(|id| files.get(&id)), place.xy) {
                by_file.entry(file.clone()).or_default().push((x, y, particle));
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
        nearest(patches.map(|&(x, y, particle)| ((x - place.x).hypot(y - place.y), particle)), self.near)
    }
}
