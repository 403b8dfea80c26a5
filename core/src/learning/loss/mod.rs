//! The terms of the loss.

pub(crate) mod alignment;
pub mod consistency;
#[cfg(test)]
mod formula_tests;
pub mod risk;
pub(crate) mod self_training;
