//! Self-supervised pretraining: the network learns from patches without their labels, before the run trains.
//!
//! `pretext` defines what a pretraining method is; `simsiam` and `masked` are the methods. `training` trains one with
//! AdamW, as a run does, on the training side only: validation and test patches stay unseen. The heads that a method
//! needs are thrown away afterwards. `general` asks the model that ships with the program; `initial` finds or makes the weights that a run begins with; [`weights_file`] is
//! these weights on disk.

mod general;
mod initial;
mod masked;
mod pretext;
mod simsiam;
mod training;
pub mod weights_file;

pub(crate) use general::GeneralStart;
pub(crate) use initial::{initial_features, load_features, load_named_weights};
