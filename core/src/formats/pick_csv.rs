//! Picks as a text table with a header: Topaz (`image_name x_coord y_coord score`, tabs), CryoPPP
//! (`Micrographs Filename,X-Coordinate,Y-Coordinate,Diameter,Class Number`), Vitrine's own score and
//! export tables, and whatever else names its columns plainly.
//!
//! Positions are centres in px. Topaz counts in px of the image it picked on; where that was
//! downsampled the import scales its coordinates up.
//!
//! CryoPPP counts y from the last row of the MRC micrographs it belongs to (its issue 3), and its
//! `Diameter` is that of the particle, not the side of a box.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use super::text::read_text;
use super::text_table::{delimiter, first_line, plain};
use super::{Pick, PickTable};
use crate::error::{Error, Result};
use crate::label::Label;
use crate::remedy::Remedy;

/// Names of a micrograph column, in lower case without blanks, `-` and `_`.
const MICROGRAPH: &[&str] = &[
    "imagename",
    "micrograph",
    "micrographname",
    "micrographpath",
    "micrographs",
    "micrographfilename",
    "micrographsfilename",
    "micrographfile",
    "imagefilename",
    "filename",
    "image",
    "file",
    "mic",
    "rlnmicrographname",
    "location/micrographpath",
];
const X: &[&str] = &[
    "xcoord",
    "xcoordinate",
    "x",
    "centerx",
    "centrex",
    "xcenter",
    "xcentre",
    "coordinatex",
    "coordx",
    "rlncoordinatex",
];
const Y: &[&str] = &[
    "ycoord",
    "ycoordinate",
    "y",
    "centery",
    "centrey",
    "ycenter",
    "ycentre",
    "coordinatey",
    "coordy",
    "rlncoordinatey",
];
const BOX: &[&str] = &["boxsize", "box", "width"];
const DIAMETER: &[&str] = &["diameter", "particlediameter"];
const SCORE: &[&str] = &["score", "confidence", "probability", "rlnautopickfigureofmerit"];
const LABEL: &[&str] = &["label"];

/// Whether `text`, the beginning of a file, has a header with x and y.
pub fn looks_like(text: &str) -> bool {
    let Some(header) = first_line(text) else { return false };
    let names: Vec<String> = match delimiter(header) {
        Some(d) => header.split(char::from(d)).map(plain).collect(),
        None => header.split_whitespace().map(plain).collect(),
    };
    let any = |known: &[&str]| names.iter().any(|n| known.contains(&n.as_str()));
    any(X) && any(Y)
}

/// Where the known columns are.
struct Columns {
    micrograph: Option<usize>,
    x: usize,
    y: usize,
    size: Option<usize>,
    diameter: Option<usize>,
    score: Option<usize>,
    label: Option<usize>,
}

impl Columns {
    fn find(path: &Path, header: &csv::StringRecord) -> Result<Self> {
        let names: Vec<String> = header.iter().map(plain).collect();
        // The first of the known names that is there, not the first column that is known.
        let find = |known: &[&str]| known.iter().find_map(|k| names.iter().position(|n| n == k));
        let need = |known: &[&str], what: &str| {
            find(known).ok_or_else(|| {
                Error::format(
                    path,
                    format!(
                        "its header has no column for {what}; it has {}",
                        header.iter().map(str::trim).collect::<Vec<_>>().join(", ")
                    ),
                    Remedy::NameColumns,
                )
            })
        };
        Ok(Self {
            micrograph: find(MICROGRAPH),
            x: need(X, "x")?,
            y: need(Y, "y")?,
            size: find(BOX),
            diameter: find(DIAMETER),
            score: find(SCORE),
            label: find(LABEL),
        })
    }
}

/// Reads a table of picks. A label column that holds no labels of ours (class numbers, say) is
/// kept as an ordinary column and mentioned in the warnings.
///
/// # Errors
/// When it cannot be read, has no header with x and y, or a value is no number; the sentence
/// names line and column. A header without rows is a table without picks.
pub fn open(path: &Path) -> Result<PickTable> {
    let text = read_text(path)?;
    let Some(header_line) = first_line(&text) else {
        return Err(Error::format(path, "it is empty", "check that it is the file you meant"));
    };
    let separator = delimiter(header_line);
    // Blank-separated tables are brought to tabs line by line, so that line numbers stay.
    let text = match separator {
        Some(_) => text,
        None => text
            .lines()
            .map(|l| l.split_whitespace().collect::<Vec<_>>().join("\t"))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator.unwrap_or(b'\t'))
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let broken = |e: csv::Error| Error::format(path, format!("it is no table: {e}"), "write the table again");
    let header = reader.headers().map_err(broken)?.clone();
    let columns = Columns::find(path, &header)?;
    let mut rows: Vec<(u64, csv::StringRecord)> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            return Err(Error::format(
                path,
                format!("line {line} has {} values, the header names {}", record.len(), header.len()),
                "correct the line",
            ));
        }
        rows.push((line, record));
    }
    let mut warnings = Vec::new();
    let labels = columns.label.filter(|&column| {
        let ours = rows.iter().any(|(_, r)| r.get(column).is_some_and(|v| v.parse::<Label>().is_ok()));
        let any = rows.iter().any(|(_, r)| r.get(column).is_some_and(|v| !v.is_empty()));
        if any && !ours {
            warnings.push(
                format!(
                    "{}: its column {} holds no positive, negative or unlabeled and is kept as it is",
                    path.display(),
                    header.get(column).unwrap_or_default()
                )
                .into(),
            );
        }
        ours
    });
    let named =
        columns.micrograph.filter(|&c| rows.iter().any(|(_, r)| r.get(c).is_some_and(|v| !v.is_empty())));
    let mut picks = Vec::with_capacity(rows.len());
    for (line, record) in &rows {
        picks.push(pick(
            path,
            *line,
            record,
            &header,
            &Columns { micrograph: named, label: labels, ..columns },
        )?);
    }
    let kind = kind(&header, separator);
    Ok(PickTable {
        path: path.to_owned(),
        kind: kind.into(),
        picks,
        often_upside_down: kind == CRYOPPP,
        warnings,
        ..PickTable::default()
    })
}

