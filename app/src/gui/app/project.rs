//! Opening, closing, reloading projects.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use vitrine_core::LabelCounts;
use vitrine_core::project::{DiskState, Project, RunStatus};

use super::review::PlacesKept;
use super::{App, Loaded, Outcome};
use crate::gui::command::{Command, ProjectCommand, WindowCommand};
use crate::gui::jobs::{JobKind, JobState};
use crate::gui::model::{
    CurrentScores, CurrentSplit, Hidden, LivePhase, LiveRun, OpenProject, Order, Selection, Shown,
};

/// The kind of scores shown.
pub(super) const SCORES: &str = "teacher";

impl App {
    pub(super) fn apply_project(&mut self, command: ProjectCommand) -> anyhow::Result<()> {
        match command {
            ProjectCommand::Open(dir) => self.open_project(&dir),
            ProjectCommand::OpenDialog => self.dialog(),
            ProjectCommand::Sample(dir) => self.sample(dir),
            ProjectCommand::SampleHere => {
                let dir = self.states.start.sample_dir();
                self.sample(dir)
            }
            ProjectCommand::Close => {
                self.not_while_training()?;
                self.close_project();
                Ok(())
            }
            ProjectCommand::Reload => self.reload(),
            ProjectCommand::Forget(dir) => {
                self.model.settings.recent.retain(|known| *known != dir);
                Ok(())
            }
            ProjectCommand::Dropped(paths) => {
                match paths.iter().find(|path| path.join("project.sqlite").is_file()) {
                    Some(project) => self.open_project(&project.clone()),
                    None => {
                        self.add_to_import(paths);
                        Ok(())
                    }
                }
            }
        }
    }

    pub(super) fn not_while_training(&self) -> anyhow::Result<()> {
        match self.model.live.as_ref().filter(|live| live.is_running()) {
            Some(live) => {
                Err(anyhow::anyhow!("the run {} is training in this project; stop it first", live.name))
            }
            None => Ok(()),
        }
    }

    fn open_project(&mut self, dir: &Path) -> anyhow::Result<()> {
        let same = |a: &Path, b: &Path| match (a.canonicalize(), b.canonicalize()) {
            (Ok(a), Ok(b)) => a == b,
            _ => a == b,
        };
        if self.model.project.as_ref().is_some_and(|open| same(&open.dir, dir)) {
            // A second handle would only find the project locked by this window.
            return self.reload();
        }
        self.not_while_training()?;
        if self.jobs.has(JobKind::Open) {
            anyhow::bail!("a project is being opened already; wait for it or cancel it");
        }
        let dir = dir.to_owned();
        let title = format!("Opening {}", name_of(&dir));
        self.jobs.spawn(JobKind::Open, title, move |_| {
            let store = Project::open_any(&dir)?;
            Ok(Outcome::Opened(Box::new(load(store)?)))
        })?;
        Ok(())
    }

    /// Dialogs wait on a thread, and the desktop's file portal may be missing: then nothing is
    /// chosen, and the typed path on the first screen does the same.
    fn dialog(&mut self) -> anyhow::Result<()> {
        if self.jobs.has(JobKind::Dialog) {
            return Ok(());
        }
        self.jobs.spawn(JobKind::Dialog, "Choosing a folder", |_| {
            Ok(Outcome::Folder(rfd::FileDialog::new().set_title("Open a Vitrine project").pick_folder()))
        })?;
        Ok(())
    }

    /// Opens the sample as if it was asked for on the first screen.
    pub fn open_sample(&mut self, dir: PathBuf) {
        self.states.start.sample = dir.display().to_string();
        self.apply(Command::Project(ProjectCommand::Sample(dir)));
    }

    fn sample(&mut self, dir: PathBuf) -> anyhow::Result<()> {
        let project = dir.join("project");
        if project.join("project.sqlite").is_file() {
            return self.open_project(&project);
        }
        self.not_while_training()?;
        if self.jobs.has(JobKind::Sample) {
            anyhow::bail!("the sample is being made already; wait for it");
        }
        self.jobs.spawn(JobKind::Sample, "Making the sample project", move |job| {
            let (store, _, _) =
                vitrine_core::workflow::demo::sample_project(&dir, 1, &mut |step| job.tell(step))?;
            Ok(Outcome::Opened(Box::new(load(store)?)))
        })?;
        Ok(())
    }

