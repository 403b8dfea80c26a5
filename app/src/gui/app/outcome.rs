//! What jobs hand back, grouped by area like the commands. An answer that a view waits for comes with its
//! question, and is an error where it could not be read.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui;
use vitrine_core::device::DeviceInfo;
use vitrine_core::diagnosis::Report;
use vitrine_core::export::{ExportRequest, Preview};
use vitrine_core::ingest::{IngestSummary, Inspection};
use vitrine_core::project::{EntryId, MicrographId, PatchId, RunId};
use vitrine_core::review::Queue;
use vitrine_core::workflow::comparison::Disagreement;
use vitrine_core::workflow::train::RunResult;

use super::loaded::Loaded;
use crate::gui::model::{
    Compared, CurrentScores, DetailKey, DiskSpace, LookRequest, MicrographView, PatchDetail, Recognised,
    RunCurves, RunFeatures, Written,
};
use crate::gui::values::Order;

/// What a view waits for.
pub type Answer<T> = anyhow::Result<T>;

/// What a job hands back.
pub enum Outcome {
    /// Projects.
    Project(ProjectOutcome),
    /// Imports.
    Import(ImportOutcome),
    /// What the gallery, its side panel and the queues show.
    Review(ReviewOutcome),
    /// Runs.
    Run(RunOutcome),
    /// Exports.
    Export(ExportOutcome),
    /// The window itself.
    Window(WindowOutcome),
    /// Nothing to take up.
    Nothing,
}

/// Projects.
pub enum ProjectOutcome {
    /// A project was read.
    Opened(Box<Loaded>),
    /// The open project was read again.
    Reloaded(Box<Loaded>),
    /// The folder of a project was chosen in a dialog.
    Chosen(PathBuf),
}

/// Imports.
pub enum ImportOutcome {
    /// Files or folders to import were chosen.
    Chosen(Vec<PathBuf>),
    /// What these files are, and values to begin with.
    Recognised(Vec<PathBuf>, Answer<Recognised>),
    /// What an import would bring.
    Looked(LookRequest, Answer<Arc<Inspection>>),
    /// How much is free on the disk of this folder.
    DiskSpace(PathBuf, Answer<DiskSpace>),
    /// Files were brought in.
    Done {
        /// The project, read afresh.
        loaded: Box<Loaded>,
        /// Counts and warnings of the import.
        summary: Box<IngestSummary>,
    },
}

/// What the gallery, its side panel and the queues show.
pub enum ReviewOutcome {
    /// Patches were sorted and filtered.
    Arranged {
        /// As asked.
        order: Order,
        /// The patches, first to last.
        ids: Vec<PatchId>,
    },
    /// Scores of a run were read.
    Scores(CurrentScores),
    /// What the side panel says of a patch.
    Detail(DetailKey, Answer<PatchDetail>),
    /// The micrograph in the side panel.
    Micrograph(MicrographId, Answer<MicrographView>),
    /// A queue.
    Queue(Box<Queue>),
    /// Patches similar to what was selected, and the features they were found by.
    Similar(Vec<PatchId>, RunFeatures),
}

/// Runs.
pub enum RunOutcome {
    /// A run has ended, and scored every patch unless that was cancelled.
    Trained(Box<RunResult>),
    /// A run has scored every patch.
    Scored {
        /// The run.
        run: RunId,
        /// The run's name.
        name: String,
    },
    /// The epochs of these runs.
    Curves(Vec<String>, Answer<Vec<RunCurves>>),
    /// These runs side by side.
    Compared(Vec<String>, Answer<Compared>),
    /// The patches on which two runs disagree, the farthest apart first.
    Disagreement([String; 2], Answer<Vec<Disagreement>>),
    /// Data, configuration or a run were examined.
    Diagnosed(Box<Report>),
}

/// Exports.
pub enum ExportOutcome {
    /// An export was written.
    Written(Written),
    /// What an export would write, with the labels of that journal position.
    Counted(Box<(ExportRequest, EntryId)>, Answer<Preview>),
    /// A path for an export was chosen.
    Chosen(PathBuf),
}

/// The window itself.
pub enum WindowOutcome {
    /// A file was chosen in a dialog for the question on the screen.
    Path(PathBuf),
    /// A file was written.
    Saved(PathBuf),
    /// The desktop answers no question for files.
    NoDialog,
    /// The labels are on the disk, so that the window can be closed; or why they are not.
    SavedBeforeClosing(Answer<()>),
    /// The labels of a project that was closed are on the disk; or why they are not.
    SavedAfterClosing(Answer<()>),
    /// The devices on which a run could compute.
    Devices(Answer<Vec<DeviceInfo>>),
    /// Whether the desktop is dark or light, where it says so.
    DesktopTheme(Option<egui::Theme>),
}
