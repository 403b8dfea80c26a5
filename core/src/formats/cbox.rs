//! crYOLO `.cbox` files: a STAR table of boxes with confidence, one file per micrograph.
//!
//! `_CoordinateX/Y` are the corner with the smallest coordinates, so the centre lies half a box
//! further; y is taken as it is written. The boxes are in the block `data_cryolo`; a file of filaments
//! also has `data_filament_vertices`, whose points are ends and bends and no particles. The first generation of the format had no names, only
//! lines `x y width height confidence width height`, and is read as well.

use std::collections::BTreeMap;
use std::path::Path;

use super::star::{StarFile, Table};
use super::text::read_text;
use super::{Pick, PickTable, eman_box};
use crate::error::{Error, Result};
use crate::label::Label;

/// Whether a STAR file has the columns of crYOLO's boxes.
pub fn looks_like(star: &StarFile) -> bool {
    boxes(star).is_some()
}

/// Name of the block with the boxes.
const BOXES: &str = "cryolo";

/// The table of boxes: the block of that name, else the only kind of table that has widths.
fn boxes(star: &StarFile) -> Option<&Table> {
    let has = |table: &Table, names: &[&str]| names.iter().all(|name| table.column(name).is_some());
    let tables = || star.blocks.iter().filter_map(|b| b.table.as_ref().map(|table| (b.name.as_str(), table)));
    let named = tables().find(|(name, table)| {
        name.eq_ignore_ascii_case(BOXES) && has(table, &["CoordinateX", "CoordinateY"])
    });
    named
        .or_else(|| tables().find(|(_, table)| has(table, &["CoordinateX", "CoordinateY", "Width"])))
        .or_else(|| {
            // Vertices alone are no boxes; a table without width is refused by name below.
            tables().find(|(name, table)| {
                !name.to_ascii_lowercase().contains("vert") && has(table, &["CoordinateX", "CoordinateY"])
            })
        })
        .map(|(_, table)| table)
}

/// Reads a `.cbox` file.
///
/// # Errors
/// When it cannot be read, lacks a column, or a value is no number; the sentence names the line.
pub fn open(path: &Path) -> Result<PickTable> {
    let text = read_text(path)?;
    if text.trim().is_empty() {
        return Ok(table_of(path, Vec::new()));
    }
    if eman_box::looks_like(&text) {
        return open_first_generation(path);
    }
    let star = StarFile::parse(path, text.into_bytes())?;
    let Some(table) = boxes(&star) else {
        return Err(Error::format(
            path,
            format!("no table has the columns CoordinateX and CoordinateY: {}", star.outline()),
            "give the .cbox file that crYOLO wrote",
        ));
    };
    let need = |name: &str| {
        table.column(name).ok_or_else(|| {
            Error::format(
                path,
                format!("its boxes have no column {name}; they have {}", table.columns.join(", ")),
                "give the .cbox file that crYOLO wrote",
            )
        })
    };
    let columns = [need("CoordinateX")?, need("CoordinateY")?, need("Width")?, need("Height")?];
    let (confidence, label) = (table.column("Confidence"), table.column("Label"));
    let mut picks = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let cells = table.row(row);
        let mut numbers = [0.0; 4];
        for (value, &column) in numbers.iter_mut().zip(&columns) {
            *value = cells[column].parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| {
                Error::format(
                    path,
                    format!(
                        "line {} has '{}' for {}, which is no number",
                        table.line(row),
                        cells[column],
                        table.columns[column]
                    ),
                    "correct the line",
                )
            })?;
        }
        let [x, y, width, height] = numbers;
        let own = |at: usize| columns.contains(&at) || Some(at) == confidence || Some(at) == label;
        let rest: BTreeMap<String, String> = table
            .columns
            .iter()
            .zip(&cells)
            .enumerate()
            .filter(|(at, (_, value))| !own(*at) && **value != "<NA>")
            .map(|(_, (name, value))| (name.clone(), (*value).to_owned()))
            .collect();
        picks.push(Pick {
            micrograph: None,
            x: x + width / 2.0,
            y: y + height / 2.0,
            box_size: Some(width.max(height)).filter(|size| *size > 0.0),
            score: confidence.and_then(|c| cells[c].parse().ok()).filter(|s: &f64| s.is_finite()),
            label: label.and_then(|c| cells[c].parse::<Label>().ok()),
            columns: rest,
            ..Pick::default()
        });
    }
    Ok(table_of(path, picks))
}

/// Lines without names: the fifth value is the confidence.
fn open_first_generation(path: &Path) -> Result<PickTable> {
    let mut table = eman_box::open(path)?;
    for pick in &mut table.picks {
        pick.score =
            pick.columns.remove("column5").and_then(|v| v.parse().ok()).filter(|s: &f64| s.is_finite());
    }
    Ok(table_of(path, table.picks))
}

fn table_of(path: &Path, picks: Vec<Pick>) -> PickTable {
    PickTable { path: path.to_owned(), kind: "crYOLO cbox file".into(), picks, ..PickTable::default() }
}