    fn reload(&mut self) -> anyhow::Result<()> {
        let store = self.store()?.another_handle()?;
        let name = self.open()?.name.clone();
        self.jobs.spawn(JobKind::Open, format!("Reloading {name}"), move |_| {
            Ok(Outcome::Opened(Box::new(load(store)?)))
        })?;
        Ok(())
    }

    fn close_project(&mut self) {
        if let Err(error) = self.keep_places(true) {
            self.say_error("Keeping the place in the queue", &error);
        }
        if let Some(Err(error)) = self.store.as_ref().map(Project::wait_for_disk) {
            self.say_error("Closing the project", &error.into());
        }
        self.model.disk = DiskState::default();
        self.model.project = None;
        self.model.live = None;
        self.model.analysis.forget();
        self.model.export = crate::gui::model::ExportState::default();
        self.store = None;
        self.train = None;
    }

    /// Labels are written without waiting for the disk: what came of it is said here.
    pub(super) fn watch_disk(&mut self) {
        let Some(store) = &self.store else { return };
        let now = store.disk_state();
        let before = std::mem::replace(&mut self.model.disk, now.clone());
        match (before.failed, now.failed) {
            (None, Some(why)) => self.say_error("Labelling", &anyhow::anyhow!(why)),
            (Some(_), None) => self.model.notices.done("The disk takes labels again: all are safe."),
            _ => {}
        }
    }

    /// Takes up a project that a job has read.
    pub(super) fn take_project(&mut self, loaded: Loaded) -> anyhow::Result<()> {
        let Loaded { mut store, mut open } = loaded;
        let reloaded = self.model.project.as_ref().filter(|old| old.dir == open.dir);
        if let Some(old) = reloaded {
            // Pixels of patches that were there already do not change.
            open.generation = old.generation;
            open.shown.order = old.shown.order.clone();
            open.selection.extend(old.selection.iter());
            open.scores =
                old.scores.clone().filter(|scores| scores.values.len() == open.len()).or(open.scores);
            open.shown.cursor = old.shown.cursor.min(open.len().saturating_sub(1));
            open.places = old.places.clone();
            if self.store.as_ref().is_some_and(Project::is_writable) && !store.is_writable() {
                store = self.store()?.another_handle()?;
            }
        } else {
            self.generations += 1;
            open.generation = self.generations;
            self.close_project();
            self.places = PlacesKept { written: open.places.clone(), changed: None };
            self.states.forget_project();
            self.model.settings.opened(&open.dir);
            if let Some(why) = &open.read_only {
                self.model.notices.warning(format!("This project can only be looked at: {why}."));
            }
            self.say_interrupted(&open);
            self.apply_window(WindowCommand::ReadDevices)?;
        }
        if store.is_writable() {
            let frames = self.jobs.frames().clone();
            store.label_without_waiting(Arc::clone(&self.flush), Arc::new(move || frames.request()))?;
        }
        let order = open.shown.order.clone();
        self.model.project = Some(open);
        self.store = Some(store);
        if order != Order::default() {
            self.request_order(order)?;
        }
        Ok(())
    }

    /// A run whose process died can be continued: say so when its project is opened.
    fn say_interrupted(&mut self, open: &OpenProject) {
        use crate::gui::command::TrainCommand;
        use crate::gui::model::NoticeKind;
        let Some(run) = open.runs.iter().rev().find(|run| run.status == RunStatus::Interrupted) else {
            return;
        };
        let action = open.read_only.is_none().then(|| {
            let device = vitrine_core::learning::device::DeviceChoice::Auto;
            (
                "Continue it".to_owned(),
                Command::Train(TrainCommand::Continue { run: run.name.clone(), device }),
            )
        });
        self.model.notices.push(
            NoticeKind::Warning,
            format!("The run {} was interrupted. It can go on from its last complete epoch.", run.name),
            action,
        );
    }

