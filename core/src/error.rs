//! The one error type of the library.
//!
//! An error has two parts: the *problem* says what happened and where, the *remedy* what a person can do
//! next. Front ends word the remedy themselves ([`Error::remedy`]); `Display` joins the problem and the
//! remedy in neutral words. A file that cannot be understood is always [`Error::Format`]; the operating
//! system's refusals are [`Error::Io`].

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::remedy::{Remedy, Warning};

/// Result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused: missing file, no permission, full disk.
    Io {
        /// What was tried, as an infinitive: "read", "create", "write".
        action: &'static str,
        /// The file or folder concerned.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file was read but its content is not what it should be.
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong and where in the file (line, byte, key, column).
        problem: String,
        /// What to do about it.
        remedy: Remedy,
    },
    /// The configuration of a run is unknown, out of range or contradictory.
    Config {
        /// File with line and column where known, else the key.
        place: String,
        /// What is wrong.
        problem: String,
        /// What to write instead.
        remedy: Remedy,
    },
    /// The request does not fit the project or its data.
    Request {
        /// What is wrong.
        problem: String,
        /// What to do about it.
        remedy: Remedy,
    },
    /// The open project is no longer in its place.
    ProjectMoved {
        /// Where it was.
        path: PathBuf,
        /// What that means for what was being done: "nothing was changed".
        consequence: String,
    },
    /// A folder was named that holds no project.
    NoProject {
        /// The folder.
        path: PathBuf,
        /// The file by which a project is known.
        database: &'static str,
    },
    /// Another process holds the project for writing.
    Locked {
        /// The project folder.
        path: PathBuf,
        /// Who holds it, as far as known.
        holder: String,
    },
    /// The project's database refused.
    Database {
        /// What was tried, as an infinitive phrase.
        action: &'static str,
        /// The database file.
        path: PathBuf,
        /// SQLite's own words.
        source: rusqlite::Error,
    },
    /// A run had to end before its last epoch.
    Training {
        /// Epoch, counted from 1.
        epoch: usize,
        /// Batch within the epoch, counted from 1.
        batch: usize,
        /// What happened.
        problem: String,
        /// What to change, and which checkpoint is still good.
        remedy: Remedy,
    },
    /// The program itself is at fault: something that cannot happen has happened.
    Defect {
        /// What happened.
        problem: String,
    },
    /// The person asked to stop.
    Cancelled,
}

impl Error {
    /// What happened and where, without what to do about it.
    pub fn problem(&self) -> String {
        match self {
            Self::Io { action, path, source } => format!("could not {action} {}: {source}", path.display()),
            Self::Format { path, problem, .. } => format!("{}: {problem}", path.display()),
            Self::Config { place, problem, .. } => format!("{place}: {problem}"),
            Self::Request { problem, .. } | Self::Defect { problem } => problem.clone(),
            Self::ProjectMoved { path, consequence } => format!(
                "the project is no longer in {}: the folder was moved, deleted or replaced, or its disk was \
                 taken out; {consequence}",
                path.display()
            ),
            Self::NoProject { path, database } => {
                format!("{} is no Vitrine project (it holds no {database})", path.display())
            }
            Self::Locked { path, holder } => {
                format!("{} is open for writing in another process ({holder})", path.display())
            }
            Self::Database { action, path, source } => {
                format!("the database of {} failed while trying to {action}: {source}", path.display())
            }
            Self::Training { epoch, batch, problem, .. } => {
                format!("training stopped at epoch {epoch}, batch {batch}: {problem}")
            }
            Self::Cancelled => "cancelled".to_owned(),
        }
    }

    /// What a person can do about it; `None` where there is nothing to do, or nothing that is known.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Io { source, .. } => match source.kind() {
                ErrorKind::NotFound => Some("check the path".into()),
                ErrorKind::PermissionDenied => {
                    Some("check the permissions of the file and its folder".into())
                }
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    Some("free some space and try again".into())
                }
                _ => None,
            },
            Self::Format { remedy, .. }
            | Self::Config { remedy, .. }
            | Self::Request { remedy, .. }
            | Self::Training { remedy, .. } => Some(remedy.clone()),
            Self::ProjectMoved { .. } => Some(Remedy::CloseProject),
            Self::NoProject { .. } => Some(Remedy::OpenOrMakeProject),
            Self::Locked { .. } => Some("close it there, or go on here reading only".into()),
            Self::Defect { .. } => Some(Remedy::ReportDefect),
            Self::Database { .. } | Self::Cancelled => None,
        }
    }

    /// Wraps an operating system error with the file it concerns.
    pub fn io(action: &'static str, path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { action, path: path.as_ref().to_owned(), source }
    }

    /// A file whose content is wrong: what is wrong and where, and what to do.
    pub fn format(path: impl AsRef<Path>, problem: impl Into<String>, remedy: impl Into<Remedy>) -> Self {
        Self::Format { path: path.as_ref().to_owned(), problem: problem.into(), remedy: remedy.into() }
    }

    /// A configuration that is wrong: the file with line or the key, what is wrong, what to write instead.
    pub fn config(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<Remedy>) -> Self {
        Self::Config { place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// A request that does not fit: what is wrong, and what to do.
    pub fn request(problem: impl Into<String>, remedy: impl Into<Remedy>) -> Self {
        Self::Request { problem: problem.into(), remedy: remedy.into() }
    }

    /// A run of which a measure is no finite number: epoch and batch, both counted from 1, what was measured, and what to
    /// change.
    pub(crate) fn diverged(
        (epoch, batch): (usize, usize),
        problem: impl Into<String>,
        remedy: impl Into<Remedy>,
    ) -> Self {
        Self::Training { epoch, batch, problem: problem.into(), remedy: remedy.into() }
    }

    /// A fault of the program itself: what happened.
    pub fn defect(problem: impl Into<String>) -> Self {
        Self::Defect { problem: problem.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem())?;
        self.remedy().map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

impl From<&Error> for Warning {
    fn from(error: &Error) -> Self {
        Self { text: error.problem(), remedy: error.remedy() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_as_the_problem_and_the_remedy() {
        let error = Error::format("a.star", "line 3 has 4 values", "export it again");
        assert_eq!(error.to_string(), "a.star: line 3 has 4 values; export it again");
        assert_eq!(error.problem(), "a.star: line 3 has 4 values");
        assert_eq!(error.remedy(), Some(Remedy::Advice("export it again".to_owned())));
        let missing = Error::io("read", "b.mrc", ErrorKind::NotFound.into());
        assert!(missing.to_string().ends_with("; check the path"), "{missing}");
        assert_eq!(Error::defect("a picture could not be made").remedy(), Some(Remedy::ReportDefect));
        assert_eq!(Error::Cancelled.to_string(), "cancelled");
    }
}
