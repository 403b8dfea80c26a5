//! The evidence from which the state of each step of the road follows.

use vitrine_core::project::{Run, RunStatus};
use vitrine_core::review::QueueKind;

use super::live::LiveRun;
use super::open::OpenProject;
use super::road::{Exported, QueueProgress, RoadEvidence, Training};
use super::run_list::newest_trained;

impl RoadEvidence {
    /// What the open project shows, and the run that was started from this window.
    pub fn of(open: &OpenProject, live: Option<&LiveRun>) -> Self {
        let trained = newest_trained(&open.runs);
        let scored = open.scores.as_ref();
        let measured = scored.map(|scores| scores.run).or(trained.map(|run| run.id));
        let training = live.filter(|live| live.is_running()).map(|live| Training {
            run: live.name.clone(),
            epoch: live.progress.filter(|(epoch, ..)| *epoch > 0).map(|(epoch, epochs, ..)| (epoch, epochs)),
        });
        let cut = |run: &&Run| run.status == RunStatus::Interrupted && open.resumable.contains(&run.id);
        Self {
            read_only: open.read_only.is_some(),
            patches: open.len() as u64,
            micrographs: open.micrographs.len() as u64,
            positives: open.counts.positive,
            unlabeled: open.counts.unlabeled,
            runs: open.runs.len(),
            trained: trained.map(|run| run.name.clone()),
            auc: measured.and_then(|run| open.run_list.facts.get(&run)?.auc),
            interrupted: open.runs.last().filter(cut).map(|run| run.name.clone()),
            training,
            scores: scored.map(|scores| scores.name.clone()),
            relabelled: open.run_list.relabelled(),
            queues: queues(open),
            exported: open
                .exported
                .as_ref()
                .map(|last| Exported { name: last.name.clone(), outdated: last.journal < open.journal }),
        }
    }
}

/// The queues that were begun under the scores in use; the open one first.
fn queues(open: &OpenProject) -> Vec<QueueProgress> {
    let now = open.queue.as_ref().map(|queue| queue.queue.kind);
    let run = open.scores.as_ref().map(|scores| scores.run);
    let begun = |kind: QueueKind| {
        let place = open.places.get(kind).filter(|place| Some(place.start.run) == run && place.of > 0)?;
        Some(QueueProgress { kind, left: place.of.saturating_sub(place.place + 1), of: place.of })
    };
    let others = QueueKind::ALL.into_iter().filter(|kind| Some(*kind) != now);
    now.into_iter().chain(others).filter_map(begun).collect()
}
