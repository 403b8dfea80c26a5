//! Writing NumPy arrays and archives, one patch at a time.

use std::io::{Seek, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::{Error, Result};
use crate::formats::PatchInfo;
use crate::label::Label;

/// The patches of one label that go into an archive.
#[derive(Debug, Clone, Copy)]
pub struct NpzGroup<'a> {
    /// Their label: the arrays are named after it; `None` names them `patches`, `micrograph`, `xy`.
    pub label: Option<Label>,
    /// Micrograph and centre of each patch; its length is the number of patches.
    pub info: &'a [PatchInfo],
}

/// How an archive is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct NpzOptions {
    /// Å per px of the patches, written as `pixel_size` where known.
    pub pixel_size: Option<f64>,
    /// Whether arrays are deflated. Without it they can be read patch by patch.
    pub compress: bool,
}

/// Bytes beyond which a zip member needs 64-bit sizes; below 4 GiB by what deflate may add.
const LARGE: u64 = 4_000_000_000;

/// Writes an NPZ archive of f32 patches N×H×W, read by `numpy.load` without pickle and by
/// `npy::open`. `out` is named `path` in errors. `read(group, index, pixels)` fills `pixels`
/// with the `size × size` values of patch `index` of `groups[group]`; one patch is held at a time.
///
/// Beside each array of patches stand `<label>_micrograph` (text; empty where unknown) when any
/// micrograph is known, and `<label>_xy` (f64 N×2, px; NaN where unknown) when any centre is.
/// Groups without patches are left out.
///
/// # Errors
/// When two groups have the same label, when there is no patch at all, when `read` fails, or when
/// the disk refuses.
pub fn write_npz<W: Write + Seek>(
    out: W,
    path: &Path,
    size: usize,
    groups: &[NpzGroup<'_>],
    options: NpzOptions,
    mut read: impl FnMut(usize, usize, &mut [f32]) -> Result<()>,
) -> Result<W> {
    let refused = |source: std::io::Error| Error::io("write", path, source);
    for (at, group) in groups.iter().enumerate() {
        if groups.iter().take(at).any(|other| other.label == group.label) {
            return Err(Error::request(
                "two groups of patches have the same label",
                "write one group per label",
            ));
        }
    }
    if groups.iter().all(|group| group.info.is_empty()) {
        return Err(Error::request("there is no patch to write", "choose other labels or another threshold"));
    }
    let mut zip = ZipWriter::new(out);
    let start = |zip: &mut ZipWriter<W>, name: &str, len: u64| {
        let method = if options.compress { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        let settings = SimpleFileOptions::default().compression_method(method).large_file(len > LARGE);
        zip.start_file(format!("{name}.npy"), settings).map_err(|error| refused(error.into()))
    };
    let mut pixels = vec![0f32; side_squared(size)?];
    let mut bytes = Vec::new();
    for (number, group) in groups.iter().enumerate().filter(|(_, group)| !group.info.is_empty()) {
        let name = group.label.map_or("patches", Label::as_str);
        let count = group.info.len();
        start(&mut zip, name, (pixels.len() as u64).saturating_mul(4).saturating_mul(count as u64))?;
        zip.write_all(&header("<f4", &[count, size, size])).map_err(refused)?;
        for index in 0..count {
            read(number, index, &mut pixels)?;
            bytes.clear();
            bytes.extend(pixels.iter().flat_map(|value| value.to_le_bytes()));
            zip.write_all(&bytes).map_err(refused)?;
        }
        let beside = |what: &str| group.label.map_or(what.to_owned(), |label| format!("{label}_{what}"));
        let names = || group.info.iter().map(|info| info.micrograph.as_deref().unwrap_or_default());
        if group.info.iter().any(|info| info.micrograph.is_some()) {
            let letters = names().map(|name| name.chars().count()).max().unwrap_or(0).max(1);
            start(
                &mut zip,
                &beside("micrograph"),
                (letters as u64).saturating_mul(4).saturating_mul(count as u64),
            )?;
            zip.write_all(&header(&format!("<U{letters}"), &[count])).map_err(refused)?;
            for name in names() {
                bytes.clear();
                bytes.extend(name.chars().flat_map(|letter| u32::from(letter).to_le_bytes()));
                bytes.resize(letters * 4, 0);
                zip.write_all(&bytes).map_err(refused)?;
            }
        }
        if group.info.iter().any(|info| info.xy.is_some()) {
            start(&mut zip, &beside("xy"), 16u64.saturating_mul(count as u64))?;
            zip.write_all(&header("<f8", &[count, 2])).map_err(refused)?;
            for info in group.info {
                let (x, y) = info.xy.unwrap_or((f64::NAN, f64::NAN));
                zip.write_all(&x.to_le_bytes()).map_err(refused)?;
                zip.write_all(&y.to_le_bytes()).map_err(refused)?;
            }
        }
    }
    if let Some(pixel_size) = options.pixel_size {
        start(&mut zip, "pixel_size", 8)?;
        zip.write_all(&header("<f8", &[])).map_err(refused)?;
        zip.write_all(&pixel_size.to_le_bytes()).map_err(refused)?;
    }
    let mut out = zip.finish().map_err(|error| refused(error.into()))?;
    out.flush().map_err(refused)?;
    Ok(out)
}

/// Writes one `.npy` array of f32 patches N×H×W; `read` as in [`write_npz`], without a group.
///
/// # Errors
/// When `read` fails or the disk refuses.
pub fn write_npy<W: Write>(
    mut out: W,
    path: &Path,
    size: usize,
    count: usize,
    mut read: impl FnMut(usize, &mut [f32]) -> Result<()>,
) -> Result<W> {
    let refused = |source: std::io::Error| Error::io("write", path, source);
    out.write_all(&header("<f4", &[count, size, size])).map_err(refused)?;
    let mut pixels = vec![0f32; side_squared(size)?];
    let mut bytes = Vec::new();
    for index in 0..count {
        read(index, &mut pixels)?;
        bytes.clear();
        bytes.extend(pixels.iter().flat_map(|value| value.to_le_bytes()));
        out.write_all(&bytes).map_err(refused)?;
    }
    out.flush().map_err(refused)?;
    Ok(out)
}

fn side_squared(size: usize) -> Result<usize> {
    size.checked_mul(size).filter(|&area| area > 0).ok_or_else(|| {
        Error::request(format!("patches of {size} px a side cannot be written"), "choose a box size above 0")
    })
}

/// An `.npy` header, version 1.0, padded so that the data begins at a multiple of 64 bytes.
fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let sides = match shape {
        [] => "()".to_owned(),
        [one] => format!("({one},)"),
        more => crate::formats::arrays::show_shape(more),
    };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {sides}, }}");
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    // Type and shape take some hundred bytes at most.
    header.extend((text.len() as u16).to_le_bytes());
    header.extend(text.into_bytes());
    header
}
