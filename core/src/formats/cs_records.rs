//! NumPy structured arrays, the records of cryoSPARC's `.cs` files: read, joined by `uid`, and written
//! again as they are.
//!
//! The header is parsed by the crate `npyz` after its length and nesting were checked (a hostile
//! header would otherwise exhaust memory or stack); the records are then cut at the offsets it
//! gives, since their fields are known only at run time.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use npyz::{DType, TypeChar};

use super::whole::read_whole;
use crate::error::{Error, Result};

/// Longest header that is parsed, bytes; real ones have a few thousand.
const MAX_HEADER: usize = 1 << 20;
/// Largest file that is read, bytes: some ten million particles.
const MAX_BYTES: u64 = 8 << 30;
/// Longest vector field (a pose, a shape) that is kept as a column.
const MAX_VECTOR: usize = 16;

/// One field of the records.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub name: String,
    offset: usize,
    kind: Kind,
    /// Bytes of one element.
    size: usize,
    /// Elements: 1 for a scalar.
    pub count: usize,
    big: bool,
    /// NumPy's word for an element: `<f4`.
    word: String,
    /// Lengths along each axis; none for a scalar.
    shape: Vec<u64>,
}

/// What an element is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Int,
    Uint,
    Float,
    /// Text, a byte per character, filled up with zeros.
    Bytes,
    /// Text, four bytes per character.
    Unicode,
    /// Not read.
    Other,
}

/// A structured array in memory.
pub(super) struct Records {
    fields: Vec<Field>,
    stride: usize,
    pub len: usize,
    bytes: Vec<u8>,
    start: usize,
}

