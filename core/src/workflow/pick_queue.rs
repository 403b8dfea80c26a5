//! Which micrographs are picked on: those named, those in folders, and in a watch those that appear there.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::formats::detect::{Kind, detect};
use crate::formats::folder::files_below;
use crate::picking::store::FileState;
use crate::project::Project;
use crate::remedy::Remedy;

/// Which files there are, and which have been handed out.
pub(super) struct Queue {
    /// Micrographs named one by one.
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    /// Handed out, without links: a file that is there under two names is one.
    seen: HashSet<PathBuf>,
    /// In a watch: files as they were at the last look. A file is taken once it has stopped growing.
    growing: Vec<FileState>,
    /// In a watch: files that have stopped growing, micrographs or not, as they were then.
    settled: HashMap<PathBuf, FileState>,
    /// Of these, those that could not be read: they are tried again once they have changed.
    refused: HashSet<PathBuf>,
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
            settled: HashMap::new(),
            refused: HashSet::new(),
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
        let named = std::mem::take(&mut self.files);
        let mut found = named.clone();
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
        // In a watch a file that has come since the folders were looked at may still be growing.
        let is_ready =
            |path: &PathBuf| !self.watch || named.contains(path) || self.settled.contains_key(path);
        found.retain(|path| is_ready(path) && self.seen.insert(real(path)));
        Ok(found)
    }

    /// A file that was handed out cannot be read. Where it is still being copied it is handed out again once it has changed.
    pub(super) fn refuse(&mut self, path: &Path) {
        if self.settled.contains_key(path) {
            self.refused.insert(path.to_owned());
        }
    }

    /// Whether a folder holds files that were not there before and have stopped growing. Only names are looked at, and the
    /// lengths of new files, so that a folder of thousands of micrographs can be watched.
    fn something_new(&mut self) -> bool {
        let mut growing = Vec::new();
        let mut new = false;
        for folder in &self.folders {
            // A folder that cannot be listed now may be there at the next look.
            for path in files_below(folder) {
                let settled = self.settled.get(&path);
                let refused = self.refused.contains(&path);
                if !refused && settled.is_some() {
                    continue;
                }
                let Ok(state) = FileState::of(&path) else { continue };
                if refused && settled == Some(&state) {
                    continue;
                }
                if self.growing.contains(&state) {
                    if self.refused.remove(&path) {
                        self.seen.remove(&real(&path));
                    }
                    self.settled.insert(path, state);
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

/// A file without the links that lead to it.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::formats::mrc::{Writer, WriterMode};
    use crate::project::PixelType;

    #[test]
    fn a_watch_looks_into_folders_and_tries_again_what_was_still_being_copied() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project::create(&dir.path().join("p"), Some(16), PixelType::F32).unwrap();
        let session = dir.path().join("session");
        let deep = session.join("grid");
        std::fs::create_dir_all(&deep).unwrap();
        let write = |path: &Path| {
            let mut writer = Writer::create(path, 40, 40, None, WriterMode::Float32).unwrap();
            writer.push(&[1.0; 1600]).unwrap();
            writer.finish().unwrap();
        };
        let (first, second) = (deep.join("a.mrc"), deep.join("b.mrc"));
        write(&first);
        let mut queue = Queue::new(&project, std::slice::from_ref(&session), true).unwrap();
        let look = |queue: &mut Queue| queue.new_files().unwrap();
        assert!(look(&mut queue).is_empty(), "it may still grow");
        assert_eq!(look(&mut queue), std::slice::from_ref(&first));
        // Half a file that has stood still for a while.
        write(&second);
        let whole = std::fs::read(&second).unwrap();
        std::fs::write(&second, &whole[..whole.len() / 2]).unwrap();
        assert!(look(&mut queue).is_empty());
        assert_eq!(look(&mut queue), std::slice::from_ref(&second));
        queue.refuse(&second);
        assert!(look(&mut queue).is_empty() && look(&mut queue).is_empty(), "it is the same half");
        std::fs::write(&second, &whole).unwrap();
        assert!(look(&mut queue).is_empty());
        assert_eq!(look(&mut queue), [second]);
        assert!(look(&mut queue).is_empty() && look(&mut queue).is_empty());
        // Another name for the same folder brings nothing new, and one that leads back no endless search.
        #[cfg(unix)]
        for (to, link) in [(&deep, "a_latest"), (&session, "here")] {
            std::os::unix::fs::symlink(to, session.join(link)).unwrap();
            assert!(
                look(&mut queue).is_empty() && look(&mut queue).is_empty() && look(&mut queue).is_empty()
            );
        }
    }
}
