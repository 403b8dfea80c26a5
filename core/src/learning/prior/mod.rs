//! The class prior π: its estimators, the classifiers whose scores they read, and what these say of the picks.

pub mod best_bin;
pub mod binormal;
pub mod cross_fit;
pub mod mean_image;
pub mod overlay_trial;
pub mod pick_test;
pub mod promise;
mod used;

pub use used::PriorUsed;
pub(crate) use used::limited;
