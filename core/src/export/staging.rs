//! All or nothing on the disk: files are made in a hidden folder beside the target and moved to
//! their names at the end.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::{TempDir, TempPath};

use super::manifest::{FOLDER_MANIFEST, Manifest};
use super::request::{ExportRequest, manifest_beside};
use crate::error::{Error, Result};
use crate::project::Project;
use crate::remedy::Remedy;

/// The hidden folder; removed with everything in it when dropped.
pub(super) struct Staging {
    dir: TempDir,
}

impl Staging {
    /// Makes it in the folder where `out` will be, so that moving is renaming; that folder is made
    /// if it is missing.
    pub fn beside(out: &Path) -> Result<Self> {
        let parent = folder_of(out);
        fs::create_dir_all(&parent).map_err(|e| Error::io("create", &parent, e))?;
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        let dir = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".part")
            .tempdir_in(&parent)
            .map_err(|e| Error::io("write", &parent, e))?;
        Ok(Self { dir })
    }

    /// Where a target is made for now.
    pub fn path(&self, target: &Path) -> PathBuf {
        self.dir.path().join(target.file_name().unwrap_or_default())
    }

    /// A new file that will become `target`.
    pub fn create(&self, target: &Path) -> Result<fs::File> {
        fs::File::create_new(self.path(target)).map_err(|e| Error::io("create", target, e))
    }

    /// Lets an error name the final place instead of the hidden one.
    pub fn rename(&self, error: Error, out: &Path) -> Error {
        let parent = folder_of(out);
        let back = |path: PathBuf| match path.strip_prefix(self.dir.path()) {
            Ok(rest) => parent.join(rest),
            Err(_) => path,
        };
        match error {
            Error::Io { action, path, source } => Error::Io { action, path: back(path), source },
            Error::Format { path, problem, remedy } => Error::Format { path: back(path), problem, remedy },
            other => other,
        }
    }

    /// Moves everything to its name. When one move fails, those before it are taken back.
    pub fn commit(self, targets: &[PathBuf], request: &ExportRequest) -> Result<()> {
        let mut moved: Vec<Moved> = Vec::new();
        for (number, target) in targets.iter().enumerate() {
            let kept = self.dir.path().join(format!("replaced-{number}"));
            match place(&self.path(target), target, kept, request.force) {
                Ok(step) => moved.push(step),
                Err(error) => {
                    for step in moved.into_iter().rev() {
                        step.take_back();
                    }
                    return Err(error);
                }
            }
        }
        sync_folder(&folder_of(&request.out))
    }
}

/// A target that is in place, and what it replaced.
struct Moved {
    target: PathBuf,
    replaced: Option<PathBuf>,
}

impl Moved {
    fn take_back(self) {
        // The first error is the one to be told; here as much as possible is put back.
        let _ = if self.target.is_dir() {
            fs::remove_dir_all(&self.target)
        } else {
            fs::remove_file(&self.target)
        };
        if let Some(old) = self.replaced {
            let _ = fs::rename(old, &self.target);
        }
    }
}

/// Moves one file or folder to its name; with `force` what stood there is kept as `kept`.
fn place(staged: &Path, target: &Path, kept: PathBuf, force: bool) -> Result<Moved> {
    let refused = |e: std::io::Error| {
        if e.kind() == std::io::ErrorKind::AlreadyExists {
            exists(target)
        } else {
            Error::io("write", target, e)
        }
    };
    let replaced = if occupied(target) && force {
        fs::rename(target, &kept).map_err(refused)?;
        Some(kept)
    } else {
        None
    };
    let done = if staged.is_dir() {
        // A folder that holds anything refuses to be replaced.
        if occupied(target) { Err(exists(target)) } else { fs::rename(staged, target).map_err(refused) }
    } else {
        TempPath::try_from_path(staged)
            .map_err(refused)
            .and_then(|path| path.persist_noclobber(target).map_err(|e| refused(e.error)))
    };
    match done {
        Ok(()) => Ok(Moved { target: target.to_owned(), replaced }),
        Err(error) => {
            if let Some(old) = replaced {
                let _ = fs::rename(old, target);
            }
            Err(error)
        }
    }
}

