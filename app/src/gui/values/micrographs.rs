//! How micrographs are listed, read and looked at.

use vitrine_core::project::MicrographId;

/// What the list of micrographs is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MicrographSort {
    /// The order in which they became known.
    #[default]
    Import,
    /// Name.
    Name,
    /// Number of positives.
    Positives,
    /// Number of negatives.
    Negatives,
    /// Number of patches.
    Patches,
    /// Mean score of the patches under the run in use.
    Score,
    /// Threshold from which on a place is a pick.
    Threshold,
    /// How far the scores of its places lie above those of the others.
    Shift,
    /// Untouched ones before corrected ones.
    State,
}

impl MicrographSort {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 9] = [
        Self::Import,
        Self::Name,
        Self::Positives,
        Self::Negatives,
        Self::Patches,
        Self::Score,
        Self::Threshold,
        Self::Shift,
        Self::State,
    ];

    /// The words on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import order",
            Self::Name => "name",
            Self::Positives => "positives",
            Self::Negatives => "negatives",
            Self::Patches => "patches",
            Self::Score => "mean score",
            Self::Threshold => "threshold",
            Self::Shift => "score shift",
            Self::State => "state",
        }
    }

    /// Whether the largest are wanted first.
    pub const fn descends_first(self) -> bool {
        matches!(self, Self::Positives | Self::Negatives | Self::Patches | Self::Score | Self::Threshold)
    }
}

/// A micrograph as it is read for the screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PictureKey {
    /// The micrograph.
    pub micrograph: MicrographId,
    /// Shortest and longest period kept, px of the micrograph; `None` for all.
    pub band: Option<[f32; 2]>,
}

/// Where the view of a micrograph goes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Go {
    /// All of it is seen.
    #[default]
    Fit,
    /// One px of it is one px of the screen.
    Full,
    /// This place is in the middle, px of the micrograph, large enough to see a particle.
    To([f32; 2]),
}
