//! The regions that a person has ruled out on micrographs. Each change is a step of the journal, so undo takes it back like a
//! change of labels.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::imaging::mask::{Mask, Region};
use crate::project::db::Db;
use crate::project::journal::{self, NewEntry};
use crate::project::{Actor, EntryId, EntryKind, MicrographId, Project};

/// What the keys of masks among the single facts begin with; the number of the micrograph follows.
const KEY: &str = "mask.";
/// What the keys of changes of masks begin with; the number of the journal's entry follows.
const STEP: &str = "mask_step.";

/// What an entry of the journal changed of a mask. Regions are drawn one by one, so it holds only those that differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct MaskStep {
    micrograph: MicrographId,
    /// Whether the whole micrograph was excluded before, and is after it.
    excluded: [bool; 2],
    /// How many of the first regions stay.
    kept: usize,
    /// The regions behind them before, and after it.
    regions: [Vec<Region>; 2],
}

impl MaskStep {
    fn between(micrograph: MicrographId, before: &Mask, after: &Mask) -> Self {
        let kept = before.regions.iter().zip(&after.regions).take_while(|(a, b)| a == b).count();
        let rest = |mask: &Mask| mask.regions.iter().skip(kept).cloned().collect();
        Self {
            micrograph,
            excluded: [before.excluded, after.excluded],
            kept,
            regions: [rest(before), rest(after)],
        }
    }

    /// The step that takes this one back.
    pub fn inverse(self) -> Self {
        let ([was, is], [before, after]) = (self.excluded, self.regions);
        Self { excluded: [is, was], regions: [after, before], ..self }
    }

    /// The mask after the step.
    fn apply(&self, mut mask: Mask) -> Mask {
        mask.excluded = self.excluded[1];
        mask.regions.truncate(self.kept);
        mask.regions.extend(self.regions[1].iter().cloned());
        mask
    }
}

/// What an entry of the journal changed of a mask; `None` where it changed labels.
pub(super) fn step(project: &Project, entry: EntryId) -> Result<Option<MaskStep>> {
    project.db.meta(&format!("{STEP}{}", entry.0))?.map(|text| project.json(&text)).transpose()
}

fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::defect(e.to_string()))
}

fn key(micrograph: MicrographId) -> String {
    format!("{KEY}{}", micrograph.0)
}

impl Project {
    /// What is ruled out, by micrograph; micrographs on which nothing is are not among them.
    ///
    /// # Errors
    /// When the database cannot be read or holds something else there.
    pub fn masks(&self) -> Result<BTreeMap<MicrographId, Mask>> {
        let mut masks = BTreeMap::new();
        for (key, text) in self.db.metas(KEY)? {
            let number = key.strip_prefix(KEY).and_then(|number| number.parse().ok());
            let mask: Mask = self.json(&text)?;
            if let Some(number) = number.filter(|_| !mask.is_empty()) {
                masks.insert(MicrographId(number), mask);
            }
        }
        Ok(masks)
    }

    /// What is ruled out on a micrograph.
    ///
    /// # Errors
    /// As [`Self::masks`].
    pub fn mask(&self, micrograph: MicrographId) -> Result<Mask> {
        let stored = self.db.meta(&key(micrograph))?;
        Ok(stored.map(|text| self.json(&text)).transpose()?.unwrap_or_default())
    }

    /// Sets what is ruled out on a micrograph, in place of what was before. Returns the entry of the journal, or `None` when
    /// that was ruled out already.
    ///
    /// # Errors
    /// When there is no such micrograph, the project is read only, or the disk is full.
    pub fn set_mask(
        &mut self,
        micrograph: MicrographId,
        mask: &Mask,
        actor: &Actor,
    ) -> Result<Option<EntryId>> {
        if !self.micrographs()?.iter().any(|known| known.id == micrograph) {
            return Err(Error::request(
                format!("there is no micrograph {} in this project", micrograph.0),
                "choose one of the project's micrographs",
            ));
        }
        let before = self.mask(micrograph)?;
        if before == *mask {
            return Ok(None);
        }
        let step = MaskStep::between(micrograph, &before, mask);
        self.step_mask(&step, EntryKind::Mask, actor, None).map(Some)
    }

    /// Changes a mask and writes the entry.
    pub(super) fn step_mask(
        &mut self,
        step: &MaskStep,
        kind: EntryKind,
        actor: &Actor,
        undoes: Option<EntryId>,
    ) -> Result<EntryId> {
        let mask = to_json(&step.apply(self.mask(step.micrograph)?))?;
        let text = to_json(step)?;
        let entry = NewEntry { kind, actor, run: None, undoes, reason: "", changes: &[], range: None };
        self.transact("store a mask", |db: &Db| {
            db.set_meta(&key(step.micrograph), &mask)?;
            let entry = journal::append(db, &entry)?;
            db.set_meta(&format!("{STEP}{}", entry.0), &text)?;
            Ok(entry)
        })
    }

    /// The micrograph whose mask an entry of the journal changed; `None` where it changed labels.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn journal_mask(&self, entry: EntryId) -> Result<Option<MicrographId>> {
        Ok(step(self, entry)?.map(|step| step.micrograph))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::project::{NewMicrograph, PixelType};

    fn ada() -> Actor {
        Actor::Person("ada".to_owned())
    }

    fn stroke(at: f32) -> Region {
        Region::Stroke { radius: 40.0, line: vec![[1.0, 2.0], [at, 4.0]] }
    }

    #[test]
    fn masks_are_kept_by_micrograph_and_taken_away_again() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("p");
        let mut project = Project::create(&folder, None, PixelType::F32).unwrap();
        project.add_micrographs(&["a", "b"].map(NewMicrograph::named)).unwrap();
        let ids: Vec<_> = project.micrographs().unwrap().iter().map(|mic| mic.id).collect();
        let region = Region::Stroke { radius: 40.0, line: vec![[1.0, 2.0], [3.5, 4.0]] };
        let mask = Mask { excluded: false, regions: vec![region] };
        project.set_mask(ids[1], &mask, &ada()).unwrap().unwrap();
        assert_eq!(project.set_mask(ids[1], &mask, &ada()).unwrap(), None, "nothing is another");
        project.set_mask(ids[0], &Mask { excluded: true, ..Mask::default() }, &ada()).unwrap();
        drop(project);
        let mut project = Project::open(&folder).unwrap();
        assert_eq!(project.masks().unwrap()[&ids[1]], mask);
        project.set_mask(ids[1], &Mask::default(), &ada()).unwrap();
        assert_eq!(project.masks().unwrap().keys().copied().collect::<Vec<_>>(), [ids[0]]);
        assert!(project.set_mask(MicrographId(99), &mask, &ada()).is_err());
    }

    #[test]
    fn a_step_holds_what_differs_and_can_be_taken_back() {
        let mask = |excluded, regions: &[f32]| Mask {
            excluded,
            regions: regions.iter().map(|at| stroke(*at)).collect(),
        };
        for (before, after, differ) in [
            (mask(false, &[1.0, 2.0]), mask(false, &[1.0, 2.0, 3.0]), 1),
            (mask(false, &[1.0, 2.0, 3.0]), mask(true, &[1.0]), 2),
            (mask(true, &[1.0, 2.0]), mask(false, &[3.0]), 3),
        ] {
            let step = MaskStep::between(MicrographId(1), &before, &after);
            assert_eq!(step.regions.iter().map(Vec::len).sum::<usize>(), differ);
            assert_eq!(step.apply(before.clone()), after);
            assert_eq!(step.inverse().apply(after), before);
        }
    }
}
