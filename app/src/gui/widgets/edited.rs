//! Editing a draft.

use crate::gui::command::Command;

/// Lets `contents` edit a copy of `draft`. What was changed goes to the model by the command of `change`, before
/// the commands given in the same frame: these are for the draft as it is now.
pub fn edited<D: Clone + PartialEq>(
    draft: &D,
    out: &mut Vec<Command>,
    change: impl FnOnce(D) -> Command,
    contents: impl FnOnce(&mut D, &mut Vec<Command>),
) {
    let (mut copy, before) = (draft.clone(), out.len());
    contents(&mut copy, out);
    if copy != *draft {
        out.insert(before, change(copy));
    }
}
