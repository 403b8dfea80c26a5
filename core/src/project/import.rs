//! Adding patches to a project, all or none.
//!
//! An [`Importer`] holds a database transaction and appends to the pixel file. Only
//! [`Importer::commit`] makes the patches part of the project: first the pixels reach the disk,
//! then the rows that name them. Dropped, failed, cancelled or killed before that, the project is
//! as before.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use rusqlite::{OptionalExtension, params};

use crate::error::{Error, Result};
use crate::formats::OpticsGroup;
use crate::label::{Label, LabelCounts};
use crate::project::db::Db;
use crate::project::folder::{PIXELS, is_branch};
use crate::project::journal::{self, Actor, Change, EntryKind, NewEntry};
use crate::project::noted_import::NotedImport;
use crate::project::pixels::Appender;
use crate::project::size::check_size;
use crate::project::time::now;
use crate::project::{
    EntryId, MicrographId, PatchId, Project, RunId, SourceId, SourceKind, label_pages, numbering,
};

/// What is known of a file that patches come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceInfo {
    /// The file.
    pub path: PathBuf,
    /// What it is.
    pub kind: SourceKind,
    /// Å per px of the patches.
    pub pixel_size: Option<f64>,
    /// Å per px of the micrographs that coordinates count in.
    pub micrograph_pixel_size: Option<f64>,
    /// Side of the box cut from the micrograph, px of the unbinned micrograph.
    pub box_size: Option<f64>,
    /// Factor by which boxes were averaged down.
    pub bin: Option<f64>,
    /// Whether y was counted from the bottom in the file.
    pub y_up: bool,
    /// Further files that list the same particles, joined by their identifiers.
    pub further_files: Vec<PathBuf>,
    /// Optics groups, in the order [`NewPatch::optics`] counts in.
    pub optics: Vec<OpticsGroup>,
    /// Sentences a person was shown.
    pub warnings: Vec<String>,
}

impl SourceInfo {
    /// A source of which only path and format are known.
    pub fn new(path: impl Into<PathBuf>, kind: impl Into<SourceKind>) -> Self {
        Self { path: path.into(), kind: kind.into(), ..Self::default() }
    }
}

/// A micrograph to be known to the project.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewMicrograph {
    /// Its name, by which patches of several sources are brought together.
    pub name: String,
    /// Its name in the tables of the program that made it, folders included; `None` where no table
    /// names it.
    pub table_name: Option<String>,
    /// The file.
    pub path: Option<PathBuf>,
    /// Columns and rows, px.
    pub dimensions: Option<(usize, usize)>,
    /// Å per px.
    pub pixel_size: Option<f64>,
}

impl NewMicrograph {
    /// A micrograph of which only the name is known.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// What is known of a patch beside its pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPatch {
    /// Label of the patch.
    pub label: Label,
    /// Its place in the source, counted from 0.
    pub source_index: usize,
    /// The micrograph it was cut from.
    pub micrograph: Option<MicrographId>,
    /// Centre, px of the unbinned micrograph, first stored row = 0.
    pub xy: Option<(f64, f64)>,
    /// Index into [`SourceInfo::optics`].
    pub optics: Option<usize>,
    /// Score that the picker gave to the place.
    pub pick_score: Option<f64>,
    /// Other columns of the table it came from.
    pub columns: BTreeMap<String, String>,
}

impl Default for NewPatch {
    fn default() -> Self {
        Self {
            label: Label::Unlabeled,
            source_index: 0,
            micrograph: None,
            xy: None,
            optics: None,
            pick_score: None,
            columns: BTreeMap::new(),
        }
    }
}

/// What an import has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSummary {
    /// Id of the first new patch.
    pub first: PatchId,
    /// The labels of the new patches.
    pub labels: LabelCounts,
    /// The journal entries that set them.
    pub entries: Vec<EntryId>,
}

/// A source within a running import.
struct Pending {
    id: SourceId,
    path: PathBuf,
    kind: SourceKind,
    optics: usize,
    /// Index of its first patch among the new ones.
    first: usize,
}

