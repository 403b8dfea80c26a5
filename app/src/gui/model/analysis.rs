//! What the window has measured of runs: curves over epochs, comparisons, the diagnosis; and the run that
//! comes next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vitrine_core::diagnosis::Report;
use vitrine_core::learning::prior::PriorUsed;
use vitrine_core::learning::train::metrics::epoch_metrics::EpochMetrics;
use vitrine_core::project::EntryId;
use vitrine_core::report::RunSummary;
use vitrine_core::workflow::comparison::{Comparison, Disagreement, of_epochs};

use super::run_queue::RunQueue;
use crate::gui::values::{Asked, Load, TrainStart};

/// A run over its epochs, by column, ready to be drawn.
#[derive(Debug, Clone, Default)]
pub struct RunCurves {
    /// Name of the run.
    pub name: String,
    /// Whether it is a plain classifier.
    pub is_baseline: bool,
    /// The epochs, first to last.
    pub epochs: Vec<EpochMetrics>,
    /// Values by column of [`EpochMetrics::COLUMNS`].
    columns: Vec<Vec<f64>>,
}

impl RunCurves {
    /// From the epochs of a run.
    pub fn new(name: String, is_baseline: bool, epochs: Vec<EpochMetrics>) -> Self {
        let mut curves = Self { name, is_baseline, ..Self::default() };
        epochs.into_iter().for_each(|epoch| curves.push(epoch));
        curves
    }

    /// Adds an epoch at the end.
    pub fn push(&mut self, epoch: EpochMetrics) {
        self.columns.resize(EpochMetrics::COLUMNS.len(), Vec::new());
        for (column, value) in self.columns.iter_mut().zip(epoch.values()) {
            column.push(value);
        }
        self.epochs.push(epoch);
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
pub struct PlannedRun {
    /// The run to start.
    pub start: TrainStart,
    /// π as the first run has estimated it from the same patches and labels.
    pub known_prior: Option<PriorUsed>,
}

/// A comparison of runs, and the labels it used.
#[derive(Debug, Clone)]
pub struct Compared {
    /// The comparison.
    pub comparison: Arc<Comparison>,
    /// The journal position of the labels it was measured with.
    pub journal: EntryId,
}

/// A corrected run of a diagnosis, and the run it is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Name of the run before the correction.
    pub before: String,
    /// Name of the corrected run.
    pub after: String,
}

/// What the window has measured of the runs of the open project.
#[derive(Debug, Default)]
pub struct Analysis {
    /// Curves of stored runs, by name.
    pub curves: BTreeMap<String, Load<Arc<RunCurves>>>,
    /// Stored runs whose curves are drawn in Train.
    pub drawn: BTreeSet<String>,
    /// Runs side by side, by their names.
    pub comparison: Asked<Vec<String>, Compared>,
    /// The patches on which two runs disagree, the farthest apart first.
    pub disagreement: Asked<[String; 2], Vec<Disagreement>>,
    /// The last diagnosis.
    pub report: Option<Arc<Report>>,
    /// The corrected run that was begun last.
    pub correction: Option<Correction>,
    /// The run that trains next.
    pub planned: Option<PlannedRun>,
    /// The runs that train after that.
    pub queue: RunQueue,
}

impl Analysis {
    /// The project was closed or another opened.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Draws the curves of a stored run, or draws them no longer.
    pub fn draw(&mut self, run: String, on: bool) {
        if on {
            self.drawn.insert(run);
        } else {
            self.drawn.remove(&run);
        }
    }

    /// The curves of a stored run, once they are read.
    pub fn curves_of(&self, run: &str) -> Option<&Arc<RunCurves>> {
        self.curves.get(run)?.ready()
    }

    /// Those of these runs whose curves have not been requested yet.
    pub fn without_curves<'a>(&self, runs: impl IntoIterator<Item = &'a String>) -> Vec<String> {
        runs.into_iter().filter(|run| self.curves.get(*run).is_none_or(Load::is_not_asked)).cloned().collect()
    }

    /// What could not be read may be asked for again: the person has come back to it.
    pub fn retry(&mut self) {
        self.curves.retain(|_, curves| !matches!(curves, Load::Failed(_)));
        self.comparison.retry();
        self.disagreement.retry();
    }

    /// A run has another name now.
    pub fn rename(&mut self, old: &str, new: &str) {
        if let Some(curves) = self.curves.remove(old) {
            self.curves.insert(new.to_owned(), curves);
        }
        if self.drawn.remove(old) {
            self.drawn.insert(new.to_owned());
        }
        if let Some(correction) = &mut self.correction {
            for name in [&mut correction.before, &mut correction.after] {
                if name == old {
                    new.clone_into(name);
                }
            }
        }
        if let Some(report) = self.report.as_mut().filter(|report| report.run.as_deref() == Some(old)) {
            Arc::make_mut(report).run = Some(new.to_owned());
        }
        self.queue.rename(old, new);
        self.comparison.forget();
        self.disagreement.forget();
    }

    /// A run was deleted.
    pub fn forget_run(&mut self, name: &str) {
        self.curves.remove(name);
        self.drawn.remove(name);
        self.correction.take_if(|correction| correction.before == name || correction.after == name);
        self.report.take_if(|report| report.run.as_deref() == Some(name));
        self.comparison.forget();
        self.disagreement.forget();
    }

    /// What was measured of a run holds no more: it has trained meanwhile.
    pub fn has_trained(&mut self, name: &str) {
        self.curves.remove(name);
        self.comparison.forget();
    }
}
