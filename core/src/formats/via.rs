//! Reads tables of the VGG Image Annotator, which Topaz also writes. Each row is a region: its shape is JSON
//! in the column `region_shape_attributes`, everything else is JSON in `region_attributes`.
//!
//! Points, circles and ellipses are centres; a rectangle is a box around its own centre. A row without
//! a shape is a picture without picks.

use std::path::Path;

use serde_json::Value;

use super::text::read_text;
use super::{Pick, PickTable};
use crate::error::{Error, Result};
use crate::label::Label;

const SHAPE: &str = "region_shape_attributes";
const ATTRIBUTES: &str = "region_attributes";

/// Whether `text`, the beginning of a file, has the header of such a table.
pub(crate) fn looks_like(text: &str) -> bool {
    text.lines().find(|l| !l.trim().is_empty()).is_some_and(|header| header.contains(SHAPE))
}

/// Reads a table.
///
/// # Errors
/// When it cannot be read, lacks a column, a cell is no JSON, or a region has no finite centre; the
/// sentence names the line.
pub(crate) fn open(path: &Path) -> Result<PickTable> {
    let text = read_text(path)?;
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let broken = |e: csv::Error| Error::format(path, format!("it is no table: {e}"), "write the table again");
    let header = reader.headers().map_err(broken)?.clone();
    let column = |name: &str| header.iter().position(|h| h.trim_start_matches('#').trim() == name);
    let need = |name: &str| {
        column(name).ok_or_else(|| {
            Error::format(path, format!("its header has no column {name}"), "export the annotations again")
        })
    };
    let (file, shape) = (need("filename")?, need(SHAPE)?);
    let attributes = column(ATTRIBUTES);
    let mut picks = Vec::new();
    let mut without_picks = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |problem: String| {
            Error::format(path, format!("line {line} {problem}"), "export the annotations again")
        };
        let json = |at: usize, name: &str| -> Result<Value> {
            let cell = record.get(at).unwrap_or_default();
            if cell.is_empty() {
                return Ok(Value::Null);
            }
            serde_json::from_str(cell).map_err(|e| wrong(format!("has no JSON for {name}: {e}")))
        };
        let name = record.get(file).unwrap_or_default();
        if name.is_empty() {
            return Err(wrong("names no file".to_owned()));
        }
        let region = json(shape, SHAPE)?;
        let kind = region.get("name").and_then(Value::as_str).unwrap_or_default();
        if kind.is_empty() {
            without_picks.push(name.to_owned());
            continue;
        }
        let number = |key: &str| region.get(key).and_then(Value::as_f64).filter(|v| v.is_finite());
        let (centre, box_size) = match kind {
            "rect" => {
                let sides = number("width").zip(number("height"));
                let corner = number("x").zip(number("y"));
                let centre = corner.zip(sides).map(|((x, y), (w, h))| (x + w / 2.0, y + h / 2.0));
                (centre, sides.map(|(w, h)| w.max(h)))
            }
            _ => (number("cx").zip(number("cy")), None),
        };
        let Some((x, y)) = centre else {
            return Err(wrong(format!("has a region '{kind}' without a finite centre")));
        };
        let said = match attributes {
            Some(at) => json(at, ATTRIBUTES)?,
            None => Value::Null,
        };
        let word = |key: &str| {
            said.get(key).map(|v| v.as_str().map_or_else(|| v.to_string(), |text| text.trim().to_owned()))
        };
        picks.push(Pick {
            micrograph: Some(name.to_owned()),
            x,
            y,
            box_size: box_size.filter(|side| *side > 0.0),
            score: word("score").and_then(|v| v.parse().ok()).filter(|s: &f64| s.is_finite()),
            label: word("label").and_then(|v| v.parse::<Label>().ok()),
            ..Pick::default()
        });
    }
    Ok(PickTable {
        path: path.to_owned(),
        kind: "VIA table of regions".into(),
        picks,
        without_picks,
        ..PickTable::default()
    })
}
