//! Starting runs, giving them orders, and taking up their events.

use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::learning::config::presets::Preset;
use vitrine_core::learning::prior::PriorUsed;
use vitrine_core::learning::train::events::{RunPhase, TrainControl, TrainEvent};
use vitrine_core::learning::train::run::EarlyEnd;
use vitrine_core::workflow::compare::is_baseline;
use vitrine_core::workflow::diagnose::history;
use vitrine_core::workflow::train::{
    RunResult, TrainRequest, baseline_of, free_name, resume_run, train_from, train_run,
};

use super::outcome::{Outcome, RunOutcome};
use super::state::App;
use crate::gui::command::{Command, TrainCommand, ViewCommand};
use crate::gui::jobs::{JobId, JobKind, Scope};
use crate::gui::model::{Correction, LivePhase, LiveRun, NoticeKind, PlannedRun};
use crate::gui::training;
use crate::gui::values::{Before, Tab, TrainStart};

impl App {
    pub(super) fn apply_train(&mut self, command: TrainCommand) -> anyhow::Result<()> {
        match command {
            TrainCommand::Start(start) => self.start_run(*start, None, None),
            TrainCommand::StartCorrected { start, before } => self.start_corrected(*start, before),
            TrainCommand::StartShown { baseline } => self.start_shown(baseline),
            TrainCommand::Unqueue(number) => {
                self.model.analysis.queue.remove(number);
                Ok(())
            }
            TrainCommand::QueueEarlier(number) => {
                self.model.analysis.queue.earlier(number);
                Ok(())
            }
            TrainCommand::GoOnQueue => {
                self.model.analysis.queue.go_on();
                Ok(())
            }
            TrainCommand::ClearQueue => {
                self.model.analysis.queue.clear();
                Ok(())
            }
            TrainCommand::Retrain(run) => self.retrain(&run),
            TrainCommand::TakeFrom(run) => self.take_settings(&run, true),
            TrainCommand::CopySettings(run) => self.take_settings(&run, false),
            TrainCommand::Draw { run, on } => {
                self.model.analysis.draw(run, on);
                Ok(())
            }
            TrainCommand::AskRename(run) => self.ask_rename(run),
            TrainCommand::AskDelete(run) => self.ask_delete(run),
            TrainCommand::AskNote(run) => self.ask_note(run),
            TrainCommand::Note { run, note } => self.note_run(&run, &note),
            TrainCommand::Pin(run) => self.pin_scores(run),
            TrainCommand::Rename { run, name } => self.rename_run(&run, &name),
            TrainCommand::Delete(run) => self.delete_run(&run),
            TrainCommand::Score { run, device } => self.score(run, device),
            TrainCommand::ReadCurves(names) => {
                self.read_curves(names);
                Ok(())
            }
            TrainCommand::Take { base_name, config } => {
                self.model.drafts.train.take(&base_name, *config);
                self.model.drafts.train.from = None;
                self.model.tab = Tab::Train;
                Ok(())
            }
            TrainCommand::Continue { run, device } => self.continue_run(run, device),
            TrainCommand::Pause => {
                self.takes_orders()?;
                self.order(TrainControl::Pause, LivePhase::Paused);
                Ok(())
            }
            TrainCommand::Resume => {
                self.takes_orders()?;
                let phase = self.model.live.as_ref().map_or(RunPhase::Training, |live| live.said_phase);
                self.order(TrainControl::Resume, LivePhase::Running(phase));
                Ok(())
            }
            TrainCommand::Stop => {
                self.takes_orders()?;
                self.order(TrainControl::Stop, LivePhase::Stopping);
                Ok(())
            }
            TrainCommand::Checkpoint => {
                self.takes_orders()?;
                if let Some(handle) = &self.train {
                    handle.order(TrainControl::Checkpoint);
                    self.model.live.iter_mut().for_each(|live| live.checkpoint_asked = true);
                }
                Ok(())
            }
        }
    }

    /// A run that scores its patches has trained all it will.
    fn takes_orders(&self) -> anyhow::Result<()> {
        match self.model.live.as_ref().filter(|live| live.is_running() && !live.takes_orders()) {
            Some(live) => Err(anyhow::anyhow!(
                "the training of {} has ended and its patches are being scored; cancel it in the status bar to leave \
                 them without scores",
                live.name
            )),
            None => Ok(()),
        }
    }

