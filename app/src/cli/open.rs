//! Opening the project that a command names.

use std::path::Path;

use vitrine_core::project::Project;

/// Opens a project for writing.
///
/// # Errors
/// As [`Project::open`].
pub fn to_write(dir: &Path) -> anyhow::Result<Project> {
    Ok(Project::open(dir)?)
}

/// Opens a project for reading, also while another process writes.
///
/// # Errors
/// As [`Project::open_read_only`].
pub fn to_read(dir: &Path) -> anyhow::Result<Project> {
    Ok(Project::open_read_only(dir)?)
}
