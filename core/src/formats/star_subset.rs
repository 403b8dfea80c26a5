//! Copies a STAR file without some rows of one table; everything else stays byte for byte.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use super::star::{StarFile, Table};
use crate::error::{Error, Result};

/// A STAR file whose rows can be chosen.
pub struct StarSubset {
    bytes: Vec<u8>,
    star: StarFile,
    table: Table,
}

impl StarSubset {
    /// Reads the file; rows are those of the table with the column `column`, RELION's blocks
    /// `particles` and `images` first, or the single row of a block of values.
    ///
    /// # Errors
    /// When it cannot be read, is no STAR file, or has no such table.
    pub fn read(path: &Path, column: &str) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        let star = StarFile::parse(path, bytes.clone())?;
        let named = ["particles", "images", ""].iter().filter_map(|name| star.table(name));
        let others = star.blocks.iter().filter(|b| !b.name.eq_ignore_ascii_case("optics"));
        let found = named
            .chain(others.filter_map(|block| block.as_table()))
            .find(|table| table.column(column).is_some());
        let Some(table) = found else {
            return Err(Error::format(
                path,
                format!("no table has the column {column}: {}", star.outline()),
                "put the file back that was imported",
            ));
        };
        Ok(Self { bytes, star, table })
    }

    /// How many rows the table has.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The value of `column` in a row.
    pub fn cell(&self, row: usize, column: &str) -> Option<String> {
        let column = self.table.column(column)?;
        self.table.row(row).get(column).map(|cell| (*cell).to_owned())
    }

    /// Writes the file with the rows `keep` alone; `path` is the name of `out` in error messages.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, mut out: impl Write, path: &Path, keep: &HashSet<usize>) -> Result<()> {
        let is_row: HashSet<usize> = (0..self.table.len()).map(|row| self.table.line(row)).collect();
        let kept: HashSet<usize> = keep.iter().map(|&row| self.table.line(row)).collect();
        // The one row of a block of single values has no line of its own, and stays.
        let is_loop = self
            .star
            .blocks
            .iter()
            .filter_map(|b| b.table.as_ref())
            .any(|t| t.columns == self.table.columns && !t.is_empty() && t.line(0) == self.table.line(0));
        let refused = |e| Error::io("write", path, e);
        for (at, line) in self.bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let number = at + 1;
            if !is_loop || !is_row.contains(&number) || kept.contains(&number) {
                out.write_all(line).map_err(refused)?;
            }
        }
        out.flush().map_err(refused)
    }
}
