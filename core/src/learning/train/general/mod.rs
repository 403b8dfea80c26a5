//! The general model beside the network in training: its ranking, and its share of the weights that score.

mod moments;
pub(super) mod ranking;
pub(super) mod share;
