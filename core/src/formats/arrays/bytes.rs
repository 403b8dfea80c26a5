//! Runs of bytes: in memory, in a file, or in a member of a zip file. Every size that a file
//! claims is compared with the file's length before room is made for it.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use zip::{CompressionMethod, ZipArchive};

use crate::error::{Error, Result};

/// Unpacked zip members larger than this go to a temporary file instead of memory.
const MAX_IN_MEMORY: u64 = 1 << 30;

/// A run of bytes that can be read at any place.
#[derive(Clone)]
pub(crate) enum Bytes {
    /// Already unpacked.
    Memory(Arc<Vec<u8>>),
    /// Part of a file, read when wanted.
    File { file: Arc<File>, start: u64, len: u64 },
}

impl Bytes {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Memory(data) => data.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    /// Replaces the content of `buffer` by `count` bytes from position `at`.
    pub(crate) fn read(&self, at: u64, count: usize, buffer: &mut Vec<u8>) -> std::io::Result<()> {
        let short = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let end = at.checked_add(count as u64).filter(|&end| end <= self.len()).ok_or_else(short)?;
        buffer.clear();
        match self {
            Self::Memory(data) => {
                let range = usize::try_from(at).ok().zip(usize::try_from(end).ok()).ok_or_else(short)?;
                buffer.extend_from_slice(data.get(range.0..range.1).ok_or_else(short)?);
            }
            Self::File { file, start, .. } => {
                // Each reader is the only user of its handle, so the shared position does no harm.
                let mut file = &**file;
                file.seek(SeekFrom::Start(start.checked_add(at).ok_or_else(short)?))?;
                buffer.resize(count, 0);
                file.read_exact(buffer)?;
            }
        }
        Ok(())
    }

    /// The whole run in memory; refuses what is larger than 4 GiB.
    pub(crate) fn load(self) -> std::io::Result<Arc<Vec<u8>>> {
        if let Self::Memory(data) = self {
            return Ok(data);
        }
        let count = usize::try_from(self.len()).ok().filter(|&count| count as u64 <= 1 << 32);
        let count = count.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::FileTooLarge))?;
        let mut buffer = Vec::new();
        self.read(0, count, &mut buffer)?;
        Ok(Arc::new(buffer))
    }
}

/// A zip file: its directory, and a second handle for members that are stored as they are.
pub(crate) struct Zip {
    archive: ZipArchive<BufReader<File>>,
    file: Arc<File>,
    file_len: u64,
    /// Packed bytes of all members unpacked so far.
    unpacked: u64,
}

impl Zip {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|source| Error::io("open", path, source))?;
        let data = File::open(path).map_err(|source| Error::io("open", path, source))?;
        let file_len = file.metadata().map_err(|source| Error::io("read", path, source))?.len();
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| {
            Error::format(
                path,
                format!("its zip directory cannot be read ({error})"),
                "copy or download the file again, it is probably cut off",
            )
        })?;
        Ok(Self { archive, file: Arc::new(data), file_len, unpacked: 0 })
    }

    /// Names of all members, as far as they are text.
    pub(crate) fn names(&self) -> Vec<String> {
        self.archive.file_names().filter_map(|name| name.ok().map(|name| name.into_owned())).collect()
    }

    /// The bytes of a member: in place where it is stored, unpacked where it is deflated.
    /// `None` when there is no such member; the error says what is wrong with it.
    pub(crate) fn member(&mut self, name: &str) -> Result<Option<Bytes>, String> {
        let Some(index) = self.archive.index_for_name(name) else { return Ok(None) };
        let file_len = self.file_len;
        let broken = |error: &dyn std::fmt::Display| format!("its member {name:?} cannot be read ({error})");
        let mut member = self.archive.by_index(index).map_err(|error| broken(&error))?;
        let (len, packed) = (member.size(), member.compressed_size());
        if packed > file_len {
            return Err(format!(
                "its member {name:?} claims {packed} bytes of a file of {file_len} bytes in all"
            ));
        }
        if member.compression() == CompressionMethod::Stored {
            let start = member.data_start().ok_or_else(|| broken(&"no place in the file"))?;
            if len != packed || start.checked_add(len).is_none_or(|end| end > file_len) {
                return Err(format!("its member {name:?} claims {len} bytes, more than the file holds"));
            }
            return Ok(Some(Bytes::File { file: Arc::clone(&self.file), start, len }));
        }
        // Deflate packs at most 1032 : 1, so a larger claim is a lie told before allocating.
        if len > packed.saturating_mul(1032).saturating_add(1024) {
            return Err(format!(
                "its member {name:?} claims {len} bytes unpacked, which {packed} packed bytes cannot hold"
            ));
        }
        // Members that share their packed bytes could multiply without end.
        self.unpacked = self.unpacked.saturating_add(packed);
        if self.unpacked > file_len {
            return Err(format!("its members overlap (at {name:?})"));
        }
        if len > MAX_IN_MEMORY {
            let mut file = tempfile::tempfile().map_err(|error| broken(&error))?;
            let written = std::io::copy(&mut member.by_ref().take(len.saturating_add(1)), &mut file)
                .map_err(|error| broken(&error))?;
            if written != len {
                return Err(format!(
                    "its member {name:?} unpacks to another size than the {len} bytes claimed"
                ));
            }
            return Ok(Some(Bytes::File { file: Arc::new(file), start: 0, len }));
        }
        let mut data = Vec::new();
        // Read one byte beyond, so that the end, and with it the checksum, is seen.
        member.by_ref().take(len.saturating_add(1)).read_to_end(&mut data).map_err(|error| broken(&error))?;
        if data.len() as u64 != len {
            return Err(format!("its member {name:?} unpacks to another size than the {len} bytes claimed"));
        }
        Ok(Some(Bytes::Memory(Arc::new(data))))
    }
}

/// The first bytes of a file in words, for the sentence "it starts with …".
pub(crate) fn describe_start(start: &[u8]) -> String {
    let known = [
        (&b"\x89PNG"[..], "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"\x89HDF", "an HDF5 file"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"PK\x03\x04", "a zip file"),
        (b"PK\x05\x06", "an empty zip file"),
        (b"\x1f\x8b", "a gzip file"),
        (b"BZh", "a bzip2 file"),
        (b"II*\0", "a TIFF picture"),
        (b"MM\0*", "a TIFF picture"),
        (b"SQLite", "a database"),
        (b"<", "a web page or XML"),
        (b"\x80\x02", "a Python pickle"),
    ];
    if start.is_empty() {
        return "it is empty".into();
    }
    if let Some((_, name)) = known.iter().find(|(magic, _)| start.starts_with(magic)) {
        return format!("it starts like {name}");
    }
    let head = start.get(..start.len().min(8)).unwrap_or(start);
    if head.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        return format!("it starts with the text {:?}", String::from_utf8_lossy(head));
    }
    let bytes: Vec<String> = head.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("it starts with the bytes {}", bytes.join(" "))
}

/// Reads the first bytes of a file, at most 16.
pub(crate) fn first_bytes(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|source| Error::io("open", path, source))?;
    let mut start = Vec::new();
    file.take(16).read_to_end(&mut start).map_err(|source| Error::io("read", path, source))?;
    Ok(start)
}
