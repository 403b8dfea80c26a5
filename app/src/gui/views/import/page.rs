//! What all parts of the import page read.

use std::sync::Arc;

use vitrine_core::ingest::Inspection;

use crate::gui::command::{Command, ImportCommand};
use crate::gui::jobs::JobState;
use crate::gui::model::{ImportState, LookRequest, Model};
use crate::gui::values::Load;

/// What all parts of the import page read.
pub struct Page<'a> {
    /// The model.
    pub model: &'a Model,
    /// What is being imported.
    pub import: &'a ImportState,
    /// The request as it stands in the form; what is wrong with it where it is none.
    pub wanted: Result<LookRequest, String>,
    /// The import that is running.
    pub running: Option<&'a JobState>,
}

impl Page<'_> {
    /// The look at the request as it stands in the form.
    pub fn look(&self) -> Load<&Arc<Inspection>> {
        self.wanted.as_ref().map_or(Load::NotAsked, |wanted| self.import.look.of(wanted))
    }

    /// Whether what is shown answers an earlier request.
    pub fn is_waiting(&self) -> bool {
        self.import.look.pending().is_some() || !self.import.is_recognised()
    }
}

/// Asks for a look at a request.
pub fn ask_for_look(wanted: &LookRequest) -> Command {
    let LookRequest { request, with_open } = wanted.clone();
    Command::Import(ImportCommand::Look { request: Box::new(request), with_open })
}
