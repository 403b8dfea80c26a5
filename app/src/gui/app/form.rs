//! The Train form as its buttons, the palette and the review queues use it.

use vitrine_core::learning::config::yaml;

use super::App;
use crate::gui::command::TrainCommand;
use crate::gui::model::Tab;
use crate::gui::views::train::without_number;

impl App {
    /// Starts the run that stands in the form, and shows it.
    pub(super) fn start_shown(&mut self, baseline: bool) -> anyhow::Result<()> {
        self.model.tab = Tab::Train;
        let runs = self.model.project.as_ref().map_or(&[][..], |open| &open.runs);
        if let Some(problem) = self.states.train.refusal(runs) {
            anyhow::bail!("the Train form cannot be started: {}", problem.trim_end_matches('.'));
        }
        let start = self.states.train.start();
        let command = match self.states.train.from.clone() {
            Some(from) if baseline => anyhow::bail!(
                "the Train form begins with the weights of {from}, and a baseline of that would compare nothing; \
                 press \"Begin anew instead\" there, or train without the baseline"
            ),
            Some(run) => TrainCommand::StartFrom { run, start },
            None if baseline => TrainCommand::StartWithBaseline(start),
            None => TrainCommand::Start(start),
        };
        self.apply_train(command)?;
        self.states.train.from = None;
        self.states.train.name.clear();
        Ok(())
    }

    /// Puts the settings of a run into the form, to go on from it with the labels of now.
    pub(super) fn take_from(&mut self, name: &str) -> anyhow::Result<()> {
        let run = self.store()?.run(name)?;
        let config = yaml::parse(&run.config, name)?;
        self.states.train.take(&without_number(name), config);
        self.states.train.from = Some(run.name);
        self.model.tab = Tab::Train;
        Ok(())
    }
}
