//! MRC and MRCS: one image or a stack of sections, as every cryo-EM program reads and writes it.
//!
//! Reads modes 0 (signed bytes, unsigned where IMOD says so), 1, 2, 6, 12 and 101, either byte order,
//! any extended header, and gzip or bzip2 around it (recognised by content). Sections are read
//! one at a time with plain reads, never mapped: a file that shrinks while it is open gives an
//! error instead of a signal, and a stack of many gigabytes costs one section of memory.
//!
//! Why not the crate `mrc` (0.8): its plain reader allocates what the header declares before it
//! looks at the length of the file, compressed files are unpacked up to 256 GiB before their
//! header is judged, files a few bytes longer than declared or without a machine stamp (stacks in
//! the wild have both) are refused by the strict reader, and truncated ones are taken by the
//! permissive one. The layout follows MRC2014 (Cheng et al., J. Struct. Biol. 192, 2015).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;

use super::mrc_header::{HEADER, header_from, too_short};
use super::{Dataset, PatchInfo, PatchReader};
use crate::error::{Error, Result};
use crate::image::Image;
use crate::remedy::Warning;

pub(crate) use super::mrc_header::sections_in;
pub use super::mrc_header::{Header, Mode, looks_like};
pub use super::mrc_writer::{Writer, WriterMode};

/// Decompressed pixels up to this many bytes stay in memory, more go to an unnamed temporary file.
const IN_MEMORY: u64 = 512 << 20;
/// Approximate number of pixels of a section that are read at once.
const PIECE: usize = 1 << 22;
/// Approximate number of pixels that one core decodes at a time.
const PIXELS_PER_TASK: usize = 1 << 18;

/// Reads and checks the header of `path`, without reading pixels.
///
/// # Errors
/// When the file cannot be read, is no MRC file, is complex, or (uncompressed) is shorter than it
/// declares; the sentence then says how many whole sections are there.
pub fn read_header(path: &Path) -> Result<Header> {
    let (mut stream, length) = open_stream(path)?;
    header_from(&mut stream, path, length)
}

/// Side from which a section is more likely a frame of a movie than a particle, px.
const LARGE: usize = 1024;

/// Opens a stack of square particle images.
///
/// # Errors
/// As [`read_header`], and when the sections are not square.
pub fn open_stack(path: &Path) -> Result<Dataset> {
    let file = MrcFile::open(path)?;
    let header = file.header().clone();
    if header.width != header.height {
        return Err(Error::format(
            path,
            format!("its sections are {} × {} px, patches must be square", header.width, header.height),
            "give a particle stack, or import the file as a micrograph together with its picks",
        ));
    }
    let mut warnings = Vec::new();
    if header.space_group > 0 && header.sections > 1 {
        warnings.push(format!(
            "{}: the header names space group {}, as a density map does; its {} sections are taken as separate patches",
            path.display(),
            header.space_group,
            header.sections
        ).into());
    }
    if header.width > LARGE && header.sections > 1 {
        let text = format!(
            "{}: its {1} sections have {2} × {2} px, as the frames of a movie are; each would become a patch",
            path.display(),
            header.sections,
            header.width
        );
        warnings
            .push(Warning::new(text, "give the motion-corrected average as a micrograph if it is a movie"));
    }
    Ok(Dataset {
        kind: "MRC stack".into(),
        pixel_size: header.pixel_size,
        reader: Box::new(StackReader { file }),
        micrograph_pixel_size: None,
        optics: Vec::new(),
        warnings,
    })
}

/// Reads a micrograph: the single section of `path`, with its pixel size in Å where the header
/// gives one.
///
/// # Errors
/// As [`read_header`], when the file holds several sections, or a pixel that is no finite number.
pub fn read_image(path: &Path) -> Result<(Image, Option<f64>)> {
    let mut file = MrcFile::open(path)?;
    let header = file.header().clone();
    check_single(path, &header)?;
    let mut data = vec![0.0; header.width * header.height];
    file.read_section(0, &mut data)?;
    Ok((Image { width: header.width, height: header.height, data }, header.pixel_size))
}

