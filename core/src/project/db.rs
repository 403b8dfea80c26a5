//! One SQLite connection with the path it belongs to, and SQLite's errors in words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::TempDir;

use crate::error::{Error, Result};

/// A connection and where its file lies.
pub(super) struct Db {
    pub conn: Connection,
    pub path: PathBuf,
    /// Which file it was when it was opened; `None` where the system does not number files.
    pub identity: Option<(u64, u64)>,
    /// Where a copy lives that had to be made to read the database; deleted with this.
    _copy: Option<TempDir>,
}

impl Db {
    /// Turns SQLite's errors into [`Error`], naming what was tried.
    pub fn err(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> Error + use<> {
        let path = self.path.clone();
        move |source| error(action, &path, source)
    }

    /// Whether a commit waits until the disk has it (`FULL`) or leaves that to somebody else (`NORMAL`).
    pub fn flush_on_commit(&self, flush: bool) -> Result<()> {
        let mode = if flush { "FULL" } else { "NORMAL" };
        self.conn.pragma_update(None, "synchronous", mode).map_err(self.err("set up"))
    }

    /// One value of the table `meta`.
    pub fn meta(&self, key: &str) -> Result<Option<String>> {
        use rusqlite::OptionalExtension;
        self.conn
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
            .optional()
            .map_err(self.err("read the project's settings"))
    }

    /// Writes what is there already. The first write to a new log flushes its head, also where a
    /// commit does not flush: who calls this spares the next writer that.
    pub fn touch(&self) -> Result<()> {
        self.conn
            .execute_batch("UPDATE meta SET value = value WHERE key = 'created'")
            .map_err(self.err("begin the log"))
    }

    /// Writes one value of the table `meta`.
    pub fn set_meta(&self, key: &str, value: &str) -> Result<()> {
        self.conn
            .execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", [key, value])
            .map_err(self.err("store the project's settings"))?;
        Ok(())
    }

    /// The values of the table `meta` whose keys begin so, which holds no wildcard, with their keys.
    pub fn metas(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        let err = self.err("read the project's settings");
        let mut stmt = self
            .conn
            .prepare_cached("SELECT key, value FROM meta WHERE substr(key, 1, length(?1)) = ?1")
            .map_err(&err)?;
        let rows = stmt.query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&err)?;
        rows.collect::<rusqlite::Result<_>>().map_err(&err)
    }

    /// Removes one value of the table `meta`, if it is there.
    pub fn delete_meta(&self, key: &str) -> Result<()> {
        self.conn
            .execute("DELETE FROM meta WHERE key = ?1", [key])
            .map_err(self.err("store the project's settings"))?;
        Ok(())
    }
}

/// An error of SQLite in words a person can act on.
pub(super) fn error(action: &'static str, path: &Path, source: rusqlite::Error) -> Error {
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::io(
            "write",
            path,
            std::io::Error::new(
                std::io::ErrorKind::StorageFull,
                "the disk is full; nothing was changed, free some space and try again",
            ),
        ),
        Some(ErrorCode::NotADatabase) => Error::format(
            path,
            "it is no SQLite database",
            "choose the project's own folder, or restore the file from a backup",
        ),
        Some(ErrorCode::DatabaseCorrupt) => {
            Error::format(path, format!("the database is damaged ({source})"), "restore it from a backup")
        }
        _ => Error::Database { action, path: path.to_owned(), source },
    }
}

/// Opens (and where missing creates) the database for writing.
///
/// WAL with `synchronous = FULL`: a commit that returned is on the disk. [`super::sync`] says who
/// leaves that out.
pub(super) fn open_write(path: &Path) -> Result<Db> {
    let err = |source| error("open it", path, source);
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(err)?;
    conn.busy_timeout(Duration::from_secs(10)).map_err(err)?;
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(err)?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(Error::request(
            format!("the file system of {} cannot hold a write-ahead log", path.display()),
            "keep the project on a local disk",
        ));
    }
    conn.pragma_update(None, "synchronous", "FULL").map_err(err)?;
    conn.pragma_update(None, "foreign_keys", true).map_err(err)?;
    prepare(conn, path, None)
}

