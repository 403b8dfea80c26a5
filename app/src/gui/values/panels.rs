//! The panels beside the gallery, and the edges they can be at.

use serde::{Deserialize, Serialize};

/// An edge of the gallery at which a panel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Edge {
    /// At the left.
    Left,
    /// At the right.
    Right,
    /// At the bottom.
    Bottom,
}

impl Edge {
    /// All, in the order in which they are offered and drawn.
    pub const ALL: [Self; 3] = [Self::Left, Self::Right, Self::Bottom];

    /// The word on screen, after "To the".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Bottom => "bottom",
        }
    }

    /// Left for right, and the other way round.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
            Self::Bottom => Self::Bottom,
        }
    }
}

/// The panels beside the gallery: name in the settings, words on screen, where it is at first.
pub const PANELS: [(&str, &str, Edge); 2] =
    [("queues", "Review queues", Edge::Left), ("patch", "Current patch", Edge::Right)];
