//! Taking the last import back, as long as nothing was made of it.
//!
//! The rows go in one transaction. The pixels stay where they are, because another process may have mapped them; the
//! next import writes over them. Whoever has read the project before finds out by its [`numbering`](super::numbering)
//! and reads it again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rusqlite::params;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::label::Label;
use crate::project::db::Db;
use crate::project::folder::{PIXELS, is_branch};
use crate::project::journal::{self, Actor, Change, EntryKind, NewEntry};
use crate::project::noted_import::{self, NotedImport};
use crate::project::undo_state::UndoState;
use crate::project::{
    EntryId, MicrographId, PatchId, PickRules, Project, SourceKind, label_pages, numbering, pixels, size,
};
use crate::remedy::Remedy;

/// The last import of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastImport {
    /// When it began, RFC 3339, UTC.
    pub at: String,
    /// The files whose patches it brought, in their order; none where it brought micrographs alone.
    pub files: Vec<PathBuf>,
    /// Number of its first patch.
    pub first: PatchId,
    /// How many patches it brought.
    pub patches: usize,
    /// How many micrographs became known by it.
    pub micrographs: usize,
    /// The highest number of a micrograph that was known before.
    #[serde(skip)]
    pub last_micrograph: MicrographId,
    /// The journal position before it.
    #[serde(skip)]
    pub journal: EntryId,
}

impl Project {
    /// The last import that was not taken back; `None` where nothing was imported yet, or where the import is too long
    /// ago to be noted. [`Project::check_take_back`] says whether it can be taken back.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn last_import(&self) -> Result<Option<LastImport>> {
        noted_import::read(&self.db)?.last().map(|noted| describe(&self.db, noted)).transpose()
    }

    /// The import that [`Project::take_back_import`] would take back.
    ///
    /// # Errors
    /// As there.
    pub fn check_take_back(&self) -> Result<LastImport> {
        self.check_writable()?;
        describe(&self.db, &newest(&self.db)?)
    }

    /// Takes the last import back: its patches with their labels, its sources, and the micrographs that came with it and
    /// that nothing else refers to. A project that is empty then takes patches of any size again, where the import had
    /// settled that. Splits that no run uses and that hold its patches go too. The journal says who took it back.
    ///
    /// The numbers of its patches are given again by the next import. Handles that were opened before have to be read
    /// again: [`Project::numbering`] tells.
    ///
    /// # Errors
    /// When nothing can be taken back; a person has labelled a patch of it, patches were added since, or a run was
    /// trained on it or has scored it; the project is read only or a branch; or the disk is full. Then nothing has
    /// changed.
    pub fn take_back_import(&mut self, actor: &Actor) -> Result<LastImport> {
        self.check_writable()?;
        // SQLite would look through all patches for each source and micrograph that goes.
        self.check_references(false)?;
        let pixel_type = self.pixel_type;
        let done = self.transact("take an import back", |db| {
            let noted = newest(db)?;
            let import = describe(db, &noted)?;
            let (count, size) = (size::count(db)?, size::read_size(db)?);
            remove(db, &noted, &import, actor)?;
            numbering::begin_anew(db, pixels::file_len(count, size.unwrap_or(0), pixel_type))?;
            Ok(import)
        });
        self.check_references(true)?;
        let import = done?;
        self.refresh()?;
        if self.is_empty() {
            self.give_room_back();
        }
        tracing::info!(project = %self.dir.display(), patches = import.patches, "took an import back");
        Ok(import)
    }

    fn check_references(&self, on: bool) -> Result<()> {
        self.db.conn.pragma_update(None, "foreign_keys", on).map_err(self.db.err("take an import back"))
    }

    /// Gives the room of a pixel file without patches back. Where that does not work the next import takes it.
    fn give_room_back(&mut self) {
        let (path, size, pixel_type) = (self.dir.join(PIXELS), self.size.unwrap_or(0), self.pixel_type);
        let given = pixels::replace_by_empty(&path, size, pixel_type)
            .and_then(|()| self.transact("take an import back", numbering::forget_kept));
        if let Err(error) = given {
            tracing::warn!(%error, "the room of the pixels was not given back");
        }
    }

    /// Goes up when an import is taken back: numbers of patches and micrographs that were known before then mean others.
    pub const fn numbering(&self) -> u64 {
        self.numbering
    }

    /// What a reader has to be told in place of `error`, where an import was taken back since it has read the project.
    pub(super) fn or_taken_back(&self, error: Error) -> Error {
        numbering::check(&self.db, self.numbering).err().unwrap_or(error)
    }
}

