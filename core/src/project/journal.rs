//! The label journal: what changed, before, after, when, by whom, and why. Append-only; triggers
//! in the database refuse everything else. Changes of [masks](super::masks) are entries without changed labels; which regions they
//! changed stands in `meta`, which no trigger guards.
//!
//! The labels are the journal replayed from "all unlabeled". Undo is a new entry with the inverse
//! changes. The id of the last entry is the *journal position*: with it the labels of an earlier
//! moment, such as the start of a run, can be found again.
//!
//! The changes of an entry are one blob: for each patch in ascending order the distance to the
//! patch before (the first: to 0) as LEB128, then one byte `before · 16 + after`.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::{OptionalExtension, Row, params};

use crate::error::{Error, Result};
use crate::label::Label;
use crate::project::db::Db;
use crate::project::time::now;
use crate::project::{EntryId, PatchId, Project, RunId, label_pages};

/// The word for an import that was taken back, in the database.
pub(super) const TAKE_BACK: &str = "take_back";

/// Who changed labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person, by login or given name.
    Person(String),
    /// A training run, by name.
    Run(String),
    /// An import, by its file.
    Import(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => write!(f, "person {name}"),
            Self::Run(name) => write!(f, "run {name}"),
            Self::Import(name) => write!(f, "import {name}"),
        }
    }
}

impl Actor {
    fn parse(text: &str) -> Self {
        match text.split_once(' ') {
            Some(("run", name)) => Self::Run(name.to_owned()),
            Some(("import", name)) => Self::Import(name.to_owned()),
            Some(("person", name)) => Self::Person(name.to_owned()),
            _ => Self::Person(text.to_owned()),
        }
    }
}

/// What kind of step an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Labels were set.
    Edit,
    /// Labels came with imported patches.
    Import,
    /// What is ruled out on a micrograph was changed; no label was.
    Mask,
    /// A change was taken back.
    Undo,
    /// An undo was taken back.
    Redo,
    /// An import was taken back: its patches are gone, and later ones get their numbers.
    TakeBack,
}

impl EntryKind {
    const ALL: [Self; 6] = [Self::Edit, Self::Import, Self::Mask, Self::Undo, Self::Redo, Self::TakeBack];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Import => "import",
            Self::Mask => "mask",
            Self::Undo => "undo",
            Self::Redo => "redo",
            Self::TakeBack => TAKE_BACK,
        }
    }
}

/// One patch's change within an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The patch whose label changed.
    pub patch: PatchId,
    /// Its label before the entry.
    pub before: Label,
    /// Its label after the entry.
    pub after: Label,
}

/// An entry without its changes; those are read with [`Project::journal_changes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Number of the entry; as a journal position, the moment right after it.
    pub id: EntryId,
    /// When it was made, RFC 3339, UTC.
    pub at: String,
    /// Whether it is a change, an import, an undo or a redo.
    pub kind: EntryKind,
    /// Who or what changed the labels.
    pub actor: Actor,
    /// The run whose scores were acted on, or that acted itself; it may have been deleted since.
    pub run: Option<RunId>,
    /// The entry that this one takes back; `None` for changes and imports.
    pub undoes: Option<EntryId>,
    /// Why the labels were changed, in the actor's words; may be empty.
    pub reason: String,
    /// How many patches changed.
    pub count: u64,
}

/// An entry about to be appended.
pub(super) struct NewEntry<'a> {
    pub kind: EntryKind,
    pub actor: &'a Actor,
    pub run: Option<RunId>,
    pub undoes: Option<EntryId>,
    pub reason: &'a str,
    /// Ascending by patch, none twice.
    pub changes: &'a [Change],
    /// The first and the last patch that the entry concerns; `None` takes those that change.
    pub range: Option<(PatchId, PatchId)>,
}

