//! The request to pick, and its result.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::device::ComputeDevice;
use crate::export::{ExportRequest, Manifest};
use crate::picking::census::Expectation;
use crate::picking::choose::Choice;
use crate::remedy::Warning;

/// What is picked, and how.
#[derive(Debug, Clone)]
pub struct PickRequest {
    /// The run whose network picks.
    pub run: String,
    /// Micrographs, or folders of them; empty for all micrographs of the project.
    pub micrographs: Vec<PathBuf>,
    /// Which places are picks.
    pub choice: Choice,
    /// Leaves out of account what the project says of single micrographs: thresholds of their own, and shifts.
    pub one_threshold: bool,
    /// Leaves out of account what a person has said of picks: rejected ones stay, marked particles do not join.
    pub as_scored: bool,
    /// Smallest distance of two picks, px of the unbinned micrograph; a third of the box by default.
    pub distance: Option<f64>,
    /// Side of the box on the micrograph, px; that of the project's patches by default.
    pub box_size: Option<usize>,
    /// Px averaged into one; that of the project's patches by default.
    pub bin: Option<usize>,
    /// Folder for the picks as RELION coordinate files, one a micrograph.
    pub out: Option<PathBuf>,
    /// Where in `out` the coordinate file of a micrograph lies; one that is not listed has its own name.
    pub names: HashMap<PathBuf, PathBuf>,
    /// File for one table of all picks (CSV).
    pub table: Option<PathBuf>,
    /// An export of all picks at the end. Its labels, run and bounds of scores do not count: all picks are written.
    pub export: Option<ExportRequest>,
    /// Whether to go on looking for new files in the folders named, until cancelled.
    pub watch: bool,
    /// With `watch`: the time without anything new after which it ends.
    pub idle: Option<Duration>,
    /// Where the network runs.
    pub device: ComputeDevice,
}

impl PickRequest {
    /// Picks of a run at a score of 0.5 or more on all micrographs of the project, which are written nowhere.
    pub fn new(run: impl Into<String>, device: ComputeDevice) -> Self {
        Self {
            run: run.into(),
            micrographs: Vec::new(),
            choice: Choice::Threshold(0.5),
            one_threshold: false,
            as_scored: false,
            distance: None,
            box_size: None,
            bin: None,
            out: None,
            names: HashMap::new(),
            table: None,
            export: None,
            watch: false,
            idle: None,
            device,
        }
    }
}

/// A micrograph that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The file.
    pub path: PathBuf,
    /// A sentence.
    pub reason: String,
}

/// What picking did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PickSummary {
    /// Micrographs with places: those scored now and those that were there already.
    pub micrographs: u64,
    /// Of these, scored before.
    pub scored_before: u64,
    /// Micrographs left out.
    pub left_out: Vec<LeftOut>,
    /// Places above the floor, at the distance asked for.
    pub places: u64,
    /// The picks: of these places, those that reach the threshold, without `rejected` and with `added`.
    pub picks: u64,
    /// Places that reach the threshold and that a person has rejected.
    pub rejected: u64,
    /// Particles that a person has marked and the run does not pick.
    pub added: u64,
    /// Score at or above which a place is a pick.
    pub threshold: f64,
    /// Micrographs with a threshold of their own, which the project keeps, in place of that one.
    pub own_thresholds: u64,
    /// Whether the shift of each micrograph's scores was taken out before the threshold was applied.
    pub without_shifts: bool,
    /// Whether scores of places that stand out less than most particles were lowered.
    pub lowered_by_contrast: bool,
    /// Smallest distance of two picks, px.
    pub distance: f64,
    /// Side of the box on the micrograph, px.
    pub box_size: usize,
    /// Px averaged into one.
    pub bin: usize,
    /// What is to be expected of the picks; `None` where nothing is picked or too little is known.
    pub expected: Option<Expectation>,
    /// Why nothing is expected, and what tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not_expected: Option<Warning>,
    /// Seconds that reading, the map and exact scores took.
    pub seconds: f64,
    /// Sentences a person should read.
    pub notes: Vec<String>,
    /// The folder of coordinate files that was written.
    pub out: Option<PathBuf>,
    /// The table that was written.
    pub table: Option<PathBuf>,
    /// What the export has written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exported: Option<Box<Manifest>>,
}
