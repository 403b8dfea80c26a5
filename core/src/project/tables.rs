//! Reading what was imported: sources, micrographs and patches.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rusqlite::Row;

use crate::error::{Error, Result};
use crate::label::Label;
use crate::project::{MicrographId, PatchId, Project, SourceId, SourceInfo, label_pages};

/// A source as the database holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Number of the source, which it keeps.
    pub id: SourceId,
    /// When it was imported, RFC 3339, UTC.
    pub imported_at: String,
    /// Id of its first patch; its patches follow one another.
    pub first: PatchId,
    /// How many patches it brought.
    pub count: usize,
    /// What was said of it at import.
    pub info: SourceInfo,
}

/// A micrograph as the database holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Micrograph {
    /// Number of the micrograph, which it keeps.
    pub id: MicrographId,
    /// Name of the micrograph, unique in the project.
    pub name: String,
    /// Its name in the tables of the program that made it, folders included; `None` where no table names it.
    pub table_name: Option<String>,
    /// The file it was read from; `None` where only its name is known.
    pub path: Option<PathBuf>,
    /// Columns and rows, px, where known.
    pub dimensions: Option<(usize, usize)>,
    /// Å per px of the unbinned micrograph; `None` where no file says it.
    pub pixel_size: Option<f64>,
}

/// Where a patch comes from, without its other columns; [`Project::places`] reads those of all
/// patches quickly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The source that brought it.
    pub source: SourceId,
    /// The micrograph it lies on; `None` where the source does not say it.
    pub micrograph: Option<MicrographId>,
    /// Centre, px of the unbinned micrograph, first stored row = 0, where known.
    pub xy: Option<(f64, f64)>,
}

/// Everything about one patch except its pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchRow {
    /// Number of the patch: its place in the pixel file, counted from 0.
    pub id: PatchId,
    /// Source, micrograph and centre.
    pub place: Place,
    /// Its place in the source, counted from 0.
    pub source_index: usize,
    /// Index into the source's optics groups.
    pub optics: Option<usize>,
    /// Score that the picker gave to the place, where it gave one.
    pub pick_score: Option<f64>,
    /// Other columns of the table it came from.
    pub columns: BTreeMap<String, String>,
    /// Its label now.
    pub label: Label,
}

fn place(row: &Row<'_>, at: usize) -> rusqlite::Result<Place> {
    Ok(Place {
        source: SourceId(row.get(at)?),
        micrograph: row.get::<_, Option<i64>>(at + 1)?.map(MicrographId),
        xy: row.get::<_, Option<f64>>(at + 2)?.zip(row.get::<_, Option<f64>>(at + 3)?),
    })
}

fn unsigned(value: i64) -> usize {
    usize::try_from(value).unwrap_or(0)
}

