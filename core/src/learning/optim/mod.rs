//! The optimiser, the moving average of the weights, and the schedules.

pub mod adamw;
pub mod ema;
pub mod schedule;
