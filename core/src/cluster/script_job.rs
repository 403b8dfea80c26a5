//! What a job puts into its script, whatever the template.

use std::path::Path;

/// What a job puts into a script.
pub(super) struct ScriptJob<'a> {
    /// Name of the job.
    pub name: &'a str,
    /// `train`, `pick`, `score`.
    pub kind: &'a str,
    /// The command line, quoted for a shell.
    pub command: &'a str,
    /// Folder of the job, absolute.
    pub dir: &'a Path,
    /// Folder of the project, absolute.
    pub project: &'a Path,
    /// Who submits.
    pub user: &'a str,
}
