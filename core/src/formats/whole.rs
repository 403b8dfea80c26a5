//! Files read whole.

use std::path::Path;

use crate::error::{Error, Result};

/// Reads a file of at most `most` bytes whole.
///
/// # Errors
/// When it cannot be read or is longer; `instead` says what to do then.
pub(super) fn read_whole(path: &Path, most: u64, instead: &'static str) -> Result<Vec<u8>> {
    let fail = |e| Error::io("read", path, e);
    let length = std::fs::metadata(path).map_err(fail)?.len();
    if length > most {
        return Err(Error::format(path, format!("it has {length} bytes"), instead));
    }
    std::fs::read(path).map_err(fail)
}

/// The bytes as text; where they are none, the number of the first line that is not UTF-8, counted from 1.
pub(super) fn text_of(bytes: Vec<u8>) -> std::result::Result<String, usize> {
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        1 + e.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count()
    })
}
