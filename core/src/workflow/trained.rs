//! The network that a run has kept.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::learning::train::checkpoint::model_path;
use crate::project::Project;
use crate::remedy::Remedy;

/// The file of the network of run `name`.
///
/// # Errors
/// When the run does not exist, or ended before its first epoch was complete.
pub(super) fn trained_model(project: &Project, name: &str) -> Result<PathBuf> {
    let run = project.run(name)?;
    let path = model_path(&project.run_dir(&run.name));
    if path.exists() {
        return Ok(path);
    }
    Err(Error::request(
        format!("run '{}' has no model yet: it ended before its first epoch was complete", run.name),
        Remedy::ChooseRun,
    ))
}
