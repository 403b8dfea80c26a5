//! A run on disk: one safetensors file with weights, moments and everything needed to go on.
//!
//! The file is written beside its final name and renamed, so a crash or a full disk leaves the last
//! good checkpoint in place. The header carries the configuration and the normaliser: a checkpoint
//! can neither be loaded into another network nor used with other normalisation.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::atomic::write_atomically;
use crate::error::{Error, Result};
use crate::imaging::normalise::Normaliser;
use crate::learning::config::RunConfig;
use crate::learning::loss::consistency::ConsistencyState;
use crate::learning::loss::self_training::Trial;
use crate::learning::network::weights::{NamedTensor, NamedTensors};
use crate::learning::prior::PriorUsed;
use crate::learning::train::epoch_metrics::EpochMetrics;
use crate::learning::train::mid_epoch::WithinEpoch;

/// Raised when the meaning of a field changes; older programs refuse newer files.
pub const FORMAT_VERSION: u32 = 1;
/// Format of a checkpoint within an epoch. Programs that know only whole epochs would go on from it
/// wrongly, so they have to refuse it.
pub const WITHIN_EPOCH: u32 = 2;
const KEY: &str = "vitrine";

/// The header of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointHeader {
    /// [`FORMAT_VERSION`], or [`WITHIN_EPOCH`].
    pub format: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// Last complete epoch.
    pub epoch: usize,
    /// Side of the patches, px.
    pub size: usize,
    /// The run's configuration.
    pub config: RunConfig,
    /// The run's normaliser, fitted.
    pub normaliser: Normaliser,
    /// π the run used, and where it came from.
    pub prior: PriorUsed,
    /// Best epoch so far and the value it was chosen by; `None` before the first.
    pub best: Option<(usize, f64)>,
    /// Running statistics of the consistency term.
    pub consistency: ConsistencyState,
    /// Where the trial of self-training stands.
    #[serde(default)]
    pub trial: Trial,
    /// Steps of the optimiser.
    pub optimizer_steps: u64,
    /// Measures of every epoch so far.
    pub history: History,
    /// Where the next epoch stands, when it was taken in the middle of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<WithinEpoch>,
}

/// Epoch measures in a form in which NaN survives JSON (as null).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct History(pub Vec<Vec<Option<f64>>>);

impl History {
    /// From measures.
    pub fn of(epochs: &[EpochMetrics]) -> Self {
        let row = |m: &EpochMetrics| m.values().iter().map(|v| v.is_finite().then_some(*v)).collect();
        Self(epochs.iter().map(row).collect())
    }

    /// Back to measures; rows of an unknown width are left out.
    pub fn epochs(&self) -> Vec<EpochMetrics> {
        let row = |row: &Vec<Option<f64>>| {
            let values: Vec<f64> = row.iter().map(|v| v.unwrap_or(f64::NAN)).collect();
            EpochMetrics::from_values(&values)
        };
        self.0.iter().filter_map(row).collect()
    }
}

/// A checkpoint in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Everything that is no tensor.
    pub header: CheckpointHeader,
    /// Weights that score: the teacher's where there is one. Empty in a resume file.
    pub model: NamedTensors,
    /// Student's weights; only in a resume file.
    pub student: NamedTensors,
    /// Teacher's weights; only in a resume file with a teacher.
    pub teacher: NamedTensors,
    /// Moments of the optimiser; only in a resume file.
    pub optimizer: NamedTensors,
    /// Student's weights from before self-training; only in a resume file, while the trial lasts.
    pub student_before: NamedTensors,
    /// Teacher's weights from before self-training; likewise.
    pub teacher_before: NamedTensors,
}

/// Path of the file a stopped run goes on from.
pub fn resume_path(folder: &Path) -> PathBuf {
    folder.join("last.safetensors")
}

/// Path of the file that scores.
pub fn model_path(folder: &Path) -> PathBuf {
    folder.join("best.safetensors")
}

impl CheckpointHeader {
    /// Whether there is anything of a run of its own in it: a complete epoch, or part of the first.
    pub const fn is_begun(&self) -> bool {
        self.epoch > 0 || self.within.is_some()
    }
}

impl Checkpoint {
    /// The weights that score as the beginning of another run: epoch 0, nothing measured, no moments.
    pub fn as_beginning(self) -> Self {
        let header = CheckpointHeader {
            epoch: 0,
            best: None,
            optimizer_steps: 0,
            history: History::default(),
            trial: Trial::default(),
            within: None,
            ..self.header
        };
        Self {
            header,
            student: self.model.clone(),
            teacher: self.model,
            model: NamedTensors::new(),
            optimizer: NamedTensors::new(),
            student_before: NamedTensors::new(),
            teacher_before: NamedTensors::new(),
        }
    }

