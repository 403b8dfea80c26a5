//! Commands of an import: choosing files, previewing, bringing them in, taking the last one back.

use std::path::PathBuf;

use vitrine_core::ingest::IngestRequest;

use crate::gui::values::ImportTarget;

/// Bring files into a project. Nothing is written before [`ImportCommand::Run`].
#[derive(Debug, Clone)]
pub enum ImportCommand {
    /// Add files or folders to the import being prepared, and show its page; none only shows it.
    Add(Vec<PathBuf>),
    /// Prepare an import of unlabeled patches from the micrographs of the open project that hold positives.
    AddUnlabeled,
    /// Take one off again.
    Remove(PathBuf),
    /// Read the files again; reading them was cancelled.
    Recognise,
    /// Choose files in a dialog.
    ChooseFiles,
    /// Choose folders in a dialog.
    ChooseFolders,
    /// Preview a request. The newest one wins.
    Look {
        /// The request.
        request: Box<IngestRequest>,
        /// Whether it is compared with the open project.
        with_open: bool,
    },
    /// Show a micrograph with its picks. The newest question wins.
    See {
        /// What [`vitrine_core::ingest::sight_request`] keeps of the request.
        request: Box<IngestRequest>,
        /// Which micrograph, counted from 0.
        at: usize,
    },
    /// Read the free space on the disk of this folder.
    Measure(PathBuf),
    /// Bring the files in.
    Run {
        /// The files and the settings.
        request: Box<IngestRequest>,
        /// The project it goes into.
        target: ImportTarget,
    },
    /// Take the last import of the open project back.
    TakeBack,
    /// Leave the page; nothing was written.
    Leave,
}
