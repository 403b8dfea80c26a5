//! The person's places in the review queues, as last written into the project.

use std::time::Instant;

use vitrine_core::review::QueuePlaces;

/// Places in queues as the project holds them.
#[derive(Default)]
pub struct PlacesKept {
    /// What was written last.
    pub written: QueuePlaces,
    /// Since when the model holds something else.
    pub changed: Option<Instant>,
}
