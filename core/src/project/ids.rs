//! Numbers of what a project holds.

use serde::{Deserialize, Serialize};

/// Number of a patch: its place in the pixel file, counted from 0 without gaps.
pub type PatchId = u32;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub i64);
    };
}
id!(
    /// Number of a source: one file that patches came from.
    SourceId
);
id!(
    /// Number of a micrograph.
    MicrographId
);
id!(
    /// Number of a split.
    SplitId
);
id!(
    /// Number of a run.
    RunId
);

/// Number of a journal entry, counted from 1 without gaps. As a journal position: everything up to
/// and including it; 0 is before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryId(pub i64);
