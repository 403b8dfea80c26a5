//! What the window has measured of runs: curves over epochs, comparisons, the run that comes next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vitrine_core::diagnosis::Report;
use vitrine_core::learning::prior::PriorUsed;
use vitrine_core::learning::train::epoch_metrics::EpochMetrics;
use vitrine_core::project::EntryId;
use vitrine_core::report::RunSummary;
use vitrine_core::workflow::comparison::{Comparison, Disagreement, of_epochs};

use crate::gui::command::TrainStart;

/// A run over its epochs, by column, ready to be drawn.
#[derive(Debug, Clone, Default)]
pub struct RunCurves {
    /// Name of the run.
    pub name: String,
    /// Whether it is a plain classifier.
    pub is_baseline: bool,
    /// The epochs.
    pub epochs: Vec<EpochMetrics>,
    /// Values by column of [`EpochMetrics::COLUMNS`].
    columns: Vec<Vec<f64>>,
}

impl RunCurves {
    /// From the epochs of a run.
    pub fn new(name: String, is_baseline: bool, epochs: Vec<EpochMetrics>) -> Self {
        let mut columns = vec![Vec::with_capacity(epochs.len()); EpochMetrics::COLUMNS.len()];
        for epoch in &epochs {
            for (column, value) in columns.iter_mut().zip(epoch.values()) {
                column.push(value);
            }
        }
        Self { name, is_baseline, epochs, columns }
    }

    /// Epoch and value of a column, where it was measured.
    pub fn points(&self, column: &str) -> impl Iterator<Item = [f64; 2]> + '_ {
        let at = EpochMetrics::COLUMNS.iter().position(|known| *known == column);
        let values = at.and_then(|at| self.columns.get(at)).map_or(&[][..], Vec::as_slice);
        let epochs = self.columns.first().map_or(&[][..], Vec::as_slice);
        epochs.iter().zip(values).filter(|(_, y)| y.is_finite()).map(|(x, y)| [*x, *y])
    }

    /// As the report wants it.
    pub fn summary(&self) -> RunSummary {
        of_epochs(&self.name, self.is_baseline, &self.epochs)
    }
}

/// A run that begins when the one before it has ended.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The run.
    pub start: TrainStart,
    /// π as the first run has estimated it from the same patches and labels.
    pub known_prior: Option<PriorUsed>,
}

/// Runs put side by side, and when that was.
#[derive(Debug, Clone)]
pub struct Compared {
    /// The names asked for.
    pub names: Vec<String>,
    /// What came of it.
    pub comparison: Arc<Comparison>,
    /// The labels it was measured with.
    pub journal: EntryId,
}

/// The patches two runs disagree on.
#[derive(Debug, Clone)]
pub struct Disagreements {
    /// The runs.
    pub runs: [String; 2],
    /// The patches, the farthest apart first.
    pub patches: Vec<Disagreement>,
}

/// A corrected run of a diagnosis, and the run it is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// Name of the run before the correction.
    pub before: String,
    /// Name of the corrected run.
    pub after: String,
}

/// What the window has measured of the runs of the open project.
#[derive(Debug, Default)]
pub struct Analysis {
    /// Curves of stored runs, by name.
    pub curves: BTreeMap<String, Arc<RunCurves>>,
    /// Names of runs whose curves are being read.
    pub reading: Vec<String>,
    /// The last comparison.
    pub compared: Option<Compared>,
    /// The comparison asked for and not there yet; it stays here when it could not be made, so that it is
    /// not asked for again by itself.
    pub comparing: Option<Vec<String>>,
    /// Why the comparison asked for could not be made, if so.
    pub not_compared: Option<String>,
    /// The last disagreement asked for.
    pub disagreements: Option<Disagreements>,
    /// The last diagnosis.
    pub report: Option<Arc<Report>>,
    /// The corrected run that was begun last.
    pub remedy: Option<Remedy>,
    /// What trains next.
    pub planned: Option<Planned>,
    /// Runs whose curves could not be read; in [`Analysis::curves`] they are empty.
    unread: BTreeSet<String>,
}

impl Analysis {
    /// The project was closed or another opened.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Curves of these runs could not be read: empty ones stand for them, which nobody asks for again.
    pub fn could_not_read(&mut self, names: Vec<String>) {
        self.reading.retain(|name| !names.contains(name));
        for name in names {
            let empty = RunCurves::new(name.clone(), false, Vec::new());
            self.curves.insert(name.clone(), Arc::new(empty));
            self.unread.insert(name);
        }
    }

    /// What could not be read may be asked for again: the person has come back to it.
    pub fn try_again(&mut self) {
        for name in std::mem::take(&mut self.unread) {
            self.curves.remove(&name);
        }
        if self.not_compared.take().is_some() {
            self.comparing = None;
        }
    }

    /// What was measured of a run holds no more: it has trained meanwhile.
    pub fn has_trained(&mut self, name: &str) {
        self.curves.remove(name);
        self.unread.remove(name);
        self.reading.retain(|reading| reading != name);
        (self.compared, self.comparing, self.not_compared) = (None, None, None);
    }
}
