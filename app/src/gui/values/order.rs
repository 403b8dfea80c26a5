//! How the gallery is sorted and filtered.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vitrine_core::Label;
use vitrine_core::project::{EntryId, MicrographId, PatchId, Side, SourceId};

/// What patches are sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortKey {
    /// The order of the files.
    #[default]
    Import,
    /// The score of the current run.
    Score,
    /// How near the score is to 0.5.
    Uncertainty,
    /// How far the score is from the label; unlabeled patches come last.
    Disagreement,
    /// By micrograph, then by import.
    Micrograph,
    /// When the label was changed last.
    LabelTime,
    /// Shuffled by [`Order::seed`].
    Random,
}

impl SortKey {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 7] = [
        Self::Import,
        Self::Score,
        Self::Uncertainty,
        Self::Disagreement,
        Self::Micrograph,
        Self::LabelTime,
        Self::Random,
    ];

    /// The words on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import order",
            Self::Score => "score",
            Self::Uncertainty => "uncertainty",
            Self::Disagreement => "disagreement of model and label",
            Self::Micrograph => "micrograph",
            Self::LabelTime => "time of labelling",
            Self::Random => "random",
        }
    }

    /// Whether the largest are wanted first: scores and times from the top down.
    pub const fn descends_first(self) -> bool {
        !matches!(self, Self::Import | Self::Micrograph | Self::Random)
    }

    /// Whether it cannot be used without a run's scores.
    pub const fn needs_score(self) -> bool {
        matches!(self, Self::Score | Self::Uncertainty | Self::Disagreement)
    }
}

/// Which patches are shown; the default shows all.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Only these labels; empty means all three.
    pub labels: Vec<Label>,
    /// Only this side of the current split.
    pub side: Option<Side>,
    /// Only this micrograph.
    pub micrograph: Option<MicrographId>,
    /// Only this source.
    pub source: Option<SourceId>,
    /// Only scores from the first to the second, both included.
    pub score: Option<(f32, f32)>,
    /// Only patches whose label is another than it was at this journal position.
    pub changed_since: Option<EntryId>,
    /// Only these, ascending: what was selected when the person asked to see it. Not remembered.
    #[serde(skip)]
    pub only: Option<Arc<Vec<PatchId>>>,
}

impl Filter {
    /// Whether all patches pass.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// What the person asked to see.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Order {
    /// Sorted by.
    pub key: SortKey,
    /// Largest first.
    pub descending: bool,
    /// Of [`SortKey::Random`].
    pub seed: u32,
    /// Which patches are shown.
    pub filter: Filter,
}

impl Order {
    /// Whether a changed label can change what is shown or where.
    pub fn depends_on_labels(&self) -> bool {
        !self.filter.labels.is_empty()
            || self.filter.changed_since.is_some()
            || matches!(self.key, SortKey::Disagreement | SortKey::LabelTime)
    }
}
