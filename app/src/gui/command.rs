//! The commands of the window.
//!
//! Views push [`Command`]s; [`App::apply`](crate::gui::App::apply) carries them out. Those that a
//! person gives by key, palette or menu stand in [`crate::gui::command_table`] as well.

use std::path::PathBuf;

use vitrine_core::Label;
use vitrine_core::device::DeviceChoice;
use vitrine_core::export::ExportRequest;
use vitrine_core::imaging::Mask;
use vitrine_core::ingest::IngestRequest;
use vitrine_core::learning::config::RunConfig;
use vitrine_core::project::{MicrographId, PatchId, RunId};
use vitrine_core::review::QueueKind;

use crate::gpu::colour_map::ColourMap;
use crate::gpu::look::Look;
use crate::gui::drafts::{
    DiagnosisDraft, ExportDraft, ImportDraft, PickDraft, RunDraft, SubmitDraft, TrainDraft,
};
use crate::gui::jobs::JobId;
use crate::gui::settings::Settings;
use crate::gui::values::{
    Before, DiagnoseStart, Edge, ExportProposal, FoundKey, Go, ImportTarget, JobText, LabelSource, MapKey,
    MicrographSort, Order, Overlay, PathQuestion, PictureKey, RoundKey, SidePanel, SortKey, SurveyKey, Tab,
    Theme, TrainStart,
};

/// A command, by area.
#[derive(Debug, Clone)]
pub enum Command {
    /// Open, close, make projects.
    Project(ProjectCommand),
    /// Bring files in.
    Import(ImportCommand),
    /// The person has changed what a form holds.
    Draft(DraftCommand),
    /// Whole micrographs.
    Micrograph(MicrographCommand),
    /// Pick with a run.
    Pick(PickCommand),
    /// Set labels.
    Label(LabelCommand),
    /// The current patch and the selection.
    Select(SelectCommand),
    /// What the window shows.
    View(ViewCommand),
    /// Runs.
    Train(TrainCommand),
    /// Jobs on clusters.
    Cluster(ClusterCommand),
    /// Put runs side by side.
    Compare(CompareCommand),
    /// Examine data, configuration or a run.
    Diagnose(Box<DiagnoseStart>),
    /// Write plots and configurations to files.
    Save(SaveCommand),
    /// Hand results to other programs.
    Export(ExportCommand),
    /// Settings.
    Settings(SettingsCommand),
    /// The window itself: jobs, notices, closing.
    Window(WindowCommand),
}

impl Command {
    /// Sorts and filters the gallery in this way.
    pub fn order(order: Order) -> Self {
        Self::View(ViewCommand::Order(Box::new(order)))
    }
}

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

/// Bring files into a project. Nothing is written before [`ImportCommand::Run`].
#[derive(Debug, Clone)]
pub enum ImportCommand {
    /// Add files or folders to the import being prepared, and show its page; none only shows it.
    Add(Vec<PathBuf>),
    /// Prepare an import of unlabeled patches from the micrographs of the open project that hold positives.
    AddUnlabeled,
    /// Take one off again.
    Remove(PathBuf),
    /// Read the files again; reading them was cancelled.
    Recognise,
    /// Choose files in a dialog.
    ChooseFiles,
    /// Choose folders in a dialog.
    ChooseFolders,
    /// Preview a request. The newest one wins.
    Look {
        /// The request.
        request: Box<IngestRequest>,
        /// Whether it is compared with the open project.
        with_open: bool,
    },
    /// Read the free space on the disk of this folder.
    Measure(PathBuf),
    /// Bring the files in.
    Run {
        /// The files and the settings.
        request: Box<IngestRequest>,
        /// The project it goes into.
        target: ImportTarget,
    },
    /// Take the last import of the open project back.
    TakeBack,
    /// Leave the page; nothing was written.
    Leave,
}

/// What a form holds now, as the person has changed it.
#[derive(Debug, Clone)]
pub enum DraftCommand {
    /// Train.
    Train(Box<TrainDraft>),
    /// Import; without its page there is none.
    Import(Box<ImportDraft>),
    /// Export.
    Export(Box<ExportDraft>),
    /// Diagnosis.
    Diagnosis(DiagnosisDraft),
    /// Picking with a run.
    Pick(PickDraft),
    /// The dialogs that rename and delete a run.
    Run(RunDraft),
    /// Where the run of the Train form goes.
    Submit(SubmitDraft),
    /// The folder of the sample, on the first screen.
    Sample(String),
}

