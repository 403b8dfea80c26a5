//! Changes of drafts, and starting the run of the Train form.

use vitrine_core::learning::config::yaml;

use super::state::App;
use crate::gui::command::DraftCommand;
use crate::gui::drafts::without_number;
use crate::gui::values::Tab;

impl App {
    pub(super) fn apply_draft(&mut self, command: DraftCommand) {
        let drafts = &mut self.model.drafts;
        match command {
            DraftCommand::Train(draft) => drafts.train = *draft,
            DraftCommand::Export(draft) => drafts.export = *draft,
            DraftCommand::Diagnosis(draft) => drafts.diagnosis = draft,
            DraftCommand::Run(draft) => drafts.run = draft,
            DraftCommand::Sample(folder) => drafts.sample = folder,
            DraftCommand::Import(draft) => {
                if let Some(import) = &mut self.model.import {
                    import.draft = *draft;
                }
            }
        }
    }

    /// Starts the run that stands in the form, and shows it.
    pub(super) fn start_shown(&mut self, baseline: bool) -> anyhow::Result<()> {
        self.model.tab = Tab::Train;
        let runs = self.model.project.as_ref().map_or(&[][..], |open| &open.runs);
        let draft = &self.model.drafts.train;
        if let Some(problem) = draft.refusal(runs) {
            anyhow::bail!("the Train form cannot be started: {}", problem.trim_end_matches('.'));
        }
        let start = draft.start();
        match draft.from.clone() {
            Some(from) if baseline => anyhow::bail!(
                "the Train form starts from the weights of {from}, where a baseline compares nothing; \
                 press \"Train from scratch instead\" there, or train without the baseline"
            ),
            None if baseline => self.start_with_baseline(*start)?,
            from => self.start_run(*start, from, None)?,
        }
        self.model.drafts.train.from = None;
        self.model.drafts.train.name.clear();
        Ok(())
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
