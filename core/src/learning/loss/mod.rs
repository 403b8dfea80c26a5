//! The terms of the loss.

pub(crate) mod alignment;
pub mod consistency;
pub mod risk;
pub(crate) mod self_training;
