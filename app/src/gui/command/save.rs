//! Commands that ask for a path to write to or read from.

use std::path::PathBuf;

use crate::gui::values::PathQuestion;

/// Write plots and configurations to files, or read them.
#[derive(Debug, Clone)]
pub enum SaveCommand {
    /// Ask where.
    Ask(Box<PathQuestion>),
    /// Ask which configuration is to be read into the Train form.
    AskConfig,
    /// Choose the file in a dialog of the system instead.
    Choose,
    /// The person has changed the path, or given up.
    Answer(Option<PathBuf>),
    /// Do it.
    Go(PathBuf),
    /// Take all of these.
    GoMany(Vec<PathBuf>),
    /// Read what a folder holds.
    List(PathBuf),
}