/// The import to take back, once nothing forbids it.
fn newest(db: &Db) -> Result<NotedImport> {
    let other = "import the right files into another project";
    if is_branch(db)? {
        return Err(Error::request(
            "a branch has no imports of its own",
            "take it back in the project itself",
        ));
    }
    let count = size::count(db)?;
    let Some(noted) = noted_import::read(db)?.pop() else {
        return Err(match count {
            0 => Error::request("there is no import to take back", "import files first"),
            _ => Error::request("no import that could be taken back is noted in this project", other),
        });
    };
    let end = noted.first.saturating_add(noted.patches);
    if count != end {
        let added = match count.saturating_sub(end) {
            1 => "1 patch was".to_owned(),
            many => format!("{many} patches were"),
        };
        return Err(Error::request(
            format!(
                "the last import cannot be taken back: {added} added after it, and only the newest can go"
            ),
            other,
        ));
    }
    let labelled = labelled(db, &noted)?;
    if labelled > 0 {
        return Err(Error::request(
            format!("the last import cannot be taken back: a person has labelled {labelled} of its patches"),
            Remedy::UndoLabels,
        ));
    }
    if let Some(run) = using_run(db, noted.first)? {
        return Err(Error::request(
            format!(
                "the last import cannot be taken back: the run {run} has trained on or scored its patches"
            ),
            Remedy::DeleteRun { run },
        ));
    }
    Ok(noted)
}

/// How many patches of an import carry labels, or have carried them, that a person has set and not undone.
fn labelled(db: &Db, import: &NotedImport) -> Result<usize> {
    let standing = UndoState::read(db)?;
    let err = db.err("read the label journal");
    let mut stmt = db
        .conn
        .prepare_cached(
            "SELECT id, changes FROM journal WHERE id > ?1 AND kind = 'edit' AND last_patch >= ?2",
        )
        .map_err(&err)?;
    let mut rows = stmt.query(params![import.journal.0, import.first as i64]).map_err(&err)?;
    let mut patches = BTreeSet::new();
    while let Some(row) = rows.next().map_err(&err)? {
        let id = EntryId(row.get(0).map_err(&err)?);
        if standing.stands(id) {
            let changes = journal::changes_in(db, row, 1, id)?;
            patches.extend(changes.iter().map(|c| c.patch).filter(|&patch| patch as usize >= import.first));
        }
    }
    Ok(patches.len())
}

/// A run that was trained on patches from `first` on, or has scored them.
fn using_run(db: &Db, first: usize) -> Result<Option<String>> {
    use rusqlite::OptionalExtension as _;
    let sql = "SELECT name FROM runs \
               WHERE split IN (SELECT id FROM splits WHERE length(sides) > ?1) \
               OR id IN (SELECT run FROM scores WHERE length(scores) > 4 * ?1) ORDER BY id LIMIT 1";
    let found = db.conn.query_row(sql, [first as i64], |row| row.get(0)).optional();
    found.map_err(db.err("read the runs"))
}

