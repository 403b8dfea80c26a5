//! Learning from positive and unlabeled patches. Sees tensors and plain arrays, never a project or a database.
//!
//! | folder | what is in it |
//! |---|---|
//! | [`config`] | the fields of a run, their ranges, YAML, presets |
//! | [`data`] | patches in memory, batches, views |
//! | [`network`] | the networks, their weights by name, and the CPU kernels |
//! | [`loss`] | risks, consistency, alignment, self-training |
//! | [`optim`] | AdamW, the teacher's moving average, schedules |
//! | [`prior`] | estimates of the class prior π, and the trial of the overlay |
//! | [`pretrain`] | self-supervised pretraining |
//! | [`train`] | a run from preflight to its last epoch, its events and checkpoints |
//! | [`infer`] | scores of patches from a trained network |
//! | [`eval`] | measures of a ranking |
//! | [`general_model`] | the network that ships with the program and ranks without labels |
//! | `inspect` | what the diagnosis measures inside a network: layers, units, gradients |
//!
//! A method is a composition: a risk, a consistency term, optionally self-training and alignment, a teacher, a
//! network and a schedule. [`train::trainer`] puts them together; [`train::run`] drives the epochs. Random numbers
//! come from `random`.

pub mod config;
pub mod data;
pub mod eval;
pub mod general_model;
pub mod infer;
pub(crate) mod inspect;
pub mod loss;
pub mod network;
pub mod optim;
pub mod pretrain;
pub mod prior;
pub(crate) mod random;
mod readback;
pub mod train;
