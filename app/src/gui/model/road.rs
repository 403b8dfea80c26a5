//! The road from files to an exported set of particles: the state of each step, and the one thing to do next. Both follow
//! from the evidence alone.

use vitrine_core::device::DeviceChoice;
use vitrine_core::review::QueueKind;

use crate::gui::command::{Command, ImportCommand, QueueCommand, TrainCommand, ViewCommand};
use crate::gui::values::Tab;
use crate::words;

/// With fewer positives a run learns little.
pub const MIN_POSITIVES: u64 = 20;

/// A step of the road.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoadStep {
    /// Bring files in.
    Import,
    /// Correct and mark picks on whole micrographs.
    Micrographs,
    /// Label patches.
    Label,
    /// Train a run.
    Train,
    /// Judge what the run has found.
    Review,
    /// Hand the particles to other programs.
    Export,
}

impl RoadStep {
    /// The word on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Import => "Import",
            Self::Micrographs => "Micrographs",
            Self::Label => "Label",
            Self::Train => "Train",
            Self::Review => "Review",
            Self::Export => "Export",
        }
    }
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Nothing of it is there.
    ToDo,
    /// Something is there, and something is left.
    Begun,
    /// What the next step needs is there.
    Done,
}

impl StepState {
    /// The words for a screen reader.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ToDo => "to do",
            Self::Begun => "begun",
            Self::Done => "done",
        }
    }
}

/// A run that is training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Training {
    /// The run.
    pub run: String,
    /// Epoch under way and epochs in all, once the first has begun.
    pub epoch: Option<(usize, usize)>,
}

/// Where a person is in a review queue of the scores in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueProgress {
    /// The queue.
    pub kind: QueueKind,
    /// Patches not looked at yet.
    pub left: usize,
    /// Patches in the queue.
    pub of: usize,
}

/// What a project shows of how far it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoadEvidence {
    /// Why nothing may be changed, if nothing may.
    pub read_only: bool,
    /// Patches.
    pub patches: u64,
    /// Micrographs.
    pub micrographs: u64,
    /// Positive patches.
    pub positives: u64,
    /// Unlabeled patches.
    pub unlabeled: u64,
    /// Runs in all.
    pub runs: usize,
    /// The newest run with a complete epoch.
    pub trained: Option<String>,
    /// Validation AUC of the run whose scores are in use, else of the newest trained one.
    pub auc: Option<f64>,
    /// The newest run, where it was cut short and can be resumed.
    pub interrupted: Option<String>,
    /// The run that is training.
    pub training: Option<Training>,
    /// The run whose scores are in use.
    pub scores: Option<String>,
    /// Labels set since the newest trained run began.
    pub relabelled: u64,
    /// The queues that were begun under the scores in use.
    pub queues: Vec<QueueProgress>,
    /// What was exported last.
    pub exported: Option<Exported>,
}

/// What was exported last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Name of the file or folder.
    pub name: String,
    /// Whether labels have changed since.
    pub outdated: bool,
}

/// A step as the rail shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoadStop {
    /// The step.
    pub step: RoadStep,
    /// How far it is.
    pub state: StepState,
    /// What says so, in a few words.
    pub evidence: String,
}

/// The one thing to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// Import files.
    Import,
    /// Import patches without a label.
    AddUnlabeled,
    /// Mark particles on micrographs.
    MarkParticles,
    /// Label particles.
    Label,
    /// Train a first run.
    Train,
    /// Watch the run that is training.
    Watch,
    /// Resume this run.
    Resume(String),
    /// Score the patches with this run.
    Score(String),
    /// Go through this queue.
    Review(QueueKind),
    /// Train on from this run with the labels of now.
    Retrain(String),
    /// Export.
    Export,
}

impl NextStep {
    /// The step of the road it belongs to.
    pub const fn step(&self) -> RoadStep {
        match self {
            Self::Import | Self::AddUnlabeled => RoadStep::Import,
            Self::MarkParticles => RoadStep::Micrographs,
            Self::Label => RoadStep::Label,
            Self::Train | Self::Watch | Self::Resume(_) | Self::Score(_) | Self::Retrain(_) => {
                RoadStep::Train
            }
            Self::Review(_) => RoadStep::Review,
            Self::Export => RoadStep::Export,
        }
    }

