//! Review queues: which patches a person should look at, in which order.
//!
//! A queue is a function of a [`QueueStart`]: the run and the journal position at which it was begun.
//! Begun again from the same start it holds the same patches in the same order, whatever was labelled
//! since, so a place in it stays a place.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::label::Label;
use crate::learning::eval::{Share, wilson};
use crate::project::{EntryId, PatchId, Project, RunId, ScoreKind, Side};
use crate::remedy::Remedy;

/// The queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueKind {
    /// Unlabeled patches, those with a score next to 0.5 first.
    MostUncertain,
    /// Unlabeled patches, those with the highest score first.
    LikelyParticles,
    /// Positives the run doubts, by out-of-sample scores only.
    SuspiciousPositives,
    /// A random sample of the unlabeled that the run takes for particles (score ≥ 0.5), to estimate
    /// how many of them are.
    Audit,
    /// A random sample of all unlabeled, whatever their score, to tell π, the share of particles among them.
    RandomSample,
}

impl QueueKind {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 5] = [
        Self::MostUncertain,
        Self::LikelyParticles,
        Self::SuspiciousPositives,
        Self::Audit,
        Self::RandomSample,
    ];

    /// Whether the patches are a random sample, whose labels estimate a share of particles.
    pub const fn is_sample(self) -> bool {
        matches!(self, Self::Audit | Self::RandomSample)
    }

    /// Patches in the queue, at most.
    const fn longest(self) -> usize {
        match self {
            Self::Audit => AUDIT_SIZE,
            Self::RandomSample => RANDOM_SAMPLE_SIZE,
            Self::MostUncertain | Self::LikelyParticles | Self::SuspiciousPositives => MAX_QUEUE_LENGTH,
        }
    }

    /// The word in settings and in the journal; never changes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MostUncertain => "most_uncertain",
            Self::LikelyParticles => "likely_particles",
            Self::SuspiciousPositives => "suspicious_positives",
            Self::Audit => "audit",
            Self::RandomSample => "random_sample",
        }
    }

    /// The name on the screen.
    pub const fn title(self) -> &'static str {
        match self {
            Self::MostUncertain => "Most uncertain",
            Self::LikelyParticles => "Likely particles",
            Self::SuspiciousPositives => "Suspicious positives",
            Self::Audit => "Random audit",
            Self::RandomSample => "Random sample (π)",
        }
    }
}

/// Patches in a queue, at most: what a person can look at in some sittings.
const MAX_QUEUE_LENGTH: usize = 2000;
/// Patches in an audit: the interval around 90 % is then ±4 %.
const AUDIT_SIZE: usize = 200;
/// Patches in a random sample: the interval of π around 0.3 is then ±0.09 by itself. Fewer count too, from the first
/// on.
const RANDOM_SAMPLE_SIZE: usize = 100;
/// From this score on a patch counts as taken for a particle.
const MIN_ACCEPTED_SCORE: f32 = 0.5;

/// When a queue was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStart {
    /// The run whose scores order it.
    pub run: RunId,
    /// The labels of this moment decide what is in it.
    pub journal: EntryId,
}

/// A queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// The kind of queue.
    pub kind: QueueKind,
    /// When it was begun.
    pub start: QueueStart,
    /// The patches, first to last.
    pub patches: Vec<PatchId>,
    /// How many patches the queue was chosen from.
    pub chosen_from: usize,
    /// Patches of the right label that were left out: without a score, or with one that is not
    /// out-of-sample.
    pub left_out: usize,
}

/// The patches of a queue from plain arrays, one entry a patch: labels when it was begun, scores of
/// the run (NaN for none), sides of the run's split (for [`QueueKind::SuspiciousPositives`]).
pub fn queue(
    kind: QueueKind,
    start: QueueStart,
    labels: &[Label],
    scores: &[f32],
    sides: Option<&[Side]>,
) -> Queue {
    let wanted = if kind == QueueKind::SuspiciousPositives { Label::Positive } else { Label::Unlabeled };
    let mut left_out = 0;
    let mut found: Vec<(PatchId, f32)> = Vec::new();
    for (patch, &label) in (0..).zip(labels) {
        // A sample of all unlabeled must not depend on what a run has scored.
        let score = match kind {
            QueueKind::RandomSample => 0.0,
            _ => scores.get(patch as usize).copied().unwrap_or(f32::NAN),
        };
        if label != wanted {
            continue;
        }
        // A score cannot contradict the label on which the run was trained. Without a split that is not known.
        let judged = kind != QueueKind::SuspiciousPositives
            || sides.and_then(|s| s.get(patch as usize)).is_some_and(|&side| side != Side::Train);
        if !judged || !score.is_finite() {
            left_out += 1;
        } else if kind != QueueKind::Audit || score >= MIN_ACCEPTED_SCORE {
            found.push((patch, score));
        }
    }
    let chosen_from = found.len();
    match kind {
        QueueKind::MostUncertain => {
            found.sort_by(|a, b| (a.1 - 0.5).abs().total_cmp(&(b.1 - 0.5).abs()));
        }
        QueueKind::LikelyParticles => found.sort_by(|a, b| b.1.total_cmp(&a.1)),
        QueueKind::SuspiciousPositives => found.sort_by(|a, b| a.1.total_cmp(&b.1)),
        QueueKind::Audit | QueueKind::RandomSample => {
            // Another start, another sample; the same start, the same.
            let seed = (start.run.0 as u64) << 32 ^ start.journal.0 as u64;
            found.shuffle(&mut ChaCha8Rng::seed_from_u64(seed ^ 0xA0D1_7000));
        }
    }
    found.truncate(kind.longest());
    let patches = found.into_iter().map(|(patch, _)| patch).collect();
    Queue { kind, start, patches, chosen_from, left_out }
}

