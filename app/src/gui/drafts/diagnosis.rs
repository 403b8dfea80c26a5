//! The draft of the Diagnosis form.

use vitrine_core::diagnosis::Depth;

/// The draft of the Diagnosis form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DiagnosisDraft {
    /// The run; `None` takes the configuration in the Train form.
    pub run: Option<String>,
    /// How thorough the diagnosis is.
    pub depth: Depth,
}
