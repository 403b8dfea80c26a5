//! The commands that a person gives by name or key: name, tooltip, default key and requirements. The palette,
//! the list of keys and the settings are made from this table.

use eframe::egui;
use egui::{Key, KeyboardShortcut, Modifiers};
use vitrine_core::Label;
use vitrine_core::review::QueueKind;

use crate::gui::command::{
    AuditCommand, Command, ExportCommand, ImportCommand, LabelCommand, MicrographCommand, PickCommand,
    PickOn, ProjectCommand, QueueCommand, SaveCommand, SelectCommand, SettingsCommand, TrainCommand,
    ViewCommand, WindowCommand,
};
use crate::gui::values::{Edge, Go, Overlay, SidePanel, SortKey, Tab};

/// Where a command stands in the palette and the list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// Projects.
    Project,
    /// Labelling.
    Label,
    /// Choosing patches.
    Select,
    /// What the window shows.
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

/// What a command requires; [`Model::allows`](crate::gui::model::Model::allows)
/// says why it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// An open project.
    Project,
    /// An open project that holds patches.
    Filled,
    /// A project that a run has scored.
    Scores,
    /// The gallery.
    Gallery,
    /// The gallery with patches in it.
    Patches,
    /// The view of micrographs, with a micrograph in it.
    Micrograph,
    /// A project that may be changed.
    Writable,
    /// The gallery or the micrographs of a project that may be changed.
    Labelling,
    /// The same, and a selected or current patch.
    Labels,
    /// A run that is training.
    Training,
    /// A project that may be changed and no run that is training.
    NoTraining,
    /// Runs that wait in the queue.
    Queued,
    /// A project that may be changed, and an import that can be taken back.
    Imported,
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

const fn queue(kind: QueueKind) -> Command {
    Command::View(ViewCommand::Queue(QueueCommand::Enter(kind)))
}

const fn sort(key: SortKey) -> Command {
    Command::View(ViewCommand::Sort(key))
}

const fn only(label: Option<Label>) -> Command {
    Command::View(ViewCommand::ShowLabel(label))
}