/// An import under way. Nothing of it is part of the project before [`Importer::commit`]; dropped
/// without that, it leaves the project as before.
pub struct Importer<'a> {
    project: &'a mut Project,
    pixels: Option<Appender>,
    first: usize,
    labels: Vec<Label>,
    sources: Vec<Pending>,
    micrographs: HashMap<String, MicrographId>,
    /// The person whose edit the labels are; without one they come from the files.
    edit: Option<Edit>,
    /// What the project held before.
    before: Option<NotedImport>,
}

/// An edit of a person.
struct Edit {
    actor: Actor,
    run: Option<RunId>,
    reason: String,
}

impl Project {
    /// Begins an import of patches with `size` px a side.
    ///
    /// # Errors
    /// When the project is read only, its patches have another size, or the pixel file cannot be
    /// written.
    pub fn import(&mut self, size: usize) -> Result<Importer<'_>> {
        self.check_writable()?;
        if is_branch(&self.db)? {
            return Err(Error::request(
                format!("{} is a branch, which has no pixels of its own", self.dir.display()),
                "import into the project itself",
            ));
        }
        check_size(size)?;
        if let Some(own) = self.size
            && own != size
        {
            return Err(Error::request(
                format!("the patches have {size}×{size} px, those of this project {own}×{own}"),
                "bring them to that size, or import them into a project of their own",
            ));
        }
        let kept = numbering::kept_bytes(&self.db)?;
        let pixels = Appender::open(&self.dir.join(PIXELS), self.len(), size, self.pixel_type, kept)?;
        let err = self.db.err("begin an import");
        self.db.conn.execute_batch("BEGIN IMMEDIATE").map_err(&err)?;
        // From here on, dropping the importer takes everything back.
        let first = self.len();
        let mut importer = Importer {
            project: self,
            pixels: Some(pixels),
            first,
            labels: Vec::new(),
            sources: Vec::new(),
            micrographs: HashMap::new(),
            edit: None,
            before: None,
        };
        numbering::check(&importer.project.db, importer.project.numbering)?;
        importer.before = Some(NotedImport::before(&importer.project.db, first, importer.project.size)?);
        importer.project.db.set_meta("patch_size", &size.to_string())?;
        Ok(importer)
    }
}

/// Stores a micrograph, or fills in what was not known of the one of that name. Within a transaction.
pub(super) fn insert_micrograph(db: &Db, new: &NewMicrograph) -> Result<MicrographId> {
    let err = db.err("store a micrograph");
    let (width, height) = new.dimensions.unzip();
    db.conn
        .execute(
            "INSERT INTO micrographs (name, path, width, height, pixel_size, table_name) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE SET path = coalesce(path, excluded.path), \
             width = coalesce(width, excluded.width), height = coalesce(height, excluded.height), \
             pixel_size = coalesce(pixel_size, excluded.pixel_size), \
             table_name = CASE WHEN table_name IS NULL OR (instr(table_name, '/') = 0 \
             AND instr(excluded.table_name, '/') > 0) THEN excluded.table_name ELSE table_name END",
            params![
                new.name,
                new.path.as_ref().map(|p| p.to_string_lossy()),
                width.map(|w| w as i64),
                height.map(|h| h as i64),
                new.pixel_size,
                new.table_name
            ],
        )
        .map_err(&err)?;
    db.conn
        .query_row("SELECT id FROM micrographs WHERE name = ?1", [&new.name], |row| row.get(0))
        .optional()
        .map_err(&err)?
        .map(MicrographId)
        .ok_or_else(|| err(rusqlite::Error::QueryReturnedNoRows))
}