/// An import for a person.
fn describe(db: &Db, noted: &NotedImport) -> Result<LastImport> {
    let err = db.err("read the sources");
    let sql = "SELECT path, kind FROM sources WHERE id > ?1 ORDER BY id";
    let mut stmt = db.conn.prepare_cached(sql).map_err(&err)?;
    let rows = stmt
        .query_map([noted.source.0], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .map_err(&err)?;
    let sources: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>().map_err(&err)?;
    // A pool has no file; what stands for it is the folder of the micrographs.
    let is_pool = |kind: &str| matches!(SourceKind::from(kind), SourceKind::Pool(_));
    let only_pool = sources.iter().all(|(_, kind)| is_pool(kind));
    let named = sources.into_iter().filter(|(_, kind)| only_pool || !is_pool(kind));
    let files = named.map(|(path, _)| PathBuf::from(path)).collect();
    let micrographs: i64 = db
        .conn
        .query_row("SELECT count(*) FROM micrographs WHERE id > ?1", [noted.micrograph.0], |row| row.get(0))
        .map_err(&err)?;
    Ok(LastImport {
        at: noted.at.clone(),
        files,
        first: PatchId::try_from(noted.first).unwrap_or(PatchId::MAX),
        patches: noted.patches,
        micrographs: usize::try_from(micrographs).unwrap_or(0),
        last_micrograph: noted.micrograph,
        journal: noted.journal,
    })
}

/// Removes the rows of an import, which are the newest. Within a transaction.
fn remove(db: &Db, noted: &NotedImport, import: &LastImport, actor: &Actor) -> Result<()> {
    let err = db.err("take an import back");
    let (first, end) = (noted.first, noted.first.saturating_add(noted.patches));
    if noted.patches > 0 {
        note_in_journal(db, import, first, end, actor)?;
        label_pages::truncate(db, first)?;
    }
    let from = first as i64;
    let unused = "DELETE FROM splits WHERE length(sides) > ?1 \
                  AND id NOT IN (SELECT split FROM runs WHERE split IS NOT NULL)";
    let patches =
        ["DELETE FROM patch_columns WHERE patch >= ?1", "DELETE FROM patches WHERE id >= ?1", unused];
    for sql in patches {
        db.conn.execute(sql, [from]).map_err(&err)?;
    }
    db.conn.execute("DELETE FROM sources WHERE id > ?1", [noted.source.0]).map_err(&err)?;
    remove_micrographs(db, noted.micrograph)?;
    if noted.size.is_none() {
        db.delete_meta("patch_size")?;
    }
    let mut rest = noted_import::read(db)?;
    rest.pop();
    noted_import::store(db, &rest)
}

/// The labels of the patches go by an entry of the journal, so that it still leads from "all unlabeled" to the labels.
fn note_in_journal(db: &Db, import: &LastImport, first: usize, end: usize, actor: &Actor) -> Result<()> {
    let labels = label_pages::range(db, first, end)?;
    let changes: Vec<Change> = (import.first..)
        .zip(labels)
        .filter(|(_, label)| *label != Label::Unlabeled)
        .map(|(patch, before)| Change { patch, before, after: Label::Unlabeled })
        .collect();
    let last = PatchId::try_from(end - 1).unwrap_or(PatchId::MAX);
    let entry = NewEntry {
        kind: EntryKind::TakeBack,
        actor,
        run: None,
        undoes: None,
        reason: &format!("the import of {} patches at {} was taken back", import.patches, import.at),
        changes: &changes,
        range: Some((import.first, last)),
    };
    journal::append(db, &entry).map(drop)
}

/// Removes the micrographs that came after `before`, unless patches, masks or thresholds refer to them.
fn remove_micrographs(db: &Db, before: MicrographId) -> Result<()> {
    let mut ruled = BTreeSet::new();
    for (_, text) in db.metas("pick_rules.")? {
        let rules: PickRules = serde_json::from_str(&text).unwrap_or_default();
        ruled.extend(rules.own.into_keys().map(|micrograph| micrograph.0));
    }
    let ruled = serde_json::to_string(&ruled).map_err(|e| Error::defect(e.to_string()))?;
    db.conn
        .execute(
            "DELETE FROM micrographs WHERE id > ?1 AND 'mask.' || id NOT IN (SELECT key FROM meta) \
             AND id NOT IN (SELECT micrograph FROM patches WHERE micrograph IS NOT NULL) \
             AND id NOT IN (SELECT value FROM json_each(?2))",
            params![before.0, ruled],
        )
        .map_err(db.err("take an import back"))?;
    Ok(())
}
