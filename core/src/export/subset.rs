//! Rows of the tables the patches came from, as they are: a filtered STAR file for RELION, a filtered
//! `.cs` file for cryoSPARC.

use std::collections::{BTreeMap, HashSet};
use std::io::BufWriter;
use std::path::PathBuf;

use super::job::Job;
use super::rows::used_sources;
use super::staging::Staging;
use crate::error::{Error, Result};
use crate::formats::cryosparc::{CsTable, write_records};
use crate::formats::star_subset::StarSubset;
use crate::project::{Project, Source};

use super::selection::Selection;

/// Columns that tell a row of a RELION table from others.
const IDENTITY: [&str; 2] = ["rlnImageName", "rlnCoordinateX"];

/// The one RELION table that all selected patches came from.
///
/// # Errors
/// When there are several, or the source is a folder or a list of tables.
pub(super) fn relion_table(project: &Project, selection: &Selection) -> Result<Option<Source>> {
    let mut sources = used_sources(project, &selection.ids)?;
    if sources.len() > 1 {
        let names: Vec<String> = sources.iter().map(|s| s.info.path.display().to_string()).collect();
        return Err(Error::request(
            format!("the selected patches came from {} tables: {}", names.len(), names.join(", ")),
            "a subset is of one table: choose labels or scores that only patches of one have, or export relion-star",
        ));
    }
    match sources.pop() {
        Some(source) if !is_one_table(&source) => Err(Error::request(
            format!("{} is no single table but a {}", source.info.path.display(), source.info.kind),
            "export relion-star or relion-coordinates",
        )),
        other => Ok(other),
    }
}

/// Whether a source is one STAR file, whose rows are its patches.
fn is_one_table(source: &Source) -> bool {
    source.info.path.is_file() && !source.info.kind.contains("list") && !source.info.kind.contains("folder")
        || !source.info.path.exists()
}

/// Writes the rows of the RELION table, byte by byte.
pub(super) fn write_star(job: &mut Job<'_>, staging: &Staging) -> Result<()> {
    let Some(source) = relion_table(job.project, job.selection)? else { return Ok(()) };
    let path = source.info.path;
    let column = if source.info.kind.ends_with("particles") { IDENTITY[0] } else { IDENTITY[1] };
    let subset = StarSubset::read(&path, column)?;
    let mut keep = HashSet::new();
    for (at, &id) in job.selection.ids.iter().enumerate() {
        job.tick("table", at)?;
        let row = job.rows.get(id)?;
        let now = subset.cell(row.source_index, column);
        let was_image = row.columns.get(column);
        let same = match (&now, was_image) {
            (Some(now), Some(was)) => now == was,
            // Coordinates are kept as numbers, and may have been turned over in y, never in x.
            (Some(now), None) => {
                now.parse::<f64>().ok().zip(row.place.xy).is_some_and(|(now, (x, _))| now == x)
            }
            (None, _) => false,
        };
        if !same {
            return Err(Error::format(
                &path,
                format!("row {} is no longer the one that was imported", row.source_index + 1),
                "put the file back as it was, or export relion-star",
            ));
        }
        keep.insert(row.source_index);
    }
    let out = &job.request.out;
    subset.write(BufWriter::new(staging.create(out)?), out, &keep)?;
    job.tick("table", job.selection.ids.len())
}

/// Writes the records of the `.cs` files, field by field as they are.
pub(super) fn write_cs(job: &mut Job<'_>, staging: &Staging) -> Result<()> {
    let sources = used_sources(job.project, &job.selection.ids)?;
    let mut tables: BTreeMap<i64, (CsTable, PathBuf, Vec<usize>)> = BTreeMap::new();
    for source in sources {
        let table = CsTable::open(&source.info.path, &source.info.further_files)?;
        tables.insert(source.id.0, (table, source.info.path, Vec::new()));
    }
    for (at, &id) in job.selection.ids.iter().enumerate() {
        job.tick("table", at)?;
        let row = job.rows.get(id)?;
        let Some((table, path, rows)) = tables.get_mut(&row.place.source.0) else { continue };
        let was = row.columns.get("uid");
        if table.uid(row.source_index).as_ref() != was || was.is_none() {
            return Err(Error::format(
                &*path,
                format!("particle {} is no longer the one that was imported", row.source_index + 1),
                "put the file back as it was, or export cryosparc-star",
            ));
        }
        rows.push(row.source_index);
    }
    let out = &job.request.out;
    let parts: Vec<(&CsTable, &[usize])> =
        tables.values().map(|(table, _, rows)| (table, rows.as_slice())).collect();
    write_records(BufWriter::new(staging.create(out)?), out, &parts)?;
    job.tick("table", job.selection.ids.len())
}
