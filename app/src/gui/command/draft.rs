//! Commands that carry what a person has typed or chosen in a form.

use crate::gui::drafts::{
    DiagnosisDraft, ExportDraft, ImportDraft, PickDraft, RunDraft, SubmitDraft, TrainDraft,
};

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
