//! The handful of "calls" in a pickle that stand for data: tensors, NumPy arrays and numbers.
//! They are recognised by name and arguments; nothing is called. Every other name is an error
//! when the patches need it.

use std::sync::Arc;

use super::container::{Container, StorageRef, storage_element};
use super::nodes::{Id, Node, Pickle};
use crate::formats::arrays::{Array, Bytes, Element};

/// An array as it lies in the file, or a list of values (NumPy's object arrays, Python lists).
pub(super) enum Value {
    Array(Array),
    List(Vec<Id>),
}

/// Reads a tensor, a NumPy array, a list or a tuple. The error is a predicate: "is a dict, …".
pub(super) fn value(container: &mut Container, id: Id) -> Result<Value, String> {
    let pickle = &container.pickle;
    if let Some(items) = pickle.sequence(id) {
        return Ok(Value::List(items.to_vec()));
    }
    let Some((name, args, object)) = pickle.object(id) else {
        return Err(format!("is {}, not a tensor, a NumPy array or a list of them", pickle.describe(id)));
    };
    match name.as_str() {
        "torch._utils._rebuild_tensor_v2"
        | "torch._utils._rebuild_tensor_v3"
        | "torch._utils._rebuild_tensor" => {
            let args = args.to_vec();
            tensor(container, &name, &args).map(Value::Array)
        }
        // (data, requires_grad, hooks): one level, so that no chain of these costs stack.
        "torch._utils._rebuild_parameter" => {
            let inner = args.first().and_then(|&data| pickle.object(data));
            match inner {
                Some((name, args, _)) if name.starts_with("torch._utils._rebuild_tensor") => {
                    let args = args.to_vec();
                    tensor(container, &name, &args).map(Value::Array)
                }
                _ => Err("is a parameter without a tensor".into()),
            }
        }
        name if is_numpy(name, "multiarray._reconstruct") => {
            let state = object.state;
            ndarray(container, state)
        }
        name if is_numpy(name, "numeric._frombuffer") => {
            let args = args.to_vec();
            from_buffer(container, &args).map(Value::Array)
        }
        other => Err(format!(
            "is made by calling {other}, which is not on the list of what is read (nothing in a pickle is ever \
             executed)"
        )),
    }
}

/// Whether a name is `numpy.core.SUFFIX`, or `numpy._core.SUFFIX` as NumPy 2 writes it.
fn is_numpy(name: &str, suffix: &str) -> bool {
    ["numpy.core.", "numpy._core."].iter().any(|prefix| name.strip_prefix(prefix) == Some(suffix))
}

/// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata])`; version
/// 3 has the dtype before the metadata.
fn tensor(container: &mut Container, name: &str, args: &[Id]) -> Result<Array, String> {
    let pickle = &container.pickle;
    let broken = || "is a tensor whose description cannot be understood".to_owned();
    let &[storage, offset, size, stride, ..] = args else { return Err(broken()) };
    let Node::Persistent(reference) = pickle.node(storage) else { return Err(broken()) };
    let storage = StorageRef::read(pickle, *reference).ok_or_else(broken)?;
    let whole = |id: Id| pickle.int(id).and_then(|value| usize::try_from(value).ok());
    let wholes = |id: Id| pickle.sequence(id)?.iter().map(|&id| whole(id)).collect::<Option<Vec<_>>>();
    let (Some(shape), Some(strides)) = (wholes(size), wholes(stride)) else { return Err(broken()) };
    let offset = whole(offset).ok_or_else(broken)? as u64;
    let (element, metadata) = if name.ends_with("_v3") {
        let dtype = args.get(6).and_then(|&id| pickle.global(id)).unwrap_or_default();
        let code = dtype.strip_prefix("torch.").unwrap_or(&dtype);
        (torch_dtype(code)?, args.get(7))
    } else {
        let element = storage_element(&storage.kind);
        let kind = storage.kind.rsplit('.').next().unwrap_or_default();
        let element = element.ok_or_else(|| {
            let what =
                if kind.starts_with("Complex") { "complex numbers" } else { "values of a type not read" };
            format!("holds {what} ({kind})")
        })?;
        (element, args.get(6))
    };
    // Lazily negated or conjugated views keep that in the metadata.
    if metadata.and_then(|&id| pickle.pairs(id)).is_some_and(|pairs| !pairs.is_empty()) {
        return Err("is a tensor with a pending operation (call .resolve_neg() before saving)".into());
    }
    let start = offset.checked_add(storage.view_offset).and_then(|at| at.checked_mul(element.bytes() as u64));
    let start = start.ok_or_else(broken)?;
    let (key, big_endian) = (storage.key.to_owned(), container.big_endian);
    let bytes = container.storage(&key)?;
    Array::strided(bytes, element, big_endian, start, shape, strides)
}

fn torch_dtype(name: &str) -> Result<Element, String> {
    match name {
        "bfloat16" => Ok(Element::Bf16),
        "float16" | "float32" | "float64" | "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32"
        | "uint64" | "int64" | "bool" => Element::from_numpy(name),
        other => Err(format!("holds values of the type torch.{other}, which is not read")),
    }
}

/// NumPy's dtype: its letter and size, and whether the bytes are swapped.
struct Dtype {
    code: String,
    big_endian: bool,
}

/// `numpy.dtype(code, align, copy)` with the state `(version, byte order, …)`.
fn dtype(pickle: &Pickle, id: Id) -> Option<Dtype> {
    let (name, args, object) = pickle.object(id)?;
    if name != "numpy.dtype" {
        return None;
    }
    let code = name_text(pickle, *args.first()?)?;
    let state = object.state.and_then(|state| pickle.sequence(state));
    let order = state.and_then(|state| name_text(pickle, *state.get(1)?));
    let big_endian = code.starts_with('>') || order.as_deref() == Some(">");
    let code = code.trim_start_matches(['<', '>', '|', '=']).to_owned();
    Some(Dtype { code, big_endian })
}

