//! Where the person is in the review queues, as the project holds it.

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
