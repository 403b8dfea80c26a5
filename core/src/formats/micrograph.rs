//! Reads one micrograph from MRC (gzip and bzip2 too), TIFF, PNG or JPEG. The content tells the format.
//!
//! Movies are refused as such: files of several sections or pages, and EER, which is BigTIFF with its own
//! compressions.
//!
//! Pixel values are those of the file, not scaled to 0..1. Colour pictures become their
//! brightness. TIFF is read with the crate `tiff` itself, because `image` refuses the signed and
//! 32-bit grey pictures that microscopes write.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use image::{DynamicImage, ImageReader};
use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::mrc;
use crate::error::{Error, Result};
use crate::image::Image;

pub use super::names::{Match, Names, match_name};

/// Longest side, px.
const MAX_SIDE: u32 = 65_535;
/// Largest decoded picture, bytes: 16384² px of 32 bits, twice a K3 in super-resolution.
const MAX_BYTES: u64 = 1 << 30;
/// A header may promise at most this many bytes per byte of file: deflate reaches 1032, and a
/// header that promises more is damaged or made to exhaust memory.
const MAX_RATIO: u64 = 1500;

/// A micrograph in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Micrograph {
    /// Its pixels; row 0 is the first row stored (the top one of TIFF, PNG and JPEG).
    pub image: Image,
    /// Å per px where the file says so (MRC, and TIFF with a resolution).
    pub pixel_size: Option<f64>,
}

/// File formats a micrograph comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// MRC, plain or compressed.
    Mrc,
    /// TIFF or BigTIFF.
    Tiff,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
}

impl Format {
    /// The name its users know.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mrc => "MRC",
            Self::Tiff => "TIFF",
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
        }
    }

    /// Recognises a picture by its first bytes (1024 of them for MRC).
    pub fn of(start: &[u8]) -> Option<Self> {
        match start {
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Self::Tiff),
            [0x89, b'P', b'N', b'G', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x1f, 0x8b, 8, ..] | [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Self::Mrc),
            _ => mrc::looks_like(start).then_some(Self::Mrc),
        }
    }
}

/// Reads a micrograph.
///
/// # Errors
/// When it cannot be read, is no picture or several in one file, declares more pixels than its
/// length can hold, or has one that is no finite number.
pub fn open(path: &Path) -> Result<Micrograph> {
    let (image, pixel_size) = match recognise(path)? {
        Format::Mrc => mrc::read_image(path)?,
        Format::Tiff => {
            let mut decoder = tiff_decoder(path)?;
            let pixel_size = tiff_pixel_size(&mut decoder);
            (read_tiff(path, decoder)?, pixel_size)
        }
        Format::Png | Format::Jpeg => (read_picture(path)?, None),
    };
    Ok(Micrograph { image, pixel_size })
}

/// Some rows of a micrograph, read in a part of the time that all of it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct MicrographRows {
    /// The rows, one in `step`.
    pub rows: Image,
    /// From one row to the next, px.
    pub step: usize,
    /// Columns and rows of the whole micrograph, px.
    pub size: (usize, usize),
    /// Å per px where the file says so.
    pub pixel_size: Option<f64>,
}

/// Reads one row in `step` of a micrograph, for a first look; `None` where that takes as long as all of it (compressed files,
/// and formats other than MRC).
///
/// # Errors
/// As [`open`], for the rows that are read.
pub fn open_rows(path: &Path, step: usize) -> Result<Option<MicrographRows>> {
    if recognise(path)? != Format::Mrc {
        return Ok(None);
    }
    Ok(mrc::read_rows(path, step)?.map(|(rows, header)| MicrographRows {
        rows,
        step,
        size: (header.width, header.height),
        pixel_size: header.pixel_size,
    }))
}

/// What the header of a micrograph says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MicrographHeader {
    /// Columns, px.
    pub width: usize,
    /// Rows, px.
    pub height: usize,
    /// Å per px where the file says so (MRC, and TIFF with a resolution).
    pub pixel_size: Option<f64>,
}