const fn dock(panel: SidePanel, edge: Edge) -> Command {
    Command::Settings(SettingsCommand::Dock { panel, edge })
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
        "Label the selected patches as particles.", Command::Label(LabelCommand::Set(Label::Positive));
    "label.negative" Label Labels key(Key::N), "Label negative",
        "Label the selected patches as non-particles.", Command::Label(LabelCommand::Set(Label::Negative));
    "label.unlabeled" Label Labels key(Key::U), "Clear label",
        "Make the selected patches unlabeled.", Command::Label(LabelCommand::Set(Label::Unlabeled));
    "label.reject" Label Labels key(Key::Delete), "Reject",
        "Label the selected patches as non-particles.", Command::Label(LabelCommand::Set(Label::Negative));
    "label.paint_positive" Label Labelling key(Key::Num1), "Paint positive",
        "Hold the key and move the pointer over patches to label them as particles.", Command::Label(LabelCommand::Brush(Label::Positive));
    "label.paint_negative" Label Labelling key(Key::Num2), "Paint negative",
        "Hold the key and move the pointer over patches to label them as non-particles.", Command::Label(LabelCommand::Brush(Label::Negative));
    "label.paint_unlabeled" Label Labelling key(Key::Num3), "Paint unlabeled",
        "Hold the key and move the pointer over patches to clear their labels.", Command::Label(LabelCommand::Brush(Label::Unlabeled));
    "label.undo" Label Labelling ctrl(Key::Z), "Undo",
        "Undo the last labelling, or the last change of a bad region.", Command::Label(LabelCommand::Undo);
    "label.redo" Label Labelling ctrl_shift(Key::Z), "Redo",
        "Do again what was undone last.", Command::Label(LabelCommand::Redo);

    "select.next" Select Patches key(Key::ArrowRight), "Next patch",
        "Go to the next patch.", Command::Select(SelectCommand::Step(1));
    "select.previous" Select Patches key(Key::ArrowLeft), "Previous patch",
        "Go to the previous patch.", Command::Select(SelectCommand::Step(-1));
    "select.down" Select Patches key(Key::ArrowDown), "Patch below",
        "Go one row down.", Command::Select(SelectCommand::Rows(1));
    "select.up" Select Patches key(Key::ArrowUp), "Patch above",
        "Go one row up.", Command::Select(SelectCommand::Rows(-1));
    "select.page_down" Select Patches key(Key::PageDown), "Page down",
        "Go one screen of patches down.", Command::Select(SelectCommand::Screens(1));
    "select.page_up" Select Patches key(Key::PageUp), "Page up",
        "Go one screen of patches up.", Command::Select(SelectCommand::Screens(-1));
    "select.first" Select Patches key(Key::Home), "First patch",
        "Go to the first patch shown.", Command::Select(SelectCommand::Place(0));
    "select.last" Select Patches key(Key::End), "Last patch",
        "Go to the last patch shown.", Command::Select(SelectCommand::Place(usize::MAX));
    "select.all" Select Patches ctrl(Key::A), "Select all shown",
        "Select every patch that is shown.", Command::Select(SelectCommand::All);
    "select.above" Select Patches ctrl_shift(Key::A), "Select all up to here",
        "Select every patch shown up to the current one.", Command::Select(SelectCommand::AllAbove);
    "select.invert" Select Patches ctrl(Key::I), "Invert the selection",
        "Select the shown patches that are not selected, and unselect the others.", Command::Select(SelectCommand::Invert);
    "select.similar" Select Patches key(Key::S), "Select similar",
        "Select the patches most similar to the selected ones, or to the current one, in the features of the run in use.", Command::Select(SelectCommand::Similar);
    "select.show" Select Patches key(Key::V), "Show only the selected",
        "Show only the selected patches, to check what a label would change.", Command::Select(SelectCommand::Show);
    "select.none" Select Patches key(Key::Escape), "Clear selection",
        "Unselect all patches.", Command::Select(SelectCommand::Clear);

    "view.gallery" View Project ctrl(Key::Num1), "Gallery",
        "Browse and label patches.", Command::View(ViewCommand::Tab(Tab::Gallery));
    "view.micrographs" View Project ctrl(Key::Num6), "Micrographs",
        "See whole micrographs, correct picks, pick by hand or with a run.", Command::View(ViewCommand::Tab(Tab::Micrographs));
    "view.there" View Filled key(Key::M), "Patch to micrograph and back",
        "Go from the current patch to its place on the micrograph, or from the selected pick to its patch in the gallery.",
        Command::Micrograph(MicrographCommand::There);
    "micrograph.next" View Micrograph key(Key::Period), "Next micrograph",
        "Show the next micrograph of the list.", Command::Micrograph(MicrographCommand::Step(1));
    "micrograph.previous" View Micrograph key(Key::Comma), "Previous micrograph",
        "Show the previous micrograph of the list.", Command::Micrograph(MicrographCommand::Step(-1));
    "micrograph.worth" View Micrograph key(Key::W), "Worth a look next",
        "Show the uncorrected micrograph whose picks are least certain, or least like those you have \
         corrected.",
        Command::Pick(PickCommand::Worth);
    "micrograph.audit" View Micrograph None, "Judge picks at random",
        "Ask about places of the run in random order, two picks for each place below the threshold. From 30 answers on the expected \
         precision and recall follow from them.",
        Command::Pick(PickCommand::Audit(AuditCommand::Next));
    "micrograph.pick" View Micrograph None, "Pick on this micrograph",
        "Score the micrograph that is shown with the run that picks.", Command::Pick(PickCommand::Start(PickOn::Shown));
    "micrograph.pick_all" View Micrograph None, "Pick on all micrographs",
        "Score all micrographs with the run that picks. Those that were scored already are not scored again.",
        Command::Pick(PickCommand::Start(PickOn::All));
    "micrograph.export" View Micrograph None, "Export picks…",
        "Write the picks of all micrographs as RELION coordinate files.", Command::Pick(PickCommand::AskExport);
    "micrograph.map" View Micrograph key(Key::H), "Score map",
        "Show or hide the scores of the picking run as a layer over the micrograph.",
        Command::Pick(PickCommand::ToggleMap);
    "micrograph.fit" View Micrograph key(Key::F), "Fit",
        "Show all of the micrograph.", Command::Micrograph(MicrographCommand::Go(Go::Fit));
    "micrograph.full" View Micrograph key(Key::Num0), "1:1",
        "Show one pixel of the micrograph as one pixel of the screen.", Command::Micrograph(MicrographCommand::Go(Go::Full));
    "view.train" View Project ctrl(Key::Num2), "Train",
        "Start a run and watch it.", Command::View(ViewCommand::Tab(Tab::Train));
    "view.compare" View Project ctrl(Key::Num3), "Compare",
        "Compare runs side by side.", Command::View(ViewCommand::Tab(Tab::Compare));
    "view.export" View Project ctrl(Key::Num4), "Export",
        "Export labels and scores for other programs.", Command::View(ViewCommand::Tab(Tab::Export));
    "view.diagnosis" View Project ctrl(Key::Num5), "Diagnosis",
        "Find out what is wrong with data, configuration or a run.", Command::View(ViewCommand::Tab(Tab::Diagnosis));
    "view.road" View Project key(Key::F9), "Show or hide the steps",
        "Show or hide the steps from import to export, with what comes next.", Command::Settings(SettingsCommand::ToggleRoad);
    "view.large" View Patches key(Key::Space), "Large view",
        "Show the current patch as large as fits, or the grid again.", Command::View(ViewCommand::Large);
    "sort.import" View Project None, "Sort by import order",
        "Show patches in the order of the files. Again: reverse order.", sort(SortKey::Import);
    "sort.score" View Scores None, "Sort by score",
        "Show the highest scores of the run in use first. Again: the lowest first.", sort(SortKey::Score);
    "sort.uncertainty" View Scores None, "Sort by uncertainty",
        "Show the scores closest to 0.5 first. Again: the farthest first.", sort(SortKey::Uncertainty);
    "sort.disagreement" View Scores None, "Sort by disagreement of model and label",
        "Show the patches whose score is farthest from their label first. Again: the closest first.", sort(SortKey::Disagreement);
    "sort.micrograph" View Project None, "Sort by micrograph",
        "Show patches micrograph by micrograph. Again: reverse order.", sort(SortKey::Micrograph);
    "sort.label_time" View Project None, "Sort by time of labelling",
        "Show the most recently labelled patches first. Again: the earliest first.", sort(SortKey::LabelTime);
    "sort.random" View Project None, "Sort at random",
        "Shuffle the patches. Again: another shuffle.", sort(SortKey::Random);
    "filter.positive" View Project None, "Filter: only positive",
        "Show only positive patches.", only(Some(Label::Positive));
    "filter.negative" View Project None, "Filter: only negative",
        "Show only negative patches.", only(Some(Label::Negative));
    "filter.unlabeled" View Project None, "Filter: only unlabeled",
        "Show only unlabeled patches.", only(Some(Label::Unlabeled));
    "filter.none" View Project None, "Filter: show all patches",
        "Remove the filter.", only(None);
    "view.rearrange" View Gallery key(Key::F5), "Refresh",
        "Sort and filter again with the current labels.", Command::View(ViewCommand::Rearrange);
    "queue.uncertain" View Scores None, "Queue: most uncertain",
        "Review the unlabeled patches whose score is closest to 0.5.", queue(QueueKind::MostUncertain);
    "queue.particles" View Scores None, "Queue: likely particles",
        "Review the unlabeled patches with the highest scores.", queue(QueueKind::LikelyParticles);
    "queue.positives" View Scores None, "Queue: suspicious positives",
        "Review the positives with the lowest out-of-sample scores.", queue(QueueKind::SuspiciousPositives);
    "queue.audit" View Scores None, "Queue: random audit",
        "Label a random sample of what the run takes for particles, to estimate its precision.", queue(QueueKind::Audit);
    "queue.sample" View Scores None, "Queue: random sample",
        "Label a random sample of all unlabeled patches, to estimate the fraction of particles among them (π).", queue(QueueKind::RandomSample);
    "view.queues" View Gallery key(Key::F6), "Review queues panel",
        "Show or hide the review queues beside the gallery.", Command::Settings(SettingsCommand::TogglePanel(SidePanel::Queues));
    "view.patch" View Gallery key(Key::F7), "Current patch panel",
        "Show or hide the panel of the current patch.", Command::Settings(SettingsCommand::TogglePanel(SidePanel::Patch));
    "view.queues.left" View Gallery None, "Review queues to the left",
        "Put the review queues at the left of the gallery.", dock(SidePanel::Queues, Edge::Left);
    "view.queues.right" View Gallery None, "Review queues to the right",
        "Put the review queues at the right of the gallery.", dock(SidePanel::Queues, Edge::Right);
    "view.queues.bottom" View Gallery None, "Review queues to the bottom",
        "Put the review queues below the gallery.", dock(SidePanel::Queues, Edge::Bottom);
    "view.patch.left" View Gallery None, "Current patch to the left",
        "Put the panel of the current patch at the left of the gallery.", dock(SidePanel::Patch, Edge::Left);
    "view.patch.right" View Gallery None, "Current patch to the right",
        "Put the panel of the current patch at the right of the gallery.", dock(SidePanel::Patch, Edge::Right);
    "view.patch.bottom" View Gallery None, "Current patch to the bottom",
        "Put the panel of the current patch below the gallery.", dock(SidePanel::Patch, Edge::Bottom);
    "view.swap" View Gallery key(Key::F8), "Swap panels",
        "Swap the left and right panels.", Command::Settings(SettingsCommand::SwapPanels);

    "export.write" Project Filled ctrl(Key::E), "Write the export",
        "Write the export as chosen in the Export view. Elsewhere, open that view first.",
        Command::Export(ExportCommand::WriteShown);
    "project.open" Project Nothing ctrl(Key::O), "Open a project…",
        "Choose the folder of a project.", Command::Project(ProjectCommand::OpenDialog);
    "project.import" Project Nothing ctrl_shift(Key::O), "Import files…",
        "Import patches, or micrographs with picks, into a new project or the open one.",
        Command::Import(ImportCommand::Add(Vec::new()));
    "project.take_back" Project Imported None, "Take the last import back",
        "Remove the patches and micrographs of the last import, unless one of them has been labelled since. \
         The imported files stay.",
        Command::Import(ImportCommand::TakeBack);
    "project.sample" Project Nothing None, "Open the sample",
        "Open the sample project of simulated micrographs. It is created the first time.", Command::Project(ProjectCommand::SampleHere);
    "project.close" Project Project ctrl(Key::W), "Close the project",
        "Close the project and show the first screen.", Command::Project(ProjectCommand::Close);
    "project.reload" Project Project ctrl(Key::R), "Reload the project",
        "Read what another program has written into the project.", Command::Project(ProjectCommand::Reload);

    "train.open" Train Project None, "Open a configuration…",
        "Read a configuration in YAML into the Train form.", Command::Save(SaveCommand::AskConfig);
    "train.start" Train Writable None, "Start training",
        "Start a run with the settings of the Train form. While a run trains, add it to the queue.",
        Command::Train(TrainCommand::StartShown { baseline: false });
    "train.baseline" Train Writable None, "Start training with supervised baseline",
        "Train a plain classifier on the same split, then the run of the Train form. While a run trains, add both to the queue.",
        Command::Train(TrainCommand::StartShown { baseline: true });
    "train.rename" Train Writable None, "Rename a run…",
        "Give a run another name.", Command::Train(TrainCommand::AskRename(None));
    "train.note" Train Writable None, "Note on a run…",
        "Write down what is special about a run.", Command::Train(TrainCommand::AskNote(None));
    "train.unpin" Train Writable None, "Unpin scores",
        "Use the scores of the next run to finish, instead of the pinned ones.", Command::Train(TrainCommand::Pin(None));
    "train.delete" Train Writable None, "Delete a run…",
        "Delete a run with its checkpoints, metrics and scores. Asks first.", Command::Train(TrainCommand::AskDelete(None));
    "train.clear_queue" Train Queued None, "Empty the queue of runs",
        "Take all runs out of the queue. The run that is training continues.", Command::Train(TrainCommand::ClearQueue);
    "train.pause" Train Training None, "Pause training",
        "Pause after the current batch.", Command::Train(TrainCommand::Pause);
    "train.resume" Train Training None, "Resume training",
        "Resume a paused run.", Command::Train(TrainCommand::Resume);
    "train.checkpoint" Train Training None, "Save checkpoint",
        "Save a checkpoint after the current step, so that the run can resume from there.", Command::Train(TrainCommand::Checkpoint);
    "train.stop" Train Training None, "Stop training",
        "Stop after the current batch and keep the best epoch. The run can be resumed later.", Command::Train(TrainCommand::Stop);

    "window.palette" Window Nothing ctrl(Key::P), "Command palette",
        "Find a command by typing.", Command::View(ViewCommand::Overlay(Some(Overlay::Palette)));
    "window.keys" Window Nothing key(Key::Questionmark), "Keys",
        "List all keys.", Command::View(ViewCommand::Overlay(Some(Overlay::Keys)));
    "window.settings" Window Nothing ctrl(Key::Comma), "Settings",
        "Theme, size and keys.", Command::View(ViewCommand::Overlay(Some(Overlay::Settings)));
    "window.tour" Window Filled None, "Play the tour",
        "See in five places what the window is for. Escape ends it.", Command::View(ViewCommand::Tour(Some(0)));
    "window.about" Window Nothing None, "About Vitrine",
        "Devices and versions, for bug reports.", Command::View(ViewCommand::Overlay(Some(Overlay::About)));
    "window.larger" Window Nothing ctrl(Key::Plus), "Zoom in",
        "Make text and controls larger.", Command::Settings(SettingsCommand::ScaleBy(0.1));
    "window.smaller" Window Nothing ctrl(Key::Minus), "Zoom out",
        "Make text and controls smaller.", Command::Settings(SettingsCommand::ScaleBy(-0.1));
    "window.normal" Window Nothing ctrl(Key::Num0), "Reset zoom",
        "Show text and controls in their normal size.", Command::Settings(SettingsCommand::Scale(1.0));
    "window.close" Window Nothing ctrl(Key::Q), "Close the window",
        "Close Vitrine. Asks first while work is running.", Command::Window(WindowCommand::Close);
];
