//! Patches inside arrays of numbers, as NumPy and PyTorch store them: element type, byte order,
//! shape, strides and offset over a run of bytes in a file or in memory. Pixels are read one
//! patch at a time; memory is allocated only for sizes that the number of bytes confirms.

mod bytes;
mod element;

use std::path::{Path, PathBuf};

pub(crate) use self::bytes::{Bytes, Zip, describe_start, first_bytes};
pub(crate) use self::element::Element;

use super::memory::{check_finite, wrong_request};
use super::{PatchInfo, PatchReader};
use crate::error::{Error, Result};
use crate::label::Label;

/// Longest side of a patch that is accepted, px: beyond it a "patch" is a whole micrograph.
pub(crate) const MAX_SIDE: usize = 4096;

/// An array of numbers; strides and offset count elements. Constructed only when every element
/// lies inside the bytes.
#[derive(Clone)]
pub(crate) struct Array {
    pub(crate) bytes: Bytes,
    pub(crate) element: Element,
    pub(crate) big_endian: bool,
    pub(crate) shape: Vec<usize>,
    strides: Vec<usize>,
    /// Byte of the first element.
    start: u64,
}

/// `N × H × W`, as people write shapes.
pub(crate) fn show_shape(shape: &[usize]) -> String {
    let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("({})", sides.join(", "))
}

impl Array {
    /// A view of `bytes` from byte `start` on. The error is a predicate: "claims …".
    pub(crate) fn strided(
        bytes: Bytes,
        element: Element,
        big_endian: bool,
        start: u64,
        shape: Vec<usize>,
        strides: Vec<usize>,
    ) -> Result<Self, String> {
        let width = element.bytes() as u64;
        let room = bytes.len().saturating_sub(start) / width;
        let too_large = || {
            format!(
                "claims the shape {} but its bytes hold {room} values after the offset",
                show_shape(&shape)
            )
        };
        if shape.len() != strides.len() {
            return Err(format!("has {} dimensions but {} strides", shape.len(), strides.len()));
        }
        if shape.contains(&0) {
            return Ok(Self { bytes, element, big_endian, shape, strides, start });
        }
        let mut last = 0u64;
        for (&side, &stride) in shape.iter().zip(&strides) {
            if side > 1 && stride == 0 {
                return Err(format!(
                    "has the shape {} but repeats the same bytes (stride 0)",
                    show_shape(&shape)
                ));
            }
            let reach = (side as u64 - 1).checked_mul(stride as u64);
            last = reach.and_then(|reach| last.checked_add(reach)).ok_or_else(too_large)?;
        }
        if last >= room {
            return Err(too_large());
        }
        Ok(Self { bytes, element, big_endian, shape, strides, start })
    }

    /// An array without gaps, last index fastest, or first index fastest (`fortran`).
    pub(crate) fn packed(
        bytes: Bytes,
        element: Element,
        big_endian: bool,
        start: u64,
        shape: Vec<usize>,
        fortran: bool,
    ) -> Result<Self, String> {
        let mut strides = vec![0; shape.len()];
        let mut step = 1usize;
        for turn in 0..shape.len() {
            let axis = if fortran { turn } else { shape.len() - 1 - turn };
            if let (Some(stride), Some(&side)) = (strides.get_mut(axis), shape.get(axis)) {
                *stride = step;
                step = step.checked_mul(side.max(1)).ok_or_else(|| {
                    format!("claims the shape {}, more values than any file holds", show_shape(&shape))
                })?;
            }
        }
        Self::strided(bytes, element, big_endian, start, shape, strides)
    }

