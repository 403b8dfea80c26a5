//! Changes of masks since the project was opened, so that undo takes back what was done last: a label or a mask.
//! Labels have a journal on the disk; the place of a mask's change among them is its newest entry at that time.

use vitrine_core::imaging::Mask;
use vitrine_core::project::{EntryId, MicrographId};

/// A change of a mask.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskStep {
    /// The micrograph.
    pub micrograph: MicrographId,
    /// What was ruled out before.
    pub before: Mask,
    /// What is ruled out after it.
    pub after: Mask,
}

/// The changes that stand and those taken back, each with the newest entry of the journal when it was made or taken
/// back.
#[derive(Debug, Clone, Default)]
pub struct MaskSteps {
    done: Vec<(EntryId, MaskStep)>,
    undone: Vec<(EntryId, MaskStep)>,
}

impl MaskSteps {
    /// A mask was changed. Nothing is left to redo.
    pub fn add(&mut self, step: MaskStep, newest: EntryId) {
        self.undone.clear();
        self.done.push((newest, step));
    }

    /// The change that an undo takes back; `None` where the labelling `label` came after it, or there is none. `label` is
    /// the entry that an undo of labels would take back.
    pub fn to_undo(&self, label: Option<EntryId>) -> Option<&MaskStep> {
        let (newest, step) = self.done.last()?;
        label.is_none_or(|label| label <= *newest).then_some(step)
    }

    /// The change that a redo makes again; `None` where an undo of labels, `undone`, came after it, where something was
    /// labelled since, or where there is none. `label` and `undone` are the entries that an undo and a redo of labels would
    /// take back.
    pub fn to_redo(&self, label: Option<EntryId>, undone: Option<EntryId>) -> Option<&MaskStep> {
        let (newest, step) = self.undone.last()?;
        [label, undone].into_iter().flatten().all(|entry| entry <= *newest).then_some(step)
    }

    /// The change of [`Self::to_undo`] was taken back.
    pub fn took_back(&mut self, newest: EntryId) {
        self.undone.extend(self.done.pop().map(|(_, step)| (newest, step)));
    }

    /// The change of [`Self::to_redo`] was made again.
    pub fn made_again(&mut self, newest: EntryId) {
        self.done.extend(self.undone.pop().map(|(_, step)| (newest, step)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(micrograph: i64) -> MaskStep {
        let after = Mask { excluded: true, ..Mask::default() };
        MaskStep { micrograph: MicrographId(micrograph), before: Mask::default(), after }
    }

    #[test]
    fn steps_are_taken_back_and_made_again_in_their_order_among_labels() {
        // Label 1, mask, label 2.
        let mut steps = MaskSteps::default();
        steps.add(step(7), EntryId(1));
        assert_eq!(steps.to_undo(Some(EntryId(2))), None, "label 2 came later");
        // Entry 3 takes label 2 back.
        assert_eq!(steps.to_undo(Some(EntryId(1))), Some(&step(7)));
        steps.took_back(EntryId(3));
        assert_eq!(steps.to_undo(Some(EntryId(1))), None, "label 1 came before it");
        // Entry 4 takes label 1 back, entry 5 makes it again.
        assert_eq!(steps.to_redo(None, Some(EntryId(4))), None, "label 1 first");
        assert_eq!(steps.to_redo(Some(EntryId(1)), Some(EntryId(3))), Some(&step(7)));
        steps.made_again(EntryId(5));
        assert_eq!(steps.to_redo(Some(EntryId(1)), Some(EntryId(3))), None);
        assert_eq!(steps.to_undo(Some(EntryId(1))), Some(&step(7)));
    }

    #[test]
    fn a_new_step_leaves_nothing_to_redo() {
        let mut steps = MaskSteps::default();
        steps.add(step(1), EntryId(0));
        steps.took_back(EntryId(0));
        assert_eq!(steps.to_redo(Some(EntryId(1)), None), None, "something was labelled since");
        assert_eq!(steps.to_redo(None, None), Some(&step(1)));
        steps.add(step(2), EntryId(0));
        assert_eq!(steps.to_redo(None, None), None);
        steps.took_back(EntryId(0));
        assert_eq!(steps.to_undo(None), None);
    }
}
