//! The labels that a person has given to a random sample of the unlabeled: evidence of π, and of what a threshold accepts.

use super::places::QueuePlaces;
use super::queue::{QueueKind, QueueStart, queue};
use crate::error::Result;
use crate::label::Label;
use crate::learning::prior::binormal::Checked;
use crate::project::{PatchId, Project};

/// Fewer patches than this say too little.
pub const ENOUGH_JUDGED: usize = 30;
/// One patch in this number may be left without a label.
const SKIPPED: usize = 10;

/// The judged patches of a project's random sample ([`QueueKind::RandomSample`]), and whether each is a particle.
///
/// # Errors
/// When the project cannot be read.
pub fn judged_sample(project: &Project) -> Result<Vec<(PatchId, bool)>> {
    match QueuePlaces::read(project)?.get(QueueKind::RandomSample) {
        Some(place) => {
            Ok(judged_in(place.start, &project.labels_at(place.start.journal)?, &project.labels()?))
        }
        None => Ok(Vec::new()),
    }
}

/// As [`judged_sample`], from the labels when the sample was drawn and those of now. The part that counts goes from
/// the first patch of the sample to the last up to which at most one in ten has no label, because who skips the
/// doubtful ones has no random sample. Nothing before 30 are judged.
fn judged_in(start: QueueStart, then: &[Label], now: &[Label]) -> Vec<(PatchId, bool)> {
    let sample = queue(QueueKind::RandomSample, start, then, &[], None).patches;
    let label = |patch: PatchId| now.get(patch as usize).copied().unwrap_or(Label::Unlabeled);
    let (mut open, mut counts) = (0, 0);
    for (place, &patch) in (1..).zip(&sample) {
        open += usize::from(label(patch) == Label::Unlabeled);
        if open * SKIPPED <= place {
            counts = place;
        }
    }
    let judged: Vec<(PatchId, bool)> = sample[..counts]
        .iter()
        .filter(|patch| label(**patch) != Label::Unlabeled)
        .map(|&patch| (patch, label(patch) == Label::Positive))
        .collect();
    if judged.len() < ENOUGH_JUDGED { Vec::new() } else { judged }
}

/// Counts of a judged sample.
pub fn checked(judged: &[(PatchId, bool)]) -> Checked {
    let particles = judged.iter().filter(|(_, particle)| *particle).count() as u64;
    Checked { particles, others: judged.len() as u64 - particles }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{EntryId, RunId};

    const START: QueueStart = QueueStart { run: RunId(1), journal: EntryId(3) };

    #[test]
    fn a_sample_counts_from_thirty_on_and_up_to_where_labels_are_missing() {
        let then = vec![Label::Unlabeled; 500];
        let sample = queue(QueueKind::RandomSample, START, &then, &[], None).patches;
        // Labels elsewhere are no part of it.
        let mut now = vec![Label::Positive; 500];
        sample.iter().for_each(|&patch| now[patch as usize] = Label::Unlabeled);
        for (place, &patch) in sample.iter().enumerate() {
            let counts = judged_in(START, &then, &now).len();
            assert_eq!(counts, if place < ENOUGH_JUDGED { 0 } else { place }, "after {place}");
            now[patch as usize] = if place % 5 == 0 { Label::Positive } else { Label::Negative };
        }
        let found = checked(&judged_in(START, &then, &now));
        assert_eq!(found, Checked { particles: 20, others: 80 });
        // Ten of the first hundred without a label are few; of the first forty they are many.
        sample.iter().take(40).step_by(4).for_each(|&patch| now[patch as usize] = Label::Unlabeled);
        assert_eq!(judged_in(START, &then, &now).len(), 90);
        sample.iter().skip(40).take(1).for_each(|&patch| now[patch as usize] = Label::Unlabeled);
        assert!(judged_in(START, &then, &now).is_empty());
    }
}
