//! Opening, closing, reloading projects.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use vitrine_core::LabelCounts;
use vitrine_core::project::{DiskState, Project, Run, RunId, RunStatus, ScoreKind};
use vitrine_core::workflow::train::can_resume;

use super::asked::Asked;
use super::dialog::{FileQuestion, Wanted};
use super::review::PlacesKept;
use super::{App, Loaded, Outcome};
use crate::gui::command::{Command, ProjectCommand, WindowCommand};
use crate::gui::jobs::{JobKind, JobState};
use crate::gui::model::{
    CurrentScores, CurrentSplit, Hidden, LivePhase, LiveRun, OpenProject, Order, Selection, Shown,
};
use crate::gui::remedy;

impl App {
    pub(super) fn apply_project(&mut self, command: ProjectCommand) -> anyhow::Result<()> {
        match command {
            ProjectCommand::Open(dir) => self.open_project(&dir),
            ProjectCommand::OpenDialog => {
                let title = "Open a Vitrine project".to_owned();
                let question = FileQuestion { wanted: Wanted::Folder, title, folder: None, name: None };
                self.choose_files(question, |mut dirs| Outcome::Folder(dirs.swap_remove(0)))
            }
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
            ProjectCommand::Dropped(paths) => match paths.iter().find(|path| is_project(&project_in(path))) {
                Some(project) => self.open_project(project),
                None => {
                    self.add_to_import(paths);
                    Ok(())
                }
            },
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

    /// Two projects that come one after the other: the second would close the first.
    pub(super) fn not_while_opening(&self) -> anyhow::Result<()> {
        for kind in [JobKind::Open, JobKind::Sample, JobKind::Import] {
            if let Some(job) = self.jobs.states().into_iter().find(|job| job.kind == kind) {
                anyhow::bail!(
                    "{} is under way, which closes this project; wait for it or cancel it",
                    job.title
                );
            }
        }
        Ok(())
    }

    fn open_project(&mut self, dir: &Path) -> anyhow::Result<()> {
        let dir = &project_in(dir);
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
        self.jobs.spawn(JobKind::Open, title, move |job| {
            let store = Project::open_any(&dir)?;
            Ok(Outcome::Opened(Box::new(load(store, &|| job.go_on())?)))
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
        if is_project(&project) {
            return self.open_project(&project);
        }
        self.not_while_training()?;
        if self.jobs.has(JobKind::Sample) {
            anyhow::bail!("the sample is being made already; wait for it");
        }
        self.jobs.spawn(JobKind::Sample, "Making the sample project", move |job| {
            let (store, _, _) =
                vitrine_core::workflow::demo::sample_project(&dir, 1, &mut |step| job.tell(step))?;
            Ok(Outcome::Opened(Box::new(load(store, &|| job.go_on())?)))
        })?;
        Ok(())
    }

    fn reload(&mut self) -> anyhow::Result<()> {
        let store = self.store()?.reopen()?;
        let (name, generation) = (self.open()?.name.clone(), self.open()?.generation);
        if self.jobs.has(JobKind::Reload) {
            return Ok(());
        }
        self.jobs.spawn(JobKind::Reload, format!("Reloading {name}"), move |job| {
            Ok(Outcome::Reloaded { generation, loaded: Box::new(load(store, &|| job.go_on())?) })
        })?;
        Ok(())
    }

    fn close_project(&mut self) {
        if let Err(error) = self.keep_places(true) {
            self.say_error("Keeping the place in the queue", &error);
        }
        if let Some(Err(error)) = self.store.as_ref().map(Project::flush) {
            self.say_error("Closing the project", &error.into());
        }
        self.model.disk = DiskState::default();
        self.model.project = None;
        self.model.live = None;
        self.model.analysis.forget();
        self.forget_asked();
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
            (None, Some(why)) => {
                let button = why.remedy.as_ref().and_then(remedy::button);
                self.say_trouble("Labelling", &remedy::warning(&why), button);
            }
            (Some(_), None) => self.model.notices.done("The disk takes labels again: all are safe."),
            _ => {}
        }
    }

    /// Takes up the open project, read again; one that was closed meanwhile stays closed.
    pub(super) fn take_again(&mut self, generation: u64, loaded: Loaded) -> anyhow::Result<()> {
        match &self.model.project {
            Some(open) if open.generation == generation => self.take_project(loaded),
            _ => Ok(()),
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
                store = self.store()?.reopen()?;
            }
            self.model.analysis.try_again();
        } else {
            // Nothing begins a run while a project is being opened; should one have, it is not left unseen.
            self.not_while_training()?;
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
            let view = self.recall_view(&open);
            self.model.tab = view.tab;
            open.shown.order = view.order.clone();
            self.looked_at = Some(view);
            self.apply_window(WindowCommand::ReadDevices)?;
        }
        if store.is_writable() {
            let frames = self.jobs.frames().clone();
            store.flush_in_background(Arc::clone(&self.flush), Arc::new(move || frames.request()))?;
        }
        // Labels that were set while it was read.
        for entry in store.journal(open.journal, usize::MAX)? {
            let changes = store.journal_changes(entry.id)?;
            open.take_changes(entry.id, &changes);
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
        let resumable = open.resumable.contains(&run.id);
        let action = (open.read_only.is_none() && resumable).then(|| {
            let device = vitrine_core::device::DeviceChoice::Auto;
            ("Resume it".to_owned(), Command::Train(TrainCommand::Continue { run: run.name.clone(), device }))
        });
        self.model.notices.push(
            NoticeKind::Warning,
            match resumable {
                true => {
                    format!("The run {} was interrupted. It can go on from its last checkpoint.", run.name)
                }
                false => {
                    format!("The run {} was interrupted before there was anything to go on from.", run.name)
                }
            },
            action,
        );
    }

    /// A job ended with an error: says it, and takes back what was expected of it.
    pub(super) fn fail(&mut self, job: &JobState, asked: Option<Asked>, error: &anyhow::Error) {
        let cancelled = matches!(error.downcast_ref(), Some(vitrine_core::Error::Cancelled));
        if let Some(live) = self.model.live.as_mut().filter(|live| live.job == job.id) {
            let told = live.told;
            if !cancelled {
                live.phase = LivePhase::Failed(remedy::sentence(error));
            }
            let name = live.name.clone();
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
            if let (true, Some(live)) = (cancelled, &mut self.model.live) {
                let runs = self.model.project.as_ref().map_or(&[][..], |open| open.runs.as_slice());
                live.phase = LivePhase::Ended(Some(why_stopped(runs.iter().find(|r| r.name == name), told)));
            }
        }
        if let Some(asked) = asked
            && !self.could_not(asked, error)
        {
            return;
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
        let store = self.store()?;
        let runs = store.runs()?;
        let resumable = resumable(store, &runs);
        let open = self.open()?;
        (open.runs, open.resumable) = (runs, resumable);
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

/// Those of these runs that have something to go on from.
fn resumable(store: &Project, runs: &[Run]) -> Vec<RunId> {
    runs.iter().filter(|run| can_resume(store, run)).map(|run| run.id).collect()
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

/// Why a run has ended that was cancelled, from what is stored of it; `told` says whether its trainer had
/// begun.
fn why_stopped(stored: Option<&Run>, told: bool) -> String {
    match stored {
        None => "stopped before it began; nothing of it is kept".to_owned(),
        Some(_) if !told => "stopped before it went on; it is as it was".to_owned(),
        Some(run) => match &run.message {
            Some(why) => why.clone(),
            None => "stopped before the first epoch was complete".to_owned(),
        },
    }
}

/// Whether a folder holds a project.
fn is_project(dir: &Path) -> bool {
    dir.join("project.sqlite").is_file()
}

/// The project a person means with this folder: itself, or the one within it, as the sample has it.
fn project_in(dir: &Path) -> PathBuf {
    let within = dir.join("project");
    if !is_project(dir) && is_project(&within) { within } else { dir.to_owned() }
}

/// Reads what the model holds of a project. On a job's thread: a second for a million patches. `go_on` is
/// asked between the steps.
pub(super) fn load(
    mut store: Project,
    go_on: &dyn Fn() -> vitrine_core::Result<()>,
) -> anyhow::Result<Loaded> {
    store.refresh()?;
    // Read first: what changes from here on is taken up from the journal.
    let journal = store.journal_position()?;
    go_on()?;
    let columns = store.columns()?;
    go_on()?;
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
        go_on()?;
        if let Some(values) = store.scores(run.id, ScoreKind::Teacher)? {
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
        resumable: resumable(&store, &runs),
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
        journal,
        columns: Arc::new(columns),
    };
    go_on()?;
    Ok(Loaded { store, open })
}
