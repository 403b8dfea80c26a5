//! Following the jobs on clusters: a background job looks at their files again and again, and the window takes up what has
//! changed.

use std::sync::Arc;

use eframe::egui;
use vitrine_core::cluster::{Clusters, TaskState};

use super::notify::failure;
use super::outcome::{Answer, ClusterOutcome, Looked, Outcome};
use super::state::App;
use crate::gui::command::{ClusterCommand, Command, ViewCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::{CurrentSplit, NoticeKind};
use crate::gui::remedy;
use crate::gui::values::{JobText, JobTextKind, Load, Overlay, Tab};
use crate::words;

/// More curves of a job than these are not drawn without being asked for.
const DRAWN_AT_FIRST: usize = 8;

impl App {
    /// Jobs run `program`, and go to these clusters; for tests.
    pub fn submit_with(&mut self, program: std::path::PathBuf, clusters: Clusters) {
        self.following.program = Some(program);
        self.following.clusters = Some(clusters);
    }

    /// Looks at the jobs when it is time. Every frame asks for this.
    pub(super) fn follow_jobs(&mut self, ctx: &egui::Context) {
        if self.model.project.is_none() || self.jobs.has(JobKind::Follow) {
            return;
        }
        let jobs = &self.model.cluster_jobs;
        let watched = self.model.tab == Tab::Train;
        if jobs.seen && !watched && !jobs.is_any_open() {
            // Nobody waits for anything.
            return;
        }
        match self.following.wait(jobs.pause(watched)) {
            Some(wait) => ctx.request_repaint_after(wait),
            None => self.look_at_jobs(),
        }
    }

    fn look_at_jobs(&mut self) {
        let Some(open) = &self.model.project else { return };
        let (dir, clusters) = (open.dir.clone(), self.following.clusters.clone());
        let mut follower = self.following.looks();
        self.jobs.ask(
            JobKind::Follow,
            self.scope(),
            "Looking at the jobs on clusters",
            move |_| {
                let clusters = clusters.map_or_else(|| Ok(Vec::new()), |clusters| clusters.list());
                let jobs = follower.look(&dir)?;
                Ok(Looked { jobs, clusters: clusters.map_err(anyhow::Error::from), follower })
            },
            |looked| Outcome::Cluster(ClusterOutcome::Looked(looked)),
        );
    }

    /// Takes up a look at the jobs.
    pub(super) fn take_look(&mut self, looked: Answer<Looked>) -> anyhow::Result<()> {
        let Looked { jobs, clusters, follower } = match looked {
            Ok(looked) => looked,
            Err(error) => {
                // Said beside the jobs, and tried again: a notice each time would bury everything.
                let why = words::capitalised(&remedy::sentence(&error));
                self.model.cluster_jobs.trouble = Some(format!("{}.", why.trim_end_matches('.')));
                self.model.cluster_jobs.seen = true;
                return Ok(());
            }
        };
        self.following.follower = Some(follower);
        let state = &mut self.model.cluster_jobs;
        state.clusters = clusters.map_err(|error| failure(&error, "reading the clusters")).into();
        let changes = state.take(jobs);
        self.draw_new_curves();
        for name in &changes.ended {
            self.notify_ended(name);
        }
        if changes.places {
            self.model.picks.revision += 1;
        }
        if changes.runs {
            self.take_new_runs()?;
        }
        self.read_log_on();
        Ok(())
    }

    /// The curves of a run that a job has begun to train are drawn, unless there are many.
    fn draw_new_curves(&mut self) {
        let open = self.model.cluster_jobs.runs().filter(|(view, _)| view.state.is_open());
        let names: Vec<String> = open.map(|(_, run)| run.name.clone()).collect();
        for name in names {
            let new = self.following.drawn.insert(name.clone());
            if new && self.model.analysis.drawn.len() < DRAWN_AT_FIRST {
                self.model.analysis.draw(name, true);
            }
        }
    }

    /// A job is over: says how, with what comes next.
    fn notify_ended(&mut self, name: &str) {
        let Some(view) = self.model.cluster_jobs.named(name) else { return };
        let failed =
            view.state.those(|state| matches!(state, TaskState::Failed { .. } | TaskState::Lost { .. }));
        let text = format!("The job {name} on {} has ended: {}.", view.job.file.cluster, view.state);
        match failed.first() {
            Some(&task) => {
                let text_of = JobText { job: name.to_owned(), what: JobTextKind::Log { task } };
                let log = ("Show its log".to_owned(), Command::Cluster(ClusterCommand::Show(text_of)));
                self.model.notices.push(NoticeKind::Error, text, Some(log));
            }
            None if view.can_merge() => {
                let bring = (
                    "Bring results in".to_owned(),
                    Command::Cluster(ClusterCommand::BringIn(name.to_owned())),
                );
                self.model.notices.push(NoticeKind::Done, text, Some(bring));
            }
            None => {
                let show = ("Show".to_owned(), Command::View(ViewCommand::Tab(Tab::Train)));
                self.model.notices.push(NoticeKind::Done, text, Some(show));
            }
        }
    }

    /// Runs have come into the project by another way than this window's training.
    pub(super) fn take_new_runs(&mut self) -> anyhow::Result<()> {
        self.read_runs()?;
        self.model.analysis.comparison.forget();
        self.model.analysis.disagreement.forget();
        self.model.export.forget_counts();
        let store = self.store()?;
        if let Some(split) = store.splits()?.pop() {
            let sides = Arc::new(store.split_sides(split.id)?);
            self.open()?.split = Some(CurrentSplit { split, sides });
        }
        // Where no scores are in use, those of the newest run that has some are.
        let open = self.open()?;
        if open.scores.is_some() {
            return Ok(());
        }
        let trained: Vec<_> =
            open.runs.iter().rev().filter(|run| run.best_epoch.is_some()).map(|run| run.id).collect();
        let store = self.store()?;
        for run in trained {
            if store.has_scores(run, vitrine_core::project::ScoreKind::Teacher)? {
                return self.apply_view(ViewCommand::Scores(run));
            }
        }
        Ok(())
    }

    /// The log on the screen grows with its file.
    fn read_log_on(&mut self) {
        let shown = self.model.overlay == Some(Overlay::JobText);
        let text = &self.model.cluster_jobs.text;
        let settled = !matches!(text.newest(), Load::Loading);
        if let Some(question) = text.question().filter(|_| shown && settled).cloned()
            && matches!(question.what, JobTextKind::Log { .. })
            && self.model.cluster_jobs.named(&question.job).is_some_and(|view| view.state.is_open())
        {
            self.read_job_text(question);
        }
    }
}
