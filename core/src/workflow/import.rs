//! Makes a new project from files; the folder is made only if the import succeeds.

use std::path::Path;

use crate::error::Result;
use crate::ingest::{IngestRequest, IngestSummary, ingest};
use crate::progress::ProgressSink;
use crate::project::{PixelType, Project};

/// Makes a project in `dir` (empty or missing) and brings the files of the request into it. When that
/// fails or is cancelled, what was made is taken away again.
///
/// # Errors
/// As [`Project::create`] and [`ingest`].
pub fn new_from_files(
    dir: &Path,
    request: &IngestRequest,
    pixel_type: PixelType,
    progress: ProgressSink<'_>,
) -> Result<(Project, IngestSummary)> {
    // Which of the folders on the way are ours to take away.
    let mut made = Vec::new();
    let mut folder = Some(dir);
    while let Some(missing) = folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        made.push(missing.to_owned());
        folder = missing.parent();
    }
    let mut project = Project::create(dir, None, pixel_type)?;
    let done = ingest(&mut project, request, progress);
    match done {
        Ok(summary) => Ok((project, summary)),
        Err(error) => {
            drop(project);
            // The folder was empty before `create`, so all of it is ours.
            for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
                let path = entry.path();
                let _ =
                    if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            }
            for folder in made {
                // Only when it is empty.
                let _ = std::fs::remove_dir(folder);
            }
            Err(error)
        }
    }
}
