//! cryoSPARC `.cs` files: NumPy structured arrays, one record per particle, read as patches with
//! their stacks or as picks on micrographs.
//!
//! Fields are named by group: `blob/*` says which image of which stack, `location/*` where on
//! which micrograph (as fractions of its shape, rows first), `ctf/*` the optics. Stacks are looked
//! for as RELION's are; a leading `>` in a path marks it as relative to the project. Fractions are
//! multiplied with the micrograph's shape as they are: y counts from the first stored row.
//!
//! The header is parsed by the crate `npyz` after its length and nesting were checked (a hostile
//! header would otherwise exhaust memory or stack); the records are then cut at the offsets it
//! gives, since their fields are known only at run time.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use npyz::{DType, TypeChar};

use super::stack_set::{References, StackSet, resolve};
use super::{
    Dataset, MicrographEntry, MicrographTable, OpticsGroup, PatchInfo, PatchReader, Pick, PickTable,
};
use crate::error::{Error, Result};

/// Longest header that is parsed, bytes; real ones have a few thousand.
const MAX_HEADER: usize = 1 << 20;
/// Largest file that is read, bytes: some ten million particles.
const MAX_BYTES: u64 = 8 << 30;
/// Longest vector field (a pose, a shape) that is kept as a column.
const MAX_VECTOR: usize = 16;

/// Fields that [`PatchInfo`], [`Pick`] or [`Dataset`] have a place for.
const OWN: [&str; 5] =
    ["location/micrograph_path", "location/center_x_frac", "location/center_y_frac", "blob/path", "blob/idx"];

/// Fields in which picking jobs keep a score.
const PICK_SCORES: [&str; 2] = ["pick_stats/ncc_score", "pick_stats/score"];

/// Optics fields, and the columns RELION calls them.
const OPTICS: [(&str, &str); 3] = [
    ("ctf/accel_kv", "rlnVoltage"),
    ("ctf/cs_mm", "rlnSphericalAberration"),
    ("ctf/amp_contrast", "rlnAmplitudeContrast"),
];

/// Opens a particle file with its stacks.
///
/// # Errors
/// When the file or a stack cannot be read, a needed field or a stack is missing.
pub fn open(path: &Path) -> Result<Dataset> {
    let table = Records::read(path)?;
    let (stack, image) = (table.need(path, "blob/path")?, table.need(path, "blob/idx")?);
    let mut references = References::default();
    for row in 0..table.len {
        let name = table.text(row, stack);
        let section = table.number(row, image).filter(|n| (0.0..=f64::from(u32::MAX)).contains(n));
        let Some(section) = section else {
            return Err(Error::format(
                path,
                format!("particle {} has no image number in blob/idx", row + 1),
                "export the particles again from cryoSPARC",
            ));
        };
        references.push(project_path(&name), section as u32);
    }
    let location = Location::find(&table);
    if let Some(location) = &location {
        for row in 0..table.len {
            location.check(path, &table, row)?;
        }
    }
    let stacks = references.open(path)?;
    let (optics, groups) = optics(&table);
    let sizes: Vec<Option<f64>> = optics.iter().map(|g| g.pixel_size).collect();
    let pixel_size = match sizes.first() {
        Some(first) if sizes.iter().all(|s| s == first) => first.or(stacks.pixel_size),
        Some(_) => None,
        None => stacks.pixel_size,
    };
    let mut warnings = Vec::new();
    if location.is_none() {
        warnings.push(format!(
            "{}: it says nothing of micrographs; cryoSPARC keeps them in the passthrough file of the same job",
            path.display()
        ));
    }
    Ok(Dataset {
        kind: "cryoSPARC particles".to_owned(),
        pixel_size,
        micrograph_pixel_size: location.as_ref().and_then(|l| l.pixel_size(&table)),
        optics,
        warnings,
        reader: Box::new(CsReader { table, location, groups, stacks }),
    })
}

