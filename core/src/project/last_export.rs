//! The last export, so that a person who comes back to a project sees it there.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::project::{EntryId, Project};

/// The setting that holds it, as JSON.
const LAST: &str = "last_export";

/// The last export of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastExport {
    /// Name of the file or folder, without its path.
    pub name: String,
    /// Patches written; `None` for a network.
    pub patches: Option<u64>,
    /// Journal position of the labels it was made with.
    pub journal: EntryId,
}

impl Project {
    /// The last export that was noted. What cannot be understood counts as none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn last_export(&self) -> Result<Option<LastExport>> {
        Ok(self.db.meta(LAST)?.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Notes an export.
    ///
    /// # Errors
    /// When the project is read only or the disk is full.
    pub fn note_export(&mut self, export: &LastExport) -> Result<()> {
        let text = serde_json::to_string(export).map_err(|e| Error::defect(e.to_string()))?;
        self.transact_beside("note an export", |db| db.set_meta(LAST, &text))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::project::PixelType;

    #[test]
    fn the_last_export_is_known_again_and_rubbish_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p");
        let mut project = Project::create(&path, Some(2), PixelType::F32).unwrap();
        assert_eq!(project.last_export().unwrap(), None);
        let export = LastExport { name: "apo.star".into(), patches: Some(1234), journal: EntryId(7) };
        project.note_export(&export).unwrap();
        drop(project);
        let project = Project::open(&path).unwrap();
        assert_eq!(project.last_export().unwrap(), Some(export));
        project.db.set_meta(LAST, "{").unwrap();
        assert_eq!(project.last_export().unwrap(), None);
    }
}
