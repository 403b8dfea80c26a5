//! STAR: the text tables of RELION, and of crYOLO's `.cbox`.
//!
//! A file holds several `data_` blocks, each with single values (`_name value`) or a `loop_`
//! table whose rows are one line each. Comments, blank lines, quoted values and Windows line ends
//! are understood. Rows are found once and split into values only when asked for, so a table of a
//! million particles costs its text and little more, and every value is kept as it is written.
//!
//! Why not the crate `emstar` (0.2): rows with a wrong number of values are skipped without a
//! word, errors in a table carry no line, and every value is turned into a number or a truth value
//! where it looks like one (`000001` → 1, `yes` → true), so the file cannot be given back as it was.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::whole::{read_whole, text_of};
use crate::error::{Error, Result};

/// Longest STAR file that is read, bytes. Spans of text are 32-bit.
const MAX_BYTES: u64 = u32::MAX as u64;

/// A STAR file in memory.
#[derive(Debug, Clone)]
pub struct StarFile {
    /// Where it was read from.
    pub path: PathBuf,
    /// The number of a comment `# version 30001`, RELION's own: 30001 for 3.1, 50001 for 5.
    pub version: Option<u32>,
    /// Blocks in file order.
    pub blocks: Vec<Block>,
}

/// One `data_` block.
#[derive(Debug, Clone)]
pub struct Block {
    /// Name after `data_`; may be empty.
    pub name: String,
    /// Line of the block's start, counted from 1.
    pub line: usize,
    /// Single values: name without the underscore, value.
    pub values: Vec<(String, String)>,
    /// The table, where the block has one.
    pub table: Option<Table>,
}

/// A `loop_` table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Column names without the underscore.
    pub columns: Vec<String>,
    text: Arc<str>,
    rows: Vec<Row>,
}

/// Where a row lies in the text.
#[derive(Debug, Clone, Copy)]
struct Row {
    start: u32,
    end: u32,
    line: u32,
}

impl Table {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Index of the column called `name` (without underscore).
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c == name)
    }

    /// The values of row `index`, as many as there are columns; empty past the end.
    pub fn row(&self, index: usize) -> Vec<&str> {
        match self.rows.get(index) {
            // The same split succeeded when the file was read.
            Some(row) => split(&self.text[row.start as usize..row.end as usize], self.columns.len())
                .unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// Line of row `index` in the file, counted from 1; 0 past the end.
    pub fn line(&self, index: usize) -> usize {
        self.rows.get(index).map_or(0, |row| row.line as usize)
    }
}

impl Block {
    /// The block as a table: its own, or its single values as one row.
    pub fn as_table(&self) -> Option<Table> {
        if self.table.is_some() || self.values.is_empty() {
            return self.table.clone();
        }
        let cells: Vec<String> = self.values.iter().map(|(_, value)| quote(value)).collect();
        let text: Arc<str> = cells.join(" ").into();
        let row =
            Row { start: 0, end: u32::try_from(text.len()).ok()?, line: u32::try_from(self.line).ok()? };
        Some(Table {
            columns: self.values.iter().map(|(name, _)| name.clone()).collect(),
            text,
            rows: vec![row],
        })
    }
}

impl StarFile {
    /// Reads `path` whole.
    ///
    /// # Errors
    /// When it cannot be read, is no text, or a line is not STAR; the sentence names the line.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = read_whole(path, MAX_BYTES, "split the table into files below 4 GiB")?;
        Self::parse(path, bytes)
    }

    /// Parses the content of a file; `path` is its name in error messages.
    ///
    /// # Errors
    /// As [`StarFile::read`].
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let text = text_of(bytes).map_err(|line| bad(path, line, "holds bytes that are no UTF-8 text"))?;
        if text.len() as u64 > MAX_BYTES {
            return Err(Error::format(path, "it is longer than 4 GiB", "split the table"));
        }
        let mut parser = Parser::new(path, Arc::from(text));
        let text = Arc::clone(&parser.text);
        let mut start = 0;
        for (number, raw) in text.split_inclusive('\n').enumerate() {
            let trimmed = raw.trim_start_matches('\u{feff}');
            let line = trimmed.trim();
            let from = start + (raw.len() - trimmed.len()) + (trimmed.len() - trimmed.trim_start().len());
            parser.line(number + 1, line, from)?;
            start += raw.len();
        }
        parser.finish()
    }

    /// The first block whose name is one of `names` and which is a table (or single values, seen
    /// as a table of one row).
    pub fn table(&self, name: &str) -> Option<Table> {
        self.blocks.iter().find(|b| b.name.eq_ignore_ascii_case(name)).and_then(Block::as_table)
    }

    /// The names of all blocks and their columns, for error messages.
    pub fn outline(&self) -> String {
        let block = |b: &Block| {
            let columns = match &b.table {
                Some(table) => table.columns.join(", "),
                None => b.values.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(", "),
            };
            format!("data_{} (line {}) has {columns}", b.name, b.line)
        };
        self.blocks.iter().map(block).collect::<Vec<_>>().join("; ")
    }
}

