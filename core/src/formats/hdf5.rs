//! HDF5 stacks of particle images: EMAN2's layout, in which every image is a dataset of its own
//! (`/MDF/images/12/image`) with its header as attributes of the group, and a single dataset N×H×W at
//! the top of the file.
//!
//! Read by the crate `hdf5-reader`, which is pure Rust, reads through plain file reads and bounds what
//! it allocates. The C library would have to be installed.

use std::path::{Path, PathBuf};

use hdf5_reader::group::Group;
use hdf5_reader::{Dataset as Hdf5Dataset, Datatype, Hdf5File, OpenOptions, SliceInfo, SliceInfoElem};

use super::memory::check_finite;
use super::{Dataset, PatchInfo, PatchReader};
use crate::error::{Error, Result};

/// Group with the images of an EMAN2 stack, one group inside another.
const IMAGES: [&str; 2] = ["MDF", "images"];
/// Longest side of an image, px.
const MAX_SIDE: u64 = 16_384;
/// Most bytes one read may decode.
const MAX_READ: usize = 1 << 30;
/// Most bytes one chunk of a compressed dataset may decode to.
const MAX_CHUNK: usize = 64 << 20;

/// Opens a stack.
///
/// # Errors
/// When it cannot be read, holds no stack of square images of one size, or is damaged.
pub(crate) fn open(path: &Path) -> Result<Dataset> {
    let broken = |problem: String| broken(path, &problem);
    let options = OpenOptions::default()
        .with_chunk_cache_bytes(8 << 20)
        .with_max_chunk_bytes(MAX_CHUNK)
        .with_max_read_bytes(MAX_READ);
    let file = Hdf5File::open_with_options(path, options).map_err(|e| broken(e.to_string()))?;
    let root = file.root_group().map_err(|e| broken(e.to_string()))?;
    let eman = root.group(IMAGES[0]).and_then(|group| group.group(IMAGES[1]));
    match eman {
        Ok(images) => eman_stack(path, images),
        Err(_) => plain_stack(path, &root),
    }
}

fn broken(path: &Path, problem: &str) -> Error {
    Error::format(
        path,
        format!("the HDF5 file cannot be read: {problem}"),
        "copy it again, or export it as MRCS or NPZ",
    )
}

/// A stack of EMAN2.
fn eman_stack(path: &Path, images: Group) -> Result<Dataset> {
    let (names, _) = images.member_names().map_err(|e| broken(path, &e.to_string()))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    let Some(&first) = numbers.first() else {
        return Err(Error::format(path, "its group MDF/images holds no image", "export the stack again"));
    };
    let size = side(path, &eman_image(path, &images, first)?, first)?;
    let mut info = Vec::with_capacity(numbers.len());
    let mut sizes = Vec::with_capacity(numbers.len());
    for &number in &numbers {
        let group = images.group(&number.to_string()).map_err(|e| broken(path, &e.to_string()))?;
        let other = side(path, &eman_image(path, &images, number)?, number)?;
        if other != size {
            return Err(Error::format(
                path,
                format!("image {number} has {other} px where image {first} has {size}"),
                "export images of one size",
            ));
        }
        sizes.push(
            group
                .attribute("EMAN.apix_x")
                .and_then(|a| a.read_as_f64())
                .ok()
                .filter(|s| *s > 0.0 && s.is_finite()),
        );
        info.push(header(&group));
    }
    let agreed = sizes.first().copied().flatten().filter(|s| sizes.iter().all(|other| *other == Some(*s)));
    Ok(Dataset {
        kind: "EMAN2 HDF5 stack".into(),
        reader: Box::new(Stack { path: path.to_owned(), source: Source::Eman(images, numbers), size, info }),
        // EMAN2 keeps 32-bit numbers; 1.77 is not to become 1.7699999809265137.
        pixel_size: agreed.and_then(|size| (size as f32).to_string().parse().ok()),
        micrograph_pixel_size: None,
        optics: Vec::new(),
        warnings: Vec::new(),
    })
}

/// Where an image was boxed, as its header says.
fn header(group: &Group) -> PatchInfo {
    let place = group.attribute("EMAN.ptcl_source_coord").ok();
    let numbers = place.and_then(|a| {
        a.read_1d::<i32>()
            .map(|v| v.into_iter().map(f64::from).collect::<Vec<_>>())
            .or_else(|_| a.read_1d::<f64>())
            .ok()
    });
    let xy = match numbers.as_deref() {
        Some([x, y, ..]) => Some((*x, *y)),
        _ => None,
    };
    let micrograph = group.attribute("EMAN.ptcl_source_image").and_then(|a| a.read_string()).ok();
    PatchInfo {
        micrograph: micrograph
            .map(|name| name.trim_matches(['\0', ' ']).to_owned())
            .filter(|name| !name.is_empty()),
        xy: xy.filter(|(x, y)| x.is_finite() && y.is_finite()),
        ..PatchInfo::default()
    }
}

fn eman_image(path: &Path, images: &Group, number: u64) -> Result<Hdf5Dataset> {
    images
        .group(&number.to_string())
        .and_then(|group| group.dataset("image"))
        .map_err(|e| broken(path, &format!("image {number}: {e}")))
}

