//! The draft of the dialogs that rename, annotate and delete a run.

use vitrine_core::project::{Run, check_run_name};

/// The run that a dialog is about, and the name or note it shall have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunDraft {
    /// The run.
    pub run: String,
    /// Its new name, as typed.
    pub name: String,
    /// The note on it, as typed.
    pub note: String,
}

impl RunDraft {
    /// Why the run cannot have the name that was typed; `None` where it can.
    pub fn refusal(&self, runs: &[Run]) -> Option<String> {
        let others = runs.iter().map(|run| run.name.as_str()).filter(|name| *name != self.run);
        check_run_name(self.name.trim(), others).err().map(|error| format!("{error}."))
    }
}