/// Error at a line of a file.
fn bad(path: &Path, line: usize, problem: impl std::fmt::Display) -> Error {
    Error::format(path, format!("line {line} {problem}"), "correct the line, or write the file again")
}

/// Which lines may come next.
#[derive(PartialEq)]
enum State {
    /// Before the first block.
    Outside,
    /// In a block, single values or `loop_`.
    Values,
    /// After `loop_`, column names.
    Columns,
    /// After the column names, rows.
    Rows,
}

struct Parser<'a> {
    path: &'a Path,
    text: Arc<str>,
    state: State,
    version: Option<u32>,
    blocks: Vec<Block>,
    columns: Vec<String>,
    rows: Vec<Row>,
}

impl<'a> Parser<'a> {
    fn new(path: &'a Path, text: Arc<str>) -> Self {
        Self {
            path,
            text,
            state: State::Outside,
            version: None,
            blocks: Vec::new(),
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn line(&mut self, number: usize, line: &str, start: usize) -> Result<()> {
        if line.is_empty() {
            return Ok(());
        }
        if let Some(comment) = line.strip_prefix('#') {
            if let Some(version) = comment.trim().strip_prefix("version ") {
                self.version = self.version.or_else(|| version.trim().parse().ok());
            }
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let alone = words.next().is_none_or(|w| w.starts_with('#'));
        // A row whose first value begins with `data_` has further values, unlike a block's start.
        if alone && let Some(name) = strip_keyword(first, "data_") {
            self.close();
            self.blocks.push(Block { name: name.to_owned(), line: number, values: Vec::new(), table: None });
            self.state = State::Values;
            return Ok(());
        }
        if self.state == State::Outside {
            return Err(bad(self.path, number, "comes before the first data_ block, this is no STAR file"));
        }
        if alone && first.eq_ignore_ascii_case("loop_") {
            if self.state == State::Columns || self.state == State::Rows {
                self.close();
                // A second table in one block becomes a block of the same name.
                let name = self.blocks.last().map(|b| b.name.clone()).unwrap_or_default();
                self.blocks.push(Block { name, line: number, values: Vec::new(), table: None });
            }
            self.state = State::Columns;
            return Ok(());
        }
        match self.state {
            State::Columns if line.starts_with('_') => {
                let name = &first[1..];
                if self.columns.iter().any(|c| c == name) {
                    return Err(bad(self.path, number, format!("names the column {name} a second time")));
                }
                self.columns.push(name.to_owned());
                Ok(())
            }
            State::Columns | State::Rows => self.row(number, line, start),
            State::Values if line.starts_with('_') => self.value(number, line, first),
            State::Values | State::Outside => {
                Err(bad(self.path, number, format!("is neither _name, loop_ nor data_: '{}'", shorten(line))))
            }
        }
    }

    /// A `_name value` line outside a table.
    fn value(&mut self, number: usize, line: &str, first: &str) -> Result<()> {
        let rest = line[first.len()..].trim();
        let value = if rest.starts_with('#') {
            ""
        } else {
            split_all(rest)
                .map_err(|problem| bad(self.path, number, problem))?
                .first()
                .copied()
                .unwrap_or_default()
        };
        if let Some(block) = self.blocks.last_mut() {
            block.values.push((first[1..].to_owned(), value.to_owned()));
        }
        Ok(())
    }

    /// A row of the table.
    fn row(&mut self, number: usize, line: &str, start: usize) -> Result<()> {
        if self.columns.is_empty() {
            return Err(bad(self.path, number, "is a row of a loop_ that has no columns"));
        }
        self.state = State::Rows;
        split(line, self.columns.len()).map_err(|problem| bad(self.path, number, problem))?;
        // The text is at most 4 GiB long, so these fit.
        let span = |at: usize| u32::try_from(at).map_err(|_| bad(self.path, number, "lies beyond 4 GiB"));
        self.rows.push(Row { start: span(start)?, end: span(start + line.len())?, line: span(number)? });
        Ok(())
    }

    /// Ends the table of the current block.
    fn close(&mut self) {
        let columns = std::mem::take(&mut self.columns);
        let rows = std::mem::take(&mut self.rows);
        if let Some(block) = self.blocks.last_mut()
            && !columns.is_empty()
        {
            block.table = Some(Table { columns, text: Arc::clone(&self.text), rows });
        }
    }

    fn finish(mut self) -> Result<StarFile> {
        self.close();
        if self.blocks.is_empty() {
            return Err(Error::format(
                self.path,
                "it holds no data_ block",
                "check that it is a STAR file and not empty",
            ));
        }
        Ok(StarFile { path: self.path.to_owned(), version: self.version, blocks: self.blocks })
    }
}

/// `word` without `keyword`, whatever its case.
fn strip_keyword<'a>(word: &'a str, keyword: &str) -> Option<&'a str> {
    let head = word.get(..keyword.len())?;
    head.eq_ignore_ascii_case(keyword).then(|| &word[keyword.len()..])
}

/// The first characters of a line, for error messages.
fn shorten(line: &str) -> String {
    let mut short: String = line.chars().take(40).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

/// Splits a row into `count` values; a comment may follow them.
fn split(line: &str, count: usize) -> Result<Vec<&str>, String> {
    let mut values = split_all(line)?;
    if values.len() > count && values[count].starts_with('#') {
        values.truncate(count);
    }
    if values.len() == count {
        Ok(values)
    } else {
        Err(format!("has {} values, the table has {count} columns", values.len()))
    }
}

/// Splits a line at blanks; a value may stand in single or double quotes.
fn split_all(line: &str) -> Result<Vec<&str>, String> {
    let mut values = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (value, after) = if first == '"' || first == '\'' {
            // As CIF has it: a quote ends the value only before a blank or the end.
            let body = &rest[1..];
            let end = body
                .match_indices(first)
                .map(|(at, _)| at)
                .find(|&at| body[at + 1..].chars().next().is_none_or(char::is_whitespace))
                .ok_or_else(|| format!("has a value with no closing {first}"))?;
            (&body[..end], &body[end + 1..])
        } else {
            rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()))
        };
        values.push(value);
        rest = after.trim_start();
    }
    Ok(values)
}

