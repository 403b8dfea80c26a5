//! Submitting the run of the Train form to a cluster. Its tasks train in branches of the project, so the project stays
//! open here and labelling goes on. The runs come into the project when the person brings the results in.

use std::path::PathBuf;

use vitrine_core::cluster::{Clusters, Job, NewJob, SubmittedCommand, Tasks, free_job_name, submit};
use vitrine_core::learning::config::PretrainKind;
use vitrine_core::project::Project;
use vitrine_core::workflow::sweep::Sweep;
use vitrine_core::workflow::sweep_job::{check_weights, create};

use super::outcome::{ClusterOutcome, Outcome};
use super::state::App;
use crate::gui::drafts::SubmitDraft;
use crate::gui::jobs::JobKind;
use crate::gui::values::{Overlay, PreparedJob, TrainStart};
use crate::words;

impl App {
    /// Makes the job of the Train form and shows its script; nothing is written.
    pub(super) fn prepare_job(&mut self) -> anyhow::Result<()> {
        let (start, from) = self.shown_run()?;
        let mut wanted = self.model.drafts.submit.clone();
        // Beside itself, or a run that goes on from another, a baseline compares nothing.
        wanted.baseline &= self.model.drafts.train.is_compared();
        let clusters = self.following.clusters.clone();
        let program = self.following.program()?;
        let project = self.handle()?;
        self.following.asked += 1;
        let number = self.following.asked;
        self.model.cluster_jobs.prepared.ask(number);
        self.model.overlay = Some(Overlay::SubmitJob);
        self.jobs.ask(
            JobKind::Prepare,
            self.scope(),
            "Making the script of a job",
            move |_| prepare(&project, program, clusters, start, from.as_deref(), &wanted).map(Box::new),
            move |prepared| Outcome::Cluster(ClusterOutcome::Prepared(number, prepared)),
        );
        Ok(())
    }

    /// Submits the job whose script is shown.
    pub(super) fn submit_prepared(&mut self) -> anyhow::Result<()> {
        let Some((_, prepared)) = self.model.cluster_jobs.prepared.last() else { return Ok(()) };
        let prepared = prepared.clone();
        self.model.overlay = None;
        self.model.cluster_jobs.prepared.forget();
        let (project, scope) = (self.handle()?, self.scope());
        let title = format!("Submitting {}", prepared.preview.name);
        self.jobs.spawn_uncancellable(JobKind::Submit, scope, title, move |_| {
            let (job, id) = send(&project, &prepared)?;
            let all = job.tasks();
            Ok(Outcome::Cluster(ClusterOutcome::Submitted { name: job.file.name, id, tasks: all, all }))
        })?;
        self.model.drafts.train.from = None;
        self.model.drafts.train.name.clear();
        Ok(())
    }
}

/// The job of a run of the Train form, which begins with the weights of run `from` where there is one.
fn prepare(
    project: &Project,
    program: PathBuf,
    clusters: Option<Clusters>,
    start: TrainStart,
    from: Option<&str>,
    wanted: &SubmitDraft,
) -> anyhow::Result<PreparedJob> {
    let name = wanted.cluster.as_deref().unwrap_or_default();
    let clusters = clusters.ok_or_else(|| {
        anyhow::anyhow!("no folder for settings is known, so there is no cluster to choose")
    })?;
    let cluster = clusters.get(name)?;
    let dir = std::path::absolute(project.dir())?;
    let seeds = wanted.seeds();
    let kind = if seeds.is_some() { SubmittedCommand::Sweep } else { SubmittedCommand::Train };
    let job = free_job_name(&dir, kind.as_str());
    let mut config = start.config;
    if config.pretrain.kind == PretrainKind::Weights {
        // Seen from the folder of this program; the job is in another one.
        config.pretrain.weights = std::path::absolute(&config.pretrain.weights)?.display().to_string();
    }
    let name = start.name.unwrap_or_else(|| format!("{}-{job}", start.base_name));
    let mut sweep = match &seeds {
        Some(seeds) => Sweep::grid(&name, &config, &[], seeds)?,
        None => Sweep::single(&name, &config)?,
    };
    if let Some(from) = from {
        sweep = sweep.beginning_with(from)?;
    }
    if wanted.baseline {
        sweep = sweep.with_baselines()?;
    }
    check_weights(project, &sweep)?;
    let arguments = ["sweep", &dir.to_string_lossy(), "--device", wanted.device()].map(str::to_owned);
    let new = NewJob {
        kind,
        name: Some(job),
        project: dir.clone(),
        program,
        arguments: arguments.to_vec(),
        folder: dir,
        user: words::user(),
        resources: wanted.resources(),
        tasks: seeds.map_or(Tasks::One, |seeds| Tasks::Array(seeds.len())),
    };
    let preview = Job::preview(&cluster, &new)?;
    Ok(PreparedJob { cluster, new, sweep, preview })
}

/// Makes the job and submits it. One that could not be made whole leaves nothing.
fn send(project: &Project, prepared: &PreparedJob) -> anyhow::Result<(Job, String)> {
    if project.is_writable() {
        // The job trains on the labels on the disk.
        project.flush()?;
    }
    let job = create(&prepared.cluster, &prepared.new, project, &prepared.sweep)?;
    let all: Vec<usize> = (0..job.tasks()).collect();
    let id = submit(&job, &all)?;
    Ok((job, id))
}
