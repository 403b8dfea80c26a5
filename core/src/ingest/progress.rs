//! How far an import is, and how a person stops it.

use serde::Serialize;

use crate::error::{Error, Result};

/// What an import is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Recognising files; counts inputs.
    Recognising,
    /// Looking into some micrographs for mirrored picks, borders and contrast; counts micrographs.
    Looking,
    /// Reading ready patches; counts patches.
    Patches,
    /// Cutting from micrographs; counts micrographs.
    Cutting,
    /// Adding the unlabeled pool; counts patches.
    Pool,
    /// Simulating micrographs; counts micrographs.
    Simulating,
}

impl Phase {
    /// What to show a person.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recognising => "Recognising files",
            Self::Looking => "Looking at micrographs",
            Self::Patches => "Reading patches",
            Self::Cutting => "Cutting patches",
            Self::Pool => "Adding the unlabeled pool",
            Self::Simulating => "Simulating micrographs",
        }
    }
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// How much of it is done; see [`Phase`] for the unit.
    pub done: u64,
    /// How much there is to do.
    pub total: u64,
}

/// Called as an import goes on; returns whether to go on.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> bool;

/// Tells progress, and ends the import when the person wants that.
pub(super) fn tell(
    progress: &mut dyn FnMut(Progress) -> bool,
    phase: Phase,
    done: usize,
    total: usize,
) -> Result<()> {
    let go_on = progress(Progress { phase, done: done as u64, total: total as u64 });
    if go_on { Ok(()) } else { Err(Error::Cancelled) }
}
