//! Commands that open, close and make projects.

use std::path::PathBuf;

/// Open, close, make projects.
#[derive(Debug, Clone)]
pub enum ProjectCommand {
    /// Open the project in this folder.
    Open(PathBuf),
    /// Choose a folder in a dialog, then open it.
    OpenDialog,
    /// Make the sample project in this folder, or open it where it was made before.
    Sample(PathBuf),
    /// As [`ProjectCommand::Sample`], in the folder named on the first screen.
    SampleHere,
    /// Close the project and show the first screen.
    Close,
    /// Read patches, labels and runs that another program has written.
    Reload,
    /// Look at a recent project for its card.
    ReadRecent(PathBuf),
    /// Remove a project from the list of recent ones. Its files stay.
    Forget(PathBuf),
    /// Files or folders dropped onto the window: a project is opened, others wait for import.
    Dropped(Vec<PathBuf>),
}
