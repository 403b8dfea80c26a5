//! The regions that a person has ruled out on micrographs.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::imaging::mask::Mask;
use crate::project::{MicrographId, Project};

/// What the keys of masks among the single facts begin with; the number of the micrograph follows.
const KEY: &str = "mask.";

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

    /// Sets what is ruled out on a micrograph, in place of what was before.
    ///
    /// # Errors
    /// When there is no such micrograph, the project is read only, or the disk is full.
    pub fn set_mask(&mut self, micrograph: MicrographId, mask: &Mask) -> Result<()> {
        if !self.micrographs()?.iter().any(|known| known.id == micrograph) {
            return Err(Error::request(
                format!("there is no micrograph {} in this project", micrograph.0),
                "choose one of the project's micrographs",
            ));
        }
        let text = serde_json::to_string(mask).map_err(|e| Error::defect(e.to_string()))?;
        self.transact("store a mask", |db| db.set_meta(&format!("{KEY}{}", micrograph.0), &text))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::imaging::mask::Region;
    use crate::project::{NewMicrograph, PixelType};

    #[test]
    fn masks_are_kept_by_micrograph_and_taken_away_again() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("p");
        let mut project = Project::create(&folder, None, PixelType::F32).unwrap();
        project.add_micrographs(&["a", "b"].map(NewMicrograph::named)).unwrap();
        let ids: Vec<_> = project.micrographs().unwrap().iter().map(|mic| mic.id).collect();
        let region = Region::Stroke { radius: 40.0, line: vec![[1.0, 2.0], [3.5, 4.0]] };
        let mask = Mask { excluded: false, regions: vec![region] };
        project.set_mask(ids[1], &mask).unwrap();
        project.set_mask(ids[0], &Mask { excluded: true, ..Mask::default() }).unwrap();
        drop(project);
        let mut project = Project::open(&folder).unwrap();
        assert_eq!(project.masks().unwrap()[&ids[1]], mask);
        project.set_mask(ids[1], &Mask::default()).unwrap();
        assert_eq!(project.masks().unwrap().keys().copied().collect::<Vec<_>>(), [ids[0]]);
        assert!(project.set_mask(MicrographId(99), &mask).is_err());
    }
}
