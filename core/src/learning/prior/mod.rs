//! The class prior π: its estimators, and the quick classifiers whose scores they read.

pub mod best_bin;
pub mod binormal;
pub mod cross_fit;
pub mod mean_image;
pub mod overlay_trial;
pub mod promise;
mod used;

pub use used::PriorUsed;
pub(crate) use used::limited;