/// Reads the positions of a particle file.
///
/// # Errors
/// When the file cannot be read or has no `location/*` fields.
pub fn open_picks(path: &Path) -> Result<PickTable> {
    let table = Records::read(path)?;
    for name in [
        "location/micrograph_path",
        "location/micrograph_shape",
        "location/center_x_frac",
        "location/center_y_frac",
    ] {
        table.need(path, name)?;
    }
    let Some(location) = Location::find(&table) else {
        return Err(Error::format(
            path,
            "its location/* fields hold no numbers",
            "export the particles again",
        ));
    };
    let (optics, groups) = optics(&table);
    let mut picks = Vec::with_capacity(table.len);
    for row in 0..table.len {
        location.check(path, &table, row)?;
        let Some((x, y)) = location.xy(&table, row) else { continue };
        let score = PICK_SCORES.iter().find_map(|name| table.number(row, table.find(name)?));
        let mut columns = table.columns(row);
        // As in RELION's tables: a pick has no field for its group, so it keeps the number.
        if let Some(group) = groups.get(row) {
            columns.insert("rlnOpticsGroup".to_owned(), (group + 1).to_string());
        }
        picks.push(Pick {
            micrograph: location.micrograph(&table, row),
            x,
            y,
            counted_on: location.shape(&table, row),
            score: score.filter(|s| s.is_finite()),
            columns,
            ..Pick::default()
        });
    }
    Ok(PickTable {
        path: path.to_owned(),
        kind: "cryoSPARC particle locations".to_owned(),
        picks,
        pixel_size: location.pixel_size(&table),
        optics,
        ..PickTable::default()
    })
}

/// Whether `bytes`, the beginning of a file, are a NumPy header of a structured array.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    let header = String::from_utf8_lossy(bytes.get(8..4096.min(bytes.len())).unwrap_or_default());
    bytes.starts_with(b"\x93NUMPY")
        && header
            .split_once("'descr'")
            .is_some_and(|(_, rest)| rest.trim_start_matches([':', ' ']).starts_with('['))
}

/// Whether the file names images, and whether positions.
pub(crate) fn contents(path: &Path) -> Result<(bool, bool)> {
    let table = Records::read(path)?;
    Ok((table.find("blob/path").is_some(), Location::find(&table).is_some()))
}

/// Fields of the micrographs of an exposure, the dose-weighted ones first.
const EXPOSURE: [&str; 2] = ["micrograph_blob", "micrograph_blob_non_dw"];

/// Whether the file lists exposures.
///
/// # Errors
/// When it is no cryoSPARC table.
pub(crate) fn has_exposures(path: &Path) -> Result<bool> {
    let table = Records::read(path)?;
    Ok(EXPOSURE.iter().any(|blob| table.find(&format!("{blob}/path")).is_some()))
}

/// Reads a list of exposures as micrographs.
///
/// # Errors
/// When it is no cryoSPARC table or names no micrographs.
pub(crate) fn exposures(path: &Path) -> Result<MicrographTable> {
    let table = Records::read(path)?;
    let blob = EXPOSURE.into_iter().find(|blob| table.find(&format!("{blob}/path")).is_some());
    let Some(blob) = blob else {
        return table.need(path, "micrograph_blob/path").map(|_| MicrographTable::default());
    };
    let file = table.need(path, &format!("{blob}/path"))?;
    let pixel = table.find(&format!("{blob}/psize_A"));
    let (optics, groups) = optics(&table);
    let entries = (0..table.len)
        .map(|row| {
            let name = project_path(&table.text(row, file)).to_owned();
            let pixel_size = pixel.and_then(|f| table.show(row, f)).and_then(|v| v.parse().ok());
            let mut columns = table.columns(row);
            // Defocus and identity belong to the particles too, paths and shapes do not.
            columns.retain(|field, _| field.starts_with("ctf/") || field == "uid");
            if let Some(uid) = columns.remove("uid") {
                columns.insert("location/micrograph_uid".to_owned(), uid);
            }
            MicrographEntry {
                path: resolve(path, &name),
                name,
                pixel_size: pixel_size.filter(|size: &f64| size.is_finite() && *size > 0.0),
                optics: groups.get(row).map(|&group| group as usize),
                columns,
            }
        })
        .collect();
    Ok(MicrographTable { path: path.to_owned(), kind: "cryoSPARC exposures".to_owned(), entries, optics })
}

/// A path without cryoSPARC's mark for the project folder.
fn project_path(name: &str) -> &str {
    name.strip_prefix('>').unwrap_or(name)
}

