//! Named tensors in safetensors files, with a JSON header where the file needs one.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::atomic::write_atomically;
use crate::error::{Error, Result};
use crate::learning::network::weights::{NamedTensor, NamedTensors};

/// A tensor to be written.
pub(crate) struct TensorBytes<'a> {
    /// Name in the file.
    pub name: String,
    /// Type of the values.
    pub dtype: Dtype,
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// Row-major values, little-endian.
    pub bytes: &'a [u8],
}

impl<'a> TensorBytes<'a> {
    /// Weights under a name.
    pub fn of(name: String, tensor: &'a NamedTensor) -> Self {
        let bytes = bytemuck::cast_slice(&tensor.values);
        Self { name, dtype: Dtype::F32, shape: tensor.shape.clone(), bytes }
    }
}

/// The bytes of a safetensors file. `header` is stored in its metadata as (key, text). `path` is named in errors.
///
/// # Errors
/// When a tensor's bytes do not fit its shape, which is a defect of the program.
pub(crate) fn pack<'a>(
    path: &Path,
    tensors: impl IntoIterator<Item = TensorBytes<'a>>,
    header: Option<(&str, String)>,
) -> Result<Vec<u8>> {
    let failed = |problem: String| Error::defect(format!("{}: {problem}", path.display()));
    let mut views = Vec::new();
    for TensorBytes { name, dtype, shape, bytes } in tensors {
        let view = TensorView::new(dtype, shape, bytes).map_err(|e| failed(format!("tensor {name}: {e}")))?;
        views.push((name, view));
    }
    let metadata = header.map(|(key, text)| HashMap::from([(key.to_owned(), text)]));
    safetensors::serialize(views, metadata).map_err(|e| failed(format!("cannot be written: {e}")))
}

/// A kind of file with a header: the key of its header, and the newest format that this program reads.
pub(crate) struct HeaderKind {
    /// Key in the metadata of the file.
    pub key: &'static str,
    /// What such files hold, for errors.
    pub name: &'static str,
    /// Newest format.
    pub newest: u32,
}

/// Writes groups of tensors and a header atomically. A tensor's name in the file is `group.name`.
///
/// # Errors
/// [`Error::Io`] when the disk refuses; the file of that name is then the old one.
pub(crate) fn write_groups(
    path: &Path,
    kind: &HeaderKind,
    header: &impl Serialize,
    groups: &[(&str, &NamedTensors)],
) -> Result<()> {
    let header = serde_json::to_string(header)
        .map_err(|e| Error::defect(format!("{}: the header cannot be written: {e}", path.display())))?;
    let tensors = groups.iter().flat_map(|(group, tensors)| {
        tensors.iter().map(move |(name, tensor)| TensorBytes::of(format!("{group}.{name}"), tensor))
    });
    write_atomically(path, &pack(path, tensors, Some((kind.key, header)))?)
}

/// The text of the header under `key`; `None` where the file has none.
///
/// # Errors
/// What `damaged` makes of the problem, when the file is no safetensors file.
pub(crate) fn header_text(
    bytes: &[u8],
    key: &str,
    damaged: &dyn Fn(String) -> Error,
) -> Result<Option<String>> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| damaged(format!("is damaged: {e}")))?;
    Ok(metadata.metadata().as_ref().and_then(|m| m.get(key)).cloned())
}

/// Reads a header of this kind.
///
/// # Errors
/// When a newer program wrote it, or it is damaged.
pub(crate) fn parse_header<T: DeserializeOwned>(
    path: &Path,
    text: &str,
    kind: &HeaderKind,
    damaged: &dyn Fn(String) -> Error,
) -> Result<T> {
    #[derive(serde::Deserialize)]
    struct Versions {
        format: u32,
        program: String,
    }
    let broken = |e| damaged(format!("has a damaged header: {e}"));
    let Versions { format, program } = serde_json::from_str(text).map_err(broken)?;
    let HeaderKind { name, newest, .. } = kind;
    if format > *newest {
        return Err(Error::format(
            path,
            format!(
                "was written by Vitrine {program}, whose {name} (format {format}) are newer than this program reads \
                 ({newest})"
            ),
            "update Vitrine",
        ));
    }
    serde_json::from_str(text).map_err(broken)
}

/// The tensors that [`write_groups`] wrote, as (group, name, tensor).
///
/// # Errors
/// When the file is damaged, or a value is no finite f32.
pub(crate) fn read_groups(
    bytes: &[u8],
    damaged: &dyn Fn(String) -> Error,
) -> Result<Vec<(String, String, NamedTensor)>> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| damaged(format!("is damaged: {e}")))?;
    let mut found = Vec::new();
    for (name, view) in tensors.tensors() {
        let (group, rest) = name.split_once('.').unwrap_or(("", &name));
        if view.dtype() != Dtype::F32 {
            return Err(damaged(format!("tensor {name} is {:?}, not F32", view.dtype())));
        }
        let values: Vec<f32> =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(damaged(format!("tensor {name} has a value at {at} that is no finite number")));
        }
        let tensor = NamedTensor { shape: view.shape().to_vec(), values };
        found.push((group.to_owned(), rest.to_owned(), tensor));
    }
    Ok(found)
}