    /// All numbers of a small array in index order (last index fastest), at most `limit`.
    pub(crate) fn values(&self, limit: usize) -> Result<Vec<f64>, String> {
        let count = self.shape.iter().try_fold(1usize, |all, &side| all.checked_mul(side));
        let count = count.filter(|&count| count <= limit);
        let count = count.ok_or_else(|| format!("has the shape {}, too large", show_shape(&self.shape)))?;
        let data = self.bytes.clone().load().map_err(|error| format!("cannot be read ({error})"))?;
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0usize; self.shape.len()];
        for _ in 0..count {
            // Cannot overflow: `strided` has checked the position of the last element.
            let at: u64 = index.iter().zip(&self.strides).map(|(&i, &stride)| i as u64 * stride as u64).sum();
            let at = at * self.element.bytes() as u64 + self.start;
            let bytes = usize::try_from(at).ok().and_then(|at| data.get(at..)).unwrap_or_default();
            values.push(self.element.value(self.big_endian, bytes).ok_or("ends too early")?);
            for (i, &side) in index.iter_mut().zip(&self.shape).rev() {
                *i += 1;
                if *i < side {
                    break;
                }
                *i = 0;
            }
        }
        Ok(values)
    }

    /// Takes the array as patches: N×H×W, N×1×H×W or N×H×W×1, and H×W where `single` allows it.
    fn into_stack(self, single: bool) -> Result<Stack, String> {
        let wanted = if single { "H×W or 1×H×W" } else { "N×H×W or N×1×H×W" };
        let (shape, strides) = match (self.shape.as_slice(), self.strides.as_slice()) {
            (&[h, w], &[sh, sw]) if single => ([1, h, w], [0, sh, sw]),
            (&[n, h, w], &[sn, sh, sw])
            | (&[n, 1, h, w], &[sn, _, sh, sw])
            | (&[n, h, w, 1], &[sn, sh, sw, _]) => ([n, h, w], [sn, sh, sw]),
            _ => return Err(format!("has the shape {}, not {wanted}", show_shape(&self.shape))),
        };
        let [count, height, width] = shape;
        if count > 0 && height != width {
            return Err(format!("holds patches of {height} rows by {width} columns, which are not square"));
        }
        if count > 0 && (height == 0 || height > MAX_SIDE) {
            return Err(format!("holds patches of {height} px a side, not between 1 and {MAX_SIDE}"));
        }
        let elements = self.bytes.len() / self.element.bytes() as u64;
        if count > 0 && (height as u64).saturating_mul(width as u64) > elements {
            return Err(format!("claims patches of {height} px a side but holds {elements} values in all"));
        }
        let [patch_step, row_step, column_step] = strides;
        Ok(Stack {
            bytes: self.bytes,
            element: self.element,
            big_endian: self.big_endian,
            start: self.start,
            count,
            size: height,
            patch_step: patch_step as u64,
            row_step,
            column_step,
        })
    }
}

/// `count` square patches at regular distances. Steps count elements.
struct Stack {
    bytes: Bytes,
    element: Element,
    big_endian: bool,
    start: u64,
    count: usize,
    size: usize,
    patch_step: u64,
    row_step: usize,
    column_step: usize,
}

impl Stack {
    /// Elements from the first to the last pixel of one patch, both included.
    fn span(&self) -> usize {
        (self.size.saturating_sub(1)).saturating_mul(self.row_step.saturating_add(self.column_step)) + 1
    }

    /// Whether a patch lies scattered over much more of the file than its own size, as with the
    /// first index fastest: each one would be read as nearly the whole file.
    fn scattered(&self) -> bool {
        self.span() > self.size.saturating_mul(self.size).saturating_mul(4)
    }

    /// Reads patch `index`; `bytes` are the stack's own, or the same ones already in memory.
    fn read(
        &self,
        bytes: &Bytes,
        index: usize,
        buffer: &mut Vec<u8>,
        out: &mut [f32],
    ) -> std::io::Result<()> {
        let short = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let width = self.element.bytes();
        let at = (index as u64).checked_mul(self.patch_step).and_then(|at| at.checked_mul(width as u64));
        let at = at.and_then(|at| at.checked_add(self.start)).ok_or_else(short)?;
        let span = self.span().checked_mul(width).ok_or_else(short)?;
        let bytes: &[u8] = match bytes {
            Bytes::Memory(data) => {
                usize::try_from(at).ok().and_then(|at| data.get(at..)).ok_or_else(short)?
            }
            file => {
                file.read(at, span, buffer)?;
                buffer
            }
        };
        let step = self.column_step.saturating_mul(width);
        for (row, pixels) in out.chunks_exact_mut(self.size.max(1)).enumerate() {
            let from = row.saturating_mul(self.row_step).saturating_mul(width);
            let row = bytes.get(from..).ok_or_else(short)?;
            if !self.element.decode(self.big_endian, row, step, pixels) {
                return Err(short());
            }
        }
        Ok(())
    }
}

/// Patches of one label (or without) in the order of the file, and what is known of them.
pub(crate) struct Group {
    /// Name in the file: `positive`, `data['patches']['unlabeled']`.
    pub(crate) name: String,
    /// Label of all of them.
    pub(crate) label: Option<Label>,
    /// Micrograph of each, empty text where unknown; `None` where the file does not say.
    pub(crate) micrographs: Option<Vec<String>>,
    /// Centre of each, not finite where unknown; `None` where the file does not say.
    pub(crate) xy: Option<Vec<(f64, f64)>>,
    stacks: Vec<Stack>,
    /// Index of each stack's first patch within the group.
    starts: Vec<usize>,
    count: usize,
    /// Whether the file holds a list of arrays; its members are then named one by one.
    list: bool,
}

impl Group {
    /// A group around one array N×H×W or N×1×H×W. The error is a full clause with the name.
    pub(crate) fn of_array(name: &str, label: Option<Label>, array: Array) -> Result<Self, String> {
        let mut group = Self::empty(name, label, false);
        group.push(array, false).map_err(|problem| format!("{name} {problem}"))?;
        Ok(group)
    }

    /// A group for a list of arrays, to be filled by [`Self::push_item`].
    pub(crate) fn list(name: &str, label: Option<Label>) -> Self {
        Self::empty(name, label, true)
    }

    fn empty(name: &str, label: Option<Label>, list: bool) -> Self {
        let (stacks, starts) = (Vec::new(), Vec::new());
        Self { name: name.to_owned(), label, micrographs: None, xy: None, stacks, starts, count: 0, list }
    }

