//! How large a project is: the side of its patches, and how many the database names.

use crate::error::{Error, Result};
use crate::project::db::Db;
use crate::project::pixels;

pub(super) fn check_size(size: usize) -> Result<()> {
    if (2..=pixels::MAX_SIZE).contains(&size) {
        return Ok(());
    }
    Err(Error::request(
        format!("patches of {size}×{size} px are not possible"),
        format!("choose a side between 2 and {} px", pixels::MAX_SIZE),
    ))
}

pub(super) fn read_size(db: &Db) -> Result<Option<usize>> {
    let Some(text) = db.meta("patch_size")? else { return Ok(None) };
    match text.parse() {
        Ok(size) if (1..=pixels::MAX_SIZE).contains(&size) => Ok(Some(size)),
        _ => Err(Error::format(
            &db.path,
            format!("it says that patches have the side '{text}'"),
            "restore the database from a backup",
        )),
    }
}

/// How many patches the database names. Ids have no gaps, so the last one tells.
pub(super) fn count(db: &Db) -> Result<usize> {
    let count: i64 = db
        .conn
        .query_row("SELECT coalesce(max(id) + 1, 0) FROM patches", [], |row| row.get(0))
        .map_err(db.err("count the patches"))?;
    usize::try_from(count).ok().filter(|&n| n <= u32::MAX as usize).ok_or_else(|| {
        Error::format(&db.path, format!("it says that there are {count} patches"), "restore it from a backup")
    })
}
