//! Changes of drafts, starting the run of the Train form, and the queue of runs behind it.

use vitrine_core::LabelCounts;
use vitrine_core::learning::config::yaml;
use vitrine_core::project::without_number;

use super::state::App;
use crate::gui::command::{Command, DraftCommand, TrainCommand};
use crate::gui::drafts::KeptRun;
use crate::gui::model::{LiveRun, NoticeKind, QueuedRun, RunQueue};
use crate::gui::values::{Tab, TrainStart};

impl App {
    pub(super) fn apply_draft(&mut self, command: DraftCommand) {
        let drafts = &mut self.model.drafts;
        match command {
            DraftCommand::Train(draft) => drafts.train = *draft,
            DraftCommand::Export(draft) => drafts.export = *draft,
            DraftCommand::Diagnosis(draft) => drafts.diagnosis = draft,
            DraftCommand::Pick(draft) => drafts.pick = draft,
            DraftCommand::Run(draft) => drafts.run = draft,
            DraftCommand::Submit(draft) => drafts.submit = draft,
            DraftCommand::Sample(folder) => drafts.sample = folder,
            DraftCommand::Import(draft) => {
                if let Some(import) = &mut self.model.import {
                    import.draft = *draft;
                }
            }
        }
    }

    /// The run that stands in the form, and the run whose weights it begins with. The form is shown.
    pub(super) fn shown_run(&mut self) -> anyhow::Result<(TrainStart, Option<String>)> {
        self.model.tab = Tab::Train;
        let (runs, counts) = match &self.model.project {
            Some(open) => (open.runs.as_slice(), open.counts),
            None => (&[][..], LabelCounts::default()),
        };
        let draft = &self.model.drafts.train;
        if let Some(problem) = draft.refusal(runs, &counts) {
            anyhow::bail!("the run of the Train form cannot start: {}", problem.trim_end_matches('.'));
        }
        Ok((*draft.start(), draft.from.clone()))
    }

    /// Starts the run that stands in the form, and shows it.
    pub(super) fn start_shown(&mut self, baseline: bool) -> anyhow::Result<()> {
        let (start, from) = self.shown_run()?;
        match &from {
            Some(from) if baseline => anyhow::bail!(
                "the Train form starts from the weights of {from}, where a baseline compares nothing; \
                 press \"Train from scratch instead\" there, or train without the baseline"
            ),
            None if baseline && start.config.is_baseline() => anyhow::bail!(
                "the Train form holds a supervised baseline itself; train it alone, or choose another preset"
            ),
            _ => {}
        }
        self.start_or_queue(start, from, baseline)?;
        self.model.drafts.train.from = None;
        self.model.drafts.train.name.clear();
        Ok(())
    }

    /// Starts a run, or adds it to the queue while one trains. Returns whether it has started.
    fn start_or_queue(
        &mut self,
        start: TrainStart,
        from: Option<String>,
        baseline: bool,
    ) -> anyhow::Result<bool> {
        if self.model.live.as_ref().is_some_and(LiveRun::is_running) {
            if !self.store()?.is_writable() {
                anyhow::bail!("the project is read-only, so no run can be stored in it");
            }
            self.model.analysis.queue.add(start, from, baseline)?;
            return Ok(false);
        }
        if baseline {
            self.start_with_baseline(start)?;
        } else {
            self.start_run(start, from, None)?;
        }
        Ok(true)
    }

    /// Trains a new run on from this one with the labels of now. The person stays where they are.
    pub(super) fn retrain(&mut self, name: &str) -> anyhow::Result<()> {
        let run = self.store()?.run(name)?;
        let config = yaml::parse(&run.config, name)?;
        let device = self.model.drafts.train.device;
        let start = TrainStart { name: None, base_name: without_number(name), config, device };
        let text = if self.start_or_queue(start, Some(run.name), false)? {
            let new = self.model.live.as_ref().map_or("a new run", |live| live.name.as_str());
            format!(
                "{new} begins with the weights of {name} and learns from the current labels. You can go \
                     on labelling meanwhile."
            )
        } else {
            format!("A run that begins with the weights of {name} waits in the queue.")
        };
        self.model.notices.done(text);
        Ok(())
    }

    /// Offers the runs that waited when the project was closed.
    pub(super) fn restore_queue(&mut self, kept: &[KeptRun]) {
        if kept.is_empty() {
            return;
        }
        self.model.analysis.queue = RunQueue::restored(kept);
        let names: Vec<&str> = self.model.analysis.queue.runs().iter().map(QueuedRun::name).collect();
        let text = match names.len() {
            0 => return,
            1 => format!("A run waited in the queue when the project was closed: {}.", names.join(", ")),
            many => {
                format!("{many} runs waited in the queue when the project was closed: {}.", names.join(", "))
            }
        };
        let go_on = ("Start the queue".to_owned(), Command::Train(TrainCommand::GoOnQueue));
        self.model.notices.push(NoticeKind::Done, text, Some(go_on));
    }

    /// Starts the run that has waited longest, once nothing trains. One that cannot be started is said, and the next
    /// one takes its turn.
    pub(super) fn watch_queue(&mut self) {
        let queue = &self.model.analysis.queue;
        let waits = !queue.is_empty() && !queue.is_held() && !self.model.closing;
        let free = !self.model.live.as_ref().is_some_and(LiveRun::is_running);
        // An import into the project, or reading it, goes first.
        if !waits || !free || self.refuse_while_opening().is_err() {
            return;
        }
        let Some(next) = self.model.analysis.queue.take_next() else { return };
        let name = next.name().to_owned();
        let started = if next.baseline {
            self.start_with_baseline(next.start)
        } else {
            self.start_run(next.start, next.from, None)
        };
        match started {
            Ok(()) => {
                let name = self.model.live.as_ref().map_or(name, |live| live.name.clone());
                self.model.notices.done(format!("The run {name} of the queue has started."));
            }
            Err(error) => self.notify_error(&format!("Starting {name} of the queue"), &error),
        }
        self.ctx.request_repaint();
    }

    /// Puts the settings of a run into the form; `go_on` to train on from its weights with the labels of now.
    pub(super) fn take_settings(&mut self, name: &str, go_on: bool) -> anyhow::Result<()> {
        let run = self.store()?.run(name)?;
        let config = yaml::parse(&run.config, name)?;
        let draft = &mut self.model.drafts.train;
        draft.take(&without_number(name), config);
        draft.from = go_on.then_some(run.name);
        self.model.tab = Tab::Train;
        Ok(())
    }
}
