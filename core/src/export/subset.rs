//! Rows of the tables the patches came from, as they are: a filtered STAR file for RELION, a filtered
//! `.cs` file for cryoSPARC.

use std::collections::{BTreeMap, HashSet};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use super::job::{Job, Phase};
use super::rows::used_sources;
use super::staging::Staging;
use crate::error::{Error, Result};
use crate::formats::Format;
use crate::formats::cryosparc::{CsTable, write_records};
use crate::formats::star_subset::StarSubset;
use crate::project::{Project, Source, SourceId, SourceKind};

use super::selection::Selection;

/// Columns that tell a row of a RELION table from others.
const IDENTITY: [&str; 2] = ["rlnImageName", "rlnCoordinateX"];

/// A RELION table whose rows are written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The table.
    pub table: PathBuf,
    /// The sources of the project that it was; usually one.
    sources: Vec<SourceId>,
    /// Column that tells its rows from others.
    column: &'static str,
    /// The file to be written.
    pub out: PathBuf,
}

/// The RELION tables that the selected patches came from: one file is written for each. One alone gets the
/// name asked for, of several each has the name of its table added.
///
/// # Errors
/// When a source is a folder or a list of tables.
pub(super) fn relion_parts(project: &Project, out: &Path, selection: &Selection) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for source in used_sources(project, &selection.ids)? {
        if !is_one_table(&source) {
            return Err(Error::request(
                format!("{} is no single table but a {}", source.info.path.display(), source.info.kind),
                "export relion-star or relion-coordinates",
            ));
        }
        match parts.iter_mut().find(|part| part.table == source.info.path) {
            Some(part) => part.sources.push(source.id),
            None => {
                let particles = matches!(source.info.kind, SourceKind::File(Format::RelionParticles(_)));
                parts.push(Part {
                    table: source.info.path,
                    sources: vec![source.id],
                    column: if particles { IDENTITY[0] } else { IDENTITY[1] },
                    out: out.to_owned(),
                });
            }
        }
    }
    if parts.len() > 1 {
        let tables: Vec<&Path> = parts.iter().map(|part| part.table.as_path()).collect();
        let names = distinct(&tables);
        let stem = out.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for (part, name) in parts.iter_mut().zip(names) {
            part.out = out.with_file_name(format!("{stem}_{name}.star"));
        }
    }
    Ok(parts)
}

/// Names that tell paths apart: without the ending, with as many folders in front as all of them need.
fn distinct(paths: &[&Path]) -> Vec<String> {
    let split = |path: &Path| -> Vec<String> {
        let parts = path.with_extension("");
        parts
            .components()
            .filter_map(|part| match part {
                std::path::Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
                _ => None,
            })
            .collect()
    };
    let parts: Vec<Vec<String>> = paths.iter().map(|path| split(path)).collect();
    let longest = parts.iter().map(Vec::len).max().unwrap_or(0);
    let named = |folders: usize| -> Vec<String> {
        parts.iter().map(|all| all[all.len().saturating_sub(folders)..].join("_")).collect()
    };
    let differ = |names: &[String]| names.iter().collect::<HashSet<_>>().len() == names.len();
    (1..=longest).map(named).find(|names| differ(names)).unwrap_or_else(|| {
        // Paths that differ only in what is no name (`a.star`, `/a.star`) are numbered.
        named(1).iter().zip(1..).map(|(name, number)| format!("{name}_{number}")).collect()
    })
}

/// Whether a source is one STAR file, whose rows are its patches.
fn is_one_table(source: &Source) -> bool {
    let list = matches!(source.info.kind, SourceKind::File(Format::RelionCoordinateList));
    source.info.path.is_file() && !list || !source.info.path.exists()
}

/// Writes the rows of the RELION tables, byte by byte.
pub(super) fn write_star(job: &mut Job<'_>, staging: &Staging) -> Result<()> {
    for part in relion_parts(job.project, &job.request.out, job.selection)? {
        write_part(job, staging, &part)?;
    }
    job.tick(Phase::Table, job.selection.ids.len())
}

fn write_part(job: &mut Job<'_>, staging: &Staging, part: &Part) -> Result<()> {
    let (path, column) = (&part.table, part.column);
    let subset = StarSubset::read(path, column)?;
    let mut keep = HashSet::new();
    for (at, &id) in job.selection.ids.iter().enumerate() {
        job.tick(Phase::Table, at)?;
        let row = job.rows.get(id)?;
        if !part.sources.contains(&row.place.source) {
            continue;
        }
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
                path,
                format!("row {} is no longer the one that was imported", row.source_index + 1),
                "put the file back as it was, or export relion-star",
            ));
        }
        keep.insert(row.source_index);
    }
    subset.write(BufWriter::new(staging.create(&part.out)?), &part.out, &keep)
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
        job.tick(Phase::Table, at)?;
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
    job.tick(Phase::Table, job.selection.ids.len())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::distinct;

    #[test]
    fn tables_of_the_same_name_are_told_apart_by_their_folders() {
        let named = |paths: &[&str]| distinct(&paths.iter().map(Path::new).collect::<Vec<_>>());
        assert_eq!(named(&["a/one.star", "b/two.star"]), ["one", "two"]);
        assert_eq!(
            named(&["/p/Extract/job012/particles.star", "/p/Extract/job013/particles.star", "/p/x.star"]),
            ["job012_particles", "job013_particles", "p_x"]
        );
        assert_eq!(named(&["a.star", "/a.star"]), ["a_1", "a_2"]);
    }
}
