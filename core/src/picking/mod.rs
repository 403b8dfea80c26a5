//! Particle positions on whole micrographs: finding them, and how good they are.
//!
//! - [`picker`]: the places of one micrograph, by a run's network
//! - [`standardise`]: a whole picture on the scale of the network's patches; [`peaks`]: where a map is highest
//! - [`store`]: the places of each micrograph on disk, so that thresholds are free
//! - [`score_counts`]: the scores of a micrograph in few numbers
//! - [`shift`]: how far the scores of a micrograph lie above or below those of the others
//! - [`worth`]: which micrograph a person should look at next
//! - [`calibration`]: how likely a place of some score is a particle, by what was judged
//! - [`census`]: the scores of all places together
//! - [`choose`]: the places that a threshold, an expected number or a precision lets through
//! - [`audit`]: precision and recall by places that a person judges at random
//! - [`evaluate`]: positions of any program against known centres

pub mod audit;
pub mod calibration;
pub mod census;
pub mod choose;
pub mod evaluate;
pub mod peaks;
pub mod picker;
pub mod score_counts;
pub mod shift;
pub mod standardise;
pub mod store;
pub mod worth;
