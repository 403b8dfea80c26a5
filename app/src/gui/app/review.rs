//! The jobs behind the side panel and the review queues.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::formats::micrograph;
use vitrine_core::imaging::bin::bin;
use vitrine_core::imaging::filters::radial_power;
use vitrine_core::project::{Micrograph, PatchColumns, PatchId, RunId, ScoreKind};
use vitrine_core::review::{self, Queue, QueueKind, QueuePlace, QueueStart};
use vitrine_core::workflow::score::scorer;
use vitrine_core::{Error, Image, Remedy};

use super::notify::failure;
use super::outcome::{Outcome, ReviewOutcome};
use super::places::PlacesKept;
use super::state::App;
use crate::gui::command::{Command, QueueCommand, SelectCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::{MicrographView, NoticeKind, OpenQueue, PatchDetail, RunFeatures, Shown};
use crate::gui::remedy;
use crate::gui::values::Tab;
use crate::words;

/// Longest side of a micrograph in the side panel, px.
const MAX_PICTURE_SIDE: usize = 1024;
/// Patches that "select similar" adds.
const SIMILAR_ADDED: usize = 50;
/// Examples that similarity is measured to, at most.
const MAX_EXAMPLES: usize = 64;

/// How long after the last step the place in a queue is written.
const PLACES_DELAY: Duration = Duration::from_millis(700);

impl App {
    /// Reads history, scores and spectrum of a patch. While another is being read, the view asks again.
    pub(super) fn read_detail(&mut self, patch: PatchId) -> anyhow::Result<()> {
        if self.jobs.has(JobKind::Patch) {
            return Ok(());
        }
        let store = self.handle();
        let open = self.open()?;
        let Some(key) = open.detail_key(patch) else { return Ok(()) };
        open.detail.ask(key);
        let runs: Vec<(RunId, String)> = open.runs.iter().map(|run| (run.id, run.name.clone())).collect();
        let known = open.scores.clone();
        let pixels = Arc::clone(&open.pixels);
        self.jobs.ask(
            JobKind::Patch,
            self.scope(),
            "Reading a patch",
            move |_| {
                let store = store?;
                let mut scores = Vec::new();
                for (id, name) in runs {
                    let of = |values: &[f32]| values.get(patch as usize).copied().filter(|s| s.is_finite());
                    match &known {
                        Some(known) if known.run == id => scores.push((name, of(&known.values))),
                        _ => {
                            if let Some(values) = store.scores(id, ScoreKind::Teacher)? {
                                scores.push((name, of(&values)));
                            }
                        }
                    }
                }
                let size = pixels.size();
                let mut image = Image::zeros(size, size);
                pixels.get(patch, &mut image.data)?;
                let history = store.patch_history(patch)?;
                let spectrum = radial_power(&image)?;
                Ok(PatchDetail { history, scores, spectrum })
            },
            move |detail| Outcome::Review(ReviewOutcome::Detail(key, detail)),
        );
        Ok(())
    }

    /// Reads the micrograph of a patch, averaged down. While another is being read, the view asks again.
    pub(super) fn read_micrograph(&mut self, patch: PatchId) -> anyhow::Result<()> {
        if self.jobs.has(JobKind::Micrograph) {
            return Ok(());
        }
        let open = self.open()?;
        let Some(id) = open.columns.micrograph_of(patch) else { return Ok(()) };
        let Some(known) = open.micrographs.iter().find(|m| m.id == id).cloned() else { return Ok(()) };
        open.micrograph.ask(id);
        let columns = Arc::clone(&open.columns);
        let dir = open.dir.clone();
        self.jobs.ask(
            JobKind::Micrograph,
            self.scope(),
            "Reading a micrograph",
            move |_| Ok(micrograph_view(&known, &columns, &dir)),
            move |view| Outcome::Review(ReviewOutcome::Micrograph(id, view)),
        );
        Ok(())
    }

    /// Enters, begins or leaves a queue.
    pub(super) fn apply_queue(&mut self, command: QueueCommand) -> anyhow::Result<()> {
        let (kind, anew) = match command {
            QueueCommand::Leave => {
                let open = self.open()?;
                let Some(queue) = open.queue.take() else { return Ok(()) };
                return self.request_order(queue.before);
            }
            QueueCommand::Enter(kind) => (kind, false),
            QueueCommand::Restart(kind) => (kind, true),
        };
        // Asked for from the palette or a notice, it may be another view that is shown.
        self.model.tab = Tab::Gallery;
        let open = self.open()?;
        let Some(scores) = &open.scores else {
            let why = "no run has scored this project yet, so there is nothing to review";
            return Err(Error::request(why, Remedy::TrainFirst).into());
        };
        let now = QueueStart { run: scores.run, journal: open.journal };
        // Other scores make another queue, and so does a journal that was cut (a restored backup).
        let kept = open.places.get(kind).map(|kept| kept.start);
        let kept = kept.filter(|kept| !anew && kept.run == now.run && kept.journal <= now.journal);
        let start = kept.unwrap_or(now);
        if kept.is_none() {
            open.places.set(kind, QueuePlace { start, place: 0, of: 0 });
        }
        let (store, scope) = (self.handle()?, self.scope());
        self.jobs.spawn(JobKind::Queue, scope, "Reading a queue", move |_| {
            let queue = review::build(&store, kind, start)?;
            Ok(Outcome::Review(ReviewOutcome::Queue(Box::new(queue))))
        })?;
        Ok(())
    }

    /// Keeps the place in the queue that is open; called whenever the current patch changes.
    pub(super) fn remember_queue_place(&mut self) {
        let Some(open) = &mut self.model.project else { return };
        let Some(queue) = &open.queue else { return };
        let (kind, start, of) = (queue.queue.kind, queue.queue.start, queue.queue.patches.len());
        open.places.set(kind, QueuePlace { start, place: open.shown.cursor, of });
    }

    /// Writes places in queues into the project, a moment after the last step or `now`. A step is a key
    /// held down; each on the disk by itself would wear it out.
    pub(super) fn write_places(&mut self, now: bool) -> anyhow::Result<Option<Duration>> {
        let Some(open) = self.model.project.as_ref().filter(|open| open.read_only.is_none()) else {
            return Ok(None);
        };
        if open.places == self.places.written {
            self.places.changed = None;
            return Ok(None);
        }
        let waited = self.places.changed.get_or_insert_with(Instant::now).elapsed();
        if !now && waited < PLACES_DELAY {
            return Ok(Some(PLACES_DELAY - waited));
        }
        let places = open.places.clone();
        // Tried once; what went wrong is said, and the next step tries again.
        self.places = PlacesKept { written: places.clone(), changed: None };
        if now {
            return places.store(self.store()?).map(|()| None).map_err(Into::into);
        }
        let (mut store, scope) = (self.handle()?, self.scope());
        self.jobs.spawn(JobKind::Places, scope, "Saving the place in the queue", move |_| {
            places.store(&mut store)?;
            Ok(Outcome::Nothing)
        })?;
        Ok(None)
    }

    /// Selects what looks like the selection, or like the current patch.
    pub(super) fn select_similar(&mut self) -> anyhow::Result<()> {
        let open = self.open()?;
        let Some(scores) = &open.scores else {
            let why = "no run has learned features of this project yet";
            return Err(Error::request(why, Remedy::TrainFirst).into());
        };
        let (run, name) = (scores.run, scores.name.clone());
        let examples: Vec<PatchId> = match open.selection.is_empty() {
            true => open.shown.current().into_iter().collect(),
            // Spread over the selection when it is large.
            false => {
                let step = open.selection.len().div_ceil(MAX_EXAMPLES);
                open.selection.iter().step_by(step).collect()
            }
        };
        let known = open.features.clone().filter(|f| f.run == run && f.features.len() == open.len());
        let (store, scope) = (self.handle()?, self.scope());
        let title = format!("Looking for similar patches with {name}");
        self.jobs.spawn(JobKind::Score, scope, title, move |job| {
            let found = match known {
                Some(known) => known,
                None => {
                    let dir = store.run_dir(&name);
                    let features = match review::load_features(&dir, store.len())? {
                        Some(features) => features,
                        None => {
                            let scorer = scorer(&store, &name, ComputeDevice::open(DeviceChoice::Auto)?)?;
                            review::features(&store, &scorer, &dir, &mut |step| job.report(step))?
                        }
                    };
                    RunFeatures { run, features: Arc::new(features) }
                }
            };
            let near = review::nearest(&found.features, &examples, SIMILAR_ADDED);
            Ok(Outcome::Review(ReviewOutcome::Similar(near, found)))
        })?;
        Ok(())
    }

    /// Takes up what a job on the gallery, its side panel or the queues hands back.
    pub(super) fn take_review_outcome(&mut self, outcome: ReviewOutcome) -> anyhow::Result<()> {
        let open = self.open()?;
        match outcome {
            ReviewOutcome::Arranged { order, ids } => self.take_order(order, ids),
            ReviewOutcome::Scores(scores) => self.take_scores(scores),
            ReviewOutcome::Detail(key, detail) => {
                open.detail.answer(&key, detail.map_err(|error| failure(&error, "this")));
            }
            ReviewOutcome::Micrograph(id, view) => {
                open.micrograph.answer(&id, view.map_err(|error| failure(&error, "this")));
            }
            ReviewOutcome::Queue(queue) => self.enter_queue(*queue)?,
            ReviewOutcome::Similar(near, features) => {
                open.features = Some(features);
                let count = near.len() as u64;
                open.selection.extend(near);
                self.model.notices.push(
                    NoticeKind::Done,
                    format!(
                        "Selected the {} that are most similar in the run in use.",
                        words::patches(count)
                    ),
                    Some(("Show them".to_owned(), Command::Select(SelectCommand::Show))),
                );
            }
        }
        Ok(())
    }

    /// Shows a queue where the person stopped in it.
    fn enter_queue(&mut self, queue: Queue) -> anyhow::Result<()> {
        let kind = queue.kind;
        if queue.patches.is_empty() {
            self.model.notices.warning(nothing_in(kind, queue.left_out));
            return Ok(());
        }
        let open = self.open()?;
        let place = open.places.get(kind).filter(|kept| kept.start == queue.start);
        let place = place.map_or(0, |kept| kept.place);
        let last = queue.patches.len() - 1;
        let before = match open.queue.take() {
            Some(old) => old.before,
            None => open.shown.order.clone(),
        };
        let run = open.runs.iter().find(|r| r.id == queue.start.run);
        let run = run.map_or_else(String::new, |run| run.name.clone());
        open.shown = Shown {
            ids: Arc::new(queue.patches.clone()),
            cursor: place.min(last),
            order: open.shown.order.clone(),
            stale: false,
        };
        open.selection.clear();
        open.queue = Some(OpenQueue { queue, run, before });
        // From now on the panel knows how long it is, also when it is left at once.
        self.remember_queue_place();
        Ok(())
    }
}

/// A micrograph averaged down, with the patches on it. A relative path counts from the project's folder `dir`.
fn micrograph_view(known: &Micrograph, columns: &PatchColumns, dir: &Path) -> MicrographView {
    let patches: Vec<_> = (0..columns.len() as PatchId)
        .filter(|&p| columns.micrograph_of(p) == Some(known.id))
        .filter_map(|p| columns.xy_of(p).map(|xy| (p, xy)))
        .collect();
    let picture = match &known.path {
        None => Err("The file of the micrograph is not known; only positions are drawn.".to_owned()),
        Some(path) => {
            // A path relative to the project works wherever the project was moved to.
            let path = if path.is_absolute() { path.clone() } else { dir.join(path) };
            micrograph::open(&path)
                .map_err(|e| format!("Only positions are drawn: {}", remedy::sentence(&e.into())))
        }
    };
    let reach = patches.iter().fold([1.0_f32; 2], |[w, h], (_, [x, y])| [w.max(*x), h.max(*y)]);
    let dimensions = match (&picture, known.dimensions) {
        (Ok(found), _) => [found.image.width as f32, found.image.height as f32],
        (_, Some((w, h))) => [w as f32, h as f32],
        _ => reach.map(|v| v * 1.05),
    };
    let picture = picture.and_then(|found| {
        let factor = found.image.width.max(found.image.height).div_ceil(MAX_PICTURE_SIDE).max(1);
        let small = bin(&found.image, factor).map_err(|e| format!("Only positions are drawn: {e}."))?;
        Ok((Arc::new(small), factor))
    });
    MicrographView { patches, picture, dimensions }
}

fn nothing_in(kind: QueueKind, left_out: usize) -> String {
    let left = words::patches(left_out as u64);
    match kind {
        QueueKind::MostUncertain | QueueKind::LikelyParticles => {
            "Nothing to review: the run in use has scored no unlabeled patch.".to_owned()
        }
        QueueKind::SuspiciousPositives => format!(
            "Nothing to review: no positive has an out-of-sample score under the run in use ({left} left out: the \
             run was trained on them or has not scored them)."
        ),
        QueueKind::Audit => {
            "Nothing to audit: no unlabeled patch has a score of 0.5 or above under the run in use."
                .to_owned()
        }
        QueueKind::RandomSample => "Nothing to sample: no patch is unlabeled.".to_owned(),
    }
}