fn encode(changes: &[Change]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(changes.len() * 2);
    let mut last = 0;
    for change in changes {
        let mut distance = change.patch.saturating_sub(last);
        last = change.patch;
        while distance >= 0x80 {
            bytes.push((distance & 0x7f) as u8 | 0x80);
            distance >>= 7;
        }
        bytes.push(distance as u8);
        bytes.push((change.before as u8) << 4 | change.after as u8);
    }
    bytes
}

/// `None` when the bytes are not what [`encode`] writes.
fn decode(bytes: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::with_capacity(bytes.len() / 2);
    let mut rest = bytes.iter();
    let mut last: u32 = 0;
    while let Some(&first) = rest.next() {
        let mut byte = first;
        let mut distance = u64::from(byte & 0x7f);
        let mut shift = 0;
        while byte & 0x80 != 0 {
            byte = *rest.next()?;
            shift += 7;
            if shift > 28 {
                return None;
            }
            distance |= u64::from(byte & 0x7f) << shift;
        }
        last = last.checked_add(u32::try_from(distance).ok()?)?;
        let both = *rest.next()?;
        changes.push(Change {
            patch: last,
            before: Label::from_byte(both >> 4)?,
            after: Label::from_byte(both & 0x0f)?,
        });
    }
    Some(changes)
}

