//! An import being prepared: what was named, what it is, and what it would bring. Nothing of it is
//! written before the person says so.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use vitrine_core::ingest::{FoundInput, IngestRequest, Inspection};

use crate::gui::drafts::ImportDraft;
use crate::gui::values::{Asked, Load};

/// What files are.
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
    /// Files and folders named, in the order in which they came.
    pub paths: Vec<PathBuf>,
    /// What they are.
    pub recognised: Asked<Vec<PathBuf>, Recognised>,
    /// The settings as typed.
    pub draft: ImportDraft,
    /// What an import would bring.
    pub look: Asked<LookRequest, Arc<Inspection>>,
    /// How much is free on the disk of a folder, which need not exist.
    pub disk_space: Asked<PathBuf, DiskSpace>,
}

impl ImportState {
    /// What is known of the files named; while more are being recognised, of those known before.
    pub fn found(&self) -> &[FoundInput] {
        self.recognised.last().map_or(&[], |(_, recognised)| &recognised.found)
    }

    /// Values to begin with, once all files named are recognised.
    pub fn proposal(&self) -> Option<&IngestRequest> {
        match self.recognised.of(&self.paths) {
            Load::Ready(recognised) => Some(&recognised.proposal),
            _ => None,
        }
    }

    /// Whether it is known of the files named what they are, or that nobody can say.
    pub fn is_recognised(&self) -> bool {
        self.recognised.of(&self.paths).is_settled()
    }
}
