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

/// A panel beside the gallery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SidePanel {
    /// The review queues.
    Queues,
    /// The current patch.
    Patch,
}

impl SidePanel {
    /// All, in the order in which they are drawn.
    pub const ALL: [Self; 2] = [Self::Queues, Self::Patch];

    /// The key in the settings file; never changes.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Queues => "queues",
            Self::Patch => "patch",
        }
    }

    /// The heading on the screen.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Queues => "Review queues",
            Self::Patch => "Current patch",
        }
    }

    /// The edge at which it is before a person has moved it.
    pub const fn first_edge(self) -> Edge {
        match self {
            Self::Queues => Edge::Left,
            Self::Patch => Edge::Right,
        }
    }
}
