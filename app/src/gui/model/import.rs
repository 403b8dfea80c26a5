//! An import being prepared: what was named, what it is, and what it would bring. Nothing of it is
//! written before the person says so.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use vitrine_core::ingest::{CloseLook, FoundInput, IngestRequest};
use vitrine_core::project::PixelType;

/// Where an import goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportTarget {
    /// Into the project that is open.
    Open,
    /// Into a new project.
    New {
        /// Its folder.
        dir: PathBuf,
        /// How its pixels are stored.
        pixels: PixelType,
    },
}

/// What was seen of a request.
#[derive(Debug, Clone)]
pub struct Looked {
    /// The request.
    pub request: IngestRequest,
    /// Whether it was compared with the open project.
    pub with_open: bool,
    /// What it would bring, or why it cannot be done.
    pub result: Result<Arc<CloseLook>, String>,
    /// The person has cancelled it: that is why there is no result, and nothing stands in the way.
    pub cancelled: bool,
}

/// How much was free on a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// A folder on it, which need not exist.
    pub dir: PathBuf,
    /// Bytes; `None` where the system does not say.
    pub free: Option<u64>,
    /// When that was.
    pub at: Instant,
}

/// An import being prepared.
#[derive(Debug, Clone, Default)]
pub struct ImportDraft {
    /// Files and folders named, in the order in which they came.
    pub paths: Vec<PathBuf>,
    /// What they are, as far as known.
    pub found: Vec<FoundInput>,
    /// Values to begin with for these files.
    pub proposal: Option<IngestRequest>,
    /// Counts up with each proposal.
    pub number: u64,
    /// The newest look.
    pub looked: Option<Looked>,
    /// What is being looked at now.
    pub looking: Option<(IngestRequest, bool)>,
    /// How much was free where the project is or will be, as last seen.
    pub room: Option<Room>,
    /// The folder of which that is being asked now.
    pub measuring: Option<PathBuf>,
}

impl ImportDraft {
    /// Whether the files named have been recognised.
    pub fn is_recognised(&self) -> bool {
        self.found.len() == self.paths.len() && self.paths.iter().zip(&self.found).all(|(p, f)| *p == f.path)
    }

    /// The look at exactly this request, if it is there.
    pub fn look_at(&self, request: &IngestRequest, with_open: bool) -> Option<&Looked> {
        self.looked.as_ref().filter(|looked| looked.request == *request && looked.with_open == with_open)
    }
}
