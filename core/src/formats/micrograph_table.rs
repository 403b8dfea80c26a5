//! Reads tables that list micrographs: RELION's `micrographs.star`, `corrected_micrographs.star` and
//! `micrographs_ctf.star`, and cryoSPARC's exposures (`.cs`). A table says which micrographs are meant, and
//! gives the name, pixel size, optics and defocus of each.

use std::collections::BTreeMap;
use std::path::Path;

use super::cryosparc;
use super::form::{Form, form};
use super::relion_columns::{GROUP, MICROGRAPH, MOVIE, OPTICS_30, StarContents, number_in, pixel_size_30};
use super::stack_set::resolve;
use super::star::{StarFile, Table};
use super::{MicrographEntry, MicrographTable, OpticsGroup};
use crate::error::{Error, Result};

/// Å per px of a micrograph, as RELION 3.1 and later write it.
const PIXEL_SIZE: &str = "rlnMicrographPixelSize";

/// Whether a `.cs` file lists exposures.
pub(crate) fn lists_exposures(path: &Path) -> bool {
    cryosparc::has_exposures(path).unwrap_or(false)
}

/// Reads a table.
///
/// # Errors
/// When it cannot be read, lists movies instead of micrographs, or lists nothing.
pub fn open(path: &Path) -> Result<MicrographTable> {
    let table = match form(path)? {
        Form::CryoSparc => cryosparc::exposures(path)?,
        _ => of_star(&StarFile::read(path)?)?,
    };
    if table.entries.is_empty() {
        return Err(Error::format(path, "it lists no micrographs", "check that the job has finished"));
    }
    Ok(table)
}

fn of_star(star: &StarFile) -> Result<MicrographTable> {
    let path = star.path.as_path();
    let tables = star.blocks.iter().filter(|b| !b.name.eq_ignore_ascii_case("optics"));
    let Some((table, name)) =
        tables.filter_map(|b| b.as_table()).find_map(|t| t.column(MICROGRAPH).map(|c| (t, c)))
    else {
        let (problem, remedy) = if StarContents::of(star).movies {
            (
                format!("it lists movies ({MOVIE}) and no micrographs"),
                "give corrected_micrographs.star of the motion correction",
            )
        } else {
            (
                format!("no table has the column {MICROGRAPH}: {}", star.outline()),
                "give a table of micrographs",
            )
        };
        return Err(Error::format(path, problem, remedy));
    };
    let mut groups = Groups::of(star, &table);
    let mut entries = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let cells = table.row(row);
        let mut columns: BTreeMap<String, String> =
            table.columns.iter().cloned().zip(cells.iter().map(|c| (*c).to_owned())).collect();
        let optics = groups.take(&mut columns);
        let group = optics.and_then(|at| groups.all.get(at));
        let pixel_size = number_in(&columns, PIXEL_SIZE)
            .or_else(|| group.and_then(|g| number_in(&g.columns, PIXEL_SIZE)))
            .or_else(|| group.and_then(|g| pixel_size_30(&g.columns)).filter(|_| groups.made));
        // What belongs to the micrograph and its movie, not to the particles on it.
        for own in [MICROGRAPH, MOVIE, GROUP, "rlnMicrographMetadata", "rlnCtfImage"] {
            columns.remove(own);
        }
        let name = cells[name].to_owned();
        entries.push(MicrographEntry { path: resolve(path, &name), name, pixel_size, optics, columns });
    }
    Ok(MicrographTable {
        path: path.to_owned(),
        kind: "RELION table of micrographs".to_owned(),
        entries,
        optics: groups.all,
    })
}

/// Optics groups of a table of micrographs.
struct Groups {
    all: Vec<OpticsGroup>,
    /// Whether they are made of the rows of RELION 3.0.
    made: bool,
}

impl Groups {
    /// The groups of `data_optics`.
    fn of(star: &StarFile, rows: &Table) -> Self {
        let Some(table) = star.table("optics") else {
            return Self { all: Vec::new(), made: rows.column(GROUP).is_none() };
        };
        let all = (0..table.len())
            .map(|row| {
                let cells = table.row(row);
                let columns =
                    table.columns.iter().cloned().zip(cells.iter().map(|c| (*c).to_owned())).collect();
                // The pixel size of a group is that of particle images; here there are none.
                OpticsGroup { pixel_size: None, columns }
            })
            .collect();
        Self { all, made: false }
    }

    /// The group of a row; what RELION 3.0 has in every row moves from the row into its group.
    fn take(&mut self, columns: &mut BTreeMap<String, String>) -> Option<usize> {
        if !self.made {
            return match columns.get(GROUP) {
                Some(number) => self.all.iter().position(|g| g.columns.get(GROUP) == Some(number)),
                None => (self.all.len() == 1).then_some(0),
            };
        }
        let mut own = BTreeMap::new();
        for name in OPTICS_30 {
            own.extend(columns.remove(name).map(|value| (name.to_owned(), value)));
        }
        if own.is_empty() {
            return None;
        }
        let same =
            |group: &OpticsGroup| OPTICS_30.iter().all(|name| group.columns.get(*name) == own.get(*name));
        if let Some(known) = self.all.iter().position(same) {
            return Some(known);
        }
        let number = self.all.len() + 1;
        own.insert(GROUP.to_owned(), number.to_string());
        own.insert("rlnOpticsGroupName".to_owned(), format!("opticsGroup{number}"));
        self.all.push(OpticsGroup { pixel_size: None, columns: own });
        Some(number - 1)
    }
}
