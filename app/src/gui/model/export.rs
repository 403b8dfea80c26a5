//! The preview of an export, and the last export.

use std::path::PathBuf;

use vitrine_core::export::{ExportPreview, ExportRequest, Manifest};
use vitrine_core::project::{EntryId, LastExport};
use vitrine_core::workflow::pick::PicksPreview;

use crate::gui::values::{Asked, PicksExportKey};

/// An export that was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// The file or folder.
    pub out: PathBuf,
    /// What is in it; `None` for a network, which has a card instead.
    pub manifest: Option<Box<Manifest>>,
    /// The manifest's file, or the card's.
    pub beside: PathBuf,
    /// As the project keeps it; `None` where it may not be written.
    pub noted: Option<LastExport>,
}

/// What an export would write, and the last one written.
#[derive(Debug, Clone, Default)]
pub struct ExportState {
    /// What the request would write, counted with the labels of that journal position.
    pub preview: Asked<(ExportRequest, EntryId), ExportPreview>,
    /// What an export of picks would write.
    pub picks: Asked<PicksExportKey, PicksPreview>,
    /// The last export of this project in this window.
    pub written: Option<Written>,
}

impl ExportState {
    /// What was counted no longer holds.
    pub fn forget_counts(&mut self) {
        self.preview.forget();
        self.picks.forget();
    }
}