/// The queue of a project begun at `start`.
///
/// # Errors
/// When the run or its scores are gone, or the project cannot be read.
pub fn build(project: &Project, kind: QueueKind, start: QueueStart) -> Result<Queue> {
    let run = project.runs()?.into_iter().find(|run| run.id == start.run).ok_or_else(|| {
        Error::request(
            "the run of this queue is gone",
            "begin the queue again with the scores of another run",
        )
    })?;
    let scores = project.scores(run.id, ScoreKind::Teacher)?.ok_or_else(|| {
        Error::request(
            format!("the run {} has no scores yet", run.name),
            Remedy::ScoreFirst { run: run.name.clone() },
        )
    })?;
    let labels = project.labels_at(start.journal)?;
    let sides = match (kind, run.split) {
        (QueueKind::SuspiciousPositives, Some(split)) => Some(project.split_sides(split)?),
        _ => None,
    };
    Ok(queue(kind, start, &labels, &scores, sides.as_deref()))
}

/// What an audit has found so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Audit {
    /// Judged to be particles.
    pub positive: u64,
    /// Judged to be none.
    pub negative: u64,
    /// Not judged yet.
    pub open: u64,
    /// Share of particles among those judged; `None` before the first.
    pub precision: Option<Share>,
}

/// What the labels of now say of an audit's patches, all unlabeled when it was begun.
pub fn audit_result(patches: &[PatchId], label: impl Fn(PatchId) -> Option<Label>) -> Audit {
    let (mut positive, mut negative, mut open) = (0, 0, 0);
    for &patch in patches {
        match label(patch) {
            Some(Label::Positive) => positive += 1,
            Some(Label::Negative) => negative += 1,
            Some(Label::Unlabeled) | None => open += 1,
        }
    }
    Audit { positive, negative, open, precision: wilson(positive, positive + negative) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Negative as N, Positive as P, Unlabeled as U};

    const START: QueueStart = QueueStart { run: RunId(1), journal: EntryId(3) };
    const LABELS: [Label; 8] = [U, P, U, P, N, U, P, U];
    const SCORES: [f32; 8] = [0.9, 0.2, 0.45, 0.1, 0.7, f32::NAN, 0.3, 0.6];

    fn patches(kind: QueueKind, sides: Option<&[Side]>) -> (Vec<PatchId>, usize) {
        let queue = queue(kind, START, &LABELS, &SCORES, sides);
        (queue.patches, queue.left_out)
    }

    #[test]
    fn each_queue_holds_what_it_says() {
        assert_eq!(patches(QueueKind::MostUncertain, None), (vec![2, 7, 0], 1), "5 has no score");
        assert_eq!(patches(QueueKind::LikelyParticles, None), (vec![0, 7, 2], 1));
        let (mut audit, _) = patches(QueueKind::Audit, None);
        audit.sort_unstable();
        assert_eq!(audit, [0, 7], "unlabeled at 0.5 or above, no other");
    }

    #[test]
    fn only_out_of_sample_scores_make_a_positive_suspicious() {
        use Side::{Test, Train, Validation};
        let sides = [Train, Test, Train, Train, Train, Train, Validation, Train];
        assert_eq!(
            patches(QueueKind::SuspiciousPositives, Some(&sides)),
            (vec![1, 6], 1),
            "3 was trained on"
        );
        assert_eq!(
            patches(QueueKind::SuspiciousPositives, None),
            (vec![], 3),
            "without a split nobody knows"
        );
    }

    #[test]
    fn the_same_start_gives_the_same_audit() {
        let labels = vec![U; 5000];
        let scores: Vec<f32> = (0..5000).map(|i| i as f32 / 5000.0).collect();
        let audit = |start| queue(QueueKind::Audit, start, &labels, &scores, None);
        let first = audit(START);
        assert_eq!((first.patches.len(), first.chosen_from), (AUDIT_SIZE, 2500));
        assert_eq!(first, audit(START));
        assert_ne!(first.patches, audit(QueueStart { journal: EntryId(4), ..START }).patches);
        assert!(first.patches.iter().all(|&p| p >= 2500));
        // Random: not simply the first, and about half of them in the upper half.
        let upper = first.patches.iter().filter(|&&p| p >= 3750).count();
        assert!((70..130).contains(&upper), "{upper}");
    }

    #[test]
    fn an_audit_counts_what_was_judged() {
        let label = |patch| Some([P, P, P, N, U][patch as usize]);
        let audit = audit_result(&[0, 1, 2, 3, 4], label);
        assert_eq!((audit.positive, audit.negative, audit.open), (3, 1, 1));
        assert_eq!(audit.precision.map(|share| share.value), Some(0.75));
        assert_eq!(audit_result(&[4], label).precision, None);
    }
}
