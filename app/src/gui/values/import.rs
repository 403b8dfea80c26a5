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
        /// The folder of the new project.
        dir: PathBuf,
        /// How it stores pixels.
        pixels: PixelType,
    },
}
