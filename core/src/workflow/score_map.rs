//! The score map of one micrograph, for display.

use std::path::Path;

use super::score::scorer;
use crate::device::ComputeDevice;
use crate::error::Result;
use crate::formats::micrograph;
use crate::ingest::project_cut;
use crate::picking::picker::{Picker, ScoreMap};
use crate::project::Project;

/// Computes the map from which picking with a run proposes places on a micrograph. `go_on` is asked between the steps.
///
/// # Errors
/// When the run's network can judge patches only, box and bin factor are not known, the micrograph cannot be read, or
/// [`crate::Error::Cancelled`].
pub fn score_map(
    project: &Project,
    run: &str,
    micrograph: &Path,
    device: ComputeDevice,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<ScoreMap> {
    let picker = Picker::new(scorer(project, run, device)?, project_cut(project)?)?;
    let image = micrograph::open(micrograph)?.image;
    go_on()?;
    let prepared = picker.prepare(image)?;
    go_on()?;
    Ok(picker.map(&prepared))
}
