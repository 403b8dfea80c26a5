//! What the window shows: the main view, and the overlay above it.

use serde::{Deserialize, Serialize};

/// The main views.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tab {
    /// Browse and label.
    #[default]
    Gallery,
    /// Start and watch runs.
    Train,
    /// Runs side by side.
    Compare,
    /// Hand labels and scores to other programs.
    Export,
    /// What is wrong with data, configuration or run.
    Diagnosis,
}

impl Tab {
    /// All, as they stand in the navigation.
    pub const ALL: [Self; 5] = [Self::Gallery, Self::Train, Self::Compare, Self::Export, Self::Diagnosis];

    /// The word on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gallery => "Gallery",
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
    /// Is a run to be deleted?
    DeleteRun,
    /// Work is under way: close all the same?
    ConfirmClose,
}
