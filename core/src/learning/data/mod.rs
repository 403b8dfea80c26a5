//! The data of a run: patches with their labels, the batches of an epoch and the views of a batch.

pub(crate) mod augment;
pub(crate) mod batch_views;
pub(crate) mod mixup;
pub mod patch_store;
pub(crate) mod sampler;
mod training_data;

pub use training_data::TrainingData;
