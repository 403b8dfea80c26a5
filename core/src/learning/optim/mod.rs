//! The optimiser, the moving average of the weights, and the schedules.

pub mod adamw;
pub(crate) mod ema;
pub(crate) mod schedule;
