//! The open project as views see it: arrays over all patches. [`OpenProject::take_changes`] keeps them in
//! step with the store, so a label change reads nothing again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use vitrine_core::imaging::{CutSettings, Mask};
use vitrine_core::ingest::AddedPatches;
use vitrine_core::project::{
    Change, EntryId, LastExport, LastImport, Micrograph, MicrographId, PatchColumns, PatchId, PickRules,
    PixelFile, Run, RunId, Side, Source, Split,
};
use vitrine_core::review::QueuePlaces;
use vitrine_core::{Label, LabelCounts};

use super::on_micrographs::{MicrographProgress, OnMicrographs};
use super::order::OrderInput;
use super::review::{DetailKey, MicrographView, OpenQueue, PatchDetail, RunFeatures};
use super::run_list::RunList;
use super::selection::PatchSelection;
use crate::gui::values::{Asked, Order};

/// Scores of the run that sorting, filters and the side panel refer to.
#[derive(Debug, Clone)]
pub struct CurrentScores {
    /// The run that gave the scores.
    pub run: RunId,
    /// The run's name.
    pub name: String,
    /// One score per patch, NaN where it has none.
    pub values: Arc<Vec<f32>>,
}

/// The split that filters and the side panel refer to: the newest.
#[derive(Debug, Clone)]
pub struct CurrentSplit {
    /// The split.
    pub split: Split,
    /// One side per patch.
    pub sides: Arc<Vec<Side>>,
}

/// What the gallery shows now.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// What was asked for when `ids` were computed.
    pub order: Order,
    /// The patches, first to last.
    pub ids: Arc<Vec<PatchId>>,
    /// Labels or scores have changed since in a way that could change `ids`. The order stays until the person asks
    /// for a refresh, so that patches do not move under the pointer.
    pub stale: bool,
    /// Place of the current patch in `ids`.
    pub cursor: usize,
}

impl Shown {
    /// The current patch.
    pub fn current(&self) -> Option<PatchId> {
        self.ids.get(self.cursor).copied()
    }

    /// Makes this patch the current one; whether it is shown.
    pub fn go_to(&mut self, patch: PatchId) -> bool {
        if self.current() == Some(patch) {
            return true;
        }
        let place = self.ids.iter().position(|&id| id == patch);
        self.cursor = place.unwrap_or(self.cursor);
        place.is_some()
    }
}

/// How many selected patches the gallery does not show, and from which selection and order that was counted.
#[derive(Debug, Clone, Default)]
pub struct Hidden {
    /// Number of selected patches that the gallery does not show.
    pub count: usize,
    revision: u64,
    ids: Option<Arc<Vec<PatchId>>>,
}

/// The open project.
pub struct OpenProject {
    /// Number of the project: it goes up with each project opened in this window. Caches of pixels belong to one
    /// number, and so does the answer of a job.
    pub opening: u64,
    /// The project's folder.
    pub dir: PathBuf,
    /// The project's name: that of its folder, or of the folder around one called `project`.
    pub name: String,
    /// Why the project is read-only, as a sentence; `None` if it is writable.
    pub read_only: Option<String>,
    /// Side of a patch, px.
    pub size: Option<usize>,
    /// When the project was created, RFC 3339, UTC.
    pub created: String,
    /// The pixels; a clone may go to another thread.
    pub pixels: Arc<PixelFile>,
    /// Facts about every patch. Shared with jobs; changed only by [`OpenProject::take_changes`].
    pub columns: Arc<PatchColumns>,
    /// How many patches carry each label, kept as labels change.
    pub counts: LabelCounts,
    /// Sources, oldest first.
    pub sources: Vec<Source>,
    /// The last import, where it is noted and was not taken back.
    pub last_import: Option<LastImport>,
    /// Goes up when an import is taken back: numbers of patches mean others then.
    pub numbering: u64,
    /// Micrographs, in the order in which they became known.
    pub micrographs: Vec<Micrograph>,
    /// Which patches lie on which of them.
    pub on_micrographs: OnMicrographs,
    /// What a person has ruled out on them.
    pub masks: BTreeMap<MicrographId, Mask>,
    /// Thresholds of single micrographs and the like, by run.
    pub pick_rules: BTreeMap<RunId, PickRules>,
    /// How places on micrographs become patches; the sentence says why that is not known.
    pub cut: Result<CutSettings, String>,
    /// Diameter of a particle, px of the unbinned micrograph, where somebody has said it.
    pub diameter: Option<f64>,
    /// Runs, oldest first.
    pub runs: Vec<Run>,
    /// What is known of the runs besides their rows.
    pub run_list: RunList,
    /// Runs that have a checkpoint to resume from.
    pub resumable: Vec<RunId>,
    /// The newest split.
    pub split: Option<CurrentSplit>,
    /// The scores in use; `None` until a run has scored the patches.
    pub scores: Option<CurrentScores>,
    /// What was exported last.
    pub exported: Option<LastExport>,
    /// What the gallery shows, and the current patch.
    pub shown: Shown,
    /// The selected patches.
    pub selection: PatchSelection,
    /// The revision of the selection when all of it was labelled; [`OpenProject::drop_labelled`].
    pub labelled: Option<u64>,
    /// The patch to go to as soon as it is shown, once what hides it was taken away.
    pub wanted: Option<PatchId>,
    /// How many of the selected patches the gallery does not show.
    pub hidden: Hidden,
    /// The review queue that is shown; without one the gallery shows its order.
    pub queue: Option<OpenQueue>,
    /// Where the person stopped in the queues.
    pub places: QueuePlaces,
    /// What the side panel says of a patch.
    pub detail: Asked<DetailKey, PatchDetail>,
    /// The micrograph in the side panel.
    pub micrograph: Asked<MicrographId, MicrographView>,
    /// Features of all patches, once something asked for them.
    pub features: Option<RunFeatures>,
    /// The last entry of the journal this model has taken up.
    pub journal: EntryId,
}

