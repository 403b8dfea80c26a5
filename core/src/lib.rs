//! Everything of Vitrine that needs no window.
//!
//! Image files become a project, a project becomes a training run, a run gives every patch a
//! score, scores guide the person's next labels, and labels leave as an export.

pub mod error;
pub mod formats;
pub mod image;
pub mod label;

pub use error::{Error, Result};
pub use image::Image;
pub use label::{Label, LabelCounts};
