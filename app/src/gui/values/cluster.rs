//! Values about jobs on clusters: which text of a job is shown, and what is submitted.

use std::path::PathBuf;

use vitrine_core::cluster::{Cluster, NewJob, Preview};
use vitrine_core::workflow::sweep::Sweep;

/// A text of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobText {
    /// Name of the job.
    pub job: String,
    /// Which of its texts.
    pub what: JobTextKind,
}

/// The texts of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobTextKind {
    /// What was submitted.
    Script,
    /// What a task has printed.
    Log {
        /// The task, counted from 0.
        task: usize,
    },
}

/// A text that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadText {
    /// The file that holds it.
    pub path: PathBuf,
    /// The text, or its end.
    pub text: String,
    /// Whether the file has more before it.
    pub is_cut: bool,
}

/// A job that is ready to be submitted.
#[derive(Debug, Clone)]
pub struct PreparedJob {
    /// The cluster it goes to.
    pub cluster: Cluster,
    /// The job.
    pub new: NewJob,
    /// What its tasks train.
    pub sweep: Sweep,
    /// Its script, and how it is submitted.
    pub preview: Preview,
}
