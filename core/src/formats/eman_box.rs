//! EMAN `.box` files: one pick a line, `x y width height [label]`, the file standing for one
//! micrograph.
//!
//! x and y are the corner with the smallest coordinates, so the centre lies half a box further.
//! The format does not say from which edge y counts: EMAN and RELION count from the first stored
//! row, some programs from the last row upwards. The reader takes y as it is written. The
//! importer, which knows the height of the micrograph, turns it over where asked.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use super::text::read_text;
use super::{Pick, PickTable};
use crate::error::{Error, Result};
use crate::label::Label;

/// Whether `text`, the beginning of a file, looks like a `.box` file: its first line is four to
/// eight numbers, a word perhaps behind them.
pub fn looks_like(text: &str) -> bool {
    let Some(line) = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#')) else {
        return false;
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    (4..=8).contains(&words.len()) && words[..4].iter().all(|w| w.parse::<f64>().is_ok_and(f64::is_finite))
}

/// Reads a `.box` file. A fifth value that is a label is taken as such, other values are kept as
/// `column5`, `column6` and so on.
///
/// # Errors
/// When it cannot be read, a line is not four numbers (the sentence names it), or the boxes are ends
/// of filaments. A file without boxes is a table without picks.
pub fn open(path: &Path) -> Result<PickTable> {
    let text = read_text(path)?;
    let mut picks = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |problem: &str| {
            Error::format(
                path,
                format!("line {} {problem}", number + 1),
                "write x, y, width and height of each box, separated by blanks",
            )
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut numbers = [0.0; 4];
        for (at, value) in numbers.iter_mut().enumerate() {
            let word = words.get(at).ok_or_else(|| wrong("has fewer than four values"))?;
            *value = word
                .parse::<f64>()
                .ok()
                .filter(|v| v.is_finite())
                .ok_or_else(|| wrong(&format!("has '{word}' where a number belongs")))?;
        }
        let [x, y, width, height] = numbers;
        if width < 0.0 || height < 0.0 {
            return Err(wrong("has a box of negative size"));
        }
        let label = words.get(4).and_then(|word| word.parse::<Label>().ok());
        let columns: BTreeMap<String, String> = words
            .iter()
            .enumerate()
            .skip(if label.is_some() { 5 } else { 4 })
            .map(|(at, word)| (format!("column{}", at + 1), (*word).to_owned()))
            .collect();
        picks.push(Pick {
            micrograph: None,
            x: x + width / 2.0,
            y: y + height / 2.0,
            box_size: Some(width.max(height)).filter(|size| *size > 0.0),
            label,
            columns,
            ..Pick::default()
        });
    }
    if are_ends_of_filaments(&picks) {
        return Err(Error::format(
            path,
            "its fifth column marks starts (-1) and ends (-2) of filaments, which are no particles",
            "export the filaments as segments",
        ));
    }
    Ok(PickTable { path: path.to_owned(), kind: "EMAN box file".into(), picks, ..PickTable::default() })
}

/// Whether all boxes come in pairs of EMAN's marks for the start (-1) and the end (-2) of a filament.
fn are_ends_of_filaments(picks: &[Pick]) -> bool {
    let marks = |pair: &[Pick]| {
        let mark = |at: usize| pair.get(at).and_then(|p| p.columns.get("column5")).map(String::as_str);
        mark(0) == Some("-1") && mark(1) == Some("-2")
    };
    !picks.is_empty() && picks.chunks(2).all(marks)
}

/// The side a box is written with, px: the smallest even whole number that is no smaller than
/// `box_size`.
pub fn whole_side(box_size: f64) -> f64 {
    2.0 * (box_size / 2.0).ceil()
}

/// Writes the picks of one micrograph as boxes of [`whole_side`]`(box_size)` px, with their labels
/// where known; `path` is the name of `out` in error messages.
///
/// All numbers are whole, since readers take them as integers (RELION's `readCoordinates`). The
/// centre that such a reader makes of corner and side is the pick's, without its fraction of a px:
/// RELION cuts there too when it reads the pick from a STAR file.
///
/// # Errors
/// When `box_size` or a position is no finite number, or the disk refuses.
pub fn write<'a>(
    mut out: impl Write,
    path: &Path,
    picks: impl IntoIterator<Item = &'a Pick>,
    box_size: f64,
) -> Result<()> {
    if !(box_size.is_finite() && box_size > 0.0) {
        return Err(Error::request(format!("{box_size} px is no box size"), "give a positive box size"));
    }
    let side = whole_side(box_size);
    for pick in picks {
        let (x, y) = (pick.x.trunc() - side / 2.0, pick.y.trunc() - side / 2.0);
        if !(x.is_finite() && y.is_finite()) {
            return Err(Error::request("a pick has no finite position", "leave it out"));
        }
        match pick.label {
            Some(label) => writeln!(out, "{x}\t{y}\t{side}\t{side}\t{label}"),
            None => writeln!(out, "{x}\t{y}\t{side}\t{side}"),
        }
        .map_err(|e| Error::io("write", path, e))?;
    }
    out.flush().map_err(|e| Error::io("write", path, e))
}
