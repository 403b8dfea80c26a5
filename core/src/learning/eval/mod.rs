//! Evaluation: measures of a ranking, and scores in bins.

pub mod bins;
pub mod metrics;
mod share;

pub use share::{Share, wilson};
