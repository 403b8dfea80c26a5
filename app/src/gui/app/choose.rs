//! Choosing files and folders in a dialog of the system. Each dialog waits on a thread of its own. The
//! desktop's file portal may be missing; then the person types the path. It may also hang; then the person
//! cancels the dialog in the status bar.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::dialog::{FileDialogs, FileQuestion, Wanted};
use super::outcome::{Outcome, WindowOutcome};
use super::state::App;
use crate::gui::jobs::{JobKind, Scope};

/// "Nothing was chosen" that comes so soon was said by no person.
const FASTEST_PERSON: Duration = Duration::from_millis(300);

impl App {
    /// Questions for files go there instead of to the system; for tests.
    pub fn dialogs_with(&mut self, dialogs: FileDialogs) {
        self.dialogs = dialogs;
    }

    /// Puts a question for files to the system; `take` makes of the answer, at least one path, what the
    /// window takes up.
    pub(super) fn choose_files(
        &mut self,
        question: FileQuestion,
        take: impl FnOnce(Vec<PathBuf>) -> Outcome + Send + 'static,
    ) -> anyhow::Result<()> {
        if self.jobs.has(JobKind::Dialog) {
            self.model.notices.warning(
                "A file dialog is open already, perhaps behind this window. Answer it, or cancel it in the status bar.",
            );
            return Ok(());
        }
        let dialogs = Arc::clone(&self.dialogs);
        let title = match question.wanted {
            Wanted::File | Wanted::Save => "Choosing a file",
            Wanted::Files => "Choosing files",
            Wanted::Folder => "Choosing a folder",
            Wanted::Folders => "Choosing folders",
        };
        self.jobs.spawn(JobKind::Dialog, Scope::Window, title, move |_| {
            let asked = Instant::now();
            Ok(match dialogs(question).filter(|paths| !paths.is_empty()) {
                Some(paths) => take(paths),
                None if asked.elapsed() < FASTEST_PERSON => Outcome::Window(WindowOutcome::NoDialog),
                None => Outcome::Nothing,
            })
        })?;
        Ok(())
    }

    /// The desktop has no file dialog.
    pub(super) fn notify_no_dialog(&mut self) {
        self.model.notices.warning(if self.model.takes_drops {
            "No file dialog answered on this desktop: type the path instead, or drop the files onto the window."
        } else {
            "No file dialog answered on this desktop: type the path instead."
        });
    }
}
