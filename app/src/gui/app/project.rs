//! Opening, closing and reloading projects.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use vitrine_core::project::{DiskState, Project, Run, RunStatus};
use vitrine_core::workflow::overview::overview;

use super::dialog::FileQuestion;
use super::loaded::{Loaded, load, resumable, run_list};
use super::notify::failure;
use super::outcome::{Outcome, ProjectOutcome, WindowOutcome};
use super::places::PlacesKept;
use super::state::App;
use crate::gui::command::{Command, ProjectCommand, WindowCommand};
use crate::gui::jobs::{JobKind, JobState, Scope};
use crate::gui::model::{GalleryGrid, LivePhase, LiveRun, MicrographsState, OpenProject, PicksState};
use crate::gui::remedy;
use crate::gui::values::{Load, Order, Tab, Wanted};
use crate::words::{project_name, typed_path};

impl App {
    pub(super) fn apply_project(&mut self, command: ProjectCommand) -> anyhow::Result<()> {
        match command {
            ProjectCommand::Open(dir) => self.open_project(&dir),
            ProjectCommand::OpenDialog => {
                let title = "Open a Vitrine project".to_owned();
                let question =
                    FileQuestion { wanted: Wanted::Folder, title, folder: None, name: None, kinds: None };
                self.choose_files(question, |mut dirs| {
                    Outcome::Project(ProjectOutcome::Chosen(dirs.swap_remove(0)))
                })
            }
            ProjectCommand::Sample(dir) => self.sample(dir),
            ProjectCommand::SampleHere => {
                let dir = typed_path(&self.model.drafts.sample);
                self.sample(dir)
            }
            ProjectCommand::Close => {
                self.refuse_while_training()?;
                self.close_project();
                Ok(())
            }
            ProjectCommand::Reload => self.reload(),
            ProjectCommand::ReadRecent(dir) => {
                self.read_recent(dir);
                Ok(())
            }
            ProjectCommand::Forget(dir) => {
                self.model.settings.recent.retain(|known| *known != dir);
                self.model.recents.forget(&dir);
                Ok(())
            }
            ProjectCommand::Dropped(paths) => match paths.iter().find(|path| is_project(&project_in(path))) {
                Some(project) => self.open_project(project),
                None => {
                    self.add_to_import(paths);
                    Ok(())
                }
            },
        }
    }

    pub(super) fn refuse_while_training(&self) -> anyhow::Result<()> {
        match self.model.live.as_ref().filter(|live| live.is_running()) {
            Some(live) => {
                Err(anyhow::anyhow!("the run {} is training in this project; stop it first", live.name))
            }
            None => Ok(()),
        }
    }

    /// Two projects that come one after the other: the second would close the first.
    pub(super) fn refuse_while_opening(&self) -> anyhow::Result<()> {
        for kind in [JobKind::Open, JobKind::Sample, JobKind::Import] {
            if let Some(job) = self.jobs.states().into_iter().find(|job| job.kind == kind) {
                anyhow::bail!(
                    "{} is running and will close this project; wait for it or cancel it",
                    job.title
                );
            }
        }
        Ok(())
    }

    pub(super) fn open_project(&mut self, dir: &Path) -> anyhow::Result<()> {
        let dir = &project_in(dir);
        let same = |a: &Path, b: &Path| match (a.canonicalize(), b.canonicalize()) {
            (Ok(a), Ok(b)) => a == b,
            _ => a == b,
        };
        if self.model.project.as_ref().is_some_and(|open| same(&open.dir, dir)) {
            // A second handle would only find the project locked by this window.
            return self.reload();
        }
        self.refuse_while_training()?;
        if self.jobs.has(JobKind::Open) {
            anyhow::bail!("another project is already opening; wait for it or cancel it");
        }
        let dir = dir.to_owned();
        let title = format!("Opening {}", project_name(&dir));
        let flushed = self.flushed.take();
        self.jobs.spawn(JobKind::Open, Scope::Window, title, move |job| {
            if let Some(flushed) = flushed {
                // Ends when the thread that flushes lets go of its end.
                let _ = flushed.recv();
            }
            let store = Project::open_any(&dir)?;
            let loaded = Box::new(load(store, &|| job.check_cancelled())?);
            Ok(Outcome::Project(ProjectOutcome::Opened(loaded)))
        })?;
        Ok(())
    }