    /// Adds one member of a list: H×W, 1×H×W or several patches at once.
    pub(crate) fn push_item(&mut self, array: Array) -> Result<(), String> {
        let item = self.stacks.len();
        self.push(array, true).map_err(|problem| format!("{}[{item}] {problem}", self.name))
    }

    fn push(&mut self, array: Array, single: bool) -> Result<(), String> {
        let stack = array.into_stack(single)?;
        let count = self.count.checked_add(stack.count).ok_or("claims more patches than can be counted")?;
        self.starts.push(self.count);
        self.stacks.push(stack);
        self.count = count;
        Ok(())
    }

    /// How many patches the group holds.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    fn place(&self, stack: usize, index: usize) -> String {
        if self.list { format!("{}[{stack}]", self.name) } else { format!("{}[{index}]", self.name) }
    }
}

/// Patches of all groups of a file, group after group.
pub(crate) struct ArrayPatches {
    path: PathBuf,
    size: usize,
    groups: Vec<Group>,
    len: usize,
    buffer: Vec<u8>,
    /// The bytes of the scattered stack that was read last, by group and stack.
    loaded: Option<((usize, usize), Bytes)>,
}

impl ArrayPatches {
    /// Checks that all patches are of one size and that there is at least one.
    pub(crate) fn new(path: &Path, groups: Vec<Group>) -> Result<Self> {
        let mut first: Option<(usize, String)> = None;
        let mut len = 0usize;
        for group in &groups {
            for (at, (stack, &start)) in group.stacks.iter().zip(&group.starts).enumerate() {
                if stack.count == 0 {
                    continue;
                }
                let (size, place) = first.get_or_insert_with(|| (stack.size, group.place(at, start)));
                if *size != stack.size {
                    return Err(Error::format(
                        path,
                        format!(
                            "{} is {side}×{side} px but {place} is {size}×{size} px",
                            group.place(at, start),
                            side = stack.size
                        ),
                        "crop or scale the patches to one size before importing",
                    ));
                }
            }
            len = len.checked_add(group.count).ok_or_else(|| {
                Error::format(path, "it claims more patches than can be counted", "write the file again")
            })?;
        }
        let Some((size, _)) = first else {
            let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
            return Err(Error::format(
                path,
                format!("{} hold no patch at all", names.join(", ")),
                "check the program that wrote the file",
            ));
        };
        Ok(Self { path: path.to_owned(), size, groups, len, buffer: Vec::new(), loaded: None })
    }

    /// Number of the group that holds a patch, and the patch's index there.
    fn find(&self, index: usize) -> Option<(usize, usize)> {
        let mut rest = index;
        for (at, group) in self.groups.iter().enumerate() {
            if rest < group.count {
                return Some((at, rest));
            }
            rest -= group.count;
        }
        None
    }
}

impl PatchReader for ArrayPatches {
    fn size(&self) -> usize {
        self.size
    }

    fn len(&self) -> usize {
        self.len
    }

    fn info(&self, index: usize) -> PatchInfo {
        let found = self.find(index).and_then(|(at, index)| Some((self.groups.get(at)?, index)));
        let Some((group, index)) = found else { return PatchInfo::default() };
        let name = group.micrographs.as_ref().and_then(|names| names.get(index));
        let xy = group.xy.as_ref().and_then(|xy| xy.get(index));
        PatchInfo {
            label: group.label,
            micrograph: name.filter(|name| !name.is_empty()).cloned(),
            xy: xy.copied().filter(|(x, y)| x.is_finite() && y.is_finite()),
            ..PatchInfo::default()
        }
    }

    fn read(&mut self, index: usize, out: &mut [f32]) -> Result<()> {
        let found = self.find(index).filter(|_| Some(out.len()) == self.size.checked_mul(self.size));
        let stack = found.and_then(|(number, index)| {
            let group = self.groups.get(number)?;
            // Empty members share their start with the next one; the last of them holds the patch.
            let at = group.starts.partition_point(|&start| start <= index).checked_sub(1)?;
            Some((number, group, at, group.stacks.get(at)?, index, index - group.starts.get(at)?))
        });
        let Some((number, group, at, stack, in_group, in_stack)) = stack else {
            return Err(wrong_request(&self.path, index, self.len, self.size, out.len()));
        };
        let place = group.place(at, in_group);
        let refused = |source| Error::io("read", &self.path, source);
        let mut bytes = &stack.bytes;
        if stack.scattered() {
            if self.loaded.as_ref().is_none_or(|(whose, _)| *whose != (number, at)) {
                let data = stack.bytes.clone().load().map_err(refused)?;
                self.loaded = Some(((number, at), Bytes::Memory(data)));
            }
            bytes = self.loaded.as_ref().map_or(bytes, |(_, data)| data);
        }
        stack.read(bytes, in_stack, &mut self.buffer, out).map_err(refused)?;
        check_finite(&self.path, &place, self.size, out)
    }
}