/// Text, also as Python 2 wrote it.
fn name_text(pickle: &Pickle, id: Id) -> Option<String> {
    match pickle.node(id) {
        Node::Bytes(range) => String::from_utf8(pickle.slice(range).to_vec()).ok(),
        _ => pickle.text(id).map(str::to_owned),
    }
}

/// The state of an array: `(version, shape, dtype, fortran order, data)`.
fn ndarray(container: &mut Container, state: Option<Id>) -> Result<Value, String> {
    let pickle = &container.pickle;
    let broken = || "is a NumPy array whose description cannot be understood".to_owned();
    let parts = state.and_then(|state| pickle.sequence(state)).ok_or_else(broken)?;
    // Very old arrays leave the version out.
    let parts = if parts.len() == 5 { parts.get(1..).unwrap_or_default() } else { parts };
    let &[shape, kind, fortran, data] = parts else { return Err(broken()) };
    let kind = dtype(pickle, kind).ok_or_else(broken)?;
    if kind.code.starts_with('O') {
        return pickle.sequence(data).map(|items| Value::List(items.to_vec())).ok_or_else(broken);
    }
    let element = Element::from_numpy(&kind.code)?;
    let fortran = matches!(pickle.node(fortran), Node::Bool(true));
    let bytes = raw_bytes(container, data).ok_or_else(broken)?;
    packed(&container.pickle, bytes, element, kind.big_endian, shape, fortran).map(Value::Array)
}

/// `_frombuffer(buffer, dtype, shape, order)`, which pickle protocol 5 uses.
fn from_buffer(container: &mut Container, args: &[Id]) -> Result<Array, String> {
    let pickle = &container.pickle;
    let broken = || "is a NumPy array whose description cannot be understood".to_owned();
    let &[data, kind, shape, order] = args else { return Err(broken()) };
    let kind = dtype(pickle, kind).ok_or_else(broken)?;
    let element = Element::from_numpy(&kind.code)?;
    let fortran = pickle.text(order) == Some("F");
    let bytes = raw_bytes(container, data).ok_or_else(broken)?;
    packed(&container.pickle, bytes, element, kind.big_endian, shape, fortran)
}

fn packed(
    pickle: &Pickle,
    bytes: Arc<Vec<u8>>,
    element: Element,
    big_endian: bool,
    shape: Id,
    fortran: bool,
) -> Result<Array, String> {
    let sides = pickle.sequence(shape).unwrap_or_default().iter();
    let sides = sides.map(|&id| pickle.int(id).and_then(|side| usize::try_from(side).ok()));
    let shape = sides.collect::<Option<Vec<_>>>();
    let shape = shape.ok_or("is a NumPy array whose shape cannot be understood")?;
    Array::packed(Bytes::Memory(bytes), element, big_endian, 0, shape, fortran)
}

/// Raw bytes: as such, in a bytearray, or as protocol 2 writes them, text to be encoded as
/// Latin-1. What was decoded once is shared.
fn raw_bytes(container: &mut Container, id: Id) -> Option<Arc<Vec<u8>>> {
    let leaf = raw_leaf(&container.pickle, id)?;
    let Some(leaf) = leaf else { return Some(Arc::default()) };
    if let Some(data) = container.decoded.get(&leaf) {
        return Some(Arc::clone(data));
    }
    let pickle = &container.pickle;
    let data = match pickle.node(leaf) {
        Node::Bytes(range) => pickle.slice(range).to_vec(),
        _ => {
            let text = pickle.text(leaf)?;
            let mut bytes = Vec::with_capacity(text.len() / 2);
            for letter in text.chars() {
                bytes.push(u8::try_from(u32::from(letter)).ok()?);
            }
            bytes
        }
    };
    let data = Arc::new(data);
    container.decoded.insert(leaf, Arc::clone(&data));
    Some(data)
}

/// The node in which raw bytes really lie; `Some(None)` for empty bytes without one.
fn raw_leaf(pickle: &Pickle, id: Id) -> Option<Option<Id>> {
    if matches!(pickle.node(id), Node::Bytes(_)) {
        return Some(Some(id));
    }
    let (name, args, _) = pickle.object(id)?;
    match (name.as_str(), args) {
        ("_codecs.encode", &[text, coding]) if pickle.text(coding) == Some("latin1") => Some(Some(text)),
        ("builtins.bytearray" | "__builtin__.bytearray" | "builtins.bytes" | "__builtin__.bytes", []) => {
            Some(None)
        }
        ("builtins.bytearray" | "__builtin__.bytearray", &[data]) => {
            matches!(pickle.node(data), Node::Bytes(_)).then_some(Some(data))
        }
        _ => None,
    }
}

/// A number: plain, a NumPy scalar, or a tensor with one element.
pub(super) fn number(container: &mut Container, id: Id) -> Option<f64> {
    let pickle = &container.pickle;
    match pickle.node(id) {
        Node::Int(value) => return Some(*value as f64),
        Node::Float(value) => return Some(*value),
        Node::Object(_) => {}
        _ => return None,
    }
    let (name, args, _) = pickle.object(id)?;
    if is_numpy(&name, "multiarray.scalar") {
        let &[kind, data] = args else { return None };
        let kind = dtype(pickle, kind)?;
        let element = Element::from_numpy(&kind.code).ok()?;
        return element.value(kind.big_endian, &raw_bytes(container, data)?);
    }
    match value(container, id).ok()? {
        Value::Array(array) => array.values(1).ok()?.first().copied(),
        Value::List(_) => None,
    }
}
