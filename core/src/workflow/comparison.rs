//! Comparing runs interactively: their scores, where two runs disagree, and what relabelling has gained.
//! [`Comparison::read`] computes everything heavy once; questions afterwards are quick at any number of patches. What a
//! threshold on the scores of a run accepts is in [`super::score_table`].

use std::sync::Arc;

use super::compare::summary;
use super::score_table::ScoreTable;
use crate::error::Result;
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;
use crate::progress::{ProgressSink, report};
use crate::project::{PatchId, Project, Run, ScoreKind};
use crate::report::tables::{ComparisonRow, ConfigDifference, compare, config_differences};
use crate::report::{Against, RunSummary};
use crate::review::judged_sample;

/// Runs put side by side.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// The runs, as in the report.
    pub runs: Vec<RunSummary>,
    /// The measures of the runs, one row a measure.
    pub rows: Vec<ComparisonRow>,
    /// The keys in which their configurations differ.
    pub config: Vec<ConfigDifference>,
    /// Their scores; `None` where a run has none.
    pub scores: Vec<Option<Arc<ScoreTable>>>,
    /// Before and after, for each run that went on from another.
    pub gains: Vec<Gain>,
}

impl Comparison {
    /// Reads and measures the runs of these names.
    ///
    /// # Errors
    /// When a run does not exist or the project cannot be read.
    pub fn read(project: &Project, names: &[String], progress: ProgressSink<'_>) -> Result<Self> {
        let labels = project.labels()?;
        let judged = judged_sample(project)?;
        let mut comparison = Self::default();
        for (done, name) in names.iter().enumerate() {
            report(progress, "Measuring runs", done, names.len())?;
            let run = project.run(name)?;
            let summary = summary(project, &run, None)?;
            let scores = project
                .scores(run.id, ScoreKind::Teacher)?
                .map(|scores| Arc::new(ScoreTable::new(&labels, scores, &summary, &judged)));
            comparison.scores.push(scores);
            comparison.gains.extend(gain(project, &run, &summary)?);
            comparison.runs.push(summary);
        }
        comparison.rows = compare(&comparison.runs);
        comparison.config = config_differences(&comparison.runs)?;
        Ok(comparison)
    }

    /// The patches that two of the runs rank most differently, the farthest apart first. By rank, not
    /// by score: runs need not agree on what 0.8 means.
    pub fn disagreements(&self, a: usize, b: usize, most: usize) -> Vec<Disagreement> {
        match (self.scores.get(a), self.scores.get(b)) {
            (Some(Some(a)), Some(Some(b))) => disagreements(&a.by_patch, &b.by_patch, most),
            _ => Vec::new(),
        }
    }
}

/// A patch that two runs see differently.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disagreement {
    /// The patch.
    pub patch: PatchId,
    /// Score under either run.
    pub scores: [f32; 2],
    /// Share of the patches that rank below it under either run, 0 to 1.
    pub ranks: [f32; 2],
}

/// See [`Comparison::disagreements`]. Patches scored by one run only are left out.
fn disagreements(a: &[f32], b: &[f32], most: usize) -> Vec<Disagreement> {
    let both: Vec<PatchId> = (0..)
        .zip(a.iter().zip(b))
        .filter(|(_, (a, b))| a.is_finite() && b.is_finite())
        .map(|(i, _)| i)
        .collect();
    let (ranks_a, ranks_b) = (ranks(a, &both), ranks(b, &both));
    let mut found: Vec<Disagreement> = both
        .iter()
        .enumerate()
        .map(|(place, &patch)| Disagreement {
            patch,
            scores: [a[patch as usize], b[patch as usize]],
            ranks: [ranks_a[place], ranks_b[place]],
        })
        .collect();
    let apart = |d: &Disagreement| (d.ranks[0] - d.ranks[1]).abs();
    found.sort_by(|x, y| apart(y).total_cmp(&apart(x)).then(x.patch.cmp(&y.patch)));
    found.truncate(most);
    found
}