/// Groups of particles that agree in exposure group, optics and pixel size.
fn optics(table: &Records) -> (Vec<OpticsGroup>, Vec<u32>) {
    let pixel = table.find("blob/psize_A");
    let number = ["ctf/exp_group_id", "location/exp_group_id"].iter().find_map(|name| table.find(name));
    let present: Vec<(&Field, &str)> =
        OPTICS.iter().filter_map(|(name, relion)| table.find(name).map(|f| (f, *relion))).collect();
    if pixel.is_none() && present.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut groups = Vec::new();
    let mut known: HashMap<Vec<String>, u32> = HashMap::new();
    let mut of_particle = Vec::with_capacity(table.len);
    for row in 0..table.len {
        let all = number.into_iter().chain(pixel).chain(present.iter().map(|(f, _)| *f));
        let key: Vec<String> = all.map(|f| table.show(row, f).unwrap_or_default()).collect();
        let group = *known.entry(key).or_insert_with(|| {
            let mut columns: BTreeMap<String, String> = present
                .iter()
                .filter_map(|(f, relion)| table.show(row, f).map(|v| ((*relion).to_owned(), v)))
                .collect();
            let pixel_size = pixel
                .and_then(|f| table.show(row, f))
                .and_then(|v| v.parse().ok())
                .filter(|p: &f64| p.is_finite() && *p > 0.0);
            let at = groups.len() as u32;
            columns.insert("rlnOpticsGroup".to_owned(), (at + 1).to_string());
            columns.insert("rlnOpticsGroupName".to_owned(), format!("opticsGroup{}", at + 1));
            groups.push(OpticsGroup { pixel_size, columns });
            at
        });
        of_particle.push(group);
    }
    (groups, of_particle)
}

/// The fields of a position.
struct Location {
    path: Field,
    shape: Field,
    x: Field,
    y: Field,
    pixel: Option<Field>,
}

impl Location {
    fn find(table: &Records) -> Option<Self> {
        Some(Self {
            path: table.find("location/micrograph_path")?.clone(),
            shape: table.find("location/micrograph_shape").filter(|f| f.count == 2)?.clone(),
            x: table.find("location/center_x_frac")?.clone(),
            y: table.find("location/center_y_frac")?.clone(),
            pixel: table.find("location/micrograph_psize_A").cloned(),
        })
    }

    fn micrograph(&self, table: &Records, row: usize) -> Option<String> {
        Some(project_path(&table.text(row, &self.path)).to_owned()).filter(|name| !name.is_empty())
    }

    /// Centre in px; the shape is (rows, columns).
    fn xy(&self, table: &Records, row: usize) -> Option<(f64, f64)> {
        let side = |at| table.element(row, &self.shape, at);
        Some((table.number(row, &self.x)? * side(1)?, table.number(row, &self.y)? * side(0)?))
            .filter(|(x, y)| x.is_finite() && y.is_finite())
    }

    /// Columns and rows of the image that the fractions are of.
    fn shape(&self, table: &Records, row: usize) -> Option<(f64, f64)> {
        let side = |at| table.element(row, &self.shape, at).filter(|n| *n > 0.0);
        side(1).zip(side(0))
    }

    fn check(&self, path: &Path, table: &Records, row: usize) -> Result<()> {
        match self.xy(table, row) {
            Some(_) => Ok(()),
            None => Err(Error::format(
                path,
                format!("particle {} has no finite position in its location/* fields", row + 1),
                "export the particles again from cryoSPARC",
            )),
        }
    }

    /// Å per px of the micrographs, where all agree.
    fn pixel_size(&self, table: &Records) -> Option<f64> {
        let field = self.pixel.as_ref()?;
        let first: f64 = (table.len > 0).then(|| table.show(0, field)).flatten()?.parse().ok()?;
        let same = |row| table.show(row, field).and_then(|v| v.parse::<f64>().ok()) == Some(first);
        (first.is_finite() && first > 0.0 && (1..table.len).all(same)).then_some(first)
    }
}

/// Particles of a `.cs` file with the pixels in their stacks.
struct CsReader {
    table: Records,
    location: Option<Location>,
    groups: Vec<u32>,
    stacks: StackSet,
}

impl PatchReader for CsReader {
    fn size(&self) -> usize {
        self.stacks.size()
    }

    fn len(&self) -> usize {
        self.stacks.len()
    }

    fn info(&self, index: usize) -> PatchInfo {
        if index >= self.len() {
            return PatchInfo::default();
        }
        PatchInfo {
            label: None,
            micrograph: self.location.as_ref().and_then(|l| l.micrograph(&self.table, index)),
            xy: self.location.as_ref().and_then(|l| l.xy(&self.table, index)),
            optics: self.groups.get(index).map(|&g| g as usize),
            pick_score: PICK_SCORES
                .iter()
                .find_map(|name| self.table.number(index, self.table.find(name)?))
                .filter(|score| score.is_finite()),
            columns: self.table.columns(index),
        }
    }

