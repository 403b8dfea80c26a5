//! What a person looks at next, and what follows from what they saw: review queues, the precision an
//! audit has found, patches that look alike to a network.
//!
//! | file | what |
//! |---|---|
//! | `queue` | which patches a queue holds, in which order, from labels, scores and sides |
//! | `interval` | a share with its interval (Wilson) |
//! | `places` | where one stopped in the queues, kept in the project |
//! | `features` | the network's features of every patch, stored with the run |
//! | `similar` | nearest neighbours among them |

mod features;
mod interval;
mod places;
mod queue;
mod similar;

pub use features::{Features, features, features_path, load_features};
pub use interval::{Share, wilson};
pub use places::{QueuePlace, QueuePlaces};
pub use queue::{Audit, Queue, QueueKind, QueueStart, audit_result, build, queue};
pub use similar::nearest;
