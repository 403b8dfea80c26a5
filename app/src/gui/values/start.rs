//! How the window starts.

use std::path::PathBuf;

/// How the window begins.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The project to open.
    pub project: Option<PathBuf>,
    /// The folder of the sample, to be made or opened.
    pub sample: Option<PathBuf>,
    /// The settings file; `None` keeps settings only as long as the window.
    pub settings: Option<PathBuf>,
}
