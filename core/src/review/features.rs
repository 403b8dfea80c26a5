//! The network's feature vector of every patch, computed once and stored with the run.

use std::path::{Path, PathBuf};

use half::f16;
use safetensors::tensor::{Dtype, SafeTensors};

use crate::atomic::write_atomically;
use crate::error::{Error, Result};
use crate::learning::infer::scorer::Scorer;
use crate::learning::network::tensor_file::{TensorBytes, pack};
use crate::progress::{ProgressSink, report};
use crate::project::{PatchId, Project};
use crate::read_ahead::{in_parts, read_normalised};

/// Features of all patches: 16 bits a number, which is more than nearness can tell.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkFeatures {
    /// Numbers a patch.
    pub width: usize,
    /// `width` numbers for each patch, in the order of their ids.
    pub values: Vec<f16>,
    /// Mean over all patches.
    pub mean: Vec<f32>,
}

impl NetworkFeatures {
    /// Features of `values.len() / width` patches.
    pub fn new(width: usize, values: Vec<f16>) -> Self {
        let mut sums = vec![0.0_f64; width];
        for row in values.chunks_exact(width.max(1)) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += f64::from(value.to_f32());
            }
        }
        let count = values.len().checked_div(width).unwrap_or(0).max(1) as f64;
        Self { width, values, mean: sums.into_iter().map(|sum| (sum / count) as f32).collect() }
    }

    /// How many patches there are.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The features of a patch.
    pub fn of(&self, patch: PatchId) -> Option<&[f16]> {
        let from = (patch as usize).checked_mul(self.width)?;
        self.values.get(from..from + self.width).filter(|row| !row.is_empty())
    }
}

/// Where the features of a run are kept.
pub fn features_path(run_dir: &Path) -> PathBuf {
    run_dir.join("features.safetensors")
}

/// The features kept with a run; `None` when there are none, or not for `patches` patches under the
/// run's present model.
///
/// # Errors
/// When the file is there but cannot be read.
pub fn load_features(run_dir: &Path, patches: usize) -> Result<Option<NetworkFeatures>> {
    let path = features_path(run_dir);
    let modified = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let (Some(made), model) =
        (modified(&path), modified(&crate::learning::train::checkpoint::model_path(run_dir)))
    else {
        return Ok(None);
    };
    // A run that went on has another model.
    if model.is_some_and(|model| model > made) {
        return Ok(None);
    }
    let bytes = std::fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
    let damaged =
        |what: String| Error::format(&path, what, "delete the file; it is computed again when needed");
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
    let tensor = tensors.tensor("features").map_err(|e| damaged(e.to_string()))?;
    match (tensor.dtype(), tensor.shape()) {
        (Dtype::F16, &[count, width]) if count == patches && width > 0 => {
            let values = tensor.data().as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b)).collect();
            Ok(Some(NetworkFeatures::new(width, values)))
        }
        (Dtype::F16, &[_, _]) => Ok(None),
        _ => Err(damaged("it does not hold a table of 16-bit features".to_owned())),
    }
}

/// Computes the features of all patches with the network of a run; kept in `run_dir` where that may be
/// written.
///
/// # Errors
/// When the run was trained on patches of another size, a pixel cannot be read, or the disk is full.
pub fn features(
    project: &Project,
    scorer: &Scorer,
    run_dir: &Path,
    progress: ProgressSink<'_>,
) -> Result<NetworkFeatures> {
    let pixels = project.pixels();
    let size = scorer.size();
    if pixels.size() != size {
        return Err(Error::request(
            format!(
                "the run was trained on patches of {size} px, those of the project have {}",
                pixels.size()
            ),
            "use a run of this project",
        ));
    }
    let total = project.len();
    let mut values: Vec<f16> = Vec::new();
    let mut width = 0;
    let mut done = 0;
    in_parts(
        total,
        size * size,
        scorer.chunk_size(),
        |from, part| read_normalised(&pixels, scorer.normaliser(), from, part),
        |part| {
            let found = scorer.features(&part);
            let count = part.len() / (size * size);
            width = found.len() / count;
            if values.is_empty() {
                values.reserve_exact(width * total);
            }
            values.extend(found.into_iter().map(f16::from_f32));
            done += count;
            report(progress, "Computing features", done, total)
        },
    )?;
    let features = NetworkFeatures::new(width, values);
    if project.is_writable() && width > 0 {
        store(&features, &features_path(run_dir))?;
    }
    Ok(features)
}

fn store(features: &NetworkFeatures, path: &Path) -> Result<()> {
    let bytes: Vec<u8> = features.values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let shape = vec![features.len(), features.width];
    let tensor = TensorBytes { name: "features".to_owned(), dtype: Dtype::F16, shape, bytes: &bytes };
    write_atomically(path, &pack(path, [tensor], None)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn features_come_back_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        assert!(load_features(dir.path(), 3).unwrap().is_none());
        let some = NetworkFeatures::new(2, [1.0, 2.0, 3.0, 4.0, 5.0, 12.0].map(f16::from_f32).to_vec());
        assert_eq!((some.len(), some.mean.clone()), (3, vec![3.0, 6.0]));
        store(&some, &features_path(dir.path())).unwrap();
        assert_eq!(load_features(dir.path(), 3).unwrap(), Some(some));
        assert!(load_features(dir.path(), 4).unwrap().is_none(), "patches came in since");
        std::fs::write(features_path(dir.path()), b"nonsense").unwrap();
        assert!(load_features(dir.path(), 3).is_err());
    }
}