/// Reads the header of a micrograph, and looks whether the file is one image and long enough for it.
///
/// # Errors
/// When it cannot be read, is no picture, is a movie, or (MRC) is shorter than its header declares.
pub fn header(path: &Path) -> Result<MicrographHeader> {
    let sized = |width: u32, height: u32, pixel_size| MicrographHeader {
        width: width as usize,
        height: height as usize,
        pixel_size,
    };
    match recognise(path)? {
        Format::Mrc => {
            let header = mrc::read_header(path)?;
            mrc::check_single(path, &header)?;
            let mrc::Header { width, height, pixel_size, .. } = header;
            Ok(MicrographHeader { width, height, pixel_size })
        }
        Format::Tiff => {
            let mut decoder = tiff_decoder(path)?;
            check_movie(path, &mut decoder)?;
            let (width, height) = decoder.dimensions().map_err(|e| tiff_error(path, &e))?;
            Ok(sized(width, height, tiff_pixel_size(&mut decoder)))
        }
        Format::Png | Format::Jpeg => {
            let (width, height) = reader(path)?.into_dimensions().map_err(|e| broken(path, &e))?;
            check_jpeg_end(path)?;
            Ok(sized(width, height, None))
        }
    }
}

/// Width and height of a micrograph, px, without reading its pixels.
///
/// # Errors
/// As [`header`].
pub fn dimensions(path: &Path) -> Result<(usize, usize)> {
    header(path).map(|header| (header.width, header.height))
}

/// Whether a TIFF file holds several pages or EER frames.
pub(crate) fn is_movie(path: &Path) -> bool {
    let eer = File::open(path).is_ok_and(|mut f| compression(&mut f).is_some_and(|c| EER.contains(&c)));
    eer || tiff_decoder(path).is_ok_and(|mut decoder| check_movie(path, &mut decoder).is_err())
}

/// The first bytes of a file, at most `count`.
pub(crate) fn first_bytes(path: &Path, count: u64) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|f| f.take(count).read_to_end(&mut start))
        .map_err(|e| Error::io("read", path, e))?;
    Ok(start)
}

fn recognise(path: &Path) -> Result<Format> {
    let start = first_bytes(path, 1024)?;
    match Format::of(&start) {
        Some(format) => Ok(format),
        // Let the MRC reader say what is wrong with what calls itself one.
        None if super::names::extension(path).starts_with("mrc") => Ok(Format::Mrc),
        None => Err(Error::format(
            path,
            if start.is_empty() { "it is empty" } else { "it is no MRC, TIFF, PNG or JPEG picture" },
            "give a micrograph in one of these formats",
        )),
    }
}

fn broken(path: &Path, problem: &dyn std::fmt::Display) -> Error {
    Error::format(
        path,
        format!("the picture cannot be decoded: {problem}"),
        "copy it again or convert it to MRC",
    )
}

/// Refuses a picture whose size cannot be true, or is beyond reason.
fn check_size(path: &Path, width: u32, height: u32, bytes_per_pixel: u64) -> Result<()> {
    let length = std::fs::metadata(path).map_err(|e| Error::io("read", path, e))?.len();
    let bytes = u64::from(width) * u64::from(height) * bytes_per_pixel;
    let problem = if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
        format!("its header declares {width} × {height} px")
    } else if bytes > MAX_BYTES {
        format!("its header declares {width} × {height} px, more than 1 GiB of pixels")
    } else if bytes > length.saturating_mul(MAX_RATIO) {
        format!("its header declares {width} × {height} px, which {length} bytes cannot hold")
    } else {
        return Ok(());
    };
    Err(Error::format(path, problem, "check that the file is whole and a single micrograph"))
}

fn reader(path: &Path) -> Result<ImageReader<BufReader<File>>> {
    let mut reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|e| Error::io("read", path, e))?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    Ok(reader)
}