impl OpenProject {
    /// What a person has ruled out on a micrograph.
    pub fn mask(&self, micrograph: MicrographId) -> Mask {
        self.masks.get(&micrograph).cloned().unwrap_or_default()
    }

    /// How far a person has come with a micrograph.
    pub fn progress(&self, micrograph: MicrographId) -> MicrographProgress {
        match self.masks.get(&micrograph).is_some_and(|mask| mask.excluded) {
            true => MicrographProgress::Excluded,
            false => self.on_micrographs.progress(micrograph),
        }
    }

    /// How many patches there are.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// How many patches a label key would change now: the selection, else the current patch.
    pub fn targets(&self) -> usize {
        if self.selection.is_empty() {
            usize::from(self.shown.current().is_some())
        } else {
            self.selection.len()
        }
    }

    /// Whether the selection was labelled and has not changed since. Another label then corrects the first one;
    /// moving on clears the selection, so that it is not labelled again by accident.
    pub fn is_labelled(&self) -> bool {
        !self.selection.is_empty() && self.labelled == Some(self.selection.revision())
    }

    /// The person moves on: clears a selection that was labelled.
    pub fn drop_labelled(&mut self) {
        if self.is_labelled() {
            self.selection.clear();
        }
        self.labelled = None;
    }

    /// Counts the selected patches that are not shown, when selection or order have changed.
    pub fn count_hidden(&mut self) {
        let (ids, revision) = (&self.shown.ids, self.selection.revision());
        let same = self.hidden.ids.as_ref().is_some_and(|known| Arc::ptr_eq(known, ids));
        if same && self.hidden.revision == revision {
            return;
        }
        let shown = match self.selection.len() {
            // Everything is shown, or nothing selected.
            count if count == 0 || ids.len() == self.columns.len() => count,
            _ => ids.iter().filter(|&&patch| self.selection.contains(patch)).count(),
        };
        self.hidden = Hidden { count: self.selection.len() - shown, revision, ids: Some(Arc::clone(ids)) };
    }

    /// What the side panel's words on this patch depend on; `None` for a patch that does not exist.
    pub fn detail_key(&self, patch: PatchId) -> Option<DetailKey> {
        let entry = *self.columns.last_entry.get(patch as usize)?;
        Some(DetailKey { patch, entry, scores: self.scores.as_ref().map(|scores| scores.run) })
    }

    /// Score of a patch under the current run.
    pub fn score(&self, patch: PatchId) -> Option<f32> {
        self.scores.as_ref()?.values.get(patch as usize).copied().filter(|score| !score.is_nan())
    }

