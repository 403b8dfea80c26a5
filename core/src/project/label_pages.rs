//! The table that holds the labels as they are now: one byte a patch, in pages of [`PAGE`] patches.
//!
//! A change touches few pages, whether it is of one label or of a hundred thousand.

use rusqlite::{OptionalExtension, params};

use crate::error::{Error, Result};
use crate::label::Label;
use crate::project::db::Db;

/// Patches on one page.
pub(super) const PAGE: usize = 8192;

/// A byte of a page that is no label: the database was altered by something else.
pub(super) fn label(db: &Db, byte: u8, id: usize) -> Result<Label> {
    Label::from_byte(byte).ok_or_else(|| {
        Error::format(
            &db.path,
            format!("patch {id} has the label {byte}, which does not exist"),
            "restore the database from a backup",
        )
    })
}

/// The labels of all `count` patches.
pub(super) fn all(db: &Db, count: usize) -> Result<Vec<Label>> {
    let err = db.err("read the labels");
    let mut labels = Vec::with_capacity(count);
    let mut stmt =
        db.conn.prepare_cached("SELECT page, labels FROM label_pages ORDER BY page").map_err(&err)?;
    let mut rows = stmt.query([]).map_err(&err)?;
    let mut next = 0;
    while let Some(row) = rows.next().map_err(&err)? {
        let page: i64 = row.get(0).map_err(&err)?;
        let bytes = row.get_ref(1).map_err(&err)?.as_blob().map_err(|e| err(e.into()))?;
        if page != next || bytes.len() > PAGE {
            return Err(damaged(db, next));
        }
        next += 1;
        for &byte in bytes {
            labels.push(label(db, byte, labels.len())?);
        }
    }
    // A reader may see patches that were imported after it was opened.
    labels.truncate(count);
    if labels.len() < count { Err(damaged(db, next)) } else { Ok(labels) }
}

/// The labels of patches `first..end`.
pub(super) fn range(db: &Db, first: usize, end: usize) -> Result<Vec<Label>> {
    let mut labels = Vec::with_capacity(end.saturating_sub(first));
    for page in first / PAGE..end.div_ceil(PAGE) {
        let bytes = read_page(db, page)?;
        for (id, &byte) in (page * PAGE..).zip(&bytes) {
            if (first..end).contains(&id) {
                labels.push(label(db, byte, id)?);
            }
        }
    }
    Ok(labels)
}

pub(super) fn damaged(db: &Db, page: i64) -> Error {
    Error::format(
        &db.path,
        format!("page {page} of the labels is missing or has a wrong length"),
        "restore the database from a backup",
    )
}

pub(super) fn read_page(db: &Db, page: usize) -> Result<Vec<u8>> {
    let err = db.err("read the labels");
    let mut stmt = db.conn.prepare_cached("SELECT labels FROM label_pages WHERE page = ?1").map_err(&err)?;
    let bytes: Option<Vec<u8>> = stmt.query_row([page as i64], |row| row.get(0)).optional().map_err(&err)?;
    bytes.ok_or_else(|| damaged(db, page as i64))
}

pub(super) fn write_page(db: &Db, page: usize, bytes: &[u8]) -> Result<()> {
    let err = db.err("store labels");
    let mut stmt = db
        .conn
        .prepare_cached("INSERT OR REPLACE INTO label_pages (page, labels) VALUES (?1, ?2)")
        .map_err(&err)?;
    stmt.execute(params![page as i64, bytes]).map_err(&err)?;
    Ok(())
}

/// Takes away the labels of all patches but the first `count`. Within a transaction.
pub(super) fn truncate(db: &Db, count: usize) -> Result<()> {
    let (page, left) = (count / PAGE, count % PAGE);
    if left > 0 {
        let bytes = read_page(db, page)?;
        let kept = bytes.get(..left).ok_or_else(|| damaged(db, page as i64))?;
        write_page(db, page, kept)?;
    }
    db.conn
        .execute("DELETE FROM label_pages WHERE page >= ?1", [count.div_ceil(PAGE) as i64])
        .map_err(db.err("store labels"))?;
    Ok(())
}

/// Appends the labels of patches `first..first + labels.len()`. Within a transaction.
pub(super) fn append(db: &Db, first: usize, labels: &[Label]) -> Result<()> {
    let mut rest = labels;
    let mut at = first;
    while !rest.is_empty() {
        let page = at / PAGE;
        let offset = at % PAGE;
        let mut bytes = if offset == 0 { Vec::new() } else { read_page(db, page)? };
        if bytes.len() != offset {
            return Err(damaged(db, page as i64));
        }
        let (now, later) = rest.split_at(rest.len().min(PAGE - offset));
        bytes.extend(now.iter().map(|&l| l as u8));
        write_page(db, page, &bytes)?;
        at += now.len();
        rest = later;
    }
    Ok(())
}