/// Whole micrographs.
#[derive(Debug, Clone)]
pub enum MicrographCommand {
    /// Show this one.
    Open(MicrographId),
    /// Show the one this many rows further in the list (negative: back).
    Step(i64),
    /// Sort the list by this; by the same again, the other way round.
    Sort(MicrographSort),
    /// Read one for the canvas.
    Read(PictureKey),
    /// Read one for its row in the list.
    ReadThumbnail(MicrographId),
    /// Move the view.
    Go(Go),
    /// From the current patch of the gallery to its place on the micrograph; from a pick to the gallery.
    There,
    /// The particle has this diameter, px of the micrograph.
    Diameter(f64),
    /// Rule out parts of a micrograph, or all of it, in place of what was ruled out before.
    SetMask(MicrographId, Mask),
    /// Ask where the file of this one is now.
    Locate(MicrographId),
    /// Cut patches at places and label them.
    Mark(MarkPlaces),
}

/// Places on a micrograph that a person says something of.
#[derive(Debug, Clone)]
pub struct MarkPlaces {
    /// The micrograph.
    pub micrograph: MicrographId,
    /// Centres, px of the micrograph.
    pub places: Vec<[f64; 2]>,
    /// What they are.
    pub label: Label,
    /// The run whose picks are judged.
    pub run: Option<RunId>,
    /// The reason, for the journal.
    pub reason: &'static str,
}

/// Pick with a run.
#[derive(Debug, Clone)]
pub enum PickCommand {
    /// Score micrographs with the run of the panel.
    Start {
        /// All of them, or the one that is shown.
        all: bool,
    },
    /// Wait after the micrograph under way.
    Pause,
    /// Go on.
    Resume,
    /// Stop; what was scored is kept.
    Stop,
    /// Read the places of a micrograph.
    ReadFound(FoundKey),
    /// Count the places of all micrographs.
    ReadSurvey(SurveyKey),
    /// Say of places what they are.
    Judge {
        /// The micrograph.
        micrograph: MicrographId,
        /// Centres, px of the micrograph.
        places: Vec<[f64; 2]>,
        /// What they are.
        label: Label,
    },
    /// Ask for the folder that the picks on all micrographs go to.
    AskExport,
    /// Write the picks on all micrographs into this folder.
    Export(PathBuf),
    /// Give a micrograph a threshold of its own under the run of the panel; `None` takes the common one again.
    OwnThreshold(MicrographId, Option<f64>),
    /// Take the shift of each micrograph out of its scores, or leave it in.
    WithoutShifts(bool),
    /// Show the micrograph that is most worth a look.
    Worth,
    /// Show or hide the score map.
    ToggleMap,
    /// Draw the score map in these colours.
    MapColours(ColourMap),
    /// Compute the score map of a micrograph.
    ReadMap(MapKey),
    /// Compare a run with the one it began with.
    ReadRound(RoundKey),
}

/// Set labels. Each is one step that can be undone, and is on the disk when it was applied.
#[derive(Debug, Clone)]
pub enum LabelCommand {
    /// Label the selection, or the current patch where nothing is selected.
    Set(Label),
    /// Label these patches.
    SetPatches {
        /// The patches.
        patches: Vec<PatchId>,
        /// The new label.
        label: Label,
        /// How they were chosen, for the journal.
        source: LabelSource,
    },
    /// Paint this label over patches for as long as its key is held.
    Brush(Label),
    /// The key was let go.
    EndBrush,
    /// Undo the last step.
    Undo,
    /// Redo the step that was undone last.
    Redo,
}

