//! Learning from positives and unlabeled: configuration, networks, risks, consistency, the trainer
//! and the measures. Sees tensors and plain arrays, never a project or a database.
//!
//! A method is a composition: a [`risk`] + a [`consistency`] (+ [`self_training`], [`alignment`]) + a [`teacher`] +
//! a [`backbone`] + a [`schedule`], begun from first weights drawn at random or learnt by [`pretrain`]; [`trainer`] puts them together, [`run`] drives the epochs.

pub mod alignment;
pub mod augment;
pub mod backbone;
mod batch_views;
pub mod before_run;
pub mod checkpoint;
pub mod config;
pub mod config_check;
pub mod config_fields;
pub mod config_file;
pub mod consistency;
pub mod data;
pub mod device;
mod epoch_stats;
pub mod events;
pub mod folds;
mod kernels;
mod measured;
pub mod metrics;
mod mixup;
pub mod optimizer;
pub mod overlay_fit;
pub mod patch_store;
pub mod predict;
pub mod pretrain;
pub mod pretrained;
pub mod prior;
pub mod prior_binormal;
pub mod prior_fit;
pub mod probe;
pub mod risk;
pub mod run;
pub mod sampler;
pub mod schedule;
pub mod self_training;
pub mod teacher;
pub mod trainer;
mod validation;
pub mod weights;
pub mod within_epoch;
