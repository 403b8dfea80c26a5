//! An import being prepared: the files added, what they are, and what importing them would bring. Nothing is
//! written before the person presses Import.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use vitrine_core::ingest::{FoundInput, IngestRequest, Inspection, MicrographSight};

use crate::gui::drafts::ImportDraft;
use crate::gui::values::{Asked, Load};

/// The formats of the files added.
#[derive(Debug, Clone)]
pub struct Recognised {
    /// Each file or folder, in the order in which they were named.
    pub found: Vec<FoundInput>,
    /// Values to begin with for these files.
    pub proposal: IngestRequest,
}

/// A request whose result is to be seen before anything is written.
#[derive(Debug, Clone, PartialEq)]
pub struct LookRequest {
    /// The request.
    pub request: IngestRequest,
    /// Whether it is compared with the open project.
    pub with_open: bool,
}

/// How much was free on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes; `None` where the system does not say.
    pub free: Option<u64>,
    /// When that was.
    pub at: Instant,
}

/// An import being prepared.
#[derive(Debug, Clone, Default)]
pub struct ImportState {
    /// The files and folders added, in that order.
    pub paths: Vec<PathBuf>,
    /// The formats of the files.
    pub recognised: Asked<Vec<PathBuf>, Recognised>,
    /// The settings as typed.
    pub draft: ImportDraft,
    /// The preview of the import.
    pub look: Asked<LookRequest, Arc<Inspection>>,
    /// A micrograph with its picks, to see how large a box should be: the part of the request on which it depends, and
    /// which micrograph.
    pub sight: Asked<(IngestRequest, usize), Option<Arc<MicrographSight>>>,
    /// Free space on the disk of a folder. The folder need not exist.
    pub disk_space: Asked<PathBuf, DiskSpace>,
}

impl ImportState {
    /// An import without files yet; `open_takes` says whether a project is open that takes it.
    pub fn new(open_takes: bool) -> Self {
        Self { draft: ImportDraft::new(open_takes), ..Self::default() }
    }

    /// The files as recognised; while more are being read, those known before.
    pub fn found(&self) -> &[FoundInput] {
        self.recognised.last().map_or(&[], |(_, recognised)| &recognised.found)
    }

    /// Initial settings, once all files are recognised.
    pub fn proposal(&self) -> Option<&IngestRequest> {
        match self.recognised.of(&self.paths) {
            Load::Ready(recognised) => Some(&recognised.proposal),
            _ => None,
        }
    }

    /// Whether reading the files has ended, with a result or a failure.
    pub fn is_recognised(&self) -> bool {
        self.recognised.of(&self.paths).is_settled()
    }
}