/// Rank of each patch of `ids` as a share, 0 lowest to 1 highest; equal scores share their mean rank.
fn ranks(scores: &[f32], ids: &[PatchId]) -> Vec<f32> {
    let score = |place: usize| scores[ids[place] as usize];
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_unstable_by(|&x, &y| score(x).total_cmp(&score(y)));
    let last = ids.len().saturating_sub(1).max(1) as f32;
    let mut ranks = vec![0.0; ids.len()];
    let mut below = 0;
    for equal in order.chunk_by(|&x, &y| score(x) == score(y)) {
        let mean = below as f32 + (equal.len() - 1) as f32 / 2.0;
        for &place in equal {
            ranks[place] = mean / last;
        }
        below += equal.len();
    }
    ranks
}

/// What a run has gained over the one it went on from, both measured with the labels of now on the
/// same validation patches.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    /// The run before.
    pub before: String,
    /// The run after.
    pub after: String,
    /// Labels set between the beginnings of both.
    pub relabelled: u64,
    /// What was measured, with the values before and after.
    pub rows: Vec<(&'static str, f64, f64)>,
    /// Why nothing was measured, where it could not be.
    pub problem: Option<String>,
}

fn gain(project: &Project, run: &Run, after: &RunSummary) -> Result<Option<Gain>> {
    let Some(name) = run.began_with() else { return Ok(None) };
    let Some(before_run) = project.runs()?.into_iter().find(|run| run.name == name) else { return Ok(None) };
    let mut gain = Gain {
        before: before_run.name.clone(),
        after: run.name.clone(),
        relabelled: relabelled(project, &before_run, run)?,
        rows: Vec::new(),
        problem: None,
    };
    if before_run.split != run.split {
        gain.problem =
            Some("the two runs have different splits, so they were not measured on the same patches".into());
        return Ok(Some(gain));
    }
    let before = summary(project, &before_run, None)?;
    for against in [Against::Unlabeled, Against::Negative] {
        let find = |run: &RunSummary| run.curves.iter().find(|c| c.against == against).cloned();
        if let (Some(before), Some(after)) = (find(&before), find(after)) {
            let words = match against {
                Against::Unlabeled => {
                    ["AUC, positives against unlabeled", "Average precision against unlabeled"]
                }
                Against::Negative => {
                    ["AUC, positives against negatives", "Average precision against negatives"]
                }
            };
            gain.rows.push((words[0], before.auc, after.auc));
            gain.rows.push((words[1], before.average_precision, after.average_precision));
        }
    }
    if gain.rows.is_empty() {
        gain.problem = Some("the validation set lacks positives, or one of the runs has no scores".into());
    }
    Ok(Some(gain))
}

/// How many patches have another label at the beginning of `after` than at that of `before`.
fn relabelled(project: &Project, before: &Run, after: &Run) -> Result<u64> {
    let (a, b) = (project.labels_at(before.journal_position)?, project.labels_at(after.journal_position)?);
    Ok(a.iter().zip(&b).filter(|(a, b)| a != b).count() as u64)
}

/// A summary that holds nothing but epochs: what charts over epochs are drawn from.
pub fn of_epochs(name: &str, is_baseline: bool, epochs: &[EpochMetrics]) -> RunSummary {
    let row = |m: &EpochMetrics| crate::report::EpochRow {
        epoch: m.epoch,
        values: EpochMetrics::COLUMNS
            .iter()
            .skip(1)
            .map(|&c| c.to_owned())
            .zip(m.values().into_iter().skip(1))
            .collect(),
    };
    RunSummary {
        name: name.to_owned(),
        is_baseline,
        epochs: epochs.iter().map(row).collect(),
        ..RunSummary::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn disagreement_is_by_rank() {
        // The second run is the first one squeezed: no disagreement at all.
        let a = [0.1, 0.2, 0.3, 0.4, f32::NAN];
        let squeezed = [0.51, 0.52, 0.53, 0.54, 0.9];
        assert!(disagreements(&a, &squeezed, 9).iter().all(|d| d.ranks[0] == d.ranks[1]));
        let other = [0.9, 0.2, 0.3, 0.4, 0.5];
        let found = disagreements(&a, &other, 1);
        assert_eq!(found.iter().map(|d| (d.patch, d.ranks)).collect::<Vec<_>>(), [(0, [0.0, 1.0])]);
        // Equal scores share their mean rank.
        assert_eq!(ranks(&[0.5, 0.5, 0.7], &[0, 1, 2]), [0.25, 0.25, 1.0]);
    }
}