/// One row in `step` of a micrograph, from the middle of the first `step` on, where that is quicker to read than all of it:
/// `None` for a compressed file.
///
/// # Errors
/// As [`read_image`], for the rows that are read.
pub(crate) fn read_rows(path: &Path, step: usize) -> Result<Option<(Image, Header)>> {
    let (mut stream, length) = open_stream(path)?;
    let header = header_from(&mut stream, path, length)?;
    check_single(path, &header)?;
    let Stream::Plain(mut file) = stream else { return Ok(None) };
    let step = step.max(1);
    let height = header.height.div_ceil(step);
    let mut data = vec![0.0; header.width * height];
    let row_bytes = header.mode.row_bytes(header.width);
    let mut bytes = vec![0; row_bytes as usize * height];
    for (at, row) in bytes.chunks_exact_mut((row_bytes as usize).max(1)).enumerate() {
        let y = (at * step + step / 2).min(header.height - 1) as u64;
        file.seek(SeekFrom::Start(header.data_offset + y * row_bytes))
            .and_then(|_| file.read_exact(row))
            .map_err(|e| Error::io("read", path, e))?;
    }
    decode(&bytes, &header, &mut data);
    if let Some(at) = first_not_finite(&data) {
        let (column, y) = (at % header.width, at / header.width * step + step / 2);
        return Err(not_finite(path, 0, data[at], (column, y)));
    }
    Ok(Some((Image { width: header.width, height, data }, header)))
}

/// Refuses a file of several sections as a micrograph.
pub(crate) fn check_single(path: &Path, header: &Header) -> Result<()> {
    if header.sections == 1 {
        return Ok(());
    }
    Err(Error::format(
        path,
        format!("it holds {} sections, a micrograph has one", header.sections),
        "give the motion-corrected average of a movie, or import the file as a particle stack",
    ))
}

/// An open MRC file that gives its sections one by one.
pub struct MrcFile {
    path: PathBuf,
    header: Header,
    source: Source,
    /// Raw bytes of what was read last; kept to be reused.
    buffer: Vec<u8>,
}

/// Where the pixels are.
enum Source {
    /// In a file, from this byte on.
    File(File, u64),
    /// Decompressed in memory.
    Memory(Vec<u8>),
}

impl MrcFile {
    /// Opens `path` and checks its header; a compressed file is unpacked here.
    ///
    /// # Errors
    /// As [`read_header`]; a compressed file that ends early is an error here too.
    pub fn open(path: &Path) -> Result<Self> {
        let (mut stream, length) = open_stream(path)?;
        let header = header_from(&mut stream, path, length)?;
        let source = match stream {
            Stream::Plain(file) => Source::File(file, header.data_offset),
            packed => unpack(packed, &header, path)?,
        };
        Ok(Self { path: path.to_owned(), header, source, buffer: Vec::new() })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Fills `out` (width × height, row-major) with section `index`, counted from 0.
    ///
    /// # Errors
    /// When the file cannot be read, has no such section, `out` has another size, or a pixel is no
    /// finite number.
    pub fn read_section(&mut self, index: usize, out: &mut [f32]) -> Result<()> {
        let header = &self.header;
        if index >= header.sections {
            return Err(Error::format(
                &self.path,
                format!("section {} is asked for, it holds {}", index + 1, header.sections),
                "check the image numbers of the table that points to it",
            ));
        }
        if out.len() != header.width * header.height {
            return Err(Error::format(
                &self.path,
                format!(
                    "its sections are {} × {} px, {} px were expected",
                    header.width,
                    header.height,
                    out.len()
                ),
                "use stacks of one box size",
            ));
        }
        let bytes = header.section_bytes();
        let start = bytes * index as u64;
        match &mut self.source {
            Source::File(file, offset) => {
                file.seek(SeekFrom::Start(*offset + start)).map_err(|e| Error::io("read", &self.path, e))?;
                // Piece by piece: a large micrograph is never in memory twice.
                let rows = (PIECE / header.width.max(1)).max(1);
                let row_bytes = header.mode.row_bytes(header.width) as usize;
                for out in out.chunks_mut((rows * header.width).max(1)) {
                    self.buffer.resize(out.len() / header.width.max(1) * row_bytes, 0);
                    file.read_exact(&mut self.buffer).map_err(|e| Error::io("read", &self.path, e))?;
                    decode(&self.buffer, header, out);
                }
            }
            // In range: `unpack` saw to it that the memory holds all sections.
            Source::Memory(data) => decode(&data[start as usize..(start + bytes) as usize], header, out),
        }
        if let Some(at) = first_not_finite(out) {
            let place = (at % header.width, at / header.width);
            return Err(not_finite(&self.path, index, out[at], place));
        }
        Ok(())
    }
}

fn not_finite(path: &Path, section: usize, value: f32, (column, row): (usize, usize)) -> Error {
    Error::format(
        path,
        format!("section {} holds {value} at column {column}, row {row}", section + 1),
        "write the file again without such pixels, or leave it out",
    )
}

/// Sections of one file as patches.
struct StackReader {
    file: MrcFile,
}

impl PatchReader for StackReader {
    fn size(&self) -> usize {
        self.file.header.width
    }

