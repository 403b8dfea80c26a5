//! Commands on jobs of clusters.

use crate::gui::values::JobText;

/// Jobs on clusters.
#[derive(Debug, Clone)]
pub enum ClusterCommand {
    /// Make the script of the run that stands in the Train form, and show it; nothing goes yet.
    Prepare,
    /// Submit the job whose script is shown.
    Submit,
    /// Submit again the tasks of a job that have not ended well.
    RunAgain(String),
    /// Ask whether a job is to be cancelled.
    AskCancel(String),
    /// End a job; what is complete is kept.
    Cancel(String),
    /// Bring the results of a job in.
    BringIn(String),
    /// Show the log or the script of a job.
    Show(JobText),
}