impl Project {
    /// All sources, in the order of import.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn sources(&self) -> Result<Vec<Source>> {
        let err = self.db.err("read the sources");
        let mut stmt = self
            .db
            .conn
            .prepare_cached(
                "SELECT id, path, kind, imported_at, first_patch, patch_count, pixel_size, \
                 micrograph_pixel_size, box_size, bin, y_up, optics, warnings, further_files \
                 FROM sources ORDER BY id",
            )
            .map_err(&err)?;
        let mut rows = stmt.query([]).map_err(&err)?;
        let mut sources = Vec::new();
        while let Some(row) = rows.next().map_err(&err)? {
            let read = || -> rusqlite::Result<(Source, String, String, String)> {
                let info = SourceInfo {
                    path: PathBuf::from(row.get::<_, String>(1)?),
                    kind: row.get::<_, String>(2)?.as_str().into(),
                    pixel_size: row.get(6)?,
                    micrograph_pixel_size: row.get(7)?,
                    box_size: row.get(8)?,
                    bin: row.get(9)?,
                    y_up: row.get(10)?,
                    further_files: Vec::new(),
                    optics: Vec::new(),
                    warnings: Vec::new(),
                };
                let source = Source {
                    id: SourceId(row.get(0)?),
                    imported_at: row.get(3)?,
                    first: row.get(4)?,
                    count: unsigned(row.get(5)?),
                    info,
                };
                Ok((source, row.get(11)?, row.get(12)?, row.get(13)?))
            };
            let (mut source, optics, warnings, further) = read().map_err(&err)?;
            source.info.optics = self.json(&optics)?;
            source.info.warnings = self.json(&warnings)?;
            source.info.further_files = self.json(&further)?;
            sources.push(source);
        }
        Ok(sources)
    }

    /// All micrographs, in the order in which they became known.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn micrographs(&self) -> Result<Vec<Micrograph>> {
        let err = self.db.err("read the micrographs");
        let mut stmt = self
            .db
            .conn
            .prepare_cached(
                "SELECT id, name, path, width, height, pixel_size, table_name FROM micrographs ORDER BY id",
            )
            .map_err(&err)?;
        let rows = stmt
            .query_map([], |row| {
                let width = row.get::<_, Option<i64>>(3)?.map(unsigned);
                let height = row.get::<_, Option<i64>>(4)?.map(unsigned);
                Ok(Micrograph {
                    id: MicrographId(row.get(0)?),
                    name: row.get(1)?,
                    path: row.get::<_, Option<String>>(2)?.map(PathBuf::from),
                    dimensions: width.zip(height),
                    pixel_size: row.get(5)?,
                    table_name: row.get(6)?,
                })
            })
            .map_err(&err)?;
        rows.collect::<rusqlite::Result<_>>().map_err(&err)
    }

    /// Where every patch comes from, in the order of their ids.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn places(&self) -> Result<Vec<Place>> {
        let mut places = Vec::with_capacity(self.len());
        self.each_place(|place| places.push(place))?;
        Ok(places)
    }

    /// Hands the place of every patch to `take`, in the order of their ids.
    pub(super) fn each_place(&self, mut take: impl FnMut(Place)) -> Result<()> {
        let err = self.db.err("read the patches");
        let mut stmt = self
            .db
            .conn
            .prepare_cached("SELECT source, micrograph, x, y FROM patches WHERE id < ?1 ORDER BY id")
            .map_err(&err)?;
        let mut count = 0;
        for row in stmt.query_map([self.len() as i64], |row| place(row, 0)).map_err(&err)? {
            take(row.map_err(&err)?);
            count += 1;
        }
        if count == self.len() {
            return Ok(());
        }
        Err(self.or_taken_back(Error::format(
            &self.db.path,
            format!("it holds {count} patches where ids go up to {}", self.len()),
            "restore the database from a backup",
        )))
    }

    /// Everything about patch `id` except its pixels.
    ///
    /// # Errors
    /// When there is no such patch or the database cannot be read.
    pub fn patch(&self, id: PatchId) -> Result<PatchRow> {
        self.patches(id..id.saturating_add(1))?.pop().ok_or_else(|| {
            Error::request(
                format!("there is no patch {id} in this project of {} patches", self.len()),
                "name patches by their ids, counted from 0",
            )
        })
    }

    /// Everything about the patches with ids in `range`, except their pixels; ids that do not
    /// exist are left out. To go through a large project, ask for some thousands at a time.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn patches(&self, range: std::ops::Range<PatchId>) -> Result<Vec<PatchRow>> {
        let err = self.db.err("read patches");
        let mut stmt = self
            .db
            .conn
            .prepare_cached(
                "SELECT p.id, p.source, p.micrograph, p.x, p.y, p.source_index, p.optics, c.fields, \
                 p.pick_score \
                 FROM patches p LEFT JOIN patch_columns c ON c.patch = p.id \
                 WHERE p.id >= ?1 AND p.id < ?2 ORDER BY p.id",
            )
            .map_err(&err)?;
        let end = (range.end as usize).min(self.len());
        let mut rows = stmt.query([i64::from(range.start), end as i64]).map_err(&err)?;
        let mut patches = Vec::new();
        while let Some(row) = rows.next().map_err(&err)? {
            let fields: Option<String> = row.get(7).map_err(&err)?;
            let columns = fields.map(|text| self.json(&text)).transpose()?.unwrap_or_default();
            let read = || -> rusqlite::Result<PatchRow> {
                Ok(PatchRow {
                    id: row.get(0)?,
                    place: place(row, 1)?,
                    source_index: unsigned(row.get(5)?),
                    optics: row.get::<_, Option<i64>>(6)?.map(unsigned),
                    pick_score: row.get(8)?,
                    columns,
                    label: Label::Unlabeled,
                })
            };
            patches.push(read().map_err(&err)?);
        }
        // One patch touches one page; a long range is quicker with all of them at once.
        if let Some(first) = patches.first().map(|p| p.id) {
            let known = label_pages::range(&self.db, first as usize, end)?;
            for patch in &mut patches {
                if let Some(label) = known.get((patch.id - first) as usize) {
                    patch.label = *label;
                }
            }
        }
        Ok(patches)
    }
}
