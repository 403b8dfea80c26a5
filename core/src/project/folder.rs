//! The files in the folder of a project.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::project::db::Db;

/// The database.
pub(super) const DATABASE: &str = "project.sqlite";
/// The pixels, except in a branch.
pub(super) const PIXELS: &str = "pixels.bin";
/// The folder with a folder for each run.
pub(super) const RUNS: &str = "runs";

/// The setting of a branch that holds the pixel file of the project it was made of.
pub(super) const PIXELS_OF: &str = "pixels_of";

/// The pixel file of the project in `dir`: its own, or that of the project it is a branch of.
pub(super) fn pixel_path(db: &Db, dir: &Path) -> Result<PathBuf> {
    Ok(db.meta(PIXELS_OF)?.map_or_else(|| dir.join(PIXELS), PathBuf::from))
}

/// Whether this is the database of a branch, whose pixels belong to another project.
pub(super) fn is_branch(db: &Db) -> Result<bool> {
    Ok(db.meta(PIXELS_OF)?.is_some())
}
