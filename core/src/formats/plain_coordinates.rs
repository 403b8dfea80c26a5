//! Coordinates without a header: `x y`, one pick a line, separated by blanks, a tab, a comma or a
//! semicolon, the file standing for one micrograph. A third value is kept as `column3`.
//!
//! Four values without a header could be a box or two positions, so a comma-separated file with them
//! is refused; with blanks between them they are an EMAN box.

use std::collections::BTreeMap;
use std::path::Path;

use super::text::read_text;
use super::{Pick, PickTable};
use crate::error::{Error, Result};

/// Whether `text`, the beginning of a file, begins with a line of two or three numbers.
pub(crate) fn looks_like(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#'));
    first.is_some_and(|line| {
        let words = values(line);
        (2..=3).contains(&words.len()) && words.iter().all(|w| w.parse::<f64>().is_ok_and(f64::is_finite))
    })
}

/// The values of a line.
fn values(line: &str) -> Vec<&str> {
    match [',', ';'].into_iter().find(|separator| line.contains(*separator)) {
        Some(separator) => line.trim_end_matches(separator).split(separator).map(str::trim).collect(),
        None => line.split_whitespace().collect(),
    }
}

/// Reads a file of coordinates.
///
/// # Errors
/// When it cannot be read, or a line is not two or three values beginning with two finite numbers; the
/// sentence names the line.
pub(crate) fn open(path: &Path) -> Result<PickTable> {
    let text = read_text(path)?;
    let mut picks = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |problem: String| {
            Error::format(
                path,
                format!("line {} {problem}", number + 1),
                "write x and y of each centre on a line, or name the columns in a first line",
            )
        };
        let words = values(line);
        if !(2..=3).contains(&words.len()) {
            return Err(wrong(format!("has {} values, two or three are read", words.len())));
        }
        let coordinate = |at: usize| {
            let word = words.get(at).copied().unwrap_or_default();
            let value = word.parse::<f64>().ok().filter(|v| v.is_finite());
            value.ok_or_else(|| wrong(format!("has '{word}' where a number belongs")))
        };
        let columns: BTreeMap<String, String> =
            words.get(2).map(|word| ("column3".to_owned(), (*word).to_owned())).into_iter().collect();
        picks.push(Pick { x: coordinate(0)?, y: coordinate(1)?, columns, ..Pick::default() });
    }
    Ok(PickTable { path: path.to_owned(), kind: "plain coordinates".into(), picks, ..PickTable::default() })
}
