//! Everything the window can be told to do.
//!
//! Views push [`Command`]s; [`App::apply`](crate::gui::App::apply) carries them out. Those that a
//! person gives by key, palette or menu stand in [`TABLE`] with name, tooltip and default key; the
//! palette, the list of keys and the settings are made from it.

use std::path::PathBuf;

use eframe::egui;
use egui::{Key, KeyboardShortcut, Modifiers};
use vitrine_core::Label;
use vitrine_core::diagnosis::Depth;
use vitrine_core::export::ExportRequest;
use vitrine_core::ingest::IngestRequest;
use vitrine_core::learning::config::RunConfig;
use vitrine_core::learning::device::DeviceChoice;
use vitrine_core::project::{PatchId, RunId};
use vitrine_core::review::QueueKind;

use crate::gpu::look::Look;
use crate::gui::jobs::JobId;
use crate::gui::model::{ExportProposal, ImportTarget, Order, Overlay, Tab};
use crate::gui::settings::Theme;

/// A command, by area.
#[derive(Debug, Clone)]
pub enum Command {
    /// Open, close, make projects.
    Project(ProjectCommand),
    /// Bring files in.
    Import(ImportCommand),
    /// Set labels.
    Label(LabelCommand),
    /// The current patch and the selection.
    Select(SelectCommand),
    /// What is shown.
    View(ViewCommand),
    /// Runs.
    Train(TrainCommand),
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
    /// Take up patches, labels and runs that something else has written.
    Reload,
    /// Take a project off the list of recent ones; its files stay.
    Forget(PathBuf),
    /// Files or folders dropped onto the window: a project is opened, others wait for import.
    Dropped(Vec<PathBuf>),
}

/// Bring files into a project. Nothing is written before [`ImportCommand::Run`].
#[derive(Debug, Clone)]
pub enum ImportCommand {
    /// Add files or folders to the import being prepared, and show its page; none only shows it.
    Add(Vec<PathBuf>),
    /// Take one off again.
    Remove(PathBuf),
    /// Choose files in a dialog.
    ChooseFiles,
    /// Choose folders in a dialog.
    ChooseFolders,
    /// See what a request would bring; the newest wins.
    Look {
        /// The request.
        request: Box<IngestRequest>,
        /// Whether it is compared with the open project.
        with_open: bool,
    },
    /// Bring the files in.
    Run {
        /// What and how.
        request: Box<IngestRequest>,
        /// Where.
        target: ImportTarget,
    },
    /// Leave the page; nothing was written.
    Leave,
}

/// Set labels. Each is one step that can be undone, and is on the disk when it was applied.
#[derive(Debug, Clone)]
pub enum LabelCommand {
    /// Label the selection, or the current patch where nothing is selected.
    Set(Label),
    /// Label these patches.
    SetPatches {
        /// Which.
        patches: Vec<PatchId>,
        /// To what.
        label: Label,
        /// Why, for the journal: "rubber band", "queue: most uncertain".
        reason: &'static str,
    },
    /// Paint this label over patches for as long as its key is held.
    Brush(Label),
    /// Take the last step back.
    Undo,
    /// Make the step again that was taken back last.
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
    /// The current patch is this one, if it is shown.
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
    /// All that are shown.
    All,
    /// All shown before the current patch, and that patch.
    AllAbove,
    /// What is shown and not selected, instead of what is.
    Invert,
    /// None.
    Clear,
}

/// What is shown.
#[derive(Debug, Clone)]
pub enum ViewCommand {
    /// Change to a main view.
    Tab(Tab),
    /// Show or hide something over it.
    Overlay(Option<Overlay>),
    /// Sort and filter the gallery; done by a job.
    Order(Box<Order>),
    /// Sort and filter again as before, with the labels of now.
    Rearrange,
    /// Use the scores of this run for sorting, filters and the side panel.
    Scores(RunId),
    /// Show the current patch as large as fits, or the grid again.
    Large,
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
    /// Go on where one stopped, or begin where one never did.
    Enter(QueueKind),
    /// Begin with the labels and scores of now.
    Restart(QueueKind),
    /// Back to all patches.
    Leave,
}

/// A run to be started.
#[derive(Debug, Clone)]
pub struct TrainStart {
    /// Name; `None` numbers it after `base_name`.
    pub name: Option<String>,
    /// Stem of numbered names, the preset's.
    pub base_name: String,
    /// The method.
    pub config: RunConfig,
    /// Where to compute.
    pub device: DeviceChoice,
}

