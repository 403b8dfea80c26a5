//! Taking the last import back. Afterwards the number of a patch may mean another patch. So the project is closed first and
//! opened again, and nothing stays that was known by a number.

use vitrine_core::project::LastImport;
use vitrine_core::workflow::take_back::{check, take_back};

use super::loaded::{Loaded, load};
use super::outcome::{Answer, ImportOutcome, Outcome};
use super::state::App;
use crate::gui::command::{Command, ImportCommand};
use crate::gui::jobs::{JobKind, Scope};
use crate::gui::model::NoticeKind;
use crate::words;

impl App {
    pub(super) fn take_import_back(&mut self) -> anyhow::Result<()> {
        self.refuse_while_training()?;
        self.refuse_while_opening()?;
        self.refuse_while_used()?;
        if self.model.micrographs.is_marking() {
            anyhow::bail!("places marked by hand are still being saved; take the import back in a moment");
        }
        // What is refused leaves the project open as it is.
        check(self.store()?)?;
        let title = format!("Taking the last import into {} back", self.open()?.name);
        // This handle keeps the project locked while it is closed.
        let mut store = self.handle()?;
        self.close_project();
        self.jobs.spawn(JobKind::Open, Scope::Window, title, move |_| {
            let taken = take_back(&mut store, &words::person()).map_err(anyhow::Error::from);
            let loaded = Box::new(load(store, &|| Ok(()))?);
            Ok(Outcome::Import(ImportOutcome::TakenBack { loaded, taken }))
        })?;
        Ok(())
    }

    /// Takes up the project without its last import, or as it was where that could not be taken back.
    pub(super) fn take_taken_back(
        &mut self,
        loaded: Loaded,
        taken: Answer<LastImport>,
    ) -> anyhow::Result<()> {
        self.take_project(loaded)?;
        if let Some(import) = &mut self.model.import {
            // It was compared with the project as it was.
            import.look.forget();
        }
        let text = format!(
            "Took the last import back: {}. The files are as they were.",
            words::import_named(&taken?)
        );
        let again = ("Import files…".to_owned(), Command::Import(ImportCommand::Add(Vec::new())));
        self.model.notices.push(NoticeKind::Done, text, Some(again));
        Ok(())
    }
}
