//! Finds tables in a RELION project: one folder per type of job, one folder per job in it (`job012`), and
//! tables with fixed names in each job.

use std::path::{Path, PathBuf};

/// What an import can take from a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RelionProject {
    /// The newest table of micrographs: with CTF if there is one, else that of motion correction, else
    /// that of the import.
    pub micrographs: Option<PathBuf>,
    /// What each picking job left: its index of coordinate files, or its folder where an older RELION
    /// wrote none. Where nothing was picked, the particles of extraction jobs.
    pub picks: Vec<PathBuf>,
}

/// Types of jobs by which a project is known.
const TYPES: [&str; 6] = ["MotionCorr", "CtfFind", "AutoPick", "ManualPick", "Extract", "Import"];

/// Whether a folder has folders of RELION's types of jobs with jobs in them.
pub(crate) fn is_project(folder: &Path) -> bool {
    TYPES.iter().any(|kind| !jobs(folder, kind).is_empty())
}

/// The jobs of a type, oldest first.
fn jobs(folder: &Path, kind: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder.join(kind))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && path.file_name().is_some_and(|n| is_job(&n.to_string_lossy())))
        .collect();
    found.sort();
    found
}

/// `job` and at least three digits.
fn is_job(name: &str) -> bool {
    name.strip_prefix("job").is_some_and(|n| n.len() >= 3 && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Looks into the folders of the jobs.
pub(crate) fn read(folder: &Path) -> RelionProject {
    let newest = |kind: &str, table: &str| {
        jobs(folder, kind).into_iter().rev().map(|job| job.join(table)).find(|path| path.is_file())
    };
    let micrographs = newest("CtfFind", "micrographs_ctf.star")
        .or_else(|| newest("MotionCorr", "corrected_micrographs.star"))
        .or_else(|| newest("Import", "micrographs.star"));
    let picked = |kind: &str, table: &str| -> Vec<PathBuf> {
        let jobs = jobs(folder, kind).into_iter();
        jobs.map(|job| if job.join(table).is_file() { job.join(table) } else { job }).collect()
    };
    let mut picks = picked("AutoPick", "autopick.star");
    picks.extend(picked("ManualPick", "manualpick.star"));
    if picks.is_empty() {
        let jobs = jobs(folder, "Extract").into_iter();
        picks.extend(jobs.map(|job| job.join("particles.star")).filter(|path| path.is_file()));
    }
    RelionProject { micrographs, picks }
}
