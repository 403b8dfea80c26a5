//! Which micrographs are picked on: those named, those in folders, and in a watch those that appear there.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::formats::detect::{Kind, detect};
use crate::picking::store::FileState;
use crate::project::Project;
use crate::remedy::Remedy;

/// Which files there are, and which have been handed out.
pub(super) struct Queue {
    /// Micrographs named one by one.
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    /// Handed out.
    seen: HashSet<PathBuf>,
    /// In a watch: files as they were at the last look. A file is taken once it has stopped growing.
    growing: Vec<FileState>,
    /// In a watch: files that have stopped growing, micrographs or not.
    settled: HashSet<PathBuf>,
    watch: bool,
}

impl Queue {
    /// The micrographs named, or those of the project; with `watch` their folders are looked at again and again.
    ///
    /// # Errors
    /// When there is none, or no folder to watch.
    pub(super) fn new(project: &Project, micrographs: &[PathBuf], watch: bool) -> Result<Self> {
        let mut queue = Self {
            files: Vec::new(),
            folders: Vec::new(),
            seen: HashSet::new(),
            growing: Vec::new(),
            settled: HashSet::new(),
            watch,
        };
        if micrographs.is_empty() {
            let files = project.micrographs()?.into_iter().filter_map(|m| m.path);
            queue.files = files.map(|path| project.micrograph_file(&path)).collect();
            if queue.files.is_empty() {
                return Err(Error::request(
                    "the project knows no micrograph files: its patches came ready cut",
                    Remedy::NameMicrographs,
                ));
            }
            // A project may have several sources on one micrograph.
            let mut seen = HashSet::new();
            queue.files.retain(|path| seen.insert(path.clone()));
        }
        for path in micrographs {
            if path.is_dir() {
                queue.folders.push(path.clone());
            } else {
                queue.files.push(path.clone());
            }
        }
        if watch && queue.folders.is_empty() {
            return Err(Error::request(
                "there is no folder to watch for new micrographs",
                "name the folder in which they appear",
            ));
        }
        Ok(queue)
    }

    /// Files that have not been handed out yet.
    pub(super) fn new_files(&mut self) -> Result<Vec<PathBuf>> {
        let mut found = std::mem::take(&mut self.files);
        if !self.watch || self.something_new() {
            for folder in &self.folders {
                match detect(folder) {
                    Ok(recognised)
                        if matches!(recognised.kind, Kind::Micrographs | Kind::MicrographsAndPicks) =>
                    {
                        found.extend(recognised.micrographs);
                    }
                    // In a watch there may be no micrograph yet.
                    Ok(_) | Err(_) if self.watch => {}
                    Ok(recognised) => {
                        return Err(Error::format(
                            folder,
                            format!("the folder holds no micrographs ({})", recognised.format),
                            "name the folder that holds MRC, TIFF, PNG or JPEG files",
                        ));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        found.retain(|path| !self.growing.iter().any(|state| state.path == *path));
        found.retain(|path| self.seen.insert(path.clone()));
        Ok(found)
    }

    /// Whether a folder holds files that were not there before and have stopped growing. Only names and lengths are
    /// looked at, so that a folder of thousands of micrographs can be watched.
    fn something_new(&mut self) -> bool {
        let mut growing = Vec::new();
        let mut new = false;
        for folder in &self.folders {
            // A folder that cannot be listed now may be there at the next look.
            for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if self.settled.contains(&path) || self.seen.contains(&path) {
                    continue;
                }
                let Ok(state) = FileState::of(&path) else { continue };
                if self.growing.contains(&state) {
                    self.settled.insert(path);
                    new = true;
                } else {
                    growing.push(state);
                }
            }
        }
        self.growing = growing;
        new
    }
}
