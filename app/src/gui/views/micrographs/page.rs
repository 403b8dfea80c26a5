//! What the parts of the view read: the micrograph that is shown.

use vitrine_core::project::MicrographId;

use crate::gui::model::{Model, OpenProject};

/// The micrograph that is shown, with all that is known of it.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    /// The model.
    pub model: &'a Model,
    /// The open project.
    pub open: &'a OpenProject,
    /// Which micrograph.
    pub micrograph: MicrographId,
}
