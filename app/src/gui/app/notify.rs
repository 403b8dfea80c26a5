//! Errors as notices, and as failures that views show.

use super::outcome::Answer;
use super::state::App;
use crate::gui::command::Command;
use crate::gui::model::NoticeKind;
use crate::gui::remedy;
use crate::gui::values::Failure;
use crate::words;

/// Why something could not be read; `what` names it where the person has cancelled it ("reading the files").
pub(super) fn failure(error: &anyhow::Error, what: &str) -> Failure {
    let cancelled = matches!(error.downcast_ref(), Some(vitrine_core::Error::Cancelled));
    let why = if cancelled { format!("{what} was cancelled") } else { remedy::sentence(error) };
    Failure { why, cancelled }
}

impl App {
    /// Shows an error as a notice, behind what was tried ("Opening apo").
    pub(super) fn notify_error(&mut self, tried: &str, error: &anyhow::Error) {
        self.notify_trouble(tried, &remedy::sentence(error), remedy::way_on(error));
    }

    /// An answer for the model. An error is shown in a notice as well, behind what was tried; not where the person
    /// has cancelled `what`.
    pub(super) fn notify_unless_cancelled<T>(
        &mut self,
        tried: &str,
        what: &str,
        answer: Answer<T>,
    ) -> Result<T, Failure> {
        answer.map_err(|error| {
            let why = failure(&error, what);
            if !why.cancelled {
                self.notify_error(tried, &error);
            }
            why
        })
    }

    /// Shows a sentence of trouble as a notice, with the way out.
    pub(super) fn notify_trouble(&mut self, tried: &str, sentence: &str, action: Option<(String, Command)>) {
        let text =
            if tried.is_empty() { words::capitalised(sentence) } else { format!("{tried}: {sentence}") };
        let text = if text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") };
        self.model.notices.push(NoticeKind::Error, text, action);
    }
}
