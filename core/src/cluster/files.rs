//! Files of jobs and clusters: texts, values as JSON, and files that grow by a line of JSON.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::atomic::write_atomically;
use crate::error::{Error, Result};

/// The text of a file that a site or a person wrote.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|e| Error::io("read", path, e))
}

/// The value of a JSON file; `None` where there is no such file.
///
/// # Errors
/// When it cannot be read, or holds something else: "it is {what}", and what to do about it.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path, what: &str, remedy: &str) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|e| Error::format(path, format!("it is {what}: {e}"), remedy)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("read", path, e)),
    }
}

/// Writes a value as JSON, whole or not at all.
///
/// # Errors
/// When the disk refuses.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec_pretty(value).map_err(|e| Error::defect(e.to_string()))?;
    write_atomically(path, &text)
}

/// Adds a value as a line of JSON.
///
/// # Errors
/// When the disk refuses.
pub(super) fn append_line(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(value).map_err(|e| Error::defect(e.to_string()))?;
    line.push(b'\n');
    append(path, &line)
}

/// Ends a line that a kill has cut off, so that the next has one of its own.
///
/// # Errors
/// When the disk refuses.
pub(super) fn close_line(path: &Path) -> Result<()> {
    let torn = fs::read(path).is_ok_and(|bytes| bytes.last().is_some_and(|last| *last != b'\n'));
    if torn { append(path, b"\n") } else { Ok(()) }
}

fn append(path: &Path, bytes: &[u8]) -> Result<()> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|e| Error::io("write", path, e))
}

/// The values of a file with a line of JSON each. A line that was not written to its end, and one of a newer version,
/// are passed over. A file that is not there has none.
///
/// # Errors
/// When the file is there and cannot be read.
pub(super) fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(Error::io("read", path, e)),
    }
}

/// As [`lines`], those whole lines that follow on the first `read` bytes; and how many bytes are read then. A file that
/// has become shorter is another one, and is read from its beginning.
///
/// # Errors
/// As [`lines`].
pub(super) fn lines_after<T: DeserializeOwned>(path: &Path, read: u64) -> Result<(Vec<T>, u64)> {
    let failed = |e| Error::io("read", path, e);
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(e) => return Err(failed(e)),
    };
    let length = file.metadata().map_err(failed)?.len();
    let from = if length < read { 0 } else { read };
    file.seek(SeekFrom::Start(from)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    bytes.truncate(whole);
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    Ok((lines.collect(), from + whole as u64))
}

/// Removes a file that need not be there.
///
/// # Errors
/// When the disk refuses.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io("remove", path, e)),
        _ => Ok(()),
    }
}
