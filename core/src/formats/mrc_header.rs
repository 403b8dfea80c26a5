//! The header of an MRC file: what it says, and what a program checks before it believes it.

use std::io::Read;
use std::path::Path;

use super::numbers::plain;
use crate::error::{Error, Result};

/// Bytes of the fixed header.
pub(super) const HEADER: usize = 1024;
/// Longest side that is taken for an image; larger numbers are a damaged header.
const MAX_SIDE: i32 = 65_535;
/// How one pixel is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Mode 0: signed byte.
    Int8,
    /// Mode 0 of an IMOD file that declares its bytes unsigned.
    Uint8,
    /// Mode 1: signed 16-bit integer.
    Int16,
    /// Mode 2: 32-bit float.
    Float32,
    /// Mode 6: unsigned 16-bit integer.
    Uint16,
    /// Mode 12: 16-bit float.
    Float16,
    /// Mode 101: two pixels of 4 bits in a byte, the lower half first; each row begins with a new byte.
    Uint4,
}

impl Mode {
    /// Bytes of a row of `width` pixels.
    pub(super) const fn row_bytes(self, width: usize) -> u64 {
        let width = width as u64;
        match self {
            Self::Uint4 => width.div_ceil(2),
            Self::Int8 | Self::Uint8 => width,
            Self::Int16 | Self::Uint16 | Self::Float16 => 2 * width,
            Self::Float32 => 4 * width,
        }
    }
}

/// What the fixed header says, checked against the length of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Columns of a section, px.
    pub width: usize,
    /// Rows of a section, px.
    pub height: usize,
    /// Sections: 1 for an image, N for a stack.
    pub sections: usize,
    /// How pixels are stored.
    pub mode: Mode,
    /// Whether numbers are big-endian.
    pub big_endian: bool,
    /// Å per px from the cell dimensions; `None` where they are zero or differ between x and y.
    pub pixel_size: Option<f64>,
    /// Space group: 0 for an image or stack of images, 1 and more for a volume.
    pub space_group: i32,
    /// First byte of the pixels: fixed plus extended header.
    pub data_offset: u64,
}

impl Header {
    /// Bytes of one section. Cannot overflow: both sides are at most 65535.
    pub(super) fn section_bytes(&self) -> u64 {
        self.mode.row_bytes(self.width) * self.height as u64
    }

    /// Bytes of all sections.
    pub(super) fn data_bytes(&self) -> u64 {
        self.section_bytes().saturating_mul(self.sections as u64)
    }
}

/// Whether `bytes`, the first ones of an uncompressed file, can be the header of an MRC file.
pub fn looks_like(bytes: &[u8]) -> bool {
    if bytes.len() < HEADER {
        return false;
    }
    // The word `MAP ` or, without it (files from before MRC2000), an entirely sane start.
    [false, true].into_iter().any(|big| {
        let word = |i: usize| int(bytes, i * 4, big);
        plausible(bytes, big)
            && (bytes[208..211] == *b"MAP" || (7..10).all(|i| (0..=MAX_SIDE).contains(&word(i))))
    })
}

/// How many sections the header declares that `bytes`, the first ones of an uncompressed file, begin
/// with; `None` where they are no such header.
pub(crate) fn sections_in(bytes: &[u8]) -> Option<usize> {
    if !looks_like(bytes) {
        return None;
    }
    let big = [false, true].into_iter().find(|&big| plausible(bytes, big))?;
    usize::try_from(int(bytes, 8, big)).ok()
}

/// The error of a file that ends before its last section.
pub(super) fn too_short(path: &Path, header: &Header, data: u64) -> Error {
    let whole = data / header.section_bytes().max(1);
    Error::format(
        path,
        format!(
            "the header declares {} sections of {} × {} px, the file ends after {whole} of them",
            header.sections, header.width, header.height
        ),
        "copy the file again, it is truncated",
    )
}

/// A 32-bit integer at byte `at`; the caller has checked the length.
fn int(bytes: &[u8], at: usize, big: bool) -> i32 {
    let word = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    if big { i32::from_be_bytes(word) } else { i32::from_le_bytes(word) }
}

