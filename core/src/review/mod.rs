//! What a person looks at next: review queues, the precision that an audit estimates, patches that look alike to
//! a network.
//!
//! | file | what |
//! |---|---|
//! | `queue` | which patches a queue holds, in which order, from labels, scores and sides |
//! | `checked` | what a random sample of the unlabeled says of π |
//! | `places` | where a person stopped in each queue, kept in the project |
//! | `features` | the network's features of every patch, stored with the run |
//! | `similar` | nearest neighbours among them |

mod checked;
mod features;
mod places;
mod queue;
mod similar;

pub use checked::{ENOUGH_JUDGED, checked, judged_sample};
pub use features::{NetworkFeatures, features, features_path, load_features};
pub use places::{QueuePlace, QueuePlaces};
pub use queue::{Audit, Queue, QueueKind, QueueStart, audit_result, build, queue};
pub use similar::nearest;