    /// The words on its button.
    pub fn button(&self) -> &'static str {
        match self {
            Self::Import => "Import files",
            Self::AddUnlabeled => "Add unlabeled",
            Self::MarkParticles => "Mark particles",
            Self::Label => "Label particles",
            Self::Train => "Set up a run",
            Self::Watch => "Watch the run",
            Self::Resume(_) => "Resume the run",
            Self::Score(_) => "Score patches",
            Self::Review(_) => "Review",
            Self::Retrain(_) => "Retrain",
            Self::Export => "Go to Export",
        }
    }

    /// What its button does. Training is only prepared: the person starts it.
    pub fn command(&self) -> Command {
        let tab = |tab| Command::View(ViewCommand::Tab(tab));
        match self {
            Self::Import => Command::Import(ImportCommand::Add(Vec::new())),
            Self::AddUnlabeled => Command::Import(ImportCommand::AddUnlabeled),
            Self::MarkParticles => tab(Tab::Micrographs),
            Self::Label => tab(Tab::Gallery),
            Self::Train | Self::Watch => tab(Tab::Train),
            Self::Resume(run) => {
                Command::Train(TrainCommand::Continue { run: run.clone(), device: DeviceChoice::Auto })
            }
            Self::Score(run) => {
                Command::Train(TrainCommand::Score { run: run.clone(), device: DeviceChoice::Auto })
            }
            Self::Review(kind) => Command::View(ViewCommand::Queue(QueueCommand::Enter(*kind))),
            Self::Retrain(run) => Command::Train(TrainCommand::TakeFrom(run.clone())),
            Self::Export => tab(Tab::Export),
        }
    }
}

/// The road as far as a project has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Road {
    /// The steps, first to last.
    pub stops: Vec<RoadStop>,
    /// The one thing to do next, and why; `None` where nothing is left or nothing may be changed.
    pub next: Option<(NextStep, String)>,
}

/// The state of each step and the next thing to do.
pub fn road(evidence: &RoadEvidence) -> Road {
    let stop = |step, (state, evidence)| RoadStop { step, state, evidence };
    let mut stops = vec![stop(RoadStep::Import, import(evidence))];
    if evidence.micrographs > 0 {
        stops.push(stop(RoadStep::Micrographs, micrographs(evidence)));
    }
    stops.push(stop(RoadStep::Label, label(evidence)));
    stops.push(stop(RoadStep::Train, train(evidence)));
    stops.push(stop(RoadStep::Review, review(evidence)));
    stops.push(stop(RoadStep::Export, export(evidence)));
    Road { stops, next: next(evidence) }
}

fn import(evidence: &RoadEvidence) -> (StepState, String) {
    match (evidence.patches, evidence.micrographs) {
        (0, 0) => (StepState::ToDo, "no files yet".to_owned()),
        (0, _) => (StepState::Begun, "no patches yet".to_owned()),
        (_, _) if evidence.unlabeled == 0 => (StepState::Begun, "none unlabeled".to_owned()),
        (patches, _) => (StepState::Done, words::patches(patches)),
    }
}

fn micrographs(evidence: &RoadEvidence) -> (StepState, String) {
    let state = if evidence.patches == 0 { StepState::ToDo } else { StepState::Done };
    (state, counted(evidence.micrographs, "micrograph"))
}

fn label(evidence: &RoadEvidence) -> (StepState, String) {
    let state = match evidence.positives {
        0 => StepState::ToDo,
        few if few < MIN_POSITIVES => StepState::Begun,
        _ => StepState::Done,
    };
    (state, counted(evidence.positives, "positive"))
}

fn train(evidence: &RoadEvidence) -> (StepState, String) {
    if let Some(training) = &evidence.training {
        let how_far = match training.epoch {
            Some((epoch, epochs)) => format!("epoch {epoch} of {epochs}"),
            None => "run starting".to_owned(),
        };
        return (StepState::Begun, how_far);
    }
    let runs = counted(evidence.runs as u64, "run");
    match (&evidence.trained, evidence.auc) {
        (None, _) if evidence.runs == 0 => (StepState::ToDo, "no run yet".to_owned()),
        (None, _) => (StepState::Begun, format!("{runs}, none complete")),
        (Some(_), Some(auc)) => (StepState::Done, format!("{runs}, AUC {auc:.2}")),
        (Some(_), None) => (StepState::Done, runs),
    }
}

