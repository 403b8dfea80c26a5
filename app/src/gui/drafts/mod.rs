//! Drafts: what the forms hold. The model owns them, and only [`App::apply`](crate::gui::App::apply) changes
//! them, so a button, the palette and a key start work from the same values. A view edits a copy
//! ([`crate::gui::widgets::edited`]).

mod columns;
mod diagnosis;
mod export;
mod import;
mod micrographs;
mod pick;
mod run;
mod submit;
mod train;

pub use columns::ColumnsDraft;
pub use diagnosis::DiagnosisDraft;
pub use export::{ExportDraft, ExportKind, LABELS};
pub use import::{ImportDraft, has_micrographs, table_of};
pub use micrographs::MicrographsDraft;
pub use pick::{KeptPicks, PickDraft};
pub use run::RunDraft;
pub use submit::{MAX_SEEDS, SubmitDraft};
pub use train::{KeptConfig, KeptRun, TrainDraft, Yaml, presets};

use crate::words;

/// What the forms hold. The import's draft comes and goes with its page
/// ([`crate::gui::model::ImportState`]).
#[derive(Debug, Clone)]
pub struct Drafts {
    /// The run that comes next.
    pub train: TrainDraft,
    /// The export that comes next.
    pub export: ExportDraft,
    /// The examination that comes next.
    pub diagnosis: DiagnosisDraft,
    /// Picking with a run.
    pub pick: PickDraft,
    /// The run that is being renamed or deleted.
    pub run: RunDraft,
    /// Where the run of the Train form goes; another project leaves it as it is.
    pub submit: SubmitDraft,
    /// The folder of the sample as typed on the first screen; another project leaves it as it is.
    pub sample: String,
}

impl Default for Drafts {
    fn default() -> Self {
        let sample = words::home().unwrap_or_else(std::env::temp_dir).join("vitrine-sample");
        Self {
            train: TrainDraft::default(),
            export: ExportDraft::default(),
            diagnosis: DiagnosisDraft::default(),
            pick: PickDraft::default(),
            run: RunDraft::default(),
            submit: SubmitDraft::default(),
            sample: sample.display().to_string(),
        }
    }
}

impl Drafts {
    /// Another project was opened: what was typed for the old one goes.
    pub fn forget_project(&mut self) {
        let (sample, submit) = (std::mem::take(&mut self.sample), std::mem::take(&mut self.submit));
        *self = Self { sample, submit, ..Self::default() };
    }
}
