//! Setting labels, undo and redo.

use vitrine_core::Label;
use vitrine_core::project::PatchId;

use super::state::App;
use crate::gui::command::{Command, LabelCommand, SelectCommand};
use crate::gui::model::NoticeKind;
use crate::gui::undo::{self, Step};
use crate::gui::values::{LabelSource, Tab};
use crate::words;

impl App {
    pub(super) fn apply_label(&mut self, command: LabelCommand) -> anyhow::Result<()> {
        // Steps are taken back in the order in which they were made.
        if matches!(command, LabelCommand::Undo | LabelCommand::Redo) && self.model.micrographs.is_marking() {
            self.after_marking.push(command);
            return Ok(());
        }
        match command {
            LabelCommand::Set(label) => self.label_targets(label),
            LabelCommand::SetPatches { patches, label, source } => {
                self.label(patches, label, source).map(|_| ())
            }
            LabelCommand::Brush(label) => {
                // The gallery paints with it and asks for the labels when the key is let go.
                self.model.gallery.brush = Some(label);
                Ok(())
            }
            LabelCommand::EndBrush => {
                self.model.gallery.brush = None;
                Ok(())
            }
            LabelCommand::Undo => {
                let step = undo::undo(self.store()?)?;
                self.took_back(step, "There is nothing to undo. Imports are not undone.")
            }
            LabelCommand::Redo => {
                let step = undo::redo(self.store()?)?;
                self.took_back(step, "There is nothing to redo.")
            }
        }
    }

    /// Labels the selection, or the current patch and goes on.
    fn label_targets(&mut self, label: Label) -> anyhow::Result<()> {
        if self.model.tab == Tab::Micrographs
            && self.open()?.selection.is_empty()
            && self.answer_audit(label)?
        {
            return Ok(());
        }
        let open = self.open()?;
        if open.selection.is_empty() {
            let Some(patch) = open.shown.current() else { return Ok(()) };
            let queue = open.queue.as_ref();
            let source = queue.map_or(LabelSource::Current, |open| LabelSource::Queue(open.queue.kind));
            self.label(vec![patch], label, source)?;
            if self.model.settings.auto_advance {
                self.apply_select(SelectCommand::Step(1));
            }
            Ok(())
        } else {
            let patches: Vec<PatchId> = open.selection.iter().collect();
            let all = patches.len() as u64;
            let changed = self.label(patches, label, LabelSource::Selection)?;
            let open = self.open()?;
            open.labelled = Some(open.selection.revision());
            if all > 1 {
                let offer = (changed > 0).then(|| ("Undo".to_owned(), Command::Label(LabelCommand::Undo)));
                self.model.notices.push(NoticeKind::Done, selection_sentence(all, changed, label), offer);
            }
            Ok(())
        }
    }

    /// Sets labels; how many patches did not carry that label before.
    pub(super) fn label(
        &mut self,
        patches: Vec<PatchId>,
        label: Label,
        source: LabelSource,
    ) -> anyhow::Result<u64> {
        // Scores that sorted or chose what the person saw belong to the record.
        let open = self.open()?;
        let run = open.scores.as_ref().map(|scores| scores.run);
        let step = undo::set(self.store()?, patches, label, run, source.stored())?;
        let changed = step.as_ref().map_or(0, |step| step.changes.len() as u64);
        step.map_or(Ok(()), |step| self.take_step(step))?;
        Ok(changed)
    }

    fn took_back(&mut self, step: Option<Step>, nothing: &str) -> anyhow::Result<()> {
        let Some(step) = step else {
            self.model.notices.warning(nothing);
            return Ok(());
        };
        let open = self.open()?;
        let name = |id| {
            let known = open.micrographs.iter().find(|micrograph| micrograph.id == id);
            known.map_or_else(String::new, |micrograph| micrograph.name.clone())
        };
        let sentence = format!("{}.", step.sentence(name));
        if !step.changes.is_empty() {
            // The selection is as it was before it was labelled.
            open.labelled = None;
        }
        // Show what happened where it happened, if that is shown.
        if let [change] = step.changes.as_slice() {
            open.shown.go_to(change.patch);
        }
        self.take_step(step)?;
        self.model.notices.done(sentence);
        Ok(())
    }

    /// Takes up what a step has changed.
    pub(super) fn take_step(&mut self, step: Step) -> anyhow::Result<()> {
        let open = self.open()?;
        match step.mask {
            Some((micrograph, mask)) => {
                open.take_mask(micrograph, mask);
                // Places under the mask are no picks any more.
                self.model.picks.revision += 1;
            }
            None => open.take_changes(step.entry, &step.changes),
        }
        self.withdraw_undo();
        Ok(())
    }

    /// "Undo" in a notice means the step the notice is about, and that is no longer the last one.
    pub(super) fn withdraw_undo(&mut self) {
        let undoes = |offer: &Command| matches!(offer, Command::Label(LabelCommand::Undo));
        self.model.notices.withdraw(undoes);
    }
}

/// What labelling a selection has done; `changed` of `all` patches carried another label.
fn selection_sentence(all: u64, changed: u64, label: Label) -> String {
    let done = |count: String| match label {
        Label::Unlabeled => format!("Made {count} unlabeled"),
        label => format!("Labelled {count} {label}"),
    };
    match all.saturating_sub(changed) {
        0 => format!("{}.", done(words::patches(all))),
        _ if changed == 0 => format!("All {} were {label} already.", words::patches(all)),
        1 => format!("{}; 1 already was.", done(words::patches(changed))),
        rest => format!("{}; {} already were.", done(words::patches(changed)), words::count(rest)),
    }
}
