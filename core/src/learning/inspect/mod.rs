//! What the diagnosis measures inside a network while it makes its first steps.

pub mod gradient_check;
pub mod layers;
pub mod range_test;
mod setup;

pub use setup::ProbeSetup;
