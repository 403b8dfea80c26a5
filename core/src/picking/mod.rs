//! Particle positions on whole micrographs: how good they are.
//!
//! - [`evaluate`]: positions of any program against known centres

pub mod evaluate;
