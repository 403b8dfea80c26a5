//! What a person does with a project, as one call each: train, score, compare, diagnose, the demo. The
//! command line and the window build these requests and show what comes back; project and learning
//! meet only here.

pub mod compare;
pub mod comparison;
pub mod demo;
pub mod diagnose;
pub mod evaluate;
mod evaluate_pictures;
pub mod import;
pub mod model;
pub mod pick;
mod pick_output;
mod pixels;
pub mod prepare;
pub(crate) mod read_ahead;
pub mod runs;
pub mod score;
pub mod train;

/// Where a long job stands: what it does, how much is done, how much there is in all.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// In words: "Scoring patches".
    pub phase: String,
    /// Done so far.
    pub done: u64,
    /// In all; 0 when unknown.
    pub total: u64,
}

/// Hears of progress; answers whether to go on.
pub type Watch<'a> = &'a mut dyn FnMut(&Step) -> bool;

/// Tells the watcher, and turns its "no" into [`crate::Error::Cancelled`].
pub(crate) fn tell(watch: Watch<'_>, phase: &str, done: usize, total: usize) -> crate::Result<()> {
    let step = Step { phase: phase.to_owned(), done: done as u64, total: total as u64 };
    if watch(&step) { Ok(()) } else { Err(crate::Error::Cancelled) }
}
