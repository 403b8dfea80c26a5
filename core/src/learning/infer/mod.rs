//! Scores of patches from a trained network.

pub mod contrast;
pub mod predict;
pub mod scorer;
pub mod slide;
