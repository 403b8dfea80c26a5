//! What the writers of the formats are given.

use std::borrow::Cow;

use super::frame::Frame;
use super::request::ExportRequest;
use super::rows::Rows;
use super::selection::Selection;
use crate::error::Result;
use crate::progress::{ProgressSink, report};
use crate::project::Project;
use crate::remedy::Warning;

/// What an export is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Writing a table; counts patches.
    Table,
    /// Writing pixels; counts patches.
    Pixels,
    /// Making checksums; counts files.
    Checksums,
}

impl From<Phase> for Cow<'static, str> {
    fn from(phase: Phase) -> Self {
        Self::Borrowed(match phase {
            Phase::Table => "Exporting table",
            Phase::Pixels => "Exporting pixels",
            Phase::Checksums => "Exporting checksums",
        })
    }
}

/// An export being written.
pub(super) struct Job<'a> {
    pub project: &'a Project,
    pub request: &'a ExportRequest,
    pub selection: &'a Selection,
    pub frame: &'a Frame,
    pub rows: Rows<'a>,
    /// Side of a patch, px.
    pub size: usize,
    pub progress: ProgressSink<'a>,
    pub warnings: Vec<Warning>,
    pub left_out_columns: Vec<String>,
}

impl Job<'_> {
    /// Reports progress every 256 patches and at the end.
    pub fn tick(&mut self, phase: Phase, done: usize) -> Result<()> {
        let total = self.selection.ids.len();
        if done.is_multiple_of(256) || done == total { self.report(phase, done, total) } else { Ok(()) }
    }

    /// Reports progress of `phase`, in things of its kind.
    pub fn report(&mut self, phase: Phase, done: usize, total: usize) -> Result<()> {
        report(self.progress, phase, done, total)
    }
}