    /// Writes the file atomically.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk refuses; the file of that name is then the old one.
    pub fn save(&self, path: &Path) -> Result<()> {
        let header = serde_json::to_string(&self.header)
            .map_err(|e| Error::defect(format!("{}: the header cannot be written: {e}", path.display())))?;
        let parts = [
            ("model", &self.model),
            ("student", &self.student),
            ("teacher", &self.teacher),
            ("optimizer", &self.optimizer),
            ("student_before", &self.student_before),
            ("teacher_before", &self.teacher_before),
        ];
        write_parts(path, KEY, header, &parts)
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`Error::Io`] when it is not there, [`Error::Format`] when it is damaged, of a newer program,
    /// or no checkpoint of Vitrine.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        let damaged =
            |what: String| Error::format(path, what, "use another checkpoint of the run, or train again");
        let header = read_header(&bytes, KEY, &damaged)?
            .ok_or_else(|| damaged("is a safetensors file, but no checkpoint of Vitrine".to_owned()))?;
        let header: CheckpointHeader = parse_header(path, &header, ("checkpoints", WITHIN_EPOCH), &damaged)?;
        let mut checkpoint = Self {
            header,
            model: NamedTensors::new(),
            student: NamedTensors::new(),
            teacher: NamedTensors::new(),
            optimizer: NamedTensors::new(),
            student_before: NamedTensors::new(),
            teacher_before: NamedTensors::new(),
        };
        for (part, name, tensor) in read_parts(&bytes, &damaged)? {
            let part = match part.as_str() {
                "model" => &mut checkpoint.model,
                "student" => &mut checkpoint.student,
                "teacher" => &mut checkpoint.teacher,
                "optimizer" => &mut checkpoint.optimizer,
                "student_before" => &mut checkpoint.student_before,
                "teacher_before" => &mut checkpoint.teacher_before,
                _ => return Err(damaged(format!("holds an unknown tensor {part}.{name}"))),
            };
            part.insert(name, tensor);
        }
        Ok(checkpoint)
    }
}

/// Writes tensors, each under `part.name`, with a header under `key`, atomically.
pub(crate) fn write_parts(
    path: &Path,
    key: &str,
    header: String,
    parts: &[(&str, &NamedTensors)],
) -> Result<()> {
    let mut views = Vec::new();
    for (part, tensors) in parts {
        for (name, tensor) in *tensors {
            let bytes: &[u8] = bytemuck::cast_slice(&tensor.values);
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)
                .map_err(|e| Error::defect(format!("{}: weight {name}: {e}", path.display())))?;
            views.push((format!("{part}.{name}"), view));
        }
    }
    let metadata = HashMap::from([(key.to_owned(), header)]);
    let bytes = safetensors::serialize(views, Some(metadata))
        .map_err(|e| Error::defect(format!("{}: cannot be written: {e}", path.display())))?;
    write_atomically(path, &bytes)
}

/// The header under `key`; `None` where the file has none.
pub(crate) fn read_header(
    bytes: &[u8],
    key: &str,
    damaged: &dyn Fn(String) -> Error,
) -> Result<Option<String>> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| damaged(format!("is damaged: {e}")))?;
    Ok(metadata.metadata().as_ref().and_then(|m| m.get(key)).cloned())
}

/// A header of `what` (what such files are called, and the newest format this program reads).
///
/// # Errors
/// When a newer program wrote it, or it is damaged.
pub(crate) fn parse_header<T: DeserializeOwned>(
    path: &Path,
    header: &str,
    (what, newest): (&str, u32),
    damaged: &dyn Fn(String) -> Error,
) -> Result<T> {
    #[derive(Deserialize)]
    struct Versions {
        format: u32,
        program: String,
    }
    let broken = |e| damaged(format!("has a damaged header: {e}"));
    let Versions { format, program } = serde_json::from_str(header).map_err(broken)?;
    if format > newest {
        return Err(Error::format(
            path,
            format!(
                "was written by Vitrine {program}, whose {what} (format {format}) are newer than this program reads \
                 ({newest})"
            ),
            "update Vitrine",
        ));
    }
    serde_json::from_str(header).map_err(broken)
}

/// The tensors [`write_parts`] wrote: part, name and values of each.
pub(crate) fn read_parts(
    bytes: &[u8],
    damaged: &dyn Fn(String) -> Error,
) -> Result<Vec<(String, String, NamedTensor)>> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| damaged(format!("is damaged: {e}")))?;
    let mut found = Vec::new();
    for (name, view) in tensors.tensors() {
        let (part, rest) = name.split_once('.').unwrap_or(("", &name));
        if view.dtype() != Dtype::F32 {
            return Err(damaged(format!("tensor {name} is {:?}, not F32", view.dtype())));
        }
        let values: Vec<f32> =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(damaged(format!("tensor {name} holds no finite number at {at}")));
        }
        let tensor = NamedTensor { shape: view.shape().to_vec(), values };
        found.push((part.to_owned(), rest.to_owned(), tensor));
    }
    Ok(found)
}
