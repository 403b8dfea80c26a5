//! Commands that compare runs.

/// Put runs side by side.
#[derive(Debug, Clone)]
pub enum CompareCommand {
    /// Measure these runs with the labels of now.
    Read(Vec<String>),
    /// The patches on which two of the runs measured disagree most.
    Disagree([String; 2]),
}
