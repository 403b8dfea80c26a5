//! A run, from the check of its data to its last epoch.
//!
//! Read the files in this order to follow a run:
//!
//! 1. [`run`] is the whole run: it calls everything below.
//! 2. `check_data` refuses data from which the method cannot learn.
//! 3. [`preflight`] tests the picks, estimates the class prior and chooses the overlay factor. (Pretraining comes before it and has a
//!    folder of its own, [`crate::learning::pretrain`].)
//! 4. [`trainer`] trains an epoch, batch by batch, with student and teacher in `networks`. `batch_loss` makes the
//!    loss of a batch; `self_training` decides when pseudo-labels replace the risk, by `general` where the general
//!    model is asked; `validation` measures the validation side after the epoch; `scoring_weights` settles the weights
//!    that score after the last one; `second_course` trains once more from fresh weights where picks are a random
//!    sample.
//! 5. [`metrics`] is what is measured: by a step, over an epoch.
//! 6. [`checkpoint`] is the run on disk, [`mid_epoch`] its state in the middle of an epoch; `trainer_state` takes the
//!    trainer's state and puts it back.
//! 7. [`events`] are the orders to the training thread and its reports; they pass through `channel`.

mod batch_loss;
mod channel;
pub(crate) mod check_data;
pub mod checkpoint;
pub mod events;
mod general;
pub mod metrics;
pub mod mid_epoch;
mod networks;
pub mod preflight;
pub mod run;
mod scoring_weights;
mod second_course;
mod self_training;
pub mod trainer;
mod trainer_state;
mod validation;
