//! What the writers of the formats are given.

use super::frame::Frame;
use super::request::ExportRequest;
use super::rows::Rows;
use super::selection::Selection;
use crate::error::Result;
use crate::project::Project;
use crate::remedy::Warning;

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportProgress {
    /// What is being done: "pixels", "table", "checksums".
    pub phase: &'static str,
    /// Patches (for "checksums": files) done in this phase.
    pub done: usize,
    /// Patches (files) of this phase.
    pub total: usize,
}

/// Hears how far an export is; an error it returns ([`Cancelled`](crate::Error::Cancelled)) ends the
/// export, and nothing is left behind.
pub type OnProgress<'a> = dyn FnMut(ExportProgress) -> Result<()> + 'a;

/// An export being written.
pub(super) struct Job<'a> {
    pub project: &'a Project,
    pub request: &'a ExportRequest,
    pub selection: &'a Selection,
    pub frame: &'a Frame,
    pub rows: Rows<'a>,
    /// Side of a patch, px.
    pub size: usize,
    pub progress: &'a mut OnProgress<'a>,
    pub warnings: Vec<Warning>,
    pub left_out_columns: Vec<String>,
}

impl Job<'_> {
    /// Tells of progress every 256 patches and at the end.
    pub fn tick(&mut self, phase: &'static str, done: usize) -> Result<()> {
        let total = self.selection.ids.len();
        if done.is_multiple_of(256) || done == total {
            return (self.progress)(ExportProgress { phase, done, total });
        }
        Ok(())
    }
}
