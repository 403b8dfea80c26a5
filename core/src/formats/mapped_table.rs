//! Tables of picks whose columns a person has named, because they have no header or one that is not recognised.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::form::{Form, START, form};
use super::micrograph::first_bytes;
use super::names::extension;
use super::text::read_text;
use super::text_table::{cells, delimiter, first_line, lines, number, plain};
use super::{Pick, PickTable, pick_csv};
use crate::error::{Error, Result};
use crate::remedy::Remedy;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Its place, counted from 1.
    Number(usize),
    /// Its name in the first line.
    Named(String),
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// Which columns of a table of picks hold what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickColumns {
    /// Centre, counted from the left.
    pub x: Column,
    /// Centre, counted along the rows.
    pub y: Column,
    /// Name of the micrograph; without it the name of the file stands for it.
    #[serde(default)]
    pub micrograph: Option<Column>,
    /// Score of the picker.
    #[serde(default)]
    pub score: Option<Column>,
}

impl FromStr for PickColumns {
    type Err = Error;

    /// Accepts `x=3,y=4`, also with `micrograph=` and `score=`; a column by its place, counted from 1, or by its name in
    /// the first line.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |problem: String| {
            Error::request(problem, "write for example x=3,y=4 or micrograph=1,x=PosX,y=PosY,score=5")
        };
        let mut named: BTreeMap<&str, Column> = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (what, column) = match part.split_once('=') {
                Some((what, column)) if !column.trim().is_empty() => (what.trim(), column.trim()),
                _ => return Err(wrong(format!("'{part}' names no column"))),
            };
            if !["x", "y", "micrograph", "score"].contains(&what) {
                return Err(wrong(format!("'{what}' is none of x, y, micrograph and score")));
            }
            let column = match column.parse() {
                Ok(0) => return Err(wrong(format!("'{part}' names no column: they are counted from 1"))),
                Ok(number) => Column::Number(number),
                Err(_) => Column::Named(column.to_owned()),
            };
            if named.insert(what, column).is_some() {
                return Err(wrong(format!("the column of {what} is named twice")));
            }
        }
        let mut need = |what: &str| {
            named
                .remove(what)
                .ok_or_else(|| wrong(format!("'{text}' does not say which column holds {what}")))
        };
        let (x, y) = (need("x")?, need("y")?);
        if x == y {
            return Err(wrong(format!("x and y are both to be in column {x}")));
        }
        Ok(Self { x, y, micrograph: named.remove("micrograph"), score: named.remove("score") })
    }
}

/// The first rows of a text table, for a person who says which column holds what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableStart {
    /// Cells, row by row; rows need not be of one length.
    pub rows: Vec<Vec<String>>,
    /// Whether it is read without being told.
    pub understood: bool,
}

/// Rows shown of a table.
const ROWS: usize = 6;

/// Whether columns that a person names hold for this file: text tables, but no STAR, cbox or JSON files and none that
/// is named as an EMAN box file.
pub(super) fn applies(path: &Path) -> bool {
    match form(path) {
        Ok(Form::Table | Form::PlainCoordinates) => true,
        // Four numbers in a line are a box only if nobody says otherwise.
        Ok(Form::EmanBox) => extension(path) != "box",
        _ => false,
    }
}

/// The first rows of a file whose columns can be named; `None` for any other.
pub fn table_start(path: &Path) -> Option<TableStart> {
    if !path.is_file() || !applies(path) {
        return None;
    }
    let text = String::from_utf8_lossy(&first_bytes(path, START).ok()?).into_owned();
    let text = text.trim_start_matches('\u{feff}');
    let separator = delimiter(first_line(text)?);
    let rows = lines(text).take(ROWS).map(|(_, line)| cells(line, separator)).collect();
    let understood = form(path).is_ok_and(|form| form != Form::Table) || pick_csv::looks_like(text);
    Some(TableStart { rows, understood })
}

/// Where the columns are, counted from 0.
struct Places {
    x: usize,
    y: usize,
    micrograph: Option<usize>,
    score: Option<usize>,
}

