//! The files of a benchmark as projects.

use std::error::Error;
use std::path::Path;

use vitrine_core::ingest::{IngestRequest, ingest};
use vitrine_core::project::{PixelType, Project};

/// A project in `dir` with the patches of one file.
pub fn import(dir: &Path, file: &Path) -> Result<Project, Box<dyn Error>> {
    let mut project = Project::create(dir, None, PixelType::F32)?;
    let request = IngestRequest { inputs: vec![file.to_owned()], ..IngestRequest::default() };
    ingest(&mut project, &request, &mut |_| true)?;
    Ok(project)
}
