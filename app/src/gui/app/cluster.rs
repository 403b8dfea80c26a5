//! What a person does with jobs on clusters: submit, cancel, run again, bring results in, read log and script.

use std::process::{Command as Process, Stdio};

use anyhow::Context as _;
use vitrine_core::cluster::{GRACE, Job, TaskState, cancel, states, submit};
use vitrine_core::workflow::follow_jobs::Results;
use vitrine_core::workflow::sweep_job::{bring_home, plan_of};

use super::job_text::read_text;
use super::notify::failure;
use super::outcome::{ClusterOutcome, Outcome};
use super::state::App;
use crate::gui::command::{ClusterCommand, Command, ViewCommand};
use crate::gui::jobs::{JobKind, JobState};
use crate::gui::model::NoticeKind;
use crate::gui::values::{JobText, Overlay, Tab};

impl App {
    pub(super) fn apply_cluster(&mut self, command: ClusterCommand) -> anyhow::Result<()> {
        match command {
            ClusterCommand::Prepare => self.prepare_job(),
            ClusterCommand::Submit => self.submit_prepared(),
            ClusterCommand::RunAgain(name) => self.run_again(name),
            ClusterCommand::AskCancel(name) => {
                self.model.cluster_jobs.cancelling = Some(name);
                self.model.overlay = Some(Overlay::CancelJob);
                Ok(())
            }
            ClusterCommand::Cancel(name) => self.cancel_on_cluster(name),
            ClusterCommand::BringIn(name) => self.bring_in(name),
            ClusterCommand::Show(text) => {
                self.model.overlay = Some(Overlay::JobText);
                self.read_job_text(text);
                Ok(())
            }
        }
    }

    /// The job of that name, with which nothing else is being done.
    fn free_job(&self, name: &str) -> anyhow::Result<Job> {
        let jobs = &self.model.cluster_jobs;
        let view = jobs.named(name).ok_or_else(|| {
            anyhow::anyhow!("there is no job {name} in this project; it may have been removed")
        })?;
        if jobs.busy.contains(name) {
            anyhow::bail!("something is being done with the job {name} already; wait for its end");
        }
        Ok(view.job.clone())
    }

    fn run_again(&mut self, name: String) -> anyhow::Result<()> {
        let (job, scope) = (self.free_job(&name)?, self.scope());
        let title = format!("Submitting {name}");
        self.model.cluster_jobs.busy.insert(name);
        let begun = self.jobs.spawn_uncancellable(JobKind::Submit, scope, title, move |_| {
            let missing = states(&job)?.those(TaskState::is_missing);
            anyhow::ensure!(!missing.is_empty(), "the job {} has nothing to run again", job.file.name);
            let id = submit(&job, &missing)?;
            let (tasks, all) = (missing.len(), job.tasks());
            Ok(Outcome::Cluster(ClusterOutcome::Submitted { name: job.file.name, id, tasks, all }))
        });
        begun.map(|_| ())
    }

    /// Ends a job as the command line does: it may keep what is complete, then the scheduler ends it.
    fn cancel_on_cluster(&mut self, name: String) -> anyhow::Result<()> {
        self.model.overlay = None;
        let (job, scope) = (self.free_job(&name)?, self.scope());
        let title = format!("Cancelling {name}");
        self.model.cluster_jobs.busy.insert(name);
        let begun = self.jobs.spawn(JobKind::CancelJob, scope, title, move |context| {
            cancel(&job, GRACE, &mut |pause| {
                std::thread::sleep(pause);
                !context.is_cancelled()
            })?;
            Ok(Outcome::Cluster(ClusterOutcome::Cancelled(job.file.name)))
        });
        begun.map(|_| ())
    }

    /// Brings the results of a job in: the runs of a sweep into the project, or picks from scored places.
    fn bring_in(&mut self, name: String) -> anyhow::Result<()> {
        let job = self.free_job(&name)?;
        let places = self.model.cluster_jobs.named(&name).is_some_and(|view| view.results == Results::Places);
        let title = format!("Bringing in the results of {name}");
        if places {
            let (program, scope) = (self.following.program()?, self.scope());
            self.model.cluster_jobs.busy.insert(name);
            let begun = self.jobs.spawn_uncancellable(JobKind::Merge, scope, title, move |_| {
                let said = write_picks(&program, &job)?;
                Ok(Outcome::Cluster(ClusterOutcome::Picked { name: job.file.name, said }))
            });
            return begun.map(|_| ());
        }
        self.refuse_while_opening()?;
        if !self.store()?.is_writable() {
            anyhow::bail!(
                "the project is read-only here, so no run can come into it; close it where it is open for writing, \
                 then open it here again"
            );
        }
        let (mut project, scope) = (self.handle()?, self.scope());
        self.model.cluster_jobs.busy.insert(name);
        let begun = self.jobs.spawn_uncancellable(JobKind::Merge, scope, title, move |_| {
            let sweep = plan_of(&job)?
                .ok_or_else(|| anyhow::anyhow!("the job {} trains no runs of its own", job.file.name))?;
            let home = bring_home(&job, &mut project, &sweep)?;
            Ok(Outcome::Cluster(ClusterOutcome::CameHome { name: job.file.name, home }))
        });
        begun.map(|_| ())
    }