    fn len(&self) -> usize {
        self.file.header.sections
    }

    fn info(&self, _index: usize) -> PatchInfo {
        PatchInfo::default()
    }

    fn read(&mut self, index: usize, out: &mut [f32]) -> Result<()> {
        self.file.read_section(index, out)
    }
}

/// A file with its compression taken off.
enum Stream {
    Plain(File),
    Gzip(Box<MultiGzDecoder<File>>),
    Bzip2(Box<MultiBzDecoder<File>>),
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buf),
            Self::Gzip(file) => file.read(buf),
            Self::Bzip2(file) => file.read(buf),
        }
    }
}

/// Opens `path`; gives the length of a plain file and `None` for a compressed one.
fn open_stream(path: &Path) -> Result<(Stream, Option<u64>)> {
    let fail = |e| Error::io("read", path, e);
    let mut file = File::open(path).map_err(fail)?;
    let meta = file.metadata().map_err(fail)?;
    let mut magic = [0; 4];
    let mut seen = 0;
    while seen < magic.len() {
        match file.read(&mut magic[seen..]).map_err(fail)? {
            0 => break,
            n => seen += n,
        }
    }
    file.rewind().map_err(fail)?;
    // An MRC file whose width begins with these bytes would be 35615 or 6838850 px wide; the
    // third byte settles it.
    Ok(match magic {
        [0x1f, 0x8b, 8, _] => (Stream::Gzip(Box::new(MultiGzDecoder::new(file))), None),
        [b'B', b'Z', b'h', b'1'..=b'9'] => (Stream::Bzip2(Box::new(MultiBzDecoder::new(file))), None),
        _ => (Stream::Plain(file), Some(meta.len())),
    })
}

/// A header may promise at most this many bytes per byte of a gzip file: deflate reaches 1032.
const MAX_RATIO_GZIP: u64 = 1500;
/// The same for bzip2, which goes this far on a file of one value.
const MAX_RATIO_BZIP2: u64 = 300_000;
/// Largest promise that needs no proof, bytes.
const SMALL: u64 = 1 << 20;

/// Refuses a compressed file whose header promises more than its length can hold, before it is unpacked.
fn check_ratio(stream: &Stream, header: &Header, path: &Path) -> Result<()> {
    let most = if matches!(stream, Stream::Bzip2(_)) { MAX_RATIO_BZIP2 } else { MAX_RATIO_GZIP };
    let length = std::fs::metadata(path).map_err(|e| Error::io("read", path, e))?.len();
    let declared = header.data_offset.saturating_add(header.data_bytes());
    if declared <= length.saturating_mul(most).max(SMALL) {
        return Ok(());
    }
    Err(Error::format(
        path,
        format!(
            "the header declares {} sections of {} × {} px, which {length} compressed bytes cannot hold",
            header.sections, header.width, header.height
        ),
        "copy or compress the file again",
    ))
}

