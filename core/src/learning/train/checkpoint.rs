//! A run on disk: one safetensors file with weights, optimiser moments and everything needed to resume it.
//!
//! The file is written beside its final name and then renamed, so a crash or a full disk leaves the last good
//! checkpoint in place. The header holds the configuration and the normaliser, so that a checkpoint can neither be
//! loaded into another network nor used with another normalisation.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::imaging::normalise::Normaliser;
use crate::learning::config::RunConfig;
use crate::learning::infer::contrast::ContrastRule;
use crate::learning::loss::consistency::ConsistencyState;
use crate::learning::loss::self_training::SelfTrainingTrial;
use crate::learning::network::tensor_file::{
    HeaderKind, header_text, parse_header, read_groups, write_groups,
};
use crate::learning::network::weights::NamedTensors;
use crate::learning::prior::PriorUsed;
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;
use crate::learning::train::mid_epoch::MidEpochState;

/// Format of a checkpoint between epochs. It is raised when the meaning of a field changes; older programs refuse
/// newer files.
pub const FORMAT_VERSION: u32 = 1;
/// Format of a checkpoint within an epoch. Programs that know only whole epochs would resume it wrongly, so they must
/// refuse it.
const MID_EPOCH_FORMAT_VERSION: u32 = 2;
/// How checkpoints are marked in the file.
pub(crate) const HEADER: HeaderKind =
    HeaderKind { key: "vitrine", name: "checkpoints", newest: MID_EPOCH_FORMAT_VERSION };

/// The header of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointHeader {
    /// [`FORMAT_VERSION`], or a higher number where the checkpoint was taken within an epoch.
    pub format: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// Last complete epoch, counted from 1; 0 before the first.
    pub epoch: usize,
    /// Side of the patches, px.
    pub size: usize,
    /// The run's configuration.
    pub config: RunConfig,
    /// The normaliser, fitted on the training side.
    pub normaliser: Normaliser,
    /// The class prior of the run, and whether it was estimated.
    pub prior: PriorUsed,
    /// Best epoch so far and the value by which it was chosen; `None` before the first.
    pub best: Option<(usize, f64)>,
    /// The contrast rule of the run; `None` where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contrast: Option<ContrastRule>,
    /// Whether picking finds such a rule on each micrograph by its own scores: of the general model, where no patches told it.
    #[serde(default)]
    pub contrast_by_scores: bool,
    /// Running statistics of the consistency term.
    pub consistency: ConsistencyState,
    /// The trial of self-training.
    #[serde(default)]
    pub trial: SelfTrainingTrial,
    /// Steps the optimiser has made.
    pub optimizer_steps: u64,
    /// Measures of every epoch so far.
    pub history: History,
    /// The state of the next epoch, where the checkpoint was taken in its middle.
    #[serde(default, rename = "within", skip_serializing_if = "Option::is_none")]
    pub mid_epoch: Option<MidEpochState>,
}

/// Measures of epochs as rows of numbers. NaN becomes null in JSON.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct History(pub Vec<Vec<Option<f64>>>);

impl History {
    /// Rows from measures.
    pub fn from_epochs(epochs: &[EpochMetrics]) -> Self {
        let row = |m: &EpochMetrics| m.values().iter().map(|v| v.is_finite().then_some(*v)).collect();
        Self(epochs.iter().map(row).collect())
    }

    /// Measures from rows; rows of an unknown width are left out.
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
    /// Everything except tensors.
    pub header: CheckpointHeader,
    /// The weights that score: the teacher's where there is one. Empty in a file to resume from.
    pub model: NamedTensors,
    /// Student's weights. Only in a file to resume from.
    pub student: NamedTensors,
    /// Teacher's weights. Only in a file to resume from, where the run has a teacher.
    pub teacher: NamedTensors,
    /// Moments of the optimiser. Only in a file to resume from.
    pub optimizer: NamedTensors,
    /// Student's weights before self-training. Only in a file to resume from, while the trial of self-training lasts.
    pub student_before: NamedTensors,
    /// Teacher's weights before self-training, as `student_before`.
    pub teacher_before: NamedTensors,
}

/// Path of the file from which a stopped run resumes.
pub fn resume_path(folder: &Path) -> PathBuf {
    folder.join("last.safetensors")
}

/// Path of the file with the weights that score.
pub fn model_path(folder: &Path) -> PathBuf {
    folder.join("best.safetensors")
}

impl CheckpointHeader {
    /// Whether the run has trained: it has a complete epoch, or part of the first. Otherwise the checkpoint only holds
    /// weights to begin with.
    pub const fn has_trained(&self) -> bool {
        self.epoch > 0 || self.mid_epoch.is_some()
    }

    /// Sets the state within an epoch, and the format that goes with it.
    pub(super) fn at(mut self, mid_epoch: Option<MidEpochState>) -> Self {
        self.format = if mid_epoch.is_some() { MID_EPOCH_FORMAT_VERSION } else { FORMAT_VERSION };
        self.mid_epoch = mid_epoch;
        self
    }
}

impl Checkpoint {
    /// A checkpoint with a header and no tensors.
    pub(super) fn empty(header: CheckpointHeader) -> Self {
        let none = NamedTensors::new;
        Self {
            header,
            model: none(),
            student: none(),
            teacher: none(),
            optimizer: none(),
            student_before: none(),
            teacher_before: none(),
        }
    }

    /// The first weights of another run: the weights that score, at epoch 0, without measures and moments.
    pub fn into_initial_weights(self) -> Self {
        let header = CheckpointHeader {
            epoch: 0,
            best: None,
            optimizer_steps: 0,
            history: History::default(),
            trial: SelfTrainingTrial::default(),
            mid_epoch: None,
            ..self.header
        };
        Self { student: self.model.clone(), teacher: self.model, ..Self::empty(header) }
    }

    /// Writes the file atomically.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk refuses; the file of that name is then the old one.
    pub fn save(&self, path: &Path) -> Result<()> {
        let groups = [
            ("model", &self.model),
            ("student", &self.student),
            ("teacher", &self.teacher),
            ("optimizer", &self.optimizer),
            ("student_before", &self.student_before),
            ("teacher_before", &self.teacher_before),
        ];
        write_groups(path, &HEADER, &self.header, &groups)
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`Error::Io`] when it is missing, [`Error::Format`] when it is damaged, of a newer program,
    /// or not a checkpoint of Vitrine.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        Self::parse(&bytes, path)
    }

    /// As [`Self::load`], from the bytes of a file. `path` names them in errors.
    ///
    /// # Errors
    /// [`Error::Format`] when they are damaged, of a newer program, or not a checkpoint of Vitrine.
    pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let damaged =
            |what: String| Error::format(path, what, "use another checkpoint of the run, or train again");
        let header = header_text(bytes, HEADER.key, &damaged)?
            .ok_or_else(|| damaged("is a safetensors file, but not a checkpoint of Vitrine".to_owned()))?;
        let mut checkpoint = Self::empty(parse_header(path, &header, &HEADER, &damaged)?);
        for (group, name, tensor) in read_groups(bytes, &damaged)? {
            let group = match group.as_str() {
                "model" => &mut checkpoint.model,
                "student" => &mut checkpoint.student,
                "teacher" => &mut checkpoint.teacher,
                "optimizer" => &mut checkpoint.optimizer,
                "student_before" => &mut checkpoint.student_before,
                "teacher_before" => &mut checkpoint.teacher_before,
                _ => return Err(damaged(format!("holds an unknown tensor {group}.{name}"))),
            };
            group.insert(name, tensor);
        }
        Ok(checkpoint)
    }
}
