//! One micrograph of an import, and the picks that will be cut from it.

use std::path::PathBuf;

use crate::label::Label;

/// A micrograph of the import.
#[derive(Default)]
pub(super) struct Mic {
    pub path: PathBuf,
    /// Its name in the project.
    pub name: String,
    pub width: usize,
    pub height: usize,
    pub pixel_size: Option<f64>,
    /// Picks to be cut, in the order of tables and rows.
    pub picks: Vec<Planned>,
    pub at_edge: usize,
    pub duplicates: usize,
    /// Pool patches cut.
    pub pool: usize,
    /// Every positive known on it: picks, those at an edge included, ready patches, the project's.
    pub positives: Vec<(f64, f64)>,
    /// Every other place known on it.
    pub others: Vec<(f64, f64)>,
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
}

/// The px on which a box is centred: picks that share it give the same patch.
pub(super) fn pixel((x, y): (f64, f64)) -> (i64, i64) {
    (x.round() as i64, y.round() as i64)
}
