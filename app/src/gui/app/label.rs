//! Setting labels, and taking that back.

use vitrine_core::Label;
use vitrine_core::project::PatchId;
use vitrine_core::review::QueueKind;

use super::App;
use crate::gui::command::{LabelCommand, SelectCommand};
use crate::gui::undo::{self, LabelEdit};

impl App {
    pub(super) fn apply_label(&mut self, command: LabelCommand) -> anyhow::Result<()> {
        match command {
            LabelCommand::Set(label) => self.label_targets(label),
            LabelCommand::SetPatches { patches, label, reason } => self.label(patches, label, reason),
            LabelCommand::Brush(label) => {
                // The gallery paints with it and asks for the labels when the key is let go.
                self.states.gallery.brush = Some(label);
                Ok(())
            }
            LabelCommand::Undo => {
                let edit = undo::undo(self.store()?)?;
                self.took_back(edit, "There is no labelling to undo.")
            }
            LabelCommand::Redo => {
                let edit = undo::redo(self.store()?)?;
                self.took_back(edit, "There is no labelling to redo.")
            }
        }
    }

    /// Labels the selection, or the current patch and goes on.
    fn label_targets(&mut self, label: Label) -> anyhow::Result<()> {
        let open = self.open()?;
        if open.selection.is_empty() {
            let Some(patch) = open.shown.current() else { return Ok(()) };
            self.label(vec![patch], label, "window")?;
            if self.model.settings.auto_advance {
                self.apply_select(SelectCommand::Step(1));
            }
            Ok(())
        } else {
            let patches: Vec<PatchId> = open.selection.iter().collect();
            self.label(patches, label, "window: selection")
        }
    }

    fn label(&mut self, patches: Vec<PatchId>, label: Label, reason: &str) -> anyhow::Result<()> {
        // Scores that sorted or chose what the person saw belong to the record.
        let open = self.open()?;
        let run = open.scores.as_ref().map(|scores| scores.run);
        let queued = open.queue.as_ref().filter(|_| reason == "window");
        let reason = queued.map_or(reason, |queue| queue_reason(queue.queue.kind));
        let edit = undo::set(self.store()?, patches, label, run, reason)?;
        if let Some(edit) = &edit {
            self.take_edit(edit)?;
        }
        Ok(())
    }

    fn took_back(&mut self, edit: Option<LabelEdit>, nothing: &str) -> anyhow::Result<()> {
        match edit {
            Some(edit) => {
                self.take_edit(&edit)?;
                // Show what happened where it happened.
                if let [change] = edit.changes.as_slice() {
                    self.apply_select(SelectCommand::Patch(change.patch));
                }
                self.model.notices.done(format!("{}.", edit.sentence()));
            }
            None => self.model.notices.done(nothing),
        }
        Ok(())
    }

    fn take_edit(&mut self, edit: &LabelEdit) -> anyhow::Result<()> {
        self.open()?.take_changes(edit.entry, &edit.changes);
        Ok(())
    }
}

/// Why a label was set in a queue, for the journal.
const fn queue_reason(kind: QueueKind) -> &'static str {
    match kind {
        QueueKind::MostUncertain => "queue: most uncertain",
        QueueKind::LikelyParticles => "queue: likely particles",
        QueueKind::SuspiciousPositives => "queue: suspicious positives",
        QueueKind::Audit => "queue: audit",
    }
}
