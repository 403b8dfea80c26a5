//! Whether a precision can be expected of picks, before any micrograph is scored.

use std::path::PathBuf;

use super::held_out::HeldOut;
use super::judged_places::JudgedPlaces;
use super::pick_queue::Queue;
use crate::error::Result;
use crate::picking::audit::{ENOUGH_BELOW, ENOUGH_PICKS};
use crate::picking::choose::{Evidence, WhyNothing};
use crate::project::Project;

/// Refuses a precision of the picks of a run on these micrographs (all of the project where none is named) that cannot be
/// expected. Where enough places carry a label, answers to random picks may be among them: how many, the scores will tell.
///
/// # Errors
/// When no precision can be expected, a micrograph is not there, or the project cannot be read.
pub fn check_precision(
    project: &Project,
    run: &str,
    micrographs: &[PathBuf],
    one_threshold: bool,
    watch: bool,
) -> Result<()> {
    let labelled = JudgedPlaces::of(project, 0.0)?;
    // Which files a watch will find, nobody knows.
    let count = match watch {
        true => labelled.len(),
        false => {
            Queue::new(project, micrographs, false)?.new_files()?.iter().map(|file| labelled.on(file)).sum()
        }
    };
    if count >= ENOUGH_PICKS + ENOUGH_BELOW {
        return Ok(());
    }
    if !one_threshold && project.pick_rules(project.run(run)?.id)?.without_shifts {
        return Evidence::Nothing(WhyNothing::WithoutShifts).check();
    }
    HeldOut::of(project, run)?.evidence().check()
}