    /// Whether the pixel size of every source is known. Then lengths are in Å, else in px.
    pub fn is_in_angstrom(&self) -> bool {
        !self.sources.is_empty() && self.sources.iter().all(|source| source.info.pixel_size.is_some())
    }

    /// Å per px of a patch, where known.
    pub fn pixel_size(&self, patch: PatchId) -> Option<f64> {
        let source = self.columns.source_of(patch)?;
        self.sources.iter().find(|known| known.id == source)?.info.pixel_size
    }

    /// What an order is computed from, for a job.
    pub fn order_input(&self) -> OrderInput {
        OrderInput {
            columns: Arc::clone(&self.columns),
            sides: self.split.as_ref().map(|split| Arc::clone(&split.sides)),
            scores: self.scores.as_ref().map(|scores| Arc::clone(&scores.values)),
            then: None,
        }
    }

    /// Takes up patches that were cut at places of a micrograph; `false` when others came in between, so that the
    /// project is to be read again.
    pub fn take_added(
        &mut self,
        micrograph: MicrographId,
        label: Label,
        added: &AddedPatches,
        pixels: Arc<PixelFile>,
    ) -> bool {
        let first = added.first as usize;
        let end = first + added.places.len();
        if end <= self.len() {
            // The project was read again meanwhile.
            return true;
        }
        if first != self.len() {
            return false;
        }
        let columns = Arc::make_mut(&mut self.columns);
        let number = added.entry.map_or(0, |entry| u32::try_from(entry.0).unwrap_or(u32::MAX));
        for (patch, &(x, y)) in (added.first..).zip(&added.places) {
            columns.labels.push(label);
            columns.source.push(u32::try_from(added.source.id.0).unwrap_or(0));
            columns.micrograph.push(u32::try_from(micrograph.0).unwrap_or(0));
            columns.xy.push([x as f32, y as f32]);
            columns.last_entry.push(number);
            *self.counts.get_mut(label) += 1;
            self.on_micrographs.add(micrograph, patch, label);
        }
        match self.sources.iter_mut().find(|known| known.id == added.source.id) {
            Some(known) => *known = added.source.clone(),
            None => self.sources.push(added.source.clone()),
        }
        self.size = Some(pixels.size());
        self.pixels = pixels;
        self.selection.grow(end);
        if let Some(scores) = &mut self.scores {
            Arc::make_mut(&mut scores.values).resize(end, f32::NAN);
        }
        if let Some(split) = &mut self.split {
            Arc::make_mut(&mut split.sides).resize(end, Side::Unused);
        }
        // Shown at the end until the person sorts again, so that none moves under the pointer.
        if self.queue.is_none() && self.shown.order.filter.is_all() {
            Arc::make_mut(&mut self.shown.ids).extend(added.first..end as PatchId);
            self.shown.stale |= self.shown.order != Order::default();
        } else {
            self.shown.stale = true;
        }
        self.journal = self.journal.max(added.entry.unwrap_or(self.journal));
        // What the side panel drew of the micrograph lacks them.
        self.micrograph.forget();
        true
    }

    /// Takes up what is ruled out on a micrograph now.
    pub fn take_mask(&mut self, micrograph: MicrographId, mask: Mask) {
        match mask.is_empty() {
            true => self.masks.remove(&micrograph),
            false => self.masks.insert(micrograph, mask),
        };
    }

    /// Takes up the labels that a journal entry changed.
    pub fn take_changes(&mut self, entry: EntryId, changes: &[Change]) {
        // Copies the arrays only while a job still reads the old ones.
        let columns = Arc::make_mut(&mut self.columns);
        let number = u32::try_from(entry.0).unwrap_or(u32::MAX);
        for change in changes {
            let at = change.patch as usize;
            let (Some(label), Some(last)) = (columns.labels.get_mut(at), columns.last_entry.get_mut(at))
            else {
                continue;
            };
            let before = self.counts.get_mut(*label);
            *before = before.saturating_sub(1);
            *label = change.after;
            self.run_list.take_change(*last, entry);
            *last = number;
            *self.counts.get_mut(change.after) += 1;
            if let Some(micrograph) = columns.micrograph_of(change.patch) {
                self.on_micrographs.change(micrograph, change.before, change.after);
            }
        }
        self.journal = self.journal.max(entry);
        if self.shown.order.depends_on_labels() && !changes.is_empty() {
            self.shown.stale = true;
        }
    }
}
