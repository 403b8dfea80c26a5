//! Measurements on a network for the diagnosis.

pub mod probe;
