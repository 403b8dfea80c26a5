//! How particles are picked in a project: box, bin factor and diameter. A project that begins with micrographs alone
//! has no patches from which they would follow.

use std::path::{Path, PathBuf};

use rusqlite::params;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::project::import::{NewMicrograph, insert_micrograph};
use crate::project::noted_import::NotedImport;
use crate::project::{MicrographId, Project};

/// Key of the settings among the single facts.
const KEY: &str = "picking";

/// How places on micrographs become patches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PickingSettings {
    /// Side of the box, px of the unbinned micrograph.
    pub box_size: usize,
    /// Px averaged into one, in each direction.
    pub bin: usize,
    /// Diameter of a particle, px of the unbinned micrograph; `None` where nobody has said it.
    #[serde(default)]
    pub diameter: Option<f64>,
}

impl Project {
    /// How places on micrographs become patches, where that was set; else the sources tell.
    ///
    /// # Errors
    /// When the database cannot be read or holds something else there.
    pub fn picking(&self) -> Result<Option<PickingSettings>> {
        self.db.meta(KEY)?.map(|text| self.json(&text)).transpose()
    }

    /// Sets how places on micrographs become patches.
    ///
    /// # Errors
    /// When the project is read only or the disk is full.
    pub fn set_picking(&mut self, settings: &PickingSettings) -> Result<()> {
        let text = serde_json::to_string(settings).map_err(|e| Error::defect(e.to_string()))?;
        self.transact("store the box size", |db| db.set_meta(KEY, &text))
    }

    /// Says where the file of a micrograph is now.
    ///
    /// # Errors
    /// When there is no such micrograph, the project is read only, or the disk is full.
    pub fn set_micrograph_path(&mut self, micrograph: MicrographId, path: &Path) -> Result<()> {
        self.transact("store where a micrograph is", |db| {
            let changed = db
                .conn
                .execute(
                    "UPDATE micrographs SET path = ?1 WHERE id = ?2",
                    params![path.to_string_lossy(), micrograph.0],
                )
                .map_err(db.err("store where a micrograph is"))?;
            match changed {
                0 => Err(Error::request(
                    format!("there is no micrograph {} in this project", micrograph.0),
                    "choose one of the project's micrographs",
                )),
                _ => Ok(()),
            }
        })
    }

    /// Adds micrographs without patches; those known by name get the file and facts they lack.
    ///
    /// # Errors
    /// When the project is read only or the disk is full.
    pub fn add_micrographs(&mut self, micrographs: &[NewMicrograph]) -> Result<()> {
        let (patches, size) = (self.len(), self.size);
        self.transact("store micrographs", |db| {
            let before = NotedImport::before(db, patches, size)?;
            for new in micrographs {
                insert_micrograph(db, new)?;
            }
            before.note(db, 0)
        })
    }

    /// The file of a micrograph from where this process stands: a relative path counts from the project's folder.
    pub fn micrograph_file(&self, path: &Path) -> PathBuf {
        if path.is_absolute() { path.to_owned() } else { self.dir.join(path) }
    }
}
