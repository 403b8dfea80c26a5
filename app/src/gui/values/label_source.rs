//! How labels were set in the window, as the journal records it.

use vitrine_core::review::QueueKind;

/// How labels were set in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelSource {
    /// By key or button, on the current patch.
    Current,
    /// On the patches that were selected.
    Selection,
    /// By painting over patches in the gallery.
    Brush,
    /// On the current patch while a review queue was open.
    Queue(QueueKind),
    /// On a particle of a micrograph that a person rejected.
    MicrographReject,
    /// By painting over particles on a micrograph.
    MicrographBrush,
    /// On what a run has picked on a micrograph.
    MicrographPicks,
}

impl LabelSource {
    /// The reason that the journal stores; never changes.
    pub const fn stored(self) -> &'static str {
        match self {
            Self::Current => "window",
            Self::Selection => "window: selection",
            Self::Brush => "window: painted over",
            Self::MicrographReject => "micrograph: rejected",
            Self::MicrographBrush => "micrograph: painted over",
            Self::MicrographPicks => "micrograph: picks of a run",
            Self::Queue(QueueKind::MostUncertain) => "queue: most uncertain",
            Self::Queue(QueueKind::LikelyParticles) => "queue: likely particles",
            Self::Queue(QueueKind::SuspiciousPositives) => "queue: suspicious positives",
            Self::Queue(QueueKind::Audit) => "queue: audit",
            Self::Queue(QueueKind::RandomSample) => "queue: random sample",
        }
    }
}
