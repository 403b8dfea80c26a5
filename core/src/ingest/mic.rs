//! One micrograph of an import, and the picks that will be cut from it.

use std::path::PathBuf;

use crate::formats::{MicrographEntry, OpticsGroup};
use crate::label::Label;
use crate::project::NewMicrograph;

/// A micrograph of the import.
#[derive(Default)]
pub(super) struct Mic {
    pub path: PathBuf,
    /// Its name in the project.
    pub name: String,
    /// Its name with folders in the tables that name it, that of micrographs before those of picks.
    pub table_name: Option<String>,
    pub width: usize,
    pub height: usize,
    /// Å per px: as asked for, else of the table of micrographs, else of the file's header.
    pub pixel_size: Option<f64>,
    /// What a table of micrographs says of it.
    pub table: Option<MicrographEntry>,
    /// Its optics group by that table.
    pub optics: Option<OpticsGroup>,
    /// Picks to be cut, in the order of tables and rows.
    pub picks: Vec<Planned>,
    /// Picks below the lowest score that are left out, with the best of them first; they are shown
    /// beside the weakest ones that are taken.
    pub below: Vec<Planned>,
    /// Picks inside the micrograph whose box leaves it.
    pub at_edge: usize,
    /// Picks whose centre lies outside the micrograph.
    pub outside: usize,
    pub duplicates: usize,
    /// Pool patches cut.
    pub pool: usize,
    /// Every positive known on it: picks, those at an edge included, ready patches, the project's.
    pub positives: Vec<(f64, f64)>,
    /// Every other place known on it.
    pub others: Vec<(f64, f64)>,
}

impl Mic {
    /// As the project knows it. Its file is named from the root: a relative path counts from the folder of the project there, and
    /// here from where the import was begun.
    pub(super) fn for_project(&self) -> NewMicrograph {
        NewMicrograph {
            name: self.name.clone(),
            table_name: self.table_name.clone(),
            path: Some(std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone())),
            dimensions: Some((self.width, self.height)),
            pixel_size: self.pixel_size,
        }
    }
}

/// A pick that will be cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Planned {
    /// Index of its table.
    pub table: usize,
    /// Its row there.
    pub row: usize,
    /// Centre, px from the first stored row downwards.
    pub xy: (f64, f64),
    pub label: Label,
    /// Score of the picker.
    pub score: Option<f64>,
}

/// The px on which a box is centred: picks that share it give the same patch.
pub(super) fn pixel((x, y): (f64, f64)) -> (i64, i64) {
    (x.trunc() as i64, y.trunc() as i64)
}

/// A name that says in which folder the micrograph lies, as other programs have it; bare names say
/// nothing that the file does not.
pub(super) fn with_folder(name: &str) -> Option<String> {
    let name = name.strip_prefix('>').unwrap_or(name);
    name.contains('/').then(|| name.to_owned())
}