/// PNG and JPEG.
fn read_picture(path: &Path) -> Result<Image> {
    let (width, height) = reader(path)?.into_dimensions().map_err(|e| broken(path, &e))?;
    check_size(path, width, height, 1)?;
    check_jpeg_end(path)?;
    let picture = reader(path)?.decode().map_err(|e| broken(path, &e))?;
    let wide = matches!(
        picture,
        DynamicImage::ImageLumaA16(_) | DynamicImage::ImageRgb16(_) | DynamicImage::ImageRgba16(_)
    );
    let data: Vec<f32> = match picture {
        DynamicImage::ImageLuma16(grey) => grey.into_raw().into_iter().map(f32::from).collect(),
        other if wide => other.into_luma16().into_raw().into_iter().map(f32::from).collect(),
        other => other.into_luma8().into_raw().into_iter().map(f32::from).collect(),
    };
    Ok(Image { width: width as usize, height: height as usize, data })
}

/// The JPEG decoder fills a truncated picture with grey, so its end mark is looked for.
fn check_jpeg_end(path: &Path) -> Result<()> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    let jpeg = Format::of(&bytes) == Some(Format::Jpeg);
    if jpeg && !bytes.windows(2).rev().any(|w| w == [0xff, 0xd9]) {
        return Err(Error::format(
            path,
            "the picture ends before its last row",
            "copy the file again, it is truncated",
        ));
    }
    Ok(())
}

fn tiff_error(path: &Path, error: &TiffError) -> Error {
    broken(path, error)
}

fn tiff_decoder(path: &Path) -> Result<Decoder<BufReader<File>>> {
    let mut file = File::open(path).map_err(|e| Error::io("read", path, e))?;
    if compression(&mut file).is_some_and(|value| EER.contains(&value)) {
        return Err(Error::format(path, "it is an EER movie, a micrograph is one image", AVERAGE));
    }
    file.rewind().map_err(|e| Error::io("read", path, e))?;
    let length = file.metadata().map_err(|e| Error::io("read", path, e))?.len();
    // The crate also measures its tables of offsets by this; until it is set, by its own 256 MiB.
    let most = length.saturating_mul(MAX_RATIO).clamp(1 << 20, MAX_BYTES) as usize;
    let mut limits = Limits::default();
    limits.decoding_buffer_size = most;
    limits.intermediate_buffer_size = most;
    Ok(Decoder::new(BufReader::new(file)).map_err(|e| tiff_error(path, &e))?.with_limits(limits))
}

/// Compressions of EER, the electron events of a Falcon camera.
const EER: std::ops::RangeInclusive<u64> = 65_000..=65_002;
const AVERAGE: &str = "give the motion-corrected average of the movie";

/// The compression that the first directory of a TIFF or BigTIFF file declares. The crate's decoder does
/// not get that far in EER, whose directories lack tags it needs.
fn compression(file: &mut File) -> Option<u64> {
    let mut start = [0; 16];
    file.rewind().ok()?;
    file.read_exact(&mut start).ok()?;
    let big = start[0] == b'M';
    let number = |bytes: &[u8]| -> u64 {
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
    };
    let large = number(start.get(2..4)?) == 43;
    let (offset, count_bytes, entry) = match large {
        true => (number(start.get(8..16)?), 8, 20),
        false => (number(start.get(4..8)?), 2, 12),
    };
    file.seek(SeekFrom::Start(offset)).ok()?;
    let mut count = [0; 8];
    file.read_exact(count.get_mut(..count_bytes)?).ok()?;
    // A directory has a few dozen tags, sorted by number.
    let mut tags = Vec::new();
    let most = number(count.get(..count_bytes)?).min(256) * entry;
    file.take(most).read_to_end(&mut tags).ok()?;
    tags.chunks_exact(entry as usize)
        .find(|tag| tag.get(..2).is_some_and(|id| number(id) == 259))
        .and_then(|tag| tag.get(if large { 12..14 } else { 8..10 }).map(number))
}

/// Refuses a file of several pages.
fn check_movie(path: &Path, decoder: &mut Decoder<BufReader<File>>) -> Result<()> {
    if decoder.more_images() {
        return Err(Error::format(path, "it holds several pages, a micrograph has one", AVERAGE));
    }
    Ok(())
}

