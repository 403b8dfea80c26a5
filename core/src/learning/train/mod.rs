//! A run, from preflight to its last epoch.

pub mod checkpoint;
pub mod epoch_metrics;
mod epoch_totals;
pub mod events;
pub mod mid_epoch;
pub mod preflight;
pub mod run;
pub(crate) mod step_metrics;
pub mod trainer;
mod validation;
