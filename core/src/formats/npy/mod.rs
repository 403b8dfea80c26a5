//! NumPy files: `.npz` archives of named arrays and single `.npy` arrays, read and written.
//!
//! An NPZ holds `positive`, `unlabeled`, `negative` (or `false_positive`), each N×H×W or N×1×H×W,
//! optionally with `<label>_micrograph` (text) and `<label>_xy` (N×2: centre, px of the unbinned
//! micrograph); or one array `patches` without labels, with `micrograph` and `xy`. A number
//! `pixel_size` is Å per px of the patches. Other arrays are named in a warning and left alone.
//!
//! Read are f16, f32, f64, all integers and bool, either byte order, C and Fortran order, stored
//! and deflated members. Stored members are read patch by patch from the file (their checksum is
//! then not verified; sizes are), deflated ones are unpacked when the file is opened. `npyz` is
//! not used: see `header`. Its zip layer is an old version of the `zip` crate used here.

mod header;
mod write;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

pub use self::write::{NpzGroup, NpzOptions, write_npy, write_npz};

use self::header::Header;
use super::Dataset;
use super::arrays::{Array, ArrayPatches, Bytes, Element, Group, Zip, describe_start, first_bytes};
use crate::error::{Error, Result};
use crate::label::Label;
use crate::remedy::Warning;

/// Arrays of patches by name, in the order in which they come out.
const NAMES: [(&str, Label); 5] = [
    ("positive", Label::Positive),
    ("unlabeled", Label::Unlabeled),
    ("unlabelled", Label::Unlabeled),
    ("negative", Label::Negative),
    ("false_positive", Label::Negative),
];

/// The array of patches without labels.
const PATCHES: &str = "patches";

/// Longest micrograph name that is read, letters.
const MAX_NAME: usize = 4096;

const MEND_DAMAGED: &str = "copy the file again, or write it anew with numpy.savez";
const MEND_SHAPE: &str = "save arrays N×H×W of numbers with numpy.savez(file, positive=…, unlabeled=…)";

/// Opens an `.npz` or `.npy` file, told apart by their first bytes. Patches of a `.npy` file and
/// of an array `patches` have no label.
///
/// # Errors
/// When the file cannot be read, is neither of the two, is damaged, or holds no patches in the
/// expected shape.
pub fn open(path: &Path) -> Result<Dataset> {
    let start = first_bytes(path)?;
    if start.starts_with(b"PK") {
        return open_npz(path);
    }
    if start.starts_with(b"\x93NUMPY") {
        return open_npy(path);
    }
    Err(Error::format(
        path,
        format!("this is no NumPy file, {}", describe_start(&start)),
        "name a file written by numpy.save or numpy.savez, or rename the file after its real format",
    ))
}

fn open_npy(path: &Path) -> Result<Dataset> {
    let file = File::open(path).map_err(|source| Error::io("open", path, source))?;
    let len = file.metadata().map_err(|source| Error::io("read", path, source))?.len();
    let bytes = Bytes::File { file: Arc::new(file), start: 0, len };
    let group = array(bytes)
        .map_err(|problem| format!("the array {problem}"))
        .and_then(|array| Group::of_array("patches", None, array))
        .map_err(|problem| Error::format(path, problem, "save an array N×H×W of numbers with numpy.save"))?;
    let reader = ArrayPatches::new(path, vec![group])?;
    Ok(dataset("NumPy array", reader, None, Vec::new()))
}

fn dataset(kind: &str, reader: ArrayPatches, pixel_size: Option<f64>, warnings: Vec<Warning>) -> Dataset {
    Dataset {
        kind: kind.into(),
        reader: Box::new(reader),
        pixel_size,
        micrograph_pixel_size: None,
        optics: Vec::new(),
        warnings,
    }
}

/// An array of numbers with its header. The error is a predicate.
fn array(bytes: Bytes) -> Result<Array, String> {
    let header = Header::read(&bytes)?;
    let element = Element::from_numpy(&header.code)?;
    Array::packed(bytes, element, header.big_endian, header.data, header.shape, header.fortran)
}

fn open_npz(path: &Path) -> Result<Dataset> {
    let mut zip = Zip::open(path)?;
    let mut names: Vec<String> =
        zip.names().iter().filter_map(|name| Some(name.strip_suffix(".npy")?.to_owned())).collect();
    names.dedup();
    let labeled: Vec<_> = NAMES.iter().filter(|(name, _)| names.iter().any(|n| n == name)).collect();
    let mut groups = Vec::new();
    let mut warnings = Vec::new();
    let mut used: Vec<String> = Vec::new();
    for (name, label) in &labeled {
        let sides = [format!("{name}_micrograph"), format!("{name}_xy")];
        groups.push(read_group(path, &mut zip, name, Some(*label), &sides, &mut used, &mut warnings)?);
    }
    if labeled.is_empty() && names.iter().any(|name| name == PATCHES) {
        let own = [format!("{PATCHES}_micrograph"), format!("{PATCHES}_xy")];
        let short = ["micrograph".to_owned(), "xy".to_owned()];
        let sides = if own.iter().any(|own| names.contains(own)) { own } else { short };
        groups.push(read_group(path, &mut zip, PATCHES, None, &sides, &mut used, &mut warnings)?);
    }
    if groups.is_empty() {
        let list = if names.is_empty() {
            "it holds no arrays".into()
        } else {
            format!("it holds {}", listing(&names))
        };
        return Err(Error::format(
            path,
            format!("this zip file has no array named positive, unlabeled, negative or patches ({list})"),
            MEND_SHAPE,
        ));
    }
    let mut pixel_size = None;
    if names.iter().any(|name| name == "pixel_size") {
        used.push("pixel_size".into());
        match member(path, &mut zip, "pixel_size")?.map(|bytes| array(bytes)?.values(1)).transpose() {
            Ok(Some(values)) => pixel_size = values.first().copied().filter(|v| v.is_finite() && *v > 0.0),
            Ok(None) => {}
            Err(problem) => warnings.push(format!("the array pixel_size {problem} and was left out").into()),
        }
    }
    let unread: Vec<String> = names.into_iter().filter(|name| !used.contains(name)).collect();
    if !unread.is_empty() {
        warnings.push(format!("not read from the file: {}", listing(&unread)).into());
    }
    Ok(dataset("NumPy archive", ArrayPatches::new(path, groups)?, pixel_size, warnings))
}

