//! The layouts in which `torch.save` puts a pickle and the bytes of its tensors: the zip archive
//! (PyTorch 1.6 and later) and the old stream of pickles; also a plain pickle without tensors.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use super::nodes::{Id, Node, Pickle};
use super::pickle::Source;
use crate::error::{Error, Result};
use crate::formats::arrays::{Bytes, Element, Zip, describe_start, first_bytes};

/// The number that opens an old file, 0x1950a86a20f9469cfc6c, as a pickle stores it.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Largest pickle that is read, bytes: NumPy arrays lie inside the pickle.
const MAX_PICKLE: u64 = 4 << 30;

/// What to do with a file that is cut off or damaged.
const MEND_DAMAGED: &str = "copy the file again, or save it anew with torch.save";

/// A file's pickle and the way to its storages.
pub(super) struct Container {
    pub(super) pickle: Pickle,
    pub(super) big_endian: bool,
    /// Layout in the words of its users.
    pub(super) layout: &'static str,
    storages: Storages,
    /// Storages already unpacked, so that tensors which share one do not multiply it.
    opened: HashMap<String, Bytes>,
    /// NumPy data already decoded, by the node it lies in, for the same reason.
    pub(super) decoded: HashMap<Id, Arc<Vec<u8>>>,
}

enum Storages {
    Zip {
        zip: Box<Zip>,
        folder: String,
    },
    /// Place of each storage in the file.
    Legacy(HashMap<String, Bytes>),
    None,
}

impl Container {
    fn new(pickle: Pickle, big_endian: bool, layout: &'static str, storages: Storages) -> Self {
        let (opened, decoded) = (HashMap::new(), HashMap::new());
        Self { pickle, big_endian, layout, storages, opened, decoded }
    }

    /// Recognises the layout by the first bytes and reads the pickle.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let start = first_bytes(path)?;
        if start.starts_with(b"PK") {
            return open_zip(path);
        }
        if start.first() == Some(&0x80) {
            return open_stream(path);
        }
        let problem = format!("this is no PyTorch file, {}", describe_start(&start));
        let remedy = if start.is_empty() {
            MEND_DAMAGED
        } else {
            "name a file written by torch.save, or rename the file after its real format"
        };
        Err(Error::format(path, problem, remedy))
    }

    /// The bytes of the storage with this key.
    pub(super) fn storage(&mut self, key: &str) -> Result<Bytes, String> {
        let missing = || format!("needs the tensor data {key:?}, which the file does not hold");
        match &mut self.storages {
            Storages::Zip { zip, folder } => {
                if let Some(bytes) = self.opened.get(key) {
                    return Ok(bytes.clone());
                }
                let bytes = zip.member(&format!("{folder}data/{key}"))?.ok_or_else(missing)?;
                self.opened.insert(key.to_owned(), bytes.clone());
                Ok(bytes)
            }
            Storages::Legacy(places) => places.get(key).cloned().ok_or_else(missing),
            Storages::None => Err(missing()),
        }
    }
}

fn open_zip(path: &Path) -> Result<Container> {
    let mut zip = Zip::open(path)?;
    let names = zip.names();
    let pickles = names.iter().filter(|name| *name == "data.pkl" || name.ends_with("/data.pkl"));
    let Some(name) = pickles.min_by_key(|name| name.len()) else {
        let problem = if names.iter().any(|name| name.ends_with(".npy")) {
            "this is a NumPy archive (NPZ), not a PyTorch file"
        } else {
            "this zip file holds no data.pkl, so torch.save did not write it"
        };
        return Err(Error::format(
            path,
            problem,
            "name a file written by torch.save, or give it its real ending",
        ));
    };
    let folder = name.strip_suffix("data.pkl").unwrap_or_default().to_owned();
    let mut member = |name: &str| zip.member(name).map_err(|p| Error::format(path, p, MEND_DAMAGED));
    let big_endian = match member(&format!("{folder}byteorder"))? {
        Some(bytes) if bytes.len() <= 16 => {
            let text = bytes.load().map_err(|source| Error::io("read", path, source))?;
            text.as_slice() == b"big"
        }
        _ => false,
    };
    let Some(bytes) = member(name)? else {
        return Err(Error::format(path, "its data.pkl cannot be found", MEND_DAMAGED));
    };
    let data = bytes.len();
    check_pickle_size(path, data)?;
    let pickle = match bytes {
        Bytes::Memory(data) => Pickle::read(&mut Source::new(data.as_slice(), data.len() as u64)),
        Bytes::File { file, start, len } => {
            let mut file = &*file;
            file.seek(SeekFrom::Start(start)).map_err(|source| Error::io("read", path, source))?;
            Pickle::read(&mut Source::new(BufReader::new(file), len))
        }
    };
    let pickle = pickle.map_err(|problem| bad_pickle(path, &format!("{folder}data.pkl"), &problem))?;
    let storages = Storages::Zip { zip: Box::new(zip), folder };
    Ok(Container::new(pickle, big_endian, "zip", storages))
}

fn check_pickle_size(path: &Path, len: u64) -> Result<()> {
    if len <= MAX_PICKLE {
        return Ok(());
    }
    Err(Error::format(
        path,
        format!("its pickle has {len} bytes, more than the {MAX_PICKLE} that are read"),
        "save tensors instead of NumPy arrays, they are kept outside the pickle",
    ))
}

fn bad_pickle(path: &Path, which: &str, problem: &str) -> Error {
    Error::format(path, format!("its pickle ({which}) {problem}"), MEND_DAMAGED)
}

