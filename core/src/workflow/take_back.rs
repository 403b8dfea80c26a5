//! Taking the last import back, with what hangs on it: jobs on clusters, picks of runs, places in review queues.

use std::path::Path;

use crate::cluster::jobs_in;
use crate::error::{Error, Result};
use crate::picking::store::has_picked;
use crate::project::{Actor, LastImport, Project};
use crate::remedy::Remedy;
use crate::review::QueuePlaces;
use crate::workflow::sweep_job::snapshot_file;

/// The import that [`take_back`] would take back.
///
/// # Errors
/// As [`Project::take_back_import`], and where a job on a cluster reads its patches or a run has picked on micrographs
/// that came with it.
pub fn check(project: &Project) -> Result<LastImport> {
    let import = project.check_take_back()?;
    check_jobs(project, &import)?;
    check_picks(project, &import)?;
    Ok(import)
}

/// Takes the last import back. Review queues that were begun since then begin anew.
///
/// # Errors
/// As [`check`], and where the disk refuses; then nothing has changed.
pub fn take_back(project: &mut Project, actor: &Actor) -> Result<LastImport> {
    check(project)?;
    let import = project.take_back_import(actor)?;
    let mut places = QueuePlaces::read(project)?;
    if places.forget_after(import.journal)
        && let Err(error) = places.store(project)
    {
        // A place is soon found again; the import is gone.
        tracing::warn!(%error, "places in review queues were not forgotten");
    }
    Ok(import)
}

/// Runs of a sweep are trained elsewhere on the patches that the project had when it was submitted.
fn check_jobs(project: &Project, import: &LastImport) -> Result<()> {
    if import.patches == 0 {
        return Ok(());
    }
    let reads =
        |folder: &Path| Project::open_read_only(folder).is_ok_and(|copy| copy.len() > import.first as usize);
    for job in jobs_in(project.dir())? {
        if snapshot_file(&job).exists() && reads(job.dir()) {
            return Err(Error::request(
                format!("the last import cannot be taken back: the job {} reads its patches", job.file.name),
                format!(
                    "end the job and delete its folder {}, or import into another project",
                    job.dir().display()
                ),
            ));
        }
    }
    Ok(())
}

/// Picks are kept in the folders of runs, by the file of the micrograph.
fn check_picks(project: &Project, import: &LastImport) -> Result<()> {
    let files: Vec<_> = project
        .micrographs()?
        .into_iter()
        .filter(|micrograph| micrograph.id > import.last_micrograph)
        .filter_map(|micrograph| Some(project.micrograph_file(&micrograph.path?)))
        .collect();
    for run in project.runs()? {
        let folder = project.run_dir(&run.name);
        if let Some(file) = files.iter().find(|file| has_picked(&folder, file)) {
            return Err(Error::request(
                format!(
                    "the last import cannot be taken back: the run {} has picked on {} of it",
                    run.name,
                    file.file_name().unwrap_or_default().to_string_lossy()
                ),
                Remedy::DeleteRun { run: run.name },
            ));
        }
    }
    Ok(())
}