    /// A job ended with an error: says it, and takes back what was expected of it.
    pub(super) fn fail(&mut self, job: &JobState, error: &anyhow::Error) {
        let cancelled = matches!(error.downcast_ref(), Some(vitrine_core::Error::Cancelled));
        if let Some(live) = self.model.live.as_mut().filter(|live| live.job == job.id) {
            live.phase = if cancelled {
                LivePhase::Ended(Some("stopped before the first epoch was complete".to_owned()))
            } else {
                LivePhase::Failed(crate::words::sentence(error))
            };
            self.train = None;
            if let Some(planned) = self.model.analysis.planned.take() {
                self.model.notices.warning(format!(
                    "{} was not begun, because the run before it did not end well.",
                    planned.start.base_name
                ));
            }
            // The run is in the project all the same, with how it ended.
            if let Err(error) = self.read_runs() {
                self.say_error("Reading the runs", &error);
            }
        }
        if cancelled {
            if job.kind.asks_before_closing() {
                self.model.notices.done(format!("Cancelled: {}.", job.title));
            }
        } else {
            self.say_error(&job.title, error);
        }
    }

    /// Reads the runs again: they are few.
    pub(super) fn read_runs(&mut self) -> anyhow::Result<()> {
        let runs = self.store()?.runs()?;
        self.open()?.runs = runs;
        Ok(())
    }

    /// A new run of this window. The one before it stays in the picture.
    pub(super) fn begin_live(&mut self, live: LiveRun) {
        if let Some(old) = self.model.live.take().filter(|old| old.name != live.name) {
            self.states.live.overlaid.insert(old.name.clone());
            self.model.analysis.curves.insert(old.name.clone(), old.curves);
        }
        self.model.analysis.curves.remove(&live.name);
        self.model.live = Some(live);
    }
}

/// The name of a project: its folder's, or for a folder `project` the one around it.
pub(super) fn name_of(dir: &Path) -> String {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    match name(&absolute) {
        Some(own) if own == "project" => absolute.parent().and_then(name).unwrap_or(own),
        Some(own) => own,
        None => absolute.display().to_string(),
    }
}

/// Reads what the model holds of a project. On a job's thread: a second for a million patches.
pub(super) fn load(mut store: Project) -> anyhow::Result<Loaded> {
    store.refresh()?;
    let columns = store.columns()?;
    let runs = store.runs()?;
    let split = match store.splits()?.pop() {
        Some(split) => {
            let sides = store.split_sides(split.id).context("the newest split")?;
            Some(CurrentSplit { split, sides: Arc::new(sides) })
        }
        None => None,
    };
    let mut scores = None;
    for run in runs.iter().rev() {
        if let Some(values) = store.scores(run.id, SCORES)? {
            scores = Some(CurrentScores { run: run.id, name: run.name.clone(), values: Arc::new(values) });
            break;
        }
    }
    let count = columns.len();
    let ids = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
    let read_only = (!store.is_writable())
        .then(|| store.read_only_reason().unwrap_or("it was opened for reading").to_owned());
    let open = OpenProject {
        generation: 0,
        dir: store.dir().to_owned(),
        name: name_of(store.dir()),
        read_only,
        size: store.size(),
        created: store.created()?,
        pixels: store.pixels(),
        counts: LabelCounts::of(columns.labels.iter().copied()),
        sources: store.sources()?,
        micrographs: store.micrographs()?,
        runs,
        split,
        scores,
        shown: Shown { ids: Arc::new(ids), ..Shown::default() },
        selection: Selection::new(count),
        labelled: None,
        wanted: None,
        hidden: Hidden::default(),
        queue: None,
        places: vitrine_core::review::QueuePlaces::read(&store)?,
        detail: None,
        micrograph: None,
        features: None,
        journal: store.journal_position()?,
        columns: Arc::new(columns),
    };
    Ok(Loaded { store, open })
}