/// Side of a square image.
fn side(path: &Path, image: &Hdf5Dataset, number: u64) -> Result<usize> {
    match image.shape() {
        [height, width] | [1, height, width] if height == width && (1..=MAX_SIDE).contains(width) => {
            Ok(*width as usize)
        }
        other => Err(Error::format(
            path,
            format!("image {number} has the shape {other:?}, patches are square"),
            "give a stack of particle images",
        )),
    }
}

/// The one dataset N×H×W at the top of a file.
fn plain_stack(path: &Path, root: &Group) -> Result<Dataset> {
    let datasets = root.datasets().map_err(|e| broken(path, &e.to_string()))?;
    let square =
        |d: &&Hdf5Dataset| matches!(d.shape(), [n, h, w] if *n > 0 && h == w && (1..=MAX_SIDE).contains(w));
    let mut stacks = datasets.iter().filter(square);
    let (Some(stack), None) = (stacks.next(), stacks.next()) else {
        let names: Vec<String> =
            datasets.iter().map(|d| format!("{} {:?}", d.name(), d.shape())).take(6).collect();
        let there = if names.is_empty() { "no dataset".to_owned() } else { names.join(", ") };
        return Err(Error::format(
            path,
            format!("it holds neither EMAN2's MDF/images nor one dataset N×H×W; at the top it has {there}"),
            "export it as MRCS or NPZ",
        ));
    };
    let (count, size) = match stack.shape() {
        [count, _, side] => (*count, *side as usize),
        _ => (0, 0),
    };
    // Every image is in the file, if only as a chunk; so a short file cannot promise a long stack.
    let length = std::fs::metadata(path).map_err(|e| Error::io("read", path, e))?.len();
    if count.saturating_mul(stack.raw_element_size().unwrap_or(1) as u64).saturating_mul((size * size) as u64)
        > length.saturating_mul(1500)
    {
        return Err(Error::format(
            path,
            format!("its dataset declares {count} images of {size} px, which {length} bytes cannot hold"),
            "copy the file again",
        ));
    }
    let info = vec![PatchInfo::default(); count as usize];
    Ok(Dataset {
        kind: "HDF5 stack".into(),
        reader: Box::new(Stack {
            path: path.to_owned(),
            source: Source::Plain(Box::new(stack.clone())),
            size,
            info,
        }),
        pixel_size: None,
        micrograph_pixel_size: None,
        optics: Vec::new(),
        warnings: Vec::new(),
    })
}

enum Source {
    /// The group of the images and the number of each.
    Eman(Group, Vec<u64>),
    /// One array of all images.
    Plain(Box<Hdf5Dataset>),
}

/// Images of a stack, read one by one.
struct Stack {
    path: PathBuf,
    source: Source,
    size: usize,
    info: Vec<PatchInfo>,
}

impl PatchReader for Stack {
    fn size(&self) -> usize {
        self.size
    }

    fn len(&self) -> usize {
        self.info.len()
    }

    fn info(&self, index: usize) -> PatchInfo {
        self.info.get(index).cloned().unwrap_or_default()
    }

    fn read(&mut self, index: usize, out: &mut [f32]) -> Result<()> {
        let values = match &self.source {
            Source::Eman(images, numbers) => {
                let number = numbers.get(index).copied().unwrap_or(u64::MAX);
                values(&eman_image(&self.path, images, number)?, None)
            }
            Source::Plain(stack) => {
                let whole = || SliceInfoElem::Slice { start: 0, end: self.size as u64, step: 1 };
                let selections = vec![SliceInfoElem::Index(index as u64), whole(), whole()];
                values(stack, Some(&SliceInfo { selections }))
            }
        }
        .map_err(|e| broken(&self.path, &format!("image {}: {e}", index + 1)))?;
        if values.len() != out.len() {
            return Err(broken(
                &self.path,
                &format!("image {} has {} values where {} belong", index + 1, values.len(), out.len()),
            ));
        }
        check_finite(&self.path, &format!("image {}", index + 1), self.size, &values)?;
        out.copy_from_slice(&values);
        Ok(())
    }
}

/// Reads a dataset, or a part of it, as `f32`.
fn values(data: &Hdf5Dataset, part: Option<&SliceInfo>) -> Result<Vec<f32>, String> {
    macro_rules! read {
        ($type:ty) => {{
            let array = match part {
                Some(part) => data.read_slice::<$type>(part),
                None => data.read_array::<$type>(),
            };
            let array = array.map_err(|e| e.to_string())?;
            // In the order of rows, whatever the order in memory.
            Ok(array.iter().map(|value| *value as f32).collect())
        }};
    }
    match data.dtype() {
        Datatype::FloatingPoint { size: 4, .. } => read!(f32),
        Datatype::FloatingPoint { size: 8, .. } => read!(f64),
        Datatype::FixedPoint { size: 1, signed: true, .. } => read!(i8),
        Datatype::FixedPoint { size: 1, signed: false, .. } => read!(u8),
        Datatype::FixedPoint { size: 2, signed: true, .. } => read!(i16),
        Datatype::FixedPoint { size: 2, signed: false, .. } => read!(u16),
        Datatype::FixedPoint { size: 4, signed: true, .. } => read!(i32),
        Datatype::FixedPoint { size: 4, signed: false, .. } => read!(u32),
        other => Err(format!("its values are {other:?}, numbers of 8 to 64 bits are read")),
    }
}