/// Reads all pixels of a compressed file, at most as many as its header declares.
fn unpack(mut stream: Stream, header: &Header, path: &Path) -> Result<Source> {
    check_ratio(&stream, header, path)?;
    let fail = |e: std::io::Error| {
        Error::format(
            path,
            format!("its compressed data end or break early: {e}"),
            "copy or compress the file again",
        )
    };
    let skip = header.data_offset - HEADER as u64;
    let skipped = std::io::copy(&mut (&mut stream).take(skip), &mut std::io::sink()).map_err(fail)?;
    let declared = header.data_bytes();
    let mut pixels = stream.take(declared);
    // Both targets grow with the bytes that really come out, never with what the header says.
    let (source, count) = if declared <= IN_MEMORY {
        let mut data = Vec::new();
        pixels.read_to_end(&mut data).map_err(fail)?;
        let count = data.len() as u64;
        (Source::Memory(data), count)
    } else {
        let mut file = tempfile::tempfile().map_err(|e| Error::io("create", std::env::temp_dir(), e))?;
        let count = std::io::copy(&mut pixels, &mut file).map_err(fail)?;
        (Source::File(file, 0), count)
    };
    if skipped < skip || count < declared {
        return Err(too_short(path, header, count));
    }
    Ok(source)
}

/// The first value that is no finite number.
fn first_not_finite(values: &[f32]) -> Option<usize> {
    let first = |values: &[f32]| values.iter().position(|v| !v.is_finite());
    if values.len() <= PIXELS_PER_TASK {
        return first(values);
    }
    let of_shares = |(number, share)| first(share).map(|at| number * PIXELS_PER_TASK + at);
    values.par_chunks(PIXELS_PER_TASK).enumerate().find_map_first(of_shares)
}

/// Turns stored pixels into `f32`; `raw` holds exactly the rows of `out`. Many rows are shared out among the cores.
fn decode(raw: &[u8], header: &Header, out: &mut [f32]) {
    if out.len() <= PIXELS_PER_TASK {
        return decode_rows(raw, header, out);
    }
    let width = header.width.max(1);
    let rows = (PIXELS_PER_TASK / width).max(1);
    let bytes = (header.mode.row_bytes(width) as usize).max(1);
    raw.par_chunks(rows * bytes)
        .zip(out.par_chunks_mut(rows * width))
        .for_each(|(raw, out)| decode_rows(raw, header, out));
}

/// [`decode`] on one core.
fn decode_rows(raw: &[u8], header: &Header, out: &mut [f32]) {
    let (mode, big) = (header.mode, header.big_endian);
    fn each<const N: usize>(raw: &[u8], big: bool, out: &mut [f32], value: impl Fn([u8; N]) -> f32) {
        for (chunk, out) in raw.as_chunks::<N>().0.iter().zip(out) {
            let mut word = *chunk;
            if big {
                word.reverse();
            }
            *out = value(word);
        }
    }
    match mode {
        Mode::Int8 => each(raw, big, out, |b: [u8; 1]| f32::from(b[0] as i8)),
        Mode::Uint8 => each(raw, big, out, |b: [u8; 1]| f32::from(b[0])),
        Mode::Int16 => each(raw, big, out, |b| f32::from(i16::from_le_bytes(b))),
        Mode::Uint16 => each(raw, big, out, |b| f32::from(u16::from_le_bytes(b))),
        Mode::Float16 => {
            // Many at once: asked one by one, each conversion asks the processor again what it can do.
            let mut halves = [half::f16::ZERO; 1024];
            for (raw, out) in raw.chunks(2 * halves.len()).zip(out.chunks_mut(halves.len())) {
                let halves = &mut halves[..out.len()];
                for (half, bytes) in halves.iter_mut().zip(raw.as_chunks::<2>().0) {
                    let bits = if big { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) };
                    *half = half::f16::from_bits(bits);
                }
                halves.convert_to_f32_slice(out);
            }
        }
        Mode::Float32 => each(raw, big, out, f32::from_le_bytes),
        Mode::Uint4 => {
            let bytes = (mode.row_bytes(header.width) as usize).max(1);
            for (row, out) in raw.chunks_exact(bytes).zip(out.chunks_exact_mut(header.width.max(1))) {
                for (two, out) in row.iter().zip(out.chunks_mut(2)) {
                    for (half, out) in [two & 15, two >> 4].into_iter().zip(out) {
                        *out = f32::from(half);
                    }
                }
            }
        }
    }
}