    /// Looks at a recent project for its card, on a job: its disk may be slow.
    fn read_recent(&mut self, dir: PathBuf) {
        self.model.recents.ask(&dir);
        let asked = dir.clone();
        self.jobs.ask(
            JobKind::Recent,
            Scope::Window,
            "Looking at a recent project",
            move |_| {
                if !dir.is_dir() {
                    anyhow::bail!("the folder is missing");
                }
                Ok(Arc::new(overview(&dir, RECENT_PATCHES)?))
            },
            move |overview| Outcome::Project(ProjectOutcome::Recent(asked, overview)),
        );
    }

    fn reload(&mut self) -> anyhow::Result<()> {
        let (store, scope) = (self.handle()?, self.scope());
        let name = self.open()?.name.clone();
        if self.jobs.has(JobKind::Reload) {
            return Ok(());
        }
        if self.model.micrographs.is_marking() {
            anyhow::bail!("places marked by hand are still being saved; reload in a moment");
        }
        self.jobs.spawn(JobKind::Reload, scope, format!("Reloading {name}"), move |job| {
            let loaded = Box::new(load(store, &|| job.check_cancelled())?);
            Ok(Outcome::Project(ProjectOutcome::Reloaded(loaded)))
        })?;
        Ok(())
    }

    pub(super) fn close_project(&mut self) {
        if let Err(error) = self.write_places(true) {
            self.notify_error("Saving the place in the queue", &error);
        }
        self.jobs.cancel_scope(self.scope());
        self.model.disk = DiskState::default();
        if let Some(open) = self.model.project.take() {
            let dir = std::path::absolute(&open.dir).unwrap_or(open.dir);
            self.model.recents.forget(&dir);
        }
        self.model.tour = None;
        self.model.notices.turn_to(None);
        self.model.live = None;
        self.model.analysis.forget();
        self.model.cluster_jobs.forget();
        self.following.forget();
        self.model.export = crate::gui::model::ExportState::default();
        self.train = None;
        self.cut_from = None;
        self.after_marking.clear();
        if let Some(store) = self.store.take() {
            self.flush_closed(store);
        }
    }

    /// Brings the labels of a closed project onto the disk, on a job: the disk may take a while. The project
    /// stays locked until then, so the next one is opened after it.
    fn flush_closed(&mut self, store: Project) {
        let (ended, flushed) = channel();
        self.flushed = Some(flushed);
        self.jobs.ask(
            JobKind::Flush,
            Scope::Window,
            "Saving the labels",
            move |_| {
                let saved = store.flush();
                drop(store);
                drop::<Sender<()>>(ended);
                Ok(saved?)
            },
            |saved| Outcome::Window(WindowOutcome::SavedAfterClosing(saved)),
        );
    }

    /// Labels are written without waiting for the disk: what came of it is said here.
    pub(super) fn watch_disk(&mut self) {
        let Some(store) = &self.store else { return };
        let now = store.disk_state();
        let before = std::mem::replace(&mut self.model.disk, now.clone());
        match (before.failed, now.failed) {
            (None, Some(why)) => {
                let button = why.remedy.as_ref().and_then(remedy::button);
                self.notify_trouble("Labelling", &remedy::warning(&why), button);
            }
            (Some(_), None) => {
                self.model.notices.done("The disk accepts labels again. All labels are saved.")
            }
            _ => {}
        }
    }

    /// Takes up what a job on a project hands back.
    pub(super) fn take_project_outcome(
        &mut self,
        job: &JobState,
        outcome: ProjectOutcome,
    ) -> anyhow::Result<()> {
        match outcome {
            // Read to its end a moment before the person said no: what is not wanted does not come up.
            ProjectOutcome::Opened(_) | ProjectOutcome::SampleMade(_) if job.cancelled => Ok(()),
            ProjectOutcome::Opened(loaded) | ProjectOutcome::Reloaded(loaded) => self.take_project(*loaded),
            ProjectOutcome::SampleMade(loaded) => {
                self.take_project(*loaded)?;
                self.train_sample()
            }
            ProjectOutcome::Recent(dir, overview) => {
                let overview = overview.map_err(|error| failure(&error, "reading it"));
                self.model.recents.answer(&dir, overview);
                Ok(())
            }
            ProjectOutcome::Chosen(dir) => {
                self.apply(Command::Project(ProjectCommand::Open(dir)));
                Ok(())
            }
        }
    }

