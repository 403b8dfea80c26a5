//! What the window has measured of runs: curves over epochs, comparisons, the run that comes next.

use std::collections::BTreeMap;
use std::sync::Arc;

use vitrine_core::diagnosis::Report;
use vitrine_core::learning::events::EpochMetrics;
use vitrine_core::learning::prior_fit::PriorUsed;
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
    /// The comparison asked for and not there yet.
    pub comparing: Option<Vec<String>>,
    /// The last disagreement asked for.
    pub disagreements: Option<Disagreements>,
    /// The last diagnosis.
    pub report: Option<Arc<Report>>,
    /// The corrected run that was begun last.
    pub remedy: Option<Remedy>,
    /// What trains next.
    pub planned: Option<Planned>,
}

impl Analysis {
    /// The project was closed or another opened.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}
