//! Commands on runs: starting, queueing, pausing, scoring, renaming, deleting.

use vitrine_core::device::DeviceChoice;
use vitrine_core::learning::config::RunConfig;

use crate::gui::values::{Before, TrainStart};

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
