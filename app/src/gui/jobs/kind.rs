//! What a job does, and what its answer is for.

/// What a job does. Jobs are told apart by it; a title is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Reading a project.
    Open,
    /// Reading the open project again.
    Reload,
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
    /// Finding out what files are.
    Recognise,
    /// Finding out what an import would bring.
    Look,
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
}

impl JobKind {
    /// Whether it is over in a moment. Then it is not shown, for it would only flicker, and does not poll its
    /// cancel flag.
    pub const fn is_brief(self) -> bool {
        match self {
            Self::Order
            | Self::Scores
            | Self::Patch
            | Self::Micrograph
            | Self::Queue
            | Self::Places
            | Self::Curves
            | Self::Disagreement
            | Self::Count
            | Self::Flush
            | Self::DiskSpace
            | Self::Devices
            | Self::DesktopTheme
            | Self::Reveal => true,
            Self::Open
            | Self::Reload
            | Self::Sample
            | Self::Import
            | Self::Score
            | Self::Train
            | Self::Compare
            | Self::Diagnose
            | Self::Export
            | Self::Dialog
            | Self::Recognise
            | Self::Look => false,
        }
    }

    /// Whether it belongs on the status bar.
    pub const fn is_shown(self) -> bool {
        !self.is_brief()
    }

    /// Whether closing the window would end something a person waits for.
    pub const fn asks_before_closing(self) -> bool {
        matches!(self, Self::Sample | Self::Import | Self::Score | Self::Train | Self::Export)
    }
}

/// What a job's answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The window, whatever project is open.
    Window,
    /// The project with this number; once it is closed, nobody waits for the answer.
    Project(u64),
}
