//! The order of labels and masks since the project was opened, so that undo takes back what was done last. Labels are in
//! the journal on the disk and are only counted here; changes of masks are kept here.

use vitrine_core::imaging::Mask;
use vitrine_core::project::MicrographId;

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

#[derive(Debug, Clone, PartialEq)]
enum Step {
    /// Of labels; the journal has it.
    Label,
    Mask(MaskStep),
}

/// What an undo or a redo has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Ask the journal of labels.
    Labels,
    /// Change a mask.
    Mask(MaskStep),
    /// Nothing: what the journal could make again came before a mask that was changed since.
    Nothing,
}

/// The steps that stand and those taken back, oldest first.
#[derive(Debug, Clone, Default)]
pub struct MaskSteps {
    done: Vec<Step>,
    undone: Vec<Step>,
    /// Whether a mask was changed after all that the journal could make again.
    is_new: bool,
}

impl MaskSteps {
    /// A mask was changed. Nothing is left to redo.
    pub fn add(&mut self, step: MaskStep) {
        self.undone.clear();
        self.is_new = true;
        self.done.push(Step::Mask(step));
    }

    /// Something was labelled. Nothing is left to redo.
    pub fn labelled(&mut self) {
        self.undone.clear();
        self.is_new = false;
        self.done.push(Step::Label);
    }

    /// The last labelling failed.
    pub fn label_failed(&mut self) {
        if let Some(at) = self.done.iter().rposition(|step| *step == Step::Label) {
            self.done.remove(at);
        }
    }

    /// What an undo takes back.
    pub fn to_undo(&self) -> Next {
        match self.done.last() {
            Some(Step::Mask(step)) => Next::Mask(step.clone()),
            Some(Step::Label) | None => Next::Labels,
        }
    }

    /// What a redo makes again.
    pub fn to_redo(&self) -> Next {
        match self.undone.last() {
            Some(Step::Mask(step)) => Next::Mask(step.clone()),
            None if self.is_new => Next::Nothing,
            Some(Step::Label) | None => Next::Labels,
        }
    }

    /// What [`Self::to_undo`] said was taken back; `found` is false where the journal had nothing.
    pub fn took_back(&mut self, found: bool) {
        let step = self.done.pop().unwrap_or(Step::Label);
        if found {
            self.undone.push(step);
        }
    }

    /// What [`Self::to_redo`] said was made again; `found` is false where the journal had nothing.
    pub fn made_again(&mut self, found: bool) {
        let step = self.undone.pop().unwrap_or(Step::Label);
        if found {
            self.done.push(step);
        }
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
        let mask = || Next::Mask(step(7));
        let mut steps = MaskSteps::default();
        steps.labelled();
        steps.add(step(7));
        steps.labelled();
        // Twice: the order must outlive a redo.
        for _ in 0..2 {
            for next in [Next::Labels, mask(), Next::Labels] {
                assert_eq!(steps.to_undo(), next);
                steps.took_back(true);
            }
            for next in [Next::Labels, mask(), Next::Labels] {
                assert_eq!(steps.to_redo(), next);
                steps.made_again(true);
            }
        }
        // Steps of earlier days are the journal's.
        (0..3).for_each(|_| steps.took_back(true));
        assert_eq!(steps.to_undo(), Next::Labels);
        steps.took_back(false);
        assert_eq!(steps.to_redo(), Next::Labels);
    }

    #[test]
    fn a_new_step_leaves_nothing_to_redo() {
        let mut steps = MaskSteps::default();
        assert_eq!(steps.to_redo(), Next::Labels, "of an earlier day");
        steps.labelled();
        steps.took_back(true);
        steps.add(step(1));
        assert_eq!(steps.to_redo(), Next::Nothing, "the label was taken back before the mask was drawn");
        steps.took_back(true);
        assert_eq!(steps.to_redo(), Next::Mask(step(1)));
        steps.labelled();
        assert_eq!(steps.to_redo(), Next::Labels, "the journal says that there is nothing");
        steps.label_failed();
        assert!(steps.done.is_empty());
    }
}
