//! The terms of the loss.

pub mod alignment;
pub mod consistency;
pub mod risk;
pub mod self_training;
