//! The recent projects as the first screen shows them, read in the background.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vitrine_core::workflow::overview::Overview;

use crate::gui::values::{Failure, Load};

/// Recent projects at a glance, by their folders.
#[derive(Debug, Default)]
pub struct Recents(BTreeMap<PathBuf, Load<Arc<Overview>>>);

impl Recents {
    /// What is known of the project in this folder.
    pub fn of(&self, dir: &Path) -> Load<Arc<Overview>> {
        self.0.get(dir).cloned().unwrap_or(Load::NotAsked)
    }

    /// It is being read.
    pub fn ask(&mut self, dir: &Path) {
        self.0.insert(dir.to_owned(), Load::Loading);
    }

    /// It was read, or could not be.
    pub fn answer(&mut self, dir: &Path, overview: Result<Arc<Overview>, Failure>) {
        self.0.insert(dir.to_owned(), overview.into());
    }

    /// It may have changed: it is read again when it is shown next.
    pub fn forget(&mut self, dir: &Path) {
        self.0.remove(dir);
    }
}
