//! What training measures: `step_metrics` holds a step's numbers on the device, `epoch_totals` adds them up,
//! [`epoch_metrics`] lists the measures of an epoch.

pub mod epoch_metrics;
pub(super) mod epoch_totals;
pub(super) mod step_metrics;