fn review(evidence: &RoadEvidence) -> (StepState, String) {
    if evidence.scores.is_none() {
        return (StepState::ToDo, "needs a run".to_owned());
    }
    if let Some(queue) = evidence.queues.iter().find(|queue| queue.left > 0) {
        return (StepState::Begun, format!("{} left", words::count(queue.left as u64)));
    }
    match evidence.queues.iter().map(|queue| queue.of as u64).sum() {
        0 => (StepState::ToDo, "not begun".to_owned()),
        reviewed => (StepState::Done, format!("{} reviewed", words::count(reviewed))),
    }
}

fn export(evidence: &RoadEvidence) -> (StepState, String) {
    match &evidence.exported {
        None => (StepState::ToDo, "not exported".to_owned()),
        Some(exported) if exported.outdated => (StepState::Begun, "labels are newer".to_owned()),
        Some(exported) => (StepState::Done, exported.name.clone()),
    }
}

/// The first of what is missing, in the order of the road.
fn next(evidence: &RoadEvidence) -> Option<(NextStep, String)> {
    let positives = counted(evidence.positives, "positive");
    if evidence.read_only {
        return None;
    }
    if let Some(training) = &evidence.training {
        return Some((NextStep::Watch, format!("{} is training.", training.run)));
    }
    match (evidence.patches, evidence.micrographs) {
        (0, 0) => return Some((NextStep::Import, "The project has no patches yet.".to_owned())),
        (0, count) => {
            let reason = format!("{}, no pick yet.", counted(count, "micrograph"));
            return Some((NextStep::MarkParticles, reason));
        }
        _ => {}
    }
    if evidence.positives == 0 && evidence.scores.is_none() {
        return Some((NextStep::Label, "No positive yet. A run learns from about 20 or more.".to_owned()));
    }
    if evidence.unlabeled == 0 && evidence.trained.is_none() {
        let reason = format!("{positives}, no unlabeled patches to tell them from.");
        return Some((NextStep::AddUnlabeled, reason));
    }
    if let Some(run) = &evidence.interrupted {
        return Some((NextStep::Resume(run.clone()), format!("{run} was interrupted.")));
    }
    match (&evidence.trained, &evidence.scores) {
        (None, None) if evidence.positives < MIN_POSITIVES => {
            return Some((NextStep::Label, format!("{positives}. A run learns little from fewer than 20.")));
        }
        (None, None) => return Some((NextStep::Train, format!("{positives}, no run yet."))),
        (Some(run), None) => {
            return Some((NextStep::Score(run.clone()), format!("{run} has not scored the patches.")));
        }
        _ => {}
    }
    if let Some(queue) = evidence.queues.iter().find(|queue| queue.left > 0) {
        let left = words::count(queue.left as u64);
        let reason = format!("{left} left in the queue \"{}\".", queue.kind.title());
        return Some((NextStep::Review(queue.kind), reason));
    }
    if let Some(run) = evidence.trained.as_ref().filter(|_| evidence.relabelled > 0) {
        let reason = format!("{} set since {run} began.", counted(evidence.relabelled, "label"));
        return Some((NextStep::Retrain(run.clone()), reason));
    }
    if let Some(scores) = evidence.scores.as_ref().filter(|_| evidence.queues.is_empty()) {
        let reason = format!("Scores of {scores}, none reviewed.");
        return Some((NextStep::Review(QueueKind::MostUncertain), reason));
    }
    match &evidence.exported {
        None => Some((NextStep::Export, "Reviewed, not exported yet.".to_owned())),
        Some(exported) if exported.outdated => {
            Some((NextStep::Export, format!("Labels have changed since {} was written.", exported.name)))
        }
        Some(_) => None,
    }
}

/// "1 run", "2 runs".
fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", words::count(number))
}

#[cfg(test)]
#[path = "road_tests.rs"]
#[allow(clippy::panic)]
mod tests;