/// Puts quotes around a value where it needs them.
fn quote(value: &str) -> String {
    let needs = value.is_empty()
        || value.starts_with(['"', '\'', '#', '_', ';'])
        || value.contains(char::is_whitespace)
        || strip_keyword(value, "data_").is_some()
        || value.eq_ignore_ascii_case("loop_");
    match (needs, value.contains('"')) {
        (false, _) => value.to_owned(),
        (true, false) => format!("\"{value}\""),
        (true, true) => format!("'{value}'"),
    }
}

/// Writes a STAR file block by block, row by row.
pub struct StarWriter<W: Write> {
    out: W,
    path: PathBuf,
    columns: usize,
    line: String,
}

impl<W: Write> StarWriter<W> {
    /// Writes to `out`, whose name in error messages is `path`.
    pub fn new(out: W, path: &Path) -> Self {
        Self { out, path: path.to_owned(), columns: 0, line: String::new() }
    }

    /// Starts the block `data_NAME` with a table of these columns (named without underscore),
    /// under RELION's version comment.
    ///
    /// # Errors
    /// When the disk refuses, or a column name is empty or holds blanks.
    pub fn table(&mut self, name: &str, columns: &[String]) -> Result<()> {
        // RELION reads the number after the comment to know the generation of the file.
        let mut text = format!("\n# version 30001\n\ndata_{name}\n\nloop_\n");
        for (at, column) in columns.iter().enumerate() {
            if column.is_empty() || column.contains(char::is_whitespace) {
                return Err(Error::request(
                    format!("'{column}' cannot be a column of a STAR file"),
                    "leave the column out",
                ));
            }
            text.push_str(&format!("_{column} #{}\n", at + 1));
        }
        self.columns = columns.len();
        self.out.write_all(text.as_bytes()).map_err(|e| Error::io("write", &self.path, e))
    }

    /// Writes one row of the table begun last.
    ///
    /// # Errors
    /// When the disk refuses, the number of values is not that of the columns, or a value holds a
    /// line end or cannot be quoted.
    pub fn row<'v>(&mut self, values: impl IntoIterator<Item = &'v str>) -> Result<()> {
        self.line.clear();
        let mut count = 0;
        for value in values {
            let quoted = quote(value);
            if split_all(&quoted).ok().as_deref() != Some(&[value]) || value.contains(['\n', '\r']) {
                return Err(Error::request(
                    format!("the value '{}' cannot stand in a STAR file", shorten(value)),
                    "take quotes and line ends out of it",
                ));
            }
            if count > 0 {
                self.line.push(' ');
            }
            self.line.push_str(&quoted);
            count += 1;
        }
        if count != self.columns {
            return Err(Error::request(
                format!("a row of {count} values does not fit a table of {} columns", self.columns),
                "give one value per column",
            ));
        }
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes()).map_err(|e| Error::io("write", &self.path, e))
    }

    /// Ends the file and gives the output back.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(mut self) -> Result<W> {
        self.out
            .write_all(b"\n")
            .and_then(|()| self.out.flush())
            .map_err(|e| Error::io("write", &self.path, e))?;
        Ok(self.out)
    }
}
