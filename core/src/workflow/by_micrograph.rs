//! The logit from which places are picks, for each micrograph: with its own threshold, and with its shift taken out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::picking::census::logit_of;
use crate::picking::picker::Candidate;
use crate::picking::shift::{common_median, median_logit, shift};
pub(super) use crate::picking::store::named;
use crate::project::{MicrographId, PickRules, Project};

/// The rules of a run by file, with the medians they need.
#[derive(Debug, Default)]
pub(super) struct ByMicrograph {
    own: HashMap<PathBuf, f64>,
    without_shifts: bool,
    medians: HashMap<PathBuf, f64>,
    common: f64,
}

impl ByMicrograph {
    /// The rules of a run of this name, as the project keeps them.
    pub(super) fn of(project: &Project, run: &str) -> Result<Self> {
        let PickRules { own, without_shifts } = project.pick_rules(project.run(run)?.id)?;
        let mut by = Self { without_shifts, ..Self::default() };
        if !own.is_empty() {
            let files: HashMap<MicrographId, PathBuf> = project
                .micrographs()?
                .into_iter()
                .filter_map(|mic| Some((mic.id, named(&project.micrograph_file(&mic.path?)))))
                .collect();
            let known = own.iter().filter_map(|(id, score)| Some((files.get(id)?.clone(), logit_of(*score))));
            by.own = known.collect();
        }
        Ok(by)
    }

    /// Whether one threshold holds for all, and for scores as they are.
    pub(super) fn is_plain(&self) -> bool {
        self.own.is_empty() && !self.without_shifts
    }

    /// Whether all micrographs must be known before one can be judged.
    pub(super) const fn needs_all(&self) -> bool {
        self.without_shifts
    }

    /// Whether a micrograph has a threshold of its own.
    pub(super) fn is_own(&self, file: &Path) -> bool {
        self.own.contains_key(&named(file))
    }

    /// Takes up the places of a micrograph, which are spaced and not ruled out.
    pub(super) fn note(&mut self, file: &Path, places: &[Candidate]) {
        match median_logit(places) {
            Some(median) => self.medians.insert(file.to_owned(), median),
            None => self.medians.remove(file),
        };
    }

    /// All micrographs are known: shifts count from the middle of their medians.
    pub(super) fn settle(&mut self) {
        self.common = common_median(self.medians.values().copied());
    }

    /// How far the logits of a micrograph lie above those of the others, once [`Self::settle`] was called.
    pub(super) fn measured_shift(&self, file: &Path) -> Option<f64> {
        let own = self.medians.get(file).copied()?;
        Some(shift(Some(own), self.common))
    }

    /// What is taken out of the logits of a micrograph.
    pub(super) fn shift(&self, file: &Path) -> f64 {
        if self.without_shifts { self.measured_shift(file).unwrap_or(0.0) } else { 0.0 }
    }

    /// The logit at or above which a place of a micrograph is a pick; `common` is that of micrographs without a
    /// threshold of their own, on scores without their shifts.
    pub(super) fn least(&self, file: &Path, common: f64) -> f64 {
        self.own.get(&named(file)).copied().unwrap_or(common) + self.shift(file)
    }
}
