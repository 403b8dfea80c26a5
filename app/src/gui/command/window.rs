//! Commands on jobs, notices and the window itself.

use std::path::PathBuf;

use crate::gui::jobs::JobId;

/// The window itself.
#[derive(Debug, Clone)]
pub enum WindowCommand {
    /// Cancel a job.
    Cancel(JobId),
    /// Take a notice away.
    Dismiss(u64),
    /// Show a file or folder in the system's file manager.
    Reveal(PathBuf),
    /// Read which devices a run could compute on.
    ReadDevices,
    /// Close the window; asks when work is under way.
    Close,
    /// Stop all work, keeping what is complete, then close.
    CloseAnyway,
}
