//! Measuring, comparing and diagnosing runs, and scoring patches with them.

use std::sync::Arc;

use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::project::RunId;
use vitrine_core::workflow::compare::is_baseline;
use vitrine_core::workflow::comparison::Comparison;
use vitrine_core::workflow::diagnose::{DiagnoseRequest, diagnose, history};
use vitrine_core::workflow::score::{score_project, scorer};

use super::outcome::{Answer, Outcome, RunOutcome};
use super::state::App;
use crate::gui::command::{Command, CompareCommand, ViewCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::{Compared, NoticeKind, RunCurves};
use crate::gui::values::{DiagnoseStart, Load, Tab};

/// Patches shown of a disagreement.
const MAX_DISAGREEING: usize = 24;

impl App {
    pub(super) fn read_curves(&mut self, names: Vec<String>) {
        let store = self.handle();
        for name in &names {
            self.model.analysis.curves.insert(name.clone(), Load::Loading);
        }
        let asked = names.clone();
        self.jobs.ask(
            JobKind::Curves,
            self.scope(),
            "Reading the epochs of runs",
            move |_| {
                let store = store?;
                let read = |name: String| {
                    let run = store.run(&name)?;
                    Ok(RunCurves::new(name, is_baseline(&run), history(&store, &run)?))
                };
                names.into_iter().map(read).collect()
            },
            move |curves| Outcome::Run(RunOutcome::Curves(asked, curves)),
        );
    }

    fn take_curves(&mut self, names: &[String], answer: Answer<Vec<RunCurves>>) {
        let answer = self.notify_unless_cancelled("Reading the epochs of runs", "this", answer);
        let curves = &mut self.model.analysis.curves;
        match answer {
            Ok(read) => {
                let ready = |run: RunCurves| (run.name.clone(), Load::Ready(Arc::new(run)));
                curves.extend(read.into_iter().map(ready));
            }
            Err(why) => curves.extend(names.iter().map(|name| (name.clone(), Load::Failed(why.clone())))),
        }
    }

    pub(super) fn score(&mut self, name: String, device: DeviceChoice) -> anyhow::Result<()> {
        if !self.store()?.is_writable() {
            anyhow::bail!("the project is read-only, so no scores can be stored in it");
        }
        let (mut store, scope) = (self.handle()?, self.scope());
        self.jobs.spawn(JobKind::Score, scope, format!("Scoring with {name}"), move |job| {
            let scorer = scorer(&store, &name, ComputeDevice::open(device)?)?;
            let scores = score_project(&store, &scorer, &mut |step| job.report(step))?;
            let run = store.run(&name)?.id;
            store.set_scores(run, vitrine_core::project::ScoreKind::Teacher, &scores)?;
            Ok(Outcome::Run(RunOutcome::Scored { run, name }))
        })?;
        Ok(())
    }

    fn take_scored(&mut self, run: RunId, name: &str) -> anyhow::Result<()> {
        self.model.notices.push(
            NoticeKind::Done,
            format!("{name} has scored every patch."),
            Some(("Compare".to_owned(), Command::View(ViewCommand::Tab(Tab::Compare)))),
        );
        self.model.analysis.comparison.forget();
        self.apply_view(ViewCommand::Scores(run))
    }

    pub(super) fn apply_compare(&mut self, command: CompareCommand) -> anyhow::Result<()> {
        match command {
            CompareCommand::Read(names) => {
                let journal = self.open()?.journal;
                let store = self.handle();
                self.model.analysis.comparison.ask(names.clone());
                let asked = names.clone();
                self.jobs.ask(
                    JobKind::Compare,
                    self.scope(),
                    "Comparing runs",
                    move |job| {
                        let comparison = Comparison::read(&store?, &names, &mut |step| job.report(step))?;
                        Ok(Compared { comparison: Arc::new(comparison), journal })
                    },
                    move |compared| Outcome::Run(RunOutcome::Compared(asked, compared)),
                );
            }
            CompareCommand::Disagree(runs) => {
                let Some((_, compared)) = self.model.analysis.comparison.last() else { return Ok(()) };
                let comparison = Arc::clone(&compared.comparison);
                let place = |name: &String| comparison.runs.iter().position(|run| run.name == *name);
                let (Some(a), Some(b)) = (place(&runs[0]), place(&runs[1])) else { return Ok(()) };
                self.model.analysis.disagreement.ask(runs.clone());
                self.jobs.ask(
                    JobKind::Disagreement,
                    self.scope(),
                    "Looking for disagreement",
                    move |_| Ok(comparison.disagreements(a, b, MAX_DISAGREEING)),
                    move |patches| Outcome::Run(RunOutcome::Disagreement(runs, patches)),
                );
            }
        }
        Ok(())
    }

    pub(super) fn diagnose(&mut self, start: DiagnoseStart) -> anyhow::Result<()> {
        if self.jobs.has(JobKind::Diagnose) {
            anyhow::bail!("a diagnosis is already running; wait for it or cancel it");
        }
        let (store, scope) = (self.handle()?, self.scope());
        let what = start.run.clone().unwrap_or_else(|| start.config_name.clone());
        self.jobs.spawn(JobKind::Diagnose, scope, format!("Examining {what}"), move |job| {
            let DiagnoseStart { config, config_name, run, depth, device } = start;
            let device = ComputeDevice::open(device)?;
            let request = DiagnoseRequest { config, config_name, run, depth, device, truth: None };
            let report = diagnose(&store, &request, &mut |progress| {
                let left = progress
                    .seconds_left
                    .map_or_else(String::new, |left| format!(", about {left:.0} s left"));
                let phase = format!("{}{left}", progress.examination.title());
                job.progress(&phase, (progress.done * 1000.0) as u64, 1000)
            })?;
            Ok(Outcome::Run(RunOutcome::Diagnosed(Box::new(report))))
        })?;
        Ok(())
    }

    /// Takes up what a job on runs hands back.
    pub(super) fn take_run_outcome(&mut self, outcome: RunOutcome) -> anyhow::Result<()> {
        match outcome {
            RunOutcome::Trained(result) => return self.take_run(&result),
            RunOutcome::Scored { run, name } => return self.take_scored(run, &name),
            RunOutcome::Curves(names, curves) => self.take_curves(&names, curves),
            RunOutcome::Compared(names, compared) => {
                let compared = self.notify_unless_cancelled("Comparing runs", "measuring the runs", compared);
                let analysis = &mut self.model.analysis;
                let measured = compared.is_ok();
                if analysis.comparison.answer(&names, compared) && measured {
                    analysis.disagreement.forget();
                }
            }
            RunOutcome::Disagreement(runs, patches) => {
                let patches = self.notify_unless_cancelled("Looking for disagreement", "this", patches);
                self.model.analysis.disagreement.answer(&runs, patches);
            }
            RunOutcome::Diagnosed(report) => self.model.analysis.report = Some(Arc::from(report)),
        }
        Ok(())
    }
}