/// Å per px by the resolution tags, where that is a scale of an electron microscope and not that of a
/// printer: between 0.05 and 100 Å.
fn tiff_pixel_size(decoder: &mut Decoder<BufReader<File>>) -> Option<f64> {
    // TIFF 6.0: 2 is the inch (the default), 3 the centimetre; a resolution is px per unit.
    let unit = match decoder.find_tag_unsigned::<u32>(Tag::ResolutionUnit).ok().flatten().unwrap_or(2) {
        2 => 2.54e8,
        3 => 1e8,
        _ => return None,
    };
    let mut along = |tag| match decoder.find_tag(tag).ok().flatten()? {
        Value::Rational(count, per) if per > 0 => Some(f64::from(count) / f64::from(per)),
        Value::Float(value) => Some(f64::from(value)),
        Value::Double(value) => Some(value),
        _ => None,
    };
    let (x, y) = (along(Tag::XResolution)?, along(Tag::YResolution)?);
    let size = unit / x;
    ((x - y).abs() <= 0.01 * x && (0.05..=100.0).contains(&size)).then_some(size)
}

/// TIFF: grey of 8 to 64 bits, integer or float, and RGB.
fn read_tiff(path: &Path, mut decoder: Decoder<BufReader<File>>) -> Result<Image> {
    check_movie(path, &mut decoder)?;
    let (width, height) = decoder.dimensions().map_err(|e| tiff_error(path, &e))?;
    let color = decoder.colortype().map_err(|e| tiff_error(path, &e))?;
    let (channels, bits) = match color {
        ColorType::Gray(bits) => (1, bits),
        ColorType::GrayA(bits) => (2, bits),
        ColorType::RGB(bits) => (3, bits),
        ColorType::RGBA(bits) => (4, bits),
        other => return Err(broken(path, &format!("its colours ({other:?}) are neither grey nor RGB"))),
    };
    if bits < 8 {
        return Err(broken(path, &format!("its pixels have {bits} bits, 8 to 64 are read")));
    }
    check_size(path, width, height, channels as u64 * u64::from(bits).div_ceil(8))?;
    let samples = samples(decoder.read_image().map_err(|e| tiff_error(path, &e))?);
    let pixels = width as usize * height as usize;
    if samples.len() != pixels * channels {
        return Err(broken(path, &"it holds another number of pixels than its header declares"));
    }
    let data: Vec<f32> = match channels {
        1 => samples,
        2 => samples.as_chunks::<2>().0.iter().map(|p| p[0]).collect(),
        // Brightness as ITU-R BT.709 weighs the colours; equal channels give their value.
        3 => samples.as_chunks::<3>().0.iter().map(|p| brightness(p[0], p[1], p[2])).collect(),
        _ => samples.as_chunks::<4>().0.iter().map(|p| brightness(p[0], p[1], p[2])).collect(),
    };
    let width = width as usize;
    if let Some(at) = data.iter().position(|v| !v.is_finite()) {
        return Err(Error::format(
            path,
            format!("it holds {} at column {}, row {}", data[at], at % width, at / width),
            "write the file again without such pixels, or leave it out",
        ));
    }
    Ok(Image { width, height: height as usize, data })
}

fn brightness(r: f32, g: f32, b: f32) -> f32 {
    if r == g && g == b { r } else { 0.2126 * r + 0.7152 * g + 0.0722 * b }
}

fn samples(result: DecodingResult) -> Vec<f32> {
    match result {
        DecodingResult::U8(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::U16(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::U32(v) => v.into_iter().map(|v| v as f32).collect(),
        DecodingResult::U64(v) => v.into_iter().map(|v| v as f32).collect(),
        DecodingResult::I8(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::I16(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::I32(v) => v.into_iter().map(|v| v as f32).collect(),
        DecodingResult::I64(v) => v.into_iter().map(|v| v as f32).collect(),
        DecodingResult::F16(v) => v.into_iter().map(half::f16::to_f32).collect(),
        DecodingResult::F32(v) => v,
        DecodingResult::F64(v) => v.into_iter().map(|v| v as f32).collect(),
    }
}