/// Refuses targets that are there already, or that must never be replaced.
pub(super) fn check_targets(project: &Project, request: &ExportRequest, targets: &[PathBuf]) -> Result<()> {
    let real = |path: &Path| path.canonicalize().ok();
    let home = real(project.dir());
    let runs = real(&project.run_dir(""));
    let sources: Vec<PathBuf> = project.sources()?.iter().filter_map(|s| real(&s.info.path)).collect();
    for target in targets {
        let folder = folder_of(target);
        let place = real(target).or_else(|| Some(real(&folder)?.join(target.file_name()?)));
        let Some(place) = place else { continue };
        let in_runs = runs.as_deref().is_some_and(|runs| place.starts_with(runs));
        let in_home = place.exists() && place.parent().is_some() && place.parent() == home.as_deref();
        let holds_home = home.as_deref().is_some_and(|home| home.starts_with(&place));
        if in_runs || holds_home || (in_home && !is_export(target)) {
            return Err(Error::request(
                format!("{} belongs to the project itself", target.display()),
                "export to another place",
            ));
        }
        if sources.iter().any(|source| source.starts_with(&place)) {
            return Err(Error::request(
                format!("{} is what the project was imported from", target.display()),
                "export under another name",
            ));
        }
        if !occupied(target) {
            continue;
        }
        if !request.force {
            return Err(exists(target));
        }
        let folder_wanted = request.format.extension().is_none();
        if target.is_dir() != folder_wanted {
            let is = if target.is_dir() { "a folder, where a file" } else { "a file, where a folder" };
            return Err(Error::request(
                format!("{} is {is} would be written", target.display()),
                "export under another name",
            ));
        }
        if folder_wanted {
            check_replaceable(target)?;
        }
    }
    Ok(())
}

/// Whether something stands at `target` that a new file or folder would replace. An empty folder
/// is as good as none.
pub(super) fn occupied(target: &Path) -> bool {
    match fs::symlink_metadata(target) {
        Err(_) => false,
        Ok(meta) if meta.is_dir() => {
            fs::read_dir(target).map_or(true, |mut entries| entries.next().is_some())
        }
        Ok(_) => true,
    }
}

/// Whether a file or folder carries a manifest of an export, or is one.
fn is_export(target: &Path) -> bool {
    let beside = manifest_beside(target);
    target.to_string_lossy().ends_with(".manifest.json")
        || beside.exists()
        || target.join(FOLDER_MANIFEST).exists()
}

/// Forced or not, a folder is only replaced when everything in it is an earlier export: its
/// manifest lists every file.
fn check_replaceable(folder: &Path) -> Result<()> {
    let path = folder.join(FOLDER_MANIFEST);
    let stranger = |what: String| {
        Error::request(
            format!("the folder {} holds {what}, so it is not replaced", folder.display()),
            "name a new folder, or empty this one yourself",
        )
    };
    let known = fs::read(&path)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok())
        .ok_or_else(|| stranger("no earlier export".to_owned()))?;
    let mut known: std::collections::HashSet<PathBuf> =
        known.files.iter().map(|file| folder.join(&file.path)).collect();
    known.insert(path);
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).map_err(|e| Error::io("read", &at, e))? {
            let entry = entry.map_err(|e| Error::io("read", &at, e))?;
            let path = entry.path();
            if entry.file_type().map_err(|e| Error::io("read", &path, e))?.is_dir() {
                folders.push(path);
            } else if !known.contains(&path) {
                return Err(stranger(format!("{}, which no export wrote", path.display())));
            }
        }
    }
    Ok(())
}

fn exists(target: &Path) -> Error {
    Error::request(format!("{} exists already", target.display()), Remedy::AllowReplace)
}

/// The folder a path lies in.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Brings the names in a folder to the disk, where the system can.
fn sync_folder(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    fs::File::open(folder).and_then(|f| f.sync_all()).map_err(|e| Error::io("write", folder, e))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
