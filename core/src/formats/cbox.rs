//! crYOLO `.cbox` files: a STAR table of boxes with confidence, one file per micrograph.
//!
//! `_CoordinateX/Y` are the corner with the smallest coordinates, so the centre lies half a box
//! further; y is taken as it is written. The first generation of the format had no names, only
//! lines `x y width height confidence width height`, and is read as well.

use std::collections::BTreeMap;
use std::path::Path;

use super::star::{StarFile, Table};
use super::{Pick, PickTable, eman_box};
use crate::error::{Error, Result};
use crate::label::Label;

/// Whether a STAR file has the columns of crYOLO's boxes.
pub fn looks_like(star: &StarFile) -> bool {
    boxes(star).is_some()
}

/// The table of boxes.
fn boxes(star: &StarFile) -> Option<&Table> {
    let has = |table: &&Table| ["CoordinateX", "CoordinateY"].iter().all(|name| table.column(name).is_some());
    star.blocks.iter().filter_map(|b| b.table.as_ref()).find(has)
}

/// Reads a `.cbox` file.
///
/// # Errors
/// When it cannot be read, lacks a column, or a value is no number; the sentence names the line.
pub fn open(path: &Path) -> Result<PickTable> {
    let text = super::pick_csv::read_text(path)?;
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
        });
    }
    table_of(path, picks)
}

/// Lines without names: the fifth value is the confidence.
fn open_first_generation(path: &Path) -> Result<PickTable> {
    let mut table = eman_box::open(path)?;
    for pick in &mut table.picks {
        pick.score =
            pick.columns.remove("column5").and_then(|v| v.parse().ok()).filter(|s: &f64| s.is_finite());
    }
    table_of(path, table.picks)
}

fn table_of(path: &Path, picks: Vec<Pick>) -> Result<PickTable> {
    if picks.is_empty() {
        return Err(Error::format(path, "it holds no box", "check that it is the file you meant"));
    }
    Ok(PickTable {
        path: path.to_owned(),
        kind: "crYOLO cbox file".to_owned(),
        picks,
        optics: Vec::new(),
        pixel_size: None,
        warnings: Vec::new(),
    })
}
