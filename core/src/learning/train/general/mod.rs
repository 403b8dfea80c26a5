//! The general model beside the network in training: its ranking, and its share in the weights that score.

pub(super) mod ranking;
pub(super) mod share;
