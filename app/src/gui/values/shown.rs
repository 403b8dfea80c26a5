//! What the window shows: the main view, and the overlay above it.

use serde::{Deserialize, Serialize};

/// The main views.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tab {
    /// Browse and label.
    #[default]
    Gallery,
    /// Whole micrographs: see and correct picks, pick by hand or with a run.
    Micrographs,
    /// Start and watch runs.
    Train,
    /// Runs side by side.
    Compare,
    /// Export labels and scores for other programs.
    Export,
    /// What is wrong with data, configuration or run.
    Diagnosis,
}

impl Tab {
    /// All, as they stand in the navigation.
    pub const ALL: [Self; 6] =
        [Self::Gallery, Self::Micrographs, Self::Train, Self::Compare, Self::Export, Self::Diagnosis];

    /// The word on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gallery => "Gallery",
            Self::Micrographs => "Micrographs",
            Self::Train => "Train",
            Self::Compare => "Compare",
            Self::Export => "Export",
            Self::Diagnosis => "Diagnosis",
        }
    }
}

/// What lies over the main view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    /// The command palette.
    Palette,
    /// The list of keys.
    Keys,
    /// The settings.
    Settings,
    /// Device and versions.
    About,
    /// Another name for a run.
    RenameRun,
    /// A note on a run.
    NoteRun,
    /// Is a run to be deleted?
    DeleteRun,
    /// The script of a job, before it goes to a cluster.
    SubmitJob,
    /// The log or the script of a job.
    JobText,
    /// Is a job on a cluster to be cancelled?
    CancelJob,
    /// Work is under way: close all the same?
    ConfirmClose,
}
