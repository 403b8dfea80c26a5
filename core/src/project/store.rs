//! The open project: making, opening and locking it, and what every handle on it knows.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::project::db::{self, Db};
use crate::project::folder::{DATABASE, PIXELS, RUNS, is_branch, pixel_path};
use crate::project::lock::Lock;
use crate::project::pixels::{self, PixelFile, PixelType};
use crate::project::size::{check_size, count, read_size};
use crate::project::sync::Syncer;
use crate::project::time::now;
use crate::project::{numbering, schema};

/// An open project.
pub struct Project {
    pub(super) dir: PathBuf,
    pub(super) db: Db,
    /// `None` when the project was opened for reading.
    pub(super) held: Option<Arc<WriteAccess>>,
    /// Writes of this handle are flushed by the thread of `held`.
    pub(super) late: bool,
    /// Why this project is only read, where it was opened for whatever is possible.
    pub(super) read_only: Option<String>,
    pub(super) size: Option<usize>,
    pub(super) pixel_type: PixelType,
    pub(super) pixels: Arc<PixelFile>,
    /// What [`numbering::times`] said when the patches were counted.
    pub(super) numbering: u64,
}

/// What all writing handles of a project share.
pub(super) struct WriteAccess {
    /// Dropped before the lock: it still writes.
    pub(super) syncer: OnceLock<Syncer>,
    _lock: Lock,
}

impl std::fmt::Debug for Project {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Project")
            .field("dir", &self.dir)
            .field("patches", &self.len())
            .finish_non_exhaustive()
    }
}

impl Project {
    /// The folder of the project that a path names: the folder itself, or the database in it, which is the file that a
    /// desktop shows.
    pub fn folder_of(path: &Path) -> &Path {
        match path.parent() {
            Some(folder) if path.file_name().is_some_and(|name| name == DATABASE) => {
                if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
            }
            _ => path,
        }
    }

    /// Makes a new project in `dir`, which must be empty or missing, and opens it for writing.
    ///
    /// `size` is the side of a patch in px; with `None` the first import decides it.
    ///
    /// # Errors
    /// When the folder holds anything, cannot be written, or the size is 0 or above 4096.
    pub fn create(dir: &Path, size: Option<usize>, pixel_type: PixelType) -> Result<Self> {
        if let Some(size) = size {
            check_size(size)?;
        }
        std::fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
        let mut entries = std::fs::read_dir(dir).map_err(|e| Error::io("read", dir, e))?;
        if let Some(found) = entries.next() {
            let found = found.map_err(|e| Error::io("read", dir, e))?;
            let problem = if dir.join(DATABASE).exists() {
                format!("{} already holds a project", dir.display())
            } else {
                format!("{} is not empty (it holds {})", dir.display(), found.file_name().to_string_lossy())
            };
            return Err(Error::request(problem, "name a new or empty folder"));
        }
        let made = Self::fill(dir, size, pixel_type);
        if made.is_err() {
            // Leave the folder as it was found: empty.
            for name in [DATABASE, "project.sqlite-wal", "project.sqlite-shm", PIXELS, "project.lock"] {
                let _ = std::fs::remove_file(dir.join(name));
            }
            let _ = std::fs::remove_dir(dir.join(RUNS));
        }
        made?;
        Self::open(dir)
    }

    fn fill(dir: &Path, size: Option<usize>, pixel_type: PixelType) -> Result<()> {
        let _lock = Lock::take(dir)?;
        pixels::create(&dir.join(PIXELS), size.unwrap_or(0), pixel_type)?;
        let runs = dir.join(RUNS);
        std::fs::create_dir(&runs).map_err(|e| Error::io("create", &runs, e))?;
        let mut db = db::open_write(&dir.join(DATABASE))?;
        schema::create(&mut db)?;
        db.set_meta("created", &now())?;
        db.set_meta("program", concat!("vitrine ", env!("CARGO_PKG_VERSION")))?;
        db.set_meta("pixel_type", pixel_type.as_str())?;
        if let Some(size) = size {
            db.set_meta("patch_size", &size.to_string())?;
        }
        Ok(())
    }

