//! What a job does, and what its answer is for.

/// What a job does. Jobs are told apart by it; a title is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Reading a project.
    Open,
    /// Reading the open project again.
    Reload,
    /// Looking at a recent project.
    Recent,
    /// Making the sample.
    Sample,
    /// Importing files.
    Import,
    /// Sorting and filtering.
    Order,
    /// Computing scores, or features to find similar patches by.
    Score,
    /// Reading the scores of a run.
    Scores,
    /// Reading what the side panel says of a patch.
    Patch,
    /// Reading the micrograph in the side panel.
    Micrograph,
    /// Reading a micrograph for the canvas.
    Picture,
    /// Reading a micrograph for its row in the list.
    Thumbnail,
    /// Cutting patches at places marked on a micrograph.
    AddPicks,
    /// Scoring micrographs with a run.
    Pick,
    /// Reading what a run has found on a micrograph.
    FoundPicks,
    /// Counting what a run has found.
    Survey,
    /// Computing the score map of a micrograph.
    ScoreMap,
    /// Comparing a run with the one it began with.
    Round,
    /// Looking for the files of micrographs that were moved.
    Locate,
    /// Reading a review queue.
    Queue,
    /// Writing the places in the review queues.
    Places,
    /// Training.
    Train,
    /// Reading the epochs of runs.
    Curves,
    /// Putting runs side by side.
    Compare,
    /// Looking for the patches on which two runs disagree.
    Disagreement,
    /// Examining data, configuration or a run.
    Diagnose,
    /// Writing an export.
    Export,
    /// Counting what an export would write.
    Count,
    /// A dialog of the system.
    Dialog,
    /// Reading what a folder holds.
    Browse,
    /// Finding out what files are.
    Recognise,
    /// Finding out what an import would bring.
    Look,
    /// Reading a micrograph of an import to be looked at.
    Sight,
    /// Waiting until the disk has taken the labels.
    Flush,
    /// Reading how much is free on a disk.
    DiskSpace,
    /// Looking for devices to compute on.
    Devices,
    /// Asking the desktop whether it is dark or light.
    DesktopTheme,
    /// Showing a file in the system's file manager.
    Reveal,
    /// Looking at the jobs on clusters.
    Follow,
    /// Reading the log or the script of a job on a cluster.
    JobText,
    /// Making the script of a job, to be shown.
    Prepare,
    /// Submitting a job to a cluster.
    Submit,
    /// Ending a job on a cluster.
    CancelJob,
    /// Bringing in the results of a job on a cluster.
    Merge,
}

impl JobKind {
    /// Whether it is over in a moment. Then it is not shown, for it would only flicker, and does not poll its
    /// cancel flag.
    pub const fn is_brief(self) -> bool {
        match self {
            Self::Recent
            | Self::Order
            | Self::Scores
            | Self::Patch
            | Self::Micrograph
            | Self::Picture
            | Self::Thumbnail
            | Self::AddPicks
            | Self::FoundPicks
            | Self::Survey
            | Self::Round
            | Self::Locate
            | Self::Queue
            | Self::Places
            | Self::Curves
            | Self::Disagreement
            | Self::Count
            | Self::Browse
            | Self::Sight
            | Self::Flush
            | Self::DiskSpace
            | Self::Devices
            | Self::DesktopTheme
            | Self::Reveal
            | Self::Follow
            | Self::JobText
            | Self::Prepare => true,
            Self::Open
            | Self::Reload
            | Self::Sample
            | Self::Import
            | Self::Score
            | Self::Pick
            | Self::ScoreMap
            | Self::Train
            | Self::Compare
            | Self::Diagnose
            | Self::Export
            | Self::Dialog
            | Self::Recognise
            | Self::Look
            | Self::Submit
            | Self::CancelJob
            | Self::Merge => false,
        }
    }

    /// Whether it belongs on the status bar.
    pub const fn is_shown(self) -> bool {
        !self.is_brief()
    }

    /// Whether closing the window would end something a person waits for.
    pub const fn asks_before_closing(self) -> bool {
        matches!(
            self,
            Self::Sample
                | Self::Import
                | Self::AddPicks
                | Self::Pick
                | Self::Score
                | Self::Train
                | Self::Export
                | Self::Submit
                | Self::CancelJob
                | Self::Merge
        )
    }
}

/// What a job's answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The window, whatever project is open.
    Window,
    /// The project with this number; the answer is dropped once the project is closed.
    Project(u64),
}
