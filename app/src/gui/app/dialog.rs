//! Dialogs of the system in which files and folders are chosen. Each waits on a thread of its own. The
//! desktop's file portal may be missing, then nothing answers and the typed paths do the same; or it may
//! hang, then the person forgets the dialog in the status bar.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{App, Outcome};
use crate::gui::jobs::JobKind;

/// What is to be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A file that is there.
    File,
    /// Files that are there.
    Files,
    /// A folder.
    Folder,
    /// Folders.
    Folders,
    /// A file to be written.
    Save,
}

/// A question to the system.
#[derive(Debug, Clone)]
pub struct FileQuestion {
    /// What is to be chosen.
    pub wanted: Wanted,
    /// Title of the dialog.
    pub title: String,
    /// Where it begins.
    pub folder: Option<PathBuf>,
    /// The name of the file to begin with.
    pub name: Option<String>,
}

/// Who answers: the dialogs of the system, or a test. `None` when nothing was chosen.
pub type FileDialogs = Arc<dyn Fn(FileQuestion) -> Option<Vec<PathBuf>> + Send + Sync>;

/// "Nothing was chosen" that comes so soon was said by no person.
const AT_ONCE: Duration = Duration::from_millis(300);

/// The dialogs of the system.
pub(super) fn of_the_system() -> FileDialogs {
    Arc::new(|question| {
        let FileQuestion { wanted, title, folder, name } = question;
        let mut dialog = rfd::FileDialog::new().set_title(title);
        if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
            dialog = dialog.set_directory(folder);
        }
        if let Some(name) = name {
            dialog = dialog.set_file_name(name);
        }
        let one = |path: PathBuf| vec![path];
        match wanted {
            Wanted::File => dialog.pick_file().map(one),
            Wanted::Files => dialog.pick_files(),
            Wanted::Folder => dialog.pick_folder().map(one),
            Wanted::Folders => dialog.pick_folders(),
            Wanted::Save => dialog.save_file().map(one),
        }
    })
}

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
        self.jobs.spawn(JobKind::Dialog, title, move |_| {
            let asked = Instant::now();
            Ok(match dialogs(question).filter(|paths| !paths.is_empty()) {
                Some(paths) => take(paths),
                None if asked.elapsed() < AT_ONCE => Outcome::NoDialog,
                None => Outcome::Nothing,
            })
        })?;
        Ok(())
    }

    /// The desktop has no file dialog.
    pub(super) fn say_no_dialog(&mut self) {
        self.model.notices.warning(if self.model.takes_drops {
            "No file dialog answered on this desktop: type the path instead, or drop the files onto the window."
        } else {
            "No file dialog answered on this desktop: type the path instead."
        });
    }
}
