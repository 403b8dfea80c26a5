//! Writes RELION's coordinate files: positions on one micrograph as its picking jobs write them, and the
//! list of them (`data_coordinate_files`) that RELION 4 introduced.

use std::io::Write;
use std::path::Path;

use super::relion_columns::{FIGURE_OF_MERIT, NOT_GIVEN, X, Y};
use super::star::StarWriter;
use crate::error::Result;

/// One position.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Coordinate {
    /// Centre, px of the micrograph, from the left.
    pub x: f64,
    /// Centre, px of the micrograph, from the row RELION reads first.
    pub y: f64,
    /// Score of a picker or a run.
    pub score: Option<f64>,
    /// Class of the reference it was found with.
    pub class: Option<i64>,
    /// In-plane angle, degrees.
    pub psi: Option<f64>,
}

/// Writes the positions on one micrograph; `path` is the name of `out` in error messages.
///
/// # Errors
/// When the disk refuses.
pub fn write_coordinates(out: impl Write, path: &Path, set: &[Coordinate]) -> Result<()> {
    let mut star = StarWriter::new(out, path);
    let columns = [X, Y, FIGURE_OF_MERIT, "rlnClassNumber", "rlnAnglePsi"];
    star.table("", &columns.map(str::to_owned))?;
    let not_given = || NOT_GIVEN.to_owned();
    for coordinate in set {
        let cells = [
            coordinate.x.to_string(),
            coordinate.y.to_string(),
            coordinate.score.map_or_else(not_given, |score| score.to_string()),
            coordinate.class.map_or_else(not_given, |class| class.to_string()),
            coordinate.psi.map_or_else(not_given, |psi| psi.to_string()),
        ];
        star.row(cells.iter().map(String::as_str))?;
    }
    star.finish().map(drop)
}

/// Writes the list: micrograph and coordinate file of every row.
///
/// # Errors
/// When the disk refuses, or a name cannot stand in a STAR file.
pub fn write_list(out: impl Write, path: &Path, files: &[(String, String)]) -> Result<()> {
    let mut star = StarWriter::new(out, path);
    let columns = ["rlnMicrographName", "rlnMicrographCoordinates"].map(str::to_owned);
    star.table("coordinate_files", &columns)?;
    for (micrograph, file) in files {
        star.row([micrograph.as_str(), file.as_str()])?;
    }
    star.finish().map(drop)
}