const CRYOPPP: &str = "CryoPPP table of picks";

/// The format in the words of its users.
fn kind(header: &csv::StringRecord, separator: Option<u8>) -> &'static str {
    let has = |name: &str| header.iter().any(|h| plain(h) == name);
    if has("imagename") && has("xcoord") {
        "Topaz table of picks"
    } else if has("xcoordinate") && separator == Some(b',') {
        CRYOPPP
    } else {
        "table of picks"
    }
}

/// One row.
fn pick(
    path: &Path,
    line: u64,
    record: &csv::StringRecord,
    header: &csv::StringRecord,
    columns: &Columns,
) -> Result<Pick> {
    let value = |column: usize| record.get(column).unwrap_or_default();
    let wrong = |column: usize, is: &str| {
        Error::format(
            path,
            format!(
                "line {line} has '{}' for {}, which is {is}",
                value(column),
                header.get(column).unwrap_or_default()
            ),
            "correct the line",
        )
    };
    let number = |column: usize| match value(column).parse::<f64>() {
        Ok(v) if v.is_finite() => Ok(v),
        _ => Err(wrong(column, "no finite number")),
    };
    let optional = |column: Option<usize>| match column {
        // An empty cell says nothing, as in a table of which only some rows were scored.
        Some(column) if !value(column).is_empty() => number(column).map(Some),
        _ => Ok(None),
    };
    let micrograph = match columns.micrograph.map(|c| (c, value(c))) {
        Some((column, "")) => return Err(wrong(column, "no micrograph, while other lines name one")),
        named => named.map(|(_, name)| name.to_owned()),
    };
    let label = match columns.label.map(|c| (c, value(c))) {
        None | Some((_, "")) => None,
        Some((column, word)) => {
            Some(word.parse::<Label>().map_err(|_| wrong(column, "not positive, negative or unlabeled"))?)
        }
    };
    let own = [
        columns.micrograph,
        Some(columns.x),
        Some(columns.y),
        columns.size,
        columns.diameter,
        columns.score,
        columns.label,
    ];
    let rest: BTreeMap<String, String> = header
        .iter()
        .zip(record)
        .enumerate()
        .filter(|(at, (_, value))| !own.contains(&Some(*at)) && !value.is_empty())
        .map(|(_, (name, value))| (name.to_owned(), value.to_owned()))
        .collect();
    Ok(Pick {
        micrograph,
        x: number(columns.x)?,
        y: number(columns.y)?,
        box_size: optional(columns.size)?.filter(|size| *size > 0.0),
        diameter: optional(columns.diameter)?.filter(|diameter| *diameter > 0.0),
        score: optional(columns.score)?,
        label,
        columns: rest,
        ..Pick::default()
    })
}

/// Writes picks with Topaz's columns and the label: `image_name, x_coord, y_coord, score, label`.
/// `separator` is a comma for CSV, a tab for Topaz; `path` is the name of `out` in error messages.
///
/// # Errors
/// When the disk refuses.
pub fn write<'a>(
    out: impl Write,
    path: &Path,
    picks: impl IntoIterator<Item = &'a Pick>,
    separator: u8,
) -> Result<()> {
    let fail = |e: csv::Error| Error::io("write", path, std::io::Error::other(e));
    let mut table = csv::WriterBuilder::new().delimiter(separator).from_writer(out);
    table.write_record(["image_name", "x_coord", "y_coord", "score", "label"]).map_err(fail)?;
    for pick in picks {
        let label = pick.label.map_or("", Label::as_str);
        let score = pick.score.map_or_else(String::new, |s| s.to_string());
        let name = pick.micrograph.as_deref().unwrap_or_default();
        table.write_record([name, &pick.x.to_string(), &pick.y.to_string(), &score, label]).map_err(fail)?;
    }
    table.flush().map_err(|e| Error::io("write", path, e))
}