    fn read(&mut self, index: usize, out: &mut [f32]) -> Result<()> {
        self.stacks.read(index, out)
    }
}

/// One field of the records.
#[derive(Debug, Clone)]
struct Field {
    name: String,
    offset: usize,
    kind: Kind,
    /// Bytes of one element.
    size: usize,
    /// Elements: 1 for a scalar.
    count: usize,
    big: bool,
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
struct Records {
    fields: Vec<Field>,
    stride: usize,
    len: usize,
    bytes: Vec<u8>,
    start: usize,
}

impl Records {
    /// Reads `path` whole.
    fn read(path: &Path) -> Result<Self> {
        let fail = |e| Error::io("read", path, e);
        let length = std::fs::metadata(path).map_err(fail)?.len();
        if length > MAX_BYTES {
            return Err(Error::format(
                path,
                format!("it has {length} bytes"),
                "split it into files below 8 GiB",
            ));
        }
        let bytes = std::fs::read(path).map_err(fail)?;
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

    fn find(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// The field `name`, or an error that names the fields there are.
    fn need(&self, path: &Path, name: &str) -> Result<&Field> {
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

    /// Element `at` as a number.
    fn element(&self, row: usize, field: &Field, at: usize) -> Option<f64> {
        if at >= field.count {
            return None;
        }
        let mut word = [0; 8];
        let raw = self.raw(row, field, at);
        word.get_mut(..raw.len())?.copy_from_slice(raw);
        if field.big {
            word.get_mut(..raw.len())?.reverse();
        }
        let bits = u64::from_le_bytes(word);
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
    fn number(&self, row: usize, field: &Field) -> Option<f64> {
        self.element(row, field, 0).filter(|_| field.count == 1)
    }

    /// A text field.
    fn text(&self, row: usize, field: &Field) -> String {
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
        let mut word = [0; 8];
        match field.kind {
            Kind::Bytes | Kind::Unicode => return Some(self.text(row, field)),
            Kind::Other => return None,
            Kind::Int | Kind::Uint | Kind::Float => {
                word.get_mut(..raw.len())?.copy_from_slice(raw);
                if field.big {
                    word.get_mut(..raw.len())?.reverse();
                }
            }
        }
        let bits = u64::from_le_bytes(word);
        match (field.kind, raw.len()) {
            // 64-bit identifiers do not fit a float.
            (Kind::Uint, 1..) => Some(bits.to_string()),
            (Kind::Float, 4) => Some(f32::from_bits(bits as u32).to_string()),
            _ => self.element(row, field, at).map(|v| v.to_string()),
        }
    }

    /// A field as text; vectors are separated by commas.
    fn show(&self, row: usize, field: &Field) -> Option<String> {
        if field.count == 0 || field.count > MAX_VECTOR {
            return None;
        }
        let parts: Option<Vec<String>> =
            (0..field.count).map(|at| self.show_element(row, field, at)).collect();
        parts.map(|parts| parts.join(","))
    }

    /// Everything of a record that has no place of its own.
    fn columns(&self, row: usize) -> BTreeMap<String, String> {
        self.fields
            .iter()
            .filter(|f| !OWN.contains(&f.name.as_str()))
            .filter_map(|f| self.show(row, f).map(|value| (f.name.clone(), value)))
            .collect()
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
    while let DType::Array(n, inner) = dtype {
        count = count.checked_mul(usize::try_from(*n).ok()?)?;
        dtype = inner;
    }
    let size = dtype.num_bytes()?;
    let (kind, big) = match dtype {
        DType::Plain(ty) => {
            let kind = match ty.type_char() {
                TypeChar::Int => Kind::Int,
                TypeChar::Uint | TypeChar::Bool => Kind::Uint,
                TypeChar::Float => Kind::Float,
                TypeChar::ByteStr => Kind::Bytes,
                TypeChar::UnicodeStr => Kind::Unicode,
                _ => Kind::Other,
            };
            (kind, ty.endianness() == npyz::Endianness::Big)
        }
        _ => (Kind::Other, false),
    };
    // Nothing wider than 64 bits is a number here.
    let kind = if matches!(kind, Kind::Int | Kind::Uint | Kind::Float) && !(1..=8).contains(&size) {
        Kind::Other
    } else {
        kind
    };
    Some(Field { name: field.name.clone(), offset, kind, size, count, big })
}
