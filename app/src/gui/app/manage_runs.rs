//! Renaming, deleting and annotating runs; pinning scores.

use vitrine_core::review::QueuePlaces;
use vitrine_core::workflow::runs::{delete, plan_delete, rename};

use super::state::App;
use crate::gui::command::{Command, ProjectCommand, ViewCommand};
use crate::gui::drafts::RunDraft;
use crate::gui::jobs::JobState;
use crate::gui::values::Overlay;
use crate::words;

impl App {
    /// Asks for another name of a run; without one, of the run whose scores are in use, else of the newest.
    pub(super) fn ask_rename(&mut self, run: Option<String>) -> anyhow::Result<()> {
        let run = self.run_or_usual(run)?;
        self.model.drafts.run = RunDraft { name: run.clone(), run, note: String::new() };
        self.model.overlay = Some(Overlay::RenameRun);
        Ok(())
    }

    /// Asks whether a run is to be deleted, with what would go. Without a name as [`App::ask_rename`].
    pub(super) fn ask_delete(&mut self, run: Option<String>) -> anyhow::Result<()> {
        let run = self.run_or_usual(run)?;
        self.model.deleting = Some(plan_delete(self.store()?, &run)?);
        self.model.drafts.run = RunDraft { name: run.clone(), run, note: String::new() };
        self.model.overlay = Some(Overlay::DeleteRun);
        Ok(())
    }

    /// Asks for a note on a run. Without a name as [`App::ask_rename`].
    pub(super) fn ask_note(&mut self, run: Option<String>) -> anyhow::Result<()> {
        let run = self.run_or_usual(run)?;
        let open = self.open()?;
        let id = open.runs.iter().find(|known| known.name == run).map(|known| known.id);
        let note = id.map(|id| open.run_list.of(id).note).unwrap_or_default();
        self.model.drafts.run = RunDraft { name: run.clone(), run, note };
        self.model.overlay = Some(Overlay::NoteRun);
        Ok(())
    }

    /// Stores a note on a run.
    pub(super) fn note_run(&mut self, run: &str, note: &str) -> anyhow::Result<()> {
        let store = self.store()?;
        let id = store.run(run)?.id;
        store.set_run_note(id, note)?;
        self.model.overlay = None;
        self.read_runs()
    }

    /// Pins the scores of a run and uses them, or unpins.
    pub(super) fn pin_scores(&mut self, run: Option<String>) -> anyhow::Result<()> {
        let store = self.store()?;
        let id = run.as_deref().map(|run| store.run(run)).transpose()?.map(|run| run.id);
        store.pin_scores(id)?;
        self.read_runs()?;
        match (run, id) {
            (Some(run), Some(id)) => {
                self.model.notices.done(format!("The scores of {run} stay in use until you unpin them."));
                let used = self.open()?.scores.as_ref().is_some_and(|scores| scores.run == id);
                if used { Ok(()) } else { self.apply_view(ViewCommand::Scores(id)) }
            }
            _ => {
                self.model
                    .notices
                    .done("No scores are pinned. The scores of the next run to finish will be used.");
                Ok(())
            }
        }
    }

    fn run_or_usual(&mut self, run: Option<String>) -> anyhow::Result<String> {
        if let Some(run) = run {
            return Ok(run);
        }
        let open = self.open()?;
        let used = open.scores.as_ref().map(|scores| scores.name.clone());
        used.or_else(|| open.runs.last().map(|run| run.name.clone()))
            .ok_or_else(|| anyhow::anyhow!("the project has no runs yet"))
    }

    /// Refuses while the run trains, or work on the open project may be reading or writing it.
    fn runs_at_rest(&mut self, run: &str) -> anyhow::Result<()> {
        self.refuse_while_opening()?;
        if self.model.live.as_ref().is_some_and(|live| live.is_running() && live.name == run) {
            anyhow::bail!("the run {run} is training; stop it or wait for its end");
        }
        self.refuse_while_used()
    }

    /// Refuses while a job that a person waits for reads or writes the open project.
    pub(super) fn refuse_while_used(&self) -> anyhow::Result<()> {
        let scope = self.scope();
        let uses = |job: &JobState| job.kind.is_shown() && job.scope == scope;
        if let Some(job) = self.jobs.states().into_iter().find(uses) {
            anyhow::bail!("\"{}\" is running; wait for its end or cancel it", job.title);
        }
        Ok(())
    }

    /// Gives a run another name, everywhere in the window too.
    pub(super) fn rename_run(&mut self, run: &str, name: &str) -> anyhow::Result<()> {
        self.runs_at_rest(run)?;
        let new = rename(self.store()?, run, name)?.name;
        self.model.overlay = None;
        self.model.analysis.rename(run, &new);
        if let Some(live) = self.model.live.as_mut().filter(|live| live.name == run) {
            live.name.clone_from(&new);
        }
        let drafts = &mut self.model.drafts;
        for named in [&mut drafts.train.from, &mut drafts.export.run, &mut drafts.diagnosis.run] {
            if named.as_deref() == Some(run) {
                *named = Some(new.clone());
            }
        }
        let open = self.open()?;
        if let Some(scores) = open.scores.as_mut().filter(|scores| scores.name == run) {
            scores.name.clone_from(&new);
        }
        self.read_runs()?;
        self.model.notices.done(format!("The run {run} is called {new} now."));
        Ok(())
    }

    /// Deletes a run. Its scores are no longer in use, and queues that they sorted begin anew.
    pub(super) fn delete_run(&mut self, run: &str) -> anyhow::Result<()> {
        self.runs_at_rest(run)?;
        // Places in queues that wait to be written are written first, so that they do not come back.
        self.write_places(true)?;
        let deleted = delete(self.store()?, run)?;
        self.model.overlay = None;
        self.model.deleting = None;
        self.model.analysis.forget_run(run);
        if self.model.live.as_ref().is_some_and(|live| live.name == run) {
            self.model.live = None;
        }
        let drafts = &mut self.model.drafts;
        for named in [&mut drafts.train.from, &mut drafts.export.run, &mut drafts.diagnosis.run] {
            if named.as_deref() == Some(run) {
                *named = None;
            }
        }
        self.read_runs()?;
        let places = QueuePlaces::read(self.store()?)?;
        self.places.written = places.clone();
        let open = self.open()?;
        open.places = places;
        if open.scores.as_ref().is_some_and(|scores| scores.name == run) {
            // Sorting, filters, queue and side panel refer to the scores of another run from here on, if there
            // is one: what is shown is read afresh.
            open.scores = None;
            open.queue = None;
            self.apply(Command::Project(ProjectCommand::Reload));
        }
        let freed = words::bytes(deleted.bytes);
        match deleted.leftover {
            None => self
                .model
                .notices
                .done(format!("The run {run} was deleted: {freed} of disk space given back.")),
            Some(error) => self.model.notices.warning(format!(
                "The run {run} was deleted, but a part of its folder is still there ({error}). It is \
                 removed when the project is next opened."
            )),
        }
        Ok(())
    }
}
