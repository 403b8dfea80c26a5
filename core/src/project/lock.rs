//! The lock that lets one process write: the operating system frees it when the process ends.
//!
//! The file's text (process, machine, since when) only tells people who holds it; what counts is
//! the lock on it, so a file left behind by a killed process blocks no other.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::project::time::now;

/// Name of the lock file in the project's folder.
const NAME: &str = "project.lock";

/// Held as long as the project is open for writing.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the project in `folder`.
    ///
    /// # Errors
    /// [`Error::Locked`] with the holder when another process (or another handle of this one)
    /// writes.
    pub fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| Error::io("open for writing", &path, e))?;
        // A reader asking whether a writer lives holds the lock for an instant: try again.
        for attempt in 0.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < 5 => std::thread::sleep(Duration::from_millis(20)),
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    // On systems where the lock also hinders reading, the holder stays unknown.
                    let _ = (&mut file).take(500).read_to_string(&mut holder);
                    let holder = match holder.trim() {
                        "" => "which one is not known".to_owned(),
                        text => text.to_owned(),
                    };
                    return Err(Error::Locked { path: folder.to_owned(), holder });
                }
                Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path, e)),
            }
        }
        let text = format!("process {} on {} since {}\n", std::process::id(), machine(), now());
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(text.as_bytes()))
            .map_err(|e| Error::io("write", &path, e))?;
        Ok(Self { _file: file })
    }

    /// Whether some process holds the project of `folder` for writing now.
    pub fn is_held(folder: &Path) -> bool {
        File::open(folder.join(NAME))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .unwrap_or_default();
    match name.trim() {
        "" => "this machine".to_owned(),
        name => name.to_owned(),
    }
}
