//! How far a long job is, and how it is told to stop: one protocol for everything that takes time.
//!
//! A job calls [`report`] now and then with the [`ProgressSink`] that its caller gave. The sink shows the
//! progress and answers whether to go on; "no" becomes [`Error::Cancelled`], which ends the job.

use std::borrow::Cow;

use crate::error::{Error, Result};

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is being done, in words: "Reading patches".
    pub phase: Cow<'static, str>,
    /// How much of this phase is done, in things of its kind (patches, micrographs, files).
    pub done: u64,
    /// How much there is to do in this phase; 0 where that is not known.
    pub total: u64,
}

/// Takes the progress of a job; answers whether the job is to go on.
pub type ProgressSink<'a> = &'a mut dyn FnMut(&Progress) -> bool;

/// Reports progress to `sink`.
///
/// # Errors
/// [`Error::Cancelled`] when the sink answers that the job is to end.
pub fn report(
    sink: ProgressSink<'_>,
    phase: impl Into<Cow<'static, str>>,
    done: usize,
    total: usize,
) -> Result<()> {
    let progress = Progress { phase: phase.into(), done: done as u64, total: total as u64 };
    if sink(&progress) { Ok(()) } else { Err(Error::Cancelled) }
}
