//! The draft of the panel that picks with a run.

use serde::{Deserialize, Serialize};
use vitrine_core::project::MicrographId;

/// Picking with a run.
#[derive(Debug, Clone, PartialEq)]
pub struct PickDraft {
    /// The run; `None` takes the newest that can pick.
    pub run: Option<String>,
    /// A place with this score or more is a pick.
    pub threshold: f32,
    /// The threshold of one micrograph, while a hand moves it.
    pub moved: Option<(MicrographId, f32)>,
    /// Smallest distance of two picks, px of the micrograph; `None` for a third of the box.
    pub distance: Option<f32>,
}

/// What of it the settings keep, so that it is there when the project is opened again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptPicks {
    /// As [`PickDraft::run`].
    pub run: Option<String>,
    /// As [`PickDraft::threshold`].
    pub threshold: f32,
    /// As [`PickDraft::distance`].
    pub distance: Option<f32>,
}

impl PickDraft {
    /// What is kept when the project is closed; nothing of a panel that nobody has touched.
    pub fn kept(&self) -> Option<KeptPicks> {
        let Self { run, threshold, distance, .. } = self.clone();
        (Self { moved: None, ..self.clone() } != Self::default()).then_some(KeptPicks {
            run,
            threshold,
            distance,
        })
    }

    /// Takes up what was kept, as far as it means something.
    pub fn restore(&mut self, kept: &KeptPicks) {
        self.run.clone_from(&kept.run);
        if (0.0..=1.0).contains(&kept.threshold) {
            self.threshold = kept.threshold;
        }
        self.distance = kept.distance.filter(|distance| distance.is_finite() && *distance >= 0.0);
    }
}

impl Default for PickDraft {
    fn default() -> Self {
        Self { run: None, threshold: 0.5, moved: None, distance: None }
    }
}