    /// Reads a text of a job for its dialog.
    pub(super) fn read_job_text(&mut self, question: JobText) {
        let job = self.known_job(&question.job);
        self.model.cluster_jobs.text.ask(question.clone());
        let asked = question.clone();
        self.jobs.ask(
            JobKind::JobText,
            self.scope(),
            "Reading a text of a job",
            move |_| read_text(&job?, question.what),
            move |text| Outcome::Cluster(ClusterOutcome::Text(asked, text)),
        );
    }

    fn known_job(&self, name: &str) -> anyhow::Result<Job> {
        let view = self.model.cluster_jobs.named(name);
        view.map(|view| view.job.clone())
            .ok_or_else(|| anyhow::anyhow!("there is no job {name} in this project"))
    }

    /// Takes up what a job on jobs of clusters hands back.
    pub(super) fn take_cluster_outcome(&mut self, outcome: ClusterOutcome) -> anyhow::Result<()> {
        match outcome {
            ClusterOutcome::Looked(looked) => return self.take_look(looked),
            ClusterOutcome::Text(question, text) => {
                let text = text.map_err(|error| failure(&error, "reading it"));
                self.model.cluster_jobs.text.answer(&question, text);
                return Ok(());
            }
            ClusterOutcome::Prepared(number, prepared) => {
                let prepared = prepared.map(|prepared| *prepared);
                let prepared = prepared.map_err(|error| failure(&error, "making the script"));
                self.model.cluster_jobs.prepared.answer(&number, prepared);
                return Ok(());
            }
            ClusterOutcome::Submitted { name, id, tasks, all } => {
                self.has_done(&name);
                let part = match (tasks, all) {
                    (1, 1) => String::new(),
                    (tasks, all) => format!(", {tasks} of {all} tasks"),
                };
                self.model.notices.done(format!("Submitted {name} as {id}{part}."));
            }
            // How it has ended, the next look says.
            ClusterOutcome::Cancelled(name) => self.has_done(&name),
            ClusterOutcome::Picked { name, said } => {
                self.has_done(&name);
                self.model.picks.revision += 1;
                self.model.notices.done(format!("The picks of {name} are written: {said}."));
            }
            ClusterOutcome::CameHome { name, home } => {
                self.has_done(&name);
                let came = match home.came {
                    0 => "No run was left to bring in".to_owned(),
                    1 => "1 run came into the project".to_owned(),
                    many => format!("{many} runs came into the project"),
                };
                let missing = home.all.saturating_sub(home.runs.len());
                let rest = if missing == 0 {
                    String::new()
                } else {
                    format!(" {missing} of its {} runs are not here. Run again those that failed.", home.all)
                };
                let compare = Command::View(ViewCommand::Tab(Tab::Compare));
                self.model.notices.push(
                    NoticeKind::Done,
                    format!("{name}: {came}.{rest}"),
                    Some(("Compare".to_owned(), compare)),
                );
                for run in &home.runs {
                    self.model.analysis.has_trained(run);
                }
                self.take_new_runs()?;
            }
        }
        Ok(())
    }

    /// Something that was done with a job is over.
    fn has_done(&mut self, name: &str) {
        self.model.cluster_jobs.busy.remove(name);
        self.following.look_soon();
    }

    /// What was begun with a job on a cluster has failed, or was stopped: another try may begin.
    pub(super) fn has_failed_with_jobs(&mut self, job: &JobState) {
        if matches!(job.kind, JobKind::Submit | JobKind::CancelJob | JobKind::Merge) {
            self.model.cluster_jobs.busy.clear();
            self.following.look_soon();
        }
    }
}

/// Has the picks written by the command that was submitted: every micrograph has its places, so it scores nothing. What
/// it has said.
fn write_picks(program: &std::path::Path, job: &Job) -> anyhow::Result<String> {
    let tried = || format!("the picks of {} could not be written", job.file.name);
    let output = Process::new(program)
        .args(&job.file.arguments)
        .current_dir(&job.file.folder)
        .stdin(Stdio::null())
        .output()
        .with_context(tried)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        let said = text(&output.stdout);
        return Ok(said.lines().next().unwrap_or("the command has said nothing").to_owned());
    }
    let said = text(&output.stderr);
    // As `cli::exit` prints it.
    let plain = |line: &str| {
        ["vitrine: ", "error: "]
            .iter()
            .find_map(|before| line.strip_prefix(before))
            .unwrap_or(line)
            .to_owned()
    };
    let last = said.lines().last().map(plain);
    Err(anyhow::anyhow!(last.unwrap_or_else(|| output.status.to_string()))).with_context(tried)
}