/// Whether the header makes sense when read in this byte order.
fn plausible(bytes: &[u8], big: bool) -> bool {
    let word = |i: usize| int(bytes, i * 4, big);
    (1..=MAX_SIDE).contains(&word(0))
        && (1..=MAX_SIDE).contains(&word(1))
        && word(2) > 0
        && matches!(word(3), 0 | 1 | 2 | 3 | 4 | 6 | 7 | 12 | 16 | 101)
        && word(23) >= 0
}

/// Reads the fixed header; `length` is that of an uncompressed file.
pub(super) fn header_from(stream: &mut impl Read, path: &Path, length: Option<u64>) -> Result<Header> {
    let mut bytes = Vec::with_capacity(HEADER);
    stream.take(HEADER as u64).read_to_end(&mut bytes).map_err(|e| match length {
        Some(_) => Error::io("read", path, e),
        None => {
            Error::format(path, format!("its compressed data break: {e}"), "copy or compress the file again")
        }
    })?;
    if bytes.len() < HEADER {
        return Err(Error::format(
            path,
            format!("it has {} bytes, an MRC header alone has {HEADER}", bytes.len()),
            "copy the file again, it is empty or truncated",
        ));
    }
    // The machine stamp is often missing or wrong, so it only says which order is tried first.
    let stamped_big = bytes[212] == 0x11;
    let big = match [stamped_big, !stamped_big].into_iter().find(|&big| plausible(&bytes, big)) {
        Some(big) => big,
        None => {
            let word = |i: usize| int(&bytes, i * 4, stamped_big);
            return Err(Error::format(
                path,
                format!(
                    "its header is not that of an MRC file (columns {}, rows {}, sections {}, mode {}, extended header {} bytes)",
                    word(0),
                    word(1),
                    word(2),
                    word(3),
                    word(23)
                ),
                "check that it is an MRC file and copied whole",
            ));
        }
    };
    let header = parse(&bytes, big, path)?;
    if let Some(length) = length {
        let data = length.saturating_sub(header.data_offset);
        if data < header.data_bytes() {
            return Err(too_short(path, &header, data));
        }
    }
    Ok(header)
}

/// Takes apart a header already known to be plausible.
fn parse(bytes: &[u8], big: bool, path: &Path) -> Result<Header> {
    let word = |i: usize| int(bytes, i * 4, big);
    let real = |i: usize| f32::from_bits(word(i) as u32) as f64;
    // IMOD marks its files with this stamp and says in bit 0 of the flags that bytes are signed.
    let imod_unsigned = word(38) == 1_146_047_817 && word(39) & 1 == 0;
    let mode = match word(3) {
        0 if imod_unsigned => Mode::Uint8,
        0 => Mode::Int8,
        1 => Mode::Int16,
        2 => Mode::Float32,
        6 => Mode::Uint16,
        12 => Mode::Float16,
        101 => Mode::Uint4,
        3 | 4 => {
            return Err(Error::format(
                path,
                format!(
                    "its pixels are complex numbers (mode {}), a Fourier transform and no image",
                    word(3)
                ),
                "give the image in real space",
            ));
        }
        other => {
            return Err(Error::format(
                path,
                format!("its pixel mode {other} is not one of 0, 1, 2, 6, 12 and 101"),
                "write the file again as mode 2 (32-bit float)",
            ));
        }
    };
    let side = |i: usize| {
        let (length, samples) = (real(10 + i), word(7 + i));
        (length.is_finite() && length > 0.0 && samples > 0).then(|| length / f64::from(samples))
    };
    let pixel_size = match (side(0), side(1)) {
        (Some(x), Some(y)) if (x - y).abs() <= 0.01 * x => Some(plain(x)),
        _ => None,
    };
    Ok(Header {
        width: word(0) as usize,
        height: word(1) as usize,
        sections: word(2) as usize,
        mode,
        big_endian: big,
        pixel_size,
        space_group: word(22),
        data_offset: HEADER as u64 + word(23) as u64,
    })
}