/// Runs.
#[derive(Debug, Clone)]
pub enum TrainCommand {
    /// Start a run.
    Start(Box<TrainStart>),
    /// Start the plain classifier on the same split, then the run.
    StartWithBaseline(Box<TrainStart>),
    /// Start a run with the labels of now and the weights of an earlier run.
    StartFrom {
        /// The earlier run.
        run: String,
        /// The new one.
        start: Box<TrainStart>,
    },
    /// Score every patch with a run.
    Score {
        /// Its name.
        run: String,
        /// Where to compute.
        device: DeviceChoice,
    },
    /// Read the epochs of stored runs, for their curves.
    ReadCurves(Vec<String>),
    /// Read a configuration into the form.
    OpenConfig(PathBuf),
    /// Put a configuration into the form.
    Take {
        /// What numbered names begin with.
        base_name: String,
        /// The configuration.
        config: Box<RunConfig>,
    },
    /// Go on with a run that was stopped or interrupted.
    Continue {
        /// Its name.
        run: String,
        /// Where to compute.
        device: DeviceChoice,
    },
    /// Wait after the current batch.
    Pause,
    /// Go on.
    Resume,
    /// End and keep the best epoch.
    Stop,
    /// Tell of the next checkpoint.
    Checkpoint,
}

/// What is to be examined.
#[derive(Debug, Clone)]
pub struct DiagnoseStart {
    /// The configuration; `None` takes that of the run.
    pub config: Option<RunConfig>,
    /// What it is called.
    pub config_name: String,
    /// A run whose epochs and network are examined too.
    pub run: Option<String>,
    /// How much is done.
    pub depth: Depth,
    /// Where to compute.
    pub device: DeviceChoice,
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
    Ask(Box<AskPath>),
    /// Choose the file in a dialog of the system.
    Choose,
    /// The person has changed the path, or given up.
    Answer(Option<PathBuf>),
    /// Do it.
    Go(PathBuf),
}

/// A file to be named, and what is done with it then.
#[derive(Debug, Clone)]
pub struct AskPath {
    /// "Save the plot Validation AUC".
    pub title: String,
    /// The path so far.
    pub path: PathBuf,
    /// What is done.
    pub purpose: Purpose,
}

/// What is done with a file that was named.
#[derive(Debug, Clone)]
pub enum Purpose {
    /// This text is written.
    Text(String),
    /// A picture of this part of the window is written, in points.
    Picture(egui::Rect),
    /// A configuration is read from it.
    OpenConfig,
}

/// Hand results to other programs.
#[derive(Debug, Clone)]
pub enum ExportCommand {
    /// Write the files.
    Write(Box<ExportRequest>),
    /// Write what stands in the export view.
    WriteShown,
    /// Count what a request would write; the newest wins.
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
        /// Its name.
        name: &'static str,
        /// Points.
        size: f32,
    },
    /// Patches of this side in the gallery, points.
    PatchSide(f32),
    /// How patches are shown.
    Look(Look),
    /// Whether labelling goes on to the next patch.
    AutoAdvance(bool),
    /// Where one stopped in a queue of the open project.
    QueuePlace {
        /// Name of the queue.
        queue: &'static str,
        /// How far.
        place: u64,
    },
    /// All defaults, but the recent projects stay.
    Reset,
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

/// Where a command stands in the palette and the list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// Projects.
    Project,
    /// Labelling.
    Label,
    /// Choosing patches.
    Select,
    /// What is shown.
    View,
    /// Runs.
    Train,
    /// The window.
    Window,
}

impl Area {
    /// All, in the order of the list of keys.
    pub const ALL: [Self; 6] =
        [Self::Label, Self::Select, Self::View, Self::Project, Self::Train, Self::Window];

    /// The heading.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Project => "Project",
            Self::Label => "Label",
            Self::Select => "Choose patches",
            Self::View => "View",
            Self::Train => "Train",
            Self::Window => "Window",
        }
    }
}

/// What must be there for a command to make sense; [`Model::allows`](crate::gui::model::Model::allows)
/// says why it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// An open project.
    Project,
    /// Patches on the screen.
    Patches,
    /// A project that may be changed.
    Writable,
    /// A project that may be changed, and a selected or current patch.
    Labels,
    /// A run that is training.
    Training,
    /// A project that may be changed and no run that is training.
    NoTraining,
}