/// At most a dozen names in one line.
fn listing(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}

fn member(path: &Path, zip: &mut Zip, name: &str) -> Result<Option<Bytes>> {
    zip.member(&format!("{name}.npy")).map_err(|problem| Error::format(path, problem, MEND_DAMAGED))
}

/// Reads one array of patches and what stands beside it.
fn read_group(
    path: &Path,
    zip: &mut Zip,
    name: &str,
    label: Option<Label>,
    [micrographs, xy]: &[String; 2],
    used: &mut Vec<String>,
    warnings: &mut Vec<Warning>,
) -> Result<Group> {
    let wrong = |problem: String| Error::format(path, problem, MEND_SHAPE);
    let Some(bytes) = member(path, zip, name)? else {
        return Err(Error::format(path, format!("its member {name}.npy cannot be found"), MEND_DAMAGED));
    };
    let array = array(bytes).map_err(|problem| wrong(format!("{name} {problem}")))?;
    let mut group = Group::of_array(name, label, array).map_err(wrong)?;
    used.push(name.to_owned());
    if group.len() == 0 {
        warnings.push(format!("{name} is empty").into());
    }
    // Names and coordinates that do not fit are an error: without them splits by micrograph
    // would silently become splits by patch.
    if let Some(bytes) = member(path, zip, micrographs)? {
        used.push(micrographs.clone());
        let names =
            texts(&bytes, group.len()).map_err(|problem| wrong(format!("{micrographs} {problem}")))?;
        group.micrographs = Some(names);
    }
    if let Some(bytes) = member(path, zip, xy)? {
        used.push(xy.clone());
        let pairs = pairs(bytes, group.len()).map_err(|problem| wrong(format!("{xy} {problem}")))?;
        group.xy = Some(pairs);
    }
    Ok(group)
}

/// An array N×2 of numbers.
fn pairs(bytes: Bytes, count: usize) -> Result<Vec<(f64, f64)>, String> {
    let array = array(bytes)?;
    if array.shape != [count, 2] {
        return Err(format!(
            "has the shape {} where {count} patches need ({count}, 2)",
            super::arrays::show_shape(&array.shape)
        ));
    }
    let values = array.values(count.saturating_mul(2))?;
    Ok(values.as_chunks::<2>().0.iter().map(|&[x, y]| (x, y)).collect())
}

/// An array of N texts: `U` (four bytes a letter) or `S` (bytes).
fn texts(bytes: &Bytes, count: usize) -> Result<Vec<String>, String> {
    let header = Header::read(bytes)?;
    if header.shape != [count] {
        return Err(format!("is {} where {count} patches need ({count},)", header.describe()));
    }
    let mut kind = header.code.chars();
    let (letter_bytes, letters) = match (kind.next(), kind.as_str().parse::<usize>()) {
        (Some('U'), Ok(letters)) => (4, letters),
        (Some('S' | 'a'), Ok(letters)) => (1, letters),
        (Some('O'), _) => {
            return Err("holds Python objects; save the names as text, numpy.array(names, dtype=str)".into());
        }
        _ => return Err(format!("is of dtype {:?}, not text", header.code)),
    };
    if letters > MAX_NAME {
        return Err(format!("claims names of {letters} letters"));
    }
    let width = letters * letter_bytes;
    let size = (width as u64).checked_mul(count as u64);
    if size.is_none_or(|size| size > bytes.len().saturating_sub(header.data)) {
        return Err(format!("claims {} but is shorter than that", header.describe()));
    }
    if width == 0 {
        return Ok(vec![String::new(); count]);
    }
    let data = bytes.clone().load().map_err(|error| format!("cannot be read ({error})"))?;
    let from = usize::try_from(header.data).unwrap_or(usize::MAX);
    let entries = data.get(from..).unwrap_or_default().chunks_exact(width).take(count);
    Ok(entries.map(|entry| text(entry, letter_bytes, header.big_endian)).collect())
}

/// One text, padded with zeros.
fn text(entry: &[u8], letter_bytes: usize, big_endian: bool) -> String {
    if letter_bytes == 1 {
        let end = entry.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        return String::from_utf8_lossy(entry.get(..end).unwrap_or(entry)).into_owned();
    }
    let letters = entry.as_chunks::<4>().0.iter();
    let letters =
        letters.map(|&raw| if big_endian { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) });
    let text: String =
        letters.map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.trim_end_matches('\0').to_owned()
}
