//! Text files read whole.

use std::path::Path;

use super::whole::{read_whole, text_of};
use crate::error::{Error, Result};

/// Longest text file that is read, bytes.
const MAX_BYTES: u64 = 2 << 30;

/// Reads a text file whole; a byte-order mark at its start is taken off.
///
/// # Errors
/// When it cannot be read, is longer than 2 GiB, or holds bytes that are no UTF-8 text.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let bytes = read_whole(path, MAX_BYTES, "split it into files below 2 GiB")?;
    let text = text_of(bytes).map_err(|line| {
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