    /// The run of this job stops, also one that is paused and would hear of nothing else.
    pub(super) fn stop_job(&mut self, job: JobId) {
        if self.model.live.as_ref().is_some_and(|live| live.job == job) {
            self.order(TrainControl::Stop, LivePhase::Stopping);
        }
    }

    fn order(&mut self, order: TrainControl, phase: LivePhase) {
        let Some(live) = self.model.live.as_mut().filter(|live| live.takes_orders()) else { return };
        if let Some(handle) = &self.train {
            handle.order(order);
            live.phase = phase;
        }
    }

    fn check_can_train(&mut self) -> anyhow::Result<()> {
        self.refuse_while_opening()?;
        if let Some(live) = self.model.live.as_ref().filter(|live| live.is_running()) {
            anyhow::bail!("the run {} is already training; stop it or wait for its end", live.name);
        }
        if !self.store()?.is_writable() {
            anyhow::bail!("the project is read-only, so no run can be stored in it");
        }
        Ok(())
    }

    /// The baseline first: it takes less, and its estimate of π serves both.
    pub(super) fn start_with_baseline(&mut self, start: TrainStart) -> anyhow::Result<()> {
        let baseline = TrainStart {
            name: None,
            base_name: Preset::SupervisedBaseline.name().to_owned(),
            config: baseline_of(&start.config)?,
            device: start.device,
        };
        self.start_run(baseline, None, None)?;
        self.model.analysis.planned = Some(PlannedRun { start, known_prior: None });
        Ok(())
    }

    /// The corrected run first, since it is what the person wants.
    fn start_corrected(&mut self, mut start: TrainStart, before: Before) -> anyhow::Result<()> {
        let after = free_name(self.store()?, &start.base_name)?;
        start.name = Some(after.clone());
        self.start_run(start, None, None)?;
        let before = match before {
            Before::Run(name) => name,
            Before::Train(mut start) => {
                let name = free_name(self.store()?, &start.base_name)?;
                start.name = Some(name.clone());
                self.model.analysis.planned = Some(PlannedRun { start: *start, known_prior: None });
                name
            }
        };
        self.model.analysis.correction = Some(Correction { before, after });
        Ok(())
    }

    pub(super) fn start_run(
        &mut self,
        start: TrainStart,
        from: Option<String>,
        known_prior: Option<PriorUsed>,
    ) -> anyhow::Result<()> {
        self.check_can_train()?;
        let is_baseline = start.config.is_baseline();
        let store = self.store()?;
        let name = match start.name {
            Some(name) => name,
            None => free_name(store, &start.base_name)?,
        };
        let mut project = store.reopen()?;
        let (handle, reporter) = training::run_channel();
        let run = name.clone();
        let (base_name, config, device) = (start.base_name, start.config, start.device);
        let job = self.jobs.spawn(JobKind::Train, Scope::Window, format!("Training {name}"), move |job| {
            // The run is of the labels on the disk.
            project.flush()?;
            let device = ComputeDevice::open(device)?;
            let reporter = reporter.on(&device);
            let request =
                TrainRequest { name: Some(run), base_name, config, device, truth: None, known_prior };
            let mut listen = |event: &TrainEvent, orders: &_| reporter.report(job, event, orders);
            let result = match from {
                Some(from) => {
                    train_from(&mut project, &from, request, &mut listen, &mut |step| job.report(step))?
                }
                None => train_run(&mut project, request, &mut listen, &mut |step| job.report(step))?,
            };
            Ok(Outcome::Run(RunOutcome::Trained(Box::new(result))))
        })?;
        self.train = Some(handle);
        let live = LiveRun::new(job, name, device);
        self.begin_live(live.with_history(is_baseline, Vec::new(), None));
        Ok(())
    }

    fn continue_run(&mut self, name: String, device: DeviceChoice) -> anyhow::Result<()> {
        self.check_can_train()?;
        let stored = self.store()?.run(&name)?;
        let epochs = history(self.store()?, &stored)?;
        let mut project = self.store()?.reopen()?;
        let (handle, reporter) = training::run_channel();
        let run = name.clone();
        let job = self.jobs.spawn(JobKind::Train, Scope::Window, format!("Training {name}"), move |job| {
            project.flush()?;
            let device = ComputeDevice::open(device)?;
            let reporter = reporter.on(&device);
            let result = resume_run(
                &mut project,
                &run,
                device,
                None,
                &mut |event, orders| reporter.report(job, event, orders),
                &mut |step| job.report(step),
            )?;
            Ok(Outcome::Run(RunOutcome::Trained(Box::new(result))))
        })?;
        self.train = Some(handle);
        let best = stored.best_epoch.map(|epoch| epoch as usize);
        let live = LiveRun::new(job, name, device);
        self.begin_live(live.with_history(is_baseline(&stored), epochs, best));
        self.model.tab = Tab::Train;
        Ok(())
    }