/// The current patch and the selection. Places count in the order shown.
#[derive(Debug, Clone)]
pub enum SelectCommand {
    /// The current patch this many places further (negative: back).
    Step(i64),
    /// The current patch this many rows of the gallery further (negative: back).
    Rows(i64),
    /// The current patch this many screens of the gallery further (negative: back).
    Screens(i64),
    /// The current patch is the one at this place.
    Place(usize),
    /// The current patch is this one; a queue or filter that hides it is left.
    Patch(PatchId),
    /// Select or take out one patch.
    Toggle(PatchId),
    /// Select from the first to the last of these places, both included, besides what is selected.
    Range(usize, usize),
    /// Exactly these.
    Only(Vec<PatchId>),
    /// These besides what is selected.
    Add(Vec<PatchId>),
    /// The patches most like the selected ones, or like the current one, in the features of the run
    /// whose scores are in use.
    Similar,
    /// Show the selected ones and no others.
    Show,
    /// Select exactly these and show them in the gallery; a queue or filter that hides some is left.
    ShowThese(Vec<PatchId>),
    /// All that are shown.
    All,
    /// All shown before the current patch, and that patch.
    AllAbove,
    /// What is shown and not selected, instead of what is.
    Invert,
    /// None.
    Clear,
}

impl SelectCommand {
    /// Whether it goes to another patch and leaves the selection as it is.
    pub const fn moves_on(&self) -> bool {
        matches!(self, Self::Step(_) | Self::Rows(_) | Self::Screens(_) | Self::Place(_) | Self::Patch(_))
    }
}

/// What the window shows.
#[derive(Debug, Clone)]
pub enum ViewCommand {
    /// Change to a main view.
    Tab(Tab),
    /// Show this place of the tour, counted from 0, or end it.
    Tour(Option<usize>),
    /// Show or hide something over it.
    Overlay(Option<Overlay>),
    /// Sort and filter the gallery; done by a job.
    Order(Box<Order>),
    /// Sort the gallery by this; by the same again, the other way round.
    Sort(SortKey),
    /// Show only patches with this label in the gallery; `None` shows all patches.
    ShowLabel(Option<Label>),
    /// Sort and filter again as before, with the labels of now.
    Rearrange,
    /// Use the scores of this run for sorting, filters and the side panel.
    Scores(RunId),
    /// Show the current patch as large as fits, or the grid again.
    Large,
    /// The grid was drawn with so many columns, and rows wholly on the screen.
    Grid {
        /// Patches in a row.
        columns: usize,
        /// Rows.
        rows: usize,
    },
    /// Show the diagnosis with this run to be examined.
    Examine(String),
    /// Read what the side panel says of this patch.
    Detail(PatchId),
    /// Read the micrograph of this patch for the side panel.
    Micrograph(PatchId),
    /// Go through a review queue.
    Queue(QueueCommand),
}

/// Review queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueCommand {
    /// Enter a queue where the person stopped, or at its start.
    Enter(QueueKind),
    /// Build the queue again from the current labels and scores.
    Restart(QueueKind),
    /// Leave the queue and show all patches.
    Leave,
}

/// Runs.
#[derive(Debug, Clone)]
pub enum TrainCommand {
    /// Start a run.
    Start(Box<TrainStart>),
    /// Start the corrected run of a diagnosis, and then what it is to be held against.
    StartCorrected {
        /// The corrected run.
        start: Box<TrainStart>,
        /// The run before the correction.
        before: Before,
    },
    /// Start the run that stands in the form, after its baseline where asked; while a run trains, add it to the queue.
    StartShown {
        /// Whether the plain classifier comes first.
        baseline: bool,
    },
    /// Take this run out of the queue.
    Unqueue(u64),
    /// Let this run of the queue start before the one ahead of it.
    QueueEarlier(u64),
    /// Let the queue go on that waited when the project was closed.
    GoOnQueue,
    /// Take all runs out of the queue.
    ClearQueue,
    /// Train a new run on from this one, with its settings and the labels of now; while a run trains, after it.
    Retrain(String),
    /// Put the settings of a run into the form; the next run begins with its weights.
    TakeFrom(String),
    /// Put the settings of a run into the form; the next run begins with new weights.
    CopySettings(String),
    /// Draw the curves of a stored run, or draw them no longer.
    Draw {
        /// The run's name.
        run: String,
        /// Whether they are drawn.
        on: bool,
    },
    /// Ask for another name of a run; `None` takes the one whose scores are in use, else the newest.
    AskRename(Option<String>),
    /// Ask whether a run is to be deleted, and say what would go; `None` as above.
    AskDelete(Option<String>),
    /// Ask for a note on a run; `None` as above.
    AskNote(Option<String>),
    /// Note something on a run; nothing takes the note away.
    Note {
        /// The run.
        run: String,
        /// The note.
        note: String,
    },
    /// Use the scores of this run until they are unpinned; `None` unpins.
    Pin(Option<String>),
    /// Give a run another name.
    Rename {
        /// The run.
        run: String,
        /// The new name.
        name: String,
    },
    /// Delete a run with its checkpoints, metrics and scores.
    Delete(String),
    /// Score every patch with a run.
    Score {
        /// The run's name.
        run: String,
        /// The device.
        device: DeviceChoice,
    },
    /// Read the epochs of stored runs, for their curves.
    ReadCurves(Vec<String>),
    /// Put a configuration into the form.
    Take {
        /// What numbered names begin with.
        base_name: String,
        /// The configuration.
        config: Box<RunConfig>,
    },
    /// Resume a run that was stopped or interrupted.
    Continue {
        /// The run's name.
        run: String,
        /// The device.
        device: DeviceChoice,
    },
    /// Pause after the current batch.
    Pause,
    /// Resume a paused run.
    Resume,
    /// Stop and keep the best epoch.
    Stop,
    /// Save a checkpoint after the current step.
    Checkpoint,
}

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

