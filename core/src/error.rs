//! The one error type of the library.
//!
//! Every variant is written to be shown to a person as it is: what happened, where, and what to
//! do next. A file that cannot be understood is always [`Error::Format`]; the operating system's
//! refusals are [`Error::Io`].

use std::path::{Path, PathBuf};

/// Result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The one thing to do after an error, where there is one that a program can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// Close the project, for it is not where it was.
    CloseProject,
    /// Make a project of the files.
    ImportFiles,
}

/// What can go wrong; `Display` is one clear sentence with the place and the mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused: missing file, no permission, full disk.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as an infinitive: "read", "create", "write".
        action: &'static str,
        /// The file or folder concerned.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file was read but its content is not what it should be.
    #[error("{}: {problem}; {mend}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong and where in the file (line, byte, key, column).
        problem: String,
        /// What the person can do, as an imperative.
        mend: String,
    },
    /// The configuration of a run is unknown, out of range or contradictory.
    #[error("{place}: {problem}; {mend}")]
    Config {
        /// File with line and column where known, else the key.
        place: String,
        /// What is wrong.
        problem: String,
        /// What to write instead.
        mend: String,
    },
    /// The request does not fit the project or its data.
    #[error("{problem}; {mend}")]
    Request {
        /// What is wrong.
        problem: String,
        /// What the person can do, as an imperative.
        mend: String,
    },
    /// The open project is no longer in its place.
    #[error("the project is no longer in {}: the folder was moved, deleted or replaced, or its disk was taken out; {consequence}, or close the project and open it where it is now", path.display())]
    Gone {
        /// Where it was.
        path: PathBuf,
        /// What that means for what was being done, and that the folder can be put back.
        consequence: String,
    },
    /// A folder was named that holds no project.
    #[error("{} is no Vitrine project (it holds no {database}); name a project's folder, or make one with `vitrine new`", path.display())]
    NoProject {
        /// The folder.
        path: PathBuf,
        /// The file by which a project is known.
        database: &'static str,
    },
    /// Another process holds the project for writing.
    #[error("{} is open for writing in another process ({holder}); close it there, or go on here reading only", path.display())]
    Locked {
        /// The project folder.
        path: PathBuf,
        /// Who holds it, as far as known.
        holder: String,
    },
    /// The project's database refused.
    #[error("the database of {} failed while trying to {action}: {source}", path.display())]
    Database {
        /// What was tried, as an infinitive phrase.
        action: &'static str,
        /// The database file.
        path: PathBuf,
        /// SQLite's own words.
        source: rusqlite::Error,
    },
    /// A run had to end before its last epoch.
    #[error("training stopped at epoch {epoch}, batch {batch}: {problem}; {mend}")]
    Training {
        /// Epoch, counted from 1.
        epoch: usize,
        /// Batch within the epoch, counted from 1.
        batch: usize,
        /// What happened.
        problem: String,
        /// What to change, and which checkpoint is still good.
        mend: String,
    },
    /// The person asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// The one thing to do next, where there is one.
    pub const fn next_step(&self) -> Option<NextStep> {
        match self {
            Self::Gone { .. } => Some(NextStep::CloseProject),
            Self::NoProject { .. } => Some(NextStep::ImportFiles),
            _ => None,
        }
    }

    /// Wraps an operating system error with the file it concerns.
    pub fn io(action: &'static str, path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { action, path: path.as_ref().to_owned(), source }
    }

    /// A file whose content is wrong: what is wrong and where, and what to do.
    pub fn format(path: impl AsRef<Path>, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Format { path: path.as_ref().to_owned(), problem: problem.into(), mend: mend.into() }
    }

    /// A request that does not fit: what is wrong, and what to do.
    pub fn request(problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Request { problem: problem.into(), mend: mend.into() }
    }
}