    /// Takes up a project that a job has read.
    pub(super) fn take_project(&mut self, loaded: Loaded) -> anyhow::Result<()> {
        let Loaded { mut store, mut open } = loaded;
        // Where an import was taken back, numbers of patches mean others, and all that is known by them goes.
        let same = |old: &&OpenProject| old.dir == open.dir && old.numbering == open.numbering;
        let reloaded = self.model.project.as_ref().filter(same);
        if let Some(old) = reloaded {
            // Pixels of patches that were there already do not change.
            open.opening = old.opening;
            open.shown.order = old.shown.order.clone();
            open.selection.extend(old.selection.iter());
            open.scores =
                old.scores.clone().filter(|scores| scores.values.len() == open.len()).or(open.scores);
            open.shown.cursor = old.shown.cursor.min(open.len().saturating_sub(1));
            open.places = old.places.clone();
            if self.store.as_ref().is_some_and(Project::is_writable) && !store.is_writable() {
                store = self.handle()?;
            }
            self.model.analysis.retry();
        } else {
            // Nothing begins a run while a project is being opened; should one have, it is not left unseen.
            self.refuse_while_training()?;
            self.openings += 1;
            open.opening = self.openings;
            self.close_project();
            self.places = PlacesKept { written: open.places.clone(), changed: None };
            self.states.forget_project();
            self.model.drafts.forget_project();
            self.model.ask_path = None;
            self.model.gallery = GalleryGrid::default();
            self.model.micrographs = MicrographsState::default();
            self.model.picks = PicksState::default();
            // The newest run with something to draw.
            let newest = open.runs.iter().rev().find(|run| run.best_epoch.is_some());
            self.model.analysis.drawn.extend(newest.map(|run| run.name.clone()));
            self.model.notices.turn_to(Some(open.opening));
            self.model.settings.opened(&open.dir);
            if let Some(why) = &open.read_only {
                self.model.notices.warning(format!("This project is read-only: {why}."));
            }
            self.notify_interrupted(&open);
            let view = self.recall_view(&open);
            self.model.tab = view.tab;
            open.shown.order = view.order.clone();
            if let Some(kept) = &view.train {
                self.model.drafts.train.restore(kept);
            }
            if let Some(kept) = &view.picks {
                self.model.drafts.pick.restore(kept);
            }
            self.kept_config.clone_from(&self.model.drafts.train.config);
            self.restore_queue(&view.queue);
            self.looked_at = Some(view);
            self.apply_window(WindowCommand::ReadDevices)?;
        }
        if store.is_writable() {
            let frames = self.jobs.frames().clone();
            store.flush_in_background(Arc::clone(&self.flush), Arc::new(move || frames.request()))?;
        }
        // What was changed while it was read.
        for entry in store.journal(open.journal, usize::MAX)? {
            match store.journal_mask(entry.id)? {
                Some(micrograph) => open.take_mask(micrograph, store.mask(micrograph)?),
                None => open.take_changes(entry.id, &store.journal_changes(entry.id)?),
            }
        }
        let order = open.shown.order.clone();
        self.model.micrographs.arrange(&open, &self.model.picks, &self.model.drafts.pick);
        self.model.project = Some(open);
        self.store = Some(store);
        if self.model.tab == Tab::Export {
            self.begin_export();
        }
        if order != Order::default() {
            self.request_order(order)?;
        }
        Ok(())
    }

