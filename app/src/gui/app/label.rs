//! Setting labels, undo and redo.

use vitrine_core::Label;
use vitrine_core::project::PatchId;

use super::state::App;
use crate::gui::command::{Command, LabelCommand, SelectCommand};
use crate::gui::model::NoticeKind;
use crate::gui::undo::{self, LabelEdit};
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
                if self.step_mask(false)? {
                    return Ok(());
                }
                let edit = undo::undo(self.store()?)?;
                self.model.micrographs.mask_steps.took_back(edit.is_some());
                self.took_back(edit, "There is no labelling to undo. Imports are not undone.")
            }
            LabelCommand::Redo => {
                if self.step_mask(true)? {
                    return Ok(());
                }
                let edit = undo::redo(self.store()?)?;
                self.model.micrographs.mask_steps.made_again(edit.is_some());
                self.took_back(edit, "There is no labelling to redo.")
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
        let edit = undo::set(self.store()?, patches, label, run, source.stored())?;
        if let Some(edit) = &edit {
            self.model.micrographs.mask_steps.labelled();
            self.take_edit(edit)?;
        }
        Ok(edit.map_or(0, |edit| edit.changes.len() as u64))
    }

    fn took_back(&mut self, edit: Option<LabelEdit>, nothing: &str) -> anyhow::Result<()> {
        match edit {
            Some(edit) => {
                self.take_edit(&edit)?;
                // The selection is as it was before it was labelled.
                self.open()?.labelled = None;
                // Show what happened where it happened, if that is shown.
                if let [change] = edit.changes.as_slice() {
                    self.open()?.shown.go_to(change.patch);
                }
                self.model.notices.done(format!("{}.", edit.sentence()));
            }
            None => self.model.notices.warning(nothing),
        }
        Ok(())
    }

    fn take_edit(&mut self, edit: &LabelEdit) -> anyhow::Result<()> {
        self.open()?.take_changes(edit.entry, &edit.changes);
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
