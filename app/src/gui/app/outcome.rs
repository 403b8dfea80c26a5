//! What jobs hand back, grouped by area like the commands. An answer that a view waits for comes with its
//! question, and is an error where it could not be read.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui;
use vitrine_core::Image;
use vitrine_core::cluster::Cluster;
use vitrine_core::device::DeviceInfo;
use vitrine_core::diagnosis::Report;
use vitrine_core::export::{ExportPreview, ExportRequest};
use vitrine_core::ingest::{AddedPatches, IngestRequest, IngestSummary, Inspection, MicrographSight};
use vitrine_core::picking::picker::{Candidates, ScoreMap};
use vitrine_core::project::{EntryId, LastImport, MicrographId, PatchId, RunId};
use vitrine_core::review::Queue;
use vitrine_core::workflow::comparison::Disagreement;
use vitrine_core::workflow::follow_jobs::{Follower, JobView};
use vitrine_core::workflow::overview::Overview;
use vitrine_core::workflow::pick::{PickSummary, PicksPreview};
use vitrine_core::workflow::round::Round;
use vitrine_core::workflow::sweep_job::Homecoming;
use vitrine_core::workflow::train::RunResult;

use super::dialog::FileQuestion;
use super::loaded::Loaded;
use crate::gui::model::{
    Compared, CurrentScores, DetailKey, DiskSpace, LookRequest, MicrographPicture, MicrographView,
    PatchDetail, Recognised, RunCurves, RunFeatures, SmallPicture, Surveyed, Written,
};
use crate::gui::values::{
    FoundKey, JobText, Listing, MapKey, Order, PicksExportKey, PictureKey, PreparedJob, ReadText, RoundKey,
    SurveyKey,
};

/// What a view waits for.
pub type Answer<T> = anyhow::Result<T>;

/// What the window takes up, made of files that were chosen, at least one.
pub type TakeFiles = Box<dyn FnOnce(Vec<PathBuf>) -> Outcome + Send>;

/// What a job hands back.
pub enum Outcome {
    /// Projects.
    Project(ProjectOutcome),
    /// Imports.
    Import(ImportOutcome),
    /// What the gallery, its side panel and the queues show.
    Review(ReviewOutcome),
    /// Whole micrographs.
    Micrograph(MicrographOutcome),
    /// Picks of a run.
    Pick(PickOutcome),
    /// Runs.
    Run(RunOutcome),
    /// Jobs on clusters.
    Cluster(ClusterOutcome),
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
    /// The sample was made.
    SampleMade(Box<Loaded>),
    /// A recent project at a glance.
    Recent(PathBuf, Answer<Arc<Overview>>),
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
    Inspected(LookRequest, Answer<Arc<Inspection>>),
    /// A micrograph of an import.
    Seen(Box<(IngestRequest, usize)>, Answer<Option<Arc<MicrographSight>>>),
    /// How much is free on the disk of this folder.
    DiskSpace(PathBuf, Answer<DiskSpace>),
    /// Files were brought in.
    Done {
        /// The project, read afresh.
        loaded: Box<Loaded>,
        /// Counts and warnings of the import.
        summary: Box<IngestSummary>,
    },
    /// The last import was taken back, or not.
    TakenBack {
        /// The project, read afresh.
        loaded: Box<Loaded>,
        /// What was taken back.
        taken: Answer<LastImport>,
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

/// Whole micrographs.
pub enum MicrographOutcome {
    /// One for the canvas.
    Picture(PictureKey, Answer<Arc<MicrographPicture>>),
    /// A rough one for the canvas, before the whole one is read; `None` where it cannot be had.
    Rough(PictureKey, Answer<Option<Arc<MicrographPicture>>>),
    /// One for the list.
    Thumbnail(MicrographId, Answer<SmallPicture>),
    /// The file of one was chosen.
    Chosen(MicrographId, PathBuf),
    /// Micrographs whose files are elsewhere than the project said.
    Located(Vec<(MicrographId, PathBuf)>),
    /// Places were cut.
    Marked(Marked),
}

/// What came of places that were marked.
pub struct Marked {
    /// Each with the number of its request, in their order.
    pub done: Vec<(u64, Answer<Option<AddedPatches>>)>,
    /// The picture they were cut from, for the next ones.
    pub image: Option<(MicrographId, Arc<Image>)>,
}

/// Picks of a run.
pub enum PickOutcome {
    /// The places of a micrograph; `None` where it was not picked on.
    Found(FoundKey, Answer<Option<Arc<Candidates>>>),
    /// Counts over all micrographs.
    Surveyed(SurveyKey, Answer<Arc<Surveyed>>),
    /// The score map of a micrograph.
    Map(MapKey, Answer<Arc<ScoreMap>>),
    /// A run beside the one it began with; `None` where it began from scratch.
    Round(RoundKey, Answer<Option<Arc<Round>>>),
    /// A run has picked; what an export has written of it.
    Picked(Box<PickSummary>, Option<Written>),
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

/// A look at the jobs on clusters.
pub struct Looked {
    /// The jobs, the newest first.
    pub jobs: Vec<JobView>,
    /// The clusters of this person.
    pub clusters: Answer<Vec<Cluster>>,
    /// How far the files are read.
    pub follower: Follower,
}

/// Jobs on clusters.
pub enum ClusterOutcome {
    /// They were looked at.
    Looked(Answer<Looked>),
    /// A text of a job.
    Text(JobText, Answer<ReadText>),
    /// A job that is ready to be submitted, by the number of the request.
    Prepared(u64, Answer<Box<PreparedJob>>),
    /// Tasks of a job were submitted.
    Submitted {
        /// Name of the job.
        name: String,
        /// The scheduler's number.
        id: String,
        /// How many tasks were submitted.
        tasks: usize,
        /// How many it has.
        all: usize,
    },
    /// The job of this name was cancelled.
    Cancelled(String),
    /// The runs of a job came into the project.
    CameHome {
        /// Name of the job.
        name: String,
        /// The runs that came, and how many are missing.
        home: Homecoming,
    },
    /// Picks were made of the places of a job.
    Picked {
        /// Name of the job.
        name: String,
        /// What was said of them.
        said: String,
    },
}

/// Exports.
pub enum ExportOutcome {
    /// An export was written.
    Written(Written),
    /// What an export would write, with the labels of that journal position.
    Counted(Box<(ExportRequest, EntryId)>, Answer<ExportPreview>),
    /// What an export of picks would write.
    CountedPicks(Box<PicksExportKey>, Answer<Box<PicksPreview>>),
    /// A path for an export was chosen.
    Chosen(PathBuf),
}

/// The window itself.
pub enum WindowOutcome {
    /// A file was chosen in a dialog for the question on the screen.
    Path(PathBuf),
    /// A file was written.
    Saved(PathBuf),
    /// The desktop answers no question for files: the question, and what is made of its answer.
    NoDialog(Box<FileQuestion>, TakeFiles),
    /// What a folder holds.
    Listed(PathBuf, Answer<Listing>),
    /// The labels are on the disk, so that the window can be closed; or why they are not.
    SavedBeforeClosing(Answer<()>),
    /// The labels of a project that was closed are on the disk; or why they are not.
    SavedAfterClosing(Answer<()>),
    /// The devices on which a run could compute.
    Devices(Answer<Vec<DeviceInfo>>),
    /// Whether the desktop is dark or light, where it says so.
    DesktopTheme(Option<egui::Theme>),
}
