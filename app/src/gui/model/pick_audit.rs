//! The audit of picks: which place a person is asked about, and how many were judged.

use std::time::{Duration, Instant};

use vitrine_core::picking::audit::{AuditProgress, Judged};
use vitrine_core::picking::census::Expectation;
use vitrine_core::project::{EntryId, MicrographId};

use crate::gui::values::SurveyKey;

/// Nobody sees a place and answers in less time; a key that comes before was for the place before, or is held down.
const GLANCE: Duration = Duration::from_millis(150);

/// A place that a person is asked about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AskedPlace {
    /// Its micrograph.
    pub micrograph: MicrographId,
    /// Centre, px of the micrograph.
    pub xy: [f64; 2],
    /// Score that the run gave it, 0 to 1.
    pub score: f32,
}

/// What the state of an audit depends on: when it changes, what was judged is counted again.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditKey {
    /// The places.
    pub survey: SurveyKey,
    /// The labels.
    pub journal: EntryId,
    /// Serial number of the newest place on its way into the project.
    pub coming: Option<u64>,
    /// Score from which on a place is a pick.
    pub threshold: f32,
    /// Whether a person is being asked.
    pub running: bool,
}

/// The audit of the picks of a run.
#[derive(Debug, Default)]
pub struct PickAudit {
    /// Whether a person is being asked.
    pub running: bool,
    /// The place they are asked about.
    pub asked: Option<AskedPlace>,
    /// The micrograph of the place after that, to be read ahead.
    pub then: Option<MicrographId>,
    /// Since when the place has been there to be seen, with its picture.
    pub seen_since: Option<Instant>,
    /// How many were judged at the threshold of the panel.
    pub progress: AuditProgress,
    /// What was said, where it is enough to count.
    pub judged: Option<Judged>,
    /// What follows from it at the threshold of the panel.
    pub expected: Option<Expectation>,
    /// What all this was counted for.
    pub key: Option<AuditKey>,
}

impl PickAudit {
    /// Whether a person has had the place before their eyes.
    pub fn was_seen(&self) -> bool {
        self.seen_since.is_some_and(|since| since.elapsed() >= GLANCE)
    }

    /// The place that a person is asked about, if it lies on this micrograph.
    pub fn asked_on(&self, micrograph: MicrographId) -> Option<AskedPlace> {
        self.asked.filter(|asked| asked.micrograph == micrograph)
    }
}
