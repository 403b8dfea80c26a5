//! The pixel file: a header of 64 bytes, then every patch in the order of its id.
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | `VITRPIX` and a zero byte |
//! | 8..12 | version, 1 |
//! | 12..16 | side of a patch, px (0: no patch yet and the side not chosen) |
//! | 16..20 | sample type: 1 = f32, 2 = f16 |
//! | 20..64 | zeros |
//!
//! All numbers are little endian. Patches are appended and flushed to the disk before the database
//! names them; bytes behind the last patch that the database names are a leftover of an import
//! that did not end or was taken back, never part of the project.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use half::f16;
use memmap2::Mmap;
use serde::{Deserialize, Serialize};

use crate::atomic::write_atomically;
use crate::error::{Error, Result};
use crate::project::PatchId;

const MAGIC: &[u8; 8] = b"VITRPIX\0";
const HEADER: usize = 64;
/// Largest side of a patch, px.
pub(super) const MAX_SIZE: usize = 4096;

/// How a pixel is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PixelType {
    /// Four bytes a pixel, exact.
    #[default]
    F32,
    /// Two bytes a pixel, about three decimal digits, at most ±65504.
    F16,
}

impl PixelType {
    /// Bytes of one pixel.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }

    const fn code(self) -> u32 {
        match self {
            Self::F32 => 1,
            Self::F16 => 2,
        }
    }

    /// Reads the word.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::F32, Self::F16].into_iter().find(|t| t.as_str() == name)
    }
}

fn header(size: usize, ty: PixelType) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&1_u32.to_le_bytes());
    bytes[12..16].copy_from_slice(&u32::try_from(size).unwrap_or(0).to_le_bytes());
    bytes[16..20].copy_from_slice(&ty.code().to_le_bytes());
    bytes
}

/// Bytes of a pixel file with `count` patches.
pub(super) fn file_len(count: usize, size: usize, ty: PixelType) -> u64 {
    HEADER as u64 + count as u64 * (size * size * ty.bytes()) as u64
}

/// Cuts off what lies behind byte `end`, if anything does.
pub(super) fn cut_off(path: &Path, end: u64) -> Result<()> {
    let file =
        OpenOptions::new().write(true).open(path).map_err(|e| Error::io("open for writing", path, e))?;
    shorten(&file, end).map_err(|e| Error::io("write", path, e))
}

/// Cuts off what lies behind byte `end`; never makes the file longer.
fn shorten(file: &File, end: u64) -> std::io::Result<()> {
    if file.metadata()?.len() > end { file.set_len(end) } else { Ok(()) }
}

/// Puts a pixel file without patches in the place of one. Who has mapped the old one keeps it, and its room on the
/// disk is free once nobody has.
pub(super) fn replace_by_empty(path: &Path, size: usize, ty: PixelType) -> Result<()> {
    write_atomically(path, &header(size, ty))
}

/// Writes a pixel file without patches.
pub(super) fn create(path: &Path, size: usize, ty: PixelType) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|e| Error::io("create", path, e))?;
    file.write_all(&header(size, ty)).and_then(|()| file.sync_all()).map_err(|e| Error::io("write", path, e))
}

/// All pixels of a project as they lie on the disk, mapped into memory and read only when asked
/// for. Cheap to share between threads; patches imported later need a new one from
/// [`Project::pixels`](crate::project::Project::pixels).
#[derive(Debug)]
pub struct PixelFile {
    map: Option<Mmap>,
    path: PathBuf,
    size: usize,
    ty: PixelType,
    count: usize,
}

