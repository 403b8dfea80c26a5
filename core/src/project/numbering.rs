//! Whether the numbers of patches still mean the same patches. A number is a place in the pixel file. Once an import was
//! taken back, the next import gives its numbers, and its part of the pixel file, to other patches.

use crate::error::{Error, Result};
use crate::project::db::Db;

/// The setting that counts how often an import was taken back.
const TIMES: &str = "imports_taken_back";
/// The setting that holds the length of the pixel file that is never cut off, bytes.
const KEPT: &str = "pixel_bytes_kept";

fn number(db: &Db, key: &str) -> Result<u64> {
    Ok(db.meta(key)?.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// How often an import was taken back. Numbers of patches and micrographs known before mean others now.
pub(super) fn times(db: &Db) -> Result<u64> {
    number(db, TIMES)
}

/// Bytes of the pixel file that somebody may have mapped although the database names them no longer.
pub(super) fn kept_bytes(db: &Db) -> Result<u64> {
    number(db, KEPT)
}

/// Numbers mean others from here on; the first `mapped` bytes of the pixel file may be mapped. Within a transaction.
pub(super) fn begin_anew(db: &Db, mapped: u64) -> Result<()> {
    db.set_meta(TIMES, &(times(db)? + 1).to_string())?;
    db.set_meta(KEPT, &kept_bytes(db)?.max(mapped).to_string())
}

/// The pixel file is another one, which nobody has mapped yet. Within a transaction.
pub(super) fn forget_kept(db: &Db) -> Result<()> {
    db.delete_meta(KEPT)
}

/// Refuses where numbers mean others than when [`times`] was `known`.
pub(super) fn check(db: &Db, known: u64) -> Result<()> {
    if times(db)? == known {
        return Ok(());
    }
    Err(Error::request(
        format!("an import of {} was taken back since its patches were read", db.path.display()),
        "read the project again",
    ))
}