/// Appends an entry. Within a transaction.
pub(super) fn append(db: &Db, entry: &NewEntry<'_>) -> Result<EntryId> {
    let err = db.err("write the label journal");
    let id = position(db)?.0 + 1;
    let changed =
        entry.changes.first().zip(entry.changes.last()).map(|(first, last)| (first.patch, last.patch));
    let (first, last) = entry.range.or(changed).unwrap_or((0, 0));
    let mut stmt = db
        .conn
        .prepare_cached(
            "INSERT INTO journal (id, at, kind, actor, run, undoes, reason, count, first_patch, last_patch, \
             changes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )
        .map_err(&err)?;
    stmt.execute(params![
        id,
        now(),
        entry.kind.as_str(),
        entry.actor.to_string(),
        entry.run.map(|r| r.0),
        entry.undoes.map(|e| e.0),
        entry.reason,
        entry.changes.len() as i64,
        first,
        last,
        encode(entry.changes)
    ])
    .map_err(&err)?;
    Ok(EntryId(id))
}

/// The number of the last entry.
pub(super) fn position(db: &Db) -> Result<EntryId> {
    let err = db.err("read the label journal");
    let mut stmt = db.conn.prepare_cached("SELECT coalesce(max(id), 0) FROM journal").map_err(&err)?;
    stmt.query_row([], |row| row.get(0)).map(EntryId).map_err(&err)
}

fn damaged(db: &Db, id: EntryId) -> Error {
    Error::format(
        &db.path,
        format!("entry {} of the label journal cannot be read", id.0),
        "restore the database from a backup",
    )
}

/// The changes of entry `id`, ascending by patch, from column `at` of a row of the journal.
pub(super) fn changes_in(db: &Db, row: &Row<'_>, at: usize, id: EntryId) -> Result<Vec<Change>> {
    let err = |e| db.err("read the label journal")(e);
    let bytes = row.get_ref(at).map_err(err)?.as_blob().map_err(|e| err(e.into()))?;
    decode(bytes).ok_or_else(|| damaged(db, id))
}

/// The changes of one entry, ascending by patch.
pub(super) fn changes(db: &Db, id: EntryId) -> Result<Vec<Change>> {
    let err = db.err("read the label journal");
    let bytes: Option<Vec<u8>> = db
        .conn
        .query_row("SELECT changes FROM journal WHERE id = ?1", [id.0], |row| row.get(0))
        .optional()
        .map_err(&err)?;
    let bytes = bytes.ok_or_else(|| no_entry(id))?;
    decode(&bytes).ok_or_else(|| damaged(db, id))
}

/// The first patch that went where the entry takes an import back, from its kind in column `at` of a row and its first
/// patch in the next; `None` for any other entry.
pub(super) fn taken_back_from(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<PatchId>> {
    let kind = row.get_ref(at)?.as_str()?;
    if kind == TAKE_BACK { row.get(at + 1).map(Some) } else { Ok(None) }
}

fn no_entry(id: EntryId) -> Error {
    Error::request(
        format!("the label journal has no entry {}", id.0),
        "name an entry between 1 and the journal's position",
    )
}

const COLUMNS: &str = "id, at, kind, actor, run, undoes, reason, count";

fn entry(row: &Row<'_>) -> rusqlite::Result<JournalEntry> {
    let kind: String = row.get(2)?;
    Ok(JournalEntry {
        id: EntryId(row.get(0)?),
        at: row.get(1)?,
        kind: EntryKind::ALL.into_iter().find(|k| k.as_str() == kind).unwrap_or(EntryKind::Edit),
        actor: Actor::parse(&row.get::<_, String>(3)?),
        run: row.get::<_, Option<i64>>(4)?.map(RunId),
        undoes: row.get::<_, Option<i64>>(5)?.map(EntryId),
        reason: row.get(6)?,
        count: row.get::<_, i64>(7)?.unsigned_abs(),
    })
}

impl Project {
    /// The number of the last journal entry, 0 when there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn journal_position(&self) -> Result<EntryId> {
        position(&self.db)
    }

    /// The number of the last entry that changed labels or patches, 0 when there is none. Entries after it changed masks only.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn label_position(&self) -> Result<EntryId> {
        let sql =
            "SELECT coalesce(max(id), 0) FROM journal WHERE count > 0 OR kind IN ('import', 'take_back')";
        let mut stmt = self.db.conn.prepare_cached(sql).map_err(self.db.err("read the label journal"))?;
        stmt.query_row([], |row| row.get(0)).map(EntryId).map_err(self.db.err("read the label journal"))
    }

    /// The entry of number `id`.
    ///
    /// # Errors
    /// When there is no such entry or the database cannot be read.
    pub fn journal_entry(&self, id: EntryId) -> Result<JournalEntry> {
        let err = self.db.err("read the label journal");
        self.db
            .conn
            .query_row(&format!("SELECT {COLUMNS} FROM journal WHERE id = ?1"), [id.0], entry)
            .optional()
            .map_err(&err)?
            .ok_or_else(|| no_entry(id))
    }

    /// The entries after position `after`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn journal(&self, after: EntryId, limit: usize) -> Result<Vec<JournalEntry>> {
        let err = self.db.err("read the label journal");
        let mut stmt = self
            .db
            .conn
            .prepare_cached(&format!("SELECT {COLUMNS} FROM journal WHERE id > ?1 ORDER BY id LIMIT ?2"))
            .map_err(&err)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = stmt.query_map([after.0, limit], entry).map_err(&err)?;
        rows.collect::<rusqlite::Result<_>>().map_err(&err)
    }

    /// The changes of one entry, ascending by patch.
    ///
    /// # Errors
    /// When there is no such entry, it is damaged, or the database cannot be read.
    pub fn journal_changes(&self, id: EntryId) -> Result<Vec<Change>> {
        changes(&self.db, id)
    }

    /// Everything that happened to one patch, oldest first; nothing of another patch that had its number before an
    /// import was taken back.
    ///
    /// # Errors
    /// When an entry is damaged or the database cannot be read.
    pub fn patch_history(&self, patch: PatchId) -> Result<Vec<(JournalEntry, Change)>> {
        let err = self.db.err("read the label journal");
        let mut stmt = self
            .db
            .conn
            .prepare_cached(&format!(
                "SELECT {COLUMNS}, changes FROM journal WHERE first_patch <= ?1 AND last_patch >= ?1 ORDER BY id"
            ))
            .map_err(&err)?;
        let mut rows = stmt.query([patch]).map_err(&err)?;
        let mut history = Vec::new();
        while let Some(row) = rows.next().map_err(&err)? {
            let entry = entry(row).map_err(&err)?;
            if entry.kind == EntryKind::TakeBack {
                history.clear();
                continue;
            }
            let changes = changes_in(&self.db, row, 8, entry.id)?;
            if let Ok(at) = changes.binary_search_by_key(&patch, |c| c.patch) {
                history.push((entry, changes[at]));
            }
        }
        Ok(history)
    }

    /// What changed since journal position `since`: every patch whose label is another now, with
    /// the label it had then and the one it has now, ascending by patch. Patches imported since
    /// count as unlabeled then.
    ///
    /// # Errors
    /// When the position is not in the journal, an entry is damaged, or the database cannot be
    /// read.
    pub fn changed_since(&self, since: EntryId) -> Result<Vec<Change>> {
        if since.0 < 0 || since > self.journal_position()? {
            return Err(Error::request(
                format!("the label journal has no position {}", since.0),
                "use the position of a run or split of this project",
            ));
        }
        let err = self.db.err("read the label journal");
        let mut stmt = self
            .db
            .conn
            .prepare_cached("SELECT id, changes, kind, first_patch FROM journal WHERE id > ?1 ORDER BY id")
            .map_err(&err)?;
        let mut rows = stmt.query([since.0]).map_err(&err)?;
        let mut changed: BTreeMap<PatchId, (Label, Label)> = BTreeMap::new();
        while let Some(row) = rows.next().map_err(&err)? {
            let id = EntryId(row.get(0).map_err(&err)?);
            if let Some(gone) = taken_back_from(row, 2).map_err(&err)? {
                // What has these numbers now came later.
                drop(changed.split_off(&gone));
                continue;
            }
            for change in changes_in(&self.db, row, 1, id)? {
                changed.entry(change.patch).or_insert((change.before, change.before)).1 = change.after;
            }
        }
        Ok(changed
            .into_iter()
            .filter(|(_, (then, now))| then != now)
            .map(|(patch, (before, after))| Change { patch, before, after })
            .collect())
    }

    /// The label every patch had at journal position `position`; patches imported later count as
    /// unlabeled.
    ///
    /// # Errors
    /// As [`Project::changed_since`].
    pub fn labels_at(&self, position: EntryId) -> Result<Vec<Label>> {
        // Labels and journal from one snapshot, also while another process writes.
        let snapshot = self.db.conn.unchecked_transaction().map_err(self.db.err("read the labels"))?;
        let mut labels = label_pages::all(&self.db, self.len())?;
        for change in self.changed_since(position)? {
            if let Some(label) = labels.get_mut(change.patch as usize) {
                *label = change.before;
            }
        }
        drop(snapshot);
        Ok(labels)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_written_as_described() {
        let changes = [
            Change { patch: 3, before: Label::Unlabeled, after: Label::Positive },
            Change { patch: 303, before: Label::Positive, after: Label::Negative },
        ];
        // 3 → 03; 300 → LEB128 AC 02; before·16 + after → 01, 12.
        assert_eq!(encode(&changes), [0x03, 0x01, 0xac, 0x02, 0x12]);
        assert_eq!(decode(&encode(&changes)).unwrap(), changes);
    }

    #[test]
    fn damaged_changes_are_refused() {
        assert_eq!(decode(&[0x80]), None);
        assert_eq!(decode(&[0x03]), None);
        assert_eq!(decode(&[0x03, 0x31]), None);
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x01]), None);
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0x01, 0x01, 0x01]), None);
    }

    proptest::proptest! {
        #[test]
        fn any_changes_come_back(patches in proptest::collection::btree_set(proptest::prelude::any::<u32>(), 0..200),
                                 both in 0_u8..9) {
            let changes: Vec<Change> = patches.into_iter().map(|patch| Change {
                patch,
                before: Label::from_byte(both / 3).unwrap(),
                after: Label::from_byte(both % 3).unwrap(),
            }).collect();
            proptest::prop_assert_eq!(decode(&encode(&changes)).unwrap(), changes);
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }
}