    /// A run whose process died can be continued: say so when its project is opened.
    fn notify_interrupted(&mut self, open: &OpenProject) {
        use crate::gui::command::TrainCommand;
        use crate::gui::model::NoticeKind;
        let Some(run) = open.runs.iter().rev().find(|run| run.status == RunStatus::Interrupted) else {
            return;
        };
        let resumable = open.resumable.contains(&run.id);
        let action = (open.read_only.is_none() && resumable).then(|| {
            let device = vitrine_core::device::DeviceChoice::Auto;
            ("Resume it".to_owned(), Command::Train(TrainCommand::Continue { run: run.name.clone(), device }))
        });
        self.model.notices.push(
            NoticeKind::Warning,
            match resumable {
                true => {
                    format!("The run {} was interrupted. It can resume from its last checkpoint.", run.name)
                }
                false => {
                    format!("The run {} was interrupted before its first checkpoint.", run.name)
                }
            },
            action,
        );
    }

    /// A job ended with an error: says it, and takes back what was expected of it.
    pub(super) fn fail(&mut self, job: &JobState, error: &anyhow::Error) {
        let cancelled = matches!(error.downcast_ref(), Some(vitrine_core::Error::Cancelled));
        if let Some(live) = self.model.live.as_mut().filter(|live| live.job == job.id) {
            let has_reported = live.has_reported;
            if !cancelled {
                live.phase = LivePhase::Failed(remedy::sentence(error));
            }
            let name = live.name.clone();
            self.train = None;
            self.withdraw_run_offers();
            if let Some(planned) = self.model.analysis.planned.take() {
                self.model.notices.warning(format!(
                    "{} was not started, because the run before it failed.",
                    planned.start.base_name
                ));
            }
            // The run is in the project all the same, with how it ended.
            if let Err(error) = self.read_runs() {
                self.notify_error("Reading the runs", &error);
            }
            if let (true, Some(live)) = (cancelled, &mut self.model.live) {
                let runs = self.model.project.as_ref().map_or(&[][..], |open| open.runs.as_slice());
                live.phase =
                    LivePhase::Ended(Some(why_stopped(runs.iter().find(|r| r.name == name), has_reported)));
            }
        }
        if cancelled {
            if job.kind.asks_before_closing() {
                self.model.notices.done(format!("Cancelled: {}.", job.title));
            }
        } else {
            self.notify_error(&job.title, error);
        }
    }

    /// Reads the runs again: they are few.
    pub(super) fn read_runs(&mut self) -> anyhow::Result<()> {
        let columns = Arc::clone(&self.open()?.columns);
        let store = self.store()?;
        let runs = store.runs()?;
        let (resumable, run_list) = (resumable(store, &runs), run_list(store, &runs, &columns)?);
        let open = self.open()?;
        (open.runs, open.resumable, open.run_list) = (runs, resumable, run_list);
        Ok(())
    }

    /// A new run of this window. The one before it stays in the picture.
    pub(super) fn begin_live(&mut self, live: LiveRun) {
        let analysis = &mut self.model.analysis;
        if let Some(old) = self.model.live.take().filter(|old| old.name != live.name) {
            analysis.draw(old.name.clone(), true);
            analysis.curves.insert(old.name, Load::Ready(old.curves));
        }
        analysis.curves.remove(&live.name);
        self.model.live = Some(live);
    }
}

/// Patches on the card of a recent project.
const RECENT_PATCHES: usize = 4;

/// Why a run has ended that was cancelled, from what is stored of it; `has_reported` says whether its
/// trainer had begun.
fn why_stopped(stored: Option<&Run>, has_reported: bool) -> String {
    match stored {
        None => "stopped before it started; nothing of it is kept".to_owned(),
        Some(_) if !has_reported => "stopped before it resumed; it is unchanged".to_owned(),
        Some(run) => match &run.message {
            Some(why) => why.clone(),
            None => "stopped before the first epoch was complete".to_owned(),
        },
    }
}

/// Whether a folder holds a project.
pub(super) fn is_project(dir: &Path) -> bool {
    dir.join("project.sqlite").is_file()
}

/// The project a person means with this folder: itself, or the one within it, as the sample has it.
fn project_in(dir: &Path) -> PathBuf {
    let within = dir.join("project");
    if !is_project(dir) && is_project(&within) { within } else { dir.to_owned() }
}