    /// Takes up what the trainer has said.
    pub(super) fn take_run_events(&mut self) {
        let (Some(handle), Some(live)) = (&self.train, self.model.live.as_mut()) else { return };
        live.memory = handle.memory().or(live.memory);
        let mut heard = false;
        for event in handle.drain() {
            heard = true;
            live.take_event(event);
        }
        // The list of runs shows the new run from its first word on.
        let name = live.name.clone();
        let known =
            self.model.project.as_ref().is_some_and(|open| open.runs.iter().any(|run| run.name == name));
        if heard
            && !known
            && let Err(error) = self.read_runs()
        {
            self.notify_error("Reading the runs", &error);
        }
    }

    /// A run has ended well: its scores become the current ones.
    pub(super) fn take_run(&mut self, result: &RunResult) -> anyhow::Result<()> {
        self.train = None;
        self.withdraw_run_offers();
        if let Some(live) = self.model.live.as_mut().filter(|live| live.name == result.name) {
            live.phase = LivePhase::Ended(result.ended_early.map(|why| why.stored().to_owned()));
        }
        self.model.analysis.has_trained(&result.name);
        self.read_runs()?;
        let auc = result.best.validation_auc_pu;
        let measured = if auc.is_finite() { format!(", validation AUC {auc:.3}") } else { String::new() };
        let ended = format!("The run {} has ended: best epoch {}{measured}.", result.name, result.best_epoch);
        let compare = ("Compare".to_owned(), Command::View(ViewCommand::Tab(Tab::Compare)));
        if result.scored {
            self.model.notices.push(NoticeKind::Done, ended, Some(compare));
        } else {
            let device = self.model.live.as_ref().map_or(DeviceChoice::Auto, |live| live.choice);
            let score = Command::Train(TrainCommand::Score { run: result.name.clone(), device });
            let text = format!("{ended} Scoring was cancelled, so its patches have no scores yet.");
            self.model.notices.push(NoticeKind::Warning, text, Some(("Score the patches".to_owned(), score)));
        }
        let split = self.store()?.splits()?.pop();
        if let Some(split) = split {
            let sides = self.store()?.split_sides(split.id)?;
            self.open()?.split =
                Some(crate::gui::model::CurrentSplit { split, sides: std::sync::Arc::new(sides) });
        }
        if result.scored {
            self.use_scores_of_new(result)?;
        }
        self.next_planned(result)
    }

    /// No run is there to be stopped any more.
    pub(super) fn withdraw_run_offers(&mut self) {
        self.model.notices.withdraw(|offer| matches!(offer, Command::Train(TrainCommand::Stop)));
    }

    /// The scores of a run that has just ended come into use, unless others are pinned.
    fn use_scores_of_new(&mut self, result: &RunResult) -> anyhow::Result<()> {
        let open = self.open()?;
        let pinned = open.run_list.pinned.and_then(|id| open.runs.iter().find(|run| run.id == id));
        match pinned.filter(|run| run.id != result.id).map(|run| run.name.clone()) {
            Some(pinned) => {
                let text = format!("The scores of {pinned} stay in use, because they are pinned.");
                let pin = Command::Train(TrainCommand::Pin(Some(result.name.clone())));
                let offer = (format!("Pin those of {} instead", result.name), pin);
                self.model.notices.push(NoticeKind::Done, text, Some(offer));
                Ok(())
            }
            None => self.apply_view(ViewCommand::Scores(result.id)),
        }
    }

    /// After the baseline comes the run it is for, unless the person has stopped.
    fn next_planned(&mut self, result: &RunResult) -> anyhow::Result<()> {
        let Some(planned) = self.model.analysis.planned.take() else { return Ok(()) };
        if result.ended_early == Some(EarlyEnd::Stopped) || !result.scored || self.model.closing {
            self.model.notices.warning(format!(
                "{} was not started, because {} was stopped.",
                planned.start.base_name, result.name
            ));
            return Ok(());
        }
        let known = planned.known_prior.or(Some(result.prior)).filter(|prior| prior.estimated);
        self.start_run(planned.start, None, known)
    }
}
