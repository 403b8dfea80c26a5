//! Where a RELION project begins, and how it names files: from its own folder, with `/`.

use std::path::{Component, Path, PathBuf};

use crate::project::Micrograph;

/// Files that RELION keeps in the folder of a project.
const MARKS: [&str; 3] = ["default_pipeline.star", ".gui_projectdir", "default_schemer.star"];

/// A path from the root of the file system, symbolic links kept, `.` and `..` taken out.
pub(super) fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

/// The RELION project around a file or folder that may not be there yet.
pub(super) fn root_above(path: &Path) -> Option<PathBuf> {
    let path = absolute(path);
    path.ancestors().find(|folder| MARKS.iter().any(|mark| folder.join(mark).exists())).map(Path::to_owned)
}

/// The RELION project around a file that a job of RELION wrote: the one with the marks, else the
/// folder above `TYPE/jobNNN/`.
fn root_of_job_file(file: &Path) -> Option<PathBuf> {
    root_above(file).or_else(|| {
        let file = absolute(file);
        let job = file
            .ancestors()
            .skip(1)
            .find(|folder| folder.file_name().is_some_and(|name| is_job(&name.to_string_lossy())))?;
        Some(job.parent()?.parent()?.to_owned())
    })
}

/// What RELION calls a micrograph: as its tables have it, else its file as seen from the folder of
/// the RELION project, else the project's own name for it.
pub(super) fn name_of(micrograph: &Micrograph) -> String {
    let from_root = || {
        let file = micrograph.path.as_deref()?;
        within(&root_of_job_file(file)?, file)
    };
    micrograph.table_name.clone().or_else(from_root).unwrap_or_else(|| micrograph.name.clone())
}

/// The RELION project that `out` would lie in: the one around it, else the folder from which the
/// names of the micrographs lead to their files.
pub(super) fn root_of(out: &Path, micrographs: &[Micrograph]) -> Option<PathBuf> {
    root_above(out).or_else(|| {
        let out = absolute(out);
        micrographs.iter().find_map(|micrograph| {
            let name = name_of(micrograph);
            let name = Path::new(&name);
            let file = absolute(micrograph.path.as_deref()?);
            // A bare name says nothing of folders.
            if name.is_absolute() || name.components().count() < 2 || !file.ends_with(name) {
                return None;
            }
            let root = file.ancestors().nth(name.components().count())?;
            out.starts_with(root).then(|| root.to_owned())
        })
    })
}

/// A path as the RELION project at `root` names it; `None` outside the project.
pub(super) fn within(root: &Path, path: &Path) -> Option<String> {
    let path = absolute(path);
    let parts: Vec<String> = path
        .strip_prefix(root)
        .ok()?
        .components()
        .map(|c| c.as_os_str().to_string_lossy().into_owned())
        .collect();
    Some(parts.join("/"))
}

/// Whether a folder is one of a RELION job: `job` and three digits or more.
fn is_job(name: &str) -> bool {
    let digits = |number: &str| number.len() >= 3 && number.bytes().take(3).all(|b| b.is_ascii_digit());
    name.strip_prefix("job").is_some_and(digits)
}

/// A micrograph's name without the job it lies in (`MotionCorr/job002/mics/a.mrc` → `mics/a.mrc`), as
/// RELION names the files that its jobs make of it.
pub(super) fn without_job(name: &str) -> &str {
    let mut at = 0;
    for (index, part) in name.split('/').enumerate() {
        let end = at + part.len();
        if index > 0 && is_job(part) {
            return name.get(end + 1..).unwrap_or(name);
        }
        at = end + 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_job() {
        // `decomposePipelineFileName` of RELION.
        assert_eq!(without_job("MotionCorr/job002/mics/a.mrc"), "mics/a.mrc");
        assert_eq!(without_job("MotionCorr/job012/a.mrc"), "a.mrc");
        assert_eq!(without_job("mics/a.mrc"), "mics/a.mrc");
        assert_eq!(without_job("jobs/a.mrc"), "jobs/a.mrc");
    }

    #[test]
    fn a_project_is_found_around_a_file_and_from_the_names_of_micrographs() {
        let dir = tempfile::tempdir().map(|d| d.keep()).unwrap_or_default();
        let out = dir.join("Vitrine/job9/p.star");
        assert_eq!(root_of(&out, &[]), None);
        let micrograph = Micrograph {
            id: crate::project::MicrographId(1),
            name: "a.mrc".into(),
            table_name: Some("MotionCorr/job002/mics/a.mrc".into()),
            path: Some(dir.join("MotionCorr/job002/mics/a.mrc")),
            dimensions: None,
            pixel_size: None,
        };
        assert_eq!(root_of(&out, std::slice::from_ref(&micrograph)).as_deref(), Some(dir.as_path()));
        // A file that a job wrote names its project, also without a table.
        let bare = Micrograph { table_name: None, ..micrograph.clone() };
        assert_eq!(name_of(&bare), "MotionCorr/job002/mics/a.mrc");
        assert_eq!(root_of(Path::new("/elsewhere/p.star"), std::slice::from_ref(&micrograph)), None);
        assert_eq!(within(&dir, &out).as_deref(), Some("Vitrine/job9/p.star"));
        let _ = std::fs::write(dir.join("default_pipeline.star"), "");
        assert_eq!(root_of(&out, &[]).as_deref(), Some(dir.as_path()));
        let _ = std::fs::remove_dir_all(dir);
    }
}
