//! File dialogs of the system: the question, and who answers it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::gui::desktop;
use crate::gui::values::{FileKinds, Wanted};

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
    /// The files it is about, for the window's own browser.
    pub kinds: Option<FileKinds>,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileAnswer {
    /// These were chosen, at least one.
    Chosen(Vec<PathBuf>),
    /// The person has closed the dialog without a choice.
    Nothing,
    /// The desktop has no file dialog.
    NoDialog,
}

/// Who answers: the dialogs of the system, or a test.
pub type FileDialogs = Arc<dyn Fn(FileQuestion) -> FileAnswer + Send + Sync>;

/// The dialogs of the system.
pub fn of_the_system() -> FileDialogs {
    Arc::new(|question| {
        let FileQuestion { wanted, title, folder, name, kinds: _ } = question;
        let mut dialog = rfd::FileDialog::new().set_title(title);
        if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
            dialog = dialog.set_directory(folder);
        }
        if let Some(name) = name {
            dialog = dialog.set_file_name(name);
        }
        let one = |path: PathBuf| vec![path];
        let chosen = match wanted {
            Wanted::File => dialog.pick_file().map(one),
            Wanted::Files => dialog.pick_files(),
            Wanted::Folder => dialog.pick_folder().map(one),
            Wanted::Folders => dialog.pick_folders(),
            Wanted::Save => dialog.save_file().map(one),
        };
        match chosen.filter(|paths| !paths.is_empty()) {
            Some(paths) => FileAnswer::Chosen(paths),
            // A dialog that cannot be shown gives the same answer as one that was closed.
            None if desktop::has_file_dialogs() => FileAnswer::Nothing,
            None => FileAnswer::NoDialog,
        }
    })
}