/// The place of a column, which is looked for in the first line where it is named.
fn place(path: &Path, column: &Column, first: &[String]) -> Result<usize> {
    let missing = || {
        Error::format(
            path,
            format!("its first line has no column {column}; it has {}", first.join(", ")),
            Remedy::NameColumns,
        )
    };
    match column {
        Column::Number(number) => number.checked_sub(1).filter(|&at| at < first.len()).ok_or_else(missing),
        Column::Named(name) => first.iter().position(|cell| plain(cell) == plain(name)).ok_or_else(missing),
    }
}

/// Reads a table of picks by the columns that a person has named. The first line is a header where it holds no number
/// for x or y.
///
/// # Errors
/// When it cannot be read, lacks a column, or a value is no number; the sentence names line and column.
pub(super) fn open(path: &Path, columns: &PickColumns) -> Result<PickTable> {
    let text = read_text(path)?;
    let empty = || Error::format(path, "it is empty", "check that it is the file you meant");
    let separator = delimiter(first_line(&text).ok_or_else(empty)?);
    let mut rows = lines(&text).map(|(line, text)| (line, cells(text, separator))).peekable();
    let first = rows.peek().map(|(_, cells)| cells.clone()).ok_or_else(empty)?;
    let optional =
        |column: &Option<Column>| column.as_ref().map(|column| place(path, column, &first)).transpose();
    let places = Places {
        x: place(path, &columns.x, &first)?,
        y: place(path, &columns.y, &first)?,
        micrograph: optional(&columns.micrograph)?,
        score: optional(&columns.score)?,
    };
    let is_number = |at: usize| first.get(at).is_some_and(|cell| number(cell).is_some());
    let header = (!is_number(places.x) || !is_number(places.y)).then_some(first.as_slice());
    if header.is_some() {
        rows.next();
    }
    let picks = rows.map(|(line, cells)| pick(path, line, &cells, header, &places)).collect::<Result<_>>()?;
    Ok(PickTable {
        path: path.to_owned(),
        kind: "table of picks, columns as named".into(),
        picks,
        ..PickTable::default()
    })
}

/// One row.
fn pick(
    path: &Path,
    line: usize,
    cells: &[String],
    header: Option<&[String]>,
    places: &Places,
) -> Result<Pick> {
    let wrong = |problem: String| Error::format(path, format!("line {line} {problem}"), "correct the line");
    let value = |at: usize, what: &str| {
        cells.get(at).map(String::as_str).ok_or_else(|| {
            wrong(format!("has {} values, and column {} is to hold {what}", cells.len(), at + 1))
        })
    };
    let numeric = |at: usize, what: &str| {
        let cell = value(at, what)?;
        number(cell).ok_or_else(|| {
            wrong(format!("has '{cell}' in column {}, where a number is to be for {what}", at + 1))
        })
    };
    // An empty cell says nothing, as in a table of which only some rows were scored.
    let score = match places.score {
        Some(at) if !value(at, "the score")?.is_empty() => Some(numeric(at, "the score")?),
        _ => None,
    };
    let micrograph = match places.micrograph {
        Some(at) => match value(at, "the micrograph")? {
            "" => return Err(wrong(format!("names no micrograph in column {}", at + 1))),
            name => Some(name.to_owned()),
        },
        None => None,
    };
    let own = [Some(places.x), Some(places.y), places.micrograph, places.score];
    let name = |at: usize| {
        let named = header.and_then(|header| header.get(at)).filter(|name| !name.is_empty());
        named.cloned().unwrap_or_else(|| format!("column{}", at + 1))
    };
    let rest = cells.iter().enumerate().filter(|(at, cell)| !own.contains(&Some(*at)) && !cell.is_empty());
    let columns = rest.map(|(at, cell)| (name(at), cell.clone())).collect();
    Ok(Pick {
        micrograph,
        x: numeric(places.x, "x")?,
        y: numeric(places.y, "y")?,
        score,
        columns,
        ..Pick::default()
    })
}