impl Records {
    /// Reads `path` whole.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = read_whole(path, MAX_BYTES, "split it into files below 8 GiB")?;
        let broken = |problem: String| {
            Error::format(path, problem, "copy it again, or export the particles again from cryoSPARC")
        };
        let start = header_end(&bytes).map_err(broken)?;
        let header = npyz::NpyHeader::from_reader(&bytes[..start])
            .map_err(|e| broken(format!("its NumPy header cannot be read: {e}")))?;
        let DType::Record(record) = header.dtype() else {
            return Err(broken("it is a plain NumPy array without named fields, no cryoSPARC table".into()));
        };
        if header.shape().len() != 1 {
            return Err(broken(format!("its shape {:?} is not that of a table", header.shape())));
        }
        let mut fields = Vec::with_capacity(record.len());
        let mut stride = 0usize;
        for field in &record {
            let parsed = parse_field(field, stride)
                .ok_or_else(|| broken(format!("its field {} has no fixed size", field.name)))?;
            stride = parsed
                .size
                .checked_mul(parsed.count)
                .and_then(|n| n.checked_add(stride))
                .filter(|n| *n < MAX_HEADER)
                .ok_or_else(|| broken(format!("its field {} is too large", field.name)))?;
            fields.push(parsed);
        }
        let declared = header.shape()[0];
        let there = (bytes.len() - start).checked_div(stride).unwrap_or(0);
        if stride == 0 || declared > there as u64 {
            return Err(broken(format!("it declares {declared} particles and ends after {there}")));
        }
        Ok(Self { fields, stride, len: declared as usize, bytes, start })
    }

    /// Reads `path`, and the fields that it lacks from `further` files, by `uid`.
    pub fn joined(path: &Path, further: &[PathBuf]) -> Result<Self> {
        let mut records = Self::read(path)?;
        for other in further {
            records = records.join(path, &Self::read(other)?, other)?;
        }
        Ok(records)
    }

    /// The identifiers of all records; `None` without any.
    pub fn uids(&self) -> Option<Vec<u64>> {
        let field = self.find("uid").filter(|f| f.kind == Kind::Uint && f.count == 1)?;
        Some((0..self.len).map(|row| self.bits(row, field, 0)).collect())
    }

    /// Adds the fields of `other` that this table lacks, each record from the one with the same `uid`.
    fn join(self, path: &Path, other: &Self, other_path: &Path) -> Result<Self> {
        let needs = |records: &Self, path: &Path| {
            records.uids().ok_or_else(|| {
                Error::format(
                    path,
                    "it has no field uid, by which files of one job are joined",
                    "give it alone, or export the job again from cryoSPARC",
                )
            })
        };
        let own = needs(&self, path)?;
        let theirs: HashMap<u64, usize> =
            needs(other, other_path)?.into_iter().enumerate().map(|(row, uid)| (uid, row)).collect();
        let missing = own.iter().filter(|uid| !theirs.contains_key(*uid)).count();
        if missing > 0 {
            return Err(Error::format(
                other_path,
                format!("it has no record of {missing} of the {} particles of {}", own.len(), path.display()),
                "give the passthrough file of the same job",
            ));
        }
        let added: Vec<&Field> = other.fields.iter().filter(|f| self.find(&f.name).is_none()).collect();
        let mut fields = self.fields.clone();
        let mut stride = self.stride;
        for field in &added {
            fields.push(Field { offset: stride, ..(*field).clone() });
            stride += field.size * field.count;
        }
        let total = stride.checked_mul(self.len).filter(|n| *n as u64 <= MAX_BYTES);
        let mut bytes = Vec::new();
        if total.is_none_or(|n| bytes.try_reserve_exact(n).is_err()) {
            return Err(Error::format(
                path,
                "joined with its further files it does not fit into memory",
                "split it",
            ));
        }
        for (row, uid) in own.iter().enumerate() {
            bytes.extend_from_slice(self.record(row));
            let theirs = other.record(theirs.get(uid).copied().unwrap_or_default());
            for field in &added {
                let end = field.offset + field.size * field.count;
                bytes.extend_from_slice(theirs.get(field.offset..end).unwrap_or_default());
            }
        }
        Ok(Self { fields, stride, len: self.len, bytes, start: 0 })
    }

    /// All fields.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The bytes of a record.
    fn record(&self, row: usize) -> &[u8] {
        let from = self.start + row * self.stride;
        self.bytes.get(from..from + self.stride).unwrap_or_default()
    }

    pub fn find(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// The field `name`, or an error that names the fields there are.
    pub fn need(&self, path: &Path, name: &str) -> Result<&Field> {
        self.find(name).ok_or_else(|| {
            let names: Vec<&str> = self.fields.iter().map(|f| f.name.as_str()).collect();
            Error::format(
                path,
                format!("it has no field {name}; it has {}", super::stack_set::list(&names)),
                "give the file of the same job that has it (particles.cs for images, its passthrough file for locations)",
            )
        })
    }

    /// Bytes of element `at` of a field; in range since `read` measured the file.
    fn raw(&self, row: usize, field: &Field, at: usize) -> &[u8] {
        let from = self.start + row * self.stride + field.offset + at * field.size;
        &self.bytes[from..from + field.size]
    }

    /// The bits of element `at`.
    fn bits(&self, row: usize, field: &Field, at: usize) -> u64 {
        let raw = self.raw(row, field, at);
        let mut word = [0; 8];
        if let Some(part) = word.get_mut(..raw.len()) {
            part.copy_from_slice(raw);
            if field.big {
                part.reverse();
            }
        }
        u64::from_le_bytes(word)
    }

    /// Element `at` as a number.
    pub fn element(&self, row: usize, field: &Field, at: usize) -> Option<f64> {
        if at >= field.count {
            return None;
        }
        let raw = self.raw(row, field, at);
        if raw.len() > 8 {
            return None;
        }
        let bits = self.bits(row, field, at);
        let unused = 64 - 8 * raw.len() as u32;
        Some(match (field.kind, raw.len()) {
            (Kind::Uint, 1..) => bits as f64,
            // Moves the sign to the top and back.
            (Kind::Int, 1..) => ((bits << unused) as i64 >> unused) as f64,
            (Kind::Float, 2) => half::f16::from_bits(bits as u16).to_f64(),
            (Kind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
            (Kind::Float, 8) => f64::from_bits(bits),
            _ => return None,
        })
    }

    /// A scalar field as a number.
    pub fn number(&self, row: usize, field: &Field) -> Option<f64> {
        self.element(row, field, 0).filter(|_| field.count == 1)
    }

    /// A text field.
    pub fn text(&self, row: usize, field: &Field) -> String {
        let raw = if field.count == 0 { &[] } else { self.raw(row, field, 0) };
        match field.kind {
            Kind::Bytes => String::from_utf8_lossy(raw).trim_end_matches('\0').to_owned(),
            Kind::Unicode => raw
                .as_chunks::<4>()
                .0
                .iter()
                .map(|c| if field.big { u32::from_be_bytes(*c) } else { u32::from_le_bytes(*c) })
                .take_while(|c| *c != 0)
                .map(|c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect(),
            _ => String::new(),
        }
    }

    /// One element in the digits of its own type: 0.1 stored in 32 bits is "0.1".
    fn show_element(&self, row: usize, field: &Field, at: usize) -> Option<String> {
        let raw = self.raw(row, field, at);
        match field.kind {
            Kind::Bytes | Kind::Unicode => return Some(self.text(row, field)),
            Kind::Other => return None,
            Kind::Int | Kind::Uint | Kind::Float => {}
        }
        let bits = self.bits(row, field, at);
        match (field.kind, raw.len()) {
            // 64-bit identifiers do not fit a float.
            (Kind::Uint, 1..) => Some(bits.to_string()),
            (Kind::Float, 4) => Some(f32::from_bits(bits as u32).to_string()),
            _ => self.element(row, field, at).map(|v| v.to_string()),
        }
    }

    /// A field as text; vectors are separated by commas.
    pub fn show(&self, row: usize, field: &Field) -> Option<String> {
        if field.count == 0 || field.count > MAX_VECTOR {
            return None;
        }
        let parts: Option<Vec<String>> =
            (0..field.count).map(|at| self.show_element(row, field, at)).collect();
        parts.map(|parts| parts.join(","))
    }
}

/// Checks magic, version, length and nesting of a NumPy header; gives the first byte of the data.
fn header_end(bytes: &[u8]) -> Result<usize, String> {
    let word = |at: usize| bytes.get(at).copied().map(usize::from);
    if bytes.get(..6) != Some(b"\x93NUMPY") {
        return Err("it does not begin like a NumPy file".to_owned());
    }
    let ends = || "it ends within its NumPy header".to_owned();
    let (length, text) = match bytes[6..].first() {
        Some(1) => (word(8).zip(word(9)).map(|(a, b)| a | b << 8), 10),
        Some(2 | 3) => (
            word(8)
                .zip(word(9))
                .zip(word(10).zip(word(11)))
                .map(|((a, b), (c, d))| a | b << 8 | c << 16 | d << 24),
            12,
        ),
        _ => return Err("its NumPy version is none of 1, 2 and 3".to_owned()),
    };
    let length = length.ok_or_else(ends)?;
    if length > MAX_HEADER {
        return Err(format!("its NumPy header claims {length} bytes"));
    }
    let end = text + length;
    let header = bytes.get(text..end).ok_or_else(ends)?;
    // The parser calls itself once per bracket.
    let mut depth = 0i32;
    for byte in header {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth > 12 {
            return Err("its NumPy header is nested too deep".to_owned());
        }
    }
    // The parser also multiplies the shape without looking for overflow; a table has one number.
    let header = String::from_utf8_lossy(header);
    for key in ["shape'", "shape\""] {
        for (at, _) in header.match_indices(key) {
            let rest = header[at + key.len()..].trim_start();
            let Some(value) = rest.strip_prefix(':') else { continue };
            let value = value.split([')', ']']).next().unwrap_or_default();
            if value.split(',').filter(|n| n.contains(|c: char| c.is_ascii_alphanumeric())).count() > 1 {
                return Err("it is an array of several dimensions, no cryoSPARC table".to_owned());
            }
        }
    }
    Ok(end)
}

/// A field at `offset`, unless its size is not fixed.
fn parse_field(field: &npyz::Field, offset: usize) -> Option<Field> {
    let mut dtype = &field.dtype;
    let mut count = 1usize;
    let mut shape = Vec::new();
    while let DType::Array(n, inner) = dtype {
        count = count.checked_mul(usize::try_from(*n).ok()?)?;
        shape.push(*n);
        dtype = inner;
    }
    let size = dtype.num_bytes()?;
    let (kind, big, word) = match dtype {
        DType::Plain(ty) => {
            let kind = match ty.type_char() {
                TypeChar::Int => Kind::Int,
                TypeChar::Uint | TypeChar::Bool => Kind::Uint,
                TypeChar::Float => Kind::Float,
                TypeChar::ByteStr => Kind::Bytes,
                TypeChar::UnicodeStr => Kind::Unicode,
                _ => Kind::Other,
            };
            (kind, ty.endianness() == npyz::Endianness::Big, ty.to_string())
        }
        _ => (Kind::Other, false, String::new()),
    };
    // Nothing wider than 64 bits is a number here.
    let kind = if matches!(kind, Kind::Int | Kind::Uint | Kind::Float) && !(1..=8).contains(&size) {
        Kind::Other
    } else {
        kind
    };
    Some(Field { name: field.name.clone(), offset, kind, size, count, big, word, shape })
}

/// Writes the chosen rows of tables one after another as one structured array.
///
/// # Errors
/// When the tables have different fields, a field has no word in NumPy, or the disk refuses.
pub(super) fn write(mut out: impl Write, path: &Path, parts: &[(&Records, &[usize])]) -> Result<()> {
    let Some((first, _)) = parts.first() else {
        return Err(Error::format(
            path,
            "there are no particles to write",
            "choose a label that selects some",
        ));
    };
    let layout = |records: &Records| -> Vec<(String, String, Vec<u64>)> {
        records.fields.iter().map(|f| (f.name.clone(), f.word.clone(), f.shape.clone())).collect()
    };
    let fields = layout(first);
    if parts.iter().any(|(records, _)| layout(records) != fields) {
        return Err(Error::format(
            path,
            "the particles came from .cs files with different fields",
            "export particles of one job at a time",
        ));
    }
    if let Some((name, ..)) = fields.iter().find(|(_, word, _)| word.is_empty()) {
        return Err(Error::format(
            path,
            format!("its field {name} is no plain NumPy type"),
            "export a STAR file",
        ));
    }
    let quote = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let descr: Vec<String> = fields
        .iter()
        .map(|(name, word, shape)| match shape.as_slice() {
            [] => format!("('{}', '{word}')", quote(name)),
            lengths => {
                let lengths: String = lengths.iter().map(|n| format!("{n}, ")).collect();
                format!("('{}', '{word}', ({}))", quote(name), lengths.trim_end())
            }
        })
        .collect();
    let rows: usize = parts.iter().map(|(_, rows)| rows.len()).sum();
    let dict = format!("{{'descr': [{}], 'fortran_order': False, 'shape': ({rows},), }}", descr.join(", "));
    let refused = |e| Error::io("write", path, e);
    out.write_all(&header(&dict)).map_err(refused)?;
    for (records, rows) in parts {
        for &row in *rows {
            out.write_all(records.record(row)).map_err(refused)?;
        }
    }
    out.flush().map_err(refused)
}

/// A NumPy header: version 1 where the dictionary fits into its 16-bit length, else version 2; the data
/// begins at a multiple of 64 bytes, as NumPy writes it.
fn header(dict: &str) -> Vec<u8> {
    let (version, fixed): (u8, usize) =
        if dict.len() + 64 < usize::from(u16::MAX) { (1, 10) } else { (2, 12) };
    let length = (fixed + dict.len() + 1).div_ceil(64) * 64 - fixed;
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((length as u16).to_le_bytes()),
        _ => bytes.extend((length as u32).to_le_bytes()),
    }
    bytes.extend(dict.as_bytes());
    bytes.resize(fixed + length - 1, b' ');
    bytes.push(b'\n');
    bytes
}
