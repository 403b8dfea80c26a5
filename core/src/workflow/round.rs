//! What a round of correcting and retraining has changed: a run beside the one whose weights it began with.

use std::path::PathBuf;

use super::found_picks::FoundPicks;
use crate::error::Result;
use crate::label::{Label, LabelCounts};
use crate::learning::eval::metrics::Ranking;
use crate::picking::census::logit_of;
use crate::picking::choose::at_distance;
use crate::picking::evaluate::matching::match_picks;
use crate::picking::picker::Candidates;
use crate::project::{Project, Run, ScoreKind, Side};

/// Fewer patches of a kind than this give no AUC.
const MIN_PATCHES: usize = 5;

/// A run beside the one it began with.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// The run before.
    pub before: String,
    /// The run after.
    pub after: String,
    /// Labels set between the beginnings of both, by what the patches are now.
    pub corrected: LabelCounts,
    /// How both rank the same patches, from which neither learned; `None` where there are too few.
    pub ranked: Option<Ranked>,
    /// How the picks have changed, on micrographs that both have scored; `None` where there is none.
    pub picks: Option<PicksChanged>,
}

/// How two runs rank the same patches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// Area under the ROC curve of the run before, positives against unlabeled patches.
    pub before: f64,
    /// The same of the run after.
    pub after: f64,
    /// Positives ranked.
    pub positives: usize,
    /// Unlabeled patches ranked.
    pub unlabeled: usize,
}

/// Picks of two runs at the same threshold and distance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PicksChanged {
    /// Micrographs that both have scored.
    pub micrographs: usize,
    /// Picks of both, within half the distance of each other.
    pub kept: u64,
    /// Picks of the run after alone.
    pub added: u64,
    /// Picks of the run before alone.
    pub removed: u64,
}

/// Compares a run with the one whose weights it began with, with picks at a threshold (score) and a distance (px);
/// `None` where it began from scratch. `go_on` is asked before each micrograph.
///
/// # Errors
/// When the run does not exist, the project cannot be read, or [`crate::Error::Cancelled`].
pub fn round(
    project: &Project,
    run: &str,
    micrographs: &[PathBuf],
    (threshold, distance): (f64, f64),
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Option<Round>> {
    let after = project.run(run)?;
    let Some(name) = after.began_with() else { return Ok(None) };
    let Some(before) = project.runs()?.into_iter().find(|run| run.name == name) else { return Ok(None) };
    let picks = match (FoundPicks::open(project, &before.name), FoundPicks::open(project, &after.name)) {
        (Ok(a), Ok(b)) => changed([&a, &b], micrographs, logit_of(threshold), distance, go_on)?,
        // A network that is gone has no picks that could be compared.
        _ => None,
    };
    Ok(Some(Round {
        corrected: corrected(project, &before, &after)?,
        ranked: ranked(project, &before, &after)?,
        picks,
        before: before.name,
        after: after.name,
    }))
}

fn corrected(project: &Project, before: &Run, after: &Run) -> Result<LabelCounts> {
    let (a, b) = (project.labels_at(before.journal_position)?, project.labels_at(after.journal_position)?);
    Ok(LabelCounts::of(a.iter().zip(&b).filter(|(a, b)| a != b).map(|(_, b)| *b)))
}

/// Both on the patches from which neither learned.
fn ranked(project: &Project, before: &Run, after: &Run) -> Result<Option<Ranked>> {
    let (Some(a), Some(b)) =
        (project.scores(before.id, ScoreKind::Teacher)?, project.scores(after.id, ScoreKind::Teacher)?)
    else {
        return Ok(None);
    };
    let sides = |run: &Run| match run.split {
        Some(split) => project.split_sides(split),
        None => Ok(Vec::new()),
    };
    let (sides_a, sides_b) = (sides(before)?, sides(after)?);
    let held_out = |sides: &[Side], at: usize| matches!(sides.get(at), Some(Side::Validation | Side::Test));
    let labels = project.labels()?;
    let mut scores: [[Vec<f32>; 2]; 2] = Default::default();
    for (at, (label, (&a, &b))) in labels.iter().zip(a.iter().zip(&b)).enumerate() {
        let kind = match label {
            Label::Positive => 0,
            Label::Unlabeled => 1,
            Label::Negative => continue,
        };
        if a.is_finite() && b.is_finite() && held_out(&sides_a, at) && held_out(&sides_b, at) {
            scores[0][kind].push(a);
            scores[1][kind].push(b);
        }
    }
    let [[positive, unlabeled], [positive_after, unlabeled_after]] = &scores;
    if positive.len() < MIN_PATCHES || unlabeled.len() < MIN_PATCHES {
        return Ok(None);
    }
    let auc = |positive: &[f32], unlabeled: &[f32]| Ranking::new(positive, unlabeled).ok().map(|r| r.auc());
    let both = auc(positive, unlabeled).zip(auc(positive_after, unlabeled_after));
    Ok(both.map(|(before, after)| Ranked {
        before,
        after,
        positives: positive.len(),
        unlabeled: unlabeled.len(),
    }))
}

fn changed(
    [before, after]: [&FoundPicks; 2],
    micrographs: &[PathBuf],
    least: f64,
    distance: f64,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Option<PicksChanged>> {
    let picks = |found: &Candidates| -> Vec<(f64, f64)> {
        let places = at_distance(found, distance).into_iter();
        places.filter(|place| f64::from(place.logit) >= least).map(|place| (place.x, place.y)).collect()
    };
    let mut changed = PicksChanged::default();
    for micrograph in micrographs {
        go_on()?;
        let (Some(a), Some(b)) = (before.on(micrograph), after.on(micrograph)) else { continue };
        let (a, b) = (picks(&a), picks(&b));
        let kept = match_picks(&b, None, &a, (distance * 0.5).max(1.0)).into_iter().flatten().count();
        changed.micrographs += 1;
        changed.kept += kept as u64;
        changed.added += (b.len() - kept) as u64;
        changed.removed += (a.len() - kept) as u64;
    }
    Ok((changed.micrographs > 0).then_some(changed))
}
