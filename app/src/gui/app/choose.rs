//! Choosing files and folders in a dialog of the system. Each dialog waits on a thread of its own. The
//! desktop's file portal may be missing; then the window's own file browser asks. It may also hang; then the person
//! cancels the dialog in the status bar.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dialog::{FileAnswer, FileDialogs, FileQuestion};
use super::notify::failure;
use super::outcome::{Answer, Outcome, TakeFiles, WindowOutcome};
use super::project::is_project;
use super::state::App;
use crate::gui::jobs::{JobKind, Scope};
use crate::gui::values::{Entry, Listing, PathPurpose, PathQuestion, Wanted};
use crate::words;

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
        if !self.model.has_dialogs || self.model.settings.own_browser {
            self.browse(question, Box::new(take));
            return Ok(());
        }
        let dialogs = Arc::clone(&self.dialogs);
        self.jobs.spawn(JobKind::Dialog, Scope::Window, choosing(question.wanted), move |_| {
            Ok(match dialogs(question.clone()) {
                FileAnswer::Chosen(paths) => take(paths),
                FileAnswer::Nothing => Outcome::Nothing,
                FileAnswer::NoDialog => {
                    Outcome::Window(WindowOutcome::NoDialog(Box::new(question), Box::new(take)))
                }
            })
        })?;
        Ok(())
    }

    /// The desktop has no file dialog: the window's own one asks, from now on at once.
    pub(super) fn browse_instead(&mut self, question: FileQuestion, take: TakeFiles) {
        self.model.has_dialogs = false;
        // The question on the screen is one for a path already.
        if self.model.ask_path.is_none() {
            self.browse(question, take);
        }
    }

    /// Puts a question for files in the window's own file browser.
    fn browse(&mut self, question: FileQuestion, take: TakeFiles) {
        let FileQuestion { wanted, title, folder, name, kinds } = question;
        let recent = self.model.settings.recent_folders.first().cloned();
        let folders = [folder, recent, words::home()];
        let folder =
            folders.into_iter().flatten().find(|folder| folder.is_dir()).unwrap_or_else(std::env::temp_dir);
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        // Without a name the path ends with a separator.
        let path = folder.join(name.unwrap_or_default());
        self.ask_path(PathQuestion::new(title, path, PathPurpose::Asked { wanted, kinds }));
        self.take_files = Some(take);
    }

    /// Hands what was chosen in the window's own file browser to whoever has asked.
    pub(super) fn chosen(&mut self, wanted: Wanted, paths: Vec<PathBuf>) -> anyhow::Result<()> {
        let Some(take) = self.take_files.take() else { return Ok(()) };
        self.jobs.spawn(JobKind::Dialog, Scope::Window, choosing(wanted), move |_| Ok(take(paths)))?;
        Ok(())
    }

    /// Reads what a folder holds, on a job: a disk of the network may not answer.
    pub(super) fn list_folder(&mut self, folder: PathBuf) {
        self.model.listing.ask(folder.clone());
        let asked = folder.clone();
        self.jobs.ask(
            JobKind::Browse,
            Scope::Window,
            "Reading a folder",
            move |_| Ok(read_folder(&folder)?),
            move |listing| Outcome::Window(WindowOutcome::Listed(asked, listing)),
        );
    }

    pub(super) fn take_listing(&mut self, folder: &PathBuf, listing: Answer<Listing>) {
        self.model.listing.answer(folder, listing.map_err(|error| failure(&error, "reading the folder")));
    }
}

const fn choosing(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::File | Wanted::Save => "Choosing a file",
        Wanted::Files => "Choosing files",
        Wanted::Folder => "Choosing a folder",
        Wanted::Folders => "Choosing folders",
    }
}

/// What a folder holds. An entry that vanishes meanwhile, or leads nowhere, is a file of no size.
fn read_folder(folder: &Path) -> vitrine_core::Result<Listing> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let failed = |e| vitrine_core::Error::io("read", here, e);
    let mut entries = Vec::new();
    for found in std::fs::read_dir(here).map_err(failed)? {
        let found = found.map_err(failed)?;
        let path = folder.join(found.file_name());
        let facts = std::fs::metadata(&path).ok();
        let is_folder = facts.as_ref().is_some_and(std::fs::Metadata::is_dir);
        entries.push(Entry {
            name: found.file_name().to_string_lossy().into_owned(),
            is_folder,
            is_project: is_folder && is_project(&path),
            bytes: facts.map_or(0, |facts| facts.len()),
            path,
        });
    }
    Ok(Listing::new(entries))
}