/// A command that a person gives by name or key.
#[derive(Debug)]
pub struct Info {
    /// Name in the settings file; never changes.
    pub id: &'static str,
    /// Where it stands.
    pub area: Area,
    /// Words in the palette.
    pub name: &'static str,
    /// One sentence.
    pub tooltip: &'static str,
    /// The key it has unless the person gives it another.
    pub shortcut: Option<KeyboardShortcut>,
    /// What must be there.
    pub needs: Needs,
    /// Makes the command.
    pub command: fn() -> Command,
}

/// The command of that id.
pub fn info(id: &str) -> Option<&'static Info> {
    TABLE.iter().find(|info| info.id == id)
}

const fn key(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::NONE, key))
}

const fn ctrl(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND, key))
}

const fn ctrl_shift(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key))
}

/// One row of [`TABLE`].
macro_rules! table {
    ($($id:literal $area:ident $needs:ident $shortcut:expr, $name:literal, $tooltip:literal, $command:expr;)*) => {
        &[$(Info {
            id: $id,
            area: Area::$area,
            name: $name,
            tooltip: $tooltip,
            shortcut: $shortcut,
            needs: Needs::$needs,
            command: || $command,
        }),*]
    };
}

/// Every command a person gives by name or key.
pub static TABLE: &[Info] = table![
    "label.positive" Label Labels key(Key::P), "Label positive",
        "Say that the selected patches are particles.", Command::Label(LabelCommand::Set(Label::Positive));
    "label.negative" Label Labels key(Key::N), "Label negative",
        "Say that the selected patches are no particles.", Command::Label(LabelCommand::Set(Label::Negative));
    "label.unlabeled" Label Labels key(Key::U), "Take the label away",
        "Make the selected patches unlabeled: nobody has said.", Command::Label(LabelCommand::Set(Label::Unlabeled));
    "label.paint_positive" Label Writable key(Key::Num1), "Paint positive",
        "Hold the key and move the pointer over patches: they are particles.", Command::Label(LabelCommand::Brush(Label::Positive));
    "label.paint_negative" Label Writable key(Key::Num2), "Paint negative",
        "Hold the key and move the pointer over patches: they are no particles.", Command::Label(LabelCommand::Brush(Label::Negative));
    "label.paint_unlabeled" Label Writable key(Key::Num3), "Paint unlabeled",
        "Hold the key and move the pointer over patches: their labels go.", Command::Label(LabelCommand::Brush(Label::Unlabeled));
    "label.undo" Label Writable ctrl(Key::Z), "Undo labelling",
        "Take the last labelling back.", Command::Label(LabelCommand::Undo);
    "label.redo" Label Writable ctrl_shift(Key::Z), "Redo labelling",
        "Make the labelling again that was taken back last.", Command::Label(LabelCommand::Redo);

    "select.next" Select Patches key(Key::ArrowRight), "Next patch",
        "Go to the next patch.", Command::Select(SelectCommand::Step(1));
    "select.previous" Select Patches key(Key::ArrowLeft), "Previous patch",
        "Go to the previous patch.", Command::Select(SelectCommand::Step(-1));
    "select.down" Select Patches key(Key::ArrowDown), "Patch below",
        "Go one row down.", Command::Select(SelectCommand::Rows(1));
    "select.up" Select Patches key(Key::ArrowUp), "Patch above",
        "Go one row up.", Command::Select(SelectCommand::Rows(-1));
    "select.page_down" Select Patches key(Key::PageDown), "A screen further",
        "Go one screen of patches further.", Command::Select(SelectCommand::Screens(1));
    "select.page_up" Select Patches key(Key::PageUp), "A screen back",
        "Go one screen of patches back.", Command::Select(SelectCommand::Screens(-1));
    "select.first" Select Patches key(Key::Home), "First patch",
        "Go to the first patch shown.", Command::Select(SelectCommand::Place(0));
    "select.last" Select Patches key(Key::End), "Last patch",
        "Go to the last patch shown.", Command::Select(SelectCommand::Place(usize::MAX));
    "select.all" Select Patches ctrl(Key::A), "Select all shown",
        "Select every patch that is shown.", Command::Select(SelectCommand::All);
    "select.above" Select Patches ctrl_shift(Key::A), "Select all above this point",
        "Select every patch shown up to the current one.", Command::Select(SelectCommand::AllAbove);
    "select.invert" Select Patches ctrl(Key::I), "Invert the selection",
        "Select what is shown and not selected, instead of what is.", Command::Select(SelectCommand::Invert);
    "select.similar" Select Patches key(Key::S), "Select similar",
        "Select the patches that the run in use sees as most like the selected ones or the current one.", Command::Select(SelectCommand::Similar);
    "select.none" Select Patches key(Key::Escape), "Select nothing",
        "Drop the selection.", Command::Select(SelectCommand::Clear);

    "view.gallery" View Project ctrl(Key::Num1), "Gallery",
        "Browse and label patches.", Command::View(ViewCommand::Tab(Tab::Gallery));
    "view.train" View Project ctrl(Key::Num2), "Train",
        "Start a run and watch it.", Command::View(ViewCommand::Tab(Tab::Train));
    "view.compare" View Project ctrl(Key::Num3), "Compare",
        "Put runs side by side.", Command::View(ViewCommand::Tab(Tab::Compare));
    "view.export" View Project ctrl(Key::Num4), "Export",
        "Hand labels and scores to other programs.", Command::View(ViewCommand::Tab(Tab::Export));
    "view.diagnosis" View Project ctrl(Key::Num5), "Diagnosis",
        "See what is wrong with data, configuration or a run.", Command::View(ViewCommand::Tab(Tab::Diagnosis));
    "view.large" View Patches key(Key::Space), "Large view",
        "Show the current patch as large as fits, or the grid again.", Command::View(ViewCommand::Large);
    "view.rearrange" View Patches key(Key::F5), "Sort and filter again",
        "Sort and filter again with the labels of now.", Command::View(ViewCommand::Rearrange);

    "export.write" Project Patches ctrl(Key::E), "Write the export",
        "Write what stands in the export view; its page shows first what that is.",
        Command::Export(ExportCommand::WriteShown);
    "project.open" Project Nothing ctrl(Key::O), "Open a project…",
        "Choose the folder of a project.", Command::Project(ProjectCommand::OpenDialog);
    "project.import" Project Nothing ctrl_shift(Key::O), "Import files…",
        "Bring patches, or micrographs with picks, into a new or the open project.",
        Command::Import(ImportCommand::Add(Vec::new()));
    "project.sample" Project Nothing None, "Open the sample",
        "Make the simulated sample, or open it where it was made before.", Command::Project(ProjectCommand::SampleHere);
    "project.close" Project Project ctrl(Key::W), "Close the project",
        "Close the project and show the first screen.", Command::Project(ProjectCommand::Close);
    "project.reload" Project Project ctrl(Key::R), "Reload the project",
        "Take up what another program has written into the project.", Command::Project(ProjectCommand::Reload);

    "train.pause" Train Training None, "Pause training",
        "Wait after the current batch.", Command::Train(TrainCommand::Pause);
    "train.resume" Train Training None, "Resume training",
        "Go on with a paused run.", Command::Train(TrainCommand::Resume);
    "train.checkpoint" Train Training None, "Checkpoint now",
        "Write a checkpoint at the end of this epoch and say so.", Command::Train(TrainCommand::Checkpoint);
    "train.stop" Train Training None, "Stop training",
        "End after the current batch and keep the best epoch; the run can go on later.", Command::Train(TrainCommand::Stop);

    "window.palette" Window Nothing ctrl(Key::P), "Command palette",
        "Find a command by typing.", Command::View(ViewCommand::Overlay(Some(Overlay::Palette)));
    "window.keys" Window Nothing key(Key::Questionmark), "Keys",
        "List all keys.", Command::View(ViewCommand::Overlay(Some(Overlay::Keys)));
    "window.settings" Window Nothing ctrl(Key::Comma), "Settings",
        "Theme, size and keys.", Command::View(ViewCommand::Overlay(Some(Overlay::Settings)));
    "window.about" Window Nothing None, "About Vitrine",
        "Device and versions, for reports of faults.", Command::View(ViewCommand::Overlay(Some(Overlay::About)));
    "window.larger" Window Nothing ctrl(Key::Plus), "Everything larger",
        "Enlarge text and controls.", Command::Settings(SettingsCommand::ScaleBy(0.1));
    "window.smaller" Window Nothing ctrl(Key::Minus), "Everything smaller",
        "Make text and controls smaller.", Command::Settings(SettingsCommand::ScaleBy(-0.1));
    "window.normal" Window Nothing ctrl(Key::Num0), "Everything in normal size",
        "Text and controls in their normal size.", Command::Settings(SettingsCommand::Scale(1.0));
    "window.close" Window Nothing ctrl(Key::Q), "Close the window",
        "Close Vitrine; asks when work is under way.", Command::Window(WindowCommand::Close);
];