    /// Opens a project for writing. Only one process can; runs that a dead process left running
    /// are marked as interrupted, and leftovers of an import that did not end are cut off.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process writes; else when the folder is no project, was made
    /// by a newer version, is damaged or may not be written.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = database(dir)?;
        let lock = Lock::take(dir)?;
        let mut db = db::open_write(&path)?;
        schema::migrate(&mut db, schema::STEPS)?;
        let mut project =
            Self::with(dir, db, Some(Arc::new(WriteAccess { syncer: OnceLock::new(), _lock: lock })))?;
        // The pixels that a branch reads are another project's.
        if !is_branch(&project.db)? {
            project.cut_off_leftovers()?;
        }
        project.mark_interrupted()?;
        project.finish_run_edits();
        tracing::info!(project = %dir.display(), patches = project.len(), "opened for writing");
        Ok(project)
    }

    /// Cuts off the pixels that an import that did not end has left behind.
    fn cut_off_leftovers(&self) -> Result<()> {
        let end = pixels::file_len(self.len(), self.size.unwrap_or(0), self.pixel_type);
        pixels::cut_off(&self.dir.join(PIXELS), end.max(numbering::kept_bytes(&self.db)?))
    }

    /// Opens a project for reading, whether or not another process writes, also in a folder that
    /// may not be written.
    ///
    /// # Errors
    /// When the folder is no project, was made by a newer version of the program, or is damaged.
    pub fn open_read_only(dir: &Path) -> Result<Self> {
        let db = db::open_read(&database(dir)?)?;
        schema::read_as_newest(&db)?;
        let project = Self::with(dir, db, None)?;
        tracing::debug!(project = %dir.display(), patches = project.len(), "opened for reading");
        Ok(project)
    }

    /// Opens a project for writing where that is possible, else for reading;
    /// [`Project::read_only_reason`] then says why.
    ///
    /// # Errors
    /// When it can be opened neither way.
    pub fn open_any(dir: &Path) -> Result<Self> {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        match Self::open(dir) {
            Err(reason @ Error::Locked { .. }) => Self::read_because(dir, &reason),
            Err(Error::Io { action, path, source })
                if matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem) =>
            {
                Self::read_because(dir, &Error::Io { action, path, source })
            }
            other => other,
        }
    }

    fn read_because(dir: &Path, reason: &Error) -> Result<Self> {
        let mut project = Self::open_read_only(dir)?;
        project.read_only = Some(reason.to_string());
        Ok(project)
    }

    fn with(dir: &Path, db: Db, held: Option<Arc<WriteAccess>>) -> Result<Self> {
        let broken = |what: &str| {
            Error::format(
                &db.path,
                format!("its {what} cannot be read"),
                "restore the database from a backup",
            )
        };
        let pixel_type = db
            .meta("pixel_type")?
            .and_then(|name| PixelType::from_name(&name))
            .ok_or_else(|| broken("pixel type"))?;
        let numbering = numbering::times(&db)?;
        let size = read_size(&db)?;
        let count = count(&db)?;
        let pixels = PixelFile::open(&pixel_path(&db, dir)?, count, size.unwrap_or(0), pixel_type)?;
        Ok(Self {
            dir: dir.to_owned(),
            db,
            held,
            late: false,
            read_only: None,
            size,
            pixel_type,
            pixels: Arc::new(pixels),
            numbering,
        })
    }

    /// Another handle on the same project for another thread of this process, with a database
    /// connection of its own: for writing where this one is, else for reading. The project stays
    /// locked against other processes until the last handle is dropped. Writers within one process
    /// wait for each other; only one of them may import at a time, and [`Project::refresh`] shows
    /// the others what it brought.
    ///
    /// # Errors
    /// When the project cannot be read any more.
    pub fn reopen(&self) -> Result<Self> {
        // A project that was open has gone; that it is no project is not what there is to say.
        let path = database(&self.dir).map_err(|error| self.check_in_place().err().unwrap_or(error))?;
        let Some(held) = &self.held else {
            let mut other = Self::open_read_only(&self.dir)?;
            other.read_only.clone_from(&self.read_only);
            return Ok(other);
        };
        let db = db::open_write(&path)?;
        Self::with(&self.dir, db, Some(Arc::clone(held)))
    }

    /// Takes up patches that another process has imported or taken back since this project was opened
    /// for reading. (Labels, runs and scores are always read afresh.)
    ///
    /// # Errors
    /// When the project cannot be read any more.
    pub fn refresh(&mut self) -> Result<()> {
        let numbering = numbering::times(&self.db)?;
        let size = read_size(&self.db)?;
        let count = count(&self.db)?;
        if count != self.pixels.len() || size != self.size || numbering != self.numbering {
            let file = pixel_path(&self.db, &self.dir)?;
            self.pixels = Arc::new(PixelFile::open(&file, count, size.unwrap_or(0), self.pixel_type)?);
            (self.size, self.numbering) = (size, numbering);
        }
        Ok(())
    }

    /// The project's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether this project may be changed.
    pub fn is_writable(&self) -> bool {
        self.held.is_some()
    }

    /// Why [`Project::open_any`] opened the project for reading only.
    pub fn read_only_reason(&self) -> Option<&str> {
        self.read_only.as_deref()
    }

    /// How many patches there are.
    pub fn len(&self) -> usize {
        self.pixels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// Side of a patch, px; `None` until the first import where it was left open.
    pub fn size(&self) -> Option<usize> {
        self.size
    }

    /// How pixels are stored.
    pub fn pixel_type(&self) -> PixelType {
        self.pixel_type
    }

    /// The pixels of all patches. A clone may go to another thread; it stays valid, without what
    /// is imported later.
    pub fn pixels(&self) -> Arc<PixelFile> {
        Arc::clone(&self.pixels)
    }

    /// The folder for checkpoints and `metrics.csv` of run `name`.
    pub fn run_dir(&self, name: &str) -> PathBuf {
        self.dir.join(RUNS).join(name)
    }

    /// Whether the database is still the file that was opened. On Unix a deleted file takes writes
    /// without a word and is gone with the process: labels set after its folder was deleted would be
    /// lost in silence.
    pub(super) fn check_in_place(&self) -> Result<()> {
        if self.db.identity == db::identity(&self.db.path) {
            return Ok(());
        }
        Err(Error::ProjectMoved { path: self.dir.clone(), consequence: "nothing was changed".to_owned() })
    }
}

fn database(dir: &Path) -> Result<PathBuf> {
    let path = dir.join(DATABASE);
    match std::fs::metadata(&path) {
        Ok(meta) if meta.is_file() => Ok(path),
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => Err(Error::io("read", path, e)),
        _ => Err(Error::NoProject { path: dir.to_owned(), database: DATABASE }),
    }
}
