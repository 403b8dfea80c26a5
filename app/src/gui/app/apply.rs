//! The one place that changes the model: it carries out commands and takes up what jobs hand back.

use super::outcome::{ExportOutcome, Outcome, RunOutcome};
use super::state::App;
use crate::gui::command::{Command, SelectCommand};
use crate::gui::jobs::{Finished, JobState, Scope};

impl App {
    /// Carries out a command. What goes wrong becomes a notice.
    pub fn apply(&mut self, command: Command) {
        let done = match command {
            Command::Project(command) => self.apply_project(command),
            Command::Import(command) => self.apply_import(command),
            Command::Draft(command) => {
                self.apply_draft(command);
                Ok(())
            }
            Command::Micrograph(command) => self.apply_micrograph(command),
            Command::Pick(command) => self.apply_pick(command),
            Command::Label(command) => self.apply_label(command),
            Command::Select(SelectCommand::Patch(patch)) => self.go_to_patch(patch),
            Command::Select(SelectCommand::ShowThese(patches)) => self.show_these(&patches),
            Command::Select(SelectCommand::Similar) => self.select_similar(),
            Command::Select(SelectCommand::Show) => self.show_selected(),
            Command::Select(command) => {
                self.apply_select(command);
                Ok(())
            }
            Command::View(command) => self.apply_view(command),
            Command::Train(command) => self.apply_train(command),
            Command::Cluster(command) => self.apply_cluster(command),
            Command::Compare(command) => self.apply_compare(command),
            Command::Diagnose(start) => self.diagnose(*start),
            Command::Save(command) => self.apply_save(command),
            Command::Export(command) => self.apply_export(command),
            Command::Settings(command) => {
                self.apply_settings(command);
                Ok(())
            }
            Command::Window(command) => self.apply_window(command),
        };
        if let Err(error) = done {
            self.notify_error("", &error);
        }
        self.remember_queue_place();
        self.model.jobs = self.jobs.states();
        self.ctx.request_repaint();
    }

    /// Takes up what a job hands back.
    pub(super) fn finish(&mut self, finished: Finished<Outcome>) {
        let Finished { job, outcome } = finished;
        let waited_for = match job.scope {
            Scope::Window => true,
            Scope::Project(number) => self.model.project.as_ref().is_some_and(|open| open.opening == number),
        };
        let done = match outcome {
            Ok(outcome) if waited_for => self.take(&job, outcome),
            Ok(outcome) => {
                self.notify_elsewhere(&outcome);
                Ok(())
            }
            Err(error) => {
                self.has_failed_with_jobs(&job);
                self.fail(&job, &error);
                Ok(())
            }
        };
        // What was marked on a micrograph may have waited for this job.
        if let Err(error) = done.and_then(|()| self.cut_marked()) {
            self.notify_error(&job.title, &error);
        }
    }

    fn take(&mut self, job: &JobState, outcome: Outcome) -> anyhow::Result<()> {
        match outcome {
            Outcome::Project(outcome) => self.take_project_outcome(job, outcome),
            Outcome::Import(outcome) => self.take_import_outcome(outcome),
            Outcome::Review(outcome) => self.take_review_outcome(outcome),
            Outcome::Micrograph(outcome) => self.take_micrograph_outcome(outcome),
            Outcome::Pick(outcome) => {
                self.take_pick_outcome(outcome);
                Ok(())
            }
            Outcome::Run(outcome) => self.take_run_outcome(outcome),
            Outcome::Cluster(outcome) => self.take_cluster_outcome(outcome),
            Outcome::Export(outcome) => {
                self.take_export_outcome(outcome);
                Ok(())
            }
            Outcome::Window(outcome) => {
                self.take_window_outcome(outcome);
                Ok(())
            }
            Outcome::Nothing => Ok(()),
        }
    }

    /// Says what was done for a project that is no longer open.
    fn notify_elsewhere(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Run(RunOutcome::Scored { name, .. }) => {
                self.model.notices.done(format!("{name} has scored every patch of its project."));
            }
            Outcome::Export(ExportOutcome::Written(written)) => self.notify_exported(written),
            _ => {}
        }
    }
}