/// Opens the database for reading, also where the folder itself may not be written.
///
/// A database in WAL mode wants its `-shm` file; where that cannot be made, the database is read
/// as immutable, or, when a write-ahead log with content lies beside it, from a temporary copy.
pub(super) fn open_read(path: &Path) -> Result<Db> {
    let first = read(path.as_os_str().as_encoded_bytes(), false, path, None);
    match &first {
        Err(Error::Database { source, .. })
            if matches!(
                source.sqlite_error_code(),
                Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
            ) => {}
        _ => return first,
    }
    let wal = beside(path, "-wal");
    if std::fs::metadata(&wal).map_or(0, |meta| meta.len()) == 0 {
        return read(path.as_os_str().as_encoded_bytes(), true, path, None);
    }
    let dir = TempDir::new().map_err(|e| Error::io("create", std::env::temp_dir(), e))?;
    let copy = dir.path().join("project.sqlite");
    for (from, to) in [(path, copy.clone()), (&wal, beside(&copy, "-wal"))] {
        std::fs::copy(from, to).map_err(|e| Error::io("copy", from, e))?;
    }
    let bytes = copy.as_os_str().as_encoded_bytes().to_vec();
    read(&bytes, false, path, Some(dir))
}

fn read(file: &[u8], immutable: bool, path: &Path, copy: Option<TempDir>) -> Result<Db> {
    let err = |source| error("open it", path, source);
    let mut uri = String::from("file:");
    for &byte in file {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    if immutable {
        uri.push_str("?immutable=1");
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let conn = Connection::open_with_flags(uri, flags).map_err(err)?;
    conn.busy_timeout(Duration::from_secs(10)).map_err(err)?;
    // The first read tells whether the file can be read at all.
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0)).map_err(err)?;
    prepare(conn, path, copy)
}

fn prepare(conn: Connection, path: &Path, copy: Option<TempDir>) -> Result<Db> {
    conn.set_prepared_statement_cache_capacity(64);
    Ok(Db { conn, path: path.to_owned(), identity: identity(path), _copy: copy })
}

/// Device and number of a file. Only Unix needs it: elsewhere open files cannot be deleted.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// `project.sqlite` → `project.sqlite-wal`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::project::{Actor, NewPatch, PixelType, Project, SourceInfo};
    use crate::{Error, Label};

    /// SQLite's page limit stands for the disk's end: it gives the same `SQLITE_FULL`.
    #[test]
    fn a_full_disk_is_one_sentence_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut project = Project::create(&dir.path().join("p"), Some(2), PixelType::F32).unwrap();
        let fill = |project: &mut Project, n: usize| {
            let mut import = project.import(2)?;
            import.source(&SourceInfo::new("a", "test"))?;
            for _ in 0..n {
                import.push(&NewPatch { label: Label::Positive, ..NewPatch::default() }, &[1.0; 4])?;
            }
            import.commit()
        };
        fill(&mut project, 10).unwrap();
        let pages: i64 = project.db.conn.query_row("PRAGMA page_count", [], |r| r.get(0)).unwrap();
        project.db.conn.query_row(&format!("PRAGMA max_page_count = {}", pages + 1), [], |_| Ok(())).unwrap();
        let error = fill(&mut project, 50_000).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error:?}");
        assert!(error.to_string().contains("disk is full"), "{error}");
        assert_eq!(project.len(), 10);
        let pixels = std::fs::metadata(dir.path().join("p/pixels.bin")).unwrap().len();
        assert_eq!(pixels, 64 + 10 * 16);
        assert_eq!(project.label_counts().unwrap().positive, 10);
        // And the project goes on working.
        project.set_labels(&[(3, Label::Negative)], &Actor::Person("x".into()), None, "").unwrap();
    }
}