/// The old layout: magic number, protocol version, system information, the object, the list of
/// storage keys, then for each storage its number of elements (8 bytes) and its data, all
/// little-endian whatever the machine. A file that does not begin with the magic number is a plain pickle.
fn open_stream(path: &Path) -> Result<Container> {
    let file = File::open(path).map_err(|source| Error::io("open", path, source))?;
    let len = file.metadata().map_err(|source| Error::io("read", path, source))?.len();
    let mut source = Source::new(BufReader::new(&file), len.min(MAX_PICKLE));
    let mut next = |which: &str| {
        Pickle::read(&mut source)
            .map(|pickle| (pickle, source.position()))
            .map_err(|p| bad_pickle(path, which, &p))
    };
    let (first, _) = next("the first value")?;
    let magic = matches!(first.node(first.root()), Node::Long(range) if first.slice(range) == LEGACY_MAGIC);
    if !magic {
        let layout = "plain pickle";
        return Ok(Container::new(first, false, layout, Storages::None));
    }
    let (version, _) = next("the protocol version")?;
    if version.int(version.root()) != Some(1001) {
        let problem = "it is an old PyTorch file of an unknown protocol version";
        return Err(Error::format(path, problem, MEND_DAMAGED));
    }
    next("the system information")?;
    let (pickle, _) = next("the saved object")?;
    let (keys, end) = next("the list of tensor storages")?;
    let elements = storage_elements(&pickle);
    let data = Arc::new(File::open(path).map_err(|source| Error::io("open", path, source))?);
    let places = locate(&keys, &elements, &file, &data, end, len)
        .map_err(|problem| Error::format(path, problem, MEND_DAMAGED))?;
    Ok(Container::new(pickle, false, "old serialisation", Storages::Legacy(places)))
}

/// Bytes per element of each storage that the object refers to; `None` for types that are not read.
fn storage_elements(pickle: &Pickle) -> HashMap<String, Option<usize>> {
    let mut elements = HashMap::new();
    for node in pickle.nodes() {
        let Node::Persistent(reference) = node else { continue };
        if let Some(storage) = StorageRef::read(pickle, *reference) {
            elements.insert(storage.key.to_owned(), storage_width(&storage.kind));
        }
    }
    elements
}

/// Walks over the storages behind the pickles, comparing each claim with the file's length.
fn locate(
    keys: &Pickle,
    elements: &HashMap<String, Option<usize>>,
    mut file: &File,
    data: &Arc<File>,
    mut position: u64,
    file_len: u64,
) -> Result<HashMap<String, Bytes>, String> {
    let listed = keys.sequence(keys.root()).ok_or("its list of tensor storages is no list")?;
    let mut places = HashMap::new();
    for &key in listed {
        let key = keys.text(key).ok_or("its list of tensor storages holds something that is no key")?;
        let mut count = [0; 8];
        let read = file.seek(SeekFrom::Start(position)).and_then(|_| file.read_exact(&mut count));
        read.map_err(|_| format!("it breaks off before the tensor data {key:?}, at byte {position}"))?;
        let count = u64::from_le_bytes(count);
        let width = elements.get(key).copied().flatten();
        let width =
            width.ok_or_else(|| format!("it holds tensor data {key:?} of a type that is not read"))?;
        let start = position.saturating_add(8);
        let end = count.checked_mul(width as u64).and_then(|len| start.checked_add(len));
        let Some(end) = end.filter(|&end| end <= file_len) else {
            return Err(format!(
                "its tensor data {key:?} claims {count} elements at byte {position}, but the file ends at byte {file_len}"
            ));
        };
        let bytes = Bytes::File { file: Arc::clone(data), start, len: end - start };
        places.insert(key.to_owned(), bytes);
        position = end;
    }
    Ok(places)
}

/// What a tensor says of its storage: `('storage', type, key, device, elements[, view])`.
pub(super) struct StorageRef<'a> {
    /// `torch.FloatStorage`.
    pub(super) kind: String,
    pub(super) key: &'a str,
    /// Elements before the first one, where the storage is a view of another (very old files).
    pub(super) view_offset: u64,
}

impl<'a> StorageRef<'a> {
    pub(super) fn read(pickle: &'a Pickle, reference: Id) -> Option<Self> {
        let parts = pickle.sequence(reference)?;
        if pickle.text(*parts.first()?) != Some("storage") {
            return None;
        }
        let kind = pickle.global(*parts.get(1)?)?;
        let key = pickle.text(*parts.get(2)?)?;
        let view = parts.get(5).and_then(|&view| pickle.sequence(view));
        let view_offset = match view {
            Some(view) => u64::try_from(pickle.int(*view.get(1)?)?).ok()?,
            None => 0,
        };
        Some(Self { kind, key, view_offset })
    }
}

/// The numbers in a storage type; `None` where its tensors say so (untyped) and where it is not read.
pub(super) fn storage_element(kind: &str) -> Option<Element> {
    Some(match kind.rsplit('.').next()? {
        "HalfStorage" => Element::F16,
        "BFloat16Storage" => Element::Bf16,
        "FloatStorage" => Element::F32,
        "DoubleStorage" => Element::F64,
        "ByteStorage" => Element::U8,
        "CharStorage" => Element::I8,
        "ShortStorage" => Element::I16,
        "IntStorage" => Element::I32,
        "LongStorage" => Element::I64,
        "BoolStorage" => Element::Bool,
        _ => return None,
    })
}

fn storage_width(kind: &str) -> Option<usize> {
    match kind.rsplit('.').next()? {
        "UntypedStorage" => Some(1),
        "ComplexFloatStorage" => Some(8),
        "ComplexDoubleStorage" => Some(16),
        _ => storage_element(kind).map(Element::bytes),
    }
}