/// Put runs side by side.
#[derive(Debug, Clone)]
pub enum CompareCommand {
    /// Measure these runs with the labels of now.
    Read(Vec<String>),
    /// The patches on which two of the runs measured disagree most.
    Disagree([String; 2]),
}

/// Write plots and configurations to files, or read them.
#[derive(Debug, Clone)]
pub enum SaveCommand {
    /// Ask where.
    Ask(Box<PathQuestion>),
    /// Ask which configuration is to be read into the Train form.
    AskConfig,
    /// Choose the file in a dialog of the system instead.
    Choose,
    /// The person has changed the path, or given up.
    Answer(Option<PathBuf>),
    /// Do it.
    Go(PathBuf),
    /// Take all of these.
    GoMany(Vec<PathBuf>),
    /// Read what a folder holds.
    List(PathBuf),
}

/// Hand results to other programs.
#[derive(Debug, Clone)]
pub enum ExportCommand {
    /// Write what stands in the export view.
    WriteShown,
    /// Preview a request. The newest one wins.
    Preview(Box<ExportRequest>),
    /// Write the network of a run and its card.
    WriteModel {
        /// The run.
        run: String,
        /// The file, `.safetensors`.
        out: PathBuf,
        /// Whether existing files may be replaced.
        force: bool,
    },
    /// Show the view with this run and threshold.
    Propose(ExportProposal),
    /// Choose the file (or where a folder is written, the folder to write it in) in a dialog.
    ChooseOut {
        /// The path now.
        now: PathBuf,
        /// Whether a folder is written.
        folder: bool,
    },
}

/// Settings.
#[derive(Debug, Clone)]
pub enum SettingsCommand {
    /// Light or dark.
    Theme(Theme),
    /// Size of everything.
    Scale(f32),
    /// Everything this much larger (negative: smaller).
    ScaleBy(f32),
    /// The key of a command; `None` for none.
    Key {
        /// Id of the command.
        id: &'static str,
        /// "Ctrl+Shift+Z".
        key: Option<String>,
    },
    /// A command gets its default key back.
    DefaultKey(&'static str),
    /// A panel was resized.
    Panel {
        /// The panel's name.
        name: &'static str,
        /// Points.
        size: f32,
    },
    /// A panel beside the gallery is shown or hidden.
    TogglePanel(SidePanel),
    /// The rail of steps is shown or hidden.
    ToggleRoad,
    /// The panels beside the gallery change sides.
    SwapPanels,
    /// A panel beside the gallery goes to this edge, and is shown.
    Dock {
        /// The panel.
        panel: SidePanel,
        /// The edge.
        edge: Edge,
    },
    /// A part of a view was folded or opened.
    Fold {
        /// Its name in the settings.
        part: String,
        /// Whether it is open.
        open: bool,
    },
    /// Patches of this side in the gallery, points.
    PatchSide(f32),
    /// How patches are shown.
    Look(Look),
    /// Whether labelling goes on to the next patch.
    AutoAdvance(bool),
    /// Whether files are always chosen in the window's own file browser.
    OwnBrowser(bool),
    /// All defaults, but the recent projects stay.
    Reset,
    /// Take a reset back: these settings again.
    Restore(Box<Settings>),
}

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
