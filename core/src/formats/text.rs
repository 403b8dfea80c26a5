//! Text files read whole.

use std::path::Path;

use crate::error::{Error, Result};

/// Longest text file that is read, bytes.
const MAX_BYTES: u64 = 2 << 30;

/// Reads a text file whole; a byte-order mark at its start is taken off.
///
/// # Errors
/// When it cannot be read, is longer than 2 GiB, or holds bytes that are no UTF-8 text.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let fail = |e| Error::io("read", path, e);
    let length = std::fs::metadata(path).map_err(fail)?.len();
    if length > MAX_BYTES {
        return Err(Error::format(path, format!("it has {length} bytes"), "split it into files below 2 GiB"));
    }
    let text = String::from_utf8(std::fs::read(path).map_err(fail)?).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let line = 1 + e.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count();
        Error::format(
            path,
            format!("line {line} holds bytes that are no UTF-8 text"),
            "save it as UTF-8 text",
        )
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}
