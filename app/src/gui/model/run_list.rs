//! Facts about the runs of the open project that are not in their rows.

use std::collections::{BTreeMap, HashSet};

use vitrine_core::learning::config::yaml;
use vitrine_core::project::{EntryId, PatchColumns, Run, RunFacts, RunId};

/// Facts about runs, and how the labels have moved on since the newest of them.
#[derive(Debug, Clone, Default)]
pub struct RunList {
    /// Facts by run.
    pub facts: BTreeMap<RunId, RunFacts>,
    /// The run whose scores a person has pinned.
    pub pinned: Option<RunId>,
    /// Runs whose network can be slid over a micrograph.
    slides: HashSet<RunId>,
    /// Journal position of the labels of the newest trained run.
    since: EntryId,
    /// Patches whose label was set after that.
    relabelled: u64,
}

impl RunList {
    /// From what the project holds.
    pub fn new(
        facts: BTreeMap<RunId, RunFacts>,
        pinned: Option<RunId>,
        runs: &[Run],
        columns: &PatchColumns,
    ) -> Self {
        let since = newest_trained(runs).map_or(EntryId(i64::MAX), |run| run.journal_position);
        let later = |entry: &&u32| i64::from(**entry) > since.0;
        let relabelled = columns.last_entry.iter().filter(later).count() as u64;
        let slides = runs.iter().filter(|run| slides(run)).map(|run| run.id).collect();
        Self { facts, pinned, slides, since, relabelled }
    }

    /// Whether the network of a run can be slid over a micrograph.
    pub fn can_pick(&self, run: RunId) -> bool {
        self.slides.contains(&run)
    }

    /// Patches whose label was set after the newest trained run had begun; 0 where no run is trained.
    pub const fn relabelled(&self) -> u64 {
        self.relabelled
    }

    /// What a list shows of a run.
    pub fn of(&self, run: RunId) -> RunFacts {
        self.facts.get(&run).cloned().unwrap_or_default()
    }

    /// Takes up a label that was set; `before` is the entry that had set the label of a patch until then.
    pub fn take_change(&mut self, before: u32, entry: EntryId) {
        if i64::from(before) <= self.since.0 && entry.0 > self.since.0 {
            self.relabelled += 1;
        }
    }
}

/// A configuration that this version cannot read names no network that it could slide.
fn slides(run: &Run) -> bool {
    yaml::parse(&run.config, &run.name).is_ok_and(|config| config.backbone.slides())
}

/// The newest run with a complete epoch.
pub fn newest_trained(runs: &[Run]) -> Option<&Run> {
    runs.iter().rev().find(|run| run.best_epoch.is_some())
}
