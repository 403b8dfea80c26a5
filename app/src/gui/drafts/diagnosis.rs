//! What is to be examined.

use vitrine_core::diagnosis::Depth;

/// What is to be examined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DiagnosisDraft {
    /// The run; `None` takes the configuration in the Train form.
    pub run: Option<String>,
    /// How much is done.
    pub depth: Depth,
}
