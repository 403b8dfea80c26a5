//! Where an import goes.

use std::path::PathBuf;

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
