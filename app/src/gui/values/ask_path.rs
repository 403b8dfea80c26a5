//! A question for a file, and what happens with the answer.

use std::path::PathBuf;

/// A question for a file, and what happens with the answer.
#[derive(Debug, Clone)]
pub struct PathQuestion {
    /// "Save the plot Validation AUC".
    pub title: String,
    /// The path so far.
    pub path: PathBuf,
    /// What happens with the file.
    pub purpose: PathPurpose,
    /// Why that failed with the path as it is.
    pub wrong: Option<String>,
}

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

impl Wanted {
    /// Whether folders are chosen and not files.
    pub const fn is_folder(self) -> bool {
        matches!(self, Self::Folder | Self::Folders)
    }

    /// Whether several can be chosen.
    pub const fn is_many(self) -> bool {
        matches!(self, Self::Files | Self::Folders)
    }
}

/// Files that a question is about, told by the ends of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileKinds {
    /// "configurations".
    pub words: &'static str,
    /// Ends of names in small letters: ".yaml".
    pub endings: &'static [&'static str],
}

impl FileKinds {
    /// Whether a file of this name is one of them.
    pub fn holds(&self, name: &str) -> bool {
        let name = name.as_bytes();
        let ends = |ending: &&str| {
            let from = name.len().checked_sub(ending.len());
            from.and_then(|from| name.get(from..))
                .is_some_and(|end| end.eq_ignore_ascii_case(ending.as_bytes()))
        };
        self.endings.iter().any(ends)
    }
}

impl PathQuestion {
    /// A question that begins with this path.
    pub fn new(title: impl Into<String>, path: PathBuf, purpose: PathPurpose) -> Self {
        Self { title: title.into(), path, purpose, wrong: None }
    }

    /// What is to be chosen.
    pub const fn wanted(&self) -> Wanted {
        match &self.purpose {
            PathPurpose::OpenConfig | PathPurpose::PretrainedWeights => Wanted::File,
            PathPurpose::Picks => Wanted::Folder,
            PathPurpose::Text(_) | PathPurpose::Picture(_) | PathPurpose::Report(_) => Wanted::Save,
            PathPurpose::Asked { wanted, .. } => *wanted,
        }
    }

    /// Whether something is written, which may be new.
    pub fn writes(&self) -> bool {
        matches!(self.purpose, PathPurpose::Picks) || self.wanted() == Wanted::Save
    }

    /// The files it is about; `None` for all.
    pub const fn kinds(&self) -> Option<FileKinds> {
        match &self.purpose {
            PathPurpose::OpenConfig => {
                Some(FileKinds { words: "configurations", endings: &[".yaml", ".yml"] })
            }
            PathPurpose::PretrainedWeights => {
                Some(FileKinds { words: "weights", endings: &[".safetensors"] })
            }
            PathPurpose::Asked { kinds, .. } => *kinds,
            _ => None,
        }
    }
}

/// What happens with the file.
#[derive(Debug, Clone)]
pub enum PathPurpose {
    /// This text is written.
    Text(String),
    /// A picture of the plot of this name is written, once all of it is on the screen.
    Picture(String),
    /// A configuration is read from it.
    OpenConfig,
    /// The picks of a run are written into this folder.
    Picks,
    /// The report on these runs is written.
    Report(Vec<String>),
    /// The run that comes next begins with the pretrained weights in it.
    PretrainedWeights,
    /// Whoever asked the system, which has no file dialog, gets the answer.
    Asked {
        /// What is to be chosen.
        wanted: Wanted,
        /// The files it is about.
        kinds: Option<FileKinds>,
    },
}