impl Importer<'_> {
    /// The labels are set by `actor` and can be undone, instead of coming with files; the patches stay, unlabeled.
    /// `run` is the run whose scores were acted on.
    pub fn as_edit(&mut self, actor: Actor, run: Option<RunId>, reason: &str) {
        self.edit = Some(Edit { actor, run, reason: reason.to_owned() });
    }

    /// Goes on with a source that says the same as `info`, as in picking one place after the other; adds one where
    /// its patches are not the last of the project.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn continue_source(&mut self, known: SourceId, info: &SourceInfo) -> Result<SourceId> {
        let db = &self.project.db;
        let end: Option<i64> = db
            .conn
            .query_row("SELECT first_patch + patch_count FROM sources WHERE id = ?1", [known.0], |row| {
                row.get(0)
            })
            .optional()
            .map_err(db.err("read the sources"))?;
        if !self.labels.is_empty() || end != Some(self.first as i64) {
            return self.source(info);
        }
        self.sources.push(Pending {
            id: known,
            path: info.path.clone(),
            kind: info.kind.clone(),
            optics: info.optics.len(),
            first: 0,
        });
        Ok(known)
    }

    /// Adds a source; the patches pushed from now on come from it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn source(&mut self, info: &SourceInfo) -> Result<SourceId> {
        let db = &self.project.db;
        let json = |e: serde_json::Error| Error::defect(e.to_string());
        db.conn
            .execute(
                "INSERT INTO sources (path, kind, imported_at, first_patch, patch_count, pixel_size, \
                 micrograph_pixel_size, box_size, bin, y_up, optics, warnings, further_files) \
                 VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                params![
                    info.path.to_string_lossy(),
                    info.kind.to_string(),
                    now(),
                    (self.first + self.labels.len()) as i64,
                    info.pixel_size,
                    info.micrograph_pixel_size,
                    info.box_size,
                    info.bin,
                    info.y_up,
                    serde_json::to_string(&info.optics).map_err(json)?,
                    serde_json::to_string(&info.warnings).map_err(json)?,
                    serde_json::to_string(&info.further_files).map_err(json)?
                ],
            )
            .map_err(db.err("store a source"))?;
        let id = SourceId(db.conn.last_insert_rowid());
        self.sources.push(Pending {
            id,
            path: info.path.clone(),
            kind: info.kind.clone(),
            optics: info.optics.len(),
            first: self.labels.len(),
        });
        Ok(id)
    }

    /// The micrograph of that name; added when the project does not know it. What was not known of
    /// it before (file, dimensions, pixel size, name in tables) is filled in; a name in tables with
    /// folders takes the place of one without.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn micrograph(&mut self, new: &NewMicrograph) -> Result<MicrographId> {
        let bare = *new == NewMicrograph::named(&new.name);
        if bare && let Some(id) = self.micrographs.get(&new.name) {
            return Ok(*id);
        }
        let id = insert_micrograph(&self.project.db, new)?;
        self.micrographs.insert(new.name.clone(), id);
        Ok(id)
    }

    /// Adds a patch with its pixels (row by row); returns its id.
    ///
    /// # Errors
    /// When the patch has another size, holds a value that is no finite number or too large for
    /// 16-bit pixels, no source was named, or the disk is full.
    pub fn push(&mut self, patch: &NewPatch, pixels: &[f32]) -> Result<PatchId> {
        let source = self
            .sources
            .last()
            .ok_or_else(|| Error::defect("a patch was imported before its source was named"))?;
        let name = || format!("patch {} of {}", patch.source_index, source.path.display());
        let id = u32::try_from(self.first + self.labels.len()).ok().filter(|&id| id < u32::MAX).ok_or_else(
            || {
                Error::request(
                    "a project holds at most 4 billion patches",
                    "import the rest into another project",
                )
            },
        )?;
        if let Some(optics) = patch.optics.filter(|&o| o >= source.optics) {
            return Err(Error::request(
                format!("{} names optics group {optics} of {}", name(), source.optics),
                "repair the optics table of the file",
            ));
        }
        let appender = self.pixels.as_mut().ok_or(Error::Cancelled)?;
        appender.push(pixels, name)?;
        let db = &self.project.db;
        let err = db.err("store a patch");
        let mut stmt = db
            .conn
            .prepare_cached(
                "INSERT INTO patches (id, source, source_index, micrograph, x, y, optics, pick_score) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )
            .map_err(&err)?;
        let (x, y) = patch.xy.unzip();
        stmt.execute(params![
            id,
            source.id.0,
            patch.source_index as i64,
            patch.micrograph.map(|m| m.0),
            x,
            y,
            patch.optics.map(|o| o as i64),
            patch.pick_score
        ])
        .map_err(&err)?;
        if !patch.columns.is_empty() {
            let fields = serde_json::to_string(&patch.columns).map_err(|e| Error::defect(e.to_string()))?;
            let mut stmt = db
                .conn
                .prepare_cached("INSERT INTO patch_columns (patch, fields) VALUES (?1, ?2)")
                .map_err(&err)?;
            stmt.execute(params![id, fields]).map_err(&err)?;
        }
        self.labels.push(patch.label);
        Ok(id)
    }

    /// How many patches were pushed so far.
    pub fn pushed(&self) -> usize {
        self.labels.len()
    }

    /// Makes the patches part of the project.
    ///
    /// # Errors
    /// When the disk is full or the database refuses; then the project is as before.
    pub fn commit(mut self) -> Result<ImportSummary> {
        let mut appender = self.pixels.take().ok_or(Error::Cancelled)?;
        match self.finish(&mut appender) {
            Ok(entries) => {
                let first = self.first as PatchId;
                let labels = LabelCounts::of(self.labels.iter().copied());
                // A large import has filled the write-ahead log; failing to empty it harms nothing.
                let _ = self.project.db.conn.execute_batch("PRAGMA wal_checkpoint(PASSIVE)");
                self.project.refresh()?;
                tracing::info!(
                    project = %self.project.dir().display(),
                    patches = labels.total(),
                    positive = labels.positive,
                    negative = labels.negative,
                    "imported"
                );
                Ok(ImportSummary { first, labels, entries })
            }
            Err(error) => {
                self.pixels = Some(appender);
                Err(error)
            }
        }
    }

    fn finish(&mut self, appender: &mut Appender) -> Result<Vec<EntryId>> {
        let db = &self.project.db;
        let err = db.err("end an import");
        label_pages::append(db, self.first, &self.labels)?;
        let mut entries = Vec::new();
        for (index, source) in self.sources.iter().enumerate() {
            let end = self.sources.get(index + 1).map_or(self.labels.len(), |next| next.first);
            let own = self.labels.get(source.first..end).unwrap_or_default();
            db.conn
                .execute(
                    "UPDATE sources SET patch_count = patch_count + ?1 WHERE id = ?2",
                    [own.len() as i64, source.id.0],
                )
                .map_err(&err)?;
            let changes: Vec<Change> = own
                .iter()
                .zip(self.first + source.first..)
                .filter(|(label, _)| **label != Label::Unlabeled)
                .map(|(&after, id)| Change { patch: id as PatchId, before: Label::Unlabeled, after })
                .collect();
            if changes.is_empty() {
                continue;
            }
            let file = Actor::Import(source.path.display().to_string());
            let said = format!("labels of {} ({} patches)", source.kind, own.len());
            let (kind, actor, run, reason) = match &self.edit {
                Some(edit) => (EntryKind::Edit, &edit.actor, edit.run, &edit.reason),
                None => (EntryKind::Import, &file, None, &said),
            };
            let entry = NewEntry { kind, actor, run, undoes: None, reason, changes: &changes, range: None };
            entries.push(journal::append(db, &entry)?);
        }
        if let (None, Some(before)) = (&self.edit, self.before.take()) {
            before.note(db, self.labels.len())?;
        }
        // Pixels first: a row never names pixels that are not on the disk.
        appender.sync()?;
        db.conn.execute_batch("COMMIT").map_err(&err)?;
        Ok(entries)
    }
}

impl Drop for Importer<'_> {
    fn drop(&mut self) {
        // After a commit the appender is gone and there is nothing to take back.
        if let Some(appender) = self.pixels.take() {
            let _ = self.project.db.conn.execute_batch("ROLLBACK");
            appender.discard();
        }
    }
}
