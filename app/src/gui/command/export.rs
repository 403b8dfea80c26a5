//! Commands that export results.

use std::path::PathBuf;

use vitrine_core::export::ExportRequest;

use crate::gui::values::{ExportProposal, PicksExportKey};

/// Hand results to other programs.
#[derive(Debug, Clone)]
pub enum ExportCommand {
    /// Write what stands in the export view.
    WriteShown,
    /// Preview a request. The newest one wins.
    Preview(Box<ExportRequest>),
    /// Preview an export of picks. The newest one wins.
    PreviewPicks(Box<PicksExportKey>),
    /// Write the network of a run and its card.
    WriteModel {
        /// The run.
        run: String,
        /// The file, `.safetensors`.
        out: PathBuf,
        /// Whether existing files may be replaced.
        force: bool,
    },
    /// Show the view with this run and threshold.
    Propose(ExportProposal),
    /// Choose the file (or where a folder is written, the folder to write it in) in a dialog.
    ChooseOut {
        /// The path now.
        now: PathBuf,
        /// Whether a folder is written.
        folder: bool,
    },
}