impl PixelFile {
    /// Maps the first `count` patches of the file.
    pub(super) fn open(path: &Path, count: usize, size: usize, ty: PixelType) -> Result<Self> {
        let mut file = File::open(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::format(
                path,
                format!("the pixel file of the project is missing, {count} patches are lost without it"),
                "put it back from a backup, or import the sources into a new project",
            ),
            _ => Error::io("open", path, e),
        })?;
        let broken = |problem: String| {
            Error::format(
                path,
                problem,
                "put the file back from a backup, or import the sources into a new project",
            )
        };
        let len = file.metadata().map_err(|e| Error::io("read", path, e))?.len();
        let needed = file_len(count, size, ty);
        if len < needed {
            let patch = (size * size * ty.bytes()).max(1) as u64;
            let held = len.saturating_sub(HEADER as u64) / patch;
            return Err(broken(format!(
                "the pixel file ends at byte {len}, {held} patches, where the database names {count}"
            )));
        }
        let mut found = [0; HEADER];
        file.read_exact(&mut found).map_err(|e| Error::io("read", path, e))?;
        if &found[..8] != MAGIC {
            return Err(broken("its first bytes are not those of a pixel file".to_owned()));
        }
        if count > 0 && found != header(size, ty) {
            return Err(broken(format!(
                "its header does not say {size}×{size} px of {} as the database does",
                ty.as_str()
            )));
        }
        let map = if count > 0 {
            let length = usize::try_from(needed)
                .map_err(|_| broken("it is larger than this machine can address".to_owned()))?;
            // SAFETY: the file belongs to the project, and no part of it that was ever mapped is cut off
            // (`Appender::open`, `numbering::kept_bytes`). Patches that were taken back may be written
            // over by a later import: whoever still reads them sees pixels of others, and no fault.
            let map = unsafe { memmap2::MmapOptions::new().len(length).map(&file) };
            Some(map.map_err(|e| Error::io("map", path, e))?)
        } else {
            None
        };
        Ok(Self { map, path: path.to_owned(), size, ty, count })
    }

    /// How many patches there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Side of a patch, px.
    pub fn size(&self) -> usize {
        self.size
    }

    /// How a pixel is stored.
    pub fn pixel_type(&self) -> PixelType {
        self.ty
    }

    /// The stored bytes of patch `id`, little endian, row by row; `None` when there is no such
    /// patch.
    pub fn bytes(&self, id: PatchId) -> Option<&[u8]> {
        let length = self.size * self.size * self.ty.bytes();
        let index = id as usize;
        if index >= self.count {
            return None;
        }
        let start = HEADER + index * length;
        self.map.as_deref()?.get(start..start + length)
    }

    /// Gives the memory back that patches read so far take up in this process. Nothing is lost: what
    /// is read again comes from the system's cache, or from the disk.
    pub fn release(&self) {
        #[cfg(unix)]
        if let Some(map) = &self.map {
            // SAFETY: the map is shared, backed by the file and never written to, so dropping its
            // pages changes no byte that a reader sees.
            let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
        }
    }

    /// Fills `out` (`size × size`, row by row) with patch `id`, in the values of its source.
    ///
    /// # Errors
    /// When there is no such patch, or `out` has another length.
    pub fn get(&self, id: PatchId, out: &mut [f32]) -> Result<()> {
        let bytes = self.bytes(id).ok_or_else(|| {
            Error::request(
                format!("there is no patch {id} in {} ({} patches)", self.path.display(), self.count),
                "ask for an id below the number of patches",
            )
        })?;
        if out.len() != self.size * self.size {
            return Err(Error::request(
                format!(
                    "room for {} values was given for a patch of {}×{} px",
                    out.len(),
                    self.size,
                    self.size
                ),
                "give room for one whole patch",
            ));
        }
        match self.ty {
            PixelType::F32 => {
                for (value, chunk) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *value = f32::from_le_bytes(*chunk);
                }
            }
            PixelType::F16 => {
                for (value, chunk) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *value = f16::from_le_bytes(*chunk).to_f32();
                }
            }
        }
        Ok(())
    }
}

/// Appends patches behind the last one that the database names.
pub(super) struct Appender {
    file: BufWriter<File>,
    path: PathBuf,
    /// Where the file ends when what was appended is discarded.
    end: u64,
    size: usize,
    ty: PixelType,
    buffer: Vec<u8>,
}

impl Appender {
    /// Cuts off leftovers behind patch `count` and stands ready behind it. The first `kept` bytes of the file are not
    /// cut off, only written over: patches were there that somebody may have mapped.
    pub fn open(path: &Path, count: usize, size: usize, ty: PixelType, kept: u64) -> Result<Self> {
        let io = |action| move |e| Error::io(action, path, e);
        let mut file = OpenOptions::new().write(true).open(path).map_err(io("open for writing"))?;
        let start = file_len(count, size, ty);
        if count == 0 {
            // The side may only now have become known.
            file.write_all(&header(size, ty)).map_err(io("write"))?;
        }
        let end = start.max(kept);
        shorten(&file, end).map_err(io("write"))?;
        file.seek(SeekFrom::Start(start)).map_err(io("write"))?;
        Ok(Self {
            file: BufWriter::with_capacity(1 << 20, file),
            path: path.to_owned(),
            end,
            size,
            ty,
            buffer: Vec::new(),
        })
    }

    /// Appends one patch; `name` says in an error which one it is.
    pub fn push(&mut self, pixels: &[f32], name: impl Fn() -> String) -> Result<()> {
        if pixels.len() != self.size * self.size {
            return Err(Error::request(
                format!(
                    "{} has {} px, patches of this project have {}×{}",
                    name(),
                    pixels.len(),
                    self.size,
                    self.size
                ),
                "bring it to that size, or import it into a project of its own",
            ));
        }
        if let Some(at) = pixels.iter().position(|v| !v.is_finite()) {
            return Err(Error::request(
                format!(
                    "{} holds {} at row {}, column {}",
                    name(),
                    pixels[at],
                    at / self.size,
                    at % self.size
                ),
                "repair or leave out the patch",
            ));
        }
        self.buffer.clear();
        match self.ty {
            PixelType::F32 => self.buffer.extend(pixels.iter().flat_map(|v| v.to_le_bytes())),
            PixelType::F16 => {
                for &value in pixels {
                    let half = f16::from_f32(value);
                    if !half.is_finite() {
                        return Err(Error::request(
                            format!("{} holds {value}, more than 16-bit pixels can hold (65504)", name()),
                            "import into a project with 32-bit pixels",
                        ));
                    }
                    self.buffer.extend(half.to_le_bytes());
                }
            }
        }
        self.file.write_all(&self.buffer).map_err(|e| Error::io("write", &self.path, e))
    }

    /// Everything appended is on the disk when this returns.
    pub fn sync(&mut self) -> Result<()> {
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all())
            .map_err(|e| Error::io("write", &self.path, e))
    }

    /// Cuts off what was appended. What cannot be cut off now is cut off before the next import.
    pub fn discard(self) {
        // `into_parts` keeps the buffer from being written when dropped.
        let (file, _) = self.file.into_parts();
        let _ = shorten(&file, self.end);
    }
}
